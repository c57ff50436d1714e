//! Fields one by one: declared in the files, written on creation, mended when they drift, quiet afterwards.

use std::sync::Arc;

use no502::apply::Outcome;
use no502::cloud::{CertificateFacts, Facts, Snapshot};
use no502::diff::Verdict;
use no502::model::kind::{
    Action, Certificate, Listener, MutualAuthentication, Rewrite, Rule, SecurityGroup, TrafficRule,
};
use no502::model::value::KeyAlgorithm;
use no502::model::{Id, Link, Spec, StepId};
use no502::plan::Plan;

use super::apply::account;
use super::{STACK, applied, desired, planned};
use crate::support::fake::Fake;

/// The stack with texts replaced; each must be there.
pub fn stack(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(STACK.to_owned(), |stack, (from, to)| {
        assert!(stack.contains(from), "{from}");
        stack.replacen(from, to, 1)
    })
}

/// A cloud on which these files were applied; the plan after is empty.
pub(super) async fn deployed(body: &str) -> Arc<Fake> {
    let fake = Arc::new(account());
    fake.edit(partner);
    mend(&fake, body).await;
    fake
}

/// Applies, and sees that nothing is left; returns what the plan named and the calls that were made, marks aside.
pub(super) async fn mend(fake: &Arc<Fake>, body: &str) -> (Vec<String>, Vec<&'static str>) {
    let before = fake.names().len();
    let plan = planned(fake, &desired(body)).await;
    assert!(plan.refused.is_empty() && plan.held.is_empty(), "{:#?} {:#?}", plan.refused, plan.held);
    let (run, _) = applied(fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{:#?}", run.outcome);
    let again = planned(fake, &desired(body)).await;
    assert!(again.is_clean() && again.steps.is_empty(), "{:#?}", differences(&again));
    let marks = |name: &&&str| !matches!(**name, "AddTags" | "CreateTags");
    (differences(&plan), fake.names()[before..].iter().filter(marks).copied().collect())
}

/// Every difference as `address path`, or `address create`.
pub(super) fn differences(plan: &Plan) -> Vec<String> {
    let one = |change: &no502::diff::Change| match &change.verdict {
        Verdict::Create => vec![format!("{} create", change.address)],
        verdict => verdict.fields().iter().map(|f| format!("{} {}", change.address, f.path)).collect(),
    };
    plan.differences().flat_map(one).collect()
}

const PARTNER: &str = "arn:aws:acm:eu-west-1:000000000000:certificate/2";

fn partner(snapshot: &mut Snapshot) {
    let spec = Certificate {
        domain: Some("partner.example.org".into()),
        names: Some(["partner.example.org".to_owned()].into()),
        key_algorithm: Some(KeyAlgorithm::Rsa2048),
        ..Certificate::default()
    };
    let facts = CertificateFacts { status: "ISSUED".into(), ..CertificateFacts::default() };
    snapshot.insert(Id(PARTNER.into()), spec, Facts::Certificate(facts));
}

pub(super) fn listener(snapshot: &mut Snapshot, port: u16, edit: impl Fn(&mut Listener)) {
    for live in snapshot.found.values_mut() {
        if let Spec::Listener(listener) = &mut live.spec
            && listener.port == port
        {
            edit(listener);
        }
    }
}

fn group(snapshot: &mut Snapshot, name: &str, edit: impl Fn(&mut SecurityGroup)) {
    for live in snapshot.found.values_mut() {
        if let Spec::SecurityGroup(group) = &mut live.spec
            && group.name == name
        {
            edit(group);
        }
    }
}

fn with_sni() -> String {
    stack(&[
        ("certificates:\n", "certificates:\n  partner: { domain: partner.example.org }\n"),
        ("certificate: app\n", "certificate: app\n        sni_certificates: [partner]\n"),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_certificate_by_server_name_is_added_and_others_are_left_alone() {
    let fake = deployed(&with_sni()).await;
    assert_eq!(fake.names().iter().filter(|n| **n == "AddListenerCertificates").count(), 1);
    let other = Link::Id(Id("arn:aws:acm:eu-west-1:000000000000:certificate/9".into()));
    fake.edit(|s| listener(s, 443, |l| l.sni_certificates = Some(vec![other.clone()])));
    let (differences, calls) = mend(&fake, &with_sni()).await;
    assert_eq!(differences, ["listener/web:443 sni_certificates"]);
    assert_eq!(calls, ["AddListenerCertificates"]);
    let snapshot = fake.snapshot();
    let (_, https) = snapshot.listeners().find(|(_, l)| l.port == 443).unwrap();
    assert_eq!(https.sni_certificates, Some(vec![other, Link::Id(Id(PARTNER.into()))]));
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_on_the_listener_before_the_default_one_leaves() {
    let fake = deployed(&stack(&[])).await;
    let body = with_sni().replacen("certificate: app", "certificate: partner", 1).replacen("[partner]", "[app]", 1);
    let steps = planned(&fake, &desired(&body)).await.steps;
    let at = |id: &str| steps.iter().position(|s| s.id == StepId(id.into())).unwrap_or_else(|| panic!("no {id}"));
    let add = at("AddListenerCertificates listener/web:443");
    assert!(add < at("ModifyListener listener/web:443"), "clients that ask for the old name would see the new one");
    mend(&fake, &body).await;
}

#[tokio::test(start_paused = true)]
async fn a_redirect_waits_for_the_names_of_the_listener_it_leads_to() {
    let steps = planned(&account_with_partner(), &desired(&with_sni())).await.steps;
    let redirect = steps.iter().find(|s| s.id.0 == "CreateListener listener/web:80").unwrap();
    assert!(redirect.after.iter().any(|a| a.step.0 == "AddListenerCertificates listener/web:443"), "{redirect:#?}");
}

fn account_with_partner() -> Fake {
    let fake = account();
    fake.edit(partner);
    fake
}

fn with_egress() -> String {
    stack(&[(
        "ports: [80, 443] }] }",
        "ports: [80, 443] }],\n    egress: [{ to: app, ports: [8000], description: targets }, { to: 10.9.0.0/16, ports: \"53\", protocol: udp }] }",
    )])
}

#[tokio::test(start_paused = true)]
async fn what_may_go_out_is_granted_and_a_broader_rule_is_enough() {
    let fake = deployed(&with_egress()).await;
    assert_eq!(fake.names().iter().filter(|n| **n == "AuthorizeSecurityGroupEgress").count(), 1);
    let live = |fake: &Fake| {
        let snapshot = fake.snapshot();
        let (_, group) = snapshot.security_groups().find(|(_, g)| g.name == "alb").unwrap();
        group.egress.clone().unwrap()
    };
    assert_eq!(live(&fake).len(), 2, "a new group lets everything out: only the group needs a rule of its own");

    fake.edit(|s| group(s, "alb", |g| g.egress.iter_mut().flatten().for_each(|r| r.description = None)));
    let (differences, calls) = mend(&fake, &with_egress()).await;
    assert_eq!(differences, ["security_group/alb egress"]);
    assert_eq!(calls, ["UpdateSecurityGroupRuleDescriptionsEgress"]);

    fake.edit(|s| group(s, "alb", |g| g.egress = Some(Vec::new())));
    let (differences, calls) = mend(&fake, &with_egress()).await;
    assert_eq!(differences, ["security_group/alb egress"]);
    assert_eq!(calls, ["AuthorizeSecurityGroupEgress"]);
    let words: Vec<String> = live(&fake).iter().map(TrafficRule::to_string).collect();
    assert!(words.contains(&"udp 53 10.9.0.0/16".to_owned()), "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn targets_are_registered_only_once_the_load_balancer_may_reach_them() {
    let steps = planned(&account_with_partner(), &desired(&with_egress())).await.steps;
    let register = steps.iter().find(|s| s.id.0 == "RegisterTargets target_group/django").unwrap();
    assert!(register.after.iter().any(|a| a.step.0 == "AuthorizeSecurityGroupEgress security_group/alb"));
}

/// Changes every rule.
pub(super) fn rules(snapshot: &mut Snapshot, edit: impl Fn(&mut Rule)) {
    for live in snapshot.found.values_mut() {
        if let Spec::Rule(rule) = &mut live.spec {
            edit(rule);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_may_be_regular_expressions() {
    let body = stack(&[(
        "when: { path: [\"/api/*\"] }",
        "when: { path_regex: [\"^/api/[0-9]+$\"], host_regex: [\"^shop[.]\"] }",
    )]);
    let fake = deployed(&body).await;
    fake.edit(|s| {
        rules(s, |r| {
            let when = r.when.as_mut().unwrap();
            if !when.path_regex.is_empty() {
                when.path_regex = ["^/".to_owned()].into();
                when.host_regex.clear();
            }
        });
    });
    let (differences, calls) = mend(&fake, &body).await;
    assert_eq!(differences, ["rule/web:443/api when.host_regex", "rule/web:443/api when.path_regex"]);
    assert_eq!(calls, ["ModifyRule"]);
}

fn with_rewrite(rewrite: &str) -> String {
    stack(&[("forward: django }", &format!("forward: django, rewrite: {rewrite} }}"))])
}

#[tokio::test(start_paused = true)]
async fn rewrites_are_written_whole_and_taken_away() {
    let body = with_rewrite(r#"{ path: [{ match: "^/api/(.*)", replace: "/$1" }] }"#);
    let fake = deployed(&body).await;
    let host = r#"{ host: [{ match: "^www[.]", replace: "" }] }"#;
    let (differences, calls) = mend(&fake, &with_rewrite(host)).await;
    assert_eq!(differences, ["rule/web:443/api rewrite.host"], "the path is not mentioned, so it is left alone");
    assert_eq!(calls, ["ModifyRule"]);
    let rewrites = |fake: &Fake| {
        let snapshot = fake.snapshot();
        let found: Vec<Rewrite> = snapshot.rules().filter_map(|(_, rule)| rule.rewrite.clone()).collect();
        found
    };
    assert!(rewrites(&fake)[0].path.is_some() && rewrites(&fake)[0].host.is_some(), "AWS replaces transforms whole");
    let (differences, _) = mend(&fake, &with_rewrite("{ path: [], host: [] }")).await;
    assert_eq!(differences, ["rule/web:443/api rewrite.path", "rule/web:443/api rewrite.host"]);
    assert!(rewrites(&fake).iter().all(Rewrite::is_empty));
}

fn weighted(to: &str, stickiness: &str) -> String {
    stack(&[
        (
            "target_groups:\n",
            "target_groups:\n  green: { protocol: http, port: 8000, target_type: ip, vpc: vpc-0a1b2c3d }\n  blue: { protocol: http, port: 8000, target_type: ip, vpc: vpc-0a1b2c3d }\n",
        ),
        ("forward: django }", &format!("forward: {{ to: {to}, stickiness: {stickiness}, weights: external }} }}")),
    ])
}

#[tokio::test(start_paused = true)]
async fn weights_that_a_deployer_shifts_are_left_as_they_are() {
    let body = weighted("{ django: 100, green: 0 }", "10m");
    let fake = deployed(&body).await;
    fake.edit(|s| {
        rules(s, |r| {
            if let Some(Action::Forward(forward)) = &mut r.action {
                forward.to.values_mut().for_each(|w| *w = if *w == 0 { 90 } else { 10 });
            }
        });
    });
    let plan = planned(&fake, &desired(&body)).await;
    assert!(plan.is_clean() && plan.steps.is_empty(), "{:#?}", plan.steps);
    // another field and a new group: the shifted weights go back as they are
    let (differences, calls) = mend(&fake, &weighted("{ django: 100, green: 0, blue: 5 }", "20m")).await;
    let of_rule: Vec<&str> = differences.iter().filter(|d| d.starts_with("rule/")).map(String::as_str).collect();
    assert_eq!(of_rule, ["rule/web:443/api forward", "rule/web:443/api forward.stickiness"]);
    assert!(calls.contains(&"ModifyRule"));
    let snapshot = fake.snapshot();
    let mut weights: Vec<u16> =
        snapshot.rules().filter_map(|(_, r)| r.action.as_ref()).flat_map(|a| a.groups().map(|(_, w)| w)).collect();
    weights.sort_unstable();
    assert_eq!(weights, [5, 10, 90]);
}

const MUTUAL: &str = "certificate: app\n        mutual_authentication: { verify: \"arn:aws:elasticloadbalancing:eu-west-1:000000000000:truststore/partners/1\", ignore_expiry: true }\n";

#[tokio::test(start_paused = true)]
async fn clients_certificates_are_checked_as_declared_and_the_rest_is_left_alone() {
    let body = stack(&[("certificate: app\n", MUTUAL)]);
    let fake = deployed(&body).await;
    let live = |fake: &Fake| {
        let snapshot = fake.snapshot();
        let (_, https) = snapshot.listeners().find(|(_, l)| l.port == 443).unwrap();
        https.mutual_authentication.clone()
    };
    let Some(MutualAuthentication::Verify(made)) = live(&fake) else { panic!("{:?}", live(&fake)) };
    assert_eq!((made.ignore_expiry, made.advertise_ca_names), (Some(true), Some(false)), "AWS fills in the rest");
    fake.edit(|s| {
        listener(s, 443, |l| {
            let Some(MutualAuthentication::Verify(verify)) = &mut l.mutual_authentication else { panic!() };
            (verify.ignore_expiry, verify.advertise_ca_names) = (Some(false), Some(true));
        });
    });
    let (differences, calls) = mend(&fake, &body).await;
    assert_eq!(differences, ["listener/web:443 mutual_authentication.ignore_expiry"]);
    assert_eq!(calls, ["ModifyListener"]);
    let Some(MutualAuthentication::Verify(mended)) = live(&fake) else { panic!("{:?}", live(&fake)) };
    assert_eq!(mended.advertise_ca_names, Some(true), "it goes back as it is, because AWS takes the whole");
    let off = stack(&[("certificate: app\n", "certificate: app\n        mutual_authentication: disabled\n")]);
    let (differences, _) = mend(&fake, &off).await;
    assert_eq!(differences, ["listener/web:443 mutual_authentication"]);
    assert_eq!(live(&fake), Some(MutualAuthentication::Disabled));
}

#[tokio::test(start_paused = true)]
async fn pools_and_capacity_are_asked_for_and_taken_back() {
    let with = |lines: &str| stack(&[("idle_timeout: 60s\n", &format!("idle_timeout: 60s\n{lines}"))]);
    let body = with("    ipam_pool: ipam-pool-0123456789abcdef0\n    minimum_capacity: 200\n");
    let fake = deployed(&body).await;
    assert!(!fake.names().contains(&"ModifyIpPools"), "a pool is part of the creation");
    assert_eq!(fake.names().iter().filter(|n| **n == "ModifyCapacityReservation").count(), 1);
    let silent = planned(&fake, &desired(&stack(&[]))).await;
    let web = silent.diff.changes.iter().find(|c| c.address.to_string() == "load_balancer/web").unwrap();
    let undeclared: Vec<&str> = web.undeclared.iter().map(|u| u.path.as_str()).collect();
    assert_eq!(undeclared, ["ipam_pool", "minimum_capacity"]);
    let (differences, calls) = mend(&fake, &with("    ipam_pool: none\n    minimum_capacity: 0\n")).await;
    assert_eq!(differences, ["load_balancer/web ipam_pool", "load_balancer/web minimum_capacity"]);
    assert_eq!(calls, ["ModifyIpPools", "ModifyCapacityReservation"]);
}
