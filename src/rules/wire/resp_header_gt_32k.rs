//! E701: an answer's headers are larger than the load balancer takes.

use super::super::probed::{One, Probed};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen};
use crate::probe::observation::{Answer, Exchange, Outcome};

const FIELD: &str = "backend";
/// The load balancer takes so much (ELB quotas: entire response header).
const MOST: u64 = 32 * 1024;
/// From here on, one more cookie or policy is a matter of time.
const NEAR: u64 = 16 * 1024;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E701",
    name: "resp-header-gt-32k",
    severity: Severity::High,
    needs: &[Need::Probe],
    also: &[],
    summary: "an answer's headers are larger than the 32 K that the load balancer takes",
    explain: EXPLAIN,
    bad: Situation {
        text: "an answer sets so many cookies that its headers take 40 K",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "request": { "path": "/", "outcome": { "answer": { "status": 200, "header_bytes": 40960 } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer takes at most 32 K of status line and headers from a target, and that cannot be raised. Session data in
cookies, long Content-Security-Policy headers, `Link` preloads and debugging headers get there.

What clients see: 502 for exactly the users, or pages, whose answers are that large; the rest works.

How to tell: the probe counts the bytes of each answer's headers. In the access log such requests have no target status
and a target time.

How to mend it: keep sessions on the server (Django: not the signed_cookies engine), shorten the policy, drop
debugging headers. A proxy in front has a limit of its own, smaller by far: nginx takes 4 or 8 K from its upstream.

Sources: ELB user guide \"Quotas for your Application Load Balancers\", \"Troubleshoot your Application Load Balancers\"
(HTTP 502).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

/// The target's largest headers.
fn largest<'e>(one: &One<'e>) -> Option<(&'e Exchange, &'e Answer)> {
    one.saw.answers().max_by_key(|(_, answer)| answer.header_bytes)
}

/// Headers of which the probe has not seen the end.
fn endless(group: &Probed) -> Option<Finding> {
    let path = |one: &One<'_>| {
        let mut exchanges = one.saw.health_checks.iter().chain(&one.saw.request);
        exchanges.find(|exchange| exchange.outcome == Outcome::Endless).map(|exchange| exchange.path.clone())
    };
    let ones = group.those(|one| path(one).is_some());
    let first = path(ones.first()?)?;
    Some(
        group
            .finding(
                &RULE,
                group.of_requests(Severity::High),
                FIELD,
                &ones,
                "probe.header_bytes",
                |_| "more than 256 K",
            )
            .titled(format!("headers of {} take more than 256 K, the load balancer takes 32 K", brief(&first)))
            .detailed("Clients get 502 for this answer, although the target answered it.")
            .mended_by("set fewer and smaller cookies, shorten Content-Security-Policy and Link headers"),
    )
}

fn judge(group: &Probed) -> Option<Finding> {
    if let Some(finding) = endless(group) {
        return Some(finding);
    }
    let size = |one: &One<'_>| largest(one).map_or(0, |(_, answer)| answer.header_bytes);
    let ones = group.those(|one| size(one) > NEAR);
    let (exchange, answer) = largest(ones.iter().max_by_key(|one| size(one))?)?;
    let kilobytes = answer.header_bytes / 1024;
    let over = answer.header_bytes > MOST;
    let severity = if over { group.of_requests(Severity::High) } else { Severity::Low };
    Some(
        group
            .finding(&RULE, severity, FIELD, &ones, "probe.header_bytes", size)
            .titled(format!("headers of {} take {kilobytes} K, the load balancer takes 32 K", brief(&exchange.path)))
            .detailed(if over {
                "Clients get 502 for this answer, although the target answered it."
            } else {
                "Clients see nothing yet: twice that size, and they get 502."
            })
            .mended_by("set fewer and smaller cookies, shorten Content-Security-Policy and Link headers"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn near_the_limit_is_no_alarm() {
        for (bytes, wanted) in [(16 * 1024, None), (20_000, Some(Severity::Low)), (32_769, Some(Severity::High))] {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 200, "header_bytes": {bytes} }} }} }}] }}"#
            ));
            assert_eq!(world.judge().first().map(|f| f.severity), wanted, "{bytes}");
        }
    }
}
