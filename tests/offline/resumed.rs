//! Runs that were stopped half-way, and plans that were saved a while ago: what the first one would have waited for, the
//! next one waits for as well.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use no502::apply::{Event, Failure, Observer, Outcome, Settings, Work, run};
use no502::cloud::{Facts, Operation, Snapshot};
use no502::model::kind::{Action, Rule};
use no502::model::{HealthState, Id};
use no502::plan::{Gate, Plan, Step};
use tokio::sync::watch;
use tokio::time::Instant;

use super::leaving::{deployed, rule_mut};
use super::swap::{edited, stack, steps};
use super::{STACK, applied, applied_with, desired, planned};
use crate::support::fake::Fake;

const MOVED: (&str, &str) = ("    port: 8000\n    target_type", "    port: 8001\n    target_type");

fn moved() -> String {
    edited(MOVED.0, MOVED.1)
}

/// Interrupts at an event, and remembers when each call began.
struct Stops {
    at: fn(&Event) -> bool,
    stop: watch::Sender<bool>,
    began: Mutex<Vec<(String, Instant)>>,
}

impl Observer for Stops {
    fn observe(&self, event: &Event) -> std::io::Result<()> {
        if let Event::Begun { step, .. } = event {
            self.began.lock().unwrap().push((step.to_string(), Instant::now()));
        }
        if (self.at)(event) {
            self.stop.send_replace(true);
        }
        Ok(())
    }
}

/// Applies a plan until this happens; how it ended, and when each call began.
async fn until(fake: &Arc<Fake>, plan: &Plan, at: fn(&Event) -> bool) -> (Outcome, Vec<(String, Instant)>) {
    let (stop, stopped) = watch::channel(false);
    let observer = Arc::new(Stops { at, stop, began: Mutex::default() });
    let (steps, compensations) = (plan.steps.clone(), plan.compensations.clone());
    let work = Work { steps, compensations, basis: plan.basis.clone(), ..Work::default() };
    let told: Arc<dyn Observer> = Arc::clone(&observer) as Arc<dyn Observer>;
    let ended = run(Arc::clone(fake), work, &Settings::default(), told, stopped).await;
    let began = observer.began.lock().unwrap().clone();
    (ended.outcome, began)
}

fn step<'p>(plan: &'p Plan, begins: &str) -> &'p Step {
    let found = plan.steps.iter().find(|step| step.id.0.starts_with(begins));
    found.unwrap_or_else(|| panic!("{begins}: {:#?}", steps(plan)))
}

fn begun(began: &[(String, Instant)], begins: &str) -> Instant {
    let found = began.iter().find(|(step, _)| step.starts_with(begins));
    found.unwrap_or_else(|| panic!("{begins}: {began:#?}")).1
}

fn health(fake: &Fake, label: &str, state: HealthState) {
    fake.edit(|snapshot| {
        let of = |id: &Id| id.as_str().ends_with(&format!("|{label}"));
        let live = snapshot.found.iter_mut().find(|(id, _)| of(id)).unwrap().1;
        let Facts::Target(health) = &mut live.facts else { panic!("{live:?}") };
        (health.state, health.reason) = (Some(state), Some("Target.Timeout".to_owned()));
    });
}

#[tokio::test(start_paused = true)]
async fn the_old_group_is_detached_only_once_its_last_requests_have_ended() {
    let fake = stack().await;
    let plan = planned(&fake, &desired(&moved())).await;
    let (outcome, began) = until(&fake, &plan, |_| false).await;
    assert_eq!(outcome, Outcome::Completed);
    let (left, detached) = (begun(&began, "DeregisterTargets"), begun(&began, "DeleteRule"));
    assert!(detached - left >= Duration::from_secs(30), "{:?}, and the delay is 30 s", detached - left);
    assert!(begun(&began, "DeleteTargetGroup") >= detached);
}

