//! E104: the health check watches another port than the one that serves.

use super::super::cause::cause_of_request;
use super::super::checked::Checked;
use super::super::probed::{One, Probed};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;
use crate::model::Address;
use crate::model::value::CheckPort;
use crate::probe::observation::{Exchange, Outcome};

const FIELD: &str = "health_check.port";
const CONNECTIONS: &str = "TargetConnectionErrorCount";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E104",
    name: "hc-port-decoupled",
    severity: Severity::High,
    needs: &[],
    also: &[Need::Live, Need::Health, Need::Probe, Need::Metrics],
    summary: "the health check watches another port than the one that serves",
    explain: EXPLAIN,
    bad: Situation {
        text: "the check asks a sidecar on port 9000, requests go to port 8000",
        desired: r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    health_check:
      path: /healthz
      port: 9000
    targets: ["10.0.1.10", "10.0.2.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the check asks the port that serves",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A health check on a port of its own, that of a sidecar, an agent or an admin endpoint, says how that port is. If the
application on the traffic port hangs or dies while the other one goes on answering, every light is green and requests
still go there. It is a common and often deliberate setup, and the reason why nobody believes the 502s.

What clients see when it bites: 502 (refused) or 504 (no answer), although every target is healthy.

How to tell: all targets healthy, access-log lines with 502 and `-1 -1 -1`, TargetConnectionErrorCount above 0, which
counts requests and never health checks: with `diagnose --metrics 1h` the rule says so itself. A probe asks both ports of
a target: they should fall together.

How to mend it: let the check ask the traffic port, or let the endpoint on the other port ask the application in its
turn. Before the port is changed, look that the traffic port answers the check's path with a success code: targets that
do not are taken out at once.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\" (HealthCheckPort), \"CloudWatch
metrics for your Application Load Balancer\" (TargetConnectionErrorCount).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let seen: Vec<Finding> = Probed::all(evidence).filter_map(|group| seen(&group)).collect();
    let guessed = Checked::all(evidence).filter_map(|group| judge(evidence, &group));
    let guessed = guessed.filter(|guess| !seen.iter().any(|finding| finding.address == guess.address));
    guessed.chain(seen.iter().cloned()).collect()
}

/// The health check passes on its port, and nobody answers requests on theirs. That the probe gets no connection at all
/// may be a matter of where it stands.
fn seen(group: &Probed) -> Option<Finding> {
    let CheckPort::Fixed(port) = group.checked.port() else { return None };
    let codes = group.checked.codes();
    let dead = |one: &One<'_>| {
        let passes = one.saw.health_check(codes.as_ref()).is_some_and(|check| check.passes(codes.as_ref()));
        let fails = |request: &Exchange| match request.outcome {
            Outcome::Refused
            | Outcome::Reset
            | Outcome::Closed
            | Outcome::TimedOut
            | Outcome::TlsFailed(_)
            | Outcome::Garbage(_) => cause_of_request(&group.checked, one.saw).is_none(),
            Outcome::Answer(_) | Outcome::Endless | Outcome::Unconnected | Outcome::Unreachable(_) => false,
        };
        group.checked.off_port(one.target).is_some() && passes && one.saw.request.as_ref().is_some_and(fails)
    };
    let ones = group.those(dead);
    let request = ones.first()?.saw.request.as_ref()?;
    let value = |one: &One<'_>| one.saw.request.as_ref().map(Exchange::in_words);
    Some(
        group
            .finding(&RULE, group.of_requests(RULE.severity), FIELD, &ones, "probe.request", value)
            .evident(group.address(), FIELD, port)
            .titled(format!("the health check on port {port} passes, port {} serves nobody", group.port(&ones)))
            .detailed(format!(
                "Clients get 502 or 504 from {}, which stay{} healthy all the while: {}.",
                group.who(&ones),
                if ones.len() == 1 { "s" } else { "" },
                request.in_words()
            ))
            .mended_by(format!(
                "start the application on port {}; declare health_check.port: traffic-port, so that the check sees it",
                group.port(&ones)
            )),
    )
}

