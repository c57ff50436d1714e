//! E815: forms are refused, because the target takes https for http.

use super::super::probed::{One, Probed};
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};

const FIELD: &str = "backend";
/// What refuses an origin.
const FORBIDDEN: u16 = 403;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E815",
    name: "https-taken-for-http",
    severity: Severity::Low,
    needs: &[Need::Probe],
    also: &[],
    summary: "forms from https pages are refused, because targets take https for http; no 5xx",
    explain: EXPLAIN,
    bad: Situation {
        text: "Django does not believe X-Forwarded-Proto, and its CSRF check refuses what an https page sends",
        desired: DJANGO,
        probe: &seen(
            r#"{ "server": "gunicorn", "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "forms": { "from_https": { "host": "shop.example.com", "outcome": { "answer": { "status": 403 } } },
            "from_http": { "host": "shop.example.com", "outcome": { "answer": { "status": 405 } } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer ends TLS and speaks HTTP to its targets; X-Forwarded-Proto tells them what the client spoke. Django
believes it only where SECURE_PROXY_SSL_HEADER says so. Without it a request that came over https counts as http, and the
CSRF check compares the page's Origin, https://shop.example.com, with http://shop.example.com: they differ, and every form
is refused. Frameworks that check origins in other words (SvelteKit, Rails) do the same.

What clients see: 403 for forms and for scripts that send data, while pages can be read. It is no 502, 503 or 504, and the
load balancer has no part in it: it is said here because the same setting makes redirects go round (E806).

How to tell: a request with an Origin of https gets 403, the same with an Origin of http does not. The probe asks with
PROPFIND, which changes nothing and is checked as POST is, and brings a token along that any CSRF check by cookie takes.

How to mend it: in Django SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https'), or the https origin in
CSRF_TRUSTED_ORIGINS; a proxy such as nginx in between must pass X-Forwarded-Proto on as it came.

Sources: ELB user guide \"HTTP headers and Application Load Balancers\" (X-Forwarded-Proto); Django documentation
\"Cross Site Request Forgery protection\"; measured on Django 5.2: 403, and 200 with either setting.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let refused = |one: &One<'_>| {
        let Some(forms) = &one.saw.forms else { return false };
        let taken = |status: u16| status < 500 && ![400, FORBIDDEN].contains(&status);
        forms.from_https.status() == Some(FORBIDDEN) && forms.from_http.status().is_some_and(taken)
    };
    let ones = group.those(refused);
    let host = ones.first()?.saw.forms.as_ref().map(|forms| forms.from_https.host.clone())?;
    let value = |one: &One<'_>| one.saw.forms.as_ref().map(|forms| forms.from_https.in_words());
    let other = |one: &One<'_>| one.saw.forms.as_ref().map(|forms| forms.from_http.in_words());
    let finding = group.finding(&RULE, RULE.severity, FIELD, &ones, "probe.forms.from_https", value);
    let (first, http) = (ones.first()?.address, ones.first().and_then(other));
    Some(
        finding
            .evident(first, "probe.forms.from_http", http)
            .titled(format!("{} {} https for http, and forms are refused", group.who(&ones), verb(ones.len(), "takes", "take")))
            .detailed(format!(
                "Clients get 403 for every form sent from https://{host}; the same from http://{host} is taken. It is no \
                 502, and the load balancer has no part in it."
            ))
            .mended_by(format!(
                "let the application believe X-Forwarded-Proto; {}",
                Setting::ForwardedProto.of(group.server())
            )),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn both_refused_is_another_reason() {
        for (https, http, fires) in
            [(403, 405, true), (403, 403, false), (200, 403, false), (403, 502, false), (404, 404, false)]
        {
            let mut world = World::seed();
            let answer = |status: u16| {
                format!(r#"{{ "host": "a.example", "outcome": {{ "answer": {{ "status": {status} }} }} }}"#)
            };
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 200 }} }} }}],
                "forms": {{ "from_https": {}, "from_http": {} }} }}"#,
                answer(https),
                answer(http)
            ));
            world.expect(if fires { &[("E815", Severity::Low)] } else { &[] });
        }
    }
}
