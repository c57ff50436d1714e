//! Rules between resources that the files alone decide: one name for one thing, one load balancer
//! for a target group. Whether a rule takes all requests of another one is E804's business.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::Problem;
use super::reader::Context;
use crate::model::value::{Protocol, ProtocolVersion};
use crate::model::{Address, FieldPath, Kind, Span, Spec};

/// Checks all resources against each other.
pub(super) fn check(cx: &Context<'_>) {
    let mut problems = Vec::new();
    {
        let out = cx.out.borrow();
        let at = |address: &Address, path: &str| out.span(address, &FieldPath::from(path));
        names(&out.specs, &at, &mut problems);
        attachments(&out.specs, &at, &mut problems);
        super::quota::check(&out.specs, &at, &mut problems);
        versions(&out.specs, &at, &mut problems);
    }
    problems.into_iter().for_each(|p| cx.found.push(p));
}

/// Where a field is declared.
pub(super) type Place<'a> = &'a dyn Fn(&Address, &str) -> Option<Span>;

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
                .label(format!("`{}` is this one", address.name))
                .also(there, format!("`{}` is this one", before.name))
                .hint("names are unique within an account and region; AWS may not tell capitals from small letters"),
            );
        }
    }
}

/// A target group serves one load balancer.
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

/// HTTP/2 and gRPC reach a target only through an HTTPS listener (user guide "Target groups": protocol version).
fn versions(specs: &BTreeMap<Address, Spec>, at: Place<'_>, problems: &mut Vec<Problem>) {
    for (address, spec) in specs {
        let (listener, action, path) = match spec {
            Spec::Listener(listener) => (Some(&**listener), &listener.default, "default.forward"),
            Spec::Rule(rule) => {
                let listener = rule.listener.address().and_then(|a| specs.get(a)).and_then(Spec::listener);
                (listener, &rule.action, "forward")
            }
            Spec::SecurityGroup(_)
            | Spec::Certificate(_)
            | Spec::TargetGroup(_)
            | Spec::Target(_)
            | Spec::LoadBalancer(_) => continue,
        };
        if listener.and_then(|l| l.protocol) != Some(Protocol::Http) {
            continue;
        }
        for name in action.iter().flat_map(|a| a.groups()).filter_map(|(link, _)| link.address()) {
            let version = specs.get(name).and_then(Spec::target_group).and_then(|group| group.protocol_version);
            let spoken = match version {
                Some(ProtocolVersion::Http2) => "HTTP/2",
                Some(ProtocolVersion::Grpc) => "gRPC",
                Some(ProtocolVersion::Http1) | None => continue,
            };
            let (Some(here), Some(there)) = (at(address, path), at(name, "protocol_version")) else { continue };
            problems.push(
                Problem::error(here, format!("an http listener cannot forward to `{}`, which speaks {spoken}", name.name))
                    .label("the listener speaks plain HTTP")
                    .also(there, "the group's protocol version")
                    .hint("AWS takes HTTP/2 and gRPC targets behind HTTPS listeners only; use `protocol: https`, or `protocol_version: http1`"),
            );
        }
    }
}
