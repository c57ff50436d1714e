//! E5xx: the way from the load balancer to its targets.

pub(super) mod target_sg_no_traffic_port;
