//! E103: the health check asks a port where nobody answers.

use super::super::checked::{Checked, Suspect, codes_of, listed};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;
use crate::model::Address;
use crate::model::value::CheckPort;

const FIELD: &str = "health_check.port";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E103",
    name: "hc-port-mismatch",
    severity: Severity::Critical,
    needs: &[Need::Health],
    also: &[],
    summary: "the health check asks a port where nobody answers it",
    explain: EXPLAIN,
    bad: Situation {
        text: "the check asks port 80, gunicorn listens on 8000 only",
        desired: DJANGO,
        live: "
target_groups:
  django:
    health_check:
      port: 80
",
        health: &[
            Health::unhealthy("django/10.0.1.10:8000", "Target.FailedHealthChecks", "Health checks failed"),
            Health::unhealthy("django/10.0.2.10:8000", "Target.FailedHealthChecks", "Health checks failed"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the check asks the port that receives traffic",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A health check goes to the port that receives traffic, or to a fixed one. A fixed port is right for a sidecar or an
admin endpoint, and wrong as soon as nothing listens there, something else does, or the security group keeps it
closed. Then every target is unhealthy while the application on its own port is well.

What clients see: as long as some targets are healthy, those carry the load. With none, the load balancer fails open
and requests go to all targets on their traffic port: they work if the application does, and end in 502 (refused) or
504 (no answer within 10 s) if it does not. Where ECS or Auto Scaling act on this health, targets are replaced without
end, and clients see 502 and 503.

How to tell: `Target.FailedHealthChecks` (the connection was refused or closed) or `Target.Timeout` (dropped on the
way, often by a security group) while the group's health-check port is not the traffic port or not the file's. If
another server listens there, its 404 shows as `Target.ResponseCodeMismatch`.

How to mend it: one call sets the port back to the file's, mostly `traffic-port`. If the fixed port is meant, start
what should listen there and let the load balancer's security group reach it.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\", \"Troubleshoot your Application
Load Balancers\", \"Target group health\"; API ModifyTargetGroup.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Checked::all(evidence).filter_map(|group| failing(&group).or_else(|| latent(&group))).collect()
}

/// Targets fail on the checked port. Where something on the way keeps the check from it, that is the cause.
fn failing(group: &Checked) -> Option<Finding> {
    let kept_away = |target: &Address| {
        let ways = group.evidence.paths().iter().filter(|way| way.target == *target && !way.is_traffic());
        ways.into_iter().any(|way| !way.refusals.is_empty())
    };
    let mut targets = group.blamed(Suspect::Port);
    targets.retain(|(address, ..)| !kept_away(address));
    let (_, first, health) = targets.first()?;
    let port = group.port();
    let codes = codes_of(&targets);
    let happens = match health.reason.as_deref() {
        Some("Target.Timeout") => "nothing answers there".to_owned(),
        Some("Target.ResponseCodeMismatch") => format!("something else answers {} there", listed(&codes)),
        _ => "the connection fails there".to_owned(),
    };
    let traffic = match (group.off_port(first), first.port) {
        (Some(_), Some(traffic)) => format!(" Traffic goes to port {traffic}."),
        _ => String::new(),
    };
    let finding = group.finding(&RULE, group.failing(), FIELD, port, &targets).titled(format!(
        "health check asks {} of {}, {happens}",
        words(port),
        group.who(targets.len())
    ));
    let detail = format!("{}{traffic}", group.clients_see(false));
    Some(match group.other_port() {
        Some(want) => finding
            .detailed(format!("{detail} The file says {}.", words(want)))
            .mended_by(format!("set the health check's port to {want}, as the file says"))
            .declaring(group.address, FIELD, want),
        None => finding.detailed(detail).mended_by(format!(
            "let the application answer health checks on {}, or declare health_check.port: traffic-port",
            words(port)
        )),
    })
}

/// The port is not the file's, and nothing proves that it fails.
fn latent(group: &Checked) -> Option<Finding> {
    let want = group.other_port()?;
    let finding = group
        .finding(&RULE, group.latent(), FIELD, group.port(), &[])
        .titled(format!("health check asks {}, the file says {}", words(group.port()), words(want)))
        .detailed(group.not_yet())
        .mended_by(format!("set the health check's port to {want}, as the file says"));
    Some(finding.declaring(group.address, FIELD, want))
}

fn words(port: CheckPort) -> String {
    match port {
        CheckPort::Traffic => "the traffic port".to_owned(),
        CheckPort::Fixed(port) => format!("port {port}"),
    }
}
