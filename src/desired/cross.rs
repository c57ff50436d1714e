//! Rules between resources that the files alone decide: one name for one thing, one load balancer
//! for a target group.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::Problem;
use super::reader::Context;
use crate::model::{Address, FieldPath, Kind, Span, Spec};

/// Checks all resources against each other.
pub(super) fn check(cx: &Context<'_>) {
    let mut problems = Vec::new();
    {
        let out = cx.out.borrow();
        let at = |address: &Address, path: &str| out.span(address, &FieldPath::from(path));
        names(&out.specs, &at, &mut problems);
        attachments(&out.specs, &at, &mut problems);
    }
    problems.into_iter().for_each(|p| cx.found.push(p));
}

type Place<'a> = &'a dyn Fn(&Address, &str) -> Option<Span>;

/// Two keys must not mean one thing on AWS. Names are compared without case: AWS does not say.
fn names(specs: &BTreeMap<Address, Spec>, at: Place<'_>, problems: &mut Vec<Problem>) {
    let mut taken: BTreeMap<(Kind, String), &Address> = BTreeMap::new();
    for (address, spec) in specs {
        let name = match spec {
            Spec::LoadBalancer(lb) => lb.name.to_ascii_lowercase(),
            Spec::TargetGroup(group) => group.name.to_ascii_lowercase(),
            Spec::SecurityGroup(group) => {
                let vpc = group.vpc.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{} in {vpc}", group.name.to_ascii_lowercase())
            }
            Spec::Certificate(_) | Spec::Target(_) | Spec::Listener(_) | Spec::Rule(_) => continue,
        };
        let Some(before) = taken.insert((address.kind, name), address) else { continue };
        if let (Some(here), Some(there)) = (at(address, "name"), at(before, "name")) {
            let noun = address.kind.as_str().replace('_', " ");
            problems.push(
                Problem::error(
                    here,
                    format!("two {noun}s have one name on AWS: `{}` and `{}`", before.name, address.name),
                )
                .label("said again here")
                .also(there, "first said here")
                .hint("names are unique within an account and region"),
            );
        }
    }
}

/// A target group serves one load balancer; a load balancer has at most 100 of them.
fn attachments(specs: &BTreeMap<Address, Spec>, at: Place<'_>, problems: &mut Vec<Problem>) {
    let mut serves: BTreeMap<&Address, (&str, Span)> = BTreeMap::new();
    let mut said = BTreeSet::new();
    for (address, spec) in specs {
        let (action, path) = match spec {
            Spec::Listener(listener) => (&listener.default, "default.forward"),
            Spec::Rule(rule) => (&rule.action, "forward"),
            Spec::SecurityGroup(_)
            | Spec::Certificate(_)
            | Spec::TargetGroup(_)
            | Spec::Target(_)
            | Spec::LoadBalancer(_) => continue,
        };
        let Some(here) = at(address, path) else { continue };
        let balancer = address.name.split(':').next().unwrap_or_default();
        for group in action.iter().flat_map(|a| a.groups()).filter_map(|(link, _)| link.address()) {
            let (first, there) = *serves.entry(group).or_insert((balancer, here));
            if first != balancer && said.insert((group, balancer)) {
                problems.push(
                    Problem::error(here, format!("target group `{}` would serve two load balancers", group.name))
                        .label(format!("`{balancer}` forwards to it"))
                        .also(there, format!("so does `{first}`"))
                        .hint("AWS attaches a target group to one load balancer; declare a second group"),
                );
            }
        }
    }
}
