//! E2xx: what the load balancer speaks to targets, and what targets speak.

pub(super) mod backend_tls13_only;
pub(super) mod tg_grpc_mismatch;
pub(super) mod tg_h2_backend_h1;
pub(super) mod tg_https_plain_backend;
pub(super) mod tg_immutable_drift;
pub(super) mod tg_port_drift;

use super::Evidence;
use crate::model::Address;
use crate::model::kind::TargetGroup;
use crate::model::value::TargetType;

/// The stack in which the rules of this group show themselves: HTTPS in front, one group behind.
const STACK: &str = r#"
certificates:
  app: { domain: shop.example.com, validation: dns }
target_groups:
  django:
    protocol: http
    protocol_version: http1
    port: 8000
    target_type: ip
    vpc: main
    health_check:
      protocol: http
      path: /api/health/
      success_codes: "200"
    targets: ["10.0.1.10", "10.0.2.10"]
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
"#;

/// Servers that speak HTTP/1 only, whatever their settings.
const HTTP1_ONLY: &[&str] = &["gunicorn", "uvicorn", "daphne", "waitress"];

/// The group's server, if it is one that speaks HTTP/1 only.
fn speaks_http1_only<'e>(evidence: &'e Evidence, group: &Address) -> Option<&'e str> {
    let server = evidence.backend(group)?.server.as_deref()?;
    HTTP1_ONLY.iter().any(|known| server.eq_ignore_ascii_case(known)).then_some(server)
}

/// Every group of instances or addresses, as it is and as the files declare it.
fn both_sides<'e>(
    evidence: &'e Evidence,
) -> impl Iterator<Item = (&'e Address, &'e TargetGroup, Option<&'e TargetGroup>)> {
    let groups = evidence.target_groups().filter(|(_, group)| group.target_type != Some(TargetType::Lambda));
    groups.map(|(address, group)| {
        (address, group, evidence.declared(address).and_then(|declared| declared.target_group()))
    })
}

/// Why no call mends it, and what does.
const REPLACED: &str =
    "AWS never lets it change: a new group has to take this one's place, which plan does step by step";
