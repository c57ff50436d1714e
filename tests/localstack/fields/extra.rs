//! Fields that few stacks have: mutual authentication, IPAM pools, reserved capacity, headers as regular expressions,
//! zones of targets. The stack's file is edited before it is applied.

use aws_sdk_elasticloadbalancingv2::types::{
    AdvertiseTrustStoreCaNamesEnum as Advertise, HttpHeaderConditionConfig, IpamPools, MinimumLoadBalancerCapacity,
    MutualAuthenticationAttributes as Mutual, PathPatternConditionConfig, RemoveIpamPoolEnum, RuleCondition,
    TargetDescription,
};

use super::live::Live;
use super::{Case, field, run_on};
use crate::localstack::stack::{Stack, authority};
use crate::support::account::{REGION, proxy};
use crate::support::localstack::{control, put_object};
use crate::support::wait_for;

const WEB: &str = "load_balancer/web";
const HTTPS: &str = "listener/web:443";
const POOL: &str = "ipam-pool-0123456789abcdef0";
const AGENT: &str = "^curl/[0-9]+";

/// A trust store that somebody made.
pub fn trust_store(stack: &Stack, name: &str) -> String {
    let bucket = format!("{name}-{}", stack.account.id);
    put_object(&stack.account.id, &bucket, "ca.pem", &authority("ca.example.com"));
    let call = stack.account.elb.create_trust_store().name(name);
    let call = call.ca_certificates_bundle_s3_bucket(bucket).ca_certificates_bundle_s3_key("ca.pem");
    wait_for(call.send()).unwrap().trust_stores()[0].trust_store_arn().unwrap().to_owned()
}

/// The stack with these fields declared, not applied yet.
fn prepared() -> Stack {
    let stack = Stack::prepared();
    stack.edit(
        "    client_keep_alive: 1h",
        &format!("    client_keep_alive: 1h\n    ipam_pool: {POOL}\n    minimum_capacity: 200"),
    );
    stack.edit(
        "        certificate: app",
        "        certificate: app\n        mutual_authentication: { verify: partners, ignore_expiry: true, advertise_ca_names: true }",
    );
    stack.edit(
        r#"when: { path: ["/old/*"] }"#,
        &format!(r#"when: {{ path: ["/old/*"], header_regex: {{ User-Agent: ["{AGENT}"] }} }}"#),
    );
    stack.edit(
        "    algorithm: weighted_random",
        "    targets: [ { id: 10.9.0.4, zone: all } ]\n    algorithm: weighted_random",
    );
    stack
}

fn verify(
    live: &Live,
    store: &str,
    with: impl Fn(
        aws_sdk_elasticloadbalancingv2::types::builders::MutualAuthenticationAttributesBuilder,
    ) -> aws_sdk_elasticloadbalancingv2::types::builders::MutualAuthenticationAttributesBuilder,
) {
    let stores = wait_for(live.stack.account.elb.describe_trust_stores().names(store).send()).unwrap();
    let arn = stores.trust_stores()[0].trust_store_arn().unwrap();
    let mutual = Mutual::builder().mode("verify").trust_store_arn(arn).ignore_client_certificate_expiry(true);
    let mutual = with(mutual.advertise_trust_store_ca_names(Advertise::On));
    live.listener(443, |l| l.mutual_authentication(mutual.build()));
}

fn balancer_cases() -> Vec<Case> {
    vec![
        field(WEB, "ipam_pool", |live| {
            let call = live.stack.account.elb.modify_ip_pools().load_balancer_arn(&live.load_balancer);
            wait_for(call.remove_ipam_pools(RemoveIpamPoolEnum::Ipv4).send()).unwrap();
        }),
        field(WEB, "ipam_pool", |live| {
            let pools = IpamPools::builder().ipv4_ipam_pool_id("ipam-pool-0fedcba9876543210").build();
            let call = live.stack.account.elb.modify_ip_pools().load_balancer_arn(&live.load_balancer);
            wait_for(call.ipam_pools(pools).send()).unwrap();
        }),
        // AWS allows two decreases a day: this one back to what is declared, and the next one away from it
        field(WEB, "minimum_capacity", |live| {
            let units = MinimumLoadBalancerCapacity::builder().capacity_units(300).build();
            let call = live.stack.account.elb.modify_capacity_reservation().load_balancer_arn(&live.load_balancer);
            wait_for(call.minimum_load_balancer_capacity(units).send()).unwrap();
        }),
        field(WEB, "minimum_capacity", |live| {
            let call = live.stack.account.elb.modify_capacity_reservation().load_balancer_arn(&live.load_balancer);
            wait_for(call.reset_capacity_reservation(true).send()).unwrap();
        }),
    ]
}

/// Every case of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = balancer_cases();
    cases.extend([
        field(HTTPS, "mutual_authentication", |live| {
            live.listener(443, |l| l.mutual_authentication(Mutual::builder().mode("passthrough").build()));
        }),
        field(HTTPS, "mutual_authentication", |live| {
            live.listener(443, |l| l.mutual_authentication(Mutual::builder().mode("off").build()));
        }),
        field(HTTPS, "mutual_authentication.verify", |live| verify(live, "others", |m| m)).risky(&["E612"]),
        field(HTTPS, "mutual_authentication.ignore_expiry", |live| {
            verify(live, "partners", |m| m.ignore_client_certificate_expiry(false));
        })
        .risky(&["E612"]),
        field(HTTPS, "mutual_authentication.advertise_ca_names", |live| {
            verify(live, "partners", |m| m.advertise_trust_store_ca_names(Advertise::Off));
        }),
        field("rule/web:443/moved", "when.header_regex", |live| {
            let config = PathPatternConditionConfig::builder().values("/old/*").build();
            let path = RuleCondition::builder().field("path-pattern").path_pattern_config(config).build();
            let config = HttpHeaderConditionConfig::builder().http_header_name("User-Agent").regex_values("^wget");
            let agent = RuleCondition::builder().field("http-header").http_header_config(config.build()).build();
            live.rule("30", |r| r.conditions(path).conditions(agent));
        })
        .risky(&["E809"]),
        field("target/picky/10.9.0.4:8000", "zone", |live| {
            let target = TargetDescription::builder().id("10.9.0.4").port(8000).availability_zone("eu-west-1a");
            let call = live.stack.account.elb.register_targets().target_group_arn(&live.groups["picky"]);
            wait_for(call.targets(target.build()).send()).unwrap();
        }),
    ]);
    cases
}

