//! Proposed declarations: a closed way to targets is opened by one added rule, which stays as long as it is needed.

use std::sync::Arc;

use jiff::Timestamp;
use no502::apply::Outcome;
use no502::cloud::{Interface, Operation, Read as _};
use no502::diff::scope;
use no502::model::Id;
use no502::plan::{Options, Plan, Proposals, plan};

use super::leaving::deployed;
use super::{STACK, applied, desired, planned};
use crate::support::fake::{Fake, identity};

const OPEN: &str = "ingress: [{ from: alb, ports: [8000] }]";
const CLOSED: &str = "ingress: [{ from: alb, ports: [80] }]";

fn closed() -> String {
    STACK.replace(OPEN, CLOSED)
}

/// The stack with its application's security group closed, and a target's interface in that group.
async fn shut() -> Arc<Fake> {
    let fake = deployed(&closed()).await;
    fake.edit(|snapshot| {
        let app = snapshot.security_groups().find(|(_, group)| group.name == "app").unwrap().0.clone();
        let interface = |id: &str| Interface {
            id: id.into(),
            groups: vec![app.clone()],
            subnet: Some(Id("subnet-0a1b2c31".into())),
            ..Interface::default()
        };
        let at = |ip: &str| ip.parse().unwrap();
        snapshot.interfaces =
            Some([(at("10.0.1.10"), interface("eni-1")), (at("10.0.2.10"), interface("eni-2"))].into());
    });
    fake
}

/// The plan that `plan` and `apply` make.
async fn proposing(fake: &Fake, body: &str) -> Plan {
    let desired = desired(body);
    let snapshot = fake.fetch(&scope(&desired)).await.unwrap();
    let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let options = Options { proposals: Proposals::All, ..Options::default() };
    plan(&desired, snapshot, identity(), now, &options).unwrap()
}

fn grants(plan: &Plan) -> Vec<String> {
    let rules = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::Authorize { rules, .. } => Some((&step.address, rules, &step.why)),
        _ => None,
    });
    rules.map(|(address, rules, why)| format!("{address} {} rule: {why}", rules.len())).collect()
}

fn found(plan: &Plan) -> Vec<&str> {
    plan.now.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_closed_way_is_opened_once_and_stays_open() {
    let fake = shut().await;
    let check = planned(&fake, &desired(&closed())).await;
    assert!(check.is_clean(), "a check proposes nothing");
    // targets of a new group wait for their first check
    assert_eq!(found(&check), ["E501", "E120"]);

    let plan = proposing(&fake, &closed()).await;
    assert!(plan.refused.is_empty() && plan.has_risk(), "{:?}", plan.refused);
    let grants = grants(&plan);
    assert_eq!(grants.len(), 1, "{grants:?}");
    assert!(grants[0].starts_with("security_group/app 1 rule: "), "{grants:?}");
    assert!(grants[0].ends_with("proposed by E501, not in the files"), "{grants:?}");
    assert!(plan.afterwards.findings.is_empty(), "{:#?}", plan.afterwards.findings);
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
    let shown: Vec<String> = fake
        .snapshot()
        .security_groups()
        .find(|(_, group)| group.name == "app")
        .and_then(|(_, group)| group.ingress.clone())
        .unwrap()
        .iter()
        .map(|rule| format!("{:?} {:?}", rule.protocol, rule.ports))
        .collect();
    assert_eq!(shown, ["Tcp Some((80, 80))", "Tcp Some((8000, 8000))"], "added, nothing taken away");

    for next in [proposing(&fake, &closed()).await, planned(&fake, &desired(&closed())).await] {
        assert!(next.is_clean() && next.steps.is_empty(), "{:#?}", next.differences().collect::<Vec<_>>());
        assert!(next.now.findings.is_empty());
    }
    // written down, it is nothing but a rule of the files
    let written = closed().replace(CLOSED, "ingress: [{ from: alb, ports: [80, 8000] }]");
    let next = planned(&fake, &desired(&written)).await;
    assert!(next.steps.iter().all(|step| step.stamp), "{:#?}", next.steps);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_needed_any_more_goes() {
    let fake = shut().await;
    let plan = proposing(&fake, &closed()).await;
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
    let other_way = closed().replace(CLOSED, "ingress: [{ from: 10.0.0.0/16, ports: [8000] }]");
    let plan = proposing(&fake, &other_way).await;
    let revoked: Vec<&str> =
        plan.steps.iter().map(|s| s.operation.name()).filter(|n| n.starts_with("Revoke")).collect();
    assert_eq!(revoked, ["RevokeSecurityGroupIngress"]);
}

#[tokio::test(start_paused = true)]
async fn accepted_exclusive_and_foreign_doors_stay_closed() {
    let fake = shut().await;
    let accepted =
        closed().replace(CLOSED, &format!("{CLOSED}, accept: {{ E501: {{ reason: moved, until: 2027-01-31 }} }}"));
    let exclusive = closed().replace(CLOSED, &format!("{CLOSED}, exclusive: [ingress]"));
    let existing = closed().replace(&format!("app, {CLOSED}"), "app, existing: true");
    for body in [&accepted, &exclusive, &existing] {
        let plan = proposing(&fake, body).await;
        assert_eq!(grants(&plan), Vec::<String>::new(), "{body}");
    }
    // of an existing group the listed rules are managed, so that one may be added
    let listed = closed().replace("app: { vpc", "app: { existing: true, vpc").replace("description: app, ", "");
    let plan = proposing(&fake, &listed).await;
    assert_eq!(grants(&plan).len(), 1, "{:#?}", plan.steps);
}
