//! E1xx: health checks and target health.
//!
//! One failing check can have several suspects, and drift rarely comes alone. [`Checked::blame`] puts each
//! unhealthy target at exactly one door, so that of the rules here only the causally right one is critical;
//! a setting that merely differs from the files is reported by its rule as latent.

pub(super) mod hc_matcher_drift;
pub(super) mod hc_path_mismatch;
pub(super) mod hc_port_mismatch;
pub(super) mod hc_protocol_mismatch;

use serde_json::{Value, json};

use super::{Evidence, Finding, Rule, Severity};
use crate::model::kind::{HealthCheck, Target, TargetGroup};
use crate::model::value::{CheckPort, CodeMatcher, Protocol, ProtocolVersion, TargetType};
use crate::model::{Address, TargetHealth};

/// How many targets a finding cites; the rest is a number.
const CITED: usize = 3;

/// What an unhealthy target's failure is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspect {
    /// The check's protocol.
    Protocol,
    /// The check's port.
    Port,
    /// The check's path, or the application's answer to it.
    Path,
    /// The success codes.
    Codes,
}

/// A health-checked group with what is known of its targets.
struct Checked<'e> {
    evidence: &'e Evidence<'e>,
    address: &'e Address,
    group: &'e TargetGroup,
    /// What the files declare of the check; nothing where they do not mention the group.
    want: HealthCheck,
    /// The targets whose health is decided: in service or out of it.
    judged: Vec<(&'e Address, &'e Target, &'e TargetHealth)>,
}

impl<'e> Checked<'e> {
    /// Every group of instances or addresses.
    fn all(evidence: &'e Evidence<'e>) -> impl Iterator<Item = Self> {
        let checked = |group: &TargetGroup| group.target_type != Some(TargetType::Lambda);
        evidence.target_groups().filter(move |(_, group)| checked(group)).map(move |(address, group)| {
            let declared = evidence.declared(address).and_then(|spec| spec.target_group());
            let judged = evidence
                .targets_of(address)
                .filter_map(|(a, target)| evidence.health.get(a).map(|health| (a, target, health)))
                .filter(|(_, _, health)| health.is_healthy() || health.is_unhealthy());
            let want = declared.map(|group| group.health_check.clone()).unwrap_or_default();
            Self { evidence, address, group, want, judged: judged.collect() }
        })
    }

    fn grpc(&self) -> bool {
        self.group.protocol_version == Some(ProtocolVersion::Grpc)
    }
    fn path(&self) -> &str {
        let default = if self.grpc() { "/AWS.ALB/healthcheck" } else { "/" };
        self.group.health_check.path.as_deref().unwrap_or(default)
    }
    fn port(&self) -> CheckPort {
        self.group.health_check.port.unwrap_or(CheckPort::Traffic)
    }
    fn protocol(&self) -> Protocol {
        self.group.health_check.protocol.unwrap_or(Protocol::Http)
    }
    fn codes(&self) -> Option<CodeMatcher> {
        let default = if self.grpc() { "12" } else { "200" };
        self.group.health_check.success_codes.clone().or_else(|| default.parse().ok())
    }
    fn accepts(&self, code: u16) -> bool {
        self.codes().is_some_and(|codes| codes.accepts(code))
    }

    /// The declared path, where it is not the one in effect; likewise the next three.
    fn other_path(&self) -> Option<&str> {
        self.want.path.as_deref().filter(|path| *path != self.path())
    }
    fn other_port(&self) -> Option<CheckPort> {
        self.want.port.filter(|port| *port != self.port())
    }
    fn other_protocol(&self) -> Option<Protocol> {
        self.want.protocol.filter(|protocol| *protocol != self.protocol())
    }
    fn other_codes(&self) -> Option<&CodeMatcher> {
        self.want.success_codes.as_ref().filter(|codes| Some(*codes) != self.codes().as_ref())
    }
    /// Whether the check speaks another protocol than the traffic.
    fn speaks_otherwise(&self) -> bool {
        self.group.protocol.is_some_and(|protocol| protocol != self.protocol())
    }
    /// The check's port, where it is a fixed one that is not this target's traffic port.
    fn off_port(&self, target: &Target) -> Option<u16> {
        match self.port() {
            CheckPort::Traffic => None,
            CheckPort::Fixed(port) => Some(port).filter(|port| Some(*port) != target.port),
        }
    }

