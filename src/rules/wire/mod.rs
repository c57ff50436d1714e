//! What only a look at the wire decides: how targets answer, close, limit and speak.
//!
//! These rules judge a probe's observations. Which of them a failing health check belongs to is decided in
//! [`probed`](super::probed).

pub(super) mod backend_expects_proxy_protocol;
pub(super) mod backend_needs_sni;
pub(super) mod backend_requires_client_cert;
pub(super) mod bound_to_loopback;
pub(super) mod conn_recycled_abruptly;
pub(super) mod content_length_gt_body;
pub(super) mod early_response_unread_body;
pub(super) mod hc_deep_dependency;
pub(super) mod hc_host_rejected;
pub(super) mod hc_needs_auth;
pub(super) mod hc_redirected;
pub(super) mod https_taken_for_http;
pub(super) mod nginx_proxy_buffer;
pub(super) mod req_header_limit_gap;
pub(super) mod resp_header_gt_32k;
pub(super) mod resp_malformed;
pub(super) mod sync_worker_pinned;
pub(super) mod target_has_no_http;
pub(super) mod tg_http_tls_backend;

/// The stack in which most rules of this group show themselves.
const DJANGO: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    health_check:
      protocol: http
      port: traffic-port
      path: /api/health/
      success_codes: "200"
    targets: ["10.0.1.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

/// The same with TLS to the targets.
const SECURE: &str = r#"
certificates:
  app: { domain: shop.example.com, validation: dns }
target_groups:
  django:
    protocol: https
    port: 8443
    target_type: ip
    vpc: main
    health_check:
      protocol: https
      port: traffic-port
      path: /api/health/
      success_codes: "200"
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
"#;

/// A probe that finds everything well.
const WELL: &str = r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }] }"#;

use super::checked::brief;
use super::{Seen, Situation};

/// What a probe saw of the target of [`DJANGO`].
const fn seen(saw: &'static str) -> [Seen; 1] {
    [Seen { target: "django/10.0.1.10:8000", saw }]
}

/// [`DJANGO`] with everything well.
const GOOD: Situation = Situation {
    text: "the target answers the health check with 200",
    desired: DJANGO,
    probe: &seen(WELL),
    ..Situation::EMPTY
};

/// "answers" or "answer".
fn verb(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}
