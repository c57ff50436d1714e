//! E204: a group speaks gRPC to targets that do not, or the other way round, or checks them so that they must fail.

use super::super::cause::{Cause, UNIMPLEMENTED};
use super::super::checked::brief;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{REPLACED, both_sides, speaks_http1_only};
use crate::model::Address;
use crate::model::kind::TargetGroup;
use crate::model::value::ProtocolVersion::{self, Grpc, Http1};

const FIELD: &str = "protocol_version";
const HINT: &str = "backend.server";
const PATH: &str = "health_check.path";
const CODES: &str = "health_check.success_codes";
/// The path that AWS asks for where none is declared.
const NOBODYS: &str = "/AWS.ALB/healthcheck";

macro_rules! stack {
    ($check:literal) => {
        concat!(
            "
certificates:
  app: { domain: shop.example.com, validation: dns }
target_groups:
  orders:
    protocol: http
    protocol_version: grpc
    port: 50051
    target_type: ip
    vpc: main
    health_check: ",
            $check,
            "
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { forward: orders }
"
        )
    };
}

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E204",
    name: "tg-grpc-mismatch",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Desired, Need::Probe],
    summary: "a group and its targets do not agree on gRPC, or its check must fail",
    explain: EXPLAIN,
    bad: Situation {
        text: "no path is declared, so AWS's is asked for, which no server has; only 12 could pass there",
        desired: stack!("{ success_codes: \"0\" }"),
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the check calls a method that the server has",
        desired: stack!("{ path: /grpc.health.v1.Health/Check, success_codes: \"0\" }"),
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A gRPC group takes gRPC calls from clients and makes gRPC calls to targets, its health check included. The check calls
the method in its path and compares `grpc-status` with the success codes; by default it calls /AWS.ALB/healthcheck,
which no server has, and takes the answer 12 (unimplemented) for health.

What clients see: calls that are no gRPC get 464 from a gRPC group; gRPC calls to a group of another version get 464 as
well. Where the check asks for a method that does not exist and success codes leave 12 out, no target ever becomes
healthy: the load balancer fails open, and ECS or Auto Scaling replace targets without end.

How to tell: 464 in the access log, health-check logs with `GRPCUnexpectedStatus` or `GRPCStatusHeaderEmpty`. The rule
compares the version with the file and with the server that `backend.server` names, and the check's path with its
codes; a probe makes the call, and sees whether HTTP/2 and a `grpc-status` come back. That a server that speaks HTTP/1 only makes 502 of a call is not confirmed.

How to mend it: path and success codes of the check can be edited: `/grpc.health.v1.Health/Check` with `0` where the
server has the health service, AWS's path with `12` where it has not. The version cannot: the group is replaced.

Sources: ELB user guide \"Target groups for your Application Load Balancers\" (protocol version), \"Health checks for
Application Load Balancer target groups\", \"Troubleshoot your Application Load Balancers\" (HTTP 464); API Matcher.GrpcCode.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let judge =
        |(address, group, want)| version(evidence, address, group, want).or_else(|| codes(evidence, address, group));
    let seen = Probed::all(evidence).filter(|group| group.checked.grpc());
    let seen: Vec<Finding> = seen.filter_map(|group| no_grpc(&group).or_else(|| no_method(&group))).collect();
    // what was tried needs no guess
    let guessed = both_sides(evidence).filter_map(judge);
    let guessed = guessed.filter(|guess| !seen.iter().any(|finding| finding.address == guess.address));
    guessed.chain(seen.iter().cloned()).collect()
}

/// The probe's call got no gRPC back.
fn no_grpc(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Version);
    let http2 = ones.first()?.saw.speaks_http2();
    Some(
        group
            .failing(&RULE, FIELD, &ones, http2)
            .evident(group.address(), FIELD, Grpc)
            .titled(format!(
                "the group speaks gRPC, {} {} {}",
                group.who(&ones),
                if ones.len() == 1 { "answers" } else { "answer" },
                if http2 { "HTTP/2 without a grpc-status" } else { "no HTTP/2" }
            ))
            .mended_by(format!(
                "let port {} speak gRPC, or declare protocol_version: {}. {REPLACED}",
                group.port(&ones),
                if http2 { "http2" } else { "http1" }
            )),
    )
}

/// The check calls a method that the probe found missing.
fn no_method(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Method);
    ones.first()?;
    let path = group.checked.path();
    Some(
        group
            .failing(&RULE, PATH, &ones, true)
            .evident(group.address(), PATH, path)
            .titled(format!(
                "health check calls {}, {} {} no such method: grpc-status 12",
                brief(path),
                group.who(&ones),
                if ones.len() == 1 { "has" } else { "have" }
            ))
            .mended_by(
                "declare health_check.path: /grpc.health.v1.Health/Check with success_codes: \"0\" where the server has \
                 the health service, else AWS's path with \"12\"",
            ),
    )
}

