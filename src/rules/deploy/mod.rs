//! E4xx: deregistration, deploys, the end of processes.

pub(super) mod dereg_delay_short;
