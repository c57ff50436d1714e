//! E5xx: the way from the load balancer to its targets. Ways are found in [`paths`](super::paths), closed security groups
//! joined in [`closed`](super::closed).

pub(super) mod alb_sg_egress_closed;
pub(super) mod alb_sg_no_listener_port;
pub(super) mod alb_sg_set_drift;
pub(super) mod ip_target_out_of_range;
pub(super) mod lb_not_active;
pub(super) mod nacl_ephemeral;
pub(super) mod sg_references_old_alb_sg;
pub(super) mod subnet_ip_exhaustion;
pub(super) mod subnet_route;
pub(super) mod target_sg_no_hc_port;
pub(super) mod target_sg_no_traffic_port;

/// The stack in which the rules of this group show themselves.
const STACK: &str = r#"
security_groups:
  alb:
    vpc: main
    description: front door
    ingress: [ { from: 0.0.0.0/0, ports: [80] } ]
  app:
    vpc: main
    description: application
    ingress: [ { from: alb, ports: [8000] } ]
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: ["10.0.1.10"]
load_balancers:
  web:
    scheme: internet-facing
    subnets: [subnet-a, subnet-b]
    security_groups: [alb]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;
