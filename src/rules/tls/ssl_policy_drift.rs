//! E611: a listener's TLS policy is stricter than the declared one.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{https, stack};
use crate::model::Address;
use crate::model::kind::Listener;

const FIELD: &str = "ssl_policy";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E611",
    name: "ssl-policy-drift",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a listener's TLS policy is stricter than the declared one: older clients are cut off",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody set a policy that takes TLS 1.3 only",
        desired: stack!(),
        live: "
load_balancers:
  web:
    listeners:
      443:
        ssl_policy: ELBSecurityPolicy-TLS13-1-3-2021-06
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the policy is the file's", desired: stack!(), ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A listener's policy says which versions of TLS and which ciphers clients may speak. One that is stricter than the
declared one refuses clients that the file means to serve.

What clients see: the handshake fails, no HTTP answer; old systems, devices and Java 7 first. A CDN in front that speaks
no newer version answers 502. Others see nothing.

How to tell: the metric ClientTLSNegotiationErrorCount and connection logs (`Failed:UnmappedConnectionError`), from the
minute of the change. The rule reads the least version from the policies' names, and Res or Ext for fewer or more
ciphers. A laxer policy than declared cuts off nobody: the plan lists it, this rule does not. What it does to targets is
E208.

How to mend it: one call sets the declared policy again.

Sources: ELB user guide \"Security policies for your Application Load Balancer\", \"Connection logs\", \"CloudWatch metrics\"; API
ModifyListener, DescribeSSLPolicies.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    https(evidence).filter_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Option<Finding> {
    let is = listener.ssl_policy.as_deref()?;
    let want = evidence.declared(address)?.listener()?.ssl_policy.as_deref()?;
    let (live, declared) = (strictness(is)?, strictness(want)?);
    if live <= declared || evidence.pending.contains(address) {
        return None;
    }
    let (severity, detail) = match (live.0 > declared.0, live.0) {
        (true, 13) => (Severity::High, "Clients without TLS 1.3 cannot connect; a CDN in front may answer 502."),
        (true, _) => (Severity::Medium, "Clients with older versions of TLS cannot connect."),
        (false, _) => (Severity::Low, "Clients that know older ciphers only cannot connect."),
    };
    let bare = |policy: &str| policy.trim_start_matches(PREFIX).to_owned();
    Some(
        RULE.finding(severity, address, FIELD)
            .titled(format!("TLS policy {} is stricter than {}, which the file says", bare(is), bare(want)))
            .detailed(detail)
            .evident(address, FIELD, is)
            .mended_by(format!("set the TLS policy of {} to {want}, as the file says", address.name))
            .declaring(address, FIELD, want),
    )
}

const PREFIX: &str = "ELBSecurityPolicy-";

/// The least version of TLS that a policy takes, and how choosy it is within it; `None` for names without a meaning.
fn strictness(policy: &str) -> Option<(u8, u8)> {
    let name = policy.strip_prefix(PREFIX)?;
    let family = |prefix: &str| name.strip_prefix(prefix);
    let version = family("TLS13-").or_else(|| family("TLS-")).or_else(|| family("FS-"));
    let least = match version {
        Some(rest) if rest.starts_with("1-3") => 13,
        Some(rest) if rest.starts_with("1-2") => 12,
        Some(rest) if rest.starts_with("1-1") => 11,
        Some(_) => 10,
        None if name.starts_with("2016-08") || name.starts_with("2015-05") => 10,
        None => return None,
    };
    let choosy = match name {
        name if name.contains("-Res") => 2,
        name if name.contains("-Ext") => 0,
        _ => 1,
    };
    Some((least, choosy))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn names_tell_the_least_version() {
        for (policy, least) in [
            ("ELBSecurityPolicy-TLS13-1-3-2021-06", Some((13, 1))),
            ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", Some((12, 2))),
            ("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", Some((12, 0))),
            ("ELBSecurityPolicy-TLS-1-2-2017-01", Some((12, 1))),
            ("ELBSecurityPolicy-TLS-1-1-2017-01", Some((11, 1))),
            ("ELBSecurityPolicy-FS-2018-06", Some((10, 1))),
            ("ELBSecurityPolicy-TLS13-1-0-2021-06", Some((10, 1))),
            ("ELBSecurityPolicy-2016-08", Some((10, 1))),
            ("ELBSecurityPolicy-Quantum", None),
            ("ours", None),
        ] {
            assert_eq!(strictness(policy), least, "{policy}");
        }
    }

    #[test]
    fn only_a_stricter_policy_cuts_clients_off() {
        for (is, severity) in [
            ("ELBSecurityPolicy-TLS13-1-3-2021-06", Some(Severity::High)),
            ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", Some(Severity::Low)),
            ("ELBSecurityPolicy-TLS13-1-2-2021-06", None),
            ("ELBSecurityPolicy-2016-08", None),
        ] {
            let mut world = World::seed();
            world.listener(443).ssl_policy = Some(is.to_owned());
            assert_eq!(world.judge().into_iter().find(|f| f.rule == "E611").map(|f| f.severity), severity, "{is}");
        }
    }
}
