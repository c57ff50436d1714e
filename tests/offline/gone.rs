//! Somebody is faster: what a step takes away is gone before its call, or while it is made.

use std::sync::Arc;

use no502::apply::{Event, Failure, Outcome};
use no502::cloud::{CloudErrorKind, Facts, Snapshot};
use no502::model::kind::Direction;
use no502::model::{Id, Spec};
use no502::plan::Plan;

use super::leaving::{converges, deployed};
use super::{STACK, applied, desired, planned};
use crate::support::fake::Fake;

const OLD: &str =
    "          old: { priority: 20, when: { path: [\"/old/*\"] }, redirect: { path: \"/new/\", status: 302 } }\n";

/// Applies, and says which steps found their work done.
async fn gone(fake: &Arc<Fake>, plan: &Plan) -> Vec<String> {
    let (run, events) = applied(fake, plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{events:#?}");
    assert_eq!(run.done.len(), plan.steps.len(), "the step counts as done");
    let gone =
        events.iter().filter_map(|event| if let Event::Gone { step } = event { Some(step.to_string()) } else { None });
    gone.collect()
}

fn without_rule(snapshot: &mut Snapshot) {
    snapshot.found.retain(|_, live| live.spec.rule().is_none_or(|rule| rule.priority != Some(20)));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_gone_before_its_delete_is_done() {
    let fake = deployed(STACK).await;
    let fewer = STACK.replace(OLD, "");
    let plan = planned(&fake, &desired(&fewer)).await;
    let before = fake.names().len();
    fake.surprise(without_rule);
    assert_eq!(gone(&fake, &plan).await, ["DeleteRule rule/web:443/old"]);
    assert_eq!(fake.names()[before..], ["AddTags"], "there was nothing to delete");
    assert_eq!(converges(&fake, &fewer).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_aws_answers_with_not_found_is_done() {
    let fake = deployed(STACK).await;
    let plan = planned(&fake, &desired(&STACK.replace(OLD, ""))).await;
    fake.fail("DeleteRule", CloudErrorKind::NotFound);
    assert_eq!(gone(&fake, &plan).await, ["DeleteRule rule/web:443/old"]);
    // what is written and is gone is no such case
    let plan = planned(&fake, &desired(&STACK.replace("path: [\"/api/*\"]", "path: [\"/v2/*\"]"))).await;
    fake.fail("ModifyRule", CloudErrorKind::NotFound);
    let (run, _) = applied(&fake, &plan).await;
    assert!(matches!(run.outcome, Outcome::Failed { .. }), "{:?}", run.outcome);
}

#[tokio::test(start_paused = true)]
async fn a_revoke_of_what_is_gone_is_done() {
    let fake = deployed(STACK).await;
    let narrow = STACK.replace("ports: [80, 443]", "ports: [443]");
    let plan = planned(&fake, &desired(&narrow)).await;
    let close = |port: u16| {
        move |snapshot: &mut Snapshot| {
            for live in snapshot.found.values_mut() {
                if let Spec::SecurityGroup(group) = &mut live.spec
                    && let Some(rules) = group.rules_mut(Direction::Ingress)
                {
                    rules.retain(|rule| rule.ports != Some((port, port)));
                }
            }
        }
    };
    fake.surprise(close(80));
    assert_eq!(gone(&fake, &plan).await, ["RevokeSecurityGroupIngress security_group/alb"]);
    assert!(planned(&fake, &desired(&narrow)).await.is_clean());
    // but what shall stay must be there
    let fake = deployed(STACK).await;
    let plan = planned(&fake, &desired(&narrow)).await;
    fake.surprise(close(443));
    let (run, _) = applied(&fake, &plan).await;
    assert!(matches!(run.outcome, Outcome::Failed { why: Failure::Stale { .. }, .. }), "{:?}", run.outcome);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_detached_already_is_done() {
    let sni = STACK
        .replace("  app: { domain: shop.example.com }\n", "  app: { domain: shop.example.com }\n  more: { arn: \"arn:aws:acm:eu-west-1:000000000000:certificate/2\" }\n")
        .replace("        certificate: app\n", "        certificate: app\n        sni_certificates: [more]\n");
    let fake = Arc::new(super::apply::account());
    fake.edit(|snapshot| {
        let (_, app) = snapshot.certificates().next().map(|(id, c)| (id.clone(), c.clone())).unwrap();
        let names = Some(["more.example.com".to_owned()].into());
        let more = no502::model::kind::Certificate { domain: Some("more.example.com".into()), names, ..app };
        let facts = no502::cloud::CertificateFacts { status: "ISSUED".into(), ..Default::default() };
        snapshot.insert(Id("arn:aws:acm:eu-west-1:000000000000:certificate/2".into()), more, Facts::Certificate(facts));
    });
    let plan = planned(&fake, &desired(&sni)).await;
    assert_eq!(applied(&fake, &plan).await.0.outcome, Outcome::Completed);
    let exclusive =
        STACK.replace("    idle_timeout: 60s\n", "    idle_timeout: 60s\n    exclusive: [sni_certificates]\n");
    let plan = planned(&fake, &desired(&exclusive)).await;
    assert!(plan.steps.iter().any(|step| step.operation.name() == "RemoveListenerCertificates"), "{:#?}", plan.steps);
    fake.surprise(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Spec::Listener(listener) = &mut live.spec {
                listener.sni_certificates = listener.sni_certificates.as_ref().map(|_| Vec::new());
            }
        }
    });
    fake.fail("RemoveListenerCertificates", CloudErrorKind::NotFound);
    assert_eq!(gone(&fake, &plan).await, ["RemoveListenerCertificates listener/web:443"]);
}
