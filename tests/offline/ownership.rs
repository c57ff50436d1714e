//! Who owns what: exclusive parts, settings that are reset, what is given away, and what belongs to others.

use std::sync::Arc;

use no502::apply::Outcome;
use no502::cloud::{Facts, Interface};
use no502::diff::Cause;
use no502::model::kind::{Direction, Peer, TrafficRule};
use no502::model::value::IpProtocol;
use no502::model::{Id, Link, Spec};
use no502::plan::Guard;

use super::apply::account;
use super::leaving::{EVERYTHING_GOES, converges, deployed, leaves, rule_mut, with_consent};
use super::{STACK, applied, desired, planned};

#[tokio::test(start_paused = true)]
async fn only_what_is_exclusive_is_cleared_of_strangers() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        let mut strange = rule_mut(snapshot, 10).clone();
        (strange.priority, strange.tags) = (Some(7), Default::default());
        let id =
            |n: u32| Id(format!("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/web/1/2/{n}"));
        snapshot.insert(id(7), strange.clone(), Facts::None);
        (strange.priority, strange.tags) =
            (Some(8), [("no502:id".to_owned(), "bank:rule/web:443/x".to_owned())].into());
        snapshot.insert(id(8), strange, Facts::None);
    });
    let plan = planned(&fake, &desired(STACK)).await;
    assert!(plan.is_clean());
    assert_eq!(plan.diff.unmanaged.len(), 2, "listed, never touched");
    let exclusive = STACK.replace("    idle_timeout: 60s\n", "    idle_timeout: 60s\n    exclusive: [rules]\n");
    let plan = planned(&fake, &desired(&exclusive)).await;
    assert_eq!(leaves(&plan), ["rule/web:443/#7 pending"]);
    let others: Vec<&str> = plan.diff.unmanaged.iter().map(|u| u.what.as_str()).collect();
    assert!(matches!(others.as_slice(), [what] if what.contains("of the stack `bank`")), "{others:?}");
    assert_eq!(converges(&fake, &exclusive).await, ["DeleteRule", "AddTags"]);
}

#[tokio::test(start_paused = true)]
async fn a_security_group_loses_its_own_leftovers_and_keeps_the_others_unless_exclusive() {
    let fake = deployed(STACK).await;
    let rule = |peer: &str| TrafficRule {
        protocol: IpProtocol::Tcp,
        ports: Some((9000, 9000)),
        peer: Peer::Cidr(peer.parse().unwrap()),
        description: None,
    };
    fake.edit(|snapshot| {
        let group = snapshot.found.values_mut().find_map(|live| match &mut live.spec {
            Spec::SecurityGroup(group) if group.name == "alb" => Some(group),
            _ => None,
        });
        group.unwrap().rules_mut(Direction::Ingress).as_mut().unwrap().push(rule("10.9.0.0/16"));
    });
    assert!(planned(&fake, &desired(STACK)).await.is_clean(), "somebody else's rule is left alone");
    // narrower than the one this stack made: the broad one goes, the narrow one comes first
    let narrow = STACK.replace("from: 0.0.0.0/0", "from: 10.0.0.0/8");
    let calls = converges(&fake, &narrow).await;
    assert_eq!(calls, ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "CreateTags"]);
    let exclusive = narrow.replace("description: front,", "description: front, exclusive: [ingress, egress],");
    let calls = converges(&fake, &exclusive).await;
    assert_eq!(calls, ["RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "CreateTags"]);
    let left = fake.snapshot();
    let group = left.security_groups().find(|(_, g)| g.name == "alb").unwrap().1;
    assert_eq!((group.ingress.as_ref().unwrap().len(), group.egress.as_ref().unwrap().len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_exclusive_group_is_made_without_the_way_out_that_aws_adds() {
    let exclusive = STACK
        .replace("description: front,", "description: front, exclusive: egress, egress: { to: app, ports: [8000] },");
    let fake = deployed(&exclusive).await;
    let snapshot = fake.snapshot();
    let group = snapshot.security_groups().find(|(_, g)| g.name == "alb").unwrap().1;
    assert_eq!(group.egress.as_ref().map(Vec::len), Some(1));
    // what is declared is granted though the rule that goes would cover it
    let narrow = STACK.replace(
        "description: front,",
        "description: front, exclusive: egress, egress: { to: 10.0.0.0/8, ports: [8000] },",
    );
    let fake = deployed(&narrow).await;
    let snapshot = fake.snapshot();
    let group = snapshot.security_groups().find(|(_, g)| g.name == "alb").unwrap().1;
    let left: Vec<String> = group.egress.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(left, ["tcp 8000 10.0.0.0/8"]);
}

#[tokio::test(start_paused = true)]
async fn undeclared_settings_are_reset_where_the_files_say_so() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Spec::LoadBalancer(balancer) = &mut live.spec {
                balancer.attributes.insert("routing.http2.enabled".into(), "false".into());
                balancer.attributes.insert("access_logs.s3.enabled".into(), "true".into());
                balancer.attributes.insert("deletion_protection.enabled".into(), "true".into());
            }
        }
    });
    assert!(planned(&fake, &desired(STACK)).await.is_clean(), "reported, not reset");
    let reset = STACK.replace("    idle_timeout: 60s\n", "    idle_timeout: 60s\n    undeclared: reset\n");
    assert_eq!(converges(&fake, &reset).await, ["ModifyLoadBalancerAttributes", "AddTags"]);
    let snapshot = fake.snapshot();
    let attributes = &snapshot.load_balancers().next().unwrap().1.attributes;
    assert_eq!(attributes["routing.http2.enabled"], "true");
    assert_eq!(attributes["access_logs.s3.enabled"], "true", "logs are never reset");
    assert_eq!(attributes["deletion_protection.enabled"], "true", "nor is the protection");
}

