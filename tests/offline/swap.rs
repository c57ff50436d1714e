//! Target groups that AWS cannot edit are replaced, and requests move over without one being lost.

use std::sync::Arc;

use no502::apply::Outcome;
use no502::cloud::{CloudErrorKind, Facts, Snapshot};
use no502::diff::Cause;
use no502::model::kind::{Action, Rule};
use no502::model::{HealthState, Spec};
use no502::plan::{Gate, Plan};

use super::leaving::{deployed, rule_mut};
use super::{STACK, applied, desired, planned};
use crate::support::fake::Fake;

/// Every target is healthy.
fn all_healthy(fake: &Fake, healthy: bool) {
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Target(health) = &mut live.facts {
                health.state = Some(if healthy { HealthState::Healthy } else { HealthState::Unhealthy });
                health.reason = None;
            }
        }
    });
}

pub async fn stack() -> Arc<Fake> {
    let fake = deployed(STACK).await;
    all_healthy(&fake, true);
    fake
}

pub fn edited(from: &str, to: &str) -> String {
    assert!(STACK.contains(from), "{from}");
    STACK.replace(from, to)
}

fn groups(snapshot: &Snapshot) -> Vec<String> {
    snapshot.target_groups().map(|(_, group)| group.name.clone()).collect()
}

pub fn steps(plan: &Plan) -> Vec<String> {
    plan.steps.iter().filter(|step| !step.stamp).map(|step| step.id.to_string()).collect()
}

fn sound(plan: &Plan) {
    assert!(plan.refused.is_empty() && plan.held.is_empty(), "{:#?} {:#?}", plan.refused, plan.held);
}

