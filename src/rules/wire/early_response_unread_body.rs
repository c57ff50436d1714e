//! E308: targets refuse a large body and lose their own answer.

use super::super::probed::{One, Probed};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};
use crate::probe::observation::{Exchange, Outcome};

const FIELD: &str = "backend";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E308",
    name: "early-response-unread-body",
    severity: Severity::Medium,
    needs: &[Need::Probe],
    also: &[],
    summary: "targets close on a large body before their answer is read",
    explain: EXPLAIN,
    bad: Situation {
        text: "the server refuses a body of 2 MiB and resets the connection while it still comes in",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "large_body": { "path": "/api/health/", "outcome": "reset" } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A server that refuses an upload answers 413, 401 or 405 while the body is still on its way. If it closes the
connection with unread bytes in its buffer, the operating system resets the connection, and the reset overtakes the
answer: whoever still sends never reads it.

What clients see: 502 for large uploads that should have been answered 413 or 401; small ones are answered as they should.

How to tell: send a body of 2 MiB to a path that refuses it, and see whether a status can be read. In the access log such
requests have no target status.

How to mend it: read and throw away the rest of a refused body before closing (nginx does: `lingering_close`), or put a
proxy that buffers requests in front, or raise the limit so that the application itself refuses.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 502); actix-web issue 3967; nginx
documentation of lingering_close.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let codes = group.checked.codes();
    let lost = |one: &One<'_>| {
        let ended = one.saw.large_body.as_ref().is_some_and(|e| matches!(e.outcome, Outcome::Reset | Outcome::Closed));
        ended && one.saw.health_check(codes.as_ref()).is_some_and(|check| check.answer().is_some())
    };
    let ones = group.those(lost);
    ones.first()?;
    let value = |one: &One<'_>| one.saw.large_body.as_ref().map(Exchange::in_words);
    Some(
        group
            .finding(&RULE, group.of_requests(RULE.severity), FIELD, &ones, "probe.large_body", value)
            .titled(format!(
                "{} {} a large body without a readable answer",
                group.who(&ones),
                verb(ones.len(), "cuts off", "cut off")
            ))
            .detailed("Clients get 502 for large uploads, where the application meant to answer 413 or 401.")
            .mended_by("let the server read a refused body to its end before it closes, or buffer requests in a proxy"),
    )
}
