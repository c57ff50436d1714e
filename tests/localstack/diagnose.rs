//! `diagnose` on LocalStack: each rule that no502 mends by itself, from its own bad situation to silence; what the
//! program does with names, files and gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, ForwardActionConfig, Tag, TargetGroupTuple};
use no502::model::tag::APPLIED_TAG;
use no502::rules::situation::laid_over;
use no502::rules::{ALL, FixClass, Need, Rule, Situation};
use serde_json::{Value, json};

use super::stack::{NAMES, Stack, named_network, self_signed};
use crate::support::account::{Account, proxy};
use crate::support::localstack::put_metric;
use crate::support::wait_for;

/// The certificates of situations: their first names and what covers them.
const CERTIFICATES: [(&str, &[&str]); 3] = [
    ("shop.example.com", &NAMES),
    ("other.example.org", &["other.example.org"]),
    ("partner.example.org", &["partner.example.org"]),
];

/// Rules are tried so many at a time.
const SIDE_BY_SIDE: usize = 3;

/// The rules that `apply` mends unasked, as far as the live state decides them.
fn automatic() -> Vec<&'static Rule> {
    let seen = |rule: &Rule| !rule.needs.iter().any(|n| matches!(n, Need::Probe | Need::Metrics | Need::Logs));
    ALL.iter().copied().filter(|rule| rule.fix == FixClass::Automatic && seen(rule)).collect()
}

/// An account with the network that situations take for granted.
struct Place {
    account: Account,
    /// A security group that lets HTTP and HTTPS in and everything out.
    group: String,
}

impl Place {
    fn new() -> Self {
        let account = Account::new();
        named_network(&account);
        for (name, names) in CERTIFICATES {
            let pem = self_signed(names);
            account.write(&format!("{name}.crt"), &pem.certificate);
            account.write(&format!("{name}.key"), &pem.key);
        }
        let group = wait_for(async {
            let vpcs = account.ec2.describe_vpcs().send().await.unwrap();
            let named = |vpc: &&aws_sdk_ec2::types::Vpc| vpc.tags().iter().any(|t| t.value() == Some("main"));
            let vpc = vpcs.vpcs().iter().find(named).unwrap().vpc_id().unwrap().to_owned();
            let made =
                account.ec2.create_security_group().vpc_id(vpc).group_name("any").description("any").send().await;
            let group = made.unwrap().group_id.unwrap();
            for port in [80, 443] {
                let admit = account.ec2.authorize_security_group_ingress().group_id(&group).ip_protocol("tcp");
                admit.from_port(port).to_port(port).cidr_ip("0.0.0.0/0").send().await.unwrap();
            }
            group
        });
        Self { account, group }
    }

    /// Writes a situation's files with the names that are there.
    fn write(&self, file: &str, text: &str) {
        let head = format!("version: 1\nstack: shop\naccount: \"{}\"\nregion: eu-west-1\n", self.account.id);
        let mut text = text
            .replace("[subnet-a, subnet-b]", "[ { tags: { tier: public } } ]")
            .replace("sg-0123456789abcdef0", &self.group);
        for (name, _) in CERTIFICATES {
            // nobody puts a validation record into DNS here
            let imported = format!("{{ import: {{ certificate: {name}.crt, private_key: {{ file: {name}.key }} }} }}");
            text = text.replace(&format!("{{ domain: {name}, validation: dns }}"), &imported);
        }
        if !text.contains("targets:") {
            // that a group is empty would be a finding of its own
            text = text.replace("target_type: ip\n", "target_type: ip\n    targets: [\"10.0.1.10\"]\n");
        }
        self.account.write(file, head + &text);
    }

    /// Interfaces for the targets whose security groups a situation names.
    fn interfaces(&self, situation: &Situation) {
        wait_for(async {
            let groups = self.account.ec2.describe_security_groups().send().await.unwrap();
            let subnets = self.account.ec2.describe_subnets().send().await.unwrap();
            for (ip, names) in situation.interfaces {
                let network = ip.rsplit_once('.').unwrap().0;
                let within = |s: &&aws_sdk_ec2::types::Subnet| s.cidr_block().is_some_and(|c| c.starts_with(network));
                let subnet = subnets.subnets().iter().find(within).unwrap().subnet_id().unwrap();
                let interface = self.account.ec2.create_network_interface().subnet_id(subnet).private_ip_address(*ip);
                let id = |name: &str| {
                    let found = groups.security_groups().iter().find(|g| g.group_name() == Some(name));
                    found.unwrap().group_id().unwrap().to_owned()
                };
                let ids = names.iter().map(|name| id(name)).collect();
                interface.set_groups(Some(ids)).send().await.unwrap();
            }
        });
    }

