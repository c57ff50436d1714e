use std::time::Duration;

use insta::assert_snapshot;
use no502::cloud::{CloudError, CloudErrorKind, Gap, Hidden, NeededFor, Snapshot};
use no502::model::kind::{Action, FixedResponse, Rule};
use no502::model::{Id, Kind, Link, Spec};
use no502::report::text::{Run, RunEnd};
use no502::report::watch::Watch;
use no502::report::{Colour, Detail, Look, Report, Validation, View, text};
use no502::rules;

use super::{account, calls, deployed, drifted, shop, view};
use crate::offline::{desired as stack, planned};
use crate::support::fake::Fake;

const BRIEF: Look = Look { colour: Colour::Off, detail: Detail::Brief, width: 100 };
const FULL: Look = Look { detail: Detail::Full, ..BRIEF };

/// The text of a check.
fn checked(view: &View<'_>, look: &Look) -> String {
    let report = Report::of_plan(view, Watch::Drift, "2026-11-22T00:00:00Z".parse().unwrap());
    text::check(view, &report, 3, look)
}

/// What no report may hold: lines that do not fit, spaces at line ends, two empty lines in a row.
fn tidy(text: &str, width: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= width, "{} columns: {line}", line.chars().count());
        assert_eq!(line.trim_end(), line);
    }
    assert!(!text.contains("\n\n\n") && text.ends_with('\n') && !text.starts_with('\n'), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_fits_one_screen() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let text = text::plan(&view("plan", &plan, &desired, &calls), &BRIEF);
    assert_snapshot!("plan", text);
    tidy(&text, 100);
    assert!(text.lines().count() <= 50, "{} lines", text.lines().count());
    assert_eq!(text, text::plan(&view("plan", &plan, &desired, &calls), &BRIEF));
}

