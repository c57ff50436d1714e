//! E613: a listener speaks HTTP on a port declared HTTPS, or the other way round.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::kind::Listener;
use crate::model::value::Protocol;
use crate::model::{Address, Link};

const FIELD: &str = "protocol";

const STACK: &str = "
certificates:
  app: { domain: shop.example.com, validation: dns }
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
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E613",
    name: "listener-protocol-drift",
    severity: Severity::Critical,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a listener speaks HTTP where the files say HTTPS, or the other way round",
    explain: EXPLAIN,
    bad: Situation {
        text: "port 443 was switched to plain HTTP; certificate and policy went with it",
        desired: STACK,
        live: "
load_balancers:
  web:
    listeners:
      443:
        protocol: http
        ssl_policy: null
        certificate: null
",
        ..Situation::EMPTY
    },
    good: Situation { text: "port 443 speaks HTTPS", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A listener's protocol can be edited in place, so one click turns HTTPS on port 443 into plain HTTP. AWS drops the
certificate and the TLS policy of the listener with it.

What clients see: with HTTP where HTTPS is expected, every TLS handshake fails: browsers report a protocol error, a CDN
in front answers 502. With HTTPS where HTTP is expected, plain requests are refused with 400, and an HTTP port that
should redirect does not any more. Both hit every client of that port at once.

How to tell: the live protocol is not the declared one. Such clients leave no line in the access log; the metric
ClientTLSNegotiationErrorCount stays flat, too, because there is no TLS to negotiate.

How to mend it: protocol, certificate and policy go back in one call, because none is valid without the others. The
certificate has to be issued by then.

Sources: API ModifyListener; ELB user guide \"Listeners for your Application Load Balancers\", \"Create an HTTPS listener\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.listeners().filter_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Option<Finding> {
    let declared = evidence.declared(address)?.listener()?;
    let (is, want) = (listener.protocol?, declared.protocol?);
    if is == want {
        return None;
    }
    let port = listener.port;
    let (title, detail) = match want {
        Protocol::Https => (
            format!("port {port} speaks plain HTTP, the file says HTTPS"),
            "Every TLS handshake on this port fails: browsers report a protocol error, a CDN in front answers 502.",
        ),
        Protocol::Http => (
            format!("port {port} speaks HTTPS, the file says HTTP"),
            "Plain HTTP requests to this port are refused with 400.",
        ),
    };
    let mut finding =
        RULE.finding(Severity::Critical, address, FIELD).titled(title).detailed(detail).evident(address, FIELD, is);
    // certificate and policy come and go with the protocol
    let name = |link: &Option<Link>| link.as_ref().map(Link::to_string);
    if name(&listener.certificate) != name(&declared.certificate) {
        finding = finding.evident(address, "certificate", name(&listener.certificate));
    }
    if listener.ssl_policy != declared.ssl_policy && declared.ssl_policy.is_some() {
        finding = finding.evident(address, "ssl_policy", &listener.ssl_policy);
    }
    let text = match want {
        Protocol::Https => "set protocol, certificate and TLS policy of the listener in one call, as the file says",
        Protocol::Http => "set the listener's protocol to http, as the file says",
    };
    Some(finding.mended_by(text).declaring(address, FIELD, want))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn certificate_and_policy_go_with_the_protocol() {
        let mut world = World::seed();
        let listener = world.listener(443);
        (listener.protocol, listener.certificate, listener.ssl_policy) = (Some(Protocol::Http), None, None);
        let finding = world.judge().into_iter().find(|f| f.rule == "E613").unwrap();
        assert_eq!(finding.title, "port 443 speaks plain HTTP, the file says HTTPS");
        for field in ["protocol", "certificate", "ssl_policy"] {
            assert!(finding.cites(&finding.address, &field.into()), "{field}");
        }
        assert!(!finding.cites(&finding.address, &"default".into()));
    }
}
