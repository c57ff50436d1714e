//! S7: a deployment sent all requests to the green group, which has no targets: clients get 503, and blue idles.

use serde_json::json;

use super::super::fields::live::Live;
use super::{BASE, Scene, Serving, differing, edited, in_order};

/// Blue serves, green waits for its next version.
fn file(blue: u32, green: u32) -> String {
    let group = |name: &str, targets: &str| {
        format!(
            "  {name}:\n    protocol: http\n    port: 8000\n    target_type: ip\n    vpc: VPC\n    \
             health_check: {{ path: /api/health/, protocol: http, success_codes: \"200\", interval: 15s, timeout: 5s }}\n    \
             deregistration_delay: 60s\n    targets: [ {targets} ]\n"
        )
    };
    let groups = group("blue", "\"10.0.1.10\", \"10.0.2.10\", \"10.0.1.30\"") + &group("green", "");
    let start = BASE.find("  django:").unwrap();
    let end = BASE.find("load_balancers:").unwrap();
    let text = format!("{}{groups}{}", &BASE[..start], &BASE[end..]);
    let both = format!("forward: {{ to: {{ blue: {blue}, green: {green} }} }}");
    edited(&text, "forward: django", &both)
}

fn weights(live: &Live<'_>, blue: i32, green: i32) {
    use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};
    let tuple =
        |group: &str, weight| TargetGroupTuple::builder().target_group_arn(&live.groups[group]).weight(weight).build();
    let config = ForwardActionConfig::builder().target_groups(tuple("blue", blue)).target_groups(tuple("green", green));
    let action = Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config.build()).build();
    live.rule("10", |r| r.actions(action));
}

pub(super) fn begin() -> Scene {
    let scene = Scene::of(&file(100, 0));
    weights(&scene.live(), 0, 100);
    scene
}

/// Blue is replaced at the same time: another port.
pub(super) fn begin_replaced() -> Scene {
    let scene = begin();
    scene.write(&file(100, 0).replacen("    port: 8000", "    port: 8001", 1));
    // the new port answers too
    scene
        .stack
        .account
        .script_health(&json!({ "10.0.1.10:8001": null, "10.0.2.10:8001": null, "10.0.1.30:8001": null }));
    let text = std::fs::read_to_string(scene.stack.account.path().join("desired/shop.yaml")).unwrap();
    scene.stack.account.write("desired/shop.yaml", edited(&text, "ports: [8000]", "ports: [8000, 8001]"));
    scene
}

#[test]
fn requests_go_back_to_the_group_that_serves_by_one_call() {
    let scene = begin();
    let live = scene.live();
    let rule = live.rules["10"].clone();
    let blue = scene.health("blue");
    assert!(blue.len() == 3 && blue.values().all(|state| state == "healthy"), "{blue:?}");
    let nowhere = Serving { empty: 100, ..Serving::default() };
    assert_eq!(scene.serving(&rule), Some(nowhere));
    let plan = scene.fires(&[("E803", "rule/web:443/api")]).exits(3);
    assert_eq!(differing(&plan.json()), ["rule/web:443/api".to_owned()].into());
    let (apply, seen) = scene.watched(&rule, || scene.apply());
    apply.exits(0);
    in_order(&scene.writes(), &["ModifyRule"]);
    let all = Serving { healthy: 100, ..Serving::default() };
    assert!(seen.iter().all(|serving| *serving == nowhere || *serving == all), "{seen:?}");
    assert_eq!(scene.serving(&rule), Some(all));
    scene.is_mended();
}

/// The files want what nobody can serve: it is held, and blue goes on.
#[test]
fn requests_are_not_sent_to_a_group_without_targets() {
    let scene = Scene::of(&file(100, 0));
    let rule = scene.live().rules["10"].clone();
    for (blue, green) in [(0, 100), (50, 50)] {
        scene.write(&file(blue, green));
        let plan = scene.plan().json();
        let held = plan["held"].as_array().unwrap();
        assert!(
            held.iter()
                .any(|h| h["address"] == "rule/web:443/api" && h["because"].to_string().contains("has no targets")),
            "{held:#?}"
        );
        let apply = scene.apply();
        assert!(matches!(apply.code, 2 | 3), "{}", apply.all());
        in_order(&scene.writes(), &[]);
        assert_eq!(scene.serving(&rule), Some(Serving { healthy: 100, ..Serving::default() }));
    }
}

/// Green has targets, and all of them fail.
#[test]
fn requests_are_not_sent_to_a_group_whose_targets_all_fail() {
    let scene = Scene::of(&file(100, 0));
    let live = scene.live();
    let rule = live.rules["10"].clone();
    scene.answers(&["10.0.1.40"], &json!({ "*": 500 }));
    let with_target = |text: String| edited(&text, "targets: [  ]", "targets: [ \"10.0.1.40\" ]");
    scene.write(&with_target(file(100, 0)));
    scene.apply();
    scene.is_settled();
    assert!(scene.health("green").values().all(|state| state == "unhealthy"));
    scene.write(&with_target(file(0, 100)));
    let apply = scene.apply();
    assert!(matches!(apply.code, 2 | 3), "{}", apply.all());
    assert!(apply.stdout.contains("is healthy"), "{}", apply.all());
    in_order(&scene.writes(), &[]);
    assert_eq!(scene.serving(&rule), Some(Serving { healthy: 100, ..Serving::default() }));
    // it is mended, and the shift is made
    scene.answers(&["10.0.1.40"], &json!({ "/api/health/": 200 }));
    scene.is_settled();
    let (apply, seen) = scene.watched(&rule, || scene.apply());
    apply.exits(0);
    in_order(&scene.writes(), &["ModifyRule"]);
    assert!(seen.iter().all(|serving| serving.healthy == 100), "{seen:?}");
    scene.is_mended();
}
