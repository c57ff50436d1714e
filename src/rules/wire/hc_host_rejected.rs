//! E109: targets refuse the health check's Host header.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen, verb};

const FIELD: &str = "health_check";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E109",
    name: "hc-host-rejected",
    severity: Severity::Critical,
    needs: &[Need::Probe],
    also: &[],
    summary: "targets refuse the health check's Host header, which is their own address",
    explain: EXPLAIN,
    bad: Situation {
        text: "Django's ALLOWED_HOSTS names the site, and not the target's address",
        desired: DJANGO,
        probe: &seen(
            r#"{ "server": "gunicorn",
            "health_checks": [{ "host": "10.0.1.10:8000", "outcome": { "answer": { "status": 400 } } }],
            "public_host": { "host": "shop.example.com", "outcome": { "answer": { "status": 200 } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The Host header of a health check is the target's own private address, with the port unless it is the default one. It
cannot be configured. Django answers 400 to every path if ALLOWED_HOSTS lacks that address, also to views that never
look at it, because CommonMiddleware does. nginx hands the request to the default server, which may answer 444 (the
connection closes without an answer), 421, 404 or a redirect.

What clients see: their own requests carry the site's name and would work; but the targets are unhealthy, so that the
load balancer fails open, and ECS or Auto Scaling replace them again and again, which shows as 502 and 503.

How to tell: the same request with the site's name as Host succeeds; with ALLOWED_HOSTS empty, or a proxy in front that
sends its own Host on, every name and path gets 400. Asked from the target itself, Django with DEBUG
on accepts localhost and 127.0.0.1 and hides the fault.

How to mend it: answer the path before host names are looked at. Django: a middleware that stands first and returns 200
for it, or the target's own address put into ALLOWED_HOSTS at start (ECS: from the task's metadata); networks in CIDR
form are not understood. nginx: a `default_server` with the path. Do not make 400 a success code.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\", \"Troubleshoot your Application
Load Balancers\"; measured on Django 5.2 and nginx 1.22.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

/// Where even the public name is refused.
const EVERY: &str = ". Clients get 400 as well: ALLOWED_HOSTS is empty or has other names, or the proxy in front sends \
                     its own (nginx: proxy_set_header Host $host)";

/// Where no public name was known.
const UNSURE: &str = ". To be sure, ask again with a name that clients use (--host)";

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Host);
    let codes = group.checked.codes();
    let saw = ones.first()?.saw;
    let check = saw.health_check(codes.as_ref())?;
    let path = group.checked.path();
    let words = Setting::Hosts.of(group.server()).replace("PATH", path);
    let finding = group.failing(&RULE, FIELD, &ones, true);
    let finding = match &saw.public_host {
        Some(public) => {
            let said = format!("{}: {}", public.host, public.in_words());
            finding.evident(ones.first()?.address, "probe.public_host", said)
        }
        None => finding,
    };
    let (title, every) = match saw.public_host.as_ref().filter(|public| public.status() != Some(400)) {
        Some(public) => {
            let answer = format!("{} {} the check's Host", group.who(&ones), verb(ones.len(), "refuses", "refuse"));
            let title = format!("{answer} ({}), and not {}", check.in_words(), brief(&public.host));
            (title, "")
        }
        None => {
            let title =
                format!("{} {} 400 to every path and Host", group.who(&ones), verb(ones.len(), "answers", "answer"));
            (title, if saw.public_host.is_some() { EVERY } else { UNSURE })
        }
    };
    Some(finding.titled(title).mended_by(format!("answer {path} whatever the Host header: {words}{every}")))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    #[test]
    fn a_400_to_every_name_and_path_is_about_names_as_well() {
        let saw = |more: &str| {
            let mut world = World::seed();
            let refused = r#"{ "host": "shop.example.com", "outcome": { "answer": { "status": 400 } } }"#;
            world.saw(&format!(
                r#"{{ "health_checks": [{refused}], "root": {refused}, "public_host": {refused} {more} }}"#
            ));
            world.only()
        };
        let found = saw("");
        assert_eq!((found.rule.as_str(), found.title.as_str()), ("E109", "targets answer 400 to every path and Host"));
        let answered = r#", "other_protocol": { "outcome": { "answer": { "status": 200 } } }"#;
        assert_eq!(saw(answered).rule, "E202", "the 400 of a port that speaks TLS");
    }
}