/// The version is another one than the targets speak.
fn version(evidence: &Evidence, address: &Address, group: &TargetGroup, want: Option<&TargetGroup>) -> Option<Finding> {
    let is = group.protocol_version.unwrap_or(Http1);
    let declared = want.and_then(|want| want.protocol_version).filter(|want| *want != is);
    let server = speaks_http1_only(evidence, address).filter(|_| is == Grpc);
    let (severity, title, detail) = match (is, declared, server) {
        (Grpc, Some(want), _) => (
            Severity::High,
            format!("the group speaks gRPC, the file says {want}"),
            "Clients get 464 for every request that is no gRPC call.",
        ),
        (_, Some(Grpc), _) => {
            (Severity::High, format!("the group speaks {is}, the file says gRPC"), "Clients get 464 for gRPC calls.")
        }
        (Grpc, None, Some(server)) => (
            Severity::Medium,
            format!("the group speaks gRPC, {server} speaks HTTP/1 only"),
            "Clients get 464, or 502 for gRPC calls (not confirmed); no target passes a gRPC health check.",
        ),
        _ => return None,
    };
    let severity = if evidence.serves(address) { severity } else { Severity::Medium };
    let mut finding = RULE.finding(severity, address, FIELD).titled(title).detailed(detail).evident(address, FIELD, is);
    if let Some(server) = server {
        finding = finding.evident(address, HINT, server);
    }
    let version: ProtocolVersion = declared.unwrap_or(Http1);
    Some(
        finding
            .mended_by(format!("let the group speak protocol_version: {version}. {REPLACED}"))
            .declaring(address, FIELD, version),
    )
}

/// The check calls a method that no server has, and does not take the answer.
fn codes(evidence: &Evidence, address: &Address, group: &TargetGroup) -> Option<Finding> {
    if group.protocol_version != Some(Grpc) || evidence.unread(address) {
        return None;
    }
    let path = group.health_check.path.as_deref().unwrap_or(NOBODYS);
    let codes = group.health_check.success_codes.as_ref()?;
    if path != NOBODYS || codes.accepts(UNIMPLEMENTED) {
        return None;
    }
    // targets that pass prove that there is such a method
    let health = |target| evidence.health.get(target).is_some_and(|health| health.is_healthy());
    if evidence.targets_of(address).any(|(target, _)| health(target)) {
        return None;
    }
    Some(
        RULE.finding(Severity::Medium, address, PATH)
            .titled(format!("the check calls {NOBODYS} and refuses 12, the only answer there is"))
            .detailed("Targets never become healthy; clients get whatever unchecked targets answer, as AWS fails open.")
            .evident(address, PATH, path)
            .evident(address, CODES, codes.to_string())
            .mended_by("declare health_check.path: /grpc.health.v1.Health/Check, or success_codes: \"12\"")
            .declaring(address, CODES, UNIMPLEMENTED.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;
    use crate::model::value::ProtocolVersion::Http2;

    fn grpc() -> World {
        let mut world = World::seed();
        world.group().protocol_version = Some(Grpc);
        world.desired_group().protocol_version = Some(Grpc);
        for check in [true, false] {
            let check = if check { world.check() } else { &mut world.desired_group().health_check };
            (check.path, check.success_codes) = (Some(NOBODYS.to_owned()), "12".parse().ok());
        }
        world
    }

    #[test]
    fn versions_must_agree() {
        grpc().expect(&[]);
        let mut world = grpc();
        world.desired_group().protocol_version = Some(Http1);
        world.expect(&[("E204", Severity::High)]);
        let mut world = grpc();
        world.group().protocol_version = Some(Http1);
        assert!(world.verdict().contains(&("E204".to_owned(), Severity::High)));
        let mut world = grpc();
        world.group().protocol_version = Some(Http2);
        assert!(world.verdict().contains(&("E204".to_owned(), Severity::High)));
        let mut world = grpc();
        world.backend().server = Some("gunicorn".to_owned());
        world.expect(&[("E204", Severity::Medium)]);
    }

    #[test]
    fn a_check_that_nobody_can_pass_is_found_unless_somebody_does() {
        let mut world = grpc();
        for live in [true, false] {
            let check = if live { world.check() } else { &mut world.desired_group().health_check };
            check.success_codes = "0".parse().ok();
        }
        world.expect(&[]);
        world.health.clear();
        world.expect(&[("E204", Severity::Medium)]);
        world.check().path = Some("/grpc.health.v1.Health/Check".to_owned());
        assert!(world.judge().iter().all(|f| f.rule != "E204"));
    }

    #[test]
    fn a_probes_call_tells_no_http2_from_no_grpc_and_from_no_method() {
        let title = |answer: &str, http2: &str| {
            let mut world = grpc();
            for live in [true, false] {
                let check = if live { world.check() } else { &mut world.desired_group().health_check };
                (check.path, check.success_codes) = (Some("/shop.Orders/Check".to_owned()), "0".parse().ok());
            }
            world.saw(&format!(r#"{{ "health_checks": [{{ "outcome": {answer} }}], "http2": {http2} }}"#));
            let found = world.only();
            assert_eq!((found.rule.as_str(), found.severity), ("E204", Severity::Critical));
            found.title
        };
        let answers = |answer: &str| format!(r#"{{ "answer": {answer} }}"#);
        let old = title(r#"{ "garbage": "no HTTP/2" }"#, r#"{ "http1": 400 }"#);
        assert_eq!(old, "the group speaks gRPC, targets answer no HTTP/2");
        let plain = title(&answers(r#"{ "status": 404 }"#), r#""settings""#);
        assert_eq!(plain, "the group speaks gRPC, targets answer HTTP/2 without a grpc-status");
        let missing = title(&answers(r#"{ "status": 200, "grpc_status": 12 }"#), r#""settings""#);
        assert_eq!(missing, "health check calls /shop.Orders/Check, targets have no such method: grpc-status 12");
    }
}
