//! E407: targets close the connection while they work on a request.

use super::super::situation::Logged;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::shaped;
use crate::model::Kind;
use crate::model::traffic::Shape;

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
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E407",
    name: "worker-killed-midflight",
    severity: Severity::High,
    needs: &[Need::Logs],
    also: &[],
    summary: "targets close the connection while they work on a request",
    explain: EXPLAIN,
    bad: Situation {
        text: "requests that take longer end with 502 after 30 s",
        desired: STACK,
        logged: &[Logged { at: "target_group/django", requests: 90_000, shape: Shape::Cut, count: 57, reason: "" }],
        ..Situation::EMPTY
    },
    good: Situation { text: "the access logs show nothing of the kind", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer had sent the request, the target had taken it, and closed the connection without an answer: the process
was killed by the kernel for its memory, by its supervisor for its time, or it crashed. If all of them end after the same
number of seconds, a timeout killed them: a worker timeout, a grace time at deploys, a proxy in between.

What clients see: 502, on the requests that take longest or need most memory. Health checks are quick, so targets stay
healthy.

How to tell: access-log lines with 502, no target status, and a target time well above zero. Look into the application's
supervisor for killed workers at these times, and for exit code 137, which is the kernel's.

How to mend it: give the process the memory or the time that its slowest request needs, or take such work out of the
request. gunicorn `--timeout`, a container's memory limit, `stopTimeout` of an ECS task are the usual places.

Sources: re:Post \"HTTP 502 errors\" of Application Load Balancers; ELB user guide \"Troubleshoot your Application Load
Balancers\" (HTTP 502). That gunicorn's sync worker answers 500 when it is aborted was measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    shaped(evidence, Kind::TargetGroup, Shape::Cut)
        .map(|seen| {
            let (when, look) = match seen.counted.constant {
                Some(seconds) => (
                    format!("after {seconds} s"),
                    format!("look for a timeout of {seconds} s: worker timeout, stop grace, a proxy in between"),
                ),
                None => (
                    "amid the work".to_owned(),
                    "look for killed or crashed workers: memory limit, worker timeout, stop grace".to_owned(),
                ),
            };
            seen.finding(&RULE, Severity::High)
                .titled(format!("targets closed {} {when} without an answer", seen.times("connection")))
                .detailed("Clients get 502 on requests that the target had taken: it closed the connection instead of answering.")
                .mended_by(look)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::{Need, judge};
    use super::*;
    use crate::model::Address;
    use crate::model::traffic::{Counted, Traffic};

    #[test]
    fn a_constant_time_is_named() {
        for (constant, expected) in [(Some(30.0), "after 30 s"), (None, "amid the work")] {
            let counted = Counted { requests: 1000, shapes: [(Shape::Cut, 12)].into(), constant, ..Counted::default() };
            let counted = [(Address::target_group("django"), counted)].into();
            let traffic = Some(Traffic { counted, ..Traffic::default() });
            let evidence = Evidence { traffic, available: [Need::Logs].into(), ..Evidence::default() };
            let found = judge(&evidence).findings;
            assert!(found.len() == 1 && found[0].title.contains(expected), "{found:#?}");
        }
    }
}
