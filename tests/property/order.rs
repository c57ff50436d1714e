//! The order of a listener's rules: every permutation, inserts, deletes, edits and swaps, up to the quota, with rules of
//! others between. Each converges in one apply with one `SetRulePriorities` at most, and writes no rule that needs none.

use std::collections::{BTreeMap, BTreeSet};

use no502::cloud::{Operation, Snapshot};
use no502::model::{Id, Link, Spec};
use no502::plan::Plan;

use super::world::{planned, read, secrets};
use super::{account, laws};

/// A rule of the files: its key, its status, and its priority if it has one.
type Written<'r> = (&'r str, u16, Option<u32>);

fn file(rules: &[Written<'_>]) -> String {
    let one = |(key, status, priority): &Written<'_>| {
        let number = priority.map(|n| format!("priority: {n}, ")).unwrap_or_default();
        format!("          {key}: {{ {number}when: {{ path: /{key} }}, fixed_response: {{ status: {status} }} }}\n")
    };
    let rules: String = rules.iter().map(one).collect();
    let rules = if rules.is_empty() { " {}\n".to_owned() } else { format!("\n{rules}") };
    format!(
        "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\nload_balancers:\n  web:\n    \
         subnets: [subnet-0a1b2c30, subnet-0a1b2c31]\n    listeners:\n      80:\n        protocol: http\n        \
         default: {{ fixed_response: {{ status: 404 }} }}\n        rules:{rules}"
    )
}