    /// What AWS says of the targets from now on.
    fn health(&self, situation: &Situation, healthy: bool) {
        let script = |h: &no502::rules::Health| {
            let name = h.target.split_once('/').unwrap().1.to_owned();
            let bad = json!({ "state": h.state, "reason": h.reason, "description": h.description });
            (name, if healthy { json!({ "state": "healthy" }) } else { bad })
        };
        let scripts: serde_json::Map<String, Value> = situation.health.iter().map(script).collect();
        self.account.script_health(&Value::Object(scripts));
    }

    /// The bad situation, as somebody makes it who edits AWS and knows nothing of the tags: what was stamped last is
    /// what the files say.
    fn drift_into(&self, bad: &str) {
        let stamped = wait_for(stamps(&self.account.elb));
        self.account.run(&["apply", "--yes", bad]).exits(0);
        wait_for(async {
            for (arn, now) in stamps(&self.account.elb).await {
                let Some(then) = stamped.get(&arn).filter(|then| **then != now) else { continue };
                let tag = Tag::builder().key(APPLIED_TAG).value(then).build();
                self.account.elb.add_tags().resource_arns(arn).tags(tag).send().await.unwrap();
            }
        });
    }

    /// All requests go to one of two groups, which no apply does while it is empty.
    fn flip_weights(&self, to: &str) {
        wait_for(async {
            let elb = &self.account.elb;
            let groups = elb.describe_target_groups().send().await.unwrap();
            let weights = groups.target_groups().iter().map(|group| {
                let weight = if group.target_group_name() == Some(to) { 100 } else { 0 };
                TargetGroupTuple::builder().set_target_group_arn(group.target_group_arn.clone()).weight(weight).build()
            });
            let forward = ForwardActionConfig::builder().set_target_groups(Some(weights.collect())).build();
            let action = Action::builder().r#type(ActionTypeEnum::Forward).forward_config(forward).build();
            let balancer = groups.target_groups().iter().find_map(|g| g.load_balancer_arns().first().cloned());
            let listeners = elb.describe_listeners().set_load_balancer_arn(balancer).send().await.unwrap();
            let listener = listeners.listeners()[0].listener_arn().unwrap();
            elb.modify_listener().listener_arn(listener).default_actions(action).send().await.unwrap();
        });
    }

    fn findings(&self) -> Vec<Value> {
        let args = ["diagnose", "--desired", "mended.yaml", "--format", "json", "--fail-on", "never"];
        let document = self.account.run(&args).exits(0).json();
        document["findings"].as_array().unwrap().clone()
    }
}

/// What the state tags of load balancers, target groups, listeners and rules say, by ARN.
async fn stamps(elb: &aws_sdk_elasticloadbalancingv2::Client) -> BTreeMap<String, String> {
    let groups = elb.describe_target_groups().send().await.unwrap();
    let mut arns: Vec<String> = groups.target_groups().iter().filter_map(|g| g.target_group_arn.clone()).collect();
    let balancers = elb.describe_load_balancers().send().await.unwrap();
    for balancer in balancers.load_balancers().iter().filter_map(|lb| lb.load_balancer_arn()) {
        arns.push(balancer.to_owned());
        let listeners = elb.describe_listeners().load_balancer_arn(balancer).send().await.unwrap();
        for listener in listeners.listeners().iter().filter_map(|l| l.listener_arn()) {
            arns.push(listener.to_owned());
            let rules = elb.describe_rules().listener_arn(listener).send().await.unwrap();
            let own = rules.rules().iter().filter(|rule| rule.is_default() != Some(true));
            arns.extend(own.filter_map(|rule| rule.rule_arn.clone()));
        }
    }
    let mut stamps = BTreeMap::new();
    for some in arns.chunks(20) {
        let tags = elb.describe_tags().set_resource_arns(Some(some.to_vec())).send().await.unwrap();
        for of in tags.tag_descriptions() {
            let stamp = of.tags().iter().find(|tag| tag.key() == Some(APPLIED_TAG));
            let stamp = stamp.and_then(|tag| Some((of.resource_arn.clone()?, tag.value.clone()?)));
            stamps.extend(stamp);
        }
    }
    stamps
}

fn ids(findings: &[Value]) -> BTreeSet<String> {
    findings.iter().map(|f| f["id"].as_str().unwrap().to_owned()).collect()
}

