//! How load balancers come to answer 502, from the first call that broke them to the plan that is empty again.
//!
//! Each scenario makes a live state by plain AWS calls, and says which rules fire, which calls mend it in which order, and
//! what clients get meanwhile.

mod s1_port_and_sg_drift;
mod s2_intermittent_502;
mod s3_https_group_before_plain_backend;
mod s4_widened_matcher;
mod s5_deploy_502s;
mod s6_expired_certificate_shadows_a_fresh_one;
mod s7_blue_green_to_nowhere;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::program::Run;
use crate::support::proxy::Proxy;
use crate::support::{eventually, wait_for};

/// Makes the live state that a scenario begins with.
type Begin = fn() -> Scene;

/// Every scenario, by what makes its live state.
pub const ALL: [(&str, Begin); 9] = [
    ("S1", s1_port_and_sg_drift::begin),
    ("S2", s2_intermittent_502::begin),
    ("S3", s3_https_group_before_plain_backend::begin),
    ("S3, healthy all the same", s3_https_group_before_plain_backend::begin_healthy),
    ("S4, the application mended", s4_widened_matcher::begin_mended),
    ("S5", s5_deploy_502s::begin),
    ("S6", s6_expired_certificate_shadows_a_fresh_one::begin),
    ("S7", s7_blue_green_to_nowhere::begin),
    ("S7, a group that is replaced", s7_blue_green_to_nowhere::begin_replaced),
];

/// The stack that the scenarios begin with: gunicorn on 8000 behind one listener and one rule.
const BASE: &str = r#"version: 1
stack: shop
account: "ACCOUNT"
region: eu-west-1
certificates:
  app: { import: { certificate: ../app.crt, private_key: { file: ../app.key } } }
security_groups:
  alb: { vpc: VPC, description: shop front door, ingress: [ { from: 0.0.0.0/0, ports: [443] } ] }
  app: { existing: true, id: APP_GROUP, ingress: [ { from: alb, ports: [8000], description: "from the ALB" } ] }
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: VPC
    health_check: { path: /api/health/, port: traffic-port, protocol: http, success_codes: "200", interval: 15s, timeout: 5s, healthy_threshold: 2, unhealthy_threshold: 2 }
    deregistration_delay: 60s
    targets: [ "10.0.1.10", "10.0.2.10" ]
    backend: { server: gunicorn, keep_alive: 75s, slowest_request: 30s }
load_balancers:
  web:
    scheme: internet-facing
    vpc: VPC
    subnets: [ { tags: { tier: public } } ]
    security_groups: [ alb ]
    idle_timeout: 60s
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { fixed_response: { status: 404 } }
        rules:
          api: { priority: 10, when: { path: ["/api/*"] }, forward: django }
"#;

/// Gates look every half second; requests under way have two seconds to end.
pub const APPLY: [&str; 6] = ["apply", "--yes", "--settle", "2s", "--gate-timeout", "30s"];

/// A stack, and a proxy that counts what is done to it.
pub struct Scene {
    pub stack: Stack,
    proxy: Proxy,
}

impl Scene {
    /// The stack of this file, applied.
    fn of(file: &str) -> Self {
        let scene = Self { stack: Stack::prepared(), proxy: proxy() };
        let works = json!({ "/api/health/": 200, "*": 404 });
        scene.answers(&["10.0.1.10", "10.0.2.10", "10.0.1.30"], &works);
        scene.write(file);
        scene.stack.apply();
        scene.is_settled();
        scene
    }

    /// What the applications on these addresses answer: on port 8000, in plain HTTP.
    fn answers(&self, addresses: &[&str], answers: &Value) {
        let one = |address: &&str| {
            let script = json!({ "protocol": "HTTP", "port": 8000, "answers": answers });
            [8000, 8001, 80].map(|port| (format!("{address}:{port}"), script.clone()))
        };
        self.stack.account.script_health(&Value::Object(addresses.iter().flat_map(one).collect()));
    }

    /// The desired file.
    fn write(&self, file: &str) {
        let stack = &self.stack;
        let text = file.replace("ACCOUNT", &stack.account.id).replace("APP_GROUP", &stack.app_group);
        stack.account.write("desired/shop.yaml", text.replace("VPC", &stack.vpc));
    }

