//! Fetching a scope: the fewest calls, in five dependent rounds.
//!
//! 1. load balancers, target groups, certificates by name, VPCs: account-wide lists
//! 2. listeners; attributes of load balancers and groups; targets; subnets
//! 3. rules; attributes and certificates of listeners; network interfaces
//! 4. tags of everything in batches; certificates; security groups
//! 5. network ACLs and route tables around them, by subnets and VPCs; prefix lists that rules name
//!
//! A read that fails leaves a gap; one that fails for a reason that concerns all ends the fetch.

mod around;
mod groups;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::{each, soft};
use super::error::refused;
use super::network::{Owners, Wanted};
use super::owned::Owned;
use super::session::Session;
use super::{certificate, listener, load_balancer, rule, security_group, target_group};
use crate::cloud::{CloudError, CloudErrorKind, Facts, Gap, GroupRule, Hidden, NeededFor, Scope, Snapshot};
use crate::model::kind::Certificate;
use crate::model::value::Protocol;
use crate::model::{Id, Kind, Link, Selectable, Spec};

/// What has been read so far.
struct View<'a> {
    session: &'a Arc<Session>,
    scope: &'a Scope,
    snapshot: Snapshot,
    load_balancers: Vec<Id>,
    target_groups: Vec<Id>,
    listeners: Vec<Id>,
    /// Certificates that the scope asks for.
    certificates: BTreeSet<Id>,
    /// What bears the stack's tag.
    owned: Owned,
    /// Rules of security groups that do, each with its group; `None` if they could not be read.
    own_rules: Option<Vec<(Id, GroupRule)>>,
}

/// Many results of one kind of read.
type Results<T> = Vec<(Id, Result<T, CloudError>)>;

/// Reads all that the scope names.
pub(super) async fn fetch(session: &Arc<Session>, scope: &Scope) -> Result<Snapshot, CloudError> {
    let mut view = View {
        session,
        scope,
        snapshot: Snapshot::default(),
        load_balancers: Vec::new(),
        target_groups: Vec::new(),
        listeners: Vec::new(),
        certificates: scope.certificates.clone(),
        owned: Owned::default(),
        own_rules: None,
    };
    view.owned().await?;
    view.lists().await?;
    view.children().await?;
    view.grandchildren().await?;
    view.rest().await?;
    if scope.network {
        view.around().await?;
    }
    view.snapshot.gaps.sort_by(|a, b| (a.needed_for, &a.hidden).cmp(&(b.needed_for, &b.hidden)));
    Ok(view.snapshot)
}

/// Runs a read if it is wanted.
async fn wanted<T: Default>(
    is_wanted: bool,
    read: impl Future<Output = Result<T, CloudError>>,
) -> Result<Result<T, CloudError>, CloudError> {
    if is_wanted { soft(read.await) } else { Ok(Ok(T::default())) }
}

/// One kind of read for many resources at once.
async fn of_each<T, F, Fut>(session: &Arc<Session>, ids: &[Id], read: F) -> Result<Results<T>, CloudError>
where
    T: Send + 'static,
    F: Fn(Arc<Session>, Id) -> Fut,
    Fut: Future<Output = Result<T, CloudError>> + Send + 'static,
{
    each(ids.to_vec(), |id| read(Arc::clone(session), id)).await
}