/// Applies, and expects nothing left.
async fn converges(fake: &Arc<Fake>, body: &str) -> Plan {
    let plan = planned(fake, &desired(body)).await;
    sound(&plan);
    let (run, events) = applied(fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{events:#?}");
    let left = planned(fake, &desired(body)).await;
    assert!(
        left.is_clean() && left.steps.is_empty(),
        "{:#?} {:#?}",
        left.differences().collect::<Vec<_>>(),
        left.steps
    );
    plan
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_edited_is_replaced_in_the_order_that_loses_no_request() {
    let fake = stack().await;
    let body = edited("    port: 8000\n    target_type", "    port: 8001\n    target_type");
    let plan = converges(&fake, &body).await;
    let expected = [
        "CreateTargetGroup target_group/django",
        "ModifyTargetGroupAttributes target_group/django",
        "RegisterTargets target_group/django",
        "CreateRule rule/web:443/@stage-django",
        "ModifyRule rule/web:443/api",
        "DeregisterTargets target_group/django@old",
        "DeleteRule rule/web:443/@stage-django",
        "DeleteTargetGroup target_group/django@old",
    ];
    assert_eq!(steps(&plan), expected);
    let causes: Vec<_> = plan.differences().map(|c| (c.address.to_string(), c.cause)).collect();
    assert!(causes.iter().all(|(_, cause)| *cause == Some(Cause::Pending)), "the file moved, nothing else: {causes:?}");
    let named: Vec<&str> = causes.iter().map(|(address, _)| address.as_str()).collect();
    let expected = [
        "target_group/django",
        "target_group/django@old",
        "target/django/10.0.1.10:8001",
        "target/django/10.0.2.10:8001",
        "rule/web:443/api",
    ];
    assert_eq!(named, expected);
    let staged = plan.steps.iter().find(|step| step.id.0.starts_with("CreateRule")).unwrap();
    assert!(matches!(&staged.gate, Some(Gate::TargetsHealthy { at_least: 2, .. })), "{:?}", staged.gate);
    let drained = plan.steps.iter().find(|step| step.id.0.starts_with("DeleteRule")).unwrap();
    assert!(matches!(drained.before.as_slice(), [Gate::Drained { within: 30, .. }]), "{:?}", drained.before);
    let names = groups(&fake.snapshot());
    assert!(
        names.len() == 1 && names[0].starts_with("django-") && names[0].len() == "django-12345678".len(),
        "{names:?}"
    );
    let snapshot = fake.snapshot();
    let (_, group) = snapshot.target_groups().next().unwrap();
    assert_eq!(group.health_check.interval, Some(15), "the settings come along");
    assert_eq!(group.attributes["deregistration_delay.timeout_seconds"], "30");
    assert_eq!(snapshot.rules().count(), 2, "the staging rule is gone");
}

#[tokio::test(start_paused = true)]
async fn a_second_replacement_and_the_way_back_work_as_well() {
    let fake = stack().await;
    converges(&fake, &edited("    port: 8000\n    target_type", "    port: 8001\n    target_type")).await;
    all_healthy(&fake, true);
    converges(&fake, &edited("    port: 8000\n    target_type", "    port: 8002\n    target_type")).await;
    all_healthy(&fake, true);
    converges(&fake, STACK).await;
    assert_eq!(fake.snapshot().target_groups().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_stops_anywhere_is_finished_by_the_next_apply() {
    let body = edited("    port: 8000\n    target_type", "    port: 8001\n    target_type");
    let calls = [
        "CreateTargetGroup",
        "ModifyTargetGroupAttributes",
        "RegisterTargets",
        "CreateRule",
        "ModifyRule",
        "DeregisterTargets",
        "DeleteRule",
        "DeleteTargetGroup",
        "AddTags",
    ];
    for call in calls {
        let fake = stack().await;
        fake.fail(call, CloudErrorKind::Service);
        let plan = planned(&fake, &desired(&body)).await;
        let (run, _) = applied(&fake, &plan).await;
        assert!(matches!(run.outcome, Outcome::Failed { .. }), "{call}: {:?}", run.outcome);
        let halfway = planned(&fake, &desired(&body)).await;
        let drift = halfway.differences().filter(|c| matches!(c.cause, Some(Cause::Drift | Cause::Both)));
        let drift: Vec<_> = drift.map(|c| (c.address.to_string(), c.cause, c.verdict.clone())).collect();
        assert!(drift.is_empty(), "{call}: a replacement under way is no drift: {drift:#?}");
        converges(&fake, &body).await;
        let names = groups(&fake.snapshot());
        assert!(names.len() == 1 && names[0].starts_with("django-"), "{call}: {names:?}");
        assert_eq!(fake.snapshot().rules().count(), 2, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_given_up_half_way_leaves_nothing() {
    for call in ["ModifyRule", "DeregisterTargets", "CreateRule"] {
        let fake = stack().await;
        fake.fail(call, CloudErrorKind::Service);
        let body = edited("    port: 8000\n    target_type", "    port: 8001\n    target_type");
        let plan = planned(&fake, &desired(&body)).await;
        applied(&fake, &plan).await;
        all_healthy(&fake, true);
        converges(&fake, STACK).await;
        assert_eq!(groups(&fake.snapshot()), ["django"], "{call}");
        assert_eq!(fake.snapshot().rules().count(), 2, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_successor_that_does_not_become_healthy_is_taken_away_again() {
    let fake = stack().await;
    fake.stay_unhealthy();
    let before = fake.snapshot();
    let body = edited("    port: 8000\n    target_type", "    port: 8001\n    target_type");
    let plan = planned(&fake, &desired(&body)).await;
    let (run, _) = applied(&fake, &plan).await;
    assert!(matches!(run.outcome, Outcome::Failed { .. }), "{:?}", run.outcome);
    assert_eq!(run.undone.len(), 2, "{:?}", run.undone);
    let specs = |snapshot: Snapshot| snapshot.found.into_iter().map(|(id, live)| (id, live.spec)).collect::<Vec<_>>();
    assert_eq!(specs(fake.snapshot()), specs(before), "the old side is as it was");
}

#[tokio::test(start_paused = true)]
async fn a_renamed_group_is_staged_and_drained_like_a_replaced_one() {
    let fake = stack().await;
    let body = STACK.replace("  django:\n", "  shop:\n").replace("forward: django", "forward: shop");
    let plan = converges(&fake, &body).await;
    let expected = [
        "CreateTargetGroup target_group/shop",
        "ModifyTargetGroupAttributes target_group/shop",
        "RegisterTargets target_group/shop",
        "CreateRule rule/web:443/@stage-shop",
        "ModifyRule rule/web:443/api",
        "DeregisterTargets target_group/django",
        "DeleteRule rule/web:443/@stage-shop",
        "DeleteTargetGroup target_group/django",
    ];
    assert_eq!(steps(&plan), expected);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_somebody_elses_keeps_the_old_group() {
    let fake = stack().await;
    fake.edit(|snapshot| {
        let (id, rule) = snapshot.rules().find(|(_, rule)| rule.priority == Some(10)).unwrap();
        let (id, rule) = (id.clone(), rule.clone());
        let mut theirs = Rule { priority: Some(30), ..rule };
        theirs.tags.clear();
        theirs.when.as_mut().unwrap().path = ["/theirs".to_owned()].into();
        snapshot.insert(no502::model::Id(format!("{id}-theirs")), theirs, Facts::None);
    });
    let body = edited("    port: 8000\n    target_type", "    port: 8001\n    target_type");
    let plan = planned(&fake, &desired(&body)).await;
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    let held: Vec<_> = plan.held.iter().map(|held| (held.address.to_string(), held.because.clone())).collect();
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(held[0].0 == "target_group/django@old" && held[0].1.contains("still forwards to it"), "{held:?}");
    let calls = steps(&plan);
    assert!(calls.iter().any(|call| call == "ModifyRule rule/web:443/api"), "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("Deregister")), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_somebody_else_fills_stops_after_staging() {
    let without = edited("    targets: [\"10.0.1.10\", \"10.0.2.10\"]\n", "");
    let fake = stack().await;
    let body = without.replace("    port: 8000\n    target_type", "    port: 8001\n    target_type");
    let plan = planned(&fake, &desired(&body)).await;
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    let calls = steps(&plan);
    assert!(calls.iter().any(|call| call == "CreateRule rule/web:443/@stage-django"), "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("ModifyRule") || call.starts_with("Delete")), "{calls:?}");
    let (run, events) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{events:#?}");
    // the next plan waits as well, and does not take the stage away
    let next = planned(&fake, &desired(&body)).await;
    assert_eq!(steps(&next), Vec::<String>::new(), "{:?}", next.held);
    assert!(next.held.iter().any(|held| held.because.contains("register targets with django-")), "{:?}", next.held);
    // its owner has filled it, and emptied the old one
    fake.edit(|snapshot| {
        let new = snapshot.target_groups().find(|(_, g)| g.name.starts_with("django-")).unwrap().0.clone();
        let old: Vec<_> = snapshot.targets().map(|(id, target)| (id.clone(), target.clone())).collect();
        for (id, target) in old {
            let facts = snapshot.found.remove(&id).unwrap().facts;
            let target = no502::model::kind::Target {
                target_group: no502::model::Link::Id(new.clone()),
                port: Some(8001),
                ..target
            };
            snapshot.insert(no502::model::Id::target(&new, &target.id, target.port), target, facts);
        }
    });
    converges(&fake, &body).await;
    assert_eq!(fake.snapshot().target_groups().count(), 1);
    assert_eq!(fake.snapshot().rules().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn requests_are_not_sent_to_a_group_without_targets_or_health() {
    let two = edited(
        "load_balancers:\n",
        "  green: { protocol: http, port: 8000, target_type: ip, vpc: vpc-0a1b2c3d, targets: [] }\nload_balancers:\n",
    );
    let fake = deployed(&two).await;
    all_healthy(&fake, true);
    let to_green = two.replace("forward: django }", "forward: green }");
    let plan = planned(&fake, &desired(&to_green)).await;
    assert!(plan.held.iter().any(|held| held.because.contains("has no targets")), "{:?}", plan.held);
    assert!(plan.steps.is_empty(), "{:?}", steps(&plan));
    // with a target it is staged; once it is in use and its target fails, it is held again
    let both = two
        .replace("targets: [] }", "targets: [\"10.0.1.11\"] }")
        .replace("forward: django }", "forward: { to: { django: 100, green: 0 } } }");
    converges(&fake, &both).await;
    all_healthy(&fake, true);
    let shifted = both.replace("{ django: 100, green: 0 }", "{ django: 0, green: 100 }");
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let (Spec::Target(target), Facts::Target(health)) = (&live.spec, &mut live.facts)
                && target.id == "10.0.1.11"
            {
                health.state = Some(HealthState::Unhealthy);
                health.reason = Some("Target.Timeout".into());
            }
        }
    });
    let plan = planned(&fake, &desired(&shifted)).await;
    assert!(
        plan.held.iter().any(|held| held.because.contains("none of the 1 targets of target_group/green is healthy")),
        "{:?}",
        plan.held
    );
    all_healthy(&fake, true);
    assert_eq!(steps(&converges(&fake, &shifted).await), ["ModifyRule rule/web:443/api"]);
}

#[tokio::test(start_paused = true)]
async fn clients_that_stick_to_the_old_group_stay_there_until_their_cookie_has_run_out() {
    let sticky = edited("forward: django }", "forward: { to: { django: 1 }, stickiness: 10m } }");
    let fake = deployed(&sticky).await;
    all_healthy(&fake, true);
    let body = sticky.replace("    port: 8000\n    target_type", "    port: 8001\n    target_type");
    let plan = converges(&fake, &body).await;
    let calls = steps(&plan);
    let place = |call: &str| calls.iter().position(|c| c == call).unwrap_or_else(|| panic!("{call}: {calls:#?}"));
    assert!(place("ModifyRule rule/web:443/api") < place("DeregisterTargets target_group/django@old"));
    assert!(place("DeregisterTargets target_group/django@old") < place("ModifyRule rule/web:443/api (detach)"));
    assert!(place("ModifyRule rule/web:443/api (detach)") < place("DeleteTargetGroup target_group/django@old"));
    let first = plan.steps.iter().find(|step| step.id.0 == "ModifyRule rule/web:443/api").unwrap();
    let no502::cloud::Operation::ModifyRule { action: Some(Action::Forward(forward)), .. } = &first.operation else {
        panic!("{first:#?}")
    };
    assert_eq!(forward.to.values().copied().collect::<Vec<_>>().len(), 2, "{forward:?}");
    assert!(forward.to.values().any(|weight| *weight == 0), "{forward:?}");
    let leaves = plan.steps.iter().find(|step| step.id.0.starts_with("Deregister")).unwrap();
    assert_eq!(leaves.before, [Gate::Settled { at_least: 600 }]);

    let too_long = sticky.replace("stickiness: 10m", "stickiness: 2h");
    let fake = deployed(&too_long).await;
    all_healthy(&fake, true);
    let plan = planned(
        &fake,
        &desired(&too_long.replace("    port: 8000\n    target_type", "    port: 8001\n    target_type")),
    )
    .await;
    assert!(plan.held.iter().any(|held| held.because.contains("clients stick to")), "{:?}", plan.held);
}

#[tokio::test(start_paused = true)]
async fn a_health_check_is_proven_on_a_copy_before_it_decides() {
    let fake = stack().await;
    let body = edited("path: /api/health/", "path: /up");
    let plan = converges(&fake, &body).await;
    let calls: Vec<String> = steps(&plan).iter().map(|id| id.split("@proof").next().unwrap().to_owned()).collect();
    let expected = [
        "CreateTargetGroup target_group/django",
        "RegisterTargets target_group/django",
        "CreateRule rule/web:443/@stage-django",
        "ModifyTargetGroup target_group/django",
        "DeleteRule rule/web:443/@stage-django",
        "DeleteTargetGroup target_group/django",
    ];
    assert_eq!(calls, expected);
    assert_eq!(groups(&fake.snapshot()), ["django"]);
    // nothing to lose, nothing to prove
    all_healthy(&fake, false);
    assert_eq!(steps(&converges(&fake, STACK).await), ["ModifyTargetGroup target_group/django"]);
    // nothing that can fail
    all_healthy(&fake, true);
    let patient = edited("interval: 15s", "interval: 20s");
    assert_eq!(steps(&converges(&fake, &patient).await), ["ModifyTargetGroup target_group/django"]);
}

#[tokio::test(start_paused = true)]
async fn a_health_check_that_its_copy_fails_is_not_applied() {
    let fake = stack().await;
    fake.stay_unhealthy();
    let before = fake.snapshot();
    let plan = planned(&fake, &desired(&edited("path: /api/health/", "path: /nowhere"))).await;
    let (run, _) = applied(&fake, &plan).await;
    assert!(matches!(run.outcome, Outcome::Failed { .. }), "{:?}", run.outcome);
    let specs = |snapshot: Snapshot| snapshot.found.into_iter().map(|(id, live)| (id, live.spec)).collect::<Vec<_>>();
    assert_eq!(specs(fake.snapshot()), specs(before));
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_was_stopped_is_used_by_the_next_apply() {
    for call in ["RegisterTargets", "CreateRule", "ModifyTargetGroup", "DeleteRule", "DeleteTargetGroup"] {
        let fake = stack().await;
        fake.fail(call, CloudErrorKind::Service);
        let body = edited("path: /api/health/", "path: /up");
        let plan = planned(&fake, &desired(&body)).await;
        let (run, _) = applied(&fake, &plan).await;
        assert!(matches!(run.outcome, Outcome::Failed { .. }), "{call}: {:?}", run.outcome);
        let plan = converges(&fake, &body).await;
        assert!(!steps(&plan).iter().any(|step| step.starts_with("Deregister")), "{call}: it leaves too early");
        assert_eq!(groups(&fake.snapshot()), ["django"], "{call}");
        assert_eq!(fake.snapshot().rules().count(), 2, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_room_for_a_rule_the_real_rule_attaches_the_new_group() {
    let fake = stack().await;
    fake.edit(|snapshot| {
        let (id, rule) = snapshot.rules().next().map(|(id, rule)| (id.clone(), rule.clone())).unwrap();
        for number in 0..98 {
            let mut theirs = Rule { priority: Some(1000 + number), action: None, ..rule.clone() };
            theirs.tags.clear();
            snapshot.insert(no502::model::Id(format!("{id}-{number}")), theirs, Facts::None);
        }
    });
    assert_eq!(rule_mut(&mut fake.snapshot(), 10).priority, Some(10));
    let plan = converges(&fake, &edited("    port: 8000\n    target_type", "    port: 8001\n    target_type")).await;
    let calls = steps(&plan);
    let rules: Vec<&String> = calls.iter().filter(|call| call.contains("rule/")).collect();
    let expected =
        ["ModifyRule rule/web:443/api (attach)", "ModifyRule rule/web:443/api", "ModifyRule rule/web:443/api (detach)"];
    assert_eq!(rules, expected.iter().collect::<Vec<_>>());
}
