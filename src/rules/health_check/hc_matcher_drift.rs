//! E102: the success codes refuse a good answer, or take failures for health.

use super::super::checked::{Checked, Suspect, codes_of, listed};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;
use crate::model::Address;
use crate::model::value::CodeMatcher;

const FIELD: &str = "health_check.success_codes";

/// Answers that a broken application gives: redirects, refusals, no such page.
const FAILURES: [u16; 6] = [301, 302, 400, 401, 403, 404];

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E102",
    name: "hc-matcher-drift",
    severity: Severity::High,
    needs: &[],
    also: &[Need::Live, Need::Health],
    summary: "the success codes refuse a good answer, or take failures for health",
    explain: EXPLAIN,
    bad: Situation {
        text: "the check answers 204; the file takes 200-299, AWS was narrowed to 200",
        desired: r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    health_check:
      path: /api/health/
      success_codes: "200-299"
    targets: ["10.0.1.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#,
        live: "
target_groups:
  django:
    health_check:
      success_codes: \"200\"
",
        health: &[Health::unhealthy(
            "django/10.0.1.10:8000",
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [204]",
        )],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "200 and nothing else is health, on both sides",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
The success codes decide which answers to the health check count as health. They fail in two ways. Too narrow: the
application answers 204, or 200 on one release and 202 on the next, and every target is taken out though it is well.
Too wide: codes such as 301, 400 or 404 count as success, and then a check passes against a redirect, a refused host
name or a missing route; targets stay in service while clients see errors.

What clients see: with codes that are too narrow, no healthy target remains; the load balancer fails open and sends
requests to all, so clients often see nothing until ECS or Auto Scaling replace the targets: then 502 and 503. With
codes that are too wide, clients see the 502 and 4xx of targets that should have left service.

How to tell: too narrow shows as `Target.ResponseCodeMismatch` with a 2xx code, or with a code that the file accepts.
Too wide shows nowhere in target health; compare the group's success codes with what the path answers when it is well.

How to mend it: one call sets the codes back to the file's. Before codes are narrowed, look at what targets answer
now: if the wide codes hid a failure, narrowing them takes every target out at once. Never widen codes to make a
check green; mend the answer.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\"; API Matcher (200-499 for HTTP,
0-99 for gRPC, defaults 200 and 12).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let groups = Checked::all(evidence);
    groups.filter_map(|g| refusing(&g).or_else(|| hiding(&g)).or_else(|| differing(&g))).collect()
}

/// Good answers are refused.
fn refusing(group: &Checked) -> Option<Finding> {
    let targets = group.blamed(Suspect::Codes);
    if targets.is_empty() {
        return None;
    }
    let matcher = group.codes()?;
    let codes: Vec<u16> = codes_of(&targets).into_iter().filter(|code| !group.accepts(*code)).collect();
    let finding = group
        .finding(&RULE, group.failing(), FIELD, matcher.to_string(), &targets)
        .titled(format!(
            "{} {} {}, which success codes {matcher} refuse",
            group.who(targets.len()),
            if targets.len() == 1 { "answers" } else { "answer" },
            listed(&codes)
        ))
        .detailed(group.clients_see(true));
    Some(match group.other_codes() {
        Some(want) => finding.mended_by(format!("set the success codes to {want}, as the file says")).declaring(
            group.address,
            FIELD,
            want.to_string(),
        ),
        None => finding.mended_by(format!(
            "declare health_check.success_codes so that {} is a success, or let the application answer {matcher}",
            listed(&codes)
        )),
    })
}

/// Failures count as health.
fn hiding(group: &Checked) -> Option<Finding> {
    let matcher = group.codes().filter(|_| !group.grpc())?;
    let hidden: Vec<u16> = FAILURES.into_iter().filter(|code| matcher.accepts(*code)).collect();
    let (first, last) = (hidden.first()?, hidden.last()?);
    let which = if first == last { first.to_string() } else { format!("{first} to {last}") };
    let finding = group
        .finding(&RULE, Severity::Medium, FIELD, matcher.to_string(), &[])
        .titled(format!("success codes {matcher} take {which} for health"))
        .detailed(
            "A target that redirects, refuses or does not know its health path still counts as healthy and keeps \
             getting requests; clients see its errors, and no check says so.",
        );
    let finding = passing(group, &hidden).into_iter().fold(finding, |finding, (target, status)| {
        let title = format!("the health check passes with {status}, which success codes {matcher} take for health");
        finding.evident(target, "probe.health_check", status).titled(title)
    });
    let narrower = |codes: &&CodeMatcher| !hidden.iter().all(|code| codes.accepts(*code));
    Some(match group.other_codes().filter(narrower) {
        Some(want) => finding
            .mended_by(format!(
                "set the success codes to {want}, as the file says, once every target answers {} so",
                group.path()
            ))
            .declaring(group.address, FIELD, want.to_string()),
        None => finding
            .mended_by(format!("let {} answer 200, then narrow health_check.success_codes to \"200\"", group.path())),
    })
}

/// Targets whose health check a probe has seen passing with such a code.
fn passing<'e>(group: &Checked<'e>, hidden: &[u16]) -> Vec<(&'e Address, u16)> {
    let codes = group.codes();
    let seen = group.evidence.targets_of(group.address).filter_map(|(target, _)| {
        let check = group.evidence.probed.get(target)?.health_check(codes.as_ref())?;
        let status = check.status().filter(|status| check.passes(codes.as_ref()) && hidden.contains(status))?;
        Some((target, status))
    });
    seen.collect()
}

/// The codes are not the file's, and nothing proves that it hurts.
fn differing(group: &Checked) -> Option<Finding> {
    let (matcher, want) = (group.codes()?, group.other_codes()?);
    let finding = group
        .finding(&RULE, group.latent(), FIELD, matcher.to_string(), &[])
        .titled(format!("success codes are {matcher}, the file says {want}"))
        .detailed(group.not_yet())
        .mended_by(format!("set the success codes to {want}, as the file says"));
    Some(finding.declaring(group.address, FIELD, want.to_string()))
}
