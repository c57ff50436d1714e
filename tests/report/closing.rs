//! The last lines of reports: they agree with the exit code, say what fails, and what to do.

use no502::cloud::{Facts, Snapshot};
use no502::model::kind::{Action, FixedResponse};
use no502::model::{Id, Spec};
use no502::plan::{Options, Plan, Selection, Unmatched, plan};
use no502::report::remark::Weight;
use no502::report::text;
use no502::report::watch::Watch;
use no502::report::{Look, Report, View};

use super::{calls, deployed, shop, view};
use crate::offline::{desired as stack, planned};
use crate::support::fake::{Fake, identity};

fn check(plan: &Plan, watch: Watch) -> String {
    let (desired, calls) = (shop(), calls());
    let view = view("check", plan, &desired, &calls);
    let report = report(plan, watch);
    let code = match report.weight() {
        Weight::None => 0,
        Weight::Incomplete => 4,
        Weight::Differs => 2,
        Weight::FiveXx => 3,
    };
    text::check(&view, &report, code, &Look::default())
}

fn report(plan: &Plan, watch: Watch) -> Report {
    let (desired, calls) = (shop(), calls());
    Report::of_plan(&view("check", plan, &desired, &calls), watch, "2026-11-22T00:00:00Z".parse().unwrap())
}

