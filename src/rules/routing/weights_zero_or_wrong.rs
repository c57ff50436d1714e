//! E803: weights send requests to a group that cannot answer, or to none.

use super::super::forwards::{Forwarding, in_words, shown};
use super::super::members::Members;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E803",
    name: "weights-zero-or-wrong",
    severity: Severity::Critical,
    needs: &[Need::Live],
    also: &[Need::Health],
    summary: "weights send requests to a group that cannot answer, or to none",
    explain: EXPLAIN,
    bad: Situation {
        text: "a release was switched to green, and green was emptied since",
        desired: STACK,
        live: "
load_balancers:
  web:
    listeners:
      80:
        default: { forward: { to: { blue: 0, green: 100 } } }
",
        health: &[Health::healthy("blue/10.0.1.10:8000")],
        empty: &["green"],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "everything goes to blue, which has a healthy target",
        desired: STACK,
        health: &[Health::healthy("blue/10.0.1.10:8000")],
        empty: &["green"],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const STACK: &str = "
target_groups:
  blue:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [\"10.0.1.10\"]
  green:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: { to: { blue: 100, green: 0 } } }
";

const EXPLAIN: &str = "
A forward to several groups splits requests by weight, whatever the groups' state: the load balancer does not move the
share of a group that cannot answer to the others. Weights are left wrong by releases that stopped half-way, by hands,
and by tools that empty a group and forget its weight. With every weight 0 no group gets anything.

What clients see: 503 for the share of a group that has no targets, 502 or 504 for that of a group whose targets are all
unhealthy; with weights of 50 and 50, for every other request. With every weight 0, 503 for all of them.

How to tell: the share of failures in the access log is the group's share of the weights, and `target_group_arn` is the
same for all of them.

How to mend it: one call sets the whole list of groups and weights; look first that the group which is to take over has a
healthy target. Where a deployer shifts the weights (`weights: external` in the file), tell the deployer.

Sources: ELB user guide \"Listeners for your Application Load Balancers\" (weights 0 to 999), \"Troubleshoot your
Application Load Balancers\" (HTTP 503); API ForwardActionConfig, ModifyRule, ModifyListener.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let several = Forwarding::all(evidence).filter(|forwarding| forwarding.forward.to.len() > 1);
    several.filter_map(|f| none(&f).or_else(|| dead(evidence, &f)).or_else(|| other(evidence, &f))).collect()
}

/// Every weight is 0.
fn none(forwarding: &Forwarding) -> Option<Finding> {
    let zero = forwarding.forward.to.values().all(|weight| *weight == 0);
    let finding = zero.then(|| forwarding.finding(&RULE, forwarding.total()))?;
    let finding = finding
        .titled("every weight is 0: no group gets requests")
        .detailed(format!("Clients get 503 for {}.", forwarding.whose()));
    Some(mended(finding, forwarding, "give a group with healthy targets a weight above 0"))
}

/// A group with a weight cannot answer.
fn dead(evidence: &Evidence, forwarding: &Forwarding) -> Option<Finding> {
    let drifted = forwarding.other_weights().is_some();
    let fed = forwarding.fed();
    let all: u32 = forwarding.forward.to.values().map(|weight| u32::from(*weight)).sum();
    // without drift, unhealthy targets and declared ones that are missing have causes of their own
    let blamed = |group: &Members| {
        let unfilled = evidence.declared_targets(group.address).is_none_or(|targets| targets.is_empty());
        group.is_dead() && (drifted || evidence.empty.contains(group.address) && unfilled)
    };
    let dead: Vec<_> = fed.iter().filter(|(group, _)| blamed(group)).collect();
    let (first, _) = dead.first()?;
    let lost: u32 = dead.iter().map(|(_, weight)| u32::from(*weight)).sum();
    let share = (lost * 100).div_ceil(all.max(1));
    let severity = if lost == all { forwarding.total() } else { Severity::High };
    let empty = evidence.empty.contains(first.address);
    let part = if share == 100 { "all".to_owned() } else { format!("{share}% of") };
    let (what, code) = if empty { ("no target", "503") } else { ("no healthy target", "502 or 504") };
    let mut finding = forwarding
        .finding(&RULE, severity)
        .titled(format!("{part} requests go to {}, which has {what}", first.address.name))
        .detailed(format!("Clients get {code} for {part} requests here: the share does not move elsewhere."));
    for (group, _) in &dead {
        finding = finding.evident(group.address, "healthy_targets", group.ready());
    }
    Some(mended(finding, forwarding, &format!("set the weight of {} to 0", first.address.name)))
}

