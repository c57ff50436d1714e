//! From changes to steps: which call closes which difference.
//!
//! Creates are here, edits in `update`, the order in `order`. A change that cannot be made is held or
//! refused with its reason, never dropped.

use std::collections::BTreeMap;

use super::{Built, Gate, Guard, Held, Options, Refused, Reversible, Step};
use super::{
    certificates, delete, logins, moves, places, proof, retain, retire, shift, stage, stamp, successor, update,
};
use crate::cloud::{Operation, Snapshot};
use crate::desired::{Part, Resolved};
use crate::diff::{Bound, Change, Diff, Verdict, ownership};
use crate::model::kind::{Direction, Listener, LoadBalancer, Origin, SecurityGroup, TargetGroup, TrafficRule};
use crate::model::tag::ID_TAG;
use crate::model::{Address, Kind, Link, Spec, StepId};

/// AWS takes at most 20 attributes in one call (API: `ModifyLoadBalancerAttributes`).
const ATTRIBUTES_PER_CALL: usize = 20;
/// Larger batches are refused now and then; AWS's own controllers send 100–200.
pub(super) const TARGETS_PER_CALL: usize = 100;

pub(super) struct Builder<'a> {
    pub(super) desired: &'a Resolved,
    pub(super) basis: &'a Snapshot,
    pub(super) bound: &'a Bound,
    pub(super) options: &'a Options,
    creates: BTreeMap<Address, StepId>,
    pub(super) built: Built,
}

/// The steps of a diff, not yet ordered.
pub(super) fn build(desired: &Resolved, basis: &Snapshot, diff: &Diff, options: &Options) -> Built {
    let bound = &diff.bound;
    let mut builder = Builder { desired, basis, bound, options, creates: BTreeMap::new(), built: Built::default() };
    let workable: Vec<&Change> = diff.changes.iter().filter(|c| builder.workable(c, options)).collect();
    for change in &workable {
        if let (Verdict::Create | Verdict::Replace(_), Some(spec)) =
            (&change.verdict, diff.bound.want.get(&change.address))
        {
            builder.creates.insert(change.address.clone(), step_id(create_name(spec), &change.address));
        }
    }
    let (workable, shifts) = makeable(&mut builder, diff, workable);
    for change in &workable {
        builder.change(change);
    }
    builder.targets(&workable);
    delete::deletes(&mut builder, &diff.changes, &workable);
    stage::attach(&mut builder, &shifts);
    retain::retain(&mut builder, &shifts);
    retire::drain(&mut builder, &shifts);
    proof::prove(&mut builder);
    update::priorities(&mut builder, &workable);
    delete::rule_order(&mut builder);
    logins::leave_first(&mut builder);
    moves::order(&mut builder);
    stamp::stamps(&mut builder, diff);
    builder.built
}

/// The changes that can be made. What is held may be needed by one that was judged before it, so that all are judged
/// until no more are held.
fn makeable<'c>(
    builder: &mut Builder<'_>,
    diff: &Diff,
    mut changes: Vec<&'c Change>,
) -> (Vec<&'c Change>, shift::Shifts) {
    let mut filling = BTreeMap::new();
    loop {
        let before = changes.len();
        changes.retain(|change| builder.links_known(change));
        changes = certificates::issued(builder, changes);
        changes = logins::allowed(builder, changes);
        changes = places::free(builder, changes);
        let (kept, shifts) = shift::prepare(builder, diff, &changes, &mut filling);
        changes = kept;
        if changes.len() == before {
            return (changes, shifts);
        }
    }
}

pub(super) fn step_id(operation: &str, address: &Address) -> StepId {
    StepId(format!("{operation} {address}"))
}

const fn create_name(spec: &Spec) -> &'static str {
    match spec {
        Spec::SecurityGroup(_) => "CreateSecurityGroup",
        Spec::Certificate(c) => match c.origin {
            Some(Origin::Import { .. }) => "ImportCertificate",
            Some(Origin::Arn(_) | Origin::Request) | None => "RequestCertificate",
        },
        Spec::TargetGroup(_) => "CreateTargetGroup",
        Spec::Target(_) => "RegisterTargets",
        Spec::LoadBalancer(_) => "CreateLoadBalancer",
        Spec::Listener(_) => "CreateListener",
        Spec::Rule(_) => "CreateRule",
    }
}

