//! What must be read to compare these files with AWS.

use crate::cloud::{NeededFor, Scope};
use crate::desired::{Part, Resolved};
use crate::model::kind::Origin;
use crate::model::{Link, Selectable, Spec};

/// The scope of a run over these files.
pub fn scope(desired: &Resolved) -> Scope {
    let mut scope = Scope { network: true, owned_by: Some(desired.stack.clone()), ..Scope::default() };
    for (address, spec) in &desired.specs {
        match spec {
            Spec::LoadBalancer(lb) => {
                scope.load_balancers.insert(lb.name.clone());
                if lb.minimum_capacity.is_some() {
                    scope.capacity.insert(lb.name.clone(), NeededFor::Diff);
                }
            }
            Spec::TargetGroup(group) => {
                scope.target_groups.insert(group.name.clone());
                if desired.membership.contains(address) {
                    scope.membership.insert(group.name.clone());
                }
            }
            Spec::Certificate(certificate) => match (&certificate.origin, &certificate.domain) {
                (Some(Origin::Arn(arn)), _) => {
                    scope.certificates.insert(arn.clone());
                }
                (_, Some(domain)) => {
                    scope.certificate_domains.insert(domain.to_ascii_lowercase());
                }
                (_, None) => {}
            },
            Spec::SecurityGroup(group) => {
                if !desired.existing.contains(address) {
                    scope.security_group_rules.insert(group.name.clone());
                }
                match desired.pinned.get(address) {
                    None if desired.is_exclusive(address, Part::Egress) => {
                        scope.vpcs.extend(group.vpc.as_ref().and_then(Link::id).cloned());
                        scope.security_group_names.insert(group.name.clone());
                    }
                    Some(id) => {
                        scope.security_group_ids.insert(id.clone());
                    }
                    None => {
                        scope.security_group_names.insert(group.name.clone());
                    }
                }
            }
            Spec::Listener(listener) => scope.sni_certificates |= listener.sni_certificates.is_some(),
            Spec::Rule(_) | Spec::Target(_) => {}
        }
        for link in spec.links() {
            add_link(&mut scope, link);
        }
    }
    for link in desired.within.values() {
        add_link(&mut scope, link.clone());
    }
    scope
}

fn add_link(scope: &mut Scope, link: Link) {
    match link {
        Link::Select(selector) => {
            if selector.what == Selectable::SecurityGroup {
                scope.network = true;
            }
            scope.selectors.insert(selector);
        }
        Link::Id(id) if id.as_str().starts_with("sg-") => {
            scope.security_group_ids.insert(id);
        }
        Link::Id(id) if id.as_str().starts_with("subnet-") => {
            scope.subnets.insert(id);
        }
        Link::Id(_) | Link::Address(_) | Link::Step(_) => {}
    }
}