    /// What an unhealthy target's failure is put down to, by AWS's reason code. A connection that breaks
    /// points at the protocol, then the port; silence at the port, then the protocol; an answer with a
    /// wrong code came from somebody who speaks HTTP, so at codes and path.
    fn blame(&self, target: &Target, health: &TargetHealth) -> Option<Suspect> {
        let protocol = (self.other_protocol().is_some() || self.speaks_otherwise()).then_some(Suspect::Protocol);
        let port = (self.other_port().is_some() || self.off_port(target).is_some()).then_some(Suspect::Port);
        match health.reason.as_deref() {
            Some("Target.FailedHealthChecks") => protocol.or(port),
            Some("Target.Timeout") => port.or(protocol),
            Some("Target.ResponseCodeMismatch") => {
                let codes = health.codes();
                let fine = |code: &u16| {
                    (200..300).contains(code) || self.want.success_codes.as_ref().is_some_and(|m| m.accepts(*code))
                };
                if !codes.is_empty() && codes.iter().all(fine) {
                    Some(Suspect::Codes)
                } else if codes.contains(&400) && protocol.is_some() {
                    Some(Suspect::Protocol)
                } else if self.other_path().is_none() && self.other_port().is_some() {
                    Some(Suspect::Port)
                } else {
                    Some(Suspect::Path)
                }
            }
            _ => None,
        }
    }
    /// The unhealthy targets that are put down to this suspect.
    fn blamed(&self, suspect: Suspect) -> Vec<(&'e Address, &'e Target, &'e TargetHealth)> {
        let unhealthy = self.judged.iter().filter(|(_, _, health)| health.is_unhealthy());
        unhealthy.filter(|(_, target, health)| self.blame(target, health) == Some(suspect)).copied().collect()
    }
    fn healthy(&self) -> usize {
        self.judged.iter().filter(|(_, _, health)| health.is_healthy()).count()
    }
    /// Whether every target that is judged is in service.
    fn all_healthy(&self) -> bool {
        !self.judged.is_empty() && self.healthy() == self.judged.len()
    }

    /// How bad failing checks are: nothing in service, some in service, or no requests for this group.
    fn failing(&self) -> Severity {
        match (self.evidence.serves(self.address), self.healthy()) {
            (false, _) => Severity::Medium,
            (true, 0) => Severity::Critical,
            (true, _) => Severity::High,
        }
    }
    /// How bad a setting is that only differs from the files: checks that pass everywhere prove that it
    /// does no harm, unless they no longer watch the port that serves.
    fn latent(&self) -> Severity {
        let blind = self.judged.iter().any(|(_, target, _)| self.off_port(target).is_some());
        if self.all_healthy() && !(blind && self.other_port().is_some()) { Severity::Low } else { Severity::Medium }
    }

