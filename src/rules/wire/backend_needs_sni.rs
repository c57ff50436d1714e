//! E209: targets end a TLS handshake that names no server.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Seen, Severity, Situation};
use super::{SECURE, verb};
use crate::probe::observation::Handshake;

const FIELD: &str = "protocol";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E209",
    name: "backend-needs-sni",
    severity: Severity::Medium,
    needs: &[Need::Probe],
    also: &[],
    summary: "targets end TLS handshakes that carry no server name",
    explain: EXPLAIN,
    bad: Situation {
        text: "an Envoy picks its certificate by server name and has none for a handshake without one",
        desired: SECURE,
        probe: &[Seen {
            target: "django/10.0.1.10:8443",
            saw: r#"{ "health_checks": [{ "outcome": { "tls_failed": "connection reset" } }],
            "tls": { "up_to_12": "closed", "up_to_13": "closed", "named": { "done": "TLSv1_3" } } }"#,
        }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the target has a certificate for handshakes without a name",
        desired: SECURE,
        probe: &[Seen { target: "django/10.0.1.10:8443", saw: super::WELL }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A server with several certificates picks one by the name in the TLS handshake (SNI). Users of Envoy and Istio report that
the load balancer's handshakes to targets carry no usable name; a filter chain that matches on names drops them. That
is not confirmed by any AWS page.

What clients see: if it is so, 502 on every request, because the load balancer never gets a connection.

How to tell: the probe's handshake without a name ends, the one with a name is done. Target health says
`Target.FailedHealthChecks`, and TargetTLSNegotiationErrorCount rises.

How to mend it: give the server a default certificate: a filter chain without `server_names` in Envoy, a Gateway server
with hosts `*` in Istio, `default_server` without `ssl_reject_handshake` in nginx. The certificate need not be valid.

Sources: istio issues 31421 and 35420, eks-alb-istio issue 9; ELB user guide \"Target groups for your Application Load
Balancers\" on certificates, which it does not validate.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::ServerName);
    let named = ones.first()?.saw.tls.as_ref()?.named.as_ref().is_some_and(Handshake::is_done);
    Some(
        group
            .failing(&RULE, FIELD, &ones, false)
            .titled(format!(
                "{} {} TLS handshakes without a server name{}",
                group.who(&ones),
                verb(ones.len(), "ends", "end"),
                if named { "; with one they are done" } else { ", for want of one" }
            ))
            .detailed(
                "Clients get 502 on every request if the load balancer sends no server name to targets, as users of \
                 Envoy and Istio report; AWS has not confirmed it.",
            )
            .mended_by(
                "give the server a certificate for handshakes without a name (a default server or filter chain)",
            ),
    )
}