impl Builder<'_> {
    /// Whether a change can be worked on; if not, says why.
    fn workable(&mut self, change: &Change, options: &Options) -> bool {
        let address = &change.address;
        match &change.verdict {
            Verdict::InSync => return false,
            Verdict::Unknown(gap) => {
                let because = format!("its live state is not known: {}", gap.error);
                self.built.refused.push(Refused { guard: Guard::Incomplete, address: Some(address.clone()), because });
                return false;
            }
            Verdict::Replace(_) if self.bound.replaced.contains_key(address) => {
                if let Some(because) = successor::impossible(self, address) {
                    self.built.held.push(Held { address: address.clone(), because });
                    return false;
                }
            }
            Verdict::Replace(fields) => {
                let fixed: Vec<String> = fields
                    .iter()
                    .filter(|f| f.mutability == crate::model::Mutability::Replace)
                    .map(|f| format!("{} ({} → {})", f.path, f.live, f.desired))
                    .collect();
                let because = format!(
                    "AWS cannot edit {}, and what it could be replaced with would have another DNS name, ARN or id that others rely on",
                    fixed.join(", ")
                );
                self.built.refused.push(Refused { guard: Guard::Replacement, address: Some(address.clone()), because });
                return false;
            }
            Verdict::Delete if address.kind == Kind::LoadBalancer && change.obstacle.is_none() => {
                let because = "deleting it ends its DNS name for good: what comes back has another one";
                return !self.built.guard(Guard::DeleteLoadBalancer, address, because, &options.allowed);
            }
            Verdict::Create | Verdict::Update(_) | Verdict::Delete => {}
        }
        match &change.obstacle {
            Some(obstacle) => !self.built.obstacle(address, obstacle, &options.allowed),
            None => true,
        }
    }

    /// Whether everything that a change names exists or is created by this plan; if not, it is held.
    fn links_known(&mut self, change: &Change) -> bool {
        let links = self.bound.want.get(&change.address).map(Spec::links).unwrap_or_default();
        let missing = links.into_iter().find(|link| match link {
            Link::Address(a) => !self.bound.ids.contains_key(a) && !self.creates.contains_key(a),
            Link::Select(_) => true,
            Link::Id(_) | Link::Step(_) => false,
        });
        let Some(missing) = missing else { return true };
        let because = match &missing {
            Link::Address(a) => format!("it needs {a}, which is not created in this plan"),
            Link::Id(_) | Link::Select(_) | Link::Step(_) => format!("it needs the {missing}, which is not known"),
        };
        self.forget(&change.address);
        self.built.held.push(Held { address: change.address.clone(), because });
        false
    }

    /// A step of this plan creates this.
    pub(super) fn creates_now(&mut self, address: &Address, step: &StepId) {
        self.creates.insert(address.clone(), step.clone());
    }
    /// The plan does not create this after all.
    pub(super) fn forget(&mut self, address: &Address) {
        self.creates.remove(address);
    }

    /// The link as operations carry it: an id, or the step that makes it.
    pub(super) fn known(&self, link: Link) -> Link {
        match &link {
            Link::Address(address) => match (self.bound.ids.get(address), self.creates.get(address)) {
                (Some(id), _) => Link::Id(id.clone()),
                (None, Some(step)) => Link::Step(step.clone()),
                (None, None) => link,
            },
            Link::Id(_) | Link::Select(_) | Link::Step(_) => link,
        }
    }
    /// The link to a declared resource.
    pub(super) fn link(&self, address: &Address) -> Link {
        self.known(Link::Address(address.clone()))
    }
    /// A spec as operations carry it, with our tag.
    pub(super) fn ready(&self, address: &Address, spec: &Spec) -> Spec {
        let mut spec = spec.clone().map_links(&mut |link| self.known(link));
        if let Some(tags) = spec.tags_mut() {
            tags.insert(ID_TAG.to_owned(), ownership::id_tag(&self.desired.stack, address));
        }
        spec
    }

    pub(super) fn push(&mut self, address: &Address, operation: Operation, why: impl Into<String>) -> &mut Step {
        self.push_part(address, operation, 0, why)
    }
    /// A step that is one of several of the same operation.
    pub(super) fn push_part(
        &mut self,
        address: &Address,
        operation: Operation,
        part: usize,
        why: impl Into<String>,
    ) -> &mut Step {
        let id = step_id(operation.name(), address);
        let id = if part == 0 { id } else { StepId(format!("{id} ({})", part + 1)) };
        let (reversible, gate) = (reversible(&operation), Gate::of(&operation));
        let address = address.clone();
        let step = Step {
            id,
            operation,
            address,
            after: vec![],
            before: vec![],
            gate,
            stamp: false,
            reversible,
            why: why.into(),
        };
        self.built.steps.push(step);
        let last = self.built.steps.len() - 1;
        &mut self.built.steps[last]
    }

    fn change(&mut self, change: &Change) {
        let bound = self.bound;
        let Some(want) = bound.want.get(&change.address) else { return };
        match &change.verdict {
            Verdict::Create => self.create(&change.address, want),
            Verdict::Replace(_) => successor::create(self, &change.address),
            Verdict::Update(_) => update::update(self, change, want),
            Verdict::InSync | Verdict::Delete | Verdict::Unknown(_) => {}
        }
    }

    fn create(&mut self, address: &Address, want: &Spec) {
        const WHY: &str = "declared, but not on AWS";
        match self.ready(address, want) {
            Spec::SecurityGroup(spec) => self.create_security_group(address, *spec, WHY),
            Spec::Certificate(spec) => match spec.origin {
                Some(Origin::Import { .. }) => {
                    self.push(address, Operation::ImportCertificate { certificate: None, spec: *spec }, WHY);
                }
                Some(Origin::Request) => {
                    let besides = self.basis.unusable_like(&spec);
                    self.push(address, Operation::RequestCertificate { spec: *spec, besides }, WHY).gate =
                        Some(Gate::CertificateIssued);
                }
                Some(Origin::Arn(_)) | None => {}
            },
            Spec::TargetGroup(spec) => self.create_target_group(address, *spec, WHY),
            Spec::LoadBalancer(spec) => self.create_load_balancer(address, *spec, WHY),
            Spec::Listener(spec) => self.create_listener(address, *spec, WHY),
            Spec::Rule(spec) => {
                self.push(address, Operation::CreateRule { spec: *spec }, WHY);
            }
            Spec::Target(_) => {}
        }
    }

    fn create_security_group(&mut self, address: &Address, spec: SecurityGroup, why: &str) {
        let bare = SecurityGroup { ingress: None, egress: None, ..spec.clone() };
        let is_exclusive = self.desired.is_exclusive(address, Part::Egress);
        let is_declared = |rule: &TrafficRule| spec.egress.iter().flatten().any(|declared| declared.same_traffic(rule));
        // what AWS lets out of a new group, and what of it goes again at once
        let made = self.basis.egress_of_new(spec.vpc.as_ref()).into_iter();
        let (kept, rules): (Vec<_>, Vec<_>) = made.partition(|rule| !is_exclusive || is_declared(rule));
        let made = SecurityGroup { egress: Some(kept), ..bare.clone() };
        self.push(address, Operation::CreateSecurityGroup { spec: bare }, why);
        update::security_group(self, address, (&made, &spec), &spec.tags, why);
        if !rules.is_empty() {
            let (direction, group) = (Direction::Egress, self.link(address));
            self.push(address, Operation::Revoke { direction, group, rules }, "egress is exclusive");
        }
    }

    fn create_listener(&mut self, address: &Address, spec: Listener, why: &str) {
        let attributes = spec.attributes.clone();
        let by_name = spec.sni_certificates.clone().unwrap_or_default();
        let spec = Listener { sni_certificates: None, ..spec };
        self.push(address, Operation::CreateListener { spec }, why);
        self.sni_certificates(address, by_name, why);
        if !attributes.is_empty() {
            let listener = self.link(address);
            self.push(address, Operation::ModifyListenerAttributes { listener, attributes }, why);
        }
    }

    /// One call for each certificate.
    pub(super) fn sni_certificates(&mut self, address: &Address, missing: Vec<Link>, why: &str) {
        for (part, certificate) in missing.into_iter().enumerate() {
            let (listener, certificate) = (self.link(address), self.known(certificate));
            self.push_part(address, Operation::AddListenerCertificate { listener, certificate }, part, why);
        }
    }

    pub(super) fn create_target_group(&mut self, address: &Address, spec: TargetGroup, why: &str) {
        let attributes = spec.attributes.clone();
        self.push(
            address,
            Operation::CreateTargetGroup { spec: TargetGroup { attributes: BTreeMap::new(), ..spec } },
            why,
        );
        if !attributes.is_empty() {
            let target_group = self.link(address);
            self.push(address, Operation::ModifyTargetGroupAttributes { target_group, attributes }, why);
        }
    }

    fn create_load_balancer(&mut self, address: &Address, spec: LoadBalancer, why: &str) {
        let (attributes, capacity) = (spec.attributes.clone(), spec.minimum_capacity.filter(|units| *units > 0));
        let spec = LoadBalancer { attributes: BTreeMap::new(), minimum_capacity: None, ..spec };
        self.push(address, Operation::CreateLoadBalancer { spec }, why).gate = Some(Gate::LoadBalancerActive);
        if let Some(units) = capacity {
            let load_balancer = self.link(address);
            self.push(address, Operation::ModifyCapacityReservation { load_balancer, units }, why);
        }
        self.load_balancer_attributes(address, attributes, why);
    }

    /// Attributes in calls of at most twenty, sorted by key so that a log's three keys stay together.
    pub(super) fn load_balancer_attributes(&mut self, address: &Address, all: BTreeMap<String, String>, why: &str) {
        let pairs: Vec<_> = all.into_iter().collect();
        for (part, chunk) in pairs.chunks(ATTRIBUTES_PER_CALL).enumerate() {
            let load_balancer = self.link(address);
            let attributes = chunk.iter().cloned().collect();
            let call = Operation::ModifyLoadBalancerAttributes { load_balancer, attributes };
            self.push_part(address, call, part, why);
        }
    }
}

const fn reversible(operation: &Operation) -> Reversible {
    // the private key that is replaced cannot be read back
    let replaces_key = matches!(operation, Operation::ImportCertificate { certificate: Some(_), .. });
    let deletes = matches!(operation, Operation::Delete { .. });
    match (replaces_key, deletes) {
        (true, _) => Reversible::No,
        (_, true) => Reversible::NewIdentity,
        _ => Reversible::Exact,
    }
}
