//! E303: the load balancer's idle timeout was raised above the declared one.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{FIELD, IDLE, groups_of};
use crate::model::Address;

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    idle_timeout: 60s
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E303",
    name: "idle-timeout-drift",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "the idle timeout was raised above the declared one",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody raised the idle timeout from 60 s to 300 s for a slow report",
        desired: STACK,
        live: "
load_balancers:
  web:
    idle_timeout: 300s
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the idle timeout is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
An application's keep-alive is chosen to outlive the load balancer's idle timeout: 65 s or 75 s against 60 s.
When somebody raises the idle timeout in the console, for one slow page, the order turns round: now the application
closes idle connections first, and the load balancer sends requests into connections that have just closed.

What clients see: sporadic 502 from the minute of the change, with every target healthy and the application's logs
empty. If the application's keep-alive is still longer than the new timeout, nothing.

How to tell: the live idle timeout is above the declared one; CloudTrail has ModifyLoadBalancerAttributes at the time
the 502 began. Declare `backend.keep_alive` on the groups, and this rule knows which of the two cases it is.

How to mend it: one call sets the declared timeout again. If a slow request was the reason for the change, declare the
longer timeout in the file and raise the application's keep-alive above it first.

Sources: ELB user guide \"Application Load Balancers\" (connection idle timeout, 1-4000 s, default 60 s), \"Troubleshoot
your Application Load Balancers\" (HTTP 502); API ModifyLoadBalancerAttributes.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.load_balancers().filter_map(|(lb, _)| judge(evidence, lb)).collect()
}

fn judge(evidence: &Evidence, lb: &Address) -> Option<Finding> {
    let live = evidence.seconds(lb, IDLE)?;
    let declared = evidence.declared(lb)?.load_balancer()?.attributes.get(IDLE)?;
    let declared: u32 = declared.parse().ok().filter(|declared| *declared < live)?;
    let keeps: Vec<_> = groups_of(evidence, lb).into_iter().map(|group| evidence.backend(group)?.keep_alive).collect();
    let known = keeps.iter().flatten().copied().filter(|keep| *keep > 0);
    let (severity, detail) = match known.min() {
        Some(keep) if keep <= live => (
            Severity::High,
            format!(
                "Clients get a sporadic 502: targets close idle connections after {keep} s, before the load balancer does."
            ),
        ),
        Some(keep) if keeps.iter().all(Option::is_some) => (
            Severity::Low,
            format!("Harmless so far: targets keep idle connections for {keep} s, which is longer still."),
        ),
        _ => (
            Severity::Medium,
            format!(
                "Clients get a sporadic 502 if targets close idle connections before {live} s. Declare backend.keep_alive to know."
            ),
        ),
    };
    Some(
        RULE.finding(severity, lb, FIELD)
            .titled(format!("idle timeout is {live} s, the file says {declared} s"))
            .detailed(detail)
            .evident(lb, FIELD, live)
            .mended_by(format!("set the idle timeout to {declared} s, as the file says"))
            .declaring(lb, FIELD, declared),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn the_applications_keep_alive_decides_how_bad_it_is() {
        let mut world = World::seed();
        world.balancer().attributes.insert(IDLE.to_owned(), "70".to_owned());
        world.expect(&[("E303", Severity::Low)]);
        world.backend().keep_alive = None;
        world.expect(&[("E303", Severity::Medium)]);
        world.backend().keep_alive = Some(65);
        world.expect(&[("E301", Severity::High), ("E303", Severity::High)]);
        world.balancer().attributes.insert(IDLE.to_owned(), "50".to_owned());
        world.expect(&[]);
    }
}
