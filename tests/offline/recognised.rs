//! What is recognised for what it is: rules whose headers are secret, targets spelled another way; and what is not taken
//! for absent because its tags could not be read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use no502::cloud::simulate::{World, apply_to};
use no502::cloud::{CertificateFacts, CloudErrorKind, Facts, Gap, Hidden, NeededFor, Operation, Snapshot};
use no502::desired::{Inputs, Resolved, load};
use no502::diff::Verdict;
use no502::model::kind::{Certificate, Conditions, HeaderCondition};
use no502::model::{Id, Link, Spec, StepId, Text};
use no502::plan::Plan;

use super::leaving::{converges, deployed, rule_mut};
use super::{HEAD, STACK, applied, desired, planned};
use crate::support::fake::{Fake, error};

/// The meaning of a desired file whose secrets are their names in small letters.
fn with_secrets(body: &str) -> Resolved {
    let secrets = |secret: &no502::model::SecretRef, _: &std::path::Path| match secret {
        no502::model::SecretRef::Env(name) => Some(name.to_ascii_lowercase()),
        no502::model::SecretRef::File(_) => None,
    };
    let inputs = Inputs {
        paths: vec![PathBuf::from("-")],
        stdin: Some(format!("{HEAD}{body}").into_bytes()),
        variables: BTreeMap::new(),
        secrets: &secrets,
        now: None,
    };
    match load(&inputs) {
        Ok((resolved, _)) => resolved,
        Err(problems) => panic!("{:#?}", problems.list),
    }
}

fn verdict<'p>(plan: &'p Plan, address: &str) -> &'p Verdict {
    &plan.diff.changes.iter().find(|change| change.address.to_string() == address).unwrap().verdict
}

/// The stack with a secret header before each of two rules.
fn secretive(priorities: bool) -> String {
    let rule = |name: &str, priority: u32| {
        let number = if priorities { format!("priority: {priority}, ") } else { String::new() };
        format!("{name}: {{ {number}when: {{ path: [\"/api/*\"], header: {{ X-Origin: [{{ env: {name} }}] }} }}, ")
    };
    STACK
        .replace("api: { priority: 10, when: { path: [\"/api/*\"] }, ", &rule("api", 10))
        .replace("old: { priority: 20, when: { path: [\"/old/*\"] }, ", &rule("old", 20))
}

/// Applies the files, and leaves header values on AWS as it shows them.
async fn deployed_with_secrets(body: &str) -> Arc<Fake> {
    let fake = Arc::new(super::apply::account());
    let plan = planned(&fake, &with_secrets(body)).await;
    applied(&fake, &plan).await;
    fake.edit(|snapshot| {
        for (priority, value) in [(10, "api"), (20, "old")] {
            let rule = rule_mut(snapshot, priority);
            let header = HeaderCondition { name: "x-origin".into(), values: [Text::Plain(value.into())].into() };
            let when = rule.when.take().unwrap_or_default();
            rule.when = Some(Conditions { header: [header].into(), ..when });
        }
    });
    assert!(planned(&fake, &with_secrets(body)).await.is_clean());
    fake
}

#[tokio::test(start_paused = true)]
async fn an_untagged_rule_is_known_by_a_secret_header() {
    let body = secretive(false);
    let fake = deployed_with_secrets(&secretive(true)).await;
    fake.edit(|snapshot| rule_mut(snapshot, 10).tags.clear());
    let plan = planned(&fake, &with_secrets(&body)).await;
    assert!(!plan.steps.iter().any(|step| step.operation.name() == "CreateRule"), "{:#?}", plan.steps);
    assert!(matches!(verdict(&plan, "rule/web:443/api"), Verdict::InSync | Verdict::Update(_)));
    // another value is another rule
    fake.edit(|snapshot| {
        let when = rule_mut(snapshot, 10).when.as_mut().unwrap();
        when.header = [HeaderCondition { name: "x-origin".into(), values: [Text::Plain("no".into())].into() }].into();
    });
    let plan = planned(&fake, &with_secrets(&body)).await;
    assert!(matches!(verdict(&plan, "rule/web:443/api"), Verdict::Create));
}

#[tokio::test(start_paused = true)]
async fn keys_of_secret_rules_that_changed_places_take_their_tags_along() {
    let body = secretive(true);
    let fake = deployed_with_secrets(&body).await;
    fake.edit(|snapshot| {
        let tags = rule_mut(snapshot, 10).tags.clone();
        let others = std::mem::replace(&mut rule_mut(snapshot, 20).tags, tags);
        rule_mut(snapshot, 10).tags = others;
    });
    let before = fake.names().len();
    let plan = planned(&fake, &with_secrets(&body)).await;
    applied(&fake, &plan).await;
    assert!(fake.names()[before..].iter().all(|call| *call == "AddTags"), "{:?}", &fake.names()[before..]);
    assert!(planned(&fake, &with_secrets(&body)).await.is_clean());
}

/// Takes the tags from what is live, as if they could not be read.
fn unread(snapshot: &mut Snapshot, id: &Id) {
    snapshot.found.get_mut(id).unwrap().spec.tags_mut().unwrap().clear();
    let error = error("DescribeTags", CloudErrorKind::Denied);
    snapshot.gaps.push(Gap { hidden: Hidden::Resource(id.clone()), needed_for: NeededFor::Diff, error });
}

