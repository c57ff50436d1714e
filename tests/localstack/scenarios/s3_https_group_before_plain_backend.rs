//! S3: a target group speaks HTTPS to gunicorn, which does not. AWS cannot edit that: the group is replaced, and requests
//! move once the new one is healthy.

use super::{BASE, Scene, Serving, edited, in_order};

/// The stack as somebody made it: HTTPS to the targets, and with the health check of choice.
fn of(check: &str) -> Scene {
    let https = edited(BASE, "    protocol: http\n    port: 8000", "    protocol: https\n    port: 8000");
    let https = https.replace("port: traffic-port, protocol: http", &format!("port: traffic-port, protocol: {check}"));
    let scene = Scene::of(&https);
    scene.write(BASE);
    scene
}

/// The check speaks HTTPS too: no target is healthy.
pub(super) fn begin() -> Scene {
    of("https")
}

/// The check speaks HTTP, and is content with targets that no request reaches.
pub(super) fn begin_healthy() -> Scene {
    of("http")
}

const SWAP: [&str; 8] = [
    "CreateTargetGroup",
    "ModifyTargetGroupAttributes",
    "RegisterTargets",
    "CreateRule",
    "ModifyRule",
    "DeregisterTargets",
    "DeleteRule",
    "DeleteTargetGroup",
];

fn swaps(scene: &Scene, worst: Serving) -> Vec<Serving> {
    let rule = scene.live().rules["10"].clone();
    let (apply, seen) = scene.watched(&rule, || scene.apply());
    apply.exits(0);
    in_order(&scene.writes(), &SWAP);
    let all = Serving { healthy: 1, ..Serving::default() };
    assert!(seen.iter().all(|serving| *serving == all || *serving == worst), "{seen:?}");
    let first = seen.iter().position(|serving| *serving == all).expect("it serves in the end");
    assert!(seen[first..].iter().all(|serving| *serving == all), "once it serves it goes on: {seen:?}");
    scene.is_settled();
    scene.is_mended();
    let groups = crate::support::wait_for(scene.stack.account.elb.describe_target_groups().send()).unwrap();
    let [group] = groups.target_groups() else { panic!("the old group is still there: {groups:?}") };
    assert_eq!(group.protocol().map(|p| p.as_str()), Some("HTTP"));
    assert!(scene.health(group.target_group_name().unwrap()).values().all(|state| state == "healthy"));
    seen
}

#[test]
fn requests_move_to_a_group_that_speaks_http_once_it_is_healthy() {
    let scene = begin();
    assert!(scene.health("django").values().all(|state| state == "unhealthy"));
    let plan = scene.fires(&[("E105", "target_group/django"), ("E201", "target_group/django")]).exits(3).json();
    let change = plan["changes"].as_array().unwrap().iter().find(|c| c["address"] == "target_group/django").unwrap();
    assert_eq!(change["action"], "replace");
    let seen = swaps(&scene, Serving { failing: 1, ..Serving::default() });
    assert!(seen[0].failing == 1, "clients saw errors before");
}

/// At no time do clients meet a group without a healthy target.
#[test]
fn a_group_that_passes_for_healthy_is_never_left_before_the_new_one_serves() {
    let scene = begin_healthy();
    assert!(scene.health("django").values().all(|state| state == "healthy"));
    let seen = swaps(&scene, Serving { healthy: 1, ..Serving::default() });
    assert!(seen.iter().all(|serving| serving.healthy == 1), "{seen:?}");
}

/// The new targets fail: what was prepared goes again, and the old side was not touched.
#[test]
fn a_new_group_that_does_not_get_healthy_is_taken_away() {
    let scene = begin_healthy();
    let before = super::super::state::state(&scene.stack.account);
    scene.write(&edited(BASE, "path: /api/health/", "path: /nowhere"));
    let rule = scene.live().rules["10"].clone();
    scene.proxy.calm();
    let (apply, seen) = scene.watched(&rule, || {
        scene.stack.account.behind(&scene.proxy).args(["apply", "--yes", "--gate-timeout", "4s"]).run()
    });
    let apply = apply.exits(5);
    assert!(apply.stdout.contains("taken away again"), "{}", apply.all());
    assert!(seen.iter().all(|serving| serving.healthy == 1), "{seen:?}");
    let moved = super::super::state::difference(&before, &super::super::state::state(&scene.stack.account));
    assert!(moved.is_empty(), "{}\n{}", moved.join("\n"), apply.all());
}