/// From a rule's bad situation to silence.
fn case(rule: &Rule) {
    let (bad, place) = (&rule.bad, Place::new());
    place.write("bad.yaml", &laid_over(bad.desired, bad.live));
    // where the files themselves are wrong, other files mend it
    place.write("mended.yaml", if bad.live.is_empty() { rule.good.desired } else { bad.desired });
    place.health(bad, true);
    if bad.live.is_empty() {
        place.account.run(&["apply", "--yes", "bad.yaml"]).exits(0);
    } else {
        place.account.run(&["apply", "--yes", "mended.yaml"]).exits(0);
        if rule.code == "E803" { place.flip_weights("green") } else { place.drift_into("bad.yaml") }
    }
    place.interfaces(bad);
    place.health(bad, false);

    let before = place.findings();
    let found: Vec<&Value> = before.iter().filter(|f| f["rule"] == rule.code).collect();
    assert!(!found.is_empty(), "{} is not found\n{before:#?}", rule.code);
    for finding in &found {
        assert!(finding["evidence"].as_object().is_some_and(|e| !e.is_empty()), "{finding:#?}");
        if !bad.live.is_empty() {
            assert_eq!(finding["mended_by"], "apply", "{finding:#?}");
        }
    }
    // a rule that takes AWS's word for it says which
    let takes = rule.needs.contains(&Need::Health);
    for health in bad.health.iter().filter(|h| takes && !h.reason.is_empty()) {
        let said = before.iter().any(|f| f["evidence"].to_string().contains(health.reason));
        assert!(said, "{} does not cite {}\n{before:#?}", rule.code, health.reason);
    }
    place.health(bad, true);
    place.account.run(&["apply", "--yes", "mended.yaml"]).exits(0);
    let after = place.findings();
    assert!(after.iter().all(|f| f["rule"] != rule.code), "{} is still found\n{after:#?}", rule.code);
    let loud: Vec<&Value> = after.iter().filter(|f| f["severity"] != "info").collect();
    assert!(loud.is_empty(), "{}: diagnose is not silent\n{loud:#?}", rule.code);
    let new: BTreeSet<String> = ids(&after).difference(&ids(&before)).cloned().collect();
    assert!(new.is_empty(), "{}: apply brought {new:?}", rule.code);
}

