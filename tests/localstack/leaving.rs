//! What leaves on AWS: a stack comes from nothing and goes to nothing, exclusive parts lose what is not declared, what
//! nobody declared is reset, and a stack leaves what is not its own.

use aws_sdk_ec2::types::{IpPermission, IpRange};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, RuleCondition, Tag,
};
use serde_json::{Value, json};

use super::fields::live::Live;
use super::stack::{Stack, named_network, self_signed};
use crate::support::account::{Account, REGION, proxy};
use crate::support::localstack::control;
use crate::support::program::Run;
use crate::support::wait_for;

/// The file without a single resource.
fn nothing(stack: &Stack) {
    let head: Vec<String> =
        stack.file().lines().take_while(|line| !line.starts_with("tags")).map(str::to_owned).collect();
    stack.account.write("desired/shop.yaml", head.join("\n") + "\n");
}

fn causes(plan: &Run, action: &str) -> Vec<String> {
    let plan = plan.json();
    let changes = plan["changes"].as_array().unwrap().iter().filter(|change| change["action"] == action);
    changes.map(|c| format!("{} {}", c["address"].as_str().unwrap(), c["cause"].as_str().unwrap())).collect()
}

#[test]
fn a_stack_goes_to_nothing_and_comes_back() {
    let stack = Stack::applied();
    nothing(&stack);
    let plan = stack.plan();
    let going = causes(&plan, "delete");
    assert_eq!(going.len(), 12, "{going:?}");
    assert!(going.iter().all(|one| one.ends_with(" orphaned")), "{going:?}");
    assert_eq!(causes(&plan, "update"), ["security_group/".to_owned() + &stack.app_group + " orphaned"]);
    let refused = stack.account.run(&["apply", "--yes"]).exits(6);
    assert!(refused.all().contains("--dangerous-allow delete-load-balancer"), "{}", refused.all());

    let proxy = proxy();
    let consent = ["apply", "--yes", "--dangerous-allow", "delete-load-balancer"];
    let gone = stack.account.behind(&proxy).args(consent).run().exits(0);
    assert!(!gone.stderr.contains("the lock"), "it went with what bore it\n{}", gone.all());
    let writes = proxy.writes();
    let count = |name: &str| writes.iter().filter(|write| *write == name).count();
    assert_eq!((count("DeleteLoadBalancer"), count("DeleteListener"), count("DeleteRule")), (1, 0, 0), "{writes:?}");
    assert_eq!((count("DeleteTargetGroup"), count("DeleteSecurityGroup")), (3, 1), "{writes:?}");
    stack.plan().exits(0);
    let account = &stack.account;
    assert!(wait_for(account.elb.describe_load_balancers().send()).unwrap().load_balancers().is_empty());
    assert!(wait_for(account.elb.describe_target_groups().send()).unwrap().target_groups().is_empty());
    let groups = wait_for(account.ec2.describe_security_groups().group_ids(&stack.app_group).send()).unwrap();
    assert!(groups.security_groups()[0].ip_permissions().is_empty(), "our rule in somebody's group is revoked");
    let certificates =
        wait_for(account.acm.list_certificates().includes(super::fields::live::every_key()).send()).unwrap();
    assert_eq!(certificates.certificate_summary_list().len(), 1, "ACM is left alone");

    account.write("desired/shop.yaml", stack.file());
    stack.apply();
    stack.plan().exits(0);
    let certificates =
        wait_for(account.acm.list_certificates().includes(super::fields::live::every_key()).send()).unwrap();
    assert_eq!(certificates.certificate_summary_list().len(), 1, "and found again");
}

#[test]
fn the_example_comes_from_nothing_and_goes_to_nothing() {
    let account = Account::new();
    named_network(&account);
    // as if its DNS record were there
    let issued =
        json!({ "account": account.id, "region": REGION, "certificate": "shop.example.com", "status": "ISSUED" });
    control("PUT", "/_no502/certificates", &issued);
    let files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/desired")).unwrap().collect();
    for file in files {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().replace("\"000000000000\"", &format!("\"{}\"", account.id));
        account.write(&format!("desired/{}", path.file_name().unwrap().to_str().unwrap()), &text);
        let head = text.split("certificates:").next().unwrap();
        account.write(&format!("empty/{}", path.file_name().unwrap().to_str().unwrap()), head);
    }
    let exits = |args: &[&str], code: i32| account.run(args).exits(code);
    exits(&["apply", "--yes"], 0);
    exits(&["plan", "--detailed-exitcode"], 0);
    assert_eq!(wait_for(account.elb.describe_target_groups().send()).unwrap().target_groups().len(), 3);
    exits(&["apply", "empty", "--yes"], 6);
    exits(&["apply", "empty", "--yes", "--dangerous-allow", "delete-load-balancer"], 0);
    exits(&["plan", "empty", "--detailed-exitcode"], 0);
    assert!(wait_for(account.elb.describe_load_balancers().send()).unwrap().load_balancers().is_empty());
    assert!(wait_for(account.elb.describe_target_groups().send()).unwrap().target_groups().is_empty());
    let groups = wait_for(account.ec2.describe_security_groups().send()).unwrap();
    let ours = groups.security_groups().iter().filter(|group| group.group_name() != Some("default"));
    assert_eq!(ours.count(), 0, "both groups are gone");
    let left = wait_for(account.acm.list_certificates().send()).unwrap();
    let arn = left.certificate_summary_list()[0].certificate_arn().unwrap();
    let certificate = wait_for(account.acm.describe_certificate().certificate_arn(arn).send()).unwrap();
    assert!(certificate.certificate().unwrap().in_use_by().is_empty(), "detached, and still there");
}

