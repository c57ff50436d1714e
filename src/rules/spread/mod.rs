//! E9xx: how requests are spread: zones, stickiness, thresholds, address families, functions.

pub(super) mod anomaly_mitigation;
pub(super) mod az_not_enabled;
pub(super) mod crosszone_off_empty_az;
pub(super) mod ipv6_mismatch;
pub(super) mod lambda_bad_response;
pub(super) mod sticky_conflict;
pub(super) mod sticky_to_dead_old;
pub(super) mod target_optimizer_agent;
pub(super) mod thresholds_inverted;
pub(super) mod zonal_shift_active;

/// Whether requests to a group's targets cross zones.
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
/// The same in the words of the language.
const CROSS_ZONE_FIELD: &str = "attributes.load_balancing.cross_zone.enabled";

/// Two targets behind one listener.
const STACK: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
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
