//! E4xx: deregistration, deploys, the end of processes.

pub(super) mod bluegreen_flip_empty;
pub(super) mod dereg_delay_short;
pub(super) mod draining_shows_long;
pub(super) mod grace_lt_drain;
pub(super) mod reregister_same_ip;
pub(super) mod slow_start_conflict;

/// Two targets behind one listener.
const STACK: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    deregistration_delay: 60s
    targets: ["10.0.1.10", "10.0.2.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

/// Two groups, of which the second gets everything.
const BLUE_GREEN: &str = r#"
target_groups:
  blue:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: ["10.0.1.10"]
  green:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: ["10.0.2.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: { to: { blue: 0, green: 100 } } }
"#;
