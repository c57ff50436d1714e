//! S1: somebody moved everything from 8000 to 80, where gunicorn does not listen: targets, health check, and the targets'
//! security group. No target is healthy, and clients wait for 504.

use std::time::Duration;

use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};

use super::{APPLY, BASE, Scene, differing, place};
use crate::support::proxy::{Fault, Hold};
use crate::support::wait_for;

pub(super) fn begin() -> Scene {
    let scene = Scene::of(BASE);
    let live = scene.live();
    for address in ["10.0.1.10", "10.0.2.10"] {
        live.register("django", address, 80);
        live.deregister("django", address, 8000);
    }
    live.check("django", |m| m.health_check_port("80"));
    live.close(8000);
    let pair = UserIdGroupPair::builder().group_id(&live.alb_group).build();
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(80).to_port(80).user_id_group_pairs(pair).build();
    let call = scene.stack.account.ec2.authorize_security_group_ingress().group_id(&scene.stack.app_group);
    wait_for(call.ip_permissions(rule).send()).unwrap();
    scene.is_settled();
    scene
}

#[test]
fn targets_leave_the_wrong_port_once_the_right_one_is_open_checked_and_healthy() {
    let scene = begin();
    assert!(scene.health("django").values().all(|state| state == "unhealthy"), "{:?}", scene.health("django"));
    let plan = scene.fires(&[("E103", "target_group/django"), ("E117", "target_group/django")]).exits(3).json();
    let expected = [
        "security_group/app",
        "target/django/10.0.1.10:80",
        "target/django/10.0.1.10:8000",
        "target/django/10.0.2.10:80",
        "target/django/10.0.2.10:8000",
        "target_group/django",
    ];
    assert_eq!(differing(&plan), expected.map(str::to_owned).into());

    // when the old ones are about to leave, the new ones serve
    scene.proxy.calm();
    let hold = Hold::new();
    scene.proxy.on("DeregisterTargets").meets(Fault::Hold(hold.clone()));
    let running = scene.stack.account.behind(&scene.proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "nothing is deregistered");
    let health = scene.health("django");
    for address in ["10.0.1.10:8000", "10.0.2.10:8000"] {
        assert_eq!(health.get(address).map(String::as_str), Some("healthy"), "{health:?}");
    }
    hold.release();
    running.end().exits(0);
    let writes = scene.writes();
    let mut sorted = writes.clone();
    sorted.sort();
    let expected = ["AuthorizeSecurityGroupIngress", "DeregisterTargets", "ModifyTargetGroup", "RegisterTargets"]
        .map(str::to_owned);
    assert_eq!(sorted, expected, "what lets port 80 in was made by hand: it is listed and stays");
    assert!(place(&writes, "AuthorizeSecurityGroupIngress") < place(&writes, "RegisterTargets"), "{writes:?}");
    assert!(place(&writes, "ModifyTargetGroup") < place(&writes, "RegisterTargets"), "{writes:?}");
    assert_eq!(place(&writes, "DeregisterTargets"), 3, "{writes:?}");
    scene.is_settled();
    scene.is_mended();
    let health: Vec<_> = scene.health("django").into_iter().collect();
    let healthy = |address: &str| (address.to_owned(), "healthy".to_owned());
    assert_eq!(health, [healthy("10.0.1.10:8000"), healthy("10.0.2.10:8000")]);
}

/// The targets on the right port do not get healthy: nobody leaves.
#[test]
fn nobody_leaves_while_the_right_port_fails_as_well() {
    let scene = begin();
    scene.answers(&["10.0.1.10", "10.0.2.10"], &serde_json::json!({ "*": 500 }));
    scene.proxy.calm();
    let apply =
        scene.stack.account.behind(&scene.proxy).args(["apply", "--yes", "--gate-timeout", "3s"]).run().exits(5);
    assert!(!scene.writes().contains(&"DeregisterTargets".to_owned()), "{}", apply.all());
    assert_eq!(scene.health("django").len(), 4, "all are still there");
    // the application is mended; the next apply goes on
    scene.answers(&["10.0.1.10", "10.0.2.10"], &serde_json::json!({ "/api/health/": 200 }));
    scene.apply().exits(0);
    scene.is_settled();
    scene.is_mended();
}

/// Whether the targets' security group lets the load balancer in on this port.
fn is_open(scene: &Scene, port: i32) -> bool {
    let call = scene.stack.account.ec2.describe_security_groups().group_ids(&scene.stack.app_group);
    let groups = wait_for(call.send()).unwrap().security_groups.unwrap_or_default();
    let mut rules = groups.iter().flat_map(|group| group.ip_permissions());
    rules.any(|rule| rule.from_port() == Some(port))
}

/// AWS takes the grant and shows it three seconds later: nobody is registered before.
#[test]
fn what_relies_on_a_grant_waits_until_aws_shows_it() {
    let scene = begin();
    scene.proxy.calm();
    let late = Fault::Late(Duration::from_secs(3));
    scene.proxy.on("AuthorizeSecurityGroupIngress").meets(late);
    let hold = Hold::new();
    scene.proxy.on("RegisterTargets").meets(Fault::Hold(hold.clone()));
    let running = scene.stack.account.behind(&scene.proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "nothing is registered");
    assert!(is_open(&scene, 8000));
    hold.release();
    let apply = running.end().exits(0);
    assert!(apply.stderr.contains("AWS does not show tcp 8000"), "{}", apply.all());
    scene.is_settled();
    scene.is_mended();
}

/// AWS never shows it: the run stops, and nobody is registered.
#[test]
fn a_grant_that_is_never_shown_stops_the_run() {
    let scene = begin();
    scene.proxy.calm();
    scene.proxy.on("AuthorizeSecurityGroupIngress").meets(Fault::Late(Duration::from_secs(3600)));
    let args = ["apply", "--yes", "--gate-timeout", "3s"];
    let apply = scene.stack.account.behind(&scene.proxy).args(args).run().exits(5);
    assert!(apply.all().contains("AWS does not show tcp 8000"), "{}", apply.all());
    assert!(!scene.writes().contains(&"RegisterTargets".to_owned()), "{}", apply.all());
    scene.apply().exits(0);
    scene.is_settled();
    scene.is_mended();
}
