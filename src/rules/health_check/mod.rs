//! E1xx: health checks and target health. What several rules share stands in [`checked`](super::checked).

pub(super) mod all_unhealthy_fail_open;
pub(super) mod elb_internal;
pub(super) mod hc_disabled;
pub(super) mod hc_initial;
pub(super) mod hc_matcher_drift;
pub(super) mod hc_path_mismatch;
pub(super) mod hc_port_decoupled;
pub(super) mod hc_port_mismatch;
pub(super) mod hc_protocol_mismatch;
pub(super) mod hc_timeout_ge_interval;
pub(super) mod hc_too_slow_to_eject;
pub(super) mod target_ip_unusable;
pub(super) mod target_missing;
pub(super) mod target_port_override;
pub(super) mod target_stopped;
pub(super) mod target_stray;

use super::Evidence;
use crate::model::Address;
use crate::model::kind::Target;

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

/// The same with instances.
const INSTANCES: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: instance
    vpc: main
    targets: ["i-0123456789abcdef0", "i-0123456789abcdef1"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

/// The same with the times of the check.
const TIMED: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    health_check:
      path: /api/health/
      interval: 15s
      timeout: 10s
      unhealthy_threshold: 2
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

/// What the files declare of a group's targets, against what is registered.
struct Roll<'e> {
    /// Declared and not registered, on no port.
    missing: Vec<(&'e Address, &'e Target)>,
    /// Registered and not declared, on no port.
    strays: Vec<&'e Address>,
    /// Registered on another port than the declared one: the live and the declared address.
    moved: Vec<(&'e Address, &'e Address)>,
}

/// `None` where the group's members are somebody else's. A target that is still being deregistered is not missing yet.
fn roll<'e>(evidence: &'e Evidence, group: &Address) -> Option<Roll<'e>> {
    let declared = evidence.declared_targets(group)?;
    let gone = |address: &Address| !evidence.state.contains_key(address);
    let mut missing: Vec<_> = declared.iter().filter(|(address, _)| gone(address)).copied().collect();
    let known = |address: &Address| declared.iter().any(|(known, _)| *known == address);
    let (mut strays, mut moved) = (Vec::new(), Vec::new());
    for (address, target) in evidence.targets_of(group).filter(|(address, _)| !known(address)) {
        match missing.iter().position(|(_, want)| want.id == target.id) {
            Some(at) => moved.push((address, missing.remove(at).0)),
            None => strays.push(address),
        }
    }
    missing.retain(|(address, _)| !evidence.leaving.contains(*address));
    Some(Roll { missing, strays, moved })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Severity::{Critical, High, Low, Medium};
    use super::super::testing::{World, answer};
    use crate::model::value::{CheckPort, Protocol};

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
        world.listener(443).default = Some(answer(404));
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
        world.expect(&[("E112", Critical)]);
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
