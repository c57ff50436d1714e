//! E804: a rule never gets a request, because one before it takes them all.

use std::collections::BTreeMap;

use super::super::{Evidence, Finding, FixClass, Rule, Severity, Situation};
use super::default_action_drift::same;
use super::{in_words, rules_in_order};
use crate::cloud::traffic::covers;
use crate::model::Address;
use crate::model::kind::{self, Action, Conditions};

const FIELD: &str = "when";

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
  static:
    protocol: http
    port: 8080
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
            when: { path: [\"/shop/api/*\"] }
            forward: django
          shop:
            priority: 20
            when: { path: [\"/shop/*\"] }
            forward: static
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E804",
    name: "rule-shadowed",
    severity: Severity::High,
    needs: &[],
    also: &[],
    summary: "a rule never gets a request: one before it takes them all",
    explain: EXPLAIN,
    bad: Situation {
        text: "a broader rule was moved in front of a narrower one",
        desired: STACK,
        live: "
load_balancers:
  web:
    listeners:
      80:
        rules:
          api:
            priority: 30
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the narrower rule comes first", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A listener asks its rules by priority, the lowest number first, and the first whose conditions fit decides. A rule is
dead if one before it fits every request that it fits: a broader path in front of a narrower one, a rule for all hosts
in front of one for a single host, or a rule that takes everything (`/*` as its only condition) in front of all others.
Then the default of the listener is dead as well.

What clients see: no request reaches the destination of the dead rule. Those requests get what the earlier rule does:
another application, which answers 404 or something wrong, 502 and 503 if its targets fail or its group is empty; a fixed
answer; a redirect; or no login where one is meant. With the same destination nothing is wrong but the superfluous rule.

How to tell: in access logs, `matched_rule_priority` never shows the rule's number. This rule proves it from the
conditions alone: hosts without regard to case, paths with it, wildcards `*` and `?`, methods, headers, query strings and
client networks. It says nothing where it cannot prove it: of regular expressions it only knows that one covers itself,
and that several rules together may leave nothing over is not looked at.

How to mend it: order the rules from narrow to broad, all in one SetRulePriorities call; or narrow the earlier one. A
rule that takes everything belongs last, or its action into the listener's default.

Sources: ELB user guide \"Listener rules\", \"Condition types for listener rules\"; API SetRulePriorities.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.listeners().flat_map(|(address, _)| of_listener(evidence, address)).collect()
}

/// A rule and its address.
type Placed<'e> = (&'e Address, &'e kind::Rule);

fn of_listener(evidence: &Evidence, listener: &Address) -> Vec<Finding> {
    let rules = rules_in_order(evidence, listener);
    let mut behind: BTreeMap<usize, Vec<Placed<'_>>> = BTreeMap::new();
    for (index, (address, rule)) in rules.iter().enumerate().skip(1) {
        let Some(when) = rule.when.as_ref().filter(|when| !when.is_of_nobody()) else { continue };
        if let Some(first) = rules[..index].iter().position(|(_, earlier)| takes_all_of(earlier, when)) {
            behind.entry(first).or_default().push((address, rule));
        }
    }
    let found = |(first, behind): (usize, Vec<Placed<'_>>)| {
        let first = rules[first];
        if takes_all_of(first.1, &Conditions::default()) {
            return vec![catch_all(evidence, first, &behind)];
        }
        behind.into_iter().map(|later| shadowed(evidence, first, later)).collect()
    };
    behind.into_iter().flat_map(found).collect()
}

/// Whether a rule provably takes all that these conditions take. One with parts that are not known may take less.
fn takes_all_of(rule: &kind::Rule, when: &Conditions) -> bool {
    rule.beyond.is_empty() && rule.when.as_ref().is_some_and(|wide| covers(wide, when))
}

/// A rule that nothing reaches.
fn shadowed(evidence: &Evidence, (before, first): Placed<'_>, (address, rule): Placed<'_>) -> Finding {
    let loss = loss(first, rule);
    let severity = if loss.is_some() { Severity::High } else { Severity::Info };
    let (name, earlier) = (address.leaf(), before.leaf());
    let instead = loss.unwrap_or_else(|| "get the same there: the rule is superfluous".to_owned());
    let finding = RULE
        .finding(severity, address, FIELD)
        .titled(format!("no request reaches rule {name}: rule {earlier} comes first and takes them all"))
        .detailed(format!("Requests that fit {name} fit {earlier} as well, which is asked before it. They {instead}."));
    let finding = evident(evident(finding, (address, rule)), (before, first));
    match drift(evidence, address).or_else(|| drift(evidence, before)) {
        Some((at, Drift::Priority(priority))) => finding
            .mended_by("set the priorities as in the file, in one SetRulePriorities call")
            .declaring(at, "priority", priority),
        Some((at, Drift::Conditions)) => finding.mended_by(format!("set the conditions of {} as in the file", at.leaf())),
        None if severity == Severity::Info => finding.mended_by(format!("remove {name}, or tell the two apart")),
        None => finding.mended_by(format!(
            "place {name} before {earlier} (a lower `priority`; one SetRulePriorities call), or narrow {earlier}'s `when`"
        )),
    }
}

/// A rule that takes everything, with others behind it.
fn catch_all(evidence: &Evidence, (address, rule): Placed<'_>, behind: &[Placed<'_>]) -> Finding {
    let losses: Vec<String> = behind.iter().filter_map(|(_, later)| loss(rule, later)).collect();
    let severity = if losses.is_empty() { Severity::Info } else { Severity::High };
    let name = address.leaf();
    let count = if behind.len() == 1 { "the rule".to_owned() } else { format!("the {} rules", behind.len()) };
    let names: Vec<&str> = behind.iter().map(|(address, _)| address.leaf()).collect();
    let instead = losses.into_iter().next().unwrap_or_else(|| "get the same there".to_owned());
    let finding = RULE
        .finding(severity, address, FIELD)
        .titled(format!("rule {name} takes every request: {count} behind it and the default get none"))
        .detailed(format!("Requests that are meant for {} {instead}.", names.join(", ")));
    let finding = behind.iter().fold(evident(finding, (address, rule)), |finding, later| evident(finding, *later));
    let drifted = std::iter::once(address).chain(behind.iter().map(|(later, _)| *later));
    match drifted.filter_map(|address| drift(evidence, address)).next() {
        Some((at, Drift::Priority(priority))) => finding
            .mended_by("set the priorities as in the file, in one SetRulePriorities call")
            .declaring(at, "priority", priority),
        Some((at, Drift::Conditions)) => finding.mended_by(format!("set the conditions of {} as in the file", at.leaf())),
        None => finding.mended_by(format!(
            "place {name} last (the highest `priority`; one SetRulePriorities call), or give it the conditions it is meant for"
        )),
    }
}

/// What becomes of requests that a later rule is meant for, if that is not the same.
fn loss(first: &kind::Rule, later: &kind::Rule) -> Option<String> {
    let (Some(done), Some(meant)) = (&first.action, &later.action) else {
        return Some("get what that one does".to_owned());
    };
    if !same(done, meant) {
        return Some(match done {
            Action::FixedResponse(fixed) => format!("are answered {} by the load balancer itself", fixed.status),
            Action::Redirect(_) => format!("are sent elsewhere: it {}", in_words(done)),
            Action::Forward(_) => {
                let meant = in_words(meant);
                let another = "another application's answers, or 502 and 503 where its targets fail or are missing";
                format!("get {another}: it {}, and this one {meant}", in_words(done))
            }
        });
    }
    let asks = |rule: &kind::Rule| rule.authenticate.clone().filter(|login| *login != kind::Authenticate::None);
    if asks(first) != asks(later) {
        return Some("go to the right place, but without the login that is meant, or with another".to_owned());
    }
    let rewrites = |rule: &kind::Rule| {
        let rewrite = rule.rewrite.clone().unwrap_or_default();
        (rewrite.path.unwrap_or_default(), rewrite.host.unwrap_or_default())
    };
    (rewrites(first) != rewrites(later))
        .then(|| "go to the right place under another path or host than meant".to_owned())
}

fn evident(finding: Finding, (address, rule): Placed<'_>) -> Finding {
    let when = rule.when.as_ref().map(Conditions::shown);
    let finding = finding.evident(address, FIELD, when);
    match rule.priority {
        Some(priority) => finding.evident(address, "priority", priority),
        None => finding,
    }
}

/// What of a rule is not as the files say.
enum Drift {
    Priority(u32),
    Conditions,
}

fn drift<'e>(evidence: &Evidence, address: &'e Address) -> Option<(&'e Address, Drift)> {
    let want = evidence.declared(address)?.rule()?;
    let live = evidence.rule(address)?;
    if let Some(priority) = want.priority.filter(|priority| live.priority != Some(*priority)) {
        return Some((address, Drift::Priority(priority)));
    }
    let (have, meant) = (live.when.as_ref()?, want.when.as_ref()?);
    (!have.same(meant)).then_some((address, Drift::Conditions))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::testing::{World, answer, at, rule, to};
    use super::*;

    fn world(rules: &[(&str, u32, &str, &str, Action)]) -> World {
        let mut world = World::seed();
        for (name, priority, host, path, action) in rules {
            world.with_rule(name, kind::Rule { priority: Some(*priority), ..rule(host, path, action.clone()) });
        }
        world
    }

    fn only(world: &World) -> Option<Finding> {
        let mut found: Vec<Finding> = world.judge().into_iter().filter(|finding| finding.rule == "E804").collect();
        assert!(found.len() <= 1, "{found:#?}");
        found.pop()
    }

    #[test]
    fn a_broader_rule_in_front_is_told_by_what_it_does() {
        for (host, path, action, severity) in [
            ("", "/api/*", answer(404), Some(Severity::High)),
            ("", "/a*", to("django"), Some(Severity::Info)),
            ("*.example.com", "", to("other"), Some(Severity::High)),
            ("*.example.com", "/api/v?/*", to("other"), Some(Severity::High)),
            ("*.example.com", "/api/v?/x*", to("other"), None),
            ("WWW.Example.com", "/api/v2/*", to("other"), Some(Severity::High)),
            ("", "/API/*", to("other"), None),
            ("", "/api/v1/*", to("other"), None),
            ("WWW.example.com", "/api/v2/x", to("other"), None),
        ] {
            let later = ("late", 20, "www.example.com", "/api/v2/*", to("django"));
            let world = world(&[("early", 10, host, path, action), later]);
            let found = only(&world);
            assert_eq!(found.as_ref().map(|f| f.severity), severity, "{host}{path}: {found:#?}");
            assert!(found.is_none_or(|f| f.address == at("rule/web:443/late")));
        }
    }

    #[test]
    fn what_takes_everything_is_told_once() {
        let all = |priority| ("all", priority, "", "/*", to("django"));
        let (a, b) = (("a", 20, "a.example.com", "", to("other")), ("b", 30, "", "/b", to("django")));
        let found = only(&world(&[all(10), a.clone(), b.clone()])).unwrap();
        assert_eq!((found.address.leaf(), found.severity), ("all", Severity::High));
        assert_eq!(found.title, "rule all takes every request: the 2 rules behind it and the default get none");
        assert_eq!(only(&world(&[all(10), b.clone()])).unwrap().severity, Severity::Info);
        assert!(only(&world(&[all(40), a, b])).is_none(), "where it belongs");
    }

    #[test]
    fn what_is_not_known_and_what_nobody_asks_is_no_shadow() {
        let mut world = world(&[("early", 10, "", "/a*", answer(404)), ("late", 20, "", "/api", to("django"))]);
        assert!(only(&world).is_some());
        let early = at("rule/web:443/early");
        let bend = |world: &mut World, f: &dyn Fn(&mut kind::Rule)| {
            let Some(crate::model::Spec::Rule(rule)) = world.live.get_mut(&early) else { panic!() };
            f(rule);
        };
        bend(&mut world, &|rule| rule.beyond = BTreeSet::from(["transform".to_owned()]));
        assert!(only(&world).is_none());
        bend(&mut world, &|rule| rule.beyond.clear());
        bend(&mut world, &|rule| {
            rule.when = Some(Conditions { path_regex: ["^/a".to_owned()].into(), ..Conditions::default() });
        });
        assert!(only(&world).is_none());
        // a rule that only attaches a group shadows nothing, and is not shadowed
        bend(&mut world, &|rule| rule.when = Some(Conditions::of_nobody()));
        assert!(only(&world).is_none());
        let attached = world.live[&early].clone();
        world.live.insert(at("rule/web:443/zz"), attached);
        bend(&mut world, &|rule| rule.when = Some(Conditions::default()));
        assert_eq!(only(&world).unwrap().evidence.iter().filter(|e| e.field.as_str() == FIELD).count(), 2);
    }

    #[test]
    fn a_login_that_nobody_meets_is_not_the_same() {
        let mut world = world(&[("early", 10, "", "/a*", to("django")), ("late", 20, "", "/api", to("django"))]);
        assert_eq!(only(&world).unwrap().severity, Severity::Info);
        let Some(crate::model::Spec::Rule(late)) = world.live.get_mut(&at("rule/web:443/late")) else { panic!() };
        late.authenticate = Some(kind::Authenticate::Jwt(kind::Jwt {
            jwks_endpoint: "https://id.example.com/keys".to_owned(),
            issuer: "https://id.example.com/".to_owned(),
            additional_claims: None,
        }));
        let found = only(&world).unwrap();
        assert!(found.severity == Severity::High && found.detail.contains("without the login"), "{found:#?}");
    }

    #[test]
    fn without_numbers_the_order_of_the_file_counts() {
        for (order, shadowed) in [(["late", "early"], false), (["early", "late"], true)] {
            let mut world = world(&[("early", 1, "", "/a*", answer(404)), ("late", 1, "", "/api", to("django"))]);
            for name in order {
                let Some(crate::model::Spec::Rule(rule)) = world.live.get_mut(&at(&format!("rule/web:443/{name}")))
                else {
                    panic!()
                };
                rule.priority = None;
            }
            assert!(only(&world).is_none(), "no order is known");
            let order = order.map(|name| at(&format!("rule/web:443/{name}"))).to_vec();
            world.desired.rule_order.insert(at("listener/web:443"), order);
            assert_eq!(only(&world).is_some(), shadowed);
        }
    }
}
