//! Rollback on the simulation: after success, after a failure at each call, and after a death at each call, with or
//! without its effect, all there is is what was there before, field by field.

use std::sync::Arc;

use no502::apply::{Event, Failure, Outcome};
use no502::cloud::{CloudErrorKind, Facts, Read as _, Snapshot};
use no502::desired::Resolved;
use no502::model::{HealthState, Id, Kind, Spec};
use no502::plan::rollback::{Call, Effect, Undo, is_back};
use no502::plan::saved::Record;
use no502::plan::{Guard, Plan};

use super::apply::account;
use super::leaving::{deployed, rule_mut};
use super::{STACK, applied, desired, planned};
use crate::support::fake::{Fake, identity};

/// All there is, with names in the place of ids: what was deleted comes back under another one.
fn shape(snapshot: &Snapshot) -> Vec<String> {
    let name = |spec: &Spec| match spec {
        Spec::LoadBalancer(lb) => format!("balancer {}", lb.name),
        Spec::TargetGroup(group) => format!("group {}", group.name),
        Spec::SecurityGroup(group) => format!("security group {}", group.name),
        Spec::Listener(listener) => format!("listener {}", listener.port),
        Spec::Rule(rule) => format!("rule {:?}", rule.priority),
        Spec::Certificate(certificate) => format!("certificate {:?}", certificate.names),
        Spec::Target(target) => format!("target {}", target.label()),
    };
    let mut names: Vec<(&Id, String)> = snapshot.found.iter().map(|(id, live)| (id, name(&live.spec))).collect();
    names.sort_by_key(|(id, _)| std::cmp::Reverse(id.as_str().len()));
    let marked = |facts: &Facts| match facts {
        Facts::SecurityGroup { rules } => {
            let mut rules: Vec<_> =
                rules.iter().map(|r| format!("{:?} {} {:?}", r.direction, r.rule, r.stack)).collect();
            rules.sort();
            rules.join(", ")
        }
        _ => String::new(),
    };
    let line = |live: &no502::cloud::Live| {
        let text = format!("{:?} {}", live.spec, marked(&live.facts));
        names.iter().fold(text, |text, (id, name)| text.replace(id.as_str(), name))
    };
    let mut lines: Vec<String> = snapshot.found.values().map(line).collect();
    lines.sort();
    lines
}

fn all_healthy(fake: &Fake) {
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Target(health) = &mut live.facts {
                (health.state, health.reason) = (Some(HealthState::Healthy), None);
            }
        }
    });
}

/// The calls of a run, as its journal would give them.
fn calls(events: &[Event]) -> Vec<Call> {
    let output = |of: &no502::model::StepId| {
        events.iter().find_map(|event| match event {
            Event::Done { step, output } if step == of => Some(output.clone()),
            _ => None,
        })
    };
    let refused = |of: &no502::model::StepId| {
        events.iter().any(|event| match event {
            Event::Failed { step, why: Failure::Call { error } } => step == of && error.kind.is_no(),
            _ => false,
        })
    };
    let begun = events.iter().filter_map(|event| match event {
        Event::Begun { step, address, operation, .. } => Some(Call {
            step: step.clone(),
            address: address.clone(),
            operation: (**operation).clone(),
            output: output(step),
            refused: refused(step),
        }),
        _ => None,
    });
    begun.collect()
}

/// A run that ended as it did, to be undone.
struct Ran {
    record: Record,
    calls: Vec<Call>,
    outcome: Outcome,
}

async fn ran(fake: &Arc<Fake>, files: &Resolved) -> Ran {
    let plan = planned(fake, files).await;
    let record = Record::of(&plan, &plan.steps);
    let (run, events) = applied(fake, &plan).await;
    Ran { record, calls: calls(&events), outcome: run.outcome }
}

impl Ran {
    fn undo(&self) -> Undo<'_> {
        Undo { run: "20261122T000000Z-00000001", record: &self.record, calls: &self.calls }
    }
    async fn way_back(&self, fake: &Arc<Fake>) -> Plan {
        let undo = self.undo();
        let live = fake.fetch(&undo.scope()).await.unwrap();
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        undo.plan(live, identity(), now, &[Guard::DeleteLoadBalancer]).unwrap().0
    }
    /// Undoes it, and expects all to be as it was.
    async fn goes_back(&self, fake: &Arc<Fake>, before: &[String], what: &str) {
        let plan = self.way_back(fake).await;
        assert!(plan.refused.is_empty() && plan.held.is_empty(), "{what}: {:#?} {:#?}", plan.refused, plan.held);
        let (run, events) = applied(fake, &plan).await;
        assert_eq!(run.outcome, Outcome::Completed, "{what}: {events:#?}");
        let now = shape(&fake.snapshot());
        let gone: Vec<_> = before.iter().filter(|line| !now.contains(line)).collect();
        let new: Vec<_> = now.iter().filter(|line| !before.contains(line)).collect();
        assert!(gone.is_empty() && new.is_empty(), "{what}:\ngone {gone:#?}\nnew {new:#?}");
        assert!(is_back(&self.way_back(fake).await), "{what}: it is not known to be back");
    }
}

