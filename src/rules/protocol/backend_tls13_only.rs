//! E208: the load balancer offers targets TLS 1.2 at most.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::kind::Listener;
use crate::model::value::Protocol;
use crate::model::{Address, Kind};
use crate::probe::Versions;
use crate::probe::observation::Handshake;

const FIELD: &str = "ssl_policy";
/// What the name of every policy holds that knows TLS 1.3.
const TLS13: &str = "TLS13";

const STACK: &str = "
certificates:
  app: { domain: shop.example.com, validation: dns }
target_groups:
  django:
    protocol: https
    port: 8443
    target_type: ip
    vpc: main
    health_check: { protocol: https }
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
    code: "E208",
    name: "backend-tls13-only",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Probe],
    summary: "the load balancer offers HTTPS targets TLS 1.2 at most, by its listeners' policies",
    explain: EXPLAIN,
    bad: Situation {
        text: "the listener's policy was set back to one without TLS 1.3; so was TLS to the targets",
        desired: STACK,
        live: "
load_balancers:
  web:
    listeners:
      443:
        ssl_policy: ELBSecurityPolicy-TLS-1-2-2017-01
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "a listener with TLS 1.3 gives targets TLS 1.3 as well",
        desired: STACK,
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
What TLS the load balancer speaks to targets has no setting of its own. It follows the listeners: with a policy whose
name holds TLS13 on any listener, targets are offered TLS 1.0 to 1.3, else TLS 1.2 at most. So a change of what clients
may speak changes what targets get.

What clients see: if targets insist on TLS 1.3 and no listener has such a policy, every handshake to them fails: 502,
with TargetTLSNegotiationErrorCount rising, and checks over HTTPS fail. Targets that still take TLS 1.2 see no
difference.

How to tell: a group speaks HTTPS, and no HTTPS listener of its load balancer has a policy with TLS13 in its name. What
the targets insist on, a probe tells: it tries TLS 1.2 and TLS 1.3. Without one this is a note, and a warning where the
file's policy would have had TLS 1.3.

How to mend it: give a listener the file's policy again, or one of the TLS13 family such as
ELBSecurityPolicy-TLS13-1-2-2021-06. It changes what clients may speak, too.

Sources: ELB user guide \"Security policies for your Application Load Balancer\" (backend connections), \"Target groups for
your Application Load Balancers\"; API ModifyListener.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let guessed = evidence.load_balancers().filter_map(|(lb, _)| judge(evidence, lb));
    guessed.chain(Probed::all(evidence).filter_map(|group| seen(&group))).collect()
}

/// The TLS that a load balancer offers targets; `None` where a policy is not known.
pub(in crate::rules) fn offered(evidence: &Evidence, lb: &Address) -> Option<Versions> {
    let has_it: Option<Vec<bool>> =
        policies(evidence, lb).iter().map(|(_, policy)| policy.map(|policy| policy.contains(TLS13))).collect();
    has_it.map(|all| if all.contains(&true) { Versions::UpTo13 } else { Versions::UpTo12 })
}

fn policies<'e>(evidence: &'e Evidence, lb: &'e Address) -> Vec<(&'e Address, Option<&'e str>)> {
    let https = |listener: &Listener| listener.protocol == Some(Protocol::Https);
    evidence.listeners_of(lb).filter(|(_, l)| https(l)).map(|(a, l)| (a, l.ssl_policy.as_deref())).collect()
}

/// The probe's handshake is done in TLS 1.3 and fails in 1.2, and the load balancer offers no more.
fn seen(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Tls13);
    ones.first()?;
    let evidence = group.checked.evidence;
    let (lb, listener) = evidence
        .load_balancers_of(group.address())
        .into_iter()
        .filter(|lb| offered(evidence, lb) == Some(Versions::UpTo12))
        .find_map(|lb| Some((lb, policies(evidence, lb).first().copied()?)))?;
    Some(
        group
            .failing(&RULE, "protocol", &ones, false)
            .evident(listener.0, FIELD, listener.1)
            .titled(format!(
                "{} {} on TLS 1.3, {} offers targets 1.2 at most",
                group.who(&ones),
                if ones.len() == 1 { "insists" } else { "insist" },
                lb.name
            ))
            .mended_by(format!(
                "give {} a policy with TLS13 in its name (it changes what clients may speak, too), or let targets \
                 take TLS 1.2",
                listener.0.name
            )),
    )
}

