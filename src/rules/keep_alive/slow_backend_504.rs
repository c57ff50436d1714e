//! E305: the slowest request outlasts the load balancer's idle timeout.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{FIELD, IDLE, stack};
use crate::model::Address;

const HINT: &str = "backend.slowest_request";
/// AWS's longest idle timeout.
const LONGEST: u32 = 4000;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E305",
    name: "slow-backend-504",
    severity: Severity::High,
    needs: &[Need::Desired],
    also: &[],
    summary: "the slowest request outlasts the load balancer's idle timeout",
    explain: EXPLAIN,
    bad: Situation {
        text: "a report takes two minutes, the load balancer waits for one",
        desired: stack!("{ server: gunicorn, keep_alive: 75s, slowest_request: 120s }"),
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the slowest request ends well before the idle timeout",
        desired: stack!("{ server: gunicorn, keep_alive: 75s, slowest_request: 20s }"),
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
While a target works on a request and sends nothing, the connection is idle for the load balancer. After the idle
timeout (default 60 s) it gives up, and the target works on in vain.

What clients see: 504 for the slow requests, after a time that is always the same: the idle timeout. Requests that send
something in between, such as streams and WebSockets, are not hit.

How to tell: access-log lines with 504 and times close to the idle timeout; TargetResponseTime near it. The rule
compares the idle timeout with `backend.slowest_request`. A server that gives up earlier, such as gunicorn's sync worker
after its timeout of 30 s, answers 500 or breaks off (502) instead.

How to mend it: raise `idle_timeout` above the slowest request, and the application's keep-alive above the idle timeout
first, or E301 takes its place. Better: answer at once and let the client ask again for the result.

Sources: ELB user guide \"Application Load Balancers\" (connection idle timeout, 1-4000 s, default 60 s), \"Troubleshoot
your Application Load Balancers\" (HTTP 504); AWS knowledge center on 504 errors.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.target_groups().flat_map(|(group, _)| judge(evidence, group)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let slowest = evidence.backend(group)?.slowest_request?;
    let timeouts = evidence.load_balancers_of(group).into_iter();
    let timeouts = timeouts.filter_map(|lb| evidence.seconds(lb, IDLE).map(|idle| (lb, idle)));
    let (lb, idle) = timeouts.min_by_key(|(_, idle)| *idle).filter(|(_, idle)| slowest > *idle)?;
    let severity = if evidence.serves(group) { Severity::High } else { Severity::Medium };
    let finding = RULE
        .finding(severity, lb, FIELD)
        .titled(format!("the idle timeout is {idle} s, requests take up to {slowest} s"))
        .detailed(format!("Clients get 504 after {idle} s for requests that stay silent longer."))
        .evident(lb, FIELD, idle)
        .evident(group, HINT, slowest);
    let declared = evidence.declared(lb).and_then(|spec| spec.load_balancer()?.attributes.get(IDLE)?.parse().ok());
    Some(match declared.filter(|declared: &u32| *declared >= slowest) {
        Some(wanted) => finding
            .mended_by(format!("set the idle timeout of {} to {wanted} s, as the file says", lb.name))
            .declaring(lb, FIELD, wanted),
        None if slowest >= LONGEST => {
            finding.mended_by(format!("make requests shorter: the load balancer waits {LONGEST} s at most"))
        }
        None => {
            let wanted = slowest.saturating_add(slowest.div_ceil(5)).min(LONGEST);
            finding
                .mended_by(format!("declare idle_timeout: {wanted}s, once targets keep idle connections for longer"))
                .declaring(lb, FIELD, wanted)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn the_files_timeout_is_preferred_else_a_fifth_more() {
        let mut world = World::seed();
        world.balancer().attributes.insert(IDLE.to_owned(), "10".to_owned());
        let finding = world.only();
        assert_eq!(finding.title, "the idle timeout is 10 s, requests take up to 20 s");
        assert_eq!(finding.fix.declare.unwrap().value, 60);
        world.declare_of_balancer(IDLE, "10");
        assert_eq!(world.only().fix.declare.unwrap().value, 24);
        world.balancer().attributes.insert(IDLE.to_owned(), "20".to_owned());
        assert!(world.judge().iter().all(|f| f.rule != "E305"));
    }
}