#[test]
fn each_automatic_rule_is_found_mended_and_silent() {
    let (left, failed) = (Mutex::new(automatic()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(rule) = left.lock().unwrap().pop() else {
                        return;
                    };
                    if std::panic::catch_unwind(|| case(rule)).is_err() {
                        failed.lock().unwrap().push(rule.code);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:?}: see above");
}

#[test]
fn load_balancers_are_known_by_name() {
    let stack = Stack::applied();
    let run = |args: &[&str]| stack.account.run(args);
    run(&["diagnose", "webb"]).exits(1).says("there is no Application Load Balancer `webb`").says("did you mean web?");
    let all = run(&["diagnose", "--format", "json", "--fail-on", "never"]).exits(0).json();
    let one = run(&["diagnose", "web", "--format", "json", "--fail-on", "never"]).exits(0).json();
    assert_eq!((&all["load_balancers"], &all["findings"]), (&one["load_balancers"], &one["findings"]));
    assert_eq!(one["load_balancers"][0]["address"], "load_balancer/web");
    let empty = Account::new();
    empty.run(&["diagnose"]).exits(1).says("there is no Application Load Balancer");
}

#[test]
fn nothing_is_written_and_gaps_are_no_silence() {
    let stack = Stack::applied();
    let proxy = proxy();
    stack.account.behind(&proxy).args(["diagnose", "--desired", "desired", "--fail-on", "never"]).run().exits(0);
    assert_eq!(proxy.writes(), Vec::<String>::new());
    proxy.calm();
    proxy.on("DescribeRules").deny();
    let run = stack.account.behind(&proxy).args(["diagnose", "--fail-on", "never"]).run().exits(4);
    assert!(run.stdout.contains("Could not read") && run.stdout.contains("DescribeRules"), "{}", run.all());
    // what only rules miss leaves the view complete
    proxy.calm();
    proxy.on("DescribeNetworkInterfaces").deny();
    let run = stack.account.behind(&proxy).args(["diagnose", "--fail-on", "never", "--format", "json"]).run().exits(0);
    assert!(run.json()["not_checked"].as_array().unwrap().iter().any(|n| n["rule"] == "E501"), "{}", run.all());
}

#[test]
fn files_of_what_is_not_there_are_an_error() {
    let stack = Stack::prepared();
    stack.account.run(&["diagnose", "--desired", "desired"]).exits(1).says("no502 plan");
    stack.account.run(&["diagnose", "--desired", "nowhere"]).exits(1).says("nowhere");
}

#[test]
fn access_logs_are_read_beside_it() {
    let stack = Stack::applied();
    let groups = wait_for(stack.account.elb.describe_target_groups().send()).unwrap();
    let arn = |name: &str| {
        let group = groups.target_groups().iter().find(|g| g.target_group_name() == Some(name));
        group.unwrap().target_group_arn().unwrap().to_owned()
    };
    let balancer = groups.target_groups().iter().find_map(|g| g.load_balancer_arns().first().cloned()).unwrap();
    let balancer = balancer.split_once(":loadbalancer/").unwrap().1;
    let line = format!(
        "https 2026-11-22T09:00:01.123456Z {balancer} 203.0.113.7:46532 10.0.1.10:8000 0.000 30.004 -1 502 - 34 366 \"GET \
         https://a/ HTTP/1.1\" \"curl\" - - {} \"Root=1\" \"shop.example.com\" \"-\" 30 2026-11-22T09:00:01.0Z \"forward\" \"-\" \"-\"\n",
        arn("django")
    );
    stack.account.write("web.log", line.repeat(40) + "nonsense\n");
    let run = stack.account.run(&["diagnose", "web", "--access-logs", "web.log", "--format", "json"]).exits(3).json();
    let cut = run["findings"].as_array().unwrap().iter().find(|f| f["rule"] == "E407").unwrap();
    assert_eq!((&cut["address"], &cut["likelihood"]), (&"target_group/django".into(), &1.0.into()), "{cut:#?}");
    assert!(cut["title"].as_str().unwrap().contains("after 30 s"), "{cut:#?}");
    assert_eq!((&run["traffic"]["logs"]["lines"], &run["traffic"]["logs"]["malformed"]), (&40.into(), &1.into()));
    stack.account.run(&["diagnose", "web", "--access-logs", "none.log"]).exits(1).says("none.log");
    stack.account.write("other.log", "nonsense\n");
    stack.account.run(&["diagnose", "web", "--access-logs", "other.log"]).exits(1).says("no entry of an access log");
}

#[test]
fn metrics_are_read_beside_it() {
    let stack = Stack::applied();
    let account = &stack.account;
    let groups = wait_for(account.elb.describe_target_groups().send()).unwrap();
    let group = groups.target_groups().iter().find(|g| g.target_group_name() == Some("django")).unwrap();
    let (_, group_name) = group.target_group_arn().unwrap().rsplit_once(':').unwrap();
    let (_, balancer) = group.load_balancer_arns()[0].split_once(":loadbalancer/").unwrap();
    let of_balancer = [("LoadBalancer", balancer)];
    let of_group = [("LoadBalancer", balancer), ("TargetGroup", group_name)];
    for (metric, value) in [
        ("RequestCount", 5_000),
        ("HTTPCode_ELB_5XX_Count", 43),
        ("HTTPCode_ELB_502_Count", 40),
        ("HTTPCode_ELB_504_Count", 3),
    ] {
        put_metric(&account.id, metric, &of_balancer, value);
    }
    for (metric, value) in [("RequestCount", 4_000), ("TargetConnectionErrorCount", 40)] {
        put_metric(&account.id, metric, &of_group, value);
    }
    let args = ["diagnose", "web", "--metrics", "1h", "--fail-on", "never"];
    let run = account.run(&[&args[..], &["--format", "json"]].concat()).exits(0).json();
    assert_eq!(
        (&run["traffic"]["metrics"], &run["api_calls"]["by_operation"]["GetMetricData"]),
        (&3600.into(), &1.into())
    );
    let counted = &run["traffic"]["counted"];
    assert_eq!(counted["target_group/django"]["metrics"]["TargetConnectionErrorCount"], 40.0);
    assert_eq!(counted["load_balancer/web"]["metrics"]["HTTPCode_ELB_503_Count"], 0.0, "no value is a zero");
    let measured = run["traffic"]["measured"].as_array().unwrap();
    let failed = measured.iter().find(|m| m["metric"] == "TargetConnectionErrorCount").unwrap();
    assert_eq!((&failed["count"], &failed["mostly"]), (&40.into(), &"target_group/django".into()));
    let text = account.run(&args).exits(0);
    let expected = "metrics of the last 1 h: 5000 requests: 43 × 5xx made by the load balancer, 0 × by targets";
    assert!(text.stdout.contains(expected), "{}", text.stdout);
    assert!(
        text.stdout.contains("40 × connections to targets that failed, mostly target_group/django"),
        "{}",
        text.stdout
    );
    // who may not ask is told so, and all else is judged
    let proxy = proxy();
    proxy.on("GetMetricData").deny();
    let denied = account.behind(&proxy).args(args).args(["--format", "json"]).run().exits(0).json();
    let gap = denied["gaps"].as_array().unwrap().iter().find(|gap| gap["what"] == "CloudWatch metrics").unwrap();
    assert_eq!(gap["needed_for"], "rules", "{gap}");
    assert_eq!((&denied["complete"], &denied["traffic"]), (&true.into(), &Value::Null));
    let missed = |run: &Value| {
        let lacks = |n: &Value| n["rule"] == "E104" && n["needs"].to_string().contains("metrics");
        run["not_checked"].as_array().unwrap().iter().any(lacks)
    };
    assert!(missed(&denied) && !missed(&run));
    account.run(&["diagnose", "--metrics", "30d"]).exits(1).says("1h");
}
