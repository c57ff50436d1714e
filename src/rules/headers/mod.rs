//! E7xx: what the load balancer does to headers, and what it lets pass.

pub(super) mod desync_drift;
pub(super) mod drop_invalid_headers_drift;
pub(super) mod host_header_drift;
pub(super) mod xff_mode_drift;

/// A stack whose load balancer declares one setting, given as a YAML line.
macro_rules! stack {
    ($setting:literal) => {
        concat!(
            "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    ",
            $setting,
            "
    listeners:
      80:
        protocol: http
        default: { forward: django }
"
        )
    };
}
use stack;