#[tokio::test(start_paused = true)]
async fn what_is_declared_existing_is_disowned_and_stays_once_its_key_goes() {
    let fake = deployed(STACK).await;
    let given = STACK
        .replace("  web:\n    subnets: [subnet-0a1b2c31, subnet-0a1b2c32]\n", "  web:\n    existing: true\n")
        .replace("      80:\n", "      80:\n        existing: true\n")
        .replace("      443:\n", "      443:\n        existing: true\n");
    let calls = converges(&fake, &given).await;
    assert!(calls.iter().all(|call| *call == "RemoveTags"), "{calls:?}");
    let start = STACK.find("load_balancers:").unwrap();
    let plan = planned(&fake, &desired(&STACK[..start])).await;
    assert_eq!(leaves(&plan), ["rule/web:443/api orphaned", "rule/web:443/old orphaned"], "the rules are still ours");
}

#[tokio::test(start_paused = true)]
async fn an_own_rule_in_a_group_of_somebody_else_goes_with_its_key() {
    let shared =
        STACK.replace("  app: { vpc: vpc-0a1b2c3d, description: app,", "  app: { existing: true, vpc: vpc-0a1b2c3d,");
    let fake = account();
    fake.edit(|snapshot| {
        let group = no502::model::kind::SecurityGroup {
            name: "app".into(),
            vpc: Some(Link::Id(Id("vpc-0a1b2c3d".into()))),
            ingress: Some(Vec::new()),
            ..Default::default()
        };
        snapshot.insert(Id("sg-0aaaaaaaaaaaaaaaa".into()), group, Facts::None);
    });
    let fake = Arc::new(fake);
    let plan = planned(&fake, &desired(&shared)).await;
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
    let without_consent = planned(&fake, &desired(EVERYTHING_GOES)).await;
    assert!(without_consent.steps.is_empty(), "as long as the load balancer stays, it may need the rule");
    let calls = converges(&fake, EVERYTHING_GOES).await;
    assert!(calls.contains(&"RevokeSecurityGroupIngress"), "{calls:?}");
    let snapshot = fake.snapshot();
    let left: Vec<&str> = snapshot.security_groups().map(|(_, group)| group.name.as_str()).collect();
    assert_eq!(left, ["app"], "the group is not ours to delete");
}

#[tokio::test(start_paused = true)]
async fn targets_of_a_group_that_somebody_fills_are_not_managed() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        let description = "arn:aws:ecs:eu-west-1:000000000000:attachment/0b5f";
        let interface = Interface { id: "eni-1".into(), description: Some(description.into()), ..Interface::default() };
        snapshot.interfaces = Some([("10.0.1.10".parse().unwrap(), interface)].into());
    });
    let fewer = STACK.replace(r#"targets: ["10.0.1.10", "10.0.2.10"]"#, r#"targets: ["10.0.2.10"]"#);
    let plan = planned(&fake, &desired(&fewer)).await;
    let refused: Vec<(Guard, &str)> = plan.refused.iter().map(|r| (r.guard, r.because.as_str())).collect();
    assert_eq!(refused, [(Guard::FedGroup, "an ECS service fills it (10.0.1.10)")]);
    assert!(plan.steps.iter().all(|s| s.operation.name() != "DeregisterTargets"));
}

