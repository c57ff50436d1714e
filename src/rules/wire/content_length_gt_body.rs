//! E703: answers promise more bytes than they have.

use super::super::probed::{One, Probed};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen};
use crate::probe::observation::{Answer, BodyEnd, Exchange};

const FIELD: &str = "backend";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E703",
    name: "content-length-gt-body",
    severity: Severity::High,
    needs: &[Need::Probe],
    also: &[],
    summary: "answers promise more bytes than they have",
    explain: EXPLAIN,
    bad: Situation {
        text: "an answer promises 5000 bytes and has 1200; the connection stays open",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "request": { "path": "/", "outcome": { "answer":
            { "status": 200, "promised": 5000, "body": 1200, "end": "stalled" } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Content-Length tells how many bytes follow. If fewer do, whoever reads goes on waiting. It happens where a body is
compressed or changed after its length was set, where a file shrinks while it is sent, and where a worker dies in the
middle of an answer. An answer in chunks that ends without the last one was cut off as well.

What clients see: 504 after the idle timeout if the target keeps the connection open; a truncated page if it closes it.

How to tell: the probe reads to the promised length and notes where it ends: stalled, or cut off.

How to mend it: do not set Content-Length by hand; let the server do it, or send chunks. If only some answers are cut
off, look for killed workers.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 504: Content-Length larger than the body);
gunicorn closes in that case, measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

/// The target's first answer that ends too early.
fn short<'e>(one: &One<'e>) -> Option<(&'e Exchange, &'e Answer)> {
    one.saw.answers().find(|(_, answer)| {
        // where lengths contradict each other, that is the cause
        !answer.is_malformed()
            && match answer.promised {
                Some(promised) => promised > answer.body && matches!(answer.end, BodyEnd::CutOff | BodyEnd::Stalled),
                // chunks may come as slowly as they like
                None => answer.end == BodyEnd::CutOff,
            }
    })
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.those(|one| short(one).is_some());
    let (exchange, answer) = short(ones.first()?)?;
    let value = |one: &One<'_>| {
        short(one).map(|(_, a)| match a.promised {
            Some(promised) => format!("{} of {promised} bytes", a.body),
            None => format!("{} bytes, without a last chunk", a.body),
        })
    };
    let see = match answer.end {
        BodyEnd::Stalled => "Clients get 504 after the idle timeout, or wait for it: the rest never comes.",
        BodyEnd::CutOff | BodyEnd::Whole | BodyEnd::Enough => {
            "Clients get a truncated answer: the target closes the connection before the end."
        }
    };
    Some(
        group
            .finding(&RULE, group.of_requests(RULE.severity), FIELD, &ones, "probe.body", value)
            .titled(match answer.promised {
                Some(promised) => {
                    format!("the answer to {} promises {promised} bytes and has {}", brief(&exchange.path), answer.body)
                }
                None => format!("the answer to {} ends before its last chunk", brief(&exchange.path)),
            })
            .detailed(see)
            .mended_by(
                "let the server compute Content-Length, after compression and in bytes; look for killed workers",
            ),
    )
}
