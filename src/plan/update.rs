//! Edits in place: which call changes which fields.

use std::collections::{BTreeMap, BTreeSet};

use super::Held;
use super::build::{Builder, step_id};
use super::delete;
use crate::cloud::{Facts, ListenerEdit, Operation};
use crate::diff::{Change, Verdict};
use crate::model::kind::{
    Authenticate, Direction, HeaderCondition, HealthCheck, Listener, LoadBalancer, Rule, SecurityGroup, TargetGroup,
    TrafficRule,
};
use crate::model::{Address, Id, Kind, Link, Spec};

/// The steps that edit one resource.
pub(super) fn update(b: &mut Builder<'_>, change: &Change, want: &Spec) {
    let bound = b.bound;
    let Some(live) = &bound.kept(&change.address) else { return };
    let address = &change.address;
    let why = why(change);
    let changed = |prefix: &str| change.verdict.fields().iter().any(|f| f.path.within(&prefix.into()));
    match (live, want) {
        (Spec::SecurityGroup(live), Spec::SecurityGroup(want)) => {
            let tags = b.rule_tags(address);
            security_group(b, address, (live, want), &tags, &why);
            delete::revokes(b, address);
        }
        (Spec::Certificate(_), Spec::Certificate(want)) if changed("import") => {
            let call = Operation::ImportCertificate { certificate: Some(b.link(address)), spec: (**want).clone() };
            b.push(address, call, &why);
        }
        (Spec::TargetGroup(live), Spec::TargetGroup(want)) => {
            target_group(b, address, live, want, changed("health_check"), &why);
        }
        (Spec::LoadBalancer(live), Spec::LoadBalancer(want)) => load_balancer(b, address, live, want, &changed, &why),
        (Spec::Listener(live), Spec::Listener(want)) => listener(b, address, live, want, &changed, &why),
        (Spec::Rule(live), Spec::Rule(want)) => rule(b, address, live, want, &changed, &why),
        _ => {}
    }
    let tags: BTreeMap<String, String> = want.tags().map(|t| differing(live.tags(), t)).unwrap_or_default();
    if !tags.is_empty() {
        let call = Operation::AddTags { resource: b.link(address), kind: address.kind, tags };
        b.push(address, call, &why);
    }
}

fn why(change: &Change) -> String {
    let paths: Vec<&str> = change.verdict.fields().iter().map(|f| f.path.as_str()).collect();
    format!("{} {}", paths.join(", "), if paths.len() == 1 { "differs" } else { "differ" })
}

