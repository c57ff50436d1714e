//! E402: processes end before their requests do.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::Address;
use crate::model::value::TargetType;

const DELAY: &str = "deregistration_delay.timeout_seconds";
const HINT: &str = "backend.stop_grace";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E402",
    name: "grace-lt-drain",
    severity: Severity::High,
    needs: &[Need::Desired],
    also: &[],
    summary: "processes end before their requests do",
    explain: EXPLAIN,
    bad: Situation {
        text: "requests take up to 45 s, the process is killed 30 s after it was told to stop",
        desired: "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    deregistration_delay: 60s
    backend: { slowest_request: 45s, stop_grace: 30s }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the process has as long as the load balancer waits",
        desired: "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    deregistration_delay: 60s
    backend: { slowest_request: 45s, stop_grace: 60s }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
",
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The deregistration delay gives requests in flight the time to end; the process must live as long. What ends it earlier:
ECS stopTimeout (30 s unless set, 120 s at most on Fargate), a pod's termination grace period (30 s), gunicorn's
graceful timeout (30 s), hypercorn's (3 s). Whatever is still being answered then is cut off without an answer.

What clients see: 502 for slow requests at each deploy and scale-in, and at no other time. The connection simply ends.

How to tell: access-log lines with 502, a target status of `-` and a target time up to the grace period, at the times of
deploys. The rule compares `backend.stop_grace` with `backend.slowest_request` and the group's deregistration delay.

How to mend it: raise the grace period above the slowest request, better to the deregistration delay: ECS stopTimeout,
terminationGracePeriodSeconds, gunicorn --graceful-timeout. And end the process by SIGTERM, not SIGKILL.

Sources: ELB user guide \"Target groups for your Application Load Balancers\" (deregistration delay); API (ECS)
ContainerDefinition.stopTimeout; that gunicorn and uvicorn cut requests off with an empty end was measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let groups = evidence.target_groups().filter(|(_, group)| group.target_type != Some(TargetType::Lambda));
    groups.filter_map(|(group, _)| judge(evidence, group)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let backend = evidence.backend(group)?;
    let grace = backend.stop_grace?;
    let delay = evidence.seconds(group, DELAY);
    let (severity, title, detail, wanted) = match (backend.slowest_request, delay) {
        (Some(slowest), _) if grace < slowest => (
            Severity::High,
            format!("processes end {grace} s after they are told to, requests take up to {slowest} s"),
            "Clients get 502 for requests that outlive the grace period, at each deploy and scale-in.",
            delay.unwrap_or(0).max(slowest),
        ),
        (Some(slowest), _) if grace == slowest => (
            Severity::Medium,
            format!("processes end {grace} s after they are told to, just as the slowest request does"),
            "Clients may get 502 for the slowest requests, at each deploy and scale-in: it is a tie.",
            delay.unwrap_or(0).max(slowest + 5),
        ),
        (slowest, Some(delay)) if grace < delay => (
            if slowest.is_some() { Severity::Info } else { Severity::Low },
            format!("processes end {grace} s after they are told to, the load balancer waits {delay} s"),
            "Clients get 502 only for requests that take longer than the grace period, at each deploy.",
            delay,
        ),
        _ => return None,
    };
    let mut finding = RULE
        .finding(severity, group, HINT)
        .titled(title)
        .detailed(detail)
        .evident(group, HINT, grace)
        .mended_by(format!(
            "give the process {wanted} s to stop: ECS stopTimeout, terminationGracePeriodSeconds, gunicorn --graceful-timeout"
        ));
    if let Some(slowest) = backend.slowest_request {
        finding = finding.evident(group, "backend.slowest_request", slowest);
    }
    if let Some(delay) = delay {
        finding = finding.evident(group, "deregistration_delay", delay);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn requests_decide_and_else_the_delay() {
        // the delay is 60 s
        for (grace, slowest, severity) in [
            (30, Some(45), Some(Severity::High)),
            (30, Some(30), Some(Severity::Medium)),
            (30, Some(20), Some(Severity::Info)),
            (30, None, Some(Severity::Low)),
            (60, Some(45), None),
            (60, None, None),
        ] {
            let mut world = World::seed();
            world.backend().stop_grace = Some(grace);
            world.backend().slowest_request = slowest;
            let found = world.verdict().first().map(|(rule, severity)| (rule.clone(), *severity));
            assert_eq!(found, severity.map(|s| ("E402".to_owned(), s)), "{grace} {slowest:?}");
        }
    }
}
