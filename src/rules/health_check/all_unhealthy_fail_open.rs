//! E112: targets fail their health checks, and no setting explains it.

use super::super::checked::Checked;
use super::super::members::{Member, Members, cite};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;
use crate::model::TargetHealth;
use crate::model::value::{CheckPort, TargetType};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E112",
    name: "all-unhealthy-fail-open",
    severity: Severity::Critical,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "targets fail their health checks, and no setting explains it",
    explain: EXPLAIN,
    bad: Situation {
        text: "the application is down on every target: connections are refused",
        desired: DJANGO,
        health: &[
            Health::unhealthy("django/10.0.1.10:8000", "Target.FailedHealthChecks", "Health checks failed"),
            Health::unhealthy("django/10.0.2.10:8000", "Target.FailedHealthChecks", "Health checks failed"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both targets pass their health checks",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Targets are unhealthy, and what is known of the health check, the network and the targets does not say why: the check
asks the right path on the right port in the right protocol. Then it is the application that does not answer: it is
down, it listens on 127.0.0.1 only, a firewall on the host refuses it, or it is too busy to answer in time. Where
another rule names a cause, this one is silent.

What clients see: while some targets are healthy, those carry the load. With none, the load balancer fails open: it
sends requests to every target, healthy or not, and clients get 502 where the connection is refused or breaks, 504 where
nobody answers. They do not get 503 from the load balancer; that means a group without targets.

How to tell: HealthyHostCount is 0 and UnhealthyRoutingRequestCount rises. `Target.FailedHealthChecks` is a connection
that is refused or closed without an answer, `Target.Timeout` one that nobody answers in time. Ask a target yourself,
from the load balancer's subnets and not from localhost.

How to mend it: bring the application up on the traffic port of every address. Never deregister the last unhealthy
targets: failing open is better than an empty group, which answers 503 to everybody.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\", \"Target group health\",
\"CloudWatch metrics for your Application Load Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let groups = Members::groups(evidence).filter(Members::serves);
    groups.filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let failing = group.that(TargetHealth::is_unhealthy);
    let first = failing.first()?;
    let severity = match (group.ready(), group.that(TargetHealth::is_initial).len()) {
        (0, 0) => Severity::Critical,
        (0, _) => Severity::High,
        _ => Severity::Medium,
    };
    let fails = if failing.len() == 1 { "fails its health check" } else { "fail their health checks" };
    let finding = RULE
        .finding(severity, group.address, "targets")
        .titled(format!("{} {fails}: {}", group.who(failing.len()), reason(first)))
        .detailed(group.clients_see(failing.len()))
        .mended_by(how(evidence, group, first));
    Some(cite(finding, group.address, &failing))
}

fn reason(member: &Member) -> &'static str {
    match member.health.and_then(|h| h.reason.as_deref()) {
        Some("Target.FailedHealthChecks") => "the connection is refused or closed",
        Some("Target.Timeout") => "nobody answers in time",
        Some("Target.ResponseCodeMismatch") => "the answer is no success",
        _ => "AWS does not say why",
    }
}

/// What to try first.
fn how(evidence: &Evidence, members: &Members, first: &Member) -> String {
    if members.group.target_type == Some(TargetType::Lambda) {
        return format!("look into the logs of {}: it fails when it is invoked", first.target.id);
    }
    let group = Checked::of(evidence, members.address, members.group);
    let port = match (group.port(), first.target.port) {
        (CheckPort::Fixed(port), _) | (CheckPort::Traffic, Some(port)) => format!(":{port}"),
        (CheckPort::Traffic, None) => String::new(),
    };
    let host = match first.target.id.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        _ => first.target.id.clone(),
    };
    let url = format!("{}://{host}{port}{}", group.protocol(), group.path());
    format!("bring the application up, listening on 0.0.0.0 and not on 127.0.0.1 alone, until curl -i {url} succeeds")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer};
    use super::*;

    #[test]
    fn it_is_what_is_left_unexplained() {
        let mut world = World::seed();
        world.ail(2, "Target.Timeout", "");
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E112", Severity::Critical));
        assert_eq!(finding.title, "both targets fail their health checks: nobody answers in time");
        assert!(finding.detail.contains("fails open"), "{}", finding.detail);
        assert!(finding.fix.text.ends_with("curl -i http://10.0.1.10:8000/api/health/ succeeds"), "{finding:#?}");
        // the network explains it
        world.ingress("app").clear();
        world.expect(&[("E501", Severity::Critical)]);
    }

    #[test]
    fn some_left_is_a_warning_and_no_requests_are_nothing() {
        let mut world = World::seed();
        world.ail(1, "Target.FailedHealthChecks", "");
        world.expect(&[("E112", Severity::Medium)]);
        world.listener(443).default = Some(answer(404));
        world.expect(&[("E805", Severity::High)]);
    }
}
