//! E203: a group speaks HTTP/2 to targets that speak HTTP/1 only.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{REPLACED, STACK, both_sides, speaks_http1_only};
use crate::model::Address;
use crate::model::kind::TargetGroup;
use crate::model::value::ProtocolVersion::{Http1, Http2};

const FIELD: &str = "protocol_version";
const HINT: &str = "backend.server";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E203",
    name: "tg-h2-backend-h1",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Desired, Need::Probe],
    summary: "a group speaks HTTP/2 to targets that speak HTTP/1 only",
    explain: EXPLAIN,
    bad: Situation {
        text: "HTTP/2 was switched on for speed; gunicorn does not speak it",
        desired: "
certificates:
  app: { domain: shop.example.com, validation: dns }
target_groups:
  django:
    protocol: http
    protocol_version: http2
    port: 8000
    target_type: ip
    vpc: main
    backend: { server: gunicorn, keep_alive: 75s }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { forward: django }
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the group speaks HTTP/1.1", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
With protocol version HTTP/2 the load balancer opens connections to targets with HTTP/2's preface. Servers that speak
HTTP/1 only take it for a broken request: gunicorn, uvicorn and daphne always, nginx, Node, Go and Apache unless they
were set up for it.

What clients see: no request is served. That the load balancer turns the target's 400 into 502 is not confirmed.
Besides, HTTP/1.1 clients of such a group get 464, whatever the targets speak: the group takes HTTP/2 requests only.

How to tell: 502 and 464 in the access log from the minute the group was switched to; targets log a request line
`PRI * HTTP/2.0`. The rule compares the group with the file, and with the server that `backend.server` names. What a
server really speaks, a probe tells: it sends the preface and waits for the server's settings.

How to mend it: AWS cannot change the version. A group with `protocol_version: http1` takes this one's place; clients
still speak HTTP/2 to the load balancer, which translates.

Sources: ELB user guide \"Target groups for your Application Load Balancers\" (protocol version), \"Troubleshoot your
Application Load Balancers\" (HTTP 464); API CreateTargetGroup; what servers answer was measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let probed = Probed::all(evidence).filter(|group| group.checked.group.protocol_version == Some(Http2));
    let seen: Vec<Finding> = probed.filter_map(|group| seen(&group)).collect();
    // what was tried needs no guess
    let guessed = both_sides(evidence).filter_map(|(address, group, want)| judge(evidence, address, group, want));
    let guessed = guessed.filter(|guess| !seen.iter().any(|finding| finding.address == guess.address));
    guessed.chain(seen.iter().cloned()).collect()
}

/// The probe sent HTTP/2's preface and got no settings back.
fn seen(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Version);
    let preface = ones.first()?.saw.http2.as_ref()?;
    let mut finding = group.failing(&RULE, FIELD, &ones, false);
    finding.detail.push_str(" Which code the load balancer makes of it, 502 most likely, is not confirmed.");
    Some(
        finding
            .evident(ones.first()?.address, "probe.http2", preface.in_words())
            .evident(group.address(), FIELD, Http2)
            .titled(format!(
                "the load balancer speaks HTTP/2 to {}, which {} it",
                group.who(&ones),
                if ones.len() == 1 { "does not speak" } else { "do not speak" }
            ))
            .mended_by(format!("let the group speak protocol_version: http1. {REPLACED}"))
            .declaring(group.address(), FIELD, Http1),
    )
}

fn judge(evidence: &Evidence, address: &Address, group: &TargetGroup, want: Option<&TargetGroup>) -> Option<Finding> {
    if group.protocol_version != Some(Http2) {
        return None;
    }
    let declared = want.and_then(|want| want.protocol_version) == Some(Http1);
    let server = speaks_http1_only(evidence, address);
    let (severity, title, detail) = match (declared, server) {
        (true, _) => (
            Severity::High,
            "the load balancer speaks HTTP/2 to targets, the file says HTTP/1.1".to_owned(),
            "Clients that speak HTTP/1.1 get 464; the others 502 if targets speak HTTP/1 only (not confirmed).",
        ),
        (false, Some(server)) => (
            Severity::Medium,
            format!("the load balancer speaks HTTP/2 to targets, {server} speaks HTTP/1 only"),
            "Clients get 502 (not confirmed: inferred from what servers answer), and 464 if they speak HTTP/1.1.",
        ),
        (false, None) => return None,
    };
    let mut finding =
        RULE.finding(severity, address, FIELD).titled(title).detailed(detail).evident(address, FIELD, Http2);
    if let Some(server) = server {
        finding = finding.evident(address, HINT, server);
    }
    Some(
        finding
            .mended_by(format!("let the group speak protocol_version: http1. {REPLACED}"))
            .declaring(address, FIELD, Http1),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn the_file_is_sure_and_a_servers_name_is_a_hint() {
        let mut world = World::seed();
        world.group().protocol_version = Some(Http2);
        world.expect(&[]);
        world.backend().server = Some("nginx".to_owned());
        world.expect(&[]);
        world.backend().server = Some("Uvicorn".to_owned());
        world.expect(&[("E203", Severity::Medium)]);
        world.desired_group().protocol_version = Some(Http1);
        world.expect(&[("E203", Severity::High)]);
    }

    #[test]
    fn a_probe_is_sure_whatever_the_servers_name() {
        let mut world = World::seed();
        (world.group().protocol_version, world.desired_group().protocol_version) = (Some(Http2), Some(Http2));
        world.saw(r#"{ "health_checks": [{ "outcome": { "garbage": "no HTTP/2" } }], "http2": { "http1": 400 } }"#);
        let found = world.only();
        assert_eq!((found.rule.as_str(), found.severity), ("E203", Severity::Critical));
        assert_eq!(found.title, "the load balancer speaks HTTP/2 to targets, which do not speak it");
        world.saw(r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }], "http2": "settings" }"#);
        world.expect(&[]);
        world.saw(r#"{ "health_checks": [{ "outcome": { "tls_failed": "closed" } }], "http2": "closed" }"#);
        assert!(world.verdict().iter().all(|(rule, _)| rule != "E203"), "TLS failed before");
    }
}
