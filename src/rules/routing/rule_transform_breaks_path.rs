//! E814: a rule rewrites host or path otherwise than the files say.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
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
          admin:
            priority: 10
            when: { path: ["/admin/*"] }
            rewrite: { path: [ { match: "^/admin/(.*)", replace: "/$1" } ] }
            forward: django
"#;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E814",
    name: "rule-transform-breaks-path",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a rule rewrites host or path otherwise than the files say",
    explain: EXPLAIN,
    bad: Situation {
        text: "the rewrite was edited: targets are asked for /v2/…, which they do not have",
        desired: STACK,
        live: r#"
load_balancers:
  web:
    listeners:
      80:
        rules:
          admin:
            rewrite: { path: [ { match: "^/admin/(.*)", replace: "/v2/$1" } ] }
"#,
        ..Situation::EMPTY
    },
    good: Situation { text: "the rewrite is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A rule may rewrite host and path of a request before it is forwarded. Rules choose by the request as it came; targets
see it as it was rewritten.

What clients see: 404 or 400 from the application for all requests of the rule, since targets are asked for a path or a
host that they do not know; redirects to places that do not exist. Health checks are not rewritten: every target stays
healthy.

How to tell: the live rewrite is not the declared one. In the access log `transformed_uri` and `transformed_host` show
what targets were asked for.

How to mend it: one call sets the declared rewrites again; an empty list removes them.

Sources: ELB user guide \"Transforms for listener rules\", \"Access logs\"; API ModifyRule.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.rules().filter_map(|(address, _)| judge(evidence, address)).collect()
}

fn judge(evidence: &Evidence, address: &Address) -> Option<Finding> {
    let rewrites = |change: &FieldChange| change.path.as_str().starts_with("rewrite.");
    let fields: Vec<FieldChange> = drift::fields(evidence, address).into_iter().filter(rewrites).collect();
    let first = fields.first().filter(|_| !evidence.pending.contains(address))?;
    let part = first.path.as_str().trim_start_matches("rewrite.");
    let forwards = evidence.rule(address)?.action.as_ref().is_some_and(|action| action.groups().next().is_some());
    let severity = if forwards { Severity::High } else { Severity::Low };
    let mut finding = RULE
        .finding(severity, address, first.path.as_str())
        .titled(format!("rule {} rewrites the {part} otherwise than the file says", address.leaf()))
        .detailed("Clients get the application's 404 or 400: targets are asked for what they do not know.")
        .mended_by("set the rule's rewrites as in the file")
        .declaring(address, first.path.as_str(), &first.desired);
    for field in &fields {
        finding = finding.evident(address, field.path.as_str(), &field.live);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, rule, to};
    use crate::model::kind::{Rewrite, Rule as ListenerRule, Substitution};

    #[test]
    fn an_undeclared_rewrite_is_no_drift_and_an_empty_one_is_declared() {
        let some = || vec![Substitution { pattern: "^/a".into(), replace: "/b".into() }];
        for (declared, found) in [(None, false), (Some(Vec::new()), true), (Some(some()), false)] {
            let with = |path| ListenerRule {
                rewrite: Some(Rewrite { path, host: None }),
                ..rule("shop.example.com", "/a*", to("django"))
            };
            let mut world = World::seed();
            world.with_rule("a", with(Some(some())));
            world.desired.specs.insert(at("rule/web:443/a"), with(declared.clone()).into());
            assert_eq!(world.judge().iter().any(|f| f.rule == "E814"), found, "{declared:?}");
        }
    }
}