/// The live view once these rules were applied, with rules of nobody at these priorities.
fn live(rules: &[Written<'_>], strangers: &[u32]) -> Snapshot {
    let before = account::empty();
    let desired = read(&file(rules), &secrets());
    let mut live = laws::converges(&desired, &before, &planned(&desired, &before), 0).0;
    let (id, mut stranger) = live.rules().next().map(|(id, rule)| (id.clone(), rule.clone())).unwrap();
    stranger.tags.clear();
    for number in strangers {
        stranger.priority = Some(*number);
        stranger.when.as_mut().unwrap().path = BTreeSet::from([format!("/theirs-{number}")]);
        let facts = live.found[&id].facts.clone();
        live.insert(Id(format!("{id}-theirs-{number}")), stranger.clone(), facts);
    }
    live
}

/// The calls of a plan on rules, by the key of the rule; all laws hold.
fn calls(before: &Snapshot, rules: &[Written<'_>]) -> (Plan, Vec<String>) {
    let desired = read(&file(rules), &secrets());
    let plan = planned(&desired, before);
    laws::sound(&plan);
    assert!(plan.held.is_empty() && plan.refused.is_empty(), "{:#?} {:#?}", plan.held, plan.refused);
    let (end, again) = laws::converges(&desired, before, &plan, 3);
    laws::only_ours_moved(before, &plan, &end, &again);
    assert_eq!(in_order(&end, false), rules_by_place(rules), "the order of ours");
    assert_eq!(theirs(&end), theirs(before), "the rules of others");
    let written = plan.steps.iter().filter(|step| !step.stamp);
    let calls: Vec<String> = written.map(|step| format!("{} {}", step.operation.name(), step.address.leaf())).collect();
    assert!(calls.iter().filter(|call| call.starts_with("SetRulePriorities")).count() <= 1, "{calls:?}");
    (plan, calls)
}

fn rules_by_place(rules: &[Written<'_>]) -> Vec<String> {
    let mut rules = rules.to_vec();
    if rules.iter().all(|(_, _, priority)| priority.is_some()) {
        rules.sort_by_key(|(_, _, priority)| *priority);
    }
    rules.iter().map(|(key, _, _)| format!("/{key}")).collect()
}

/// The paths of the live rules, lowest priority first: those of others, or ours.
fn in_order(snapshot: &Snapshot, others: bool) -> Vec<String> {
    let path = |when: &no502::model::kind::Conditions| when.path.first().cloned().unwrap_or_default();
    let all: BTreeMap<Option<u32>, String> =
        snapshot.rules().map(|(_, rule)| (rule.priority, rule.when.as_ref().map(path).unwrap_or_default())).collect();
    all.into_values().filter(|path| path.starts_with("/theirs") == others).collect()
}

fn theirs(snapshot: &Snapshot) -> Vec<(Option<u32>, String)> {
    let rules = snapshot.rules().filter(|(id, _)| id.as_str().contains("theirs"));
    rules.map(|(id, rule)| (rule.priority, id.to_string())).collect()
}

/// Which rules a plan's `SetRulePriorities` names.
fn moved(plan: &Plan) -> BTreeSet<&Id> {
    let calls = plan.steps.iter().map(|step| &step.operation);
    calls
        .filter_map(|call| {
            if let Operation::SetRulePriorities { priorities, .. } = call { Some(priorities.keys()) } else { None }
        })
        .flatten()
        .collect()
}

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
const NUMBERS: [u32; 5] = [1, 2, 10, 11, 50_000];

fn permutations(keys: &[&'static str]) -> Vec<Vec<&'static str>> {
    if keys.is_empty() {
        return vec![Vec::new()];
    }
    let without = |index: usize| -> Vec<&'static str> {
        keys.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, key)| *key).collect()
    };
    let first =
        |index: usize| permutations(&without(index)).into_iter().map(move |rest| [vec![keys[index]], rest].concat());
    (0..keys.len()).flat_map(first).collect()
}

fn numbered(keys: &[&'static str], numbers: &[u32]) -> Vec<Written<'static>> {
    keys.iter().zip(numbers).map(|(key, number)| (*key, 200, Some(*number))).collect()
}

fn placed(keys: &[&'static str]) -> Vec<Written<'static>> {
    keys.iter().map(|key| (*key, 200, None)).collect()
}

#[test]
fn every_permutation_of_five_numbers_is_one_call_on_the_rules_that_move() {
    let before = live(&numbered(&KEYS, &NUMBERS), &[3, 49_999]);
    let all = permutations(&KEYS);
    assert_eq!(all.len(), 120);
    for keys in all {
        let (plan, calls) = calls(&before, &numbered(&keys, &NUMBERS));
        let differ = keys.iter().zip(KEYS).filter(|(key, at)| **key != *at).count();
        assert_eq!(moved(&plan).len(), differ, "{keys:?}");
        assert_eq!(calls.len(), usize::from(differ > 0), "{calls:?}");
    }
}

#[test]
fn every_order_of_five_rules_is_one_call_that_names_no_rule_of_others() {
    let before = live(&placed(&KEYS), &[15, 20_000]);
    for keys in permutations(&KEYS) {
        let (plan, calls) = calls(&before, &placed(&keys));
        assert_eq!(calls.is_empty(), keys == KEYS, "{keys:?}: {calls:?}");
        assert!(moved(&plan).iter().all(|id| !id.as_str().contains("theirs")));
    }
}

#[test]
fn a_rule_goes_in_anywhere_without_a_write_to_the_others() {
    let before = live(&placed(&KEYS), &[15]);
    for at in 0..=KEYS.len() {
        let mut rules = placed(&KEYS);
        rules.insert(at, ("new", 200, None));
        assert_eq!(calls(&before, &rules).1, ["CreateRule new"], "at {at}");
    }
}

#[test]
fn a_rule_goes_or_changes_without_a_write_to_the_others() {
    let before = live(&placed(&KEYS), &[15]);
    for (at, key) in KEYS.iter().enumerate() {
        let mut rules = placed(&KEYS);
        rules[at].1 = 503;
        assert_eq!(calls(&before, &rules).1, [format!("ModifyRule {key}")]);
        rules.remove(at);
        assert_eq!(calls(&before, &rules).1, [format!("DeleteRule {key}")]);
    }
}

/// Keys of so many rules.
fn many(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("rule-{number:03}")).collect()
}

#[test]
fn a_listener_at_its_quota_is_turned_around_in_one_call() {
    let keys = many(98);
    let rules: Vec<Written<'_>> = keys.iter().map(|key| (key.as_str(), 200, None)).collect();
    let before = live(&rules, &[15, 500]);
    let turned: Vec<Written<'_>> = rules.iter().rev().copied().collect();
    let (plan, calls) = calls(&before, &turned);
    assert_eq!(calls, ["SetRulePriorities web:80"]);
    assert!(moved(&plan).iter().all(|id| !id.as_str().contains("theirs")));
}

#[test]
fn a_full_listener_loses_a_rule_before_it_gets_one_and_one_with_room_after() {
    for (count, first) in [(100, "DeleteRule"), (99, "CreateRule")] {
        let keys = many(count);
        let mut rules: Vec<Written<'_>> = keys.iter().map(|key| (key.as_str(), 200, None)).collect();
        let before = live(&rules, &[]);
        rules.remove(0);
        rules.push(("new", 404, None));
        let (_, calls) = calls(&before, &rules);
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert!(calls[0].starts_with(first), "{count} rules: {calls:?}");
    }
}

#[test]
fn rules_of_others_are_told_from_ours() {
    let before = live(&placed(&KEYS), &[15]);
    assert_eq!(in_order(&before, true), ["/theirs-15"]);
    let listener = before.listeners().next().map(|(id, _)| Link::Id(id.clone()));
    let all =
        before.found.values().filter_map(|live| if let Spec::Rule(rule) = &live.spec { Some(rule) } else { None });
    assert!(all.into_iter().all(|rule| Some(&rule.listener) == listener.as_ref()));
}
