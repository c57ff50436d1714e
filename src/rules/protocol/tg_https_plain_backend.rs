//! E201: the load balancer opens TLS to targets that speak plain HTTP.

use super::super::cause::Cause;
use super::super::checked::Checked;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::{REPLACED, STACK};
use crate::model::value::Protocol;

const FIELD: &str = "protocol";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E201",
    name: "tg-https-plain-backend",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Desired, Need::Live, Need::Health, Need::Probe],
    summary: "a group speaks HTTPS to targets that speak plain HTTP, as the files say or a probe sees",
    explain: EXPLAIN,
    bad: Situation {
        text: "the group was made with HTTPS; its checks pass in plain HTTP, every request fails",
        desired: STACK,
        live: "
target_groups:
  django:
    protocol: https
",
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the group speaks what its targets speak",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A group's protocol is what the load balancer speaks to targets. With HTTPS it opens every connection with a TLS
handshake. A server that expects plain HTTP takes the handshake for a broken request and answers 400, resets the
connection, or, like daphne, waits.

What clients see: 502 for every request to this group; 504 after 10 s where the server only waits. The health check has
a protocol of its own: if that one is HTTP, every target is healthy all the while.

How to tell: the metric TargetTLSNegotiationErrorCount rises with HTTPCode_ELB_502_Count; checks over HTTPS end in
`Target.FailedHealthChecks`. The rule compares the group with the file: if targets pass checks in plain HTTP it is sure,
if they pass them over TLS the file is probably wrong. A probe makes the handshake, and asks the same in plain HTTP.

How to mend it: AWS cannot change a group's protocol. A new group with the right one takes its place: created, filled,
checked, switched to, the old one drained; plan has these steps. Or let the application speak TLS; any certificate will
do, the load balancer does not validate it.

Sources: ELB user guide \"Target groups for your Application Load Balancers\", \"Troubleshoot your Application Load
Balancers\" (HTTP 502); API CreateTargetGroup; what servers do was measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let seen: Vec<Finding> = Probed::all(evidence).filter_map(|group| seen(&group)).collect();
    // what was tried needs no guess
    let guessed = Checked::all(evidence).filter_map(|group| judge(evidence, &group));
    let guessed = guessed.filter(|guess| !seen.iter().any(|finding| finding.address == guess.address));
    guessed.chain(seen.iter().cloned()).collect()
}

/// The probe's handshakes fail, and plain HTTP is answered on the same port.
fn seen(group: &Probed) -> Option<Finding> {
    if group.protocol() != Protocol::Https {
        return None;
    }
    let ones = group.blamed(Cause::Protocol);
    ones.first()?;
    let port = group.port(&ones);
    let too = if group.checked.protocol() == Protocol::Https { " and health_check.protocol: http" } else { "" };
    Some(
        group
            .failing(&RULE, FIELD, &ones, false)
            .evident(group.address(), FIELD, Protocol::Https)
            .titled(format!(
                "the load balancer speaks HTTPS to {}, which {} plain HTTP on port {port}",
                group.who(&ones),
                if ones.len() == 1 { "speaks" } else { "speak" }
            ))
            .mended_by(format!("let port {port} speak TLS, or declare protocol: http{too} on the group. {REPLACED}"))
            .declaring(group.address(), FIELD, Protocol::Http),
    )
}

fn judge(evidence: &Evidence, checked: &Checked) -> Option<Finding> {
    let declared = evidence.declared(checked.address)?.target_group()?;
    if checked.group.protocol != Some(Protocol::Https) || declared.protocol != Some(Protocol::Http) {
        return None;
    }
    let healthy = checked.healthy();
    let (severity, detail) = match (checked.protocol(), healthy) {
        _ if !evidence.serves(checked.address) => (
            Severity::Medium,
            "Clients see nothing now: no requests go to this group. It could not take over.".to_owned(),
        ),
        (Protocol::Http, 1..) => (
            Severity::Critical,
            format!("Clients get 502: {healthy} targets pass checks in plain HTTP and cannot answer a TLS handshake."),
        ),
        (Protocol::Https, 1..) => (
            Severity::Low,
            format!("Clients see nothing: {healthy} targets pass checks over TLS, so the file may be wrong."),
        ),
        (Protocol::Http | Protocol::Https, 0) if !checked.judged.is_empty() => (
            Severity::Critical,
            "Clients get 502: the load balancer fails open, and targets cannot answer its TLS handshake.".to_owned(),
        ),
        (Protocol::Http | Protocol::Https, _) => (
            Severity::High,
            "Clients get 502 for every request if targets speak plain HTTP, as the file says.".to_owned(),
        ),
    };
    Some(
        RULE.finding(severity, checked.address, FIELD)
            .titled("the load balancer speaks HTTPS to targets, the file says HTTP")
            .detailed(detail)
            .evident(checked.address, FIELD, Protocol::Https)
            .evident(checked.address, "health_check.protocol", checked.protocol())
            .mended_by(format!("let the group speak http, as the file says. {REPLACED}"))
            .declaring(checked.address, FIELD, Protocol::Http),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer};
    use super::*;

    #[test]
    fn the_health_check_decides_how_sure_it_is() {
        let mut world = World::seed();
        world.group().protocol = Some(Protocol::Https);
        world.expect(&[("E201", Severity::Critical)]);
        world.health.clear();
        world.expect(&[("E201", Severity::High)]);
        world.listener(443).default = Some(answer(404));
        assert!(world.verdict().contains(&("E201".to_owned(), Severity::Medium)));

        let mut world = World::seed();
        world.group().protocol = Some(Protocol::Https);
        world.check().protocol = Some(Protocol::Https);
        assert!(world.verdict().contains(&("E201".to_owned(), Severity::Low)), "the file may be wrong");
    }

    #[test]
    fn a_probe_sees_plain_http_behind_the_handshake() {
        let no_tls = r#"{ "tls_failed": "no TLS" }"#;
        let plain = r#"{ "outcome": { "answer": { "status": 200 } } }"#;
        let mut world = World::seed();
        (world.group().protocol, world.desired_group().protocol) = (Some(Protocol::Https), Some(Protocol::Https));
        world.saw(&format!(
            r#"{{ "health_checks": [{plain}], "request": {{ "outcome": {no_tls} }}, "other_request": {plain} }}"#
        ));
        assert_eq!(
            world.only().title,
            "the load balancer speaks HTTPS to targets, which speak plain HTTP on port 8000"
        );
        for check in [true, false] {
            let check = if check { world.check() } else { &mut world.desired_group().health_check };
            check.protocol = Some(Protocol::Https);
        }
        world.saw(&format!(r#"{{ "health_checks": [{{ "outcome": {no_tls} }}], "other_protocol": {plain} }}"#));
        world.expect(&[("E201", Severity::Critical)]);
        world.saw(&format!(r#"{{ "health_checks": [{{ "outcome": {no_tls} }}] }}"#));
        assert!(world.verdict().iter().all(|(rule, _)| rule != "E201"), "nobody answered in plain HTTP");
    }
}
