//! A plan costs the fewest calls that the API allows: `aws-api.md` §9 of the project's notes, "Core", by operation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::stack::{Stack, named_network};
use crate::support::account::{Account, REGION, proxy};
use crate::support::localstack::control;

/// How many there are of each kind in the files.
pub struct Size {
    pub load_balancers: u64,
    pub listeners: u64,
    pub https_listeners: u64,
    pub rules: u64,
    pub groups: u64,
    /// Certificates that are declared or attached.
    pub certificates: u64,
    /// Those of them that are declared: only they can bear our tags.
    pub declared_certificates: u64,
    /// Whether a certificate is found by its names, which takes a list.
    pub by_name: bool,
}

impl Size {
    /// The fewest calls that read all this: lists of the account, then one call for each thing that has no batch form,
    /// and tags in batches of 20. Default rules have no tags of ours, and security groups come with their rules.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let tagged = self.load_balancers + self.listeners + self.rules + self.groups;
        let calls = [
            ("GetCallerIdentity", 1),
            ("DescribeLoadBalancers", 1),
            ("DescribeTargetGroups", 1),
            ("DescribeListeners", self.load_balancers),
            ("DescribeRules", self.listeners),
            ("DescribeLoadBalancerAttributes", self.load_balancers),
            ("DescribeListenerAttributes", self.listeners),
            ("DescribeListenerCertificates", self.https_listeners),
            ("DescribeTargetGroupAttributes", self.groups),
            ("DescribeTargetHealth", self.groups),
            ("DescribeTags", tagged.div_ceil(20)),
            ("ListCertificates", u64::from(self.by_name)),
            ("DescribeCertificate", self.certificates),
            ("ListTagsForCertificate", self.declared_certificates),
            ("DescribeSecurityGroups", 1),
            ("DescribeSubnets", 1),
            ("DescribeVpcs", u64::from(self.by_name)),
            ("DescribeNetworkInterfaces", 1),
            ("DescribeNetworkAcls", 1),
            ("DescribeRouteTables", 1),
            ("GetResources", 1),
            ("DescribeSecurityGroupRules", 1),
        ];
        calls.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
    }
}

/// What the program says that it called.
fn reported(plan: &Value) -> BTreeMap<String, u64> {
    serde_json::from_value(plan["api_calls"]["by_operation"].clone()).unwrap()
}

/// The stack of `desired/`, which the demo shows.
#[test]
fn the_example_costs_the_fewest_calls() {
    let account = Account::new();
    named_network(&account);
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/desired/shop.yaml")).unwrap();
    account.write("desired/shop.yaml", file.replace("000000000000", &account.id));
    let issued =
        json!({ "account": account.id, "region": REGION, "certificate": "shop.example.com", "status": "ISSUED" });
    control("PUT", "/_no502/certificates", &issued);
    account.run(&["apply", "--yes"]).exits(0);
    let proxy = proxy();
    let plan = account.behind(&proxy).args(["plan", "--format", "json", "--detailed-exitcode"]).run().exits(0).json();
    let size = Size {
        load_balancers: 1,
        listeners: 2,
        https_listeners: 1,
        rules: 4,
        groups: 3,
        certificates: 1,
        declared_certificates: 1,
        by_name: true,
    };
    assert_eq!(proxy.counts(), size.calls());
    assert_eq!(reported(&plan), proxy.counts());
    assert_eq!(plan["api_calls"]["total"], size.calls().values().sum::<u64>());
}

/// Things that the files do not mention cost nothing but their line in a list.
#[test]
fn strangers_cost_nothing() {
    let stack = Stack::applied();
    let proxy = proxy();
    let count = || {
        proxy.calm();
        stack.account.behind(&proxy).args(["plan", "--detailed-exitcode"]).run().exits(0);
        proxy.counts()
    };
    let before = count();
    for n in 0..3 {
        let call = stack.account.elb.create_target_group().name(format!("stranger-{n}")).vpc_id(&stack.vpc);
        let call = call.protocol(aws_sdk_elasticloadbalancingv2::types::ProtocolEnum::Http).port(80);
        crate::support::wait_for(call.send()).unwrap();
    }
    assert_eq!(count(), before);
    let size = Size {
        load_balancers: 1,
        listeners: 3,
        https_listeners: 1,
        rules: 4,
        groups: 3,
        certificates: 1,
        declared_certificates: 1,
        by_name: true,
    };
    // its networks are named by id and by tag, so no VPC needs to be looked up
    let expected: BTreeMap<_, _> = size.calls().into_iter().filter(|(name, _)| name != "DescribeVpcs").collect();
    assert_eq!(before, expected);
}
