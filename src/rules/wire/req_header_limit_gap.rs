//! E706: targets take smaller requests than the load balancer passes on.

use super::super::probed::{One, Probed};
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};
use crate::probe::Server;
use crate::probe::observation::{Part, SizedRequest};

const FIELD: &str = "backend";
/// Below this, everyday cookies and query strings are refused.
const USUAL: u32 = 6 * 1024;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E706",
    name: "req-header-limit-gap",
    severity: Severity::Medium,
    needs: &[Need::Probe],
    also: &[],
    summary: "targets refuse requests of a size that the load balancer passes on",
    explain: EXPLAIN,
    bad: Situation {
        text: "the server refuses a request line of 5 K",
        desired: DJANGO,
        probe: &seen(
            r#"{ "server": "gunicorn", "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "sizes": [{ "part": "line", "bytes": 5120, "status": 414 }] }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer passes on request lines and single headers of up to 16 K, and headers of up to 64 K together. Servers
take less: gunicorn lines of 4 K and headers of 8 K, nginx and Apache 8 K, Node 16 K for everything, Tomcat 8 K.

What clients see: 414, 431 or 400 from the target for long query strings and many cookies, never for others. It is no
502, and it is not in the load balancer's own metrics. A server that closes instead of answering makes it a 502.

How to tell: the probe sends requests of growing size and notes the first one that is refused, and how.

How to mend it: raise the server's limits, if such requests are meant; else there is nothing to do. Limits of 8 K are
usual, and only a line says so here.

Sources: ELB user guide \"Quotas for your Application Load Balancers\"; the limits were measured on gunicorn, uvicorn,
nginx 1.22, Apache 2.4 and Node.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

const fn refused(request: &SizedRequest) -> bool {
    matches!(request.status, None | Some(400 | 413 | 414 | 431 | 500..))
}

/// The smallest request that the target refuses.
fn smallest(one: &One<'_>) -> Option<SizedRequest> {
    one.saw.sizes.iter().filter(|request| refused(request)).min_by_key(|request| request.bytes).copied()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.those(|one| smallest(one).is_some());
    let request = ones.iter().filter_map(smallest).min_by_key(|request| (request.bytes, request.part))?;
    let part = match request.part {
        Part::Line => "a request line",
        Part::Header => "a header",
        Part::Headers => "headers",
    };
    let (severity, answer, see) = match request.status {
        None => (Severity::Medium, "the connection ends".to_owned(), "Clients get 502 for requests of that size."),
        Some(status) if request.bytes < USUAL => {
            (Severity::Low, status.to_string(), "Clients with long query strings or many cookies get an error.")
        }
        Some(status) => (
            Severity::Info,
            status.to_string(),
            "Clients that send so much get an error; few do. Limits of 8 K are usual.",
        ),
    };
    let value = |one: &One<'_>| smallest(one).map(|request| format!("{} bytes: {:?}", request.bytes, request.status));
    Some(
        group
            .finding(&RULE, severity, FIELD, &ones, "probe.sizes", value)
            .titled(format!(
                "{} {} {part} of {} K: {answer}",
                group.who(&ones),
                verb(ones.len(), "refuses", "refuse"),
                request.bytes / 1024
            ))
            .detailed(see)
            .mended_by(match group.server().filter(|server| server.is_proxy()) {
                // nginx and Apache take 8 K themselves
                Some(proxy) if request.bytes < 8 * 1024 => format!(
                    "if such requests are meant, raise the limits of what stands behind {}{}",
                    proxy.as_str(),
                    Setting::HeaderLimit.named(Some(Server::Gunicorn), 0)
                ),
                _ => format!(
                    "if such requests are meant, raise the server's limits{}",
                    Setting::HeaderLimit.named(group.server(), 0)
                ),
            }),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn usual_limits_are_no_more_than_worth_knowing() {
        for (bytes, status, wanted) in
            [(5120, "414", Severity::Low), (9216, "400", Severity::Info), (9216, "null", Severity::Medium)]
        {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 200 }} }} }}],
                "sizes": [{{ "part": "header", "bytes": 4096, "status": 200 }},
                {{ "part": "header", "bytes": {bytes}, "status": {status} }}] }}"#
            ));
            world.expect(&[("E706", wanted)]);
        }
    }
}