#[test]
fn what_few_stacks_have() {
    let stack = prepared();
    trust_store(&stack, "partners");
    trust_store(&stack, "others");
    stack.apply();
    run_on(&stack, cases());
}

#[test]
fn a_trust_store_is_found_by_its_name_or_the_candidates_are_named() {
    let stack = prepared();
    stack.account.run(&["plan"]).exits(1).says("there is no trust store named partners").says("there is none");
    trust_store(&stack, "partner");
    trust_store(&stack, "others");
    stack
        .account
        .run(&["plan"])
        .exits(1)
        .says("no trust store named partners")
        .says("there are: ")
        .says("others, partner");
}

#[test]
fn a_list_of_trust_stores_that_is_denied_is_a_gap() {
    let stack = prepared();
    let partners = trust_store(&stack, "partners");
    let proxy = proxy();
    proxy.on("DescribeTrustStores").deny();
    let plan = stack.account.behind(&proxy).args(["plan"]).run().exits(4);
    assert!(plan.stdout.contains("DescribeTrustStores"), "{}", plan.all());
    // an ARN needs no list
    stack.edit("verify: partners", &format!("verify: \"{partners}\""));
    proxy.calm();
    stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(0);
    assert_eq!(proxy.count("DescribeTrustStores"), 0);
    super::clean(&stack).unwrap();
}

#[test]
fn a_reservation_that_is_under_way_holds_the_next_one_and_nothing_else() {
    let stack = prepared();
    trust_store(&stack, "partners");
    stack.apply();
    let hold = |pending: bool| {
        let body = serde_json::json!({ "account": stack.account.id, "region": REGION, "pending": pending });
        control("PUT", "/_no502/capacity", &body);
    };
    hold(true);
    stack.edit("minimum_capacity: 200", "minimum_capacity: 300");
    stack.edit("idle_timeout: 60s", "idle_timeout: 50s");
    let proxy = proxy();
    let apply = stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(2);
    assert!(apply.stdout.contains("still providing the capacity"), "{}", apply.all());
    assert_eq!(proxy.count("ModifyCapacityReservation"), 0);
    assert_eq!(proxy.count("ModifyLoadBalancerAttributes"), 1);
    hold(false);
    stack.account.run(&["apply", "--yes"]).exits(0);
    super::clean(&stack).unwrap();
}