#[tokio::test(start_paused = true)]
async fn what_no_difference_touches_is_not_called_mended() {
    let (fake, mut desired, calls) = (deployed().await, shop(), calls());
    let frontend = no502::model::Address::target_group("frontend");
    let Some(Spec::TargetGroup(group)) = desired.specs.get_mut(&frontend) else { panic!() };
    group.health_check.protocol = None;
    fake.edit(super::drift);
    fake.edit(|snapshot| {
        // undeclared; that health is unknown after the plan's network change proves nothing
        for live in snapshot.found.values_mut() {
            if let Spec::TargetGroup(group) = &mut live.spec
                && group.name == "frontend"
            {
                group.health_check.protocol = Some(no502::model::value::Protocol::Https);
            }
        }
    });
    let plan = planned(&fake, &desired).await;
    let text = text::plan(&view("plan", &plan, &desired, &calls), &BRIEF);
    assert!(text.contains("(E105, stays)\n") && text.contains("            fix: "), "{text}");
    assert!(text.contains("After it, 1 finding of high or critical severity is left"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn in_full_nothing_is_counted_away() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let text = text::plan(&view("plan", &plan, &desired, &calls), &FULL);
    for step in &plan.steps {
        assert!(text.contains(&format!("{} {}", step.operation.name(), step.address)), "{}", step.id);
    }
    for finding in plan.now.findings.iter().chain(&plan.afterwards.findings) {
        assert!(text.contains(&finding.title), "{}", finding.id());
    }
}

#[tokio::test(start_paused = true)]
async fn colours_change_no_letter() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let v = view("plan", &plan, &desired, &calls);
    let coloured = text::plan(&v, &Look { colour: Colour::On, ..BRIEF });
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    for (at, part) in coloured.split('\u{1b}').enumerate() {
        plain.push_str(if at == 0 { part } else { part.split_once('m').map_or(part, |(_, rest)| rest) });
    }
    assert_eq!(
        plain.lines().map(str::trim_end).collect::<Vec<_>>(),
        text::plan(&v, &BRIEF).lines().collect::<Vec<_>>()
    );
    // a narrow terminal is no reason to fail
    let _ = text::plan(&v, &Look { width: 1, ..BRIEF });
}

#[tokio::test(start_paused = true)]
async fn a_check_says_what_to_run() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let mut v = view("check", &plan, &desired, &calls);
    v.paths = "desired/";
    let text = checked(&v, &BRIEF);
    tidy(&text, 100);
    assert!(text.contains("CRITICAL  target_group/django  health check asks /health, targets answer 404  (E101)"));
    // the first screen of a log says how it ended, why, and what to run
    let first: Vec<&str> = text.lines().take(4).collect();
    assert!(first[0].starts_with("Check fails (--fail-on drift, exit code 3): "), "{first:#?}");
    assert!(
        first.join(" ").contains("findings say that clients see 5xx; 11 resources differ (drift 11);"),
        "{first:#?}"
    );
    let next = "`no502 plan desired/` shows the steps that close the differences, `no502 apply desired/` runs them.";
    assert!(first.contains(&next), "{first:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_clean_stack_is_a_line() {
    let (fake, desired, calls) = (deployed().await, shop(), calls());
    let plan = planned(&fake, &desired).await;
    let v = view("check", &plan, &desired, &calls);
    assert_snapshot!(checked(&v, &BRIEF), @"ok: stack shop: 18 resources in sync");
    assert_snapshot!(text::plan(&v, &BRIEF), @r"
    stack shop · account 000000000000 · eu-west-1

    Not checked: E501 and 6 more (needs the network around the targets), in part E507 E508 (needs the
      network around the targets)

    No differences. 18 resources in sync.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_stack_from_nothing_says_what_it_makes() {
    let (desired, calls) = (shop(), calls());
    let plan = planned(&Fake::with(account()), &desired).await;
    let text = text::plan(&view("plan", &plan, &desired, &calls), &BRIEF);
    assert_snapshot!("plan_from_nothing", text);
    tidy(&text, 100);
}

fn denied(operation: &str) -> CloudError {
    CloudError {
        kind: CloudErrorKind::Denied,
        operation: operation.into(),
        code: Some("AccessDenied".into()),
        message: format!("User: arn:aws:iam::000000000000:user/ci is not authorized to perform: {operation}\u{1b}[2J"),
    }
}

/// A rule of somebody else sits on a priority of ours; CloudFormation owns a group; some reads failed.
fn obstruct(snapshot: &mut Snapshot) {
    let listener = snapshot.listeners().find(|(_, l)| l.port == 443).unwrap().0.clone();
    let ours = snapshot.rules().find(|(_, r)| r.priority == Some(30)).map(|(id, r)| (id.clone(), r.clone())).unwrap();
    snapshot.found.remove(&ours.0);
    let body = Some("busy\u{1b}[31m".to_owned());
    let action = Action::FixedResponse(FixedResponse { status: 503, content_type: None, body });
    let stranger = Rule {
        listener: Link::Id(listener.clone()),
        when: Some(no502::model::kind::Conditions { path: ["/busy".to_owned()].into(), ..Default::default() }),
        action: Some(action),
        tags: [].into(),
        ..ours.1
    };
    snapshot.insert(Id(format!("{}/stranger", ours.0)), stranger, no502::cloud::Facts::None);
    for live in snapshot.found.values_mut() {
        if let Spec::TargetGroup(group) = &mut live.spec
            && group.name == "canary"
        {
            group.health_check.path = Some("/".into());
            group.tags.insert("aws:cloudformation:stack-id".into(), "x".into());
        }
        if let Spec::SecurityGroup(group) = &mut live.spec
            && group.description.as_deref() == Some("shop: front door")
        {
            group.description = Some("the old front door".into());
        }
    }
    let hidden = Hidden::Children(super::arn(snapshot, "django"), Kind::Target);
    let gap = |hidden, needed_for, operation| Gap { hidden, needed_for, error: denied(operation) };
    snapshot.gaps.push(gap(hidden, NeededFor::Diff, "DescribeTargetHealth"));
    snapshot.gaps.push(gap(Hidden::Interfaces, NeededFor::Rules, "DescribeNetworkInterfaces"));
}

#[tokio::test(start_paused = true)]
async fn everything_left_out_has_its_reason() {
    let (fake, desired, calls) = (deployed().await, shop(), calls());
    fake.edit(obstruct);
    let plan = planned(&fake, &desired).await;
    let v = view("plan", &plan, &desired, &calls);
    let text = text::plan(&v, &BRIEF);
    assert_snapshot!("plan_with_obstacles", text);
    assert!(!text.contains('\u{1b}'));
    let full = text::plan(&v, &FULL);
    assert!(
        full.contains("Unmanaged: on AWS, not in the files, never touched\n  rule/web:443/#30  fixed response 503"),
        "{full}"
    );
    assert!(!full.contains('\u{1b}'));
    assert!(checked(&v, &BRIEF).contains("The view of AWS is incomplete"));
}

#[tokio::test(start_paused = true)]
async fn long_texts_are_compared_by_line() {
    let body = |text: &str| {
        format!(
            r#"
load_balancers:
  web:
    subnets: [subnet-0a1b2c31, subnet-0a1b2c32]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80: {{ protocol: http, default: {{ fixed_response: {{ status: 503, content_type: text/html, body: {text:?} }} }} }}
"#
        )
    };
    let fake = std::sync::Arc::new(Fake::with(crate::offline::empty_account()));
    let before = stack(&body("<h1>Back soon</h1>\n<p>at ten</p>\n"));
    crate::offline::applied(&fake, &planned(&fake, &before).await).await;
    let after = stack(&body("<h1>Back soon</h1>\n<p>at eleven</p>\n<p>sorry</p>\n"));
    let (plan, calls) = (planned(&fake, &after).await, calls());
    let text = text::plan(&view("plan", &plan, &after, &calls), &BRIEF);
    assert_snapshot!(text, @r"
    stack shop · account 000000000000 · eu-west-1

    1 difference (pending: in the files, not applied yet)
      ~ listener/web:80  -:11
          default.fixed_response.body
            - <p>at ten</p>
            + <p>at eleven</p>
            + <p>sorry</p>

    Steps  1 call, then 1 mark: listeners 1 · mark as managed 1
    Not checked: E501 and 6 more (needs the network around the targets), in part E507 E508 (needs the
      network around the targets)

    Plan: 0 to create, 1 to update, 0 to replace, 0 to remove. None is known to make clients see 5xx.
    ");
}

/// What `validate` says, without how many rules there are: that changes with each new one.
fn validated(validation: &Validation) -> String {
    let counted = |line: &str| {
        let word = |word: &str| if word.parse::<usize>().is_ok() { "N".to_owned() } else { word.to_owned() };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    let line = |line: &str| if line.starts_with("Of ") { counted(line) } else { line.to_owned() };
    text::validate(validation, &BRIEF).lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn files_alone_are_judged() {
    let desired = shop();
    let judged = rules::judge(&no502::plan::of_files(&desired, "2026-11-22T00:00:00Z".parse().unwrap()));
    let validation =
        Validation { files: &desired.files, problems: &[], desired: Some(&desired), judgement: Some(&judged) };
    assert_snapshot!(validated(&validation), @r"
    Of N rules N need to see AWS (`no502 check`), N the targets themselves (`no502 probe`).
    ok: 18 resources in 1 file
    ");

    let body = include_str!("../../desired/shop.yaml").replace("idle_timeout: 60s", "idle_timeout: 120s");
    let desired = stack(&body[body.find("certificates:").unwrap()..]);
    let judged = rules::judge(&no502::plan::of_files(&desired, "2026-11-22T00:00:00Z".parse().unwrap()));
    let validation =
        Validation { files: &desired.files, problems: &[], desired: Some(&desired), judgement: Some(&judged) };
    assert_snapshot!(validated(&validation), @r"
    Clients would see errors
      HIGH      target_group/django, target_group/frontend  (E301)
                targets close idle connections after 75 s, the load balancer after 120 s
                Clients get a sporadic 502 when a request meets a connection that the target has just …
                fix: keep idle connections open for 125 s or more in the application: gunicorn
                --keep-alive 125

    Of N rules N need to see AWS (`no502 check`), N the targets themselves (`no502 probe`).
    valid: 18 resources in 1 file, 2 findings
    ");
}

#[test]
fn runs_end_in_plain_words() {
    let run = |done, end| Run {
        id: "20261122T000000Z-1".into(),
        done,
        total: 11,
        took: Duration::from_millis(75_400),
        waits: Vec::new(),
        end,
        again: "no502 apply desired/".into(),
    };
    let gates = |gates: &[(&str, u64)]| {
        let waits = gates.iter().map(|(step, s)| ((*step).to_owned(), Duration::from_secs(*s))).collect();
        text::run(&Run { waits, ..run(11, RunEnd::Done) }, &BRIEF)
    };
    let (create, register) = ("CreateLoadBalancer load_balancer/web", "RegisterTargets target_group/django");
    assert!(gates(&[(create, 0)]).starts_with("Done"), "what opens at once is not worth a line");
    assert_snapshot!(gates(&[(create, 61)]), @r"
    One gate was waited for, 61 s: `CreateLoadBalancer load_balancer/web`.
    Done: 11 steps in 75 s. AWS now is what the files say.
    ");
    assert_snapshot!(gates(&[(create, 31), (register, 9)]), @r"
    2 gates were waited for, the longest 31 s: `CreateLoadBalancer load_balancer/web`.
    Done: 11 steps in 75 s. AWS now is what the files say.
    ");
    let stopped = RunEnd::Stopped {
        step: "ModifyListener listener/web:443".into(),
        error: "ModifyListener: refused (CertificateNotFound: Certificate 'x' not found)".into(),
    };
    assert_snapshot!(text::run(&run(11, RunEnd::Done), &BRIEF), @r"Done: 11 steps in 75 s. AWS now is what the files say.");
    assert_snapshot!(text::run(&run(10, RunEnd::LeftOpen(1)), &BRIEF), @r"
    Done, but not all: 10 of 11 steps in 75 s; 1 resource still differs.
    hint: `no502 apply desired/` once that is possible; the plan above says why not now
    ");
    let waiting = RunEnd::Waiting {
        step: "RequestCertificate certificate/app".into(),
        sees: "create the DNS record _x.shop.example.com CNAME _y.acm-validations.aws".into(),
    };
    assert_snapshot!(text::run(&run(4, waiting), &BRIEF), @r"
    Waiting after 4 of 11 steps in 75 s, for what `RequestCertificate certificate/app` needs:
      create the DNS record _x.shop.example.com CNAME _y.acm-validations.aws
    hint: `no502 apply desired/` goes on once that is done
    ");
    assert_snapshot!(text::run(&run(4, stopped), &BRIEF), @r"
    Stopped after 4 of 11 steps in 75 s, at `ModifyListener listener/web:443`:
      ModifyListener: refused (CertificateNotFound: Certificate 'x' not found)
    Nothing more was started; what was done stays done. The journal holds what was there before.
    hint: `no502 apply desired/` reads AWS and goes on from here
    ");
    assert_snapshot!(text::run(&run(4, RunEnd::Interrupted), &BRIEF), @r"
    Interrupted after 4 of 11 steps in 75 s. The call in flight was finished and recorded.
    hint: `no502 apply desired/` reads AWS and goes on from here
    ");
}

#[test]
fn calls_are_counted_in_a_line() {
    assert_eq!(text::api_calls(&calls(), Detail::Brief), "API: 3 calls");
    assert_eq!(text::api_calls(&calls(), Detail::Full), "API: 3 calls (DescribeRules 2, DescribeListeners 1)");
    assert_eq!(text::api_calls(&no502::cloud::ApiCalls::default(), Detail::Full), "API: no calls");
}

#[test]
fn rules_are_explained() {
    let rule = rules::find("E301").unwrap();
    let text = text::explanation(&rules::explain::explanation(rule), &BRIEF);
    assert!(text.starts_with("E301 keepalive-lt-idle: "), "{text}");
    assert!(text.contains("\nFires: ") && text.contains("\nSilent: ") && text.contains("Sources: "), "{text}");
    tidy(&text, 120);
    let table = text::rule_table(rules::ALL, &BRIEF);
    assert_eq!(table.lines().count(), rules::ALL.len() + 3);
    assert!(table.starts_with("rule  name"), "{table}");
}