fn judge(evidence: &Evidence, group: &Checked) -> Option<Finding> {
    let CheckPort::Fixed(port) = group.port() else { return None };
    // another port than the file's is E103's, and so is one on which targets fail
    let decided = group.other_port().is_some() || group.healthy() < group.judged.len();
    let ports: std::collections::BTreeSet<u16> = match evidence.targets_of(group.address).next() {
        Some(_) => evidence.targets_of(group.address).filter_map(|(_, target)| target.port).collect(),
        None => group.group.port.into_iter().collect(),
    };
    let traffic = ports.iter().find(|traffic| **traffic != port).filter(|_| !decided)?;
    let undeclared = evidence.desired.is_some() && group.want.port.is_none();
    let failed = failed(evidence, group.address);
    let (severity, would) = match (failed, undeclared) {
        (Some(_), _) => (Severity::High, "get"),
        (None, true) => (Severity::Low, "would get"),
        (None, false) => (Severity::Info, "would get"),
    };
    let finding = RULE
        .finding(severity, group.address, FIELD)
        .titled(format!("health check asks port {port}, requests go to port {traffic}"))
        .detailed(format!(
            "Clients {would} 502 or 504 from a target whose port {traffic} is dead while port {port} still answers: it \
             stays healthy."
        ))
        .evident(group.address, FIELD, port)
        .evident(group.address, "port", traffic)
        .mended_by("declare health_check.port: traffic-port, once that port answers the check's path with success");
    Some(match failed {
        Some(count) => {
            finding.evident(group.address, "metrics", format!("{CONNECTIONS} {count}, every target healthy"))
        }
        None => finding,
    })
}

/// The connections of requests to targets that failed, while the targets are healthy: CloudWatch counts no health checks
/// among them.
fn failed(evidence: &Evidence, group: &Address) -> Option<f64> {
    let counted = evidence.traffic.as_ref()?.of(group)?;
    counted.metric(CONNECTIONS).filter(|count| *count > 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;
    use crate::model::traffic::Counted;

    #[test]
    fn connections_that_fail_to_healthy_targets_make_it_the_cause() {
        let mut world = World::seed();
        world.check().port = Some(CheckPort::Fixed(9000));
        world.wanted_check().port = Some(CheckPort::Fixed(9000));
        world.available.remove(&Need::Network);
        for (count, severity) in [(0.0, Severity::Info), (312.0, Severity::High)] {
            let metrics = [(CONNECTIONS.to_owned(), count)].into();
            let counted = Counted { metrics, ..Counted::default() };
            world.measured = [(Address::target_group("django"), counted)].into();
            world.expect(&[("E104", severity)]);
            let finding = world.only();
            assert_eq!(
                finding.evidence.iter().any(|e| e.value == "TargetConnectionErrorCount 312, every target healthy"),
                count > 0.0
            );
            assert_eq!(finding.detail.starts_with("Clients get"), count > 0.0);
        }
        // a target that fails the check has a cause of its own
        world.ail(1, "Target.Timeout", "");
        assert!(world.verdict().iter().all(|(rule, _)| rule != "E104"));
    }

    #[test]
    fn a_port_that_no_file_mentions_is_more_than_a_note() {
        let mut world = World::seed();
        world.check().port = Some(CheckPort::Fixed(9000));
        // the security groups of this world admit port 8000 only, which is another rule's business
        world.available.remove(&Need::Network);
        world.expect(&[("E103", Severity::Medium)]);
        world.wanted_check().port = None;
        world.expect(&[("E104", Severity::Low)]);
        world.check().port = Some(CheckPort::Fixed(8000));
        world.expect(&[]);
    }

    #[test]
    fn a_probe_asks_both_ports() {
        let title = |request: &str| {
            let mut world = World::seed();
            (world.check().port, world.wanted_check().port) =
                (Some(CheckPort::Fixed(9000)), Some(CheckPort::Fixed(9000)));
            world.available.remove(&Need::Network);
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 200 }} }} }}],
                "request": {{ "outcome": {request} }} }}"#
            ));
            let found = world.only();
            assert_eq!(found.rule, "E104");
            (found.severity, found.title)
        };
        let (severity, refused) = title(r#""refused""#);
        assert_eq!(severity, Severity::High);
        assert_eq!(refused, "the health check on port 9000 passes, port 8000 serves nobody");
        assert_eq!(title(r#""unconnected""#).0, Severity::Info, "it may stand in the wrong place");
        assert_eq!(title(r#"{ "answer": { "status": 404 } }"#).0, Severity::Info);
    }
}