#[tokio::test(start_paused = true)]
async fn a_security_group_that_is_given_away_keeps_its_rules() {
    let fake = deployed(STACK).await;
    let given = STACK.replace(
        "  app: { vpc: vpc-0a1b2c3d, description: app, ingress: [{ from: alb, ports: [8000] }] }\n",
        "  app: { existing: true, vpc: vpc-0a1b2c3d }\n",
    );
    let calls = converges(&fake, &given).await;
    assert_eq!(calls, ["DeleteTags", "DeleteTags"], "the group's and its rule's");
    let snapshot = fake.snapshot();
    let group = snapshot.security_groups().find(|(_, g)| g.name == "app").unwrap().1;
    assert_eq!(group.ingress.as_ref().map(Vec::len), Some(1), "nothing is closed");
}

#[tokio::test(start_paused = true)]
async fn rules_of_another_stack_in_a_security_group_stay_even_where_it_is_exclusive() {
    let fake = deployed(STACK).await;
    let mut other = desired(
        "security_groups:\n  alb: { existing: true, vpc: vpc-0a1b2c3d, ingress: [{ from: 10.0.0.0/8, ports: [9000] }] }\n",
    );
    other.stack = "bank".into();
    let plan = planned(&fake, &other).await;
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
    let exclusive = STACK.replace("description: front,", "description: front, exclusive: ingress,");
    assert_eq!(converges(&fake, &exclusive).await, ["CreateTags"]);
    // nor does a group go with another stack's rule in it
    let plan = with_consent(&fake, &desired(EVERYTHING_GOES));
    assert!(
        plan.refused.iter().any(|r| r.guard == Guard::ForeignOwner && r.because.contains("`bank`")),
        "{:?}",
        plan.refused
    );
    assert!(plan.steps.iter().all(|s| s.id.to_string() != "DeleteSecurityGroup security_group/alb"));
}

#[tokio::test(start_paused = true)]
async fn what_goes_with_a_listener_is_named() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        let mut strange = rule_mut(snapshot, 10).clone();
        (strange.priority, strange.tags) = (Some(7), Default::default());
        snapshot.insert(
            Id("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/web/1/2/7".into()),
            strange,
            Facts::None,
        );
    });
    let start = STACK.find("      443:\n").unwrap();
    let plan = planned(&fake, &desired(&STACK[..start])).await;
    assert!(leaves(&plan).contains(&"rule/web:443/#7 orphaned".to_owned()), "{:?}", leaves(&plan));
    let deletes: Vec<String> =
        plan.steps.iter().map(|s| s.id.to_string()).filter(|id| id.starts_with("Delete")).collect();
    assert_eq!(deletes, ["DeleteListener listener/web:443"], "in one call");
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_under_another_name_cannot_share_its_groups_and_that_is_said_beforehand() {
    let fake = deployed(STACK).await;
    let plan = with_consent(&fake, &desired(&STACK.replace("  web:\n", "  web3:\n")));
    assert!(plan.refused.iter().any(|r| r.because.contains("TargetGroupAssociationLimit")), "{:?}", plan.refused);
}

#[tokio::test(start_paused = true)]
async fn a_mark_waits_for_the_move_of_its_rule() {
    let fake = deployed(STACK).await;
    let moved = STACK.replace("api: { priority: 10,", "api: { priority: 30,");
    assert_eq!(converges(&fake, &moved).await, ["SetRulePriorities", "AddTags"]);
    let plan = planned(&fake, &desired(STACK)).await;
    assert_eq!(plan.differences().next().unwrap().cause, Some(Cause::Pending), "the mark was true");
}

