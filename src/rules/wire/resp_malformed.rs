//! E702: answers are malformed.

use super::super::probed::{One, Probed};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen};
use crate::probe::observation::{Answer, Exchange};

const FIELD: &str = "backend";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E702",
    name: "resp-malformed",
    severity: Severity::High,
    needs: &[Need::Probe],
    also: &[],
    summary: "answers are malformed, and the load balancer does not pass them on",
    explain: EXPLAIN,
    bad: Situation {
        text: "an answer has two Content-Length headers that differ",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "request": { "path": "/", "outcome": { "answer": { "status": 200, "faults": ["two_lengths"] } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Browsers forgive much, the load balancer does not: an answer whose headers are not valid HTTP is not passed on. What a
target must not send: a status line that is none, spaces or control bytes in a header's name, control bytes in a
value, two different Content-Length headers, a Content-Length beside Transfer-Encoding: chunked, broken chunks. That
folded lines and bare newlines are refused as well is likely and not confirmed.

What clients see: 502 for that answer. On the health check's path it counts as `Target.FailedHealthChecks`.

How to tell: the probe parses strictly and names the fault. curl and browsers show nothing.

How to mend it: find who sets the header. Usual: a header built from user input or from a file with its newline, a proxy
that copies Transfer-Encoding, an application that sets Content-Length by hand and compresses afterwards.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 502: malformed response); RFC 9112; uwsgi
issue 1526; gunicorn, which stops spaces and newlines itself, was measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

/// The target's worst answer.
fn worst<'e>(one: &One<'e>) -> Option<(&'e Exchange, &'e Answer)> {
    let faulty = |(_, answer): &(&Exchange, &Answer)| !answer.faults.is_empty();
    let found = |(_, answer): &(&Exchange, &Answer)| answer.is_malformed();
    one.saw.answers().find(found).or_else(|| one.saw.answers().find(faulty))
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.those(|one| worst(one).is_some());
    let (exchange, answer) =
        worst(ones.iter().find(|one| worst(one).is_some_and(|(_, a)| a.is_malformed())).or(ones.first())?)?;
    let grave = answer.is_malformed();
    let fault = answer.faults.iter().find(|fault| fault.is_grave() || !grave)?;
    let words = |one: &One<'_>| worst(one).and_then(|(_, answer)| Some(answer.faults.first()?.in_words()));
    let severity = if grave { group.of_requests(Severity::High) } else { Severity::Low };
    Some(
        group
            .finding(&RULE, severity, FIELD, &ones, "probe.fault", words)
            .titled(format!("the answer to {} is malformed: {}", brief(&exchange.path), fault.in_words()))
            .detailed(if grave {
                "Clients get 502 for this answer, although the target answered it."
            } else {
                "Clients get 502 for this answer if the load balancer refuses it, which is likely and not confirmed."
            })
            .mended_by("let the application or the proxy on the target send valid headers: find who sets this one"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn grave_faults_fail_the_health_check_and_light_ones_warn() {
        for (fault, wanted) in [(r#""bare_newline""#, Severity::Low), (r#"{ "header_name": "X Y" }"#, Severity::High)] {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 200, "faults": [{fault}] }} }} }}] }}"#
            ));
            world.expect(&[("E702", wanted)]);
        }
    }
}
