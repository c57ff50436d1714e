//! E207: a group differs from the files in what AWS never changes.

use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation, drift};
use super::{REPLACED, STACK, both_sides};
use crate::model::value::{Protocol, ProtocolVersion};
use crate::model::{Address, FieldChange, Mutability};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E207",
    name: "tg-immutable-drift",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a group differs from the files in what AWS never changes: it has to be replaced",
    explain: EXPLAIN,
    bad: Situation {
        text: "targets were moved to TLS, the file followed, the group still speaks plain HTTP",
        desired: r#"
certificates:
  app: { domain: shop.example.com, validation: dns }
target_groups:
  django:
    protocol: https
    port: 8443
    target_type: ip
    vpc: main
    health_check: { protocol: https, path: /api/health/ }
    targets: ["10.0.1.10"]
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
"#,
        live: "
target_groups:
  django:
    protocol: http
",
        health: &[Health::healthy("django/10.0.1.10:8443")],
        ..Situation::EMPTY
    },
    good: Situation { text: "the group is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
ModifyTargetGroup edits the health check and nothing else. Type, protocol, protocol version, VPC, address family and the
agents' port of a group stay what they were when it was made; a group that differs there from the files has to be
replaced. Other rules speak where the difference alone decides what clients see: HTTPS to plain targets is E201, HTTP/2
E203, gRPC E204, the port E206.

What clients see: plain HTTP to targets that speak TLS is answered 400 by nginx and Go, and 502 by the load balancer
where the server closes the connection, as gunicorn, uvicorn and Node do. The wrong type, VPC or family: targets cannot
be registered, and 503 where there are none. An older protocol version: no error.

How to tell: the live field is not the declared one, and plan says that the group must be replaced.

How to mend it: a new group with the declared fields takes the old one's place: created, filled, checked, switched to,
the old one drained and deleted. A group that somebody else fills is not replaced without them.

Sources: API ModifyTargetGroup, CreateTargetGroup; ELB user guide \"Target groups for your Application Load Balancers\"; what
servers answer was measured.
";

/// What other rules speak of.
fn is_said_elsewhere(evidence: &Evidence, group: &Address, field: &FieldChange) -> bool {
    let (live, declared) = (evidence.target_group(group), evidence.declared(group).and_then(|d| d.target_group()));
    let Some((live, declared)) = live.zip(declared) else { return true };
    match field.path.as_str() {
        "protocol" => live.protocol == Some(Protocol::Https),
        "protocol_version" => {
            let version = |version: Option<ProtocolVersion>| version.unwrap_or(ProtocolVersion::Http1);
            let (is, want) = (version(live.protocol_version), version(declared.protocol_version));
            is == ProtocolVersion::Http2 || is == ProtocolVersion::Grpc || want == ProtocolVersion::Grpc
        }
        "port" => true,
        // the files may name a VPC by its tags, which cannot be compared
        "vpc" => declared.vpc.as_ref().is_none_or(|link| link.id().is_none()),
        _ => false,
    }
}

fn check(evidence: &Evidence) -> Vec<Finding> {
    both_sides(evidence).filter_map(|(group, _, _)| judge(evidence, group)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let fields = drift::fields(evidence, group).into_iter().filter(|field| field.mutability == Mutability::Replace);
    let fields: Vec<FieldChange> = fields.filter(|field| !is_said_elsewhere(evidence, group, field)).collect();
    let worst = fields.iter().max_by_key(|field| weight(field).0)?;
    let (severity, detail) = weight(worst);
    let severity = if evidence.serves(group) { severity } else { severity.min(Severity::Medium) };
    let field = worst.path.as_str();
    let mut finding = RULE
        .finding(severity, group, field)
        .titled(format!("{field} of the group is {}, the file says {}", bare(&worst.live), bare(&worst.desired)))
        .detailed(detail)
        .mended_by(format!("let the group have the declared {field}. {REPLACED}"))
        .declaring(group, field, &worst.desired);
    for change in &fields {
        finding = finding.evident(group, change.path.as_str(), &change.live);
    }
    Some(finding)
}

fn bare(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn weight(field: &FieldChange) -> (Severity, &'static str) {
    match field.path.as_str() {
        "protocol" => {
            (Severity::High, "Clients get 400 or 502 for every request: targets expect TLS and get plain HTTP.")
        }
        "protocol_version" | "target_control_port" => {
            (Severity::Low, "Clients see no error: targets that speak the newer protocol still take the older one.")
        }
        _ => {
            (Severity::Medium, "The declared targets cannot be registered here; clients get 503 where there are none.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;
    use crate::model::value::AddressFamily;

    #[test]
    fn one_finding_names_the_worst_field_and_cites_all() {
        let mut world = World::seed();
        world.desired_group().protocol = Some(Protocol::Https);
        world.desired_group().ip_address_type = Some(AddressFamily::Ipv6);
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E207", Severity::High));
        assert_eq!(finding.title, "protocol of the group is http, the file says https");
        assert!(finding.cites(&finding.address, &"ip_address_type".into()));
        world.desired_group().protocol = None;
        world.expect(&[("E207", Severity::Medium)]);
        world.desired_group().ip_address_type = None;
        world.desired_group().protocol_version = Some(ProtocolVersion::Http2);
        world.group().protocol_version = Some(ProtocolVersion::Http1);
        world.expect(&[("E207", Severity::Low)]);
        world.group().port = Some(80);
        assert!(world.judge().iter().all(|f| !f.cites(&f.address, &"port".into()) || f.rule == "E206"));
    }
}
