//! No false alarm: estates after AWS's documented patterns, as files and as they stand on AWS once applied, with every
//! target healthy, give no finding above info.
//!
//! Each file or folder of `estates/` is one estate. What others do on AWS is done here as well: services register the
//! targets of groups that the files leave to them, ACM issues and renews certificates, and CDN or deployers do nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _};
use no502::cloud::{Facts, Interface, Snapshot, Subnet, Vpc};
use no502::desired::{Inputs, Resolved, load};
use no502::model::kind::{Action, Target};
use no502::model::value::TargetType;
use no502::model::{HealthState, Id, Link, TargetHealth};
use no502::plan::{Options, Plan, of_files, plan};
use no502::rules::{Finding, Judgement, Severity, judge};

use crate::property::world::after;
use crate::support::fake::identity;

const VPC: &str = "vpc-0a1b2c3d";
const NOW: &str = "2026-11-22T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn estates() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/offline/estates");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn read(path: &Path) -> Resolved {
    let inputs = Inputs {
        paths: vec![path.to_owned()],
        stdin: None,
        variables: BTreeMap::new(),
        secrets: &|_, _| Some("s3cret".to_owned()),
        now: Some(now()),
    };
    match load(&inputs) {
        Ok((desired, warnings)) => {
            let said: Vec<&str> = warnings.list.iter().map(|problem| problem.message.as_str()).collect();
            assert!(said.is_empty(), "{}: {said:#?}", path.display());
            desired
        }
        Err(problems) => panic!("{}: {:#?}", path.display(), problems.list),
    }
}

/// A VPC with two public and two private subnets, and a trust store.
fn account() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let tags = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    snapshot.vpcs.insert(Id(VPC.into()), Vpc { tags: tags("Name", "main"), ..Vpc::default() });
    for (number, tier, zone) in [(1, "public", "a"), (2, "public", "b"), (11, "private", "a"), (12, "private", "b")] {
        let subnet = Subnet {
            vpc: Some(Id(VPC.into())),
            zone: format!("eu-west-1{zone}"),
            cidr: format!("10.0.{number}.0/24"),
            tags: tags("tier", tier),
            ..Subnet::default()
        };
        snapshot.subnets.insert(Id(format!("subnet-0a1b2c3d{number:02}")), subnet);
    }
    let store = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:truststore/partners/0a1b2c3d";
    snapshot.trust_stores.insert(Id(store.into()), "partners".into());
    snapshot
}

fn planned(name: &str, desired: &Resolved, snapshot: &Snapshot) -> Plan {
    let plan = match plan(desired, snapshot.clone(), identity(), now(), &Options::default()) {
        Ok(plan) => plan,
        Err(problems) => panic!("{name}: {problems:#?}"),
    };
    assert!(plan.refused.is_empty() && plan.held.is_empty(), "{name}: {:#?} {:#?}", plan.refused, plan.held);
    plan
}

/// Whoever fills the groups that the files leave alone has done so.
fn fill(snapshot: &mut Snapshot) {
    let filled: Vec<&Id> = snapshot.targets().filter_map(|(_, target)| target.target_group.id()).collect();
    let empty = snapshot.target_groups().filter(|(id, _)| !filled.contains(id));
    let empty: Vec<_> = empty.map(|(id, group)| (id.clone(), group.target_type, group.port)).collect();
    for (number, (group, kind, port)) in (40..).zip(empty) {
        for zone in [11, 12] {
            let id = match kind {
                Some(TargetType::Instance) => format!("i-0a1b2c3d{zone}{number}"),
                _ => format!("10.0.{zone}.{number}"),
            };
            let spec = Target { target_group: Link::Id(group.clone()), id, port, zone: None };
            let health = TargetHealth::default();
            snapshot.insert(Id::target(&group, &spec.id, port), spec, Facts::Target(health));
        }
    }
}

/// The network interfaces of addresses in the VPC: in every security group that no load balancer has.
fn connect(snapshot: &mut Snapshot) {
    let fronts: Vec<Link> =
        snapshot.load_balancers().flat_map(|(_, lb)| lb.security_groups.iter().flatten().cloned()).collect();
    let groups = snapshot.security_groups().map(|(id, _)| id.clone());
    let groups: Vec<Id> = groups.filter(|id| !fronts.contains(&Link::Id(id.clone()))).collect();
    let mut interfaces = BTreeMap::new();
    for (_, target) in snapshot.targets() {
        let Ok(address) = target.id.parse::<IpAddr>() else { continue };
        let zone = if target.id.starts_with("10.0.11.") { "11" } else { "12" };
        if target.id.starts_with("10.0.") {
            let interface = Interface {
                id: format!("eni-{}", target.id.replace('.', "")),
                groups: groups.clone(),
                subnet: Some(Id(format!("subnet-0a1b2c3d{zone}"))),
                vpc: Some(Id(VPC.into())),
                ..Interface::default()
            };
            interfaces.insert(address, interface);
        }
    }
    snapshot.interfaces = Some(interfaces);
}