    /// What clients see while checks fail, `answering` saying whether targets answer HTTP at all.
    fn clients_see(&self, answering: bool) -> String {
        let (all, healthy) = (self.judged.len(), self.healthy());
        if !self.evidence.serves(self.address) {
            return "No requests go to this group now; it could not take over.".to_owned();
        }
        if healthy > 0 {
            let out = all - healthy;
            return format!(
                "{out} of {all} targets are out of service. The rest carries the whole load; clients see 502 or 504 once it cannot."
            );
        }
        let see = if answering {
            "clients get whatever the application answers, working or not"
        } else {
            "clients get 502 or 504 from every target whose traffic port is dead as well"
        };
        format!(
            "No target is healthy, so the load balancer fails open and sends requests to all of them: {see}, not 503. \
             ECS and Auto Scaling replace targets that stay unhealthy, which clients see as 502 and 503."
        )
    }
    /// What clients see while a setting only differs from the files.
    fn not_yet(&self) -> &'static str {
        if self.all_healthy() {
            "Clients see nothing of it now: every target passes the check as it is. But it is not the check that the file describes, and may pass where that one would fail."
        } else {
            "Nothing proves yet that it hurts. If targets fail the check as it is, they leave service; once none is left, clients see 502 or 504."
        }
    }

    /// "targets", "the target" or "2 of 3 targets", for so many of the judged ones.
    fn who(&self, count: usize) -> String {
        match (count, self.judged.len()) {
            (1, 1) => "the target".to_owned(),
            (n, all) if n == all => "targets".to_owned(),
            (n, all) => format!("{n} of {all} targets"),
        }
    }

    /// A finding about a field of the check, with the field and the targets as evidence.
    fn finding(
        &self,
        rule: &Rule,
        severity: Severity,
        field: &str,
        value: impl serde::Serialize,
        targets: &[(&Address, &Target, &TargetHealth)],
    ) -> Finding {
        let mut finding = rule.finding(severity, self.address, field).evident(self.address, field, value);
        for (address, _, health) in targets.iter().take(CITED) {
            finding = finding.evident(address, "health", shown(health));
        }
        if targets.len() > CITED {
            finding = finding.evident(self.address, "unhealthy_targets", targets.len());
        }
        finding
    }
}

fn shown(health: &TargetHealth) -> Value {
    json!({ "state": health.state, "reason": health.reason, "description": health.description })
}

/// "404", or "301 and 404".
fn listed(codes: &[u16]) -> String {
    codes.iter().map(u16::to_string).collect::<Vec<_>>().join(" and ")
}