/// The weights are not the file's; whoever gets requests can answer them.
fn other(evidence: &Evidence, forwarding: &Forwarding) -> Option<Finding> {
    let want = forwarding.other_weights()?;
    let group = |link: &crate::model::Link| {
        let address = link.address()?;
        Some((address.clone(), evidence.target_group(address)?.clone()))
    };
    // a declared switch to a group that cannot answer is E408's
    let flips = want.to.iter().filter(|(_, weight)| **weight > 0).filter_map(|(link, _)| group(link));
    if flips.into_iter().any(|(address, spec)| Members::of(evidence, &address, &spec).is_dead()) {
        return None;
    }
    let finding = forwarding
        .finding(&RULE, Severity::Low)
        .titled(format!("weights are {}, the file says {}", in_words(forwarding.forward), in_words(want)))
        .detailed("Clients see no 5xx of it: every group that gets requests can answer them, in other shares.");
    Some(mended(finding, forwarding, ""))
}

fn mended(finding: Finding, forwarding: &Forwarding, otherwise: &str) -> Finding {
    match forwarding.other_weights() {
        Some(want) => finding.mended_by(format!("set the weights to {}, as the file says", in_words(want))).declaring(
            forwarding.address,
            forwarding.field(),
            shown(want),
        ),
        None => finding.mended_by(otherwise),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::testing::{World, at, link};
    use super::*;
    use crate::model::kind::{Action, Forward};

    /// Both sides forward to django and canary by these weights.
    fn weighted(live: (u16, u16), want: (u16, u16)) -> World {
        let to = |(django, canary)| {
            let to = [(link("target_group/django"), django), (link("target_group/canary"), canary)];
            Action::Forward(Forward { to: BTreeMap::from(to), stickiness: None, external: false })
        };
        let mut world = World::seed();
        let canary = world.live[&at("target_group/django")].clone();
        world.live.insert(at("target_group/canary"), canary);
        world.listener(443).default = Some(to(live));
        let mut listener = world.desired.specs[&at("listener/web:443")].listener().unwrap().clone();
        listener.default = Some(to(want));
        world.desired.specs.insert(at("listener/web:443"), listener.into());
        world
    }

    #[test]
    fn the_share_of_a_group_that_cannot_answer_is_what_clients_lose() {
        let mut world = weighted((50, 50), (100, 0));
        world.empty.insert(at("target_group/canary"));
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E803", Severity::High));
        assert_eq!(finding.title, "50% of requests go to canary, which has no target");
        assert_eq!(finding.fix.text, "set the weights to canary 0, django 100, as the file says");
        // as declared: empty is wrong all the same
        let mut world = weighted((95, 5), (95, 5));
        world.expect(&[]);
        world.empty.insert(at("target_group/canary"));
        assert_eq!(world.only().fix.text, "set the weight of canary to 0");
    }

    #[test]
    fn no_weight_at_all_is_critical_and_other_weights_are_low() {
        weighted((0, 0), (100, 0)).expect(&[("E803", Severity::Critical)]);
        weighted((90, 10), (100, 0)).expect(&[("E803", Severity::Low)]);
        weighted((100, 0), (100, 0)).expect(&[]);
    }
}
