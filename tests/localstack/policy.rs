//! What `iam-policy` grants is what is called: a stack with everything is made, checked, edited and taken away, and each
//! action is granted, and each grant is used.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fields::extra;
use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::{REGION, proxy};
use crate::support::localstack::control;
use crate::support::proxy::Proxy;
use crate::support::wait_for;

/// The actions of the calls that went through a proxy; asking who one is needs none.
fn called(proxy: &Proxy) -> BTreeSet<String> {
    let action = |call: &crate::support::proxy::Call| {
        let service = match call.service.as_str() {
            "tagging" => "tag",
            "monitoring" => "cloudwatch",
            same => same,
        };
        format!("{service}:{}", call.operation)
    };
    proxy.calls().iter().map(action).filter(|action| action != "sts:GetCallerIdentity").collect()
}

/// The actions of a statement of the policy.
fn granted(policy: &Value, sid: &str) -> BTreeSet<String> {
    let statement = policy["Statement"].as_array().unwrap().iter().find(|statement| statement["Sid"] == sid).unwrap();
    assert_eq!((&statement["Effect"], &statement["Resource"]), (&json!("Allow"), &json!("*")));
    statement["Action"].as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// The network with what the widest stack names besides.
struct Wide {
    stack: Stack,
    prefix_list: String,
    /// The one that was requested, once it is.
    certificate: std::cell::RefCell<String>,
}

impl Wide {
    fn prepared() -> Self {
        let stack = Stack::prepared();
        extra::trust_store(&stack, "partners");
        let issued = json!({ "account": stack.account.id, "region": REGION, "certificate": "extra.example.com", "status": "ISSUED" });
        control("PUT", "/_no502/certificates", &issued);
        let entry = aws_sdk_ec2::types::AddPrefixListEntry::builder().cidr("192.0.2.0/24").build();
        let list = stack.account.ec2.create_managed_prefix_list().prefix_list_name("edge").address_family("IPv4");
        let list = wait_for(list.max_entries(5).entries(entry).send()).unwrap().prefix_list.unwrap();
        Self { prefix_list: list.prefix_list_id.unwrap(), stack, certificate: Default::default() }
    }

    /// Puts the next stage in the place of the desired file.
    fn stage(&self, name: &str) {
        let path = format!("{}/tests/localstack/policy/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("ACCOUNT", &self.stack.account.id).replace("PREFIX_LIST", &self.prefix_list);
        let certificate = self.certificate.borrow().clone();
        let text = text.replace("CERTIFICATE", &certificate);
        let text = text.replace("SUBNET_C", &self.stack.subnets[2]).replace("SPARE_GROUP", &self.stack.spare_group);
        self.stack.account.write("desired/shop.yaml", text);
    }

    /// Looks what the requested certificate is called.
    fn find_certificate(&self) {
        let list = wait_for(self.stack.account.acm.list_certificates().send()).unwrap();
        let mut all = list.certificate_summary_list().iter();
        let extra = all.find(|one| one.domain_name() == Some("extra.example.com")).unwrap();
        *self.certificate.borrow_mut() = extra.certificate_arn().unwrap().to_owned();
    }

    /// An instance in the group whose members no file names.
    fn register_worker(&self) {
        let ec2 = &self.stack.account.ec2;
        let started = ec2.run_instances().image_id("ami-12345678").min_count(1).max_count(1);
        let started = wait_for(started.subnet_id(&self.stack.subnets[0]).send()).unwrap();
        let groups = wait_for(self.stack.account.elb.describe_target_groups().names("workers").send()).unwrap();
        let arn = groups.target_groups()[0].target_group_arn().unwrap().to_owned();
        let target = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder();
        let target = target.id(started.instances()[0].instance_id().unwrap()).port(8000).build();
        wait_for(self.stack.account.elb.register_targets().target_group_arn(arn).targets(target).send()).unwrap();
    }
}

#[test]
fn each_action_is_granted_and_each_grant_is_used() {
    let wide = Wide::prepared();
    let account = &wide.stack.account;
    let policy = account.run(&["iam-policy", "--apply"]).exits(0).json();
    let (read, write) = (granted(&policy, "Read"), granted(&policy, "Write"));
    assert_eq!(granted(&account.run(&["iam-policy"]).exits(0).json(), "Read"), read);

    let (reading, writing) = (proxy(), proxy());
    let apply = |allow: &[&str]| {
        let allowed = allow.iter().flat_map(|guard| ["--dangerous-allow", guard]);
        let run = account.behind(&writing).args(["apply", "--yes", "--settle", "0s"]).args(allowed).run();
        run.exits(0);
    };
    for stage in ["1-all", "2-edited", "3-less", "4-released", "5-nothing"] {
        wide.stage(stage);
        apply(&["delete-load-balancer", "blast-radius"]);
        if stage == "1-all" {
            wide.register_worker();
            wide.find_certificate();
            let check = account.behind(&reading).args(["check", "--fail-on", "never"]).run();
            check.exits(0);
            let metrics = ["diagnose", "wide", "--metrics", "1h", "--fail-on", "never"];
            account.behind(&reading).args(metrics).run().exits(0);
        }
    }
    assert_eq!(called(&reading), read, "a check's calls, and what `iam-policy` grants for reading");
    let both: BTreeSet<String> = read.union(&write).cloned().collect();
    let unused: Vec<_> = write.difference(&called(&writing)).cloned().collect();
    let ungranted: Vec<_> = called(&writing).difference(&both).cloned().collect();
    assert_eq!((unused, ungranted), (Vec::<String>::new(), Vec::<String>::new()), "unused, and not granted");
}

/// With the policy for reading and nothing else a plan is whole, and an apply changes nothing.
#[test]
fn who_may_only_read_changes_nothing() {
    let stack = Stack::applied();
    let policy = stack.account.run(&["iam-policy"]).exits(0).json();
    let read = granted(&policy, "Read");
    Live::of(&stack).load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let proxy = proxy();
    for action in granted(&stack.account.run(&["iam-policy", "--apply"]).exits(0).json(), "Write") {
        proxy.on(action.split_once(':').unwrap().1).deny();
    }
    stack.account.behind(&proxy).args(["check"]).run().exits(2);
    assert!(called(&proxy).is_subset(&read), "{:?}", called(&proxy));
    let apply = stack.account.behind(&proxy).args(["apply", "--yes"]).run();
    assert!(matches!(apply.code, 5 | 6), "{}", apply.all());
    stack.account.run(&["check"]).exits(2);
}