/// The codes of several targets, each once.
fn codes_of(targets: &[(&Address, &Target, &TargetHealth)]) -> Vec<u16> {
    let mut codes: Vec<u16> = targets.iter().flat_map(|(_, _, health)| health.codes()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The stack in which the rules of this group show themselves.
const DJANGO: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    health_check:
      protocol: http
      port: traffic-port
      path: /api/health/
      success_codes: "200"
    targets: ["10.0.1.10", "10.0.2.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

#[cfg(test)]
mod tests {
    use super::super::testing::World;
    use super::*;
    use Severity::{Critical, High, Low, Medium};

    const MISMATCH: &str = "Target.ResponseCodeMismatch";

    fn codes(codes: &str) -> String {
        format!("Health checks failed with these codes: [{codes}]")
    }

    /// Path, port and protocol all drifted: AWS's reason decides which of them is to blame.
    #[test]
    fn only_the_causally_right_rule_is_critical() {
        let mut world = World::seed();
        let check = world.check();
        check.path = Some("/".to_owned());
        check.port = Some(CheckPort::Fixed(80));
        check.protocol = Some(Protocol::Https);
        for (reason, description, critical) in [
            ("Target.FailedHealthChecks", String::new(), "E105"),
            ("Target.Timeout", String::new(), "E103"),
            (MISMATCH, codes("404"), "E101"),
            (MISMATCH, codes("400"), "E105"),
        ] {
            world.ail(2, reason, &description);
            let mut expected = vec![(critical, Critical)];
            expected.extend(["E101", "E103", "E105"].into_iter().filter(|c| *c != critical).map(|c| (c, Medium)));
            let found = world.verdict();
            assert_eq!(found[0], (critical.to_owned(), Critical), "{reason}");
            let mut rest: Vec<_> = found.iter().map(|(code, severity)| (code.as_str(), *severity)).collect();
            rest.sort_unstable_by_key(|(code, severity)| (std::cmp::Reverse(*severity), *code));
            assert_eq!(rest, expected, "{reason}");
        }
    }

    #[test]
    fn drift_that_passes_its_checks_is_low() {
        let mut world = World::seed();
        world.check().path = Some("/".to_owned());
        world.expect(&[("E101", Low)]);
        world.health.clear();
        world.expect(&[("E101", Medium)]);

        let mut world = World::seed();
        world.check().protocol = Some(Protocol::Https);
        world.expect(&[("E105", Low)]);

        // healthy on a port that serves nobody: the check is blind
        let mut world = World::seed();
        world.check().port = Some(CheckPort::Fixed(9000));
        world.expect(&[("E103", Medium)]);
    }

    #[test]
    fn some_healthy_targets_make_it_high_and_no_requests_medium() {
        let mut world = World::seed();
        world.check().port = Some(CheckPort::Fixed(80));
        world.ail(1, "Target.FailedHealthChecks", "");
        world.expect(&[("E103", High)]);
        assert_eq!(world.only().title, "health check asks port 80 of 1 of 2 targets, the connection fails there");
        world.ail(2, "Target.FailedHealthChecks", "");
        world.listener(443).default = Some(super::super::testing::answer(404));
        let found = world.judge();
        let e103 = found.iter().find(|f| f.rule == "E103").unwrap();
        assert_eq!(e103.severity, Medium);
    }

    #[test]
    fn an_answer_from_another_port_is_the_ports_fault() {
        let mut world = World::seed();
        world.check().port = Some(CheckPort::Fixed(80));
        world.ail(2, MISMATCH, &codes("404"));
        world.expect(&[("E103", Critical)]);
        assert_eq!(world.only().title, "health check asks port 80 of targets, something else answers 404 there");
    }

    #[test]
    fn without_drift_the_answer_is_the_applications() {
        let mut world = World::seed();
        for (seen, words) in [("404", "no such path"), ("400", "ALLOWED_HOSTS"), ("301", "redirects"), ("500", "fails")]
        {
            world.ail(2, MISMATCH, &codes(seen));
            let finding = world.only();
            assert_eq!((finding.rule.as_str(), finding.severity), ("E101", Critical));
            assert!(finding.detail.contains(words) && finding.fix.declare.is_none(), "{finding:#?}");
        }
        world.ail(2, "Target.FailedHealthChecks", "");
        world.expect(&[]);
    }

    #[test]
    fn findings_say_what_to_declare() {
        let mut world = World::seed();
        world.check().path = Some("/api/health".to_owned());
        world.ail(2, MISMATCH, &codes("301"));
        let finding = world.only();
        assert_eq!(finding.title, "health check asks /api/health, targets answer 301");
        assert!(finding.detail.contains("fails open") && finding.detail.contains("APPEND_SLASH"), "{}", finding.detail);
        let declare = finding.fix.declare.as_ref().unwrap();
        assert_eq!((declare.field.as_str(), &declare.value), (FIELD, &json!("/api/health/")));
        assert!(finding.cites(&finding.address, &FIELD.into()));
        assert!(!finding.cites(&finding.address, &"health_check.success_codes".into()));
    }
    const FIELD: &str = "health_check.path";

    #[test]
    fn success_codes_too_narrow_too_wide_and_merely_other() {
        let mut world = World::seed();
        world.ail(2, MISMATCH, &codes("204"));
        world.expect(&[("E102", High)]);
        assert_eq!(world.only().title, "targets answer 204, which success codes 200 refuse");

        let mut world = World::seed();
        world.check().success_codes = "200-499".parse().ok();
        world.expect(&[("E102", Medium)]);
        assert_eq!(world.only().fix.declare.unwrap().value, json!("200"));

        let mut world = World::seed();
        world.check().success_codes = "200-202".parse().ok();
        world.expect(&[("E102", Low)]);
    }

    #[test]
    fn an_http_check_of_an_https_group_is_found_without_files() {
        let mut world = World::seed();
        world.desired.specs.clear();
        world.group().protocol = Some(Protocol::Https);
        world.expect(&[]);
        world.ail(2, MISMATCH, &codes("400"));
        world.expect(&[("E105", Critical)]);
    }
}
