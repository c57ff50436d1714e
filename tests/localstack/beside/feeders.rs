//! Who else works on load balancers: ECS and Auto Scaling fill groups, CodeDeploy shifts weights, the Kubernetes
//! controller and CloudFormation own whole load balancers.

use serde_json::json;

use super::{refusals, unmanaged};
use crate::localstack::fields::live::Live;
use crate::localstack::stack::Stack;
use crate::support::account::{REGION, proxy};
use crate::support::localstack::control;
use crate::support::wait_for;

/// An interface as ECS makes one for a task, and the task registered.
fn task(stack: &Stack, live: &Live, address: &str) {
    let ec2 = &stack.account.ec2;
    let attachment = format!("arn:aws:ecs:eu-west-1:{}:attachment/5d0b", stack.account.id);
    let interface = ec2.create_network_interface().subnet_id(&stack.subnets[0]).private_ip_address(address);
    wait_for(interface.groups(&stack.app_group).description(attachment).send()).unwrap();
    live.register("django", address, 8000);
}

/// A tag that only AWS, or a controller, writes.
fn written_by_aws(stack: &Stack, resource: &str, key: &str, value: &str) {
    let tags = json!({ key: value });
    let body = json!({ "account": stack.account.id, "region": REGION, "resource": resource, "tags": tags });
    control("PUT", "/_no502/tags", &body);
}

#[test]
fn ecs_keeps_its_tasks() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    task(&stack, &live, "10.0.1.77");
    let plan = stack.plan();
    let why = refusals(&plan);
    assert!(matches!(why.as_slice(), [one] if one.starts_with("fed-group an ECS service fills it")), "{why:?}");
    let proxy = proxy();
    let apply = stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(6);
    assert!(proxy.writes().is_empty() && apply.all().contains("10.0.1.77"), "{}", apply.all());
    // without `targets` the group is somebody else's to fill, as it should be said
    stack.edit("    targets: [ \"10.0.1.10\", \"10.0.2.10:8001\" ]\n", "");
    stack.apply();
    stack.plan().exits(0);
}

#[test]
fn auto_scaling_keeps_its_instances() {
    let stack = Stack::prepared();
    stack.edit("targets: [ \"10.0.1.30\" ]", "targets: []");
    stack.edit(
        "  picky:\n    protocol: http\n    port: 8000\n    target_type: ip\n",
        "  picky:\n    protocol: http\n    port: 8000\n    target_type: instance\n    targets: []\n",
    );
    stack.apply();
    let live = Live::of(&stack);
    let ec2 = &stack.account.ec2;
    let started = ec2.run_instances().image_id("ami-12345678").min_count(1).max_count(1).subnet_id(&stack.subnets[0]);
    let started = wait_for(started.send()).unwrap();
    let instance = started.instances()[0].instance_id().unwrap();
    written_by_aws(&stack, instance, "aws:autoscaling:groupName", "workers");
    live.register("picky", instance, 8000);
    let why = refusals(&stack.plan());
    let expected = format!("fed-group the Auto Scaling group `workers` fills it ({instance})");
    assert_eq!(why, [expected]);
    stack.account.run(&["apply", "--yes"]).exits(6);
}

#[test]
fn codedeploy_keeps_its_weights_while_other_fields_are_mended() {
    let stack = Stack::prepared();
    stack.edit(
        "forward: { to: { django: 95, canary: 5 }, stickiness: 10m }",
        "forward: { to: { django: 95, canary: 5 }, stickiness: 10m, weights: external }",
    );
    stack.apply();
    let live = Live::of(&stack);
    live.rule("10", |r| r.actions(live.forward([0, 100], Some(600))));
    stack.plan().exits(0);
    stack.edit("path: [\"/api/*\"]", "path: [\"/api/*\", \"/v2/*\"]");
    stack.apply();
    let rules = wait_for(stack.account.elb.describe_rules().rule_arns(&live.rules["10"]).send()).unwrap();
    let forward = rules.rules()[0].actions()[0].forward_config().unwrap();
    let weights: Vec<Option<i32>> = forward.target_groups().iter().map(|g| g.weight()).collect();
    assert!(weights.contains(&Some(100)) && weights.contains(&Some(0)), "{weights:?}");
    stack.plan().exits(0);
}

#[test]
fn what_a_controller_owns_is_read_only() {
    for (key, tool) in
        [("elbv2.k8s.aws/cluster", "Load Balancer Controller"), ("aws:cloudformation:stack-id", "CloudFormation")]
    {
        let stack = Stack::applied();
        let live = Live::of(&stack);
        written_by_aws(&stack, &live.load_balancer, key, "prod");
        stack.plan().exits(0);
        stack.edit("idle_timeout: 60s", "idle_timeout: 61s");
        stack.edit("            priority: 40\n", "            priority: 41\n");
        let plan = stack.plan();
        let why = refusals(&plan);
        assert!(
            !why.is_empty() && why.iter().all(|one| one.starts_with("foreign-owner") && one.contains(tool)),
            "{why:?}"
        );
        assert_eq!(unmanaged(&plan), Vec::<String>::new());
        let proxy = proxy();
        stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(6);
        assert!(proxy.writes().is_empty(), "{:?}", proxy.writes());
    }
}