#[tokio::test(start_paused = true)]
async fn what_a_stopped_run_has_deregistered_is_drained_by_the_next() {
    let fake = stack().await;
    let plan = planned(&fake, &desired(&moved())).await;
    let drains = |event: &Event| matches!(event, Event::Waiting { gate: Gate::Drained { .. }, .. });
    assert_eq!(until(&fake, &plan, drains).await.0, Outcome::Interrupted);
    let old = fake.snapshot().leaving.keys().next().cloned().expect("its targets drain");
    let next = planned(&fake, &desired(&moved())).await;
    let left = steps(&next);
    assert_eq!(left, ["DeleteRule rule/web:443/@stage-django", "DeleteTargetGroup target_group/django@old"]);
    let gates = &step(&next, "DeleteRule").before;
    assert!(matches!(gates.as_slice(), [Gate::Drained { within: 30, .. }]), "{gates:?}");
    let again = Instant::now();
    let (outcome, began) = until(&fake, &next, |_| false).await;
    assert_eq!(outcome, Outcome::Completed);
    assert!(begun(&began, "DeleteRule") - again > Duration::from_secs(20), "it did not wait");
    assert!(!fake.snapshot().found.contains_key(&old));
    assert!(planned(&fake, &desired(&moved())).await.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn requests_move_only_once_the_targets_are_healthy_also_if_the_stage_is_there_already() {
    let fake = stack().await;
    let plan = planned(&fake, &desired(&moved())).await;
    let checks = |event: &Event| matches!(event, Event::Waiting { gate: Gate::TargetsHealthy { .. }, .. });
    assert_eq!(until(&fake, &plan, checks).await.0, Outcome::Interrupted);
    // nobody has looked at them since: they are not known to be healthy
    fake.edit(|snapshot| {
        for (id, live) in &mut snapshot.found {
            if let (true, Facts::Target(health)) = (id.as_str().ends_with(":8001"), &mut live.facts) {
                (health.state, health.reason) = (Some(HealthState::Initial), None);
            }
        }
    });
    fake.stay_unhealthy();
    let next = planned(&fake, &desired(&moved())).await;
    let gates = &step(&next, "ModifyRule").before;
    assert!(matches!(gates.as_slice(), [Gate::TargetsHealthy { at_least: 2, .. }]), "{gates:?}");
    let before = rule_mut(&mut fake.snapshot(), 10).action.clone();
    let (ended, _) = applied(&fake, &next).await;
    assert!(matches!(ended.outcome, Outcome::Failed { why: Failure::GateTimedOut { .. }, .. }), "{:?}", ended.outcome);
    assert_eq!(rule_mut(&mut fake.snapshot(), 10).action, before, "requests stay with the healthy targets");
}

/// The stack with a second group behind a rule of its own.
fn with_another_group() -> String {
    let groups = format!("  other:\n{}load_balancers:\n", group_of("10.0.1.11"));
    let rule = "          more: { priority: 15, when: { path: [\"/more\"] }, forward: other }\n          old:";
    STACK.replace("load_balancers:\n", &groups).replace("          old:", rule)
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_is_there_keeps_what_it_names_and_another_old_group_gets_one_of_its_own() {
    let two = with_another_group();
    let fake = deployed(&two).await;
    healthy(&fake);
    let first = two.replacen(MOVED.0, MOVED.1, 1);
    let plan = planned(&fake, &desired(&first)).await;
    let checks = |event: &Event| matches!(event, Event::Waiting { gate: Gate::TargetsHealthy { .. }, .. });
    assert_eq!(until(&fake, &plan, checks).await.0, Outcome::Interrupted);
    healthy(&fake);
    // the other group goes as well now, to the new one
    let one =
        first.replace(&format!("  other:\n{}", group_of("10.0.1.11")), "").replace("forward: other", "forward: django");
    let next = planned(&fake, &desired(&one)).await;
    assert!(next.refused.is_empty() && next.held.is_empty(), "{:?} {:?}", next.refused, next.held);
    let calls = steps(&next);
    assert!(calls.contains(&"CreateRule rule/web:443/@stage-other".to_owned()), "{calls:#?}");
    let (ended, events) = applied(&fake, &next).await;
    assert_eq!(ended.outcome, Outcome::Completed, "{events:#?}");
    assert!(planned(&fake, &desired(&one)).await.steps.is_empty());
}

fn group_of(target: &str) -> String {
    format!("    {{ protocol: http, port: 8000, target_type: ip, vpc: vpc-0a1b2c3d, targets: [\"{target}\"] }}\n")
}

fn healthy(fake: &Fake) {
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Target(health) = &mut live.facts {
                (health.state, health.reason) = (Some(HealthState::Healthy), None);
            }
        }
    });
}