/// A listener of nobody on port 8080, with one rule in it that bears these tags.
fn strange_listener(snapshot: &mut no502::cloud::Snapshot, tags: &[(&str, &str)]) {
    let (http, mut listener) =
        snapshot.listeners().find(|(_, l)| l.port == 80).map(|(id, l)| (id.clone(), l.clone())).unwrap();
    (listener.port, listener.tags) = (8080, Default::default());
    let id = Id(http.as_str().replace("listener-web-80", "listener-web-8080") + "-strange");
    snapshot.insert(id.clone(), listener, Facts::None);
    let mut rule = rule_mut(snapshot, 20).clone();
    rule.listener = Link::Id(id.clone());
    rule.tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    snapshot.insert(Id(format!("{id}-rule")), rule, Facts::None);
}

#[tokio::test(start_paused = true)]
async fn an_exclusive_listener_with_somebody_s_rule_is_held_alone() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        strange_listener(snapshot, &[("no502:id", "bank:rule/web:8080/x")]);
        rule_mut(snapshot, 10).when.as_mut().unwrap().path = ["/moved/*".to_owned()].into();
    });
    let exclusive = STACK.replace("    idle_timeout: 60s\n", "    idle_timeout: 60s\n    exclusive: [listeners]\n");
    let plan = planned(&fake, &desired(&exclusive)).await;
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    let held: Vec<String> = plan.held.iter().map(|h| format!("{}: {}", h.address, h.because)).collect();
    assert_eq!(held, ["listener/web:8080: rule/web:8080/#20 in it belongs to the stack `bank`"]);
    let calls: Vec<&str> = plan.steps.iter().filter(|s| !s.stamp).map(|s| s.operation.name()).collect();
    assert_eq!(calls, ["ModifyRule"], "the rest is done");
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
    // without the rule it goes
    fake.edit(|snapshot| {
        snapshot.found.retain(|_, live| {
            live.spec.tags().is_none_or(|tags| tags.get("no502:id").is_none_or(|id| !id.starts_with("bank:")))
        });
    });
    assert_eq!(converges(&fake, &exclusive).await, ["DeleteListener"]);
}

#[tokio::test(start_paused = true)]
async fn a_taken_priority_names_its_owner() {
    let fake = deployed(STACK).await;
    let wants = STACK.replace(
        "          old: {",
        "          new: { priority: 15, when: { path: /new/* }, fixed_response: { status: 503 } }\n          old: {",
    );
    for (tag, expected) in [
        (None, "priority 15 is taken by an unmanaged rule (arn:theirs); choose another priority, or remove that rule"),
        (
            Some(("no502:id", "bank:rule/web:443/x")),
            "priority 15 is taken by a rule of the stack `bank` (arn:theirs); choose another priority",
        ),
        (
            Some(("aws:cloudformation:stack-id", "x")),
            "priority 15 is taken by a rule of CloudFormation (arn:theirs); choose another priority",
        ),
        (
            Some(("no502:id", "shop:rule/web:443/api")),
            "priority 15 is taken by a second rule that is marked as rule/web:443/api (arn:theirs); remove one of the two",
        ),
    ] {
        fake.edit(|snapshot| {
            let mut theirs = rule_mut(snapshot, 10).clone();
            (theirs.priority, theirs.tags) = (Some(15), Default::default());
            theirs.when.as_mut().unwrap().path = ["/theirs/*".to_owned()].into();
            theirs.tags = tag.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            snapshot.insert(Id("arn:theirs".into()), theirs, Facts::None);
        });
        let plan = planned(&fake, &desired(&wants)).await;
        let held: Vec<String> = plan.held.iter().map(|h| format!("{}: {}", h.address, h.because)).collect();
        assert_eq!(held, [format!("rule/web:443/new: {expected}")]);
    }
    // one of ours that stays where it is: it cannot move, since what it names is not there
    fake.edit(|snapshot| {
        snapshot.found.remove(&Id("arn:theirs".into()));
        rule_mut(snapshot, 20).beyond = ["a target group's weight".to_owned()].into();
    });
    let swapped = STACK
        .replace("api: { priority: 10,", "api: { priority: 20,")
        .replace("old: { priority: 20,", "old: { priority: 30,");
    let plan = planned(&fake, &desired(&swapped)).await;
    let held: Vec<String> = plan.held.iter().map(|h| format!("{}: {}", h.address, h.because)).collect();
    let ours = "rule/web:443/api: priority 20 is taken by rule/web:443/old, which keeps it in this plan";
    assert!(held.contains(&ours.to_owned()), "{held:?}");
}
