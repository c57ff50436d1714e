//! E105: the health check speaks HTTP where targets speak TLS, or the other way round.

use super::super::checked::{Checked, Suspect};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;
use crate::model::value::Protocol;

const FIELD: &str = "health_check.protocol";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E105",
    name: "hc-protocol-mismatch",
    severity: Severity::Critical,
    needs: &[Need::Health],
    also: &[],
    summary: "the health check speaks another protocol than the targets",
    explain: EXPLAIN,
    bad: Situation {
        text: "the check opens TLS to gunicorn, which speaks plain HTTP",
        desired: DJANGO,
        live: "
target_groups:
  django:
    health_check:
      protocol: https
",
        health: &[
            Health::unhealthy("django/10.0.1.10:8000", "Target.FailedHealthChecks", "Health checks failed"),
            Health::unhealthy("django/10.0.2.10:8000", "Target.FailedHealthChecks", "Health checks failed"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "traffic and health check both speak HTTP",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A health check has a protocol of its own, beside the group's. An HTTPS check to a port that speaks plain HTTP fails in
the handshake; an HTTP check to a TLS port is answered 400 by nginx and Go, and closed without an answer by gunicorn,
uvicorn and Node. The default of a new group's check is HTTP even where the group itself is HTTPS.

What clients see: the check's protocol does not touch requests, so with some healthy targets left clients see nothing.
With none, the load balancer fails open and requests go to all targets in the group's own protocol: they work if that
one is right, and end in 502 if it is as wrong as the check's. Where ECS or Auto Scaling act on this health, targets are
replaced without end, and clients see 502 and 503.

How to tell: `Target.FailedHealthChecks`, or `Target.ResponseCodeMismatch` with [400], or, with servers that wait for
more bytes, `Target.Timeout`, while the check's protocol is not the group's or not the file's. A self-signed or expired
certificate on the target is not the reason: the load balancer does not validate it.

How to mend it: the check's protocol can be edited in place, and plan sets it back to the file's. The group's own
protocol cannot; if that one is wrong, the group has to be replaced.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\", \"Target groups for your Application
Load Balancers\"; API ModifyTargetGroup, CreateTargetGroup; what servers answer was measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Checked::all(evidence).filter_map(|group| failing(&group).or_else(|| latent(&group))).collect()
}

/// Targets fail in a way that a wrong protocol explains.
fn failing(group: &Checked) -> Option<Finding> {
    let targets = group.blamed(Suspect::Protocol);
    if targets.is_empty() {
        return None;
    }
    let protocol = group.protocol();
    let mut finding = group.finding(&RULE, group.failing(), FIELD, protocol, &targets);
    let mut detail = group.clients_see(false);
    if group.speaks_otherwise() {
        finding = finding.evident(group.address, "protocol", group.group.protocol);
        detail.push_str(" The group itself speaks ");
        detail.push_str(words(other(protocol)));
        detail.push_str(" to its targets.");
    }
    let fail = if targets.len() == 1 { "fails" } else { "fail" };
    let title = format!("health check speaks {}, {} {fail} it", words(protocol), group.who(targets.len()));
    let finding = finding.titled(title);
    Some(match group.other_protocol() {
        Some(want) => finding
            .detailed(format!("{detail} The file says {}.", words(want)))
            .mended_by(format!("set the health check's protocol to {want}, as the file says"))
            .declaring(group.address, FIELD, want),
        None => finding
            .detailed(detail)
            .mended_by(format!("declare health_check.protocol: {}, if targets speak that", other(protocol)))
            .declaring(group.address, FIELD, other(protocol)),
    })
}

/// The protocol is not the file's, and nothing proves that it fails.
fn latent(group: &Checked) -> Option<Finding> {
    let want = group.other_protocol()?;
    let (is, want_words) = (words(group.protocol()), words(want));
    let finding = group
        .finding(&RULE, group.latent(), FIELD, group.protocol(), &[])
        .titled(format!("health check speaks {is}, the file says {want_words}"))
        .detailed(group.not_yet())
        .mended_by(format!("set the health check's protocol to {want}, as the file says"));
    Some(finding.declaring(group.address, FIELD, want))
}

const fn other(protocol: Protocol) -> Protocol {
    match protocol {
        Protocol::Http => Protocol::Https,
        Protocol::Https => Protocol::Http,
    }
}

const fn words(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "HTTP",
        Protocol::Https => "HTTPS",
    }
}