/// The stack with a second group that the rule names too.
fn two_groups(forward: &str) -> String {
    edited("load_balancers:\n", &format!("  green:\n{}load_balancers:\n", group_of("10.0.1.11")))
        .replace("forward: django }", &format!("forward: {{ {forward} }} }}"))
}

#[tokio::test(start_paused = true)]
async fn health_is_looked_at_again_when_requests_move_and_not_only_in_the_plan() {
    let fake = deployed(&two_groups("to: { django: 100, green: 0 }")).await;
    healthy(&fake);
    let plan = planned(&fake, &desired(&two_groups("to: { django: 0, green: 100 }"))).await;
    assert_eq!(steps(&plan), ["ModifyRule rule/web:443/api"]);
    // the plan was saved, and its only target has failed since
    health(&fake, "10.0.1.11:8000", HealthState::Unhealthy);
    let before = rule_mut(&mut fake.snapshot(), 10).action.clone();
    let short = Settings { gate_timeout: Duration::from_secs(60), ..Settings::default() };
    let (ended, _) = applied_with(&fake, &plan, &short).await;
    assert!(matches!(ended.outcome, Outcome::Failed { why: Failure::GateTimedOut { .. }, .. }), "{:?}", ended.outcome);
    assert_eq!(rule_mut(&mut fake.snapshot(), 10).action, before);
}

