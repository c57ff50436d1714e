//! S5: the deregistration delay is shorter than the slowest request: clients get 502 at each deploy.

use super::{BASE, Scene, edited, in_order};
use crate::support::wait_for;

pub(super) fn begin() -> Scene {
    let scene = Scene::of(BASE);
    scene.live().group_attributes("django", &[("deregistration_delay.timeout_seconds", "5")]);
    scene
}

fn delay(scene: &Scene) -> String {
    let live = scene.live();
    let call = scene.stack.account.elb.describe_target_group_attributes().target_group_arn(&live.groups["django"]);
    let attributes = wait_for(call.send()).unwrap();
    let delay = attributes.attributes().iter().find(|a| a.key() == Some("deregistration_delay.timeout_seconds"));
    delay.and_then(|a| a.value()).unwrap().to_owned()
}

#[test]
fn the_delay_goes_back_above_the_slowest_request() {
    let scene = begin();
    scene.fires(&[("E401", "target_group/django")]).exits(3);
    scene.apply().exits(0);
    in_order(&scene.writes(), &["ModifyTargetGroupAttributes"]);
    assert_eq!(delay(&scene), "60");
    scene.is_mended();
}

/// The application gives up before the delay has passed: what AWS is told is right, and is done.
#[test]
fn a_short_grace_of_the_application_does_not_keep_the_delay_from_being_set() {
    let scene = begin();
    scene.write(&edited(BASE, "slowest_request: 30s }", "slowest_request: 30s, stop_grace: 30s }"));
    scene.apply();
    in_order(&scene.writes(), &["ModifyTargetGroupAttributes"]);
    assert_eq!(delay(&scene), "60");
}
