//! Plan and apply on the fake cloud: no network, no waiting. After every apply the plan must be empty.

mod apply;
mod asked;
mod certificate;
mod crash;
mod estates;
mod evidence;
mod export;
mod fields;
mod gone;
mod groups;
mod hidden;
mod interrupt;
mod leaving;
mod lock;
mod login;
mod order;
mod ownership;
mod propose;
mod radius;
mod recognised;
mod renamed;
mod resumed;
mod rollback;
mod swap;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use no502::apply::{Event, Observer, Run, Settings, Work, run};
use no502::cloud::{Read as _, Snapshot, Subnet, Vpc};
use no502::desired::{Inputs, Resolved, load};
use no502::diff::scope;
use no502::model::Id;
use no502::plan::{Options, Plan, plan};
use tokio::sync::watch;

use crate::support::fake::{Fake, identity};

const HEAD: &str = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\n";

/// The stack of the offline tests: one group, one load balancer, two listeners, two rules.
pub const STACK: &str = r#"
certificates:
  app: { domain: shop.example.com }
security_groups:
  alb: { vpc: vpc-0a1b2c3d, description: front, ingress: [{ from: 0.0.0.0/0, ports: [80, 443] }] }
  app: { vpc: vpc-0a1b2c3d, description: app, ingress: [{ from: alb, ports: [8000] }] }
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: vpc-0a1b2c3d
    health_check: { path: /api/health/, interval: 15s, timeout: 5s, success_codes: "200" }
    deregistration_delay: 30s
    targets: ["10.0.1.10", "10.0.2.10"]
load_balancers:
  web:
    subnets: [subnet-0a1b2c31, subnet-0a1b2c32]
    security_groups: [alb]
    idle_timeout: 60s
    listeners:
      80:
        protocol: http
        default: { redirect: { protocol: https, port: 443, status: 301 } }
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { fixed_response: { status: 404 } }
        rules:
          api: { priority: 10, when: { path: ["/api/*"] }, forward: django }
          old: { priority: 20, when: { path: ["/old/*"] }, redirect: { path: "/new/", status: 302 } }
"#;

/// The meaning of a desired file without its head.
pub fn desired(body: &str) -> Resolved {
    let inputs = Inputs {
        paths: vec![PathBuf::from("-")],
        stdin: Some(format!("{HEAD}{body}").into_bytes()),
        variables: BTreeMap::new(),
        secrets: &|_, _| None,
        now: None,
    };
    match load(&inputs) {
        Ok((resolved, _)) => resolved,
        Err(problems) => panic!("{:#?}", problems.list),
    }
}

/// An account with a VPC and two subnets.
pub fn empty_account() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let vpc = Id("vpc-0a1b2c3d".into());
    snapshot.vpcs.insert(vpc.clone(), Vpc::default());
    for (index, id) in ["subnet-0a1b2c31", "subnet-0a1b2c32"].into_iter().enumerate() {
        let subnet = Subnet {
            vpc: Some(vpc.clone()),
            zone: format!("eu-west-1{}", ['a', 'b'][index]),
            cidr: format!("10.0.{}.0/24", index + 1),
            tags: BTreeMap::new(),
            ..Subnet::default()
        };
        snapshot.subnets.insert(Id(id.into()), subnet);
    }
    snapshot
}

/// Remembers events.
#[derive(Default)]
pub struct Memory(pub Mutex<Vec<Event>>);

impl Observer for Memory {
    fn observe(&self, event: &Event) -> std::io::Result<()> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

/// Plans against the fake.
pub async fn planned(fake: &Fake, desired: &Resolved) -> Plan {
    let snapshot = fake.fetch(&scope(desired)).await.unwrap();
    let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    match plan(desired, snapshot, identity(), now, &Options::default()) {
        Ok(plan) => plan,
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// Applies a plan; certificates are issued as soon as they are requested.
pub async fn applied(fake: &Arc<Fake>, plan: &Plan) -> (Run, Vec<Event>) {
    applied_with(fake, plan, &Settings::default()).await
}

/// Applies a plan with other settings.
pub async fn applied_with(fake: &Arc<Fake>, plan: &Plan, settings: &Settings) -> (Run, Vec<Event>) {
    let memory = Arc::new(Memory::default());
    let (_send, stop) = watch::channel(false);
    let (steps, compensations) = (plan.steps.clone(), plan.compensations.clone());
    let work = Work { steps, compensations, basis: plan.basis.clone(), shown: BTreeMap::new() };
    let observer: Arc<dyn Observer> = Arc::clone(&memory) as Arc<dyn Observer>;
    let run = run(Arc::clone(fake), work, settings, observer, stop).await;
    let events = memory.0.lock().unwrap().clone();
    (run, events)
}
