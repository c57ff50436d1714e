//! E809: a rule takes other requests than the files say.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
use super::instead;
use crate::model::kind::{Conditions, Rule as ListenerRule};
use crate::model::{Address, FieldChange};

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
        default: { fixed_response: { status: 404 } }
        rules:
          api:
            priority: 10
            when: { path: ["/api/*"] }
            forward: django
"#;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E809",
    name: "rule-condition-drift",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a rule takes other requests than the files say",
    explain: EXPLAIN,
    bad: Situation {
        text: "the path lost its wildcard: /api/ alone reaches the application",
        desired: STACK,
        live: r#"
load_balancers:
  web:
    listeners:
      80:
        rules:
          api:
            when: { path: ["/api/"] }
"#,
        ..Situation::EMPTY
    },
    good: Situation { text: "the conditions are the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A rule takes the requests that meet all its conditions: host, path, method, headers, query, client network. An edit of
one value moves requests from one application to another.

What clients see: requests that the rule no longer takes land at a later rule or at the default, which answers 404 or
5xx, or sends them to an application that does not know them. A rule that takes more than it should takes it from the
rules behind it.

How to tell: the live conditions are not the declared ones; the access log's `matched_rule_priority` shows another rule
for these requests. Paths are compared with their letter case, hosts without.

How to mend it: one call sets the declared conditions again. The list is sent whole, because AWS replaces it.

Sources: ELB user guide \"Condition types for listener rules\", \"Listener rules for your Application Load Balancer\"; API
ModifyRule.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.rules().filter_map(|(address, rule)| judge(evidence, address, rule)).collect()
}

fn judge(evidence: &Evidence, address: &Address, rule: &ListenerRule) -> Option<Finding> {
    let declared = evidence.declared(address)?.rule()?;
    // a secret whose value is not at hand cannot be compared
    let known = |when: &Conditions| when.header.iter().flat_map(|header| &header.values).all(|value| value.is_known());
    let comparable = declared.when.as_ref().is_some_and(known) && rule.when.as_ref().is_some_and(known);
    let of_conditions = |change: &FieldChange| {
        change.path.as_str().starts_with("when.") && (comparable || change.path.as_str() != "when.header")
    };
    let fields: Vec<FieldChange> = drift::fields(evidence, address).into_iter().filter(of_conditions).collect();
    let first = fields.first()?;
    if evidence.pending.contains(address) {
        return None;
    }
    let action = declared.action.as_ref().or(rule.action.as_ref())?;
    let default = rule.listener.address().and_then(|listener| evidence.listener(listener)?.default.as_ref());
    let (severity, effect) = match default {
        Some(default) => instead(default, action),
        None => (Severity::Medium, "takes them.".to_owned()),
    };
    let names = fields.iter().map(|field| field.path.as_str().trim_start_matches("when.")).collect::<Vec<_>>();
    let mut finding = RULE
        .finding(severity, address, first.path.as_str())
        .titled(format!("rule {} takes other requests than the file says: {}", address.leaf(), names.join(", ")))
        .detailed(format!(
            "Requests that it no longer takes fall through to what stands behind it: the default {effect}"
        ))
        .mended_by("set the rule's conditions as in the file")
        .declaring(address, first.path.as_str(), &first.desired);
    for field in &fields {
        finding = finding.evident(address, field.path.as_str(), &field.live);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer, at, rule, to};
    use super::*;

    fn drifted(live: ListenerRule) -> World {
        let mut world = World::seed();
        world.listener(443).default = Some(answer(404));
        world.desired.specs.insert(at("listener/web:443"), world.live[&at("listener/web:443")].clone());
        world.desired.specs.insert(at("rule/web:443/api"), rule("shop.example.com", "/api/*", to("django")).into());
        world.with_rule("api", live);
        world
    }

    #[test]
    fn each_changed_condition_is_cited_and_spelling_is_no_change() {
        let world = drifted(rule("www.shop.example.com", "/Api/*", to("django")));
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E809", Severity::Medium));
        assert_eq!(finding.title, "rule api takes other requests than the file says: host, path");
        assert!(["when.host", "when.path"].into_iter().all(|f| finding.cites(&at("rule/web:443/api"), &f.into())));
        drifted(rule("SHOP.example.com", "/api/*", to("django"))).expect(&[]);
    }

    #[test]
    fn what_is_not_applied_yet_is_no_drift() {
        let mut world = drifted(rule("", "/api/*", to("django")));
        world.expect(&[("E809", Severity::Medium)]);
        world.pending.insert(at("rule/web:443/api"));
        world.expect(&[]);
    }
}