    fn live(&self) -> Live<'_> {
        Live::of(&self.stack)
    }

    /// The plan as JSON.
    fn plan(&self) -> Run {
        self.stack.plan()
    }

    /// The rules that fire now, with what they are about: these, and no other.
    #[track_caller]
    fn fires(&self, expected: &[(&str, &str)]) -> Run {
        let plan = self.plan();
        let json = plan.json();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let findings = json["findings"].as_array().unwrap().iter();
        let mut fired: Vec<_> = findings.map(|f| (text(f, "rule"), text(f, "address"))).collect();
        fired.sort();
        let mut expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        expected.sort();
        assert_eq!(fired, expected, "{:#}", json["findings"]);
        plan
    }

    /// Applies, counted.
    fn apply(&self) -> Run {
        self.proxy.calm();
        self.stack.account.behind(&self.proxy).args(APPLY).run()
    }

    /// The writes of the last apply in their order, marks aside.
    fn writes(&self) -> Vec<String> {
        let writes = self.proxy.writes().into_iter();
        writes.filter(|write| !["AddTags", "CreateTags", "AddTagsToCertificate"].contains(&write.as_str())).collect()
    }

    /// Nothing is left to do, and no client sees an error.
    #[track_caller]
    fn is_mended(&self) {
        let plan = self.plan().exits(0).json();
        assert_eq!(plan["steps"], json!([]), "an empty second plan");
        assert_eq!(plan["held"], json!([]));
        let findings = plan["findings"].as_array().unwrap();
        let bad = findings.iter().find(|f| matches!(f["severity"].as_str(), Some("high" | "critical")));
        assert_eq!(bad, None);
    }

    /// The targets of a group with their states.
    fn health(&self, group: &str) -> BTreeMap<String, String> {
        let elb = &self.stack.account.elb;
        let arn = wait_for(elb.describe_target_groups().names(group).send()).unwrap().target_groups()[0].clone();
        let call = elb.describe_target_health().set_target_group_arn(arn.target_group_arn);
        let health = wait_for(call.send()).unwrap();
        let one = |of: &aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription| {
            let target = of.target()?;
            let label = format!("{}:{}", target.id()?, target.port()?);
            Some((label, of.target_health()?.state()?.as_str().to_owned()))
        };
        health.target_health_descriptions().iter().filter_map(one).collect()
    }

    /// Waits until AWS knows of every target whether it is healthy, and none drains.
    fn is_settled(&self) {
        let groups = wait_for(self.stack.account.elb.describe_target_groups().send()).unwrap();
        for group in groups.target_groups().iter().filter(|group| !group.load_balancer_arns().is_empty()) {
            eventually("the targets' health is known", Duration::from_secs(60), || {
                let health = self.health(group.target_group_name().unwrap());
                health.values().all(|state| matches!(state.as_str(), "healthy" | "unhealthy")).then_some(())
            });
        }
    }

    /// What clients of the rule get: the weight of groups with a healthy target, and of those without one.
    /// `None` if the rule moved meanwhile.
    fn serving(&self, rule: &str) -> Option<Serving> {
        let elb = &self.stack.account.elb;
        let weights = || {
            let found = wait_for(elb.describe_rules().rule_arns(rule).send()).unwrap();
            let action = found.rules()[0].actions()[0].clone();
            let groups = action.forward_config.and_then(|config| config.target_groups).unwrap_or_default();
            let groups = groups.into_iter().map(|group| (group.target_group_arn.unwrap(), group.weight.unwrap_or(1)));
            groups.collect::<BTreeMap<String, i32>>()
        };
        let before = weights();
        let mut serving = Serving::default();
        for (group, weight) in before.iter().filter(|(_, weight)| **weight > 0) {
            let health = wait_for(elb.describe_target_health().target_group_arn(group).send()).ok()?;
            let targets = health.target_health_descriptions();
            let is = |of: &str| {
                targets.iter().any(|t| t.target_health().and_then(|h| h.state()?.as_str().into()) == Some(of))
            };
            match (is("healthy"), targets.is_empty()) {
                (true, _) => serving.healthy += weight,
                (false, true) => serving.empty += weight,
                (false, false) => serving.failing += weight,
            }
        }
        (weights() == before).then_some(serving)
    }

    /// Does something, and looks all the time at what clients of the rule get.
    fn watched<T>(&self, rule: &str, work: impl FnOnce() -> T) -> (T, Vec<Serving>) {
        let is_over = AtomicBool::new(false);
        let seen = Mutex::new(Vec::new());
        let done = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    seen.lock().unwrap().extend(self.serving(rule));
                    wait_for(async { tokio::time::sleep(Duration::from_millis(20)).await });
                }
            });
            let done = work();
            is_over.store(true, Ordering::SeqCst);
            watcher.join().unwrap();
            done
        });
        let seen = seen.into_inner().unwrap();
        assert!(seen.len() > 10, "{} looks are too few", seen.len());
        (done, seen)
    }
}

/// What clients of a rule get, by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Serving {
    /// Of groups with a healthy target.
    healthy: i32,
    /// Of groups whose targets all fail: 502 and 504, or an answer by luck.
    failing: i32,
    /// Of groups without targets: 503.
    empty: i32,
}

/// A place in the order of writes.
#[track_caller]
fn place(writes: &[String], call: &str) -> usize {
    writes.iter().position(|write| write == call).unwrap_or_else(|| panic!("no {call} in {writes:?}"))
}

/// These writes and no others, each after those before it.
#[track_caller]
fn in_order(writes: &[String], expected: &[&str]) {
    assert_eq!(writes, expected, "the writes and their order");
}

/// A file with one text exchanged for another.
#[track_caller]
fn edited(file: &str, from: &str, to: &str) -> String {
    assert_eq!(file.matches(from).count(), 1, "`{from}` is not there once");
    file.replace(from, to)
}

/// The addresses and fields that differ.
fn differing(plan: &Value) -> BTreeSet<String> {
    let changes = plan["changes"].as_array().unwrap().iter().filter(|change| change["action"] != "none");
    changes.map(|change| change["address"].as_str().unwrap().to_owned()).collect()
}