/// What the policies say; targets that a probe has seen are out of the question.
fn judge(evidence: &Evidence, lb: &Address) -> Option<Finding> {
    let tried = |tls: &Option<Handshake>| tls.as_ref().is_some_and(Handshake::is_done);
    let is_known = |group: &Address| {
        let mut saw = evidence.targets_of(group).map(|(target, _)| evidence.probed.get(target)?.tls.as_ref());
        saw.any(|tls| tls.is_some_and(|tls| tried(&tls.up_to_12) || tried(&tls.up_to_13)))
    };
    let speaks_tls = |group: &Address| {
        let https = evidence.target_group(group).is_some_and(|group| group.protocol == Some(Protocol::Https));
        https && evidence.load_balancers_of(group).contains(lb) && !is_known(group)
    };
    let groups: Vec<&Address> = evidence.target_groups().map(|(a, _)| a).filter(|a| speaks_tls(a)).collect();
    let policies = policies(evidence, lb);
    // a policy that is not known may have it
    if groups.is_empty() || offered(evidence, lb) != Some(Versions::UpTo12) {
        return None;
    }
    let declared = |listener: &&Address| {
        let want = evidence.declared(listener).and_then(|spec| spec.listener()?.ssl_policy.as_deref());
        want.is_some_and(|policy| policy.contains(TLS13))
    };
    let drifted = policies.iter().map(|(listener, _)| *listener).find(declared);
    let severity = if drifted.is_some() { Severity::Medium } else { Severity::Info };
    let at = drifted.or(policies.first().map(|(listener, _)| *listener)).unwrap_or(lb);
    let field = if at.kind == Kind::Listener { FIELD } else { "listeners" };
    let mut finding = RULE
        .finding(severity, at, field)
        .titled(format!("{} offers its HTTPS targets TLS 1.2 at most", lb.name))
        .detailed("Clients get 502 if targets insist on TLS 1.3; a probe can tell. Others see nothing of it.");
    for (listener, policy) in &policies {
        finding = finding.evident(listener, FIELD, policy);
    }
    for group in groups {
        finding = finding.evident(group, "protocol", Protocol::Https);
    }
    let want = drifted.and_then(|listener| evidence.declared(listener)?.listener()?.ssl_policy.clone());
    Some(match want {
        Some(policy) => finding
            .mended_by(format!("set the TLS policy of {} to {policy}, as the file says", at.name))
            .declaring(at, FIELD, policy),
        None => finding.mended_by("if targets insist on TLS 1.3, give a listener a policy with TLS13 in its name"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn one_listener_with_tls_1_3_is_enough_and_drift_is_worse_than_a_choice() {
        let mut world = World::seed();
        world.group().protocol = Some(Protocol::Https);
        world.desired_group().protocol = Some(Protocol::Https);
        world.expect(&[]);
        world.listener(443).ssl_policy = Some("ELBSecurityPolicy-2016-08".to_owned());
        let severity = |world: &World| world.judge().into_iter().find(|f| f.rule == "E208").map(|f| f.severity);
        assert_eq!(severity(&world), Some(Severity::Medium));
        world.desired.specs.clear();
        assert_eq!(severity(&world), Some(Severity::Info));
        world.listener(443).ssl_policy = None;
        assert_eq!(severity(&world), None);
    }

    #[test]
    fn a_probe_proves_it_or_clears_it() {
        let mut world = World::seed();
        for check in [true, false] {
            let group = if check { world.group() } else { world.desired_group() };
            (group.protocol, group.health_check.protocol) = (Some(Protocol::Https), Some(Protocol::Https));
        }
        world.listener(443).ssl_policy = Some("ELBSecurityPolicy-2016-08".to_owned());
        world.saw(
            r#"{ "health_checks": [{ "outcome": { "tls_failed": "ProtocolVersion" } }],
            "tls": { "up_to_12": { "failed": "ProtocolVersion" }, "up_to_13": { "done": "TLSv1_3" } } }"#,
        );
        let found = world.judge();
        let e208: Vec<_> = found.iter().filter(|f| f.rule == "E208").collect();
        assert_eq!((e208.len(), e208[0].severity), (1, Severity::Critical), "{found:#?}");
        assert_eq!(e208[0].title, "targets insist on TLS 1.3, web offers targets 1.2 at most");
        world.saw(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "tls": { "up_to_12": { "done": "TLSv1_2" }, "up_to_13": { "done": "TLSv1_3" } } }"#,
        );
        assert!(world.judge().iter().all(|f| f.rule != "E208"), "it takes TLS 1.2");
    }
}