fn id_of(snapshot: &Snapshot, wanted: impl Fn(&Spec) -> bool) -> Id {
    snapshot.found.iter().find(|(_, live)| wanted(&live.spec)).unwrap().0.clone()
}

fn rule_at(priority: u32) -> impl Fn(&Spec) -> bool {
    move |spec| spec.rule().is_some_and(|rule| rule.priority == Some(priority))
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_not_made_where_one_with_unread_tags_may_be_it() {
    let fake = deployed(STACK).await;
    let edited = STACK.replace(
        "old: { priority: 20, when: { path: [\"/old/*\"] }",
        "old: { priority: 30, when: { path: [\"/older/*\"] }",
    );
    assert!(matches!(verdict(&planned(&fake, &desired(&edited)).await, "rule/web:443/old"), Verdict::Update(_)));
    fake.edit(|snapshot| unread(snapshot, &id_of(snapshot, rule_at(20))));
    let plan = planned(&fake, &desired(&edited)).await;
    assert!(matches!(verdict(&plan, "rule/web:443/old"), Verdict::Unknown(_)), "{:#?}", plan.diff.changes);
    assert!(matches!(verdict(&plan, "rule/web:443/api"), Verdict::InSync), "it is there for all to see");
    assert!(!plan.steps.iter().any(|step| step.operation.name() == "CreateRule"), "{:#?}", plan.steps);
}

#[tokio::test(start_paused = true)]
async fn a_rule_with_unread_tags_is_nobody_s_to_clear() {
    let fake = deployed(STACK).await;
    let exclusive = STACK.replace("    idle_timeout: 60s\n", "    idle_timeout: 60s\n    exclusive: [rules]\n");
    converges(&fake, &exclusive).await;
    let strange = Id("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/web/1/2/7".into());
    fake.edit(|snapshot| {
        let mut rule = rule_mut(snapshot, 10).clone();
        (rule.priority, rule.when) =
            (Some(7), Some(Conditions { path: ["/x".to_owned()].into(), ..Default::default() }));
        snapshot.insert(strange.clone(), rule, Facts::None);
        unread(snapshot, &strange);
    });
    let plan = planned(&fake, &desired(&exclusive)).await;
    assert!(!plan.steps.iter().any(|step| step.operation.name() == "DeleteRule"), "{:#?}", plan.steps);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_not_made_where_one_with_unread_tags_may_have_taken_its_place() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        let id = id_of(snapshot, |spec| spec.target_group().is_some());
        let Spec::TargetGroup(group) = &mut snapshot.found.get_mut(&id).unwrap().spec else { panic!() };
        group.name = "django-0cf850a7".into();
    });
    assert!(planned(&fake, &desired(STACK)).await.is_clean(), "by its tag it is the declared one");
    fake.edit(|snapshot| unread(snapshot, &id_of(snapshot, |spec| spec.target_group().is_some())));
    let plan = planned(&fake, &desired(STACK)).await;
    for address in ["target_group/django", "target/django/10.0.1.10:8000"] {
        assert!(matches!(verdict(&plan, address), Verdict::Unknown(_)), "{address}: {:#?}", plan.diff.changes);
    }
    assert!(!plan.steps.iter().any(|step| step.operation.name() == "CreateTargetGroup"), "{:#?}", plan.steps);
}

#[tokio::test(start_paused = true)]
async fn one_address_is_one_target_however_it_is_spelled() {
    let six = STACK
        .replace("    target_type: ip\n", "    target_type: ip\n    ip_address_type: ipv6\n")
        .replace("[\"10.0.1.10\", \"10.0.2.10\"]", "[\"2001:DB8:0::10\", \"2001:db8::20\"]");
    let fake = deployed(&six).await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Spec::Target(target) = &mut live.spec {
                target.id = target.id.replace("2001:db8::", "2001:0DB8:0::");
            }
        }
    });
    assert!(planned(&fake, &desired(&six)).await.is_clean());
    let short = six.replace("2001:DB8:0::10", "2001:db8::10");
    assert!(planned(&fake, &desired(&short)).await.is_clean());
    let fewer = short.replace(", \"2001:db8::20\"]", "]");
    assert_eq!(converges(&fake, &fewer).await, ["DeregisterTargets", "AddTags"]);
    let written = fake.written();
    let going = written.iter().find_map(|call| match call {
        Operation::DeregisterTargets { targets, .. } => Some(targets),
        _ => None,
    });
    assert_eq!(going.unwrap()[0].id, "2001:0DB8:0::20", "in AWS's own spelling");
}

#[test]
fn acm_takes_new_material_only_for_what_was_imported() {
    for (origin, taken) in [("IMPORTED", true), ("AMAZON_ISSUED", false)] {
        let mut world = World::default();
        let id = Id("arn:aws:acm:eu-west-1:000000000000:certificate/1".into());
        let facts = CertificateFacts { status: "ISSUED".into(), origin: Some(origin.into()), ..Default::default() };
        world.snapshot.insert(id.clone(), Certificate::default(), Facts::Certificate(facts));
        let again = Operation::ImportCertificate { certificate: Some(Link::Id(id)), spec: Certificate::default() };
        assert_eq!(apply_to(&mut world, &StepId("again".into()), &again).is_ok(), taken, "{origin}");
    }
}
