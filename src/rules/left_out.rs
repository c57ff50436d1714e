//! Causes of the catalogue for which there is no rule, and why: nothing that is skipped is passed over in silence.

use serde::Serialize;

/// A known cause without a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its code.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Why there is no rule for it.
    pub why: &'static str,
}

const fn left_out(code: &'static str, name: &'static str, why: &'static str) -> LeftOut {
    LeftOut { code, name, why }
}

/// Every known cause without a rule, by code.
pub static ALL: &[LeftOut] = &[
    left_out(
        "E122",
        "ecs-grace-missing",
        "needs the ECS API, which is not read: compare the service's healthCheckGracePeriodSeconds with the time a task needs to start",
    ),
    left_out(
        "E205",
        "h2-needs-https-listener",
        "an HTTP listener that forwards to HTTP/2 or gRPC targets is refused: by AWS, and as an error in the files",
    ),
    left_out(
        "E403",
        "sigterm-before-deregister",
        "shows only in the seconds in which a target stops: 502 or 504 at deploys while its process has closed and requests still come; let it wait 15 to 25 s after it was told to stop",
    ),
    left_out(
        "E404",
        "no-readiness-gate",
        "needs the Kubernetes API, which is not read: label the namespace elbv2.k8s.aws/pod-readiness-gate-inject=enabled",
    ),
    left_out(
        "E513",
        "sg-icmp-pmtu",
        "shows on large bodies only, where a path between networks carries smaller packets: let the security groups admit ICMP type 3 code 4",
    ),
    left_out(
        "E615",
        "target-cert-irrelevant",
        "it is no cause: the load balancer does not look at the name, the issuer or the end of a target's certificate",
    ),
    left_out(
        "E710",
        "client-header-too-big",
        "it is the client's doing and never a 5xx: the load balancer answers 400 or 413 to headers above 16 K, or 64 K in all",
    ),
];

/// The cause with this code or name, whatever the case, if it was left out.
pub fn find(code_or_name: &str) -> Option<&'static LeftOut> {
    let wanted = code_or_name.trim();
    ALL.iter().find(|cause| cause.code.eq_ignore_ascii_case(wanted) || cause.name.eq_ignore_ascii_case(wanted))
}
