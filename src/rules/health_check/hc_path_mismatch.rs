//! E101: the health check asks a path that answers something else than success.

use super::super::checked::{Checked, Suspect, brief, codes_of, listed};
use super::super::probed::proxy_in_front;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;

const FIELD: &str = "health_check.path";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E101",
    name: "hc-path-mismatch",
    severity: Severity::Critical,
    needs: &[Need::Health],
    also: &[],
    summary: "the health check's path answers a code that is no success code",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody pointed the check at a path without Django's trailing slash",
        desired: DJANGO,
        live: "
target_groups:
  django:
    health_check:
      path: /api/health
",
        health: &[
            Health::unhealthy(
                "django/10.0.1.10:8000",
                "Target.ResponseCodeMismatch",
                "Health checks failed with these codes: [301]",
            ),
            Health::unhealthy(
                "django/10.0.2.10:8000",
                "Target.ResponseCodeMismatch",
                "Health checks failed with these codes: [301]",
            ),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the check asks the path that the file names, and it answers 200",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
The load balancer's health check is a GET for one path. If the answer's code is not among the success codes,
the target counts as unhealthy, however well it serves everything else. Typical: the path moved or was never
routed (404); a Django route needs its trailing slash and APPEND_SLASH redirects (301), or SECURE_SSL_REDIRECT
sends the check to https (301), and a redirect is not followed but judged by its own code; the path asks for a
login (401, 403, 302); ALLOWED_HOSTS refuses the check's Host header, which is the target's own address (400); the
view touches a database that is down (500).

What clients see: while some targets are healthy, those carry all requests. When none is, the load balancer fails
open and sends requests to every target, so clients see what the application really answers, not 503. It gets worse
where ECS or Auto Scaling act on the same health: they replace the targets again and again, and clients see 502 and
503 in each gap.

How to tell: `Target.ResponseCodeMismatch` in target health, with the codes seen in brackets. Ask a target yourself
as the checker does: `curl -i -H 'Host: 10.0.1.10:8000' http://10.0.1.10:8000/api/health/`. Asking localhost proves
little: Django with DEBUG on accepts localhost as a host name and nothing else.

How to mend it: if the live path is not the one in the file, plan sets it back with one call. If the path is right,
the application has to answer it with a success code: exempt it from redirects and logins, answer it before host
checks, keep it free of dependencies. Do not widen the success codes until a redirect or an error counts as health.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\", \"Troubleshoot your Application
Load Balancers\", \"Target group health\"; API DescribeTargetHealth; the Django rows were measured on Django 5.2.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Checked::all(evidence).filter_map(|group| failing(&group).or_else(|| latent(&group))).collect()
}

/// Targets answer the path with a wrong code.
fn failing(group: &Checked) -> Option<Finding> {
    let targets = group.blamed(Suspect::Path);
    if targets.is_empty() {
        return None;
    }
    let (path, codes) = (group.path(), codes_of(&targets));
    let matcher = group.codes().map(|codes| codes.to_string()).unwrap_or_default();
    let answer = if codes.is_empty() { "no success code".to_owned() } else { listed(&codes) };
    let verb = if targets.len() == 1 { "answers" } else { "answer" };
    let reason = match proxy_in_front(group) {
        Some(proxy) => format!(
            "{} on the target made this answer itself: what it passes requests on to is down or on another port \
             (nginx: proxy_pass; its error log names the reason).",
            proxy.as_str()
        ),
        None => hint(&codes, path),
    };
    let mut why = format!("{} {reason}", group.clients_see(true));
    let finding = group
        .finding(&RULE, group.failing(), FIELD, path, &targets)
        .evident(group.address, "accepted_codes", &matcher)
        .titled(format!("health check asks {}, {} {verb} {answer}", brief(path), group.who(targets.len())));
    Some(match group.other_path() {
        Some(want) => {
            why.push_str(&format!(" The file says {want}."));
            finding
                .detailed(why)
                .mended_by(format!("set the health check's path to {want}, as the file says"))
                .declaring(group.address, FIELD, want)
        }
        None if let Some(proxy) = proxy_in_front(group) => finding.detailed(why).mended_by(format!(
            "start what {} passes requests on to, or correct where it looks for it; its error log says which",
            proxy.as_str()
        )),
        None => finding.detailed(why).mended_by(format!(
            "let the application answer {path} with {matcher}, or declare a path that does as health_check.path"
        )),
    })
}

/// The path is not the file's, and nothing proves that it fails.
fn latent(group: &Checked) -> Option<Finding> {
    let want = group.other_path()?;
    let finding = group
        .finding(&RULE, group.latent(), FIELD, group.path(), &[])
        .titled(format!("health check asks {}, the file says {}", brief(group.path()), brief(want)))
        .detailed(group.not_yet())
        .mended_by(format!("set the health check's path to {want}, as the file says"));
    Some(finding.declaring(group.address, FIELD, want))
}

/// What a code usually means.
fn hint(codes: &[u16], path: &str) -> String {
    let has = |wanted: &[u16]| codes.iter().any(|code| wanted.contains(code));
    if has(&[301, 302, 307, 308]) {
        let slash = if path.ends_with('/') {
            String::new()
        } else {
            format!(" Django answers so where only {path}/ is a route (APPEND_SLASH).")
        };
        format!("The checker does not follow redirects.{slash} SECURE_SSL_REDIRECT does it to every path.")
    } else if has(&[400]) {
        "400 is what Django answers when ALLOWED_HOSTS lacks the target's own address, which the checker sends as Host."
            .to_owned()
    } else if has(&[401, 403]) {
        "The path asks for a login, which the checker does not have.".to_owned()
    } else if has(&[404]) {
        "The application knows no such path.".to_owned()
    } else if codes.iter().any(|code| *code >= 500) {
        "The application itself fails on this path.".to_owned()
    } else {
        "The answer is not among the success codes.".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    #[test]
    fn a_proxys_own_answer_is_told_from_the_applications() {
        let mut world = World::seed();
        world.saw(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 502, "server": "nginx/1.22.1" } } }],
            "root": { "outcome": { "answer": { "status": 502, "server": "nginx/1.22.1" } } } }"#,
        );
        let finding = world.only();
        assert!(finding.rule == "E101" && finding.detail.contains("proxy_pass"), "{finding:#?}");
    }
}
