//! E309: targets stop waiting for the rest of a request before the load balancer does.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{FIELD, IDLE, READ, stack};
use crate::model::Address;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E309",
    name: "target-read-timeouts-eq-idle",
    severity: Severity::Medium,
    needs: &[Need::Desired],
    also: &[],
    summary: "targets stop waiting for the rest of a request before the load balancer does",
    explain: EXPLAIN,
    bad: Situation {
        text: "Apache gives a slow upload 20 s, the load balancer 60 s",
        desired: stack!("{ server: apache, keep_alive: 75s, read_timeout: 20s }"),
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the target waits longer than the load balancer",
        desired: stack!("{ server: apache, keep_alive: 75s, read_timeout: 75s }"),
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer hands a request on while it still arrives. A client that pauses in the middle of an upload makes the
target wait: nginx for client_header_timeout and client_body_timeout (60 s), Apache for mod_reqtimeout's 20 to 40 s.
A target whose patience ends first closes the connection, and often without an answer that the load balancer can hand on.

What clients see: 502 on slow uploads, from mobile clients above all, where 408 would be right. Equal times are a race:
sometimes the load balancer answers 408 itself, sometimes it is 502.

How to tell: 502 on POST and PUT with a target status of `-`, and the target's log has 408 or a client timeout at that
moment. The rule compares `backend.read_timeout` with the load balancer's idle timeout.

How to mend it: let the target wait longer than the load balancer: nginx `client_body_timeout 75s` and
`client_header_timeout 75s`, Apache `RequestReadTimeout` with wider ranges.

Sources: nginx documentation of ngx_http_core_module; Apache documentation of mod_reqtimeout; ELB user guide
\"Troubleshoot your Application Load Balancers\" (HTTP 502, HTTP 408).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.target_groups().filter_map(|(group, _)| judge(evidence, group)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    // Node's is judged beside its keep-alive
    let read = evidence.backend(group).filter(|backend| !super::is_node(backend))?.read_timeout?;
    let timeouts = evidence.load_balancers_of(group).into_iter();
    let timeouts = timeouts.filter_map(|lb| evidence.seconds(lb, IDLE).map(|idle| (lb, idle)));
    let (lb, idle) = timeouts.max_by_key(|(_, idle)| *idle).filter(|(_, idle)| read <= *idle)?;
    let severity = if read < idle { Severity::Medium } else { Severity::Low };
    Some(
        RULE.finding(severity, group, READ)
            .titled(format!("targets wait {read} s for the rest of a request, the load balancer {idle} s"))
            .detailed("Clients that upload slowly get 502 where 408 would be right.")
            .evident(group, READ, read)
            .evident(lb, FIELD, idle)
            .mended_by(format!("let targets wait {} s or more for the rest of a request", idle + super::MARGIN)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn equal_is_a_race_and_longer_is_fine() {
        for (read, severity) in [(20, Some(Severity::Medium)), (60, Some(Severity::Low)), (61, None)] {
            let mut world = World::seed();
            world.backend().read_timeout = Some(read);
            let found = world.judge().into_iter().find(|f| f.rule == "E309").map(|f| f.severity);
            assert_eq!(found, severity, "{read}");
        }
    }
}