impl View<'_> {
    /// Keeps what was read, or remembers what was not.
    fn keep<T>(&mut self, result: Result<T, CloudError>, hidden: Hidden, needed_for: NeededFor) -> Option<T> {
        match result {
            Ok(found) => Some(found),
            Err(error) => {
                self.snapshot.gaps.push(Gap { hidden, needed_for, error });
                None
            }
        }
    }

    /// What the stack owns, by two queries: they say what else to read.
    async fn owned(&mut self) -> Result<(), CloudError> {
        let session = self.session;
        let Some(stack) = &self.scope.owned_by else { return Ok(()) };
        let (owned, rules) =
            tokio::try_join!(async { soft(session.owned_by(stack).await) }, async { soft(session.own_rules().await) })?;
        self.owned = self.keep_owned(owned).unwrap_or_default();
        self.own_rules = self.keep_owned(rules);
        Ok(())
    }

    /// Without the permission to ask, what was read is all there is to go by: a note, no gap in the diff.
    fn keep_owned<T>(&mut self, result: Result<T, CloudError>) -> Option<T> {
        let denied = matches!(&result, Err(error) if error.kind == CloudErrorKind::Denied);
        let needed_for = if denied { NeededFor::Orphans } else { NeededFor::Diff };
        self.keep(result, Hidden::Owned, needed_for)
    }

    async fn lists(&mut self) -> Result<(), CloudError> {
        let (session, scope) = (self.session, self.scope);
        let mut vpcs = Wanted::by_selectors(&scope.selectors, Selectable::Vpc);
        vpcs.ids.clone_from(&scope.vpcs);
        let lists_balancers = !scope.load_balancers.is_empty() || !self.owned.load_balancers.is_empty();
        let lists_groups =
            scope.attached_groups || !scope.target_groups.is_empty() || !self.owned.target_groups.is_empty();
        let trust_stores = scope.selectors.iter().any(|s| s.what == Selectable::TrustStore);
        let (found_lbs, found_groups, found_certificates, found_vpcs, found_stores) = tokio::try_join!(
            wanted(lists_balancers, session.list_load_balancers()),
            wanted(lists_groups, session.list_target_groups()),
            wanted(!scope.certificate_domains.is_empty(), session.list_certificates()),
            wanted(!vpcs.is_empty(), session.vpcs(vpcs.filter("vpc-id"))),
            wanted(trust_stores, session.trust_stores()),
        )?;
        for lb in self.keep(found_lbs, Hidden::Kind(Kind::LoadBalancer), NeededFor::Diff).unwrap_or_default() {
            let kind = lb.r#type.as_ref().map(|t| t.as_str().to_owned());
            let Some((id, spec, facts)) = load_balancer::from_sdk(lb) else { continue };
            if !scope.load_balancers.contains(&spec.name) && !self.owned.load_balancers.contains(&id) {
                continue;
            }
            self.snapshot.insert(id.clone(), spec, Facts::LoadBalancer(facts));
            match kind.as_deref() {
                None | Some(load_balancer::APPLICATION) => self.load_balancers.push(id),
                Some(other) => self.not_ours(id, &format!("it is a {other} load balancer")),
            }
        }
        for group in self.keep(found_groups, Hidden::Kind(Kind::TargetGroup), NeededFor::Diff).unwrap_or_default() {
            let protocol = group.protocol.as_ref().map(|p| p.as_str().to_owned());
            let Some((id, spec, load_balancers)) = target_group::from_sdk(group) else { continue };
            let is_attached = scope.attached_groups && load_balancers.iter().any(|lb| self.load_balancers.contains(lb));
            let is_wanted = scope.wants_group(&spec.name) || self.owned.target_groups.contains(&id);
            if !is_attached && !is_wanted {
                continue;
            }
            let is_foreign = protocol.as_deref().is_some_and(|p| Protocol::from_aws(p).is_none());
            self.snapshot.insert(id.clone(), spec, Facts::TargetGroup { load_balancers });
            if is_foreign {
                self.not_ours(id, &format!("it speaks {}", protocol.unwrap_or_default()));
            } else {
                self.target_groups.push(id);
            }
        }
        let found = self.keep(found_certificates, Hidden::Kind(Kind::Certificate), NeededFor::Diff).unwrap_or_default();
        let is_named = |domain: &str| scope.certificate_domains.iter().any(|want| want.eq_ignore_ascii_case(domain));
        self.certificates.extend(found.into_iter().filter(|(_, domain)| is_named(domain)).map(|(id, _)| id));
        self.snapshot.trust_stores = self.keep(found_stores, Hidden::Lookups, NeededFor::Diff).unwrap_or_default();
        let found = self.keep(found_vpcs, Hidden::Lookups, NeededFor::Diff).unwrap_or_default();
        self.snapshot.vpcs.extend(found.into_iter().filter(|(id, vpc)| vpcs.takes(id, None, &vpc.tags)));
        Ok(())
    }

    /// A name of the files that is something else on AWS: its fields stay unknown to us.
    fn not_ours(&mut self, id: Id, why: &str) {
        let error = refused("fetch", format!("{why}, which no502 does not manage"));
        self.snapshot.gaps.push(Gap { hidden: Hidden::Resource(id), needed_for: NeededFor::Diff, error });
    }

    async fn children(&mut self) -> Result<(), CloudError> {
        let session = self.session;
        let mut subnets = Wanted::by_selectors(&self.scope.selectors, Selectable::Subnet);
        subnets.ids.clone_from(&self.scope.subnets);
        let needed_for = if subnets.is_empty() { NeededFor::Rules } else { NeededFor::Diff };
        if self.scope.network {
            let links = self.snapshot.load_balancers().filter_map(|(_, lb)| lb.subnets.as_ref()).flatten();
            subnets.ids.extend(links.filter_map(Link::id).cloned());
        }
        let reserved = self.reserved();
        let reserved_ids: Vec<Id> = reserved.keys().cloned().collect();
        let (found_listeners, capacities, lb_attributes, group_attributes, targets, found_subnets) = tokio::try_join!(
            of_each(session, &self.load_balancers, |s, id| async move { s.listeners_of(&id).await }),
            of_each(session, &reserved_ids, |s, id| async move { s.capacity(&id).await }),
            of_each(session, &self.load_balancers, |s, id| async move { s.load_balancer_attributes(&id).await }),
            of_each(session, &self.target_groups, |s, id| async move { s.target_group_attributes(&id).await }),
            of_each(session, &self.target_groups, |s, id| async move { s.target_health(&id).await }),
            wanted(!subnets.is_empty(), session.subnets(subnets.filter("subnet-id"))),
        )?;
        for (id, result) in found_listeners {
            let hidden = Hidden::Children(id.clone(), Kind::Listener);
            for found in self.keep(result, hidden, NeededFor::Diff).unwrap_or_default() {
                if let Some((listener, spec, facts)) = listener::from_sdk(&id, found) {
                    self.snapshot.insert(listener.clone(), spec, Facts::Listener(facts));
                    self.listeners.push(listener);
                }
            }
        }
        self.capacities(capacities, &reserved);
        self.attributes(lb_attributes);
        self.attributes(group_attributes);
        for (id, result) in targets {
            let name = self.snapshot.found.get(&id).and_then(|live| live.spec.target_group()).map(|g| g.name.clone());
            let is_diffed = self.scope.attached_groups || name.is_some_and(|name| self.scope.wants_members(&name));
            let needed_for = if is_diffed { NeededFor::Diff } else { NeededFor::Rules };
            let (hidden, group) = (Hidden::Children(id.clone(), Kind::Target), id);
            let members = self.keep(result, hidden, needed_for).unwrap_or_default();
            for (target, spec, health) in members.targets {
                self.snapshot.insert(target, spec, Facts::Target(health));
            }
            if !members.leaving.is_empty() {
                self.snapshot.leaving.insert(group, members.leaving);
            }
        }
        let found = self.keep(found_subnets, Hidden::Lookups, needed_for).unwrap_or_default();
        self.snapshot.subnets.extend(found.into_iter().filter(|(id, subnet)| subnets.takes(id, None, &subnet.tags)));
        Ok(())
    }

    fn attributes(&mut self, results: Results<BTreeMap<String, String>>) {
        for (id, result) in results {
            let Some(found) = self.keep(result, Hidden::Resource(id.clone()), NeededFor::Diff) else { continue };
            match self.snapshot.found.get_mut(&id).map(|live| &mut live.spec) {
                Some(Spec::LoadBalancer(spec)) => spec.attributes = found,
                Some(Spec::TargetGroup(spec)) => spec.attributes = found,
                Some(Spec::Listener(spec)) => spec.attributes = found,
                Some(Spec::SecurityGroup(_) | Spec::Certificate(_) | Spec::Target(_) | Spec::Rule(_)) | None => {}
            }
        }
    }

    async fn grandchildren(&mut self) -> Result<(), CloudError> {
        let session = self.session;
        let is_https = |id: &&Id| {
            let spec = self.snapshot.found.get(id).and_then(|live| live.spec.listener());
            spec.is_some_and(|listener| listener.protocol == Some(Protocol::Https))
        };
        let https: Vec<Id> = self.listeners.iter().filter(is_https).cloned().collect();
        let owners = if self.scope.network { self.owners() } else { Owners::default() };
        let instances: Vec<String> = owners.instances.iter().cloned().collect();
        let (rules, attributes, certificates, interfaces, scaled) = tokio::try_join!(
            of_each(session, &self.listeners, |s, id| async move { s.rules_of(&id).await }),
            of_each(session, &self.listeners, |s, id| async move { s.listener_attributes(&id).await }),
            of_each(session, &https, |s, id| async move { s.sni_certificates_of(&id).await }),
            each(owners.filters(), |filter| {
                let session = Arc::clone(session);
                async move { session.interfaces(filter).await }
            }),
            async { soft(session.scaled(&instances).await) },
        )?;
        self.snapshot.scaled = self.keep(scaled, Hidden::Interfaces, NeededFor::Rules).unwrap_or_default();
        for (id, result) in rules {
            let hidden = Hidden::Children(id.clone(), Kind::Rule);
            for found in self.keep(result, hidden, NeededFor::Diff).unwrap_or_default() {
                if let Some((rule, spec)) = rule::from_sdk(&id, found) {
                    self.snapshot.insert(rule, spec, Facts::None);
                }
            }
        }
        self.attributes(attributes);
        for (id, result) in certificates {
            let hidden = Hidden::Children(id.clone(), Kind::Certificate);
            let needed_for = if self.scope.sni_certificates { NeededFor::Diff } else { NeededFor::Rules };
            let Some(found) = self.keep(result, hidden, needed_for) else { continue };
            if let Some(Spec::Listener(spec)) = self.snapshot.found.get_mut(&id).map(|live| &mut live.spec) {
                spec.sni_certificates = Some(found);
            }
        }
        if self.scope.network {
            let results: Result<Vec<_>, _> = interfaces.into_iter().map(|(_, result)| result).collect();
            let found = self.keep(results, Hidden::Interfaces, NeededFor::Rules);
            self.snapshot.interfaces =
                found.map(|pages| pages.into_iter().flatten().flat_map(|one| owners.read(one)).collect());
        }
        Ok(())
    }

    async fn rest(&mut self) -> Result<(), CloudError> {
        let session = self.session;
        let of_elb = |id: &&Id| id.as_str().contains(":elasticloadbalancing:") && !id.as_str().contains('|');
        let tagged: Vec<Id> = self.snapshot.found.keys().filter(of_elb).cloned().collect();
        let attached = self.attached_certificates();
        let all = self.certificates.union(&attached).cloned();
        let (described, iam): (Vec<_>, Vec<_>) = all.partition(certificate::is_acm);
        let asked = |id: &&Id| {
            self.scope.certificate_tags || self.certificates.contains(id) || self.owned.certificates.contains(id)
        };
        let asked: Vec<Id> = described.iter().filter(asked).cloned().collect();
        let (groups, needed_for) = self.wanted_groups();
        let (tags, certificates, certificate_tags, found_groups) = tokio::try_join!(
            session.tags_of(tagged),
            of_each(session, &described, |s, id| async move { s.certificate(&id).await }),
            of_each(session, &asked, |s, id| async move { s.certificate_tags(&id).await }),
            wanted(!groups.is_empty(), session.security_groups(groups.filter("group-id"))),
        )?;
        for id in iam {
            let error = refused("DescribeCertificate", "it is an IAM server certificate, which no502 cannot read");
            self.unknown_certificate(id, error);
        }
        for (id, result) in certificates {
            match result.map(|found| found.and_then(certificate::from_sdk)) {
                Ok(Some((id, spec, facts))) => self.snapshot.insert(id, spec, Facts::Certificate(facts)),
                Ok(None) => {}
                Err(error) => self.unknown_certificate(id, error),
            }
        }
        let late: Vec<Id> =
            attached.iter().filter(|id| !asked.contains(id) && self.may_be_declared(id)).cloned().collect();
        let late = of_each(session, &late, |s, id| async move { s.certificate_tags(&id).await }).await?;
        for (id, result) in tags.into_iter().chain(certificate_tags).chain(late) {
            // a certificate that is not there has no tags either
            if !self.snapshot.found.contains_key(&id) {
                continue;
            }
            let Some(found) = self.keep(result, Hidden::Resource(id.clone()), NeededFor::Diff) else { continue };
            if let Some(tags) = self.snapshot.found.get_mut(&id).and_then(|live| live.spec.tags_mut()) {
                *tags = found;
            }
        }
        let by_selectors = self.scope.selectors.iter().any(|s| s.what == Selectable::SecurityGroup);
        if let (Err(error), true) = (&found_groups, by_selectors) {
            let gap = Gap { hidden: Hidden::Lookups, needed_for: NeededFor::Diff, error: error.clone() };
            self.snapshot.gaps.push(gap);
        }
        for found in self.keep(found_groups, Hidden::Kind(Kind::SecurityGroup), needed_for).unwrap_or_default() {
            let Some((id, spec)) = security_group::from_sdk(found) else { continue };
            if groups.takes(&id, Some(&spec.name), &spec.tags) {
                self.snapshot.insert(id, spec, Facts::None);
            }
        }
        self.group_rules().await?;
        self.users().await
    }

    /// Whether an attached certificate is for a name that a declared one begins with. Its own first name may be another
    /// one: a certificate is what its names are, in any order.
    fn may_be_declared(&self, id: &Id) -> bool {
        let spec = self.snapshot.found.get(id).and_then(|live| live.spec.certificate());
        let mut names = spec.iter().flat_map(|spec| spec.names.iter().flatten());
        names.any(|name| self.scope.certificate_domains.iter().any(|want| want.eq_ignore_ascii_case(name)))
    }

    /// A certificate that exists and could not be read. One that was looked for by its name may be any
    /// of those that are desired: then all of them are hidden.
    fn unknown_certificate(&mut self, id: Id, error: CloudError) {
        let by_arn = self.scope.certificates.contains(&id);
        let needed_for = match (self.certificates.contains(&id), certificate::is_acm(&id)) {
            (true, true) => NeededFor::Diff,
            (_, false) | (false, true) => NeededFor::Rules,
        };
        let hidden = if by_arn || needed_for == NeededFor::Rules {
            self.snapshot.insert(id.clone(), Certificate::default(), Facts::None);
            Hidden::Resource(id)
        } else {
            Hidden::Kind(Kind::Certificate)
        };
        self.snapshot.gaps.push(Gap { hidden, needed_for, error });
    }

    /// The certificates on the listeners that were read.
    fn attached_certificates(&self) -> BTreeSet<Id> {
        let listeners = self.snapshot.listeners();
        let links = listeners.flat_map(|(_, l)| l.certificate.iter().chain(l.sni_certificates.iter().flatten()));
        links.filter_map(Link::id).cloned().collect()
    }
}
