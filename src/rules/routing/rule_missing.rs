//! E811: a declared rule is not there, so the listener's default takes its requests.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{in_words, instead};
use crate::model::Address;
use crate::model::kind::Rule as ListenerRule;

const FIELD: &str = "when";

const STACK: &str = r#"
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
      80:
        protocol: http
        default: { fixed_response: { status: 503 } }
        rules:
          api:
            priority: 10
            when: { path: ["/api/*"] }
            forward: django
          admin:
            priority: 20
            when: { path: ["/admin/*"] }
            forward: django
"#;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E811",
    name: "rule-missing",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a declared rule is not there, and other rules or the default take its requests",
    explain: EXPLAIN,
    bad: Situation {
        text: "the rule for /admin was deleted; the default answers 503",
        desired: STACK,
        live: "
load_balancers:
  web:
    listeners:
      80:
        rules:
          admin: null
",
        ..Situation::EMPTY
    },
    good: Situation { text: "both rules are there", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
Requests that no rule takes go to the listener's default action. When a rule is deleted, its requests fall through to
rules behind it, and in the end to the default.

What clients see depends on where they land: a fixed 5xx answer, 404 from another application, a redirect. Where the
default sends them to the very group of the rule, nothing.

How to tell: the file declares the rule, the listener is there, and no live rule is it: none bears its mark, and none
has its conditions. It counts in full where the listener still bears the mark that it had all the file declares; where
nothing says that the rule ever was there, it is a warning; where the file has changed since, the rule is new and no
finding.

How to mend it: apply creates it at its priority, once its group has a healthy target. If it shall not be there, take it
out of the file.

Sources: ELB user guide \"Listener rules for your Application Load Balancer\"; API DescribeRules, CreateRule.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let specs = evidence.desired.iter().flat_map(|desired| &desired.specs);
    let rules = specs.filter_map(|(address, spec)| Some((address, spec.rule()?)));
    rules
        .filter(|(address, _)| evidence.rule(address).is_none())
        .filter_map(|(a, rule)| judge(evidence, a, rule))
        .collect()
}

fn judge(evidence: &Evidence, address: &Address, rule: &ListenerRule) -> Option<Finding> {
    let (listener, action) = (rule.listener.address()?, rule.action.as_ref()?);
    let default = evidence.listener(listener)?.default.as_ref()?;
    let (severity, effect) = instead(default, action);
    let severity = super::of_missing(evidence, address, severity)?;
    Some(
        RULE.finding(severity, address, FIELD)
            .titled(format!("no rule {} on {}, the default {}", address.leaf(), listener.name, in_words(default)))
            .detailed(format!("Its requests fall through to what stands behind it: the default {effect}"))
            .evident(listener, "default", default.shown())
            .mended_by("create the rule as in the file, or take it out of the file"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer, at, rule, to};
    use super::*;

    #[test]
    fn where_requests_land_decides_how_bad_it_is() {
        for (default, drifted, severity) in [
            (to("django"), true, Severity::Low),
            (to("other"), true, Severity::Medium),
            (answer(503), true, Severity::High),
            (answer(404), true, Severity::Medium),
            (answer(503), false, Severity::Medium),
        ] {
            let mut world = World::seed();
            let api = at("rule/web:443/api");
            world.desired.specs.insert(api.clone(), rule("", "/api/*", to("django")).into());
            world.listener(443).default = Some(default);
            if drifted {
                world.drifted.insert(api.clone());
            }
            let found = world.judge().into_iter().find(|f| f.rule == "E811").unwrap();
            assert_eq!(found.severity, severity, "{found:#?}");
            world.pending.insert(api.clone());
            assert!(world.judge().iter().all(|f| f.rule != "E811"));
            world.pending.clear();
            world.live.insert(api, rule("", "/api/*", to("django")).into());
            assert!(world.judge().iter().all(|f| f.rule != "E811"));
        }
    }
}
