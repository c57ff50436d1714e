//! S4: the success codes were widened until a broken application passed for healthy: it answers 400 to the health check.
//! Narrowing them again would take every target out of service, so that is proven on a copy of the group first.

use serde_json::json;

use super::{BASE, Scene, in_order};

pub(super) fn begin() -> Scene {
    let scene = Scene::of(BASE);
    scene.live().check("django", |m| {
        m.matcher(aws_sdk_elasticloadbalancingv2::types::Matcher::builder().http_code("200-499").build())
    });
    scene.answers(&["10.0.1.10", "10.0.2.10"], &json!({ "*": 400 }));
    scene.is_settled();
    scene
}

/// The same once the application answers as it should.
pub(super) fn begin_mended() -> Scene {
    let scene = begin();
    scene.answers(&["10.0.1.10", "10.0.2.10"], &json!({ "/api/health/": 200, "*": 404 }));
    scene
}

/// The success codes as they are.
fn matcher(scene: &Scene) -> String {
    let groups = crate::support::wait_for(scene.stack.account.elb.describe_target_groups().names("django").send());
    groups.unwrap().target_groups()[0].matcher().and_then(|m| m.http_code()).unwrap().to_owned()
}

const PROOF: [&str; 3] = ["CreateTargetGroup", "RegisterTargets", "CreateRule"];
const REST: [&str; 3] = ["ModifyTargetGroup", "DeleteRule", "DeleteTargetGroup"];

#[test]
fn success_codes_that_every_target_would_fail_are_not_applied() {
    let scene = begin();
    let before = super::super::state::state(&scene.stack.account);
    assert!(scene.health("django").values().all(|state| state == "healthy"), "{:?}", scene.health("django"));
    scene.fires(&[("E102", "target_group/django")]).exits(3);
    let rule = scene.live().rules["10"].clone();
    scene.proxy.calm();
    let (apply, seen) = scene.watched(&rule, || {
        scene.stack.account.behind(&scene.proxy).args(["apply", "--yes", "--gate-timeout", "4s"]).run()
    });
    let apply = apply.exits(5);
    assert!(apply.stdout.contains("0 of at least 2 targets healthy"), "{}", apply.all());
    assert!(apply.stdout.contains("(400)"), "it says what the targets answer\n{}", apply.all());
    in_order(&scene.writes(), &[&PROOF[..], &REST[1..]].concat());
    assert!(seen.iter().all(|serving| serving.healthy == 1), "they stayed in service: {seen:?}");
    assert_eq!(matcher(&scene), "200-499");
    let moved = super::super::state::difference(&before, &super::super::state::state(&scene.stack.account));
    assert!(moved.is_empty(), "{}", moved.join("\n"));

    // the application is mended: the same command does it now
    scene.answers(&["10.0.1.10", "10.0.2.10"], &json!({ "/api/health/": 200, "*": 404 }));
    mends(&scene);
}

fn mends(scene: &Scene) {
    let rule = scene.live().rules["10"].clone();
    let (apply, seen) = scene.watched(&rule, || scene.apply());
    apply.exits(0);
    in_order(&scene.writes(), &[PROOF, REST].concat());
    assert!(seen.iter().all(|serving| serving.healthy == 1), "{seen:?}");
    assert_eq!(matcher(scene), "200");
    scene.is_mended();
}

/// Without a healthy target there is nothing to lose: one call.
#[test]
fn success_codes_are_set_at_once_where_no_target_is_healthy() {
    let scene = begin();
    scene.answers(&["10.0.1.10", "10.0.2.10"], &json!({ "*": 500 }));
    scene.is_settled();
    assert!(scene.health("django").values().all(|state| state == "unhealthy"));
    scene.apply();
    in_order(&scene.writes(), &["ModifyTargetGroup"]);
    assert_eq!(matcher(&scene), "200");
}
