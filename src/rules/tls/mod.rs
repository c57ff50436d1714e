//! E6xx: certificates and TLS.

pub(super) mod cert_san_mismatch;
pub(super) mod listener_protocol_drift;