fn strange_rule(live: &Live, priority: i32, tag: Option<&str>) {
    let answer = FixedResponseActionConfig::builder().status_code("418").build();
    let action = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer).build();
    let mut call = live
        .stack
        .account
        .elb
        .create_rule()
        .listener_arn(&live.listeners[&443])
        .priority(priority)
        .conditions(RuleCondition::builder().field("path-pattern").values(format!("/strange/{priority}")).build())
        .actions(action);
    if let Some(owner) = tag {
        call = call.tags(Tag::builder().key("no502:id").value(owner).build());
    }
    wait_for(call.send()).unwrap();
}

#[test]
fn exclusive_parts_lose_what_is_not_declared() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    let account = &stack.account;
    strange_rule(&live, 7, None);
    strange_rule(&live, 8, Some("bank:rule/web:443/theirs"));
    let answer = FixedResponseActionConfig::builder().status_code("418").build();
    let action = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer).build();
    let listener = account.elb.create_listener().load_balancer_arn(&live.load_balancer).port(9443);
    let listener = listener.protocol(aws_sdk_elasticloadbalancingv2::types::ProtocolEnum::Http).default_actions(action);
    wait_for(listener.send()).unwrap();
    let pem = self_signed(&["strange.example.com"]);
    let import = account.acm.import_certificate().certificate(aws_sdk_acm::primitives::Blob::new(pem.certificate));
    let arn = wait_for(import.private_key(aws_sdk_acm::primitives::Blob::new(pem.key)).send()).unwrap();
    let by_name = Certificate::builder().set_certificate_arn(arn.certificate_arn).build();
    let add = account.elb.add_listener_certificates().listener_arn(&live.listeners[&443]).certificates(by_name);
    wait_for(add.send()).unwrap();
    let groups = wait_for(account.ec2.describe_security_groups().send()).unwrap();
    let alb = groups.security_groups().iter().find(|g| g.group_name() == Some("alb")).unwrap();
    let range = IpRange::builder().cidr_ip("10.9.0.0/16").build();
    let ssh = IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22).ip_ranges(range).build();
    let open = account.ec2.authorize_security_group_ingress().group_id(alb.group_id().unwrap()).ip_permissions(ssh);
    wait_for(open.send()).unwrap();

    let plan = stack.plan().exits(0).json();
    assert_eq!(plan["summary"]["unmanaged"], 4, "a listener, two rules and a permission, listed and left alone");
    stack.edit(
        "    idle_timeout: 60s\n",
        "    idle_timeout: 60s\n    exclusive: [listeners, rules, sni_certificates]\n",
    );
    stack.edit("description: shop front door\n", "description: shop front door\n    exclusive: ingress\n");
    let plan = stack.plan();
    assert_eq!(causes(&plan, "delete"), ["listener/web:9443 pending", "rule/web:443/#7 pending"]);
    let updates = ["listener/web:443 ", "security_group/alb "];
    let found = causes(&plan, "update");
    assert!(updates.iter().all(|u| found.iter().any(|f| f.starts_with(u))) && found.len() == 2, "{found:?}");
    let proxy = proxy();
    account.behind(&proxy).args(["apply", "--yes"]).run().exits(0);
    let mut writes = proxy.writes();
    writes.retain(|name| !matches!(name.as_str(), "AddTags" | "CreateTags"));
    writes.sort();
    assert_eq!(
        writes,
        ["DeleteListener", "DeleteRule", "RemoveListenerCertificates", "RevokeSecurityGroupIngress"],
        "once each"
    );
    let plan = stack.plan().exits(0).json();
    let left = plan["unmanaged"].as_array().unwrap();
    assert!(left.len() == 1 && left[0].to_string().contains("of the stack `bank`"), "{left:?}");
}

#[test]
fn what_nobody_declared_is_reset_where_the_files_say_so() {
    let stack = Stack::prepared();
    stack.edit("      routing.http2.enabled: \"true\"\n", "");
    stack.edit("      deletion_protection.enabled: \"false\"\n", "");
    stack.apply();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("routing.http2.enabled", "false"), ("deletion_protection.enabled", "true")]);
    let plan = stack.plan().exits(0).json();
    let undeclared: Vec<&Value> = plan["undeclared"].as_array().unwrap().iter().map(|u| &u["path"]).collect();
    assert!(undeclared.contains(&&Value::from("attributes.routing.http2.enabled")), "{undeclared:?}");
    stack.edit("    idle_timeout: 60s\n", "    idle_timeout: 60s\n    undeclared: reset\n");
    let plan = stack.plan().exits(2).json();
    let change = plan["changes"].as_array().unwrap().iter().find(|c| c["action"] == "update").unwrap();
    let fields: Vec<&Value> = change["fields"].as_array().unwrap().iter().map(|f| &f["path"]).collect();
    assert_eq!(fields, ["attributes.routing.http2.enabled"], "the protection is never reset");
    stack.apply();
    stack.plan().exits(0);
    live.load_balancer_attributes(&[("routing.http2.enabled", "false")]);
    assert_eq!(causes(&stack.plan(), "update"), ["load_balancer/web drift"]);
}
