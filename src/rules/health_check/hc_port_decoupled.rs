//! E104: the health check watches another port than the one that serves.

use super::super::checked::Checked;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;
use crate::model::value::CheckPort;

const FIELD: &str = "health_check.port";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E104",
    name: "hc-port-decoupled",
    severity: Severity::High,
    needs: &[],
    also: &[Need::Live, Need::Health],
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
counts requests and never health checks. Or ask both ports of a target: they should fall together.

How to mend it: let the check ask the traffic port, or let the endpoint on the other port ask the application in its
turn. Before the port is changed, look that the traffic port answers the check's path with a success code: targets that
do not are taken out at once.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\" (HealthCheckPort), \"CloudWatch
metrics for your Application Load Balancer\" (TargetConnectionErrorCount).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Checked::all(evidence).filter_map(|group| judge(evidence, &group)).collect()
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
    let severity = if undeclared { Severity::Low } else { Severity::Info };
    Some(
        RULE.finding(severity, group.address, FIELD)
            .titled(format!("health check asks port {port}, requests go to port {traffic}"))
            .detailed(format!(
                "Clients would get 502 or 504 from a target whose port {traffic} is dead while port {port} still \
                 answers: it stays healthy."
            ))
            .evident(group.address, FIELD, port)
            .evident(group.address, "port", traffic)
            .mended_by("declare health_check.port: traffic-port, once that port answers the check's path with success"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

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
}