/// What a run begins with, and the files that it applies.
#[derive(Clone, Copy, Debug)]
enum Case {
    /// Nothing is there.
    Creation,
    /// Every kind has drifted, and a mark is missing.
    Drift,
    /// A target group is replaced.
    Swap,
    /// Half of the stack goes.
    Leaving,
}

impl Case {
    async fn begins(self) -> Arc<Fake> {
        if matches!(self, Self::Creation) {
            return Arc::new(account());
        }
        let fake = deployed(STACK).await;
        all_healthy(&fake);
        if matches!(self, Self::Drift) {
            fake.edit(drift);
        }
        fake
    }
    fn files(self) -> Resolved {
        desired(&match self {
            Self::Creation | Self::Drift => STACK.to_owned(),
            Self::Swap => STACK.replace("    port: 8000\n    target_type", "    port: 8001\n    target_type"),
            Self::Leaving => {
                let rule = "          old: { priority: 20, when: { path: [\"/old/*\"] }, redirect: { path: \"/new/\", status: 302 } }\n";
                let listener = "      80:\n        protocol: http\n        default: { redirect: { protocol: https, port: 443, status: 301 } }\n";
                assert!(STACK.contains(rule) && STACK.contains(listener));
                STACK.replace(rule, "").replace(listener, "")
            }
        })
    }
}

fn drift(snapshot: &mut Snapshot) {
    let rule = rule_mut(snapshot, 10);
    rule.when.as_mut().unwrap().path = ["/other/*".to_owned()].into();
    rule.tags.clear();
    for live in snapshot.found.values_mut() {
        match &mut live.spec {
            Spec::TargetGroup(group) => {
                group.health_check.interval = Some(20);
                group.attributes.insert("deregistration_delay.timeout_seconds".into(), "5".into());
            }
            Spec::LoadBalancer(lb) => drop(lb.attributes.insert("idle_timeout.timeout_seconds".into(), "120".into())),
            Spec::Listener(listener) if listener.port == 443 => {
                listener.ssl_policy = Some("ELBSecurityPolicy-2016-08".into());
            }
            Spec::SecurityGroup(_) | Spec::Listener(_) | Spec::Rule(_) | Spec::Certificate(_) | Spec::Target(_) => {}
        }
    }
    // a rule of the managed group bears no mark any more
    let group = snapshot.found.values_mut().find(|live| live.spec.security_group().is_some_and(|g| g.name == "alb"));
    let Facts::SecurityGroup { rules } = &mut group.unwrap().facts else { panic!("a group has rules") };
    rules[0].stack = None;
}

const CASES: [Case; 4] = [Case::Creation, Case::Drift, Case::Swap, Case::Leaving];