/// What AWS says of things that work: targets are healthy, certificates are being renewed 40 days before their end.
fn settle(snapshot: &mut Snapshot) {
    let actions: Vec<(Link, Action)> = {
        let of_listener = snapshot.listeners().filter_map(|(_, l)| Some((l.load_balancer.clone(), l.default.clone()?)));
        let balancer =
            |listener: &Link| Some(snapshot.found.get(listener.id()?)?.spec.listener()?.load_balancer.clone());
        let of_rules = snapshot.rules().filter_map(|(_, rule)| Some((balancer(&rule.listener)?, rule.action.clone()?)));
        of_listener.chain(of_rules).collect()
    };
    let functions: Vec<Id> = snapshot
        .target_groups()
        .filter(|(_, group)| group.target_type == Some(TargetType::Lambda))
        .map(|(id, _)| id.clone())
        .collect();
    for (id, live) in &mut snapshot.found {
        match &mut live.facts {
            Facts::Target(health) => {
                let function = functions.iter().any(|group| id.as_str().starts_with(group.as_str()));
                let unchecked = Some("Target.HealthCheckDisabled".to_owned());
                let (state, reason) =
                    if function { (HealthState::Unavailable, unchecked) } else { (HealthState::Healthy, None) };
                *health = TargetHealth { state: Some(state), reason, ..TargetHealth::default() };
            }
            Facts::Certificate(facts) => {
                facts.not_after = Some(now() + (40 * 24).hours());
                facts.renewable = Some(true);
                facts.renewal = Some("PENDING_AUTO_RENEWAL".to_owned());
            }
            Facts::TargetGroup { load_balancers } => {
                let leads_here = |action: &Action| action.groups().any(|(link, _)| link.id() == Some(id));
                let users = actions.iter().filter(|(_, action)| leads_here(action));
                *load_balancers = users.filter_map(|(lb, _)| lb.id().cloned()).take(1).collect();
            }
            Facts::LoadBalancer(facts) => {
                facts.vpc = Some(Id(VPC.into()));
                facts.zones = vec!["eu-west-1a".into(), "eu-west-1b".into()];
            }
            _ => {}
        }
    }
}

#[track_caller]
fn quiet(name: &str, when: &str, judged: &Judgement) {
    let loud: Vec<&Finding> = judged.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    assert!(loud.is_empty(), "{name}, {when}: {loud:#?}");
}

#[test]
fn good_estates_give_no_finding() {
    let estates = estates();
    assert!(estates.len() >= 20, "{estates:#?}");
    for path in estates {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let desired = read(&path);
        quiet(&name, "the files alone", &judge(&of_files(&desired, now())));

        let first = planned(&name, &desired, &account());
        quiet(&name, "what is to come", &first.afterwards);
        let mut live = match after(&account(), &first.steps, |_| 0) {
            Ok(live) => live,
            Err((step, refusal)) => panic!("{name}: {step} is refused: {refusal}"),
        };
        fill(&mut live);
        connect(&mut live);
        settle(&mut live);
        let then = planned(&name, &desired, &live);
        assert!(then.is_clean(), "{name}: {:#?}", then.differences().collect::<Vec<_>>());
        quiet(&name, "on AWS", &then.now);
        quiet(&name, "afterwards", &then.afterwards);
    }
}

/// The estates can alarm: the same evidence with one thing wrong does.
#[test]
fn a_bad_estate_gives_one() {
    let path = estates().into_iter().find(|path| path.ends_with("dual-stack.yaml")).unwrap();
    let desired = read(&path);
    let first = planned("dual-stack", &desired, &account());
    let mut live = after(&account(), &first.steps, |_| 0).unwrap();
    connect(&mut live);
    settle(&mut live);
    for one in live.found.values_mut() {
        if let Facts::Certificate(facts) = &mut one.facts {
            facts.renewal = Some("FAILED".to_owned());
        }
    }
    let found = planned("dual-stack", &desired, &live).now.findings;
    assert_eq!(found.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), ["E614"]);
}