fn differing(live: Option<&BTreeMap<String, String>>, want: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let same = |key: &String, value: &String| live.is_some_and(|live| live.get(key) == Some(value));
    want.iter().filter(|(key, value)| !same(key, value)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Grants what is missing, and says what is only worded differently.
pub(super) fn security_group(
    b: &mut Builder<'_>,
    address: &Address,
    (live, want): (&SecurityGroup, &SecurityGroup),
    tags: &BTreeMap<String, String>,
    why: &str,
) {
    for direction in Direction::ALL {
        let missing = SecurityGroup::missing(live, want, direction).into_iter();
        let missing: Vec<TrafficRule> = missing.map(|rule| rule.map_links(&mut |link| b.known(link))).collect();
        let have = live.rules(direction).into_iter().flatten().cloned();
        let have: Vec<TrafficRule> = have.map(|rule| rule.map_links(&mut |link| b.known(link))).collect();
        let present = |rule: &TrafficRule| have.iter().any(|have| have.same_traffic(rule));
        let (described, absent): (Vec<_>, Vec<_>) = missing.into_iter().partition(present);
        if !absent.is_empty() {
            let tags = tags.clone();
            let call = Operation::Authorize { direction, group: b.link(address), rules: absent, tags };
            b.push(address, call, why);
        }
        if !described.is_empty() {
            b.push(address, Operation::Describe { direction, group: b.link(address), rules: described }, why);
        }
    }
}

fn target_group(
    b: &mut Builder<'_>,
    address: &Address,
    live: &TargetGroup,
    want: &TargetGroup,
    check: bool,
    why: &str,
) {
    if check {
        // the whole check, so that AWS fills in nothing
        let health_check: HealthCheck = want.health_check.clone().over(&live.health_check);
        b.push(address, Operation::ModifyTargetGroup { target_group: b.link(address), health_check }, why);
    }
    let attributes = differing(Some(&live.attributes), &want.attributes);
    if !attributes.is_empty() {
        let call = Operation::ModifyTargetGroupAttributes { target_group: b.link(address), attributes };
        b.push(address, call, why);
    }
}

fn load_balancer(
    b: &mut Builder<'_>,
    address: &Address,
    live: &LoadBalancer,
    want: &LoadBalancer,
    changed: &dyn Fn(&str) -> bool,
    why: &str,
) {
    let known = |b: &Builder<'_>, links: &Option<BTreeSet<Link>>| -> Vec<Link> {
        links.iter().flatten().map(|link| b.known(link.clone())).collect()
    };
    if changed("security_groups") {
        let groups = known(b, &want.security_groups);
        b.push(address, Operation::SetSecurityGroups { load_balancer: b.link(address), groups }, why);
    }
    let waits = (changed("subnets") || changed("minimum_capacity")) && capacity_pending(b, address);
    if waits {
        let because = "AWS is still providing the capacity that was reserved before; until then it takes neither \
                       other subnets nor another reservation";
        b.built.held.push(Held { address: address.clone(), because: because.to_owned() });
    }
    if changed("subnets") && !waits {
        let subnets = known(b, &want.subnets);
        b.push(address, Operation::SetSubnets { load_balancer: b.link(address), subnets }, why);
    }
    // without a declared one it goes back to AWS's default, which `live` says already
    let ip_address_type = want.ip_address_type.or(live.ip_address_type);
    if let (true, Some(ip_address_type)) = (changed("ip_address_type"), ip_address_type) {
        b.push(address, Operation::SetIpAddressType { load_balancer: b.link(address), ip_address_type }, why);
    }
    if let (true, Some(ipam_pool)) = (changed("ipam_pool"), want.ipam_pool.clone()) {
        b.push(address, Operation::ModifyIpPools { load_balancer: b.link(address), ipam_pool }, why);
    }
    if let (true, Some(units)) = (changed("minimum_capacity") && !waits, want.minimum_capacity) {
        b.push(address, Operation::ModifyCapacityReservation { load_balancer: b.link(address), units }, why);
    }
    let mut attributes = b.bound.unwanted.get(address).map(|u| u.attributes.clone()).unwrap_or_default();
    attributes.extend(differing(Some(&live.attributes), &want.attributes));
    b.load_balancer_attributes(address, attributes, why);
}

/// Source: user guide "Capacity reservations"; API `SetSubnets`, error `CapacityReservationPending`.
fn capacity_pending(b: &Builder<'_>, address: &Address) -> bool {
    let facts = b.bound.live.get(address).map(|live| &live.facts);
    matches!(facts, Some(Facts::LoadBalancer(facts)) if facts.capacity_pending)
}

fn listener(
    b: &mut Builder<'_>,
    address: &Address,
    live: &Listener,
    want: &Listener,
    changed: &dyn Fn(&str) -> bool,
    why: &str,
) {
    // a change of protocol takes policy and certificate in the same call
    let protocol = changed("protocol");
    let after = want.clone().over(live);
    let default = changed("default").then_some(after.default).flatten();
    let mutual = (protocol || changed("mutual_authentication")) && want.mutual_authentication.is_some();
    let mutual = mutual.then_some(after.mutual_authentication).flatten();
    let edit = ListenerEdit {
        protocol: if protocol { want.protocol } else { None },
        ssl_policy: if protocol || changed("ssl_policy") { want.ssl_policy.clone() } else { None },
        certificate: if protocol || changed("certificate") { want.certificate.clone() } else { None }
            .map(|l| b.known(l)),
        mutual_authentication: mutual.map(|mutual| mutual.map_links(&mut |link| b.known(link))),
        authenticate: default.is_some().then(|| login(&want.authenticate, after.authenticate, changed)).flatten(),
        default: default.map(|action| action.map_links(&mut |link| b.known(link))),
    };
    if edit != ListenerEdit::default() {
        b.push(address, Operation::ModifyListener { listener: b.link(address), edit }, why);
    }
    b.sni_certificates(address, Listener::missing_sni(live, want), why);
    delete::certificates(b, address);
    let mut attributes = b.bound.unwanted.get(address).map(|u| u.attributes.clone()).unwrap_or_default();
    attributes.extend(differing(Some(&live.attributes), &want.attributes));
    if !attributes.is_empty() {
        b.push(address, Operation::ModifyListenerAttributes { listener: b.link(address), attributes }, why);
    }
}

fn rule(b: &mut Builder<'_>, address: &Address, live: &Rule, want: &Rule, changed: &dyn Fn(&str) -> bool, why: &str) {
    // lists are replaced whole: what the files leave alone goes back as it is
    let declared = &want.authenticate;
    let want = want.clone().over(live);
    let when = changed("when").then(|| want.when.clone()).flatten();
    if when.iter().flat_map(|when| &when.header).any(HeaderCondition::is_unnamed) {
        let because = "its conditions are written whole, and hold a header value that may be secret and that no file names: \
                       declare `when.header`, or change the rule by hand";
        return b.built.held.push(Held { address: address.clone(), because: because.to_owned() });
    }
    let acts = changed("forward") || changed("redirect") || changed("fixed_response") || changed("authenticate");
    let action = acts.then(|| want.action.clone()).flatten().map(|a| a.map_links(&mut |link| b.known(link)));
    let authenticate = action.is_some().then(|| login(declared, want.authenticate, changed)).flatten();
    let rewrite = changed("rewrite").then(|| want.rewrite.clone()).flatten();
    if when.is_some() || action.is_some() || rewrite.is_some() {
        b.push(address, Operation::ModifyRule { rule: b.link(address), when, action, authenticate, rewrite }, why);
    }
}

/// The login that goes with an action. Its secret is sent with what is new or changed, or on demand.
fn login(
    declared: &Option<Authenticate>,
    after: Option<Authenticate>,
    changed: &dyn Fn(&str) -> bool,
) -> Option<Authenticate> {
    let rotated = changed(Authenticate::SECRET) || changed(&format!("default.{}", Authenticate::SECRET));
    match (declared, after) {
        (Some(declared), Some(after)) if rotated => Some(after.with_secret_of(declared)),
        (_, after) => after,
    }
}

/// One `SetRulePriorities` for each listener, with the whole permutation of the rules that move: many
/// calls would make clients see 404 or 503 in between.
pub(super) fn priorities(b: &mut Builder<'_>, changes: &[&Change]) {
    let mut moves: BTreeMap<Address, BTreeMap<Id, u32>> = BTreeMap::new();
    for change in changes.iter().filter(|c| c.address.kind == Kind::Rule) {
        let moved = matches!(change.verdict, Verdict::Update(_))
            && change.verdict.fields().iter().any(|f| f.path.as_str() == "priority");
        let want = b.bound.want.get(&change.address).and_then(Spec::rule);
        if let (true, Some(listener), Some(id), Some(priority)) =
            (moved, change.address.parent(), change.id.clone(), want.and_then(|rule| rule.priority))
        {
            moves.entry(listener).or_default().insert(id, priority);
        }
    }
    for (listener, mut priorities) in moves {
        delete::make_way(b, &listener, &mut priorities);
        let why = format!("{} of its rules stand in another order", priorities.len());
        let call = Operation::SetRulePriorities { listener: b.link(&listener), priorities };
        debug_assert_eq!(step_id(call.name(), &listener).0, format!("SetRulePriorities {listener}"));
        b.push(&listener, call, why);
    }
}