#[tokio::test(start_paused = true)]
async fn after_success_all_is_as_it_was() {
    for case in CASES {
        let fake = case.begins().await;
        let before = shape(&fake.snapshot());
        let ran = ran(&fake, &case.files()).await;
        assert_eq!(ran.outcome, Outcome::Completed, "{case:?}");
        assert_ne!(shape(&fake.snapshot()), before, "{case:?} changes nothing");
        ran.goes_back(&fake, &before, &format!("{case:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_or_a_death_at_each_call_all_is_as_it_was() {
    let mut tried = 0;
    for case in CASES {
        let whole = case.begins().await;
        let already = whole.written().len();
        ran(&whole, &case.files()).await;
        let made = whole.written().len() - already;
        assert!(made > 3, "{case:?}: {made}");
        for nth in 0..made {
            // a refusal says that there was no effect, no answer does not say whether there was one
            for (kind, took_effect) in
                [(CloudErrorKind::Refused, false), (CloudErrorKind::TimedOut, false), (CloudErrorKind::TimedOut, true)]
            {
                let fake = case.begins().await;
                let before = shape(&fake.snapshot());
                fake.fail_at(nth, kind, took_effect);
                let mut broken = ran(&fake, &case.files()).await;
                assert_ne!(broken.outcome, Outcome::Completed, "{case:?}, call {nth}");
                let what = format!("{case:?}, call {nth}, {kind:?}, took effect: {took_effect}");
                effects(&fake, &broken, kind, took_effect, &what);
                if nth % 2 == 0 {
                    // died: the ends of the last calls were not recorded
                    broken.calls.iter_mut().rev().take(2).for_each(|call| call.output = None);
                }
                broken.goes_back(&fake, &before, &what).await;
                tried += 1;
            }
        }
    }
    eprintln!("{tried} runs broken off at a call, and undone");
}

/// What is said of the call that had no answer is what happened.
fn effects(fake: &Fake, broken: &Ran, kind: CloudErrorKind, took_effect: bool, what: &str) {
    let undo = broken.undo();
    let unknown: Vec<&Call> = broken.calls.iter().filter(|call| call.output.is_none()).collect();
    let [call] = unknown.as_slice() else { panic!("{what}: {unknown:#?}") };
    // marks of rules are no fields, and the simulation knows no defaults of what was made a moment ago
    let subject = call.operation.subject().and_then(no502::model::Link::id);
    let is_new = subject.is_some_and(|id| !broken.record.before.contains_key(id));
    let hides = call.step.0.starts_with("Stamp") || (is_new && call.operation.name().ends_with("Attributes"));
    if kind == CloudErrorKind::TimedOut && !hides {
        let expected = if took_effect { Effect::Took } else { Effect::None };
        assert_eq!(undo.effect(call, &fake.snapshot()), expected, "{what}: {}", call.step);
    }
}

#[tokio::test(start_paused = true)]
async fn rules_that_were_marked_lose_their_marks_and_nothing_else() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        let groups = snapshot.found.values_mut().filter(|live| live.spec.kind() == Kind::SecurityGroup);
        for live in groups {
            if let Facts::SecurityGroup { rules } = &mut live.facts {
                rules.iter_mut().for_each(|rule| rule.stack = None);
            }
        }
    });
    let before = shape(&fake.snapshot());
    let files = desired(&STACK.replace("idle_timeout: 60s", "idle_timeout: 50s"));
    let ran = ran(&fake, &files).await;
    assert_eq!(ran.outcome, Outcome::Completed);
    let marked = ran.calls.iter().filter(|call| call.operation.name() == "CreateTags").count();
    assert!(marked >= 2, "{:#?}", ran.calls);
    assert_ne!(shape(&fake.snapshot()), before);
    ran.goes_back(&fake, &before, "marked rules").await;
    // what others did meanwhile stays
    let again = self::ran(&fake, &files).await;
    fake.edit(|snapshot| {
        let group = snapshot.found.values_mut().find_map(|live| match &mut live.spec {
            Spec::TargetGroup(group) => Some(group),
            _ => None,
        });
        group.unwrap().health_check.path = Some("/others".into());
    });
    let plan = again.way_back(&fake).await;
    applied(&fake, &plan).await;
    let path = |snapshot: Snapshot| snapshot.target_groups().next().unwrap().1.health_check.path.clone();
    assert_eq!(path(fake.snapshot()).as_deref(), Some("/others"));
}

/// A rule of another run bears the same name: what AWS refused was not made by this run.
#[tokio::test(start_paused = true)]
async fn what_aws_refused_to_make_is_nobody_s_of_this_run() {
    let fake = deployed(STACK).await;
    let more = STACK.replace(
        "          old:",
        "          more: { priority: 15, when: { path: [\"/more\"] }, fixed_response: { status: 200 } }\n          old:",
    );
    let files = desired(&more);
    fake.refuse("CreateRule", "PriorityInUse", 1);
    let run = ran(&fake, &files).await;
    assert!(matches!(run.outcome, Outcome::Failed { .. }), "{:?}", run.outcome);
    let refused = run.calls.iter().find(|call| call.operation.name() == "CreateRule").unwrap();
    // the other run's rule
    let theirs = planned(&fake, &files).await;
    applied(&fake, &theirs).await;
    assert_eq!(run.undo().effect(refused, &fake.snapshot()), Effect::None);
    let plan = run.way_back(&fake).await;
    assert!(plan.steps.iter().all(|step| step.operation.name() != "DeleteRule"), "{:#?}", plan.steps);
}
