//! Reports: what an operator and a script read, from the example stack after a bad night.

mod closing;
mod diagnose;
mod formats;
mod json;
mod problem;
mod since;
mod text;
mod thousand;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use no502::cloud::{ApiCalls, CertificateFacts, Facts, Interface, Snapshot, Subnet, Vpc};
use no502::desired::{Inputs, Resolved, load};
use no502::model::kind::{Action, Certificate, Forward};
use no502::model::value::{KeyAlgorithm, Protocol};
use no502::model::{HealthState, Id, Link, Spec, TargetHealth};
use no502::plan::Plan;
use no502::report::View;

use crate::offline::{applied, planned};
use crate::support::fake::Fake;

/// The example stack of `desired/`.
fn shop() -> Resolved {
    let paths = vec![PathBuf::from("desired/shop.yaml")];
    match load(&Inputs { paths, stdin: None, variables: BTreeMap::new(), secrets: &|_, _| None, now: None }) {
        Ok((resolved, _)) => resolved,
        Err(problems) => panic!("{:#?}", problems.list),
    }
}

fn certificate(snapshot: &mut Snapshot, id: &str, names: &[&str]) -> Id {
    let id = Id(format!("arn:aws:acm:eu-west-1:000000000000:certificate/{id}"));
    let spec = Certificate {
        domain: Some(names[0].to_owned()),
        names: Some(names.iter().map(|n| (*n).to_owned()).collect()),
        key_algorithm: Some(KeyAlgorithm::Rsa2048),
        ..Certificate::default()
    };
    let facts = CertificateFacts { status: "ISSUED".into(), ..CertificateFacts::default() };
    snapshot.insert(id.clone(), spec, Facts::Certificate(facts));
    id
}

/// An account with the network and the certificate that the example stack stands on.
fn account() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let vpc = Id("vpc-0a1b2c3d".into());
    let tags = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    snapshot.vpcs.insert(vpc.clone(), Vpc { tags: tags(&[("Name", "main")]), ipv6: false });
    for (index, zone) in ["a", "b"].into_iter().enumerate() {
        let subnet = Subnet {
            vpc: Some(vpc.clone()),
            zone: format!("eu-west-1{zone}"),
            cidr: format!("10.0.{}.0/24", index + 101),
            tags: tags(&[("tier", "public")]),
            ..Subnet::default()
        };
        snapshot.subnets.insert(Id(format!("subnet-0a1b2c3{index}")), subnet);
    }
    certificate(&mut snapshot, "app", &["shop.example.com", "*.shop.example.com"]);
    snapshot
}

fn arn(snapshot: &Snapshot, group: &str) -> Id {
    snapshot.target_groups().find(|(_, g)| g.name == group).unwrap().0.clone()
}

/// What hands do in a console at night: the drift of `localstack/demo`.
fn drift(snapshot: &mut Snapshot) {
    let other = certificate(snapshot, "old", &["old-shop.example.net"]);
    let groups: BTreeMap<&str, Id> = ["django", "canary", "frontend"].map(|g| (g, arn(snapshot, g))).into();
    for live in snapshot.found.values_mut() {
        match &mut live.spec {
            Spec::TargetGroup(group) => match group.name.as_str() {
                "django" => {
                    group.health_check.path = Some("/health".into());
                    group.attributes.insert("deregistration_delay.timeout_seconds".into(), "5".into());
                }
                "canary" => group.health_check.protocol = Some(Protocol::Https),
                _ => {}
            },
            Spec::SecurityGroup(group) if group.name == "app" => {
                group.ingress.as_mut().unwrap().retain(|rule| rule.ports != Some((80, 80)));
            }
            Spec::LoadBalancer(lb) => {
                lb.attributes.insert("idle_timeout.timeout_seconds".into(), "120".into());
                lb.attributes.insert("routing.http.drop_invalid_header_fields.enabled".into(), "false".into());
            }
            Spec::Listener(listener) if listener.port == 80 => {
                listener.default = Some(Action::Forward(Forward::to_one(Link::Id(groups["frontend"].clone()))));
            }
            Spec::Listener(listener) => {
                listener.certificate = Some(Link::Id(other.clone()));
                listener.ssl_policy = Some("ELBSecurityPolicy-2016-08".into());
            }
            Spec::Rule(rule) => match rule.priority {
                Some(10) => rule.priority = Some(40),
                Some(20) => {
                    let to = [("django", 0), ("canary", 100)].map(|(g, weight)| (Link::Id(groups[g].clone()), weight));
                    rule.action = Some(Action::Forward(Forward { to: to.into(), stickiness: None, external: false }));
                }
                Some(30) => rule.when.as_mut().unwrap().path = ["/api/v1/*".to_owned()].into(),
                _ => {}
            },
            Spec::SecurityGroup(_) | Spec::Certificate(_) | Spec::Target(_) => {}
        }
    }
    let gone = Id::target(&groups["django"], "10.0.2.10", Some(8000));
    let mut stranger = snapshot.found.remove(&gone).unwrap();
    let Spec::Target(target) = &mut stranger.spec else { panic!() };
    target.id = "10.0.2.99".into();
    snapshot.found.insert(Id::target(&groups["django"], "10.0.2.99", Some(8000)), stranger);
    sicken(snapshot, &groups);
}

/// What the drift does to the targets' health.
fn sicken(snapshot: &mut Snapshot, groups: &BTreeMap<&str, Id>) {
    let app = snapshot.security_groups().find(|(_, g)| g.name == "app").unwrap().0.clone();
    let mut interfaces = BTreeMap::new();
    for live in snapshot.found.values_mut() {
        let Spec::Target(target) = &live.spec else { continue };
        let group = target.target_group.id().unwrap();
        let (reason, description) = match *groups.iter().find(|(_, id)| *id == group).unwrap().0 {
            "django" => ("Target.ResponseCodeMismatch", Some("Health checks failed with these codes: [404]")),
            "canary" => ("Target.FailedHealthChecks", None),
            _ => ("Target.Timeout", None),
        };
        live.facts = Facts::Target(TargetHealth {
            state: Some(HealthState::Unhealthy),
            reason: Some(reason.into()),
            description: description.map(Into::into),
            ..TargetHealth::default()
        });
        let interface = Interface { id: "eni-1".into(), groups: vec![app.clone()], ..Interface::default() };
        interfaces.insert(target.id.parse().unwrap(), interface);
    }
    snapshot.interfaces = Some(interfaces);
}

/// The example stack, deployed by our own apply.
async fn deployed() -> Arc<Fake> {
    let fake = Arc::new(Fake::with(account()));
    let plan = planned(&fake, &shop()).await;
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, no502::apply::Outcome::Completed);
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Target(health) = &mut live.facts {
                *health = TargetHealth { state: Some(HealthState::Healthy), ..TargetHealth::default() };
            }
        }
    });
    fake
}

/// The plan after the bad night.
async fn drifted() -> Plan {
    let fake = deployed().await;
    fake.edit(drift);
    planned(&fake, &shop()).await
}

fn calls() -> ApiCalls {
    ApiCalls { by_operation: [("DescribeRules".to_owned(), 2), ("DescribeListeners".to_owned(), 1)].into() }
}

fn view<'a>(command: &'a str, plan: &'a Plan, desired: &'a Resolved, calls: &'a ApiCalls) -> View<'a> {
    View { command, plan, desired, api_calls: calls, paths: "" }
}
