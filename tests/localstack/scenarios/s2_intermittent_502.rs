//! S2: the idle timeout was raised past the targets' keep-alive. All targets are healthy, and now and then a client gets
//! 502.

use super::{BASE, Scene, edited, in_order};

pub(super) fn begin() -> Scene {
    let scene = Scene::of(BASE);
    scene.live().load_balancer_attributes(&[("idle_timeout.timeout_seconds", "120")]);
    scene
}

#[test]
fn the_idle_timeout_goes_back_below_the_keep_alive() {
    let scene = begin();
    assert!(scene.health("django").values().all(|state| state == "healthy"));
    scene.fires(&[("E301", "target_group/django"), ("E303", "load_balancer/web")]).exits(3);
    scene.apply().exits(0);
    in_order(&scene.writes(), &["ModifyLoadBalancerAttributes"]);
    scene.is_mended();
}

/// gunicorn closes idle connections after two seconds: no idle timeout that anybody wants would mend that.
#[test]
fn a_short_keep_alive_is_named_and_not_worked_around() {
    let scene = Scene::of(BASE);
    scene.write(&edited(BASE, "keep_alive: 75s", "keep_alive: 2s"));
    let plan = scene.fires(&[("E301", "target_group/django")]).exits(0).json();
    assert_eq!(plan["steps"], serde_json::json!([]), "the application is to be changed, not AWS");
    let finding = &plan["findings"][0];
    assert_eq!(finding["automatic"], false);
    assert!(finding["fix"].as_str().unwrap().contains("keep-alive"), "{finding:#}");
    scene.apply();
    in_order(&scene.writes(), &[]);
    let live = scene.live();
    let call = scene.stack.account.elb.describe_load_balancer_attributes().load_balancer_arn(&live.load_balancer);
    let attributes = crate::support::wait_for(call.send()).unwrap();
    let idle = attributes.attributes().iter().find(|a| a.key() == Some("idle_timeout.timeout_seconds"));
    assert_eq!(idle.and_then(|a| a.value()), Some("60"), "it was not lowered to 1");
}
