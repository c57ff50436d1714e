//! Rules of security groups: which of them are the stack's, and what is said of the others.

use std::sync::Arc;

use no502::apply::{Outcome, Settings, run};
use no502::cloud::{Facts, GroupRule, Operation, Snapshot};
use no502::model::kind::{Direction, Peer, SecurityGroup, TrafficRule};
use no502::model::value::IpProtocol;
use no502::model::{Id, Kind, Spec};
use no502::plan::Plan;

use super::leaving::{converges, deployed, leaves};
use super::{Memory, STACK, applied, desired, planned};
use crate::support::fake::Fake;

fn tcp(port: u16, peer: &str) -> TrafficRule {
    TrafficRule {
        protocol: IpProtocol::Tcp,
        ports: Some((port, port)),
        peer: Peer::Cidr(peer.parse().unwrap()),
        description: None,
    }
}

/// As if somebody else had made every security group, rules and all.
fn not_ours(snapshot: &mut Snapshot) {
    for live in snapshot.found.values_mut().filter(|live| live.spec.kind() == Kind::SecurityGroup) {
        live.spec.tags_mut().unwrap().clear();
        if let Facts::SecurityGroup { rules } = &mut live.facts {
            rules.iter_mut().for_each(|rule| rule.stack = None);
        }
    }
}

/// A rule that somebody added to a group, with another stack's tag or none.
fn add(snapshot: &mut Snapshot, group: &str, direction: Direction, rule: TrafficRule, stack: Option<&str>) {
    let mut groups = snapshot.found.values_mut();
    let live = groups.find(|live| live.spec.security_group().is_some_and(|g| g.name == group)).unwrap();
    if let Spec::SecurityGroup(spec) = &mut live.spec {
        spec.rules_mut(direction).get_or_insert_default().push(rule.clone());
    }
    let id = Id(format!("sgr-{}", rule.to_string().replace(' ', "-")));
    live.facts.has_rule(GroupRule { id, stack: stack.map(str::to_owned), direction, rule });
}

/// Carries out what `adopt` would.
async fn adopt(fake: &Arc<Fake>, body: &str) -> Vec<&'static str> {
    let before = fake.names().len();
    let plan = planned(fake, &desired(body)).await;
    assert!(plan.is_clean(), "{:#?}", plan.differences().collect::<Vec<_>>());
    let (_send, stop) = tokio::sync::watch::channel(false);
    let observer = Arc::new(Memory::default());
    let run = run(
        Arc::clone(fake),
        no502::apply::Work { steps: plan.adoption(), basis: plan.basis.clone(), ..Default::default() },
        &Settings::default(),
        observer,
        stop,
    )
    .await;
    assert_eq!(run.outcome, Outcome::Completed);
    assert!(planned(fake, &desired(body)).await.steps.is_empty(), "once is enough");
    fake.names()[before..].to_vec()
}

fn unmanaged(plan: &Plan) -> Vec<String> {
    plan.diff.unmanaged.iter().map(|u| format!("{} {} {}", u.address, u.id, u.what)).collect()
}