fn last(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn closed() -> Action {
    Action::FixedResponse(FixedResponse { status: 418, content_type: None, body: None })
}

/// A rule of nobody, and a setting that no file mentions.
fn strangers(snapshot: &mut Snapshot) {
    let rule = snapshot.rules().find(|(_, rule)| rule.priority == Some(30)).map(|(_, rule)| rule.clone());
    let mut rule = rule.unwrap();
    (rule.priority, rule.tags) = (Some(35), Default::default());
    rule.when.as_mut().unwrap().path = ["/theirs".to_owned()].into();
    snapshot.insert(Id("arn:theirs".into()), rule, Facts::None);
    for live in snapshot.found.values_mut() {
        if let Spec::LoadBalancer(balancer) = &mut live.spec {
            balancer.attributes.insert("routing.http.xff_client_port.enabled".into(), "true".into());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_a_check_is_said_and_nothing_else_is() {
    let fake = deployed().await;
    fake.edit(strangers);
    let plan = planned(&fake, &shop()).await;
    assert!(plan.is_clean());
    // what no file mentions is said, and does not count
    let quiet = check(&plan, Watch::Drift);
    assert!(quiet.starts_with("ok: stack shop: 18 resources in sync; rule/"), "{quiet}");
    assert!(
        quiet.contains("routing.http.xff_client_port.enabled is true, AWS's default is false; in no file"),
        "{quiet}"
    );
    assert_eq!(quiet.lines().count(), 1);
    let any = check(&plan, Watch::Any);
    assert!(!any.starts_with("ok"), "{any}");
    let closing = "Check fails (--fail-on any, exit code 2): 1 resource unmanaged; 1 setting undeclared.";
    assert_eq!(any.lines().next(), Some(closing));
    assert_eq!(report(&plan, Watch::Any).weight(), Weight::Differs);
    assert_eq!(report(&plan, Watch::Drift).weight(), Weight::None);

    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Spec::Rule(rule) = &mut live.spec
                && rule.priority == Some(30)
            {
                rule.when.as_mut().unwrap().path = ["/drifted".to_owned()].into();
            }
        }
    });
    let plan = planned(&fake, &shop()).await;
    let drift = check(&plan, Watch::Drift);
    assert!(drift.starts_with("Check fails (--fail-on drift, exit code"), "{drift}");
    assert!(drift.contains("1 resource differs (drift 1)"), "{drift}");
    assert!(!drift.contains("unmanaged;"), "{drift}");
    let never = check(&plan, Watch::Nothing);
    assert!(never.starts_with("Check passes: there is nothing that `--fail-on never` counts; "), "{never}");
    assert!(
        never.contains("`no502 plan` shows the steps that close the differences, `no502 apply` runs them."),
        "{never}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_hurts_is_said_even_where_it_does_not_count() {
    let fake = deployed().await;
    fake.edit(super::drift);
    let plan = planned(&fake, &shop()).await;
    let text = check(&plan, Watch::FiveXx);
    let closing = text.lines().take(3).collect::<Vec<_>>().join(" ");
    assert!(closing.contains("Check fails (--fail-on 5xx, exit code 3):") && closing.contains("that clients see 5xx"));
    assert!(closing.contains("can make clients see 5xx"), "{closing}");
    let never = check(&plan, Watch::Nothing);
    assert!(never.contains("CRITICAL") && never.contains("Check passes"), "{never}");
}

/// The load balancer is another stack's, and a field of a target group cannot be edited.
fn refused(snapshot: &mut Snapshot) {
    for live in snapshot.found.values_mut() {
        match &mut live.spec {
            Spec::SecurityGroup(group) if group.description.as_deref() == Some("shop: front door") => {
                group.description = Some("the old front door".into());
            }
            Spec::TargetGroup(group) if group.name == "canary" => {
                group.tags.insert("no502:id".into(), "bank:target_group/canary".into());
                group.health_check.path = Some("/".into());
            }
            Spec::LoadBalancer(balancer) => {
                balancer.attributes.insert("idle_timeout.timeout_seconds".into(), "55".into());
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_plan_names_what_to_do() {
    let fake = deployed().await;
    fake.edit(refused);
    let plan = planned(&fake, &shop()).await;
    let text = check(&plan, Watch::Drift);
    let hints: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("hint: change")).collect();
    let hints = hints.join("\n").replace("\n  ", " ");
    let expected = "hint: change `target_group/canary` where it is owned, or lift the guard with `--dangerous-allow foreign-owner`; `--target` applies other changes meanwhile\n\
                    hint: change the file back, or `security_group/alb` by hand; `--target` applies other changes meanwhile";
    assert_eq!(hints, expected);
    assert!(!text.contains("`no502 apply` runs them"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_not_called_in_sync() {
    let fake = deployed().await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Spec::Rule(rule) = &mut live.spec
                && rule.priority == Some(30)
            {
                rule.action = Some(closed());
                rule.beyond = ["something new".to_owned()].into();
            }
        }
    });
    let (plan, desired, calls) = (planned(&fake, &shop()).await, shop(), calls());
    assert_eq!((plan.held.len(), plan.steps.len()), (1, 0), "{:#?}", plan.steps);
    let text = text::plan(&view("plan", &plan, &desired, &calls), &Look::default());
    assert!(last(&text, 1).starts_with("1 difference, but it stays as things are: see `Held` above. "), "{text}");
    let text = check(&plan, Watch::Drift);
    assert!(!text.contains("shows the steps that close them"), "{text}");
}

fn with_targets(fake: &Fake, targets: &[&str], unmatched: Unmatched) -> Result<Plan, Vec<no502::desired::Problem>> {
    let targets = targets.iter().map(|glob| (*glob).to_owned()).collect();
    let selection = Selection { targets, unmatched, ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    plan(&shop(), fake.snapshot(), identity(), "2026-11-22T00:00:00Z".parse().unwrap(), &options)
}

#[tokio::test(start_paused = true)]
async fn a_target_that_names_nothing_is_an_error_with_what_is_near() {
    let fake = deployed().await;
    fake.edit(strangers);
    let said = |targets: &[&str]| -> Vec<String> {
        let problems = with_targets(&fake, targets, Unmatched::Mistake).unwrap_err();
        problems.into_iter().map(|p| format!("{} | {}", p.message, p.hint.unwrap_or_default())).collect()
    };
    let one = said(&["target_group/djnago", "listener/web:443"]);
    let near =
        "--target: no resource in these files has the address `target_group/djnago` | near it: `target_group/django`";
    assert!(one.len() == 1 && one[0].starts_with(near), "{one:?}");
    let both = said(&["certificate/x*", "rule/web:443/#35"]);
    assert!(
        both.len() == 2
            && both[1].ends_with("rule/web:443/#35 is unmanaged: no file mentions it, and no plan touches it")
    );
    let far = said(&["q"]);
    assert!(far[0].contains("there are 18, such as `security_group/alb`, "), "{far:?}");
    assert!(with_targets(&fake, &["listener/*"], Unmatched::Mistake).unwrap().is_clean());
    assert!(with_targets(&fake, &["rule/web:443/gone"], Unmatched::Done).unwrap().is_clean());
}

#[tokio::test(start_paused = true)]
async fn what_was_not_asked_for_is_not_called_in_sync() {
    let fake = deployed().await;
    fake.edit(super::drift);
    let plan = with_targets(&fake, &["certificate/*"], Unmatched::Mistake).unwrap();
    let (desired, calls) = (shop(), calls());
    let text = text::plan(&view("plan", &plan, &desired, &calls), &Look::default());
    assert!(last(&text, 1).starts_with("No differences in what you asked for. "), "{text}");
}

#[tokio::test(start_paused = true)]
async fn adopting_says_what_it_marks_releases_and_leaves() {
    let fake = deployed().await;
    let said = |desired: &no502::desired::Resolved, plan: &Plan| {
        text::adoption(plan, &plan.adoption(), desired, &Look::default())
    };
    let desired = shop();
    let plan = planned(&fake, &desired).await;
    assert_eq!(said(&desired, &plan), "Nothing to adopt: what matches is marked as managed by stack shop already.\n");

    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            match &mut live.spec {
                Spec::TargetGroup(group) if group.name == "canary" => {
                    group.tags.insert("no502:id".into(), "bank:target_group/canary".into());
                }
                Spec::TargetGroup(group) if group.name == "frontend" => {
                    group.tags.clear();
                    group.tags.insert("team".into(), "shop".into());
                }
                Spec::Rule(rule) if rule.priority == Some(30) => rule.action = Some(closed()),
                _ => {}
            }
        }
    });
    let body = include_str!("../../desired/shop.yaml");
    let given = body.replace("  app:\n    vpc: main\n", "  app:\n    existing: true\n    vpc: main\n");
    assert_ne!(given, body);
    let desired = stack(&given[given.find("certificates:").unwrap()..]);
    let plan = planned(&fake, &desired).await;
    insta::assert_snapshot!(said(&desired, &plan), @r"
    10 resources match the files; they will be marked as managed by stack shop:
      security_group/alb
      certificate/app
      target_group/django
      target_group/frontend
      load_balancer/web
      listener/web:443
      listener/web:80
      rule/web:443/checkout
      rule/web:443/maintenance
      rule/web:443/moved
    1 resource is declared as existing, and no longer managed by stack shop; it loses its marks:
      security_group/app
    Refused, because somebody else owns it:
      target_group/canary: it belongs to the stack `bank`
    hint: declare it with `existing: true` to use it without owning it
    1 resource differs from the files and is not adopted; `no502 plan` says how:
      rule/web:443/api
    ");
    let closing = text::plan(&View { paths: "", ..view("plan", &plan, &desired, &calls()) }, &Look::default());
    assert!(!closing.contains("not marked as managed"), "{closing}");
}