#[tokio::test(start_paused = true)]
async fn the_last_healthy_target_stays_though_it_was_not_the_last_in_the_plan() {
    let fake = stack().await;
    let one = edited("[\"10.0.1.10\", \"10.0.2.10\"]", "[\"10.0.1.10\"]");
    let plan = planned(&fake, &desired(&one)).await;
    assert_eq!(steps(&plan), ["DeregisterTargets target_group/django"]);
    health(&fake, "10.0.1.10:8000", HealthState::Unhealthy);
    let (ended, _) = applied(&fake, &plan).await;
    assert!(matches!(ended.outcome, Outcome::Failed { why: Failure::GateTimedOut { .. }, .. }), "{:?}", ended.outcome);
    assert_eq!(fake.snapshot().targets().count(), 2);
    // one that is unhealthy anyway may go without further ado
    healthy(&fake);
    health(&fake, "10.0.2.10:8000", HealthState::Unhealthy);
    let plan = planned(&fake, &desired(&one)).await;
    assert!(step(&plan, "DeregisterTargets").before.is_empty());
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_a_stopped_run_left_at_weight_0_is_drained_by_the_next() {
    let sticky = two_groups("to: { django: 1, green: 1 }, stickiness: 10m");
    let fake = deployed(&sticky).await;
    healthy(&fake);
    let start = sticky.find("  django:\n").unwrap();
    let end = sticky.find("  green:\n").unwrap();
    let without = format!("{}{}", &sticky[..start], &sticky[end..]).replace("{ django: 1, green: 1 }", "{ green: 1 }");
    let plan = planned(&fake, &desired(&without)).await;
    let settles = |event: &Event| matches!(event, Event::Waiting { gate: Gate::Settled { .. }, .. });
    assert_eq!(until(&fake, &plan, settles).await.0, Outcome::Interrupted);
    let next = planned(&fake, &desired(&without)).await;
    let leaves = step(&next, "DeregisterTargets target_group/django");
    assert_eq!(leaves.before, [Gate::Settled { at_least: 600 }], "clients stick to it still");
    let gates = &step(&next, "ModifyRule rule/web:443/api (detach)").before;
    assert!(matches!(gates.as_slice(), [Gate::Drained { .. }]), "{gates:?}");
    let (ended, events) = applied(&fake, &next).await;
    assert_eq!(ended.outcome, Outcome::Completed, "{events:#?}");
    assert!(planned(&fake, &desired(&without)).await.steps.is_empty());
}

/// A rule that forwards to these groups of which there are six, with stickiness.
fn five_of_six(names: &str) -> String {
    let group = |name: char| format!("  {name}:\n{}", group_of(&format!("10.0.1.2{}", name as u32 - 96)));
    let used: Vec<char> = names.chars().collect();
    let groups: String = used.iter().map(|name| group(*name)).collect();
    let to: Vec<String> = used.iter().map(|name| format!("{name}: 1")).collect();
    let start = STACK.find("  django:\n").unwrap();
    let end = STACK.find("load_balancers:\n").unwrap();
    format!("{}{groups}{}", &STACK[..start], &STACK[end..])
        .replace("forward: django }", &format!("forward: {{ to: {{ {} }}, stickiness: 10m }} }}", to.join(", ")))
}

#[tokio::test(start_paused = true)]
async fn where_a_rule_has_no_room_for_the_old_group_another_one_keeps_it() {
    let fake = deployed(&five_of_six("abcde")).await;
    healthy(&fake);
    let files = desired(&five_of_six("bcdef"));
    let plan = planned(&fake, &files).await;
    assert!(plan.refused.is_empty() && plan.held.is_empty(), "{:?} {:?}", plan.refused, plan.held);
    let gates = &step(&plan, "DeleteRule rule/web:443/@stage-f").before;
    assert!(matches!(gates.as_slice(), [Gate::Drained { .. }]), "{gates:?}");
    let (ended, events) = applied(&fake, &plan).await;
    assert_eq!(ended.outcome, Outcome::Completed, "{events:#?}");
    assert!(planned(&fake, &files).await.steps.is_empty());
}

/// So many rules of others that none has room.
fn fill(fake: &Fake) {
    fake.edit(|snapshot: &mut Snapshot| {
        let (id, rule) = snapshot.rules().next().map(|(id, rule)| (id.clone(), rule.clone())).unwrap();
        for number in 0..100 - u32::try_from(snapshot.rules().count()).unwrap() {
            let mut theirs = Rule { priority: Some(1000 + number), action: None, ..rule.clone() };
            theirs.tags.clear();
            snapshot.insert(Id(format!("{id}-{number}")), theirs, Facts::None);
        }
    });
}

#[tokio::test(start_paused = true)]
async fn on_a_full_load_balancer_the_rule_itself_keeps_the_old_group() {
    let fake = deployed(&two_groups("to: { django: 99, green: 1 }")).await;
    healthy(&fake);
    fill(&fake);
    let wanted = two_groups("to: { green: 1 }");
    let start = wanted.find("  django:\n").unwrap();
    let end = wanted.find("  green:\n").unwrap();
    let wanted = format!("{}{}", &wanted[..start], &wanted[end..]);
    let plan = planned(&fake, &desired(&wanted)).await;
    assert!(plan.refused.is_empty() && plan.held.is_empty(), "{:?} {:?}", plan.refused, plan.held);
    let rules: Vec<String> = steps(&plan).into_iter().filter(|step| step.contains("rule/")).collect();
    assert_eq!(rules, ["ModifyRule rule/web:443/api", "ModifyRule rule/web:443/api (detach)"]);
    let Operation::ModifyRule { action: Some(Action::Forward(first)), .. } = &step(&plan, "ModifyRule").operation
    else {
        panic!("{:#?}", plan.steps)
    };
    assert!(first.to.values().any(|weight| *weight == 0), "{first:?}");
    let (ended, events) = applied(&fake, &plan).await;
    assert_eq!(ended.outcome, Outcome::Completed, "{events:#?}");
    assert!(planned(&fake, &desired(&wanted)).await.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_rule_keeps_four_old_groups_and_the_fifth_gets_another() {
    let rule = |n: u32, to: &str| {
        format!("          r{n}: {{ priority: {}, when: {{ path: [\"/{n}\"] }}, forward: {to} }}\n", 100 + n)
    };
    let groups: String = (1..=5).map(|n| format!("  old{n}:\n{}", group_of(&format!("10.0.1.3{n}")))).collect();
    let apart: String = (1..=5).map(|n| rule(n, &format!("old{n}"))).collect();
    let together: String = (1..=5).map(|n| rule(n, "fresh")).collect();
    let fresh = format!("  fresh:\n{}", group_of("10.0.1.40"));
    let body = |groups: &str, rules: &str| {
        let with = STACK.replace("load_balancers:\n", &format!("{groups}load_balancers:\n"));
        with.replace("        rules:\n", &format!("        rules:\n{rules}"))
    };
    let fake = deployed(&body(&groups, &apart)).await;
    healthy(&fake);
    let files = desired(&body(&fresh, &together));
    let plan = planned(&fake, &files).await;
    let rehearsed: Vec<_> = plan.refused.iter().filter(|r| r.because.contains("rehearsing")).collect();
    assert!(rehearsed.is_empty() && plan.held.is_empty(), "{:?} {:?}", plan.refused, plan.held);
    let staged: Vec<String> = steps(&plan).into_iter().filter(|step| step.starts_with("CreateRule")).collect();
    assert_eq!(staged.len(), 2, "{staged:?}");
    let (ended, events) = applied(&fake, &plan).await;
    assert_eq!(ended.outcome, Outcome::Completed, "{events:#?}");
    assert!(planned(&fake, &files).await.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_with_more_rules_than_usual_has_a_larger_quota() {
    let fake = stack().await;
    fill(&fake);
    fake.edit(|snapshot| {
        let (id, rule) = snapshot.rules().find(|(_, rule)| rule.priority == Some(1000)).unwrap();
        let (id, rule) = (Id(format!("{id}-one-more")), Rule { priority: Some(2000), ..rule.clone() });
        snapshot.insert(id, rule, Facts::None);
    });
    let plan = planned(&fake, &desired(&moved())).await;
    let calls = steps(&plan);
    assert!(calls.contains(&"CreateRule rule/web:443/@stage-django".to_owned()), "{calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_another_run_has_made_meanwhile_is_not_taken_for_our_own() {
    for kind in ["CreateLoadBalancer", "CreateTargetGroup", "CreateListener"] {
        let fake = Arc::new(super::apply::account());
        let plan = planned(&fake, &desired(STACK)).await;
        let other = Arc::new(super::apply::account());
        let theirs = planned(&other, &desired(STACK)).await;
        assert_eq!(applied(&other, &theirs).await.0.outcome, Outcome::Completed);
        let theirs = other.snapshot();
        let made = theirs.found.into_iter().find(|(_, live)| {
            live.spec.kind() == step(&plan, kind).address.kind && live.spec.listener().is_none_or(|l| l.port == 443)
        });
        let (id, mut live) = made.unwrap();
        if kind == "CreateListener" {
            // under the load balancer of this very run
            let made =
                |event: &Event| matches!(event, Event::Done { step, .. } if step.0.starts_with("CreateLoadBalancer"));
            assert_eq!(until(&fake, &plan, made).await.0, Outcome::Interrupted);
            let mine = fake.snapshot().load_balancers().next().unwrap().0.clone();
            live.spec = live.spec.map_links(&mut |link| match link.id() {
                Some(id) if id.as_str().contains("loadbalancer") => no502::model::Link::Id(mine.clone()),
                _ => link,
            });
        }
        let plan = planned(&fake, &desired(STACK)).await;
        fake.edit(|snapshot| drop(snapshot.found.insert(id, live)));
        let (outcome, began) = until(&fake, &plan, |_| false).await;
        let Outcome::Failed { step: failed, why: Failure::Stale { moved } } = &outcome else { panic!("{outcome:?}") };
        assert!(failed.0.starts_with(kind) && moved[0].contains("is there already"), "{outcome:?}");
        assert!(began.iter().all(|(step, _)| *step != failed.0), "the call was made: {began:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_gate_that_does_not_open_is_made_up_for() {
    let two = with_another_group();
    let fake = deployed(&two).await;
    healthy(&fake);
    fake.stay_unhealthy();
    let specs = |snapshot: Snapshot| snapshot.found.into_iter().map(|(id, live)| (id, live.spec)).collect::<Vec<_>>();
    let before = specs(fake.snapshot());
    let both =
        two.replacen(MOVED.0, MOVED.1, 1).replace("{ protocol: http, port: 8000", "{ protocol: http, port: 8002");
    let plan = planned(&fake, &desired(&both)).await;
    let (ended, _) = applied(&fake, &plan).await;
    assert!(matches!(ended.outcome, Outcome::Failed { why: Failure::GateTimedOut { .. }, .. }), "{:?}", ended.outcome);
    let undone =
        |id: &str| ended.undone.iter().any(|step| step.0 == format!("Undo: DeleteTargetGroup target_group/{id}"));
    assert!(undone("django") && undone("other"), "{:?} {:#?}", ended.undone, plan.steps);
    assert_eq!(specs(fake.snapshot()), before);
}
