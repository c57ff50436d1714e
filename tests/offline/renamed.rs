//! A key that gets another name in the files: AWS renames nothing, so that a new resource takes the old one's place.

use no502::desired::Resolved;
use no502::diff::{Cause, Verdict};
use no502::plan::{Guard, Plan};
use no502::report::{Look, View, text};

use super::leaving::{converges, deployed, with_consent};
use super::{STACK, desired, planned};

/// The changes of a plan with their causes.
fn causes(plan: &Plan) -> Vec<String> {
    let verb = |verdict: &Verdict| match verdict {
        Verdict::Create => "create",
        Verdict::Delete => "delete",
        _ => "update",
    };
    let cause = |cause: Option<Cause>| cause.map_or("", Cause::as_str);
    plan.differences().map(|c| format!("{} {} {}", verb(&c.verdict), c.address, cause(c.cause))).collect()
}

fn said(plan: &Plan, desired: &Resolved) -> String {
    let calls = no502::cloud::ApiCalls::default();
    let view = View { command: "plan", plan, desired, api_calls: &calls, paths: "" };
    text::plan(&view, &Look::default())
}

#[tokio::test(start_paused = true)]
async fn a_target_group_with_a_new_name_is_pending_and_its_old_one_orphaned() {
    let fake = deployed(STACK).await;
    let renamed = STACK.replace("  django:\n", "  django:\n    name: api-v2\n");
    let files = desired(&renamed);
    let plan = planned(&fake, &files).await;
    assert_eq!(
        causes(&plan),
        [
            "delete target_group/#django orphaned",
            "create target_group/django pending",
            "create target/django/10.0.1.10:8000 pending",
            "create target/django/10.0.2.10:8000 pending",
            "update rule/web:443/api pending",
        ],
        "AWS has not moved"
    );
    let text = said(&plan, &files);
    assert!(text.contains("delete `django`: `api-v2` takes its place"), "{text}");
    assert!(text.contains("create: http:8000; replaces `django`: AWS renames nothing"), "{text}");
    assert!(!text.contains("arn:aws"), "{text}");
    let calls = converges(&fake, &renamed).await;
    let at = |name: &str| calls.iter().position(|call| *call == name).unwrap();
    assert!(at("CreateTargetGroup") < at("ModifyRule") && at("ModifyRule") < at("DeleteTargetGroup"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_drifts_beside_a_new_name_is_still_drift() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        super::leaving::rule_mut(snapshot, 10).when.as_mut().unwrap().path = ["/moved/*".to_owned()].into();
    });
    let plan = planned(&fake, &desired(&STACK.replace("  django:\n", "  django:\n    name: api-v2\n"))).await;
    assert!(causes(&plan).contains(&"update rule/web:443/api drift".to_owned()), "{:?}", causes(&plan));
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_with_a_new_name_says_which_guard_keeps_the_old_one() {
    // its groups cannot move along: without any, only the guard stands in the way
    let body = STACK.replace("forward: django }", "fixed_response: { status: 503 } }");
    let fake = deployed(&body).await;
    let renamed = body.replace("  web:\n", "  web:\n    name: shop-web\n");
    let files = desired(&renamed);
    let plan = planned(&fake, &files).await;
    let all = causes(&plan);
    for one in
        ["delete load_balancer/#web orphaned", "create load_balancer/web pending", "delete rule/#web:443/#10 orphaned"]
    {
        assert!(all.contains(&one.to_owned()), "{one}: {all:?}");
    }
    assert!(all.iter().all(|one| !one.ends_with(" drift")), "{all:?}");
    let refused: Vec<Guard> = plan.refused.iter().map(|r| r.guard).collect();
    assert_eq!(refused, [Guard::DeleteLoadBalancer]);
    let text = said(&plan, &files).replace("\n      ", " ");
    let words = "delete `web`: `shop-web` takes its place; needs `--dangerous-allow delete-load-balancer`";
    assert!(text.contains(words), "{text}");
    assert!(text.contains("goes with load_balancer/#web") && !text.contains("arn:aws"), "{text}");
    let plan = with_consent(&fake, &files);
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    converges(&fake, &renamed).await;
}
