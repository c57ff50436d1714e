//! `diagnose` on LocalStack: each rule that no502 mends by itself, from its own bad situation to silence; what the
//! program does with names, files and gaps.

use std::collections::BTreeSet;
use std::sync::Mutex;

use no502::rules::situation::laid_over;
use no502::rules::{ALL, FixClass, Need, Rule, Situation};
use serde_json::{Value, json};

use super::stack::{NAMES, Stack, named_network, self_signed};
use crate::support::account::{Account, proxy};
use crate::support::wait_for;

/// A certificate that is issued at once.
const IMPORTED: &str = "{ import: { certificate: app.crt, private_key: { file: app.key } } }";

/// Rules are tried so many at a time.
const SIDE_BY_SIDE: usize = 3;

/// The rules that `apply` mends unasked, as far as the live state decides them.
fn automatic() -> Vec<&'static Rule> {
    let seen = |rule: &Rule| !rule.needs.iter().any(|n| matches!(n, Need::Probe | Need::Metrics | Need::Logs));
    let deployed = |rule: &Rule| !AS_TEXT_ONLY.iter().any(|(code, _)| *code == rule.code);
    ALL.iter().copied().filter(|rule| rule.fix == FixClass::Automatic && seen(rule) && deployed(rule)).collect()
}

/// Rules whose situation is not one to deploy, and why; what they find and mend is tested on the simulation only.
const AS_TEXT_ONLY: [(&str, &str); 10] = [
    ("E502", "the check's own port that it is about stays a finding"),
    ("E503", "LocalStack does not show the egress of its situation"),
    ("E607", "its certificates wait for their DNS records"),
    ("E608", "its certificates wait for their DNS records"),
    ("E803", "it names the weights to declare, and leaves them to the files"),
    ("E805", "its group has no targets, which is a finding as well"),
    ("E806", "its group has no targets, which is a finding as well"),
    ("E809", "files that are applied by turns are pending, and it tells drift"),
    ("E814", "files that are applied by turns are pending, and it tells drift"),
    ("E907", "what is left of it after an apply is a finding of the files"),
];

#[test]
fn what_is_not_deployed_is_an_automatic_rule() {
    for (code, _) in AS_TEXT_ONLY {
        assert_eq!(no502::rules::find(code).map(|rule| rule.fix), Some(FixClass::Automatic), "{code}");
    }
}

/// An account with the network that situations take for granted.
struct Place {
    account: Account,
    /// A security group that lets everything out.
    group: String,
}

impl Place {
    fn new() -> Self {
        let account = Account::new();
        named_network(&account);
        let pem = self_signed(&NAMES);
        account.write("app.crt", &pem.certificate);
        account.write("app.key", &pem.key);
        let group = wait_for(async {
            let vpcs = account.ec2.describe_vpcs().send().await.unwrap();
            let named = |vpc: &&aws_sdk_ec2::types::Vpc| vpc.tags().iter().any(|t| t.value() == Some("main"));
            let vpc = vpcs.vpcs().iter().find(named).unwrap().vpc_id().unwrap().to_owned();
            let made =
                account.ec2.create_security_group().vpc_id(vpc).group_name("any").description("any").send().await;
            made.unwrap().group_id.unwrap()
        });
        Self { account, group }
    }

    /// Writes a situation's files with the names that are there.
    fn write(&self, file: &str, text: &str) {
        let head = format!("version: 1\nstack: shop\naccount: \"{}\"\nregion: eu-west-1\n", self.account.id);
        let text = text
            .replace("[subnet-a, subnet-b]", "[ { tags: { tier: public } } ]")
            .replace("sg-0123456789abcdef0", &self.group)
            // nobody puts a validation record into DNS here
            .replace("{ domain: shop.example.com, validation: dns }", IMPORTED);
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

    fn findings(&self) -> Vec<Value> {
        let args = ["diagnose", "--desired", "mended.yaml", "--format", "json", "--fail-on", "never"];
        let document = self.account.run(&args).exits(0).json();
        document["findings"].as_array().unwrap().clone()
    }
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
    place.account.run(&["apply", "--yes", "bad.yaml"]).exits(0);
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
