//! E512: the load balancer is not active.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::STACK;
use super::subnet_ip_exhaustion::starved;
use crate::cloud::Facts;
use crate::model::Address;
use crate::model::kind::LoadBalancer;

const FIELD: &str = "state";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E512",
    name: "lb-not-active",
    severity: Severity::Critical,
    needs: &[Need::Live],
    also: &[],
    summary: "AWS says that the load balancer failed, is impaired, or is still being made",
    explain: EXPLAIN,
    bad: Situation {
        text: "AWS could not set the load balancer up",
        desired: STACK,
        around: "
web is failed
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the load balancer is active",
        desired: STACK,
        around: "
web is active
",
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A load balancer is `provisioning` for some minutes after it was made, then `active`. `active_impaired` means that it
serves, but lacks what it needs to grow; `failed`, that AWS could not set it up.

What clients see: with `failed`, nothing answers. With `active_impaired`, requests succeed until the load grows, then are
slow or end in 5xx. While it is `provisioning`, its DNS name may not resolve yet.

How to tell: DescribeLoadBalancers, State.Code and State.Reason. Where a subnet is out of addresses, that is the cause
(E509), and this rule is silent.

How to mend it: do what AWS's reason says. A failed load balancer has to be made anew; its DNS name changes.

Sources: API DescribeLoadBalancers (LoadBalancerState); ELB user guide \"Application Load Balancers\" (states).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.load_balancers().filter_map(|(address, lb)| finding(evidence, address, lb)).collect()
}

fn finding(evidence: &Evidence, address: &Address, lb: &LoadBalancer) -> Option<Finding> {
    let Some(Facts::LoadBalancer(facts)) = evidence.facts.get(address) else { return None };
    let (severity, happens, fix) = match facts.state.as_str() {
        "failed" => {
            (Severity::Critical, "Nothing answers clients.", "make the load balancer anew, once AWS's reason is gone")
        }
        "active_impaired" if starved(evidence, lb).is_empty() => (
            Severity::High,
            "It serves, but cannot grow: requests are slow or end in 5xx under load.",
            "give the load balancer what AWS's reason says it lacks",
        ),
        "provisioning" => (Severity::Info, "Its DNS name may not resolve yet.", "wait until AWS says `active`"),
        _ => return None,
    };
    let reason = facts.reason.as_deref().unwrap_or("AWS gives no reason");
    Some(
        RULE.finding(severity, address, FIELD)
            .titled(format!("AWS says that {} is {}", address.name, facts.state))
            .detailed(format!("{happens} Reason: {reason}."))
            .evident(address, FIELD, &facts.state)
            .mended_by(fix),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use crate::rules::Severity;

    #[test]
    fn each_state_has_its_weight() {
        for (state, found) in [
            ("active", None),
            ("provisioning", Some(Severity::Info)),
            ("active_impaired", Some(Severity::High)),
            ("failed", Some(Severity::Critical)),
        ] {
            let mut world = World::seed();
            world.around(&format!("web is {state}"));
            world.expect(&found.map(|severity| ("E512", severity)).into_iter().collect::<Vec<_>>());
        }
    }
}
