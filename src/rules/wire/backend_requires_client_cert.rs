//! E210: targets demand a client certificate.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Seen, Severity, Situation};
use super::{SECURE, verb};

const FIELD: &str = "protocol";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E210",
    name: "backend-requires-client-cert",
    severity: Severity::Medium,
    needs: &[Need::Probe],
    also: &[],
    summary: "targets demand a client certificate, which the load balancer does not offer",
    explain: EXPLAIN,
    bad: Situation {
        text: "a mesh's sidecar demands mutual TLS from everybody",
        desired: SECURE,
        probe: &[Seen {
            target: "django/10.0.1.10:8443",
            saw: r#"{ "health_checks": [{ "outcome": { "tls_failed": "received fatal alert: CertificateRequired" } }],
            "tls": { "up_to_12": { "done": "TLSv1_2" }, "up_to_13": { "done": "TLSv1_3" }, "asks_certificate": true } }"#,
        }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the target asks for a certificate and serves those who have none",
        desired: SECURE,
        probe: &[Seen {
            target: "django/10.0.1.10:8443",
            saw: r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }], "tls": { "asks_certificate": true } }"#,
        }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Mutual TLS on a listener is between clients and the load balancer. Towards targets it offers no certificate of its own,
as far as is known: issue reports say so, no AWS page does, so this is not confirmed. A target that demands one ends the
handshake, or answers 400 after it, as nginx does.

What clients see: 502 on every request where the handshake ends, 400 where the server answers.

How to tell: the target's handshake asks for a certificate and the request after it fails. Target health says
`Target.FailedHealthChecks` or [400]; TargetTLSNegotiationErrorCount rises.

How to mend it: do not demand client certificates on the port that the load balancer uses; restrict that port to its
security group instead. In a mesh, exempt the port from strict mutual TLS.

Sources: aws-load-balancer-controller issue 1892; ELB user guide \"Mutual authentication with TLS in Application Load
Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::ClientCertificate);
    ones.first()?;
    Some(
        group
            .failing(&RULE, FIELD, &ones, false)
            .titled(format!("{} {} a client certificate", group.who(&ones), verb(ones.len(), "demands", "demand")))
            .detailed(
                "Clients get 502 on every request if the load balancer offers targets no certificate, which is reported \
                 and not confirmed by AWS.",
            )
            .mended_by(format!(
                "demand no client certificate on port {}{}",
                group.port(&ones),
                Setting::ClientCertificate.named(group.server(), 0)
            )),
    )
}
