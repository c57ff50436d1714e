//! E812: what happens while WAF cannot be reached is not what the files say.

use super::super::traffic::starting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
use crate::model::Kind;

const KEY: &str = "waf.fail_open.enabled";

const STACK: &str = "
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
    attributes: { waf.fail_open.enabled: true }
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E812",
    name: "waf-blocks",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[Need::Logs],
    summary: "while WAF cannot be reached, requests are refused though the files let them pass",
    explain: EXPLAIN,
    bad: Situation {
        text: "the load balancer was to serve without WAF; it answers 500 instead",
        desired: STACK,
        live: "
load_balancers:
  web:
    attributes: { waf.fail_open.enabled: false }
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the setting is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A load balancer with a web ACL asks WAF about every request. While it gets no answer, it refuses requests, unless it
fails open.

What clients see: 500 for every request while WAF cannot be reached, which is rare. A request that WAF blocks is
answered 403; that is WAF at work and no fault of the load balancer.

How to tell: in access logs `actions_executed` shows `waf-failed` for the 500 and `waf` with status 403 for blocked
requests. The rule compares the live setting with the declared one; without a declaration it says nothing, and a load
balancer that fails open where the file says otherwise answers no 5xx.

How to mend it: one call sets the declared value again. Failing open lets requests in that WAF would have blocked: that
is for the owner of the file to decide.

Sources: ELB user guide \"Application Load Balancers\" (WAF fail open), \"Access logs\"; API LoadBalancerAttribute.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let shut = drift::attribute(evidence, KEY).filter(|waf| waf.is == "false");
    let detail = "Clients get 500 for every request while WAF cannot be reached, where there is a web ACL at all.";
    let shut = shut.map(|waf| waf.finding(&RULE, Severity::Info, "WAF fail open", detail));
    shut.chain(logged(evidence)).collect()
}

/// What access logs say of it; nothing without them.
fn logged(evidence: &Evidence) -> Vec<Finding> {
    starting(evidence, Kind::LoadBalancer, &["WAF"])
        .map(|seen| {
            seen.finding(&RULE, Severity::High)
                .titled(format!("{} failed because the firewall did: {}", seen.times("request"), seen.named()))
                .detailed(
                    "Some clients get 500: AWS WAF could not be asked, and the load balancer lets nothing pass then.",
                )
                .mended_by(
                    "see AWS Health for WAF; attributes: { waf.fail_open.enabled: true } lets requests pass meanwhile",
                )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::situation::Logged;
    use super::super::super::testing::World;
    use super::*;
    use crate::model::traffic::Shape;

    #[test]
    fn a_firewall_that_failed_in_access_logs_is_worse_than_a_setting() {
        for (reason, found) in [("WAFConnectionTimeout", 1), ("WAFServiceError", 1), ("AuthInvalidGrantError", 0)] {
            let mut world = World::seed();
            let at = "load_balancer/web";
            world.logged = vec![Logged { at, requests: 1_000, shape: Shape::Other, count: 1, reason }];
            let seen: Vec<Finding> = world.judge().into_iter().filter(|f| f.rule == RULE.code).collect();
            assert_eq!(seen.len(), found, "{reason}: {seen:#?}");
            for finding in seen {
                let title = format!("1 request failed because the firewall did: {reason}");
                assert_eq!((finding.severity, finding.title), (Severity::High, title));
            }
        }
    }

    #[test]
    fn failing_open_answers_no_5xx() {
        for (want, is, found) in [("true", "false", 1), ("false", "true", 0)] {
            let mut world = World::seed();
            world.declare_of_balancer(KEY, want);
            world.balancer().attributes.insert(KEY.to_owned(), is.to_owned());
            assert_eq!(world.judge().len(), found, "{is} for {want}");
        }
    }
}
