//! E110: the health check's path asks for a login.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen, verb};

const FIELD: &str = "health_check.path";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E110",
    name: "hc-needs-auth",
    severity: Severity::Critical,
    needs: &[Need::Probe],
    also: &[],
    summary: "the health check's path asks for a login",
    explain: EXPLAIN,
    bad: Situation {
        text: "basic authentication covers the whole site, the health check's path included",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 401, "authenticate": "Basic realm=staging" } } }] }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The health checker sends no credentials, no cookie and no header of yours, and none can be configured. A path behind a
login answers it with 401, with 403, or with a redirect to the login page. Blocks by user agent do the same: the
checker calls itself ELB-HealthChecker/2.0.

What clients see: nothing while other targets are healthy. With none, the load balancer fails open and clients are
served; but ECS and Auto Scaling replace targets that stay unhealthy, and clients see 502 and 503 in the gaps.

How to tell: the probe prints the status with WWW-Authenticate or the Location of the login page.

How to mend it: exempt the path from the login (nginx: `auth_basic off` in its location; Django: no login_required, and
no login middleware, on that view), or choose a path that is open, such as Flower's /healthcheck. The path should tell
nothing but that the process answers.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Login);
    let codes = group.checked.codes();
    let answer = ones.first()?.saw.health_check(codes.as_ref())?.answer()?;
    let path = group.checked.path();
    let how = match (&answer.authenticate, &answer.location) {
        (Some(scheme), _) => format!(" ({})", brief(scheme)),
        (None, Some(to)) => format!(" to {}", brief(to)),
        (None, None) => String::new(),
    };
    Some(
        group
            .failing(&RULE, FIELD, &ones, true)
            .evident(group.address(), FIELD, path)
            .titled(format!(
                "health check asks {}, {} {} a login: {}{how}",
                brief(path),
                group.who(&ones),
                verb(ones.len(), "wants", "want"),
                answer.status
            ))
            .mended_by(format!(
                "exempt {path} from the login and from blocks by user agent, or declare an open path as health_check.path"
            )),
    )
}
