//! E108: the health check is redirected.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen, verb};

const FIELD: &str = "health_check.path";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E108",
    name: "hc-redirected",
    severity: Severity::Critical,
    needs: &[Need::Probe],
    also: &[],
    summary: "the health check is redirected, which is no success",
    explain: EXPLAIN,
    bad: Situation {
        text: "Django's SECURE_SSL_REDIRECT sends the health check to https",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "host": "10.0.1.10:8000", "path": "/api/health/", "outcome": { "answer":
            { "status": 301, "location": "https://10.0.1.10:8000/api/health/" } } }] }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A health check is one GET for one path. A redirect is judged by its own code, and 301 or 302 are no success codes
unless somebody made them such. Three redirects are usual. To https: Django's SECURE_SSL_REDIRECT and an nginx server
block that only redirects do it to every plain request, and the checker sends no X-Forwarded-Proto, so that
SECURE_PROXY_SSL_HEADER does not help it. To the same path with a slash: APPEND_SLASH. To another host: PREPEND_WWW and
canonical host names.

What clients see: nothing while other targets are healthy. When every target redirects, all are unhealthy, the load
balancer fails open and clients get what the application answers; ECS and Auto Scaling replace the targets without
end, and clients see 502 and 503 in the gaps.

How to tell: a probe sends the health check's very bytes and prints the Location. That the checker does not follow
redirects follows from its judging by the status alone; no AWS page says it in a sentence.

How to mend it: exempt the path from the redirect (Django: SECURE_REDIRECT_EXEMPT = [r'^api/health/$'], without a
leading slash; nginx: a `location =` of its own in the block on port 80), or ask the path with its slash. Do not add 301
to the success codes: a redirect says nothing of health.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\"; measured on Django 5.2 and nginx
1.22.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Redirected);
    let codes = group.checked.codes();
    let answer = ones.first()?.saw.health_check(codes.as_ref())?.answer()?;
    let (to, path) = (answer.location.as_deref()?, group.checked.path());
    let finding = group.failing(&RULE, FIELD, &ones, true).evident(group.address(), FIELD, path).titled(format!(
        "health check asks {}, {} {} {} to {}",
        brief(path),
        group.who(&ones),
        verb(ones.len(), "answers", "answer"),
        answer.status,
        brief(to)
    ));
    Some(match Kind::of(path, to) {
        Kind::Slash(with) => finding.mended_by(format!("set the health check's path to {with}")).declaring(
            group.address(),
            FIELD,
            with,
        ),
        Kind::Https => finding.mended_by(format!(
            "let the application answer {path} without a redirect to https; Django: SECURE_REDIRECT_EXEMPT = [r'^{}$']; \
             nginx: a `location = {path}` in the server block of this port",
            path.trim_start_matches('/')
        )),
        Kind::Host => finding.mended_by(format!(
            "let the application answer {path} under any host name: exempt it from PREPEND_WWW and canonical hosts"
        )),
        Kind::Elsewhere => {
            finding.mended_by(format!("let the application answer {path} itself, or declare a path that it does answer"))
        }
    })
}

/// What a redirect changes.
enum Kind {
    /// Only a slash at the end; the path with it.
    Slash(String),
    /// The scheme.
    Https,
    /// The host.
    Host,
    /// The path.
    Elsewhere,
}

impl Kind {
    fn of(path: &str, to: &str) -> Self {
        let (https, rest) = match (to.strip_prefix("https://"), to.strip_prefix("http://")) {
            (Some(rest), _) => (true, Some(rest)),
            (None, Some(rest)) => (false, Some(rest)),
            (None, None) => (false, None),
        };
        let target = rest.map_or(to, |rest| rest.find('/').map_or("/", |at| rest.get(at..).unwrap_or("/")));
        if target.strip_suffix('/') == Some(path) {
            return Self::Slash(target.to_owned());
        }
        match (https, rest.is_some(), target == path) {
            (true, _, true) => Self::Https,
            (false, true, true) => Self::Host,
            _ => Self::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    fn redirected(to: &str) -> super::Finding {
        let mut world = World::seed();
        world.saw(&format!(
            r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 301, "location": "{to}" }} }} }}] }}"#
        ));
        world.available.insert(super::Need::Probe);
        world.only()
    }

    #[test]
    fn the_fix_is_for_what_the_redirect_changes() {
        assert!(redirected("https://10.0.1.10:8000/api/health/").fix.text.contains("SECURE_REDIRECT_EXEMPT"));
        assert!(redirected("http://www.10.0.1.10/api/health/").fix.text.contains("PREPEND_WWW"));
        assert!(redirected("/elsewhere").fix.text.contains("declare a path"));
        assert_eq!(redirected("/accounts/login/?next=/api/health/").rule, "E110", "a login is another cause");
        let mut world = World::seed();
        world.check().path = Some("/api/health".to_owned());
        if let Some(crate::model::Spec::TargetGroup(group)) =
            world.desired.specs.get_mut(&super::super::super::testing::at("target_group/django"))
        {
            group.health_check.path = Some("/api/health".to_owned());
        }
        world.saw(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 301, "location": "/api/health/" } } }] }"#,
        );
        assert_eq!(world.only().fix.declare.unwrap().value, "/api/health/");
    }
}