#[tokio::test(start_paused = true)]
async fn declared_rules_that_were_found_are_marked_and_go_with_their_lines() {
    let fake = deployed(STACK).await;
    fake.edit(not_ours);
    assert_eq!(adopt(&fake, STACK).await, ["CreateTags"; 4], "two groups, and the rules of each in one call");
    let narrow = STACK.replace("ports: [80, 443]", "ports: [443]");
    let calls = converges(&fake, &narrow).await;
    assert_eq!(calls, ["RevokeSecurityGroupIngress", "CreateTags"]);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_group_can_be_renamed() {
    let fake = deployed(STACK).await;
    fake.edit(not_ours);
    adopt(&fake, STACK).await;
    let renamed = STACK
        .replace("  alb: { vpc", "  front: { vpc")
        .replace("from: alb", "from: front")
        .replace("security_groups: [alb]", "security_groups: [front]");
    let plan = planned(&fake, &desired(&renamed)).await;
    assert!(leaves(&plan)[0].ends_with(" orphaned"), "{:?}", leaves(&plan));
    let calls = converges(&fake, &renamed).await;
    let at = |name: &str| calls.iter().position(|call| *call == name).unwrap();
    assert!(at("SetSecurityGroups") < at("RevokeSecurityGroupIngress"), "{calls:?}");
    assert!(at("RevokeSecurityGroupIngress") < at("DeleteSecurityGroup"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_apply_finds_in_a_group_is_marked_at_its_end() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| add(snapshot, "app", Direction::Ingress, tcp(9000, "10.0.0.0/8"), None));
    let more = STACK.replace(
        "ingress: [{ from: alb, ports: [8000] }]",
        "ingress: [{ from: alb, ports: [8000, 8001] }, { from: 10.0.0.0/8, ports: [9000] }]",
    );
    let plan = planned(&fake, &desired(&more)).await;
    let marks: Vec<&Operation> =
        plan.steps.iter().map(|s| &s.operation).filter(|o| matches!(o, Operation::TagRules { .. })).collect();
    assert!(
        matches!(marks.as_slice(), [Operation::TagRules { rules, .. }] if rules.len() == 1),
        "the one that was there: {marks:#?}"
    );
    converges(&fake, &more).await;
    assert!(converges(&fake, STACK).await.contains(&"RevokeSecurityGroupIngress"), "both go with their lines");
}

#[tokio::test(start_paused = true)]
async fn rules_in_somebody_else_s_group_stay_as_they_were_found() {
    let fake = deployed(STACK).await;
    fake.edit(not_ours);
    let shared =
        STACK.replace("  app: { vpc: vpc-0a1b2c3d, description: app,", "  app: { existing: true, vpc: vpc-0a1b2c3d,");
    assert_eq!(adopt(&fake, &shared).await, ["CreateTags"; 2], "those of the load balancer's group");
    let without = shared.replace(" ingress: [{ from: alb, ports: [8000] }] }", " }");
    assert!(planned(&fake, &desired(&without)).await.is_clean(), "the group's owner has made it");
}

#[tokio::test(start_paused = true)]
async fn rules_of_nobody_and_of_others_are_listed_and_those_of_aws_are_not() {
    let fake = deployed(STACK).await;
    assert_eq!(unmanaged(&planned(&fake, &desired(STACK)).await), [""; 0], "AWS lets every new group out");
    fake.edit(|snapshot| {
        add(snapshot, "alb", Direction::Ingress, tcp(22, "10.9.0.0/16"), None);
        add(snapshot, "alb", Direction::Egress, tcp(25, "10.9.0.0/16"), Some("bank"));
    });
    let plan = planned(&fake, &desired(STACK)).await;
    assert!(plan.is_clean());
    assert_eq!(
        unmanaged(&plan),
        [
            "security_group/alb sgr-tcp-25-10.9.0.0/16 egress tcp 25 10.9.0.0/16; of the stack `bank`",
            "security_group/alb sgr-tcp-22-10.9.0.0/16 ingress tcp 22 10.9.0.0/16"
        ]
    );
    let exclusive = STACK.replace("description: front,", "description: front, exclusive: [ingress, egress],");
    let listed = unmanaged(&planned(&fake, &desired(&exclusive)).await);
    assert!(matches!(listed.as_slice(), [one] if one.contains("`bank`")), "what goes is a difference: {listed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_a_stranger_s_rule_names_is_held_and_the_stranger_is_named() {
    let fake = deployed(STACK).await;
    let without =
        STACK.replace("  app: { vpc: vpc-0a1b2c3d, description: app, ingress: [{ from: alb, ports: [8000] }] }\n", "");
    fake.edit(|snapshot| {
        let app = snapshot.security_groups().find(|(_, g)| g.name == "app").unwrap().0.clone();
        let peer = Peer::Group(no502::model::Link::Id(app));
        let egress = Some(vec![TrafficRule { peer, ..tcp(8000, "0.0.0.0/0") }]);
        let batch = SecurityGroup { name: "batch".into(), egress, ..SecurityGroup::default() };
        snapshot.insert(Id("sg-0aaaaaaaaaaaaaaaa".into()), batch, Facts::None);
    });
    let plan = planned(&fake, &desired(&without)).await;
    let held: Vec<String> = plan.held.iter().map(|h| format!("{}: {}", h.address, h.because)).collect();
    assert_eq!(held, ["security_group/app: security_group/sg-0aaaaaaaaaaaaaaaa (batch) still names it"]);
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
    assert!(fake.snapshot().security_groups().any(|(_, g)| g.name == "app"));
}
