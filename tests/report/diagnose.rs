//! What `diagnose` says of the example stack after its bad night, with and without files.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use no502::cloud::{CloudErrorKind, Gap, Hidden, Identity, NeededFor, Snapshot};
use no502::desired::Resolved;
use no502::diagnose::log::{Tally, read};
use no502::diagnose::metrics::Asked;
use no502::diagnose::{By, Case, Diagnosis, diagnose};
use no502::model::Kind;
use no502::report::{Colour, Detail, Diagnosed, Look, json, text};
use no502::rules::Severity;
use serde_json::Value;

use super::{calls, deployed, drift, shop};
use crate::support::fake::error;

const BRIEF: Look = Look { colour: Colour::Off, detail: Detail::Brief, width: 100 };
const FULL: Look = Look { detail: Detail::Full, ..BRIEF };

/// The live view of the example, changed by hand.
async fn live(edit: impl Fn(&mut Snapshot)) -> Snapshot {
    let fake = deployed().await;
    fake.edit(edit);
    fake.snapshot()
}

fn now() -> jiff::Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn of(snapshot: &Snapshot, desired: Option<&Resolved>) -> Diagnosis {
    let case = match desired {
        Some(desired) => Case::under(desired, snapshot, now()),
        None => Case::without_files(snapshot, now()),
    };
    diagnose(&case.unwrap(), &BTreeSet::new())
}

fn printed(diagnosis: &Diagnosis, desired: Option<&Resolved>, look: &Look) -> (String, Value) {
    let identity = Identity { account: "000000000000".into(), region: "eu-west-1".into(), arn: "arn".into() };
    let calls = calls();
    let of = Diagnosed { diagnosis, desired, identity: &identity, api_calls: &calls, paths: "" };
    (text::diagnosis(&of, look), serde_json::from_str(&json::to_text(&json::diagnosis(&of))).unwrap())
}

fn codes(diagnosis: &Diagnosis) -> BTreeSet<&str> {
    diagnosis.findings().map(|finding| finding.rule.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_causes_fit_one_screen_worst_first() {
    let (live, desired) = (live(drift).await, shop());
    let diagnosis = of(&live, Some(&desired));
    let (text, document) = printed(&diagnosis, Some(&desired), &BRIEF);
    assert_snapshot!("diagnose", text);
    assert!(text.lines().count() <= 50, "{} lines\n{text}", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{text}");
    for code in ["E501", "E105", "E605", "E401", "E101", "E303", "E301", "E805"] {
        assert!(codes(&diagnosis).contains(code) && text.contains(code), "{code}\n{text}");
    }
    let weights: Vec<f64> = diagnosis.causes.iter().map(no502::diagnose::Cause::weight).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
    assert_eq!(diagnosis.causes[0].finding.severity, Severity::Critical);
    // the idle timeout was edited: that the targets close first only follows
    let edited = diagnosis.causes.iter().find(|c| c.finding.rule == "E303").unwrap();
    assert!(edited.consequences.iter().any(|f| f.rule == "E301"), "{edited:#?}");
    assert_eq!(edited.by, By::Apply);
    assert!(edited.call.as_ref().unwrap().ends_with("--attributes Key=idle_timeout.timeout_seconds,Value=60"));
    let listed = document["findings"].as_array().unwrap();
    assert_eq!(listed.len(), diagnosis.findings().count());
    assert!(listed.iter().any(|f| f["rule"] == "E301" && f["consequence_of"] == "E303:load_balancer/web:idle_timeout"));
}

#[tokio::test(start_paused = true)]
async fn what_comes_next_is_what_helps() {
    let (live, desired) = (live(drift).await, shop());
    let mut diagnosis = of(&live, Some(&desired));
    diagnosis.causes.retain(|cause| cause.finding.severity >= Severity::High);
    diagnosis.causes.truncate(3);
    let mut next = |by: [By; 3]| {
        for (cause, by) in diagnosis.causes.iter_mut().zip(by) {
            cause.by = by;
        }
        let text = printed(&diagnosis, Some(&desired), &BRIEF).0;
        text.lines().find_map(|line| line.strip_prefix("next: ")).map(str::to_owned)
    };
    for (by, expected) in [
        ([By::Apply, By::Apply, By::Apply], Some("`no502 apply` mends all of them")),
        ([By::Apply, By::Hand, By::Hand], Some("`no502 apply` mends 1 of them")),
        ([By::Declare; 3], Some("correct the file as the fixes say, then `no502 apply` mends all of them")),
        (
            [By::Apply, By::Declare, By::Declare],
            Some("`no502 apply` mends 1 of them; correct the file as the fixes say, and it mends 2 more"),
        ),
        ([By::Hand; 3], None),
    ] {
        assert_eq!(next(by).as_deref(), expected, "{by:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_files_the_live_state_speaks_for_itself() {
    let live = live(drift).await;
    let diagnosis = of(&live, None);
    let (text, document) = printed(&diagnosis, None, &BRIEF);
    assert_snapshot!("diagnose_without_files", text);
    for code in ["E501", "E105", "E605", "E101"] {
        assert!(codes(&diagnosis).contains(code), "{code}\n{text}");
    }
    assert!(diagnosis.not_checked.iter().any(|n| n.rule == "E303"));
    // what the stack made has its name, whatever AWS calls it
    assert!(diagnosis.findings().any(|f| f.address.to_string() == "security_group/app"), "{text}");
    assert!(diagnosis.causes.iter().all(|c| matches!(c.by, By::Export | By::Hand)));
    assert!(text.contains("no502 export web > web.yaml"), "{text}");
    assert_eq!(document["findings"][0]["mended_by"], "export");
}

#[tokio::test(start_paused = true)]
async fn metrics_stand_above_the_causes_and_move_them() {
    let (live, desired) = (live(drift).await, shop());
    let names = BTreeSet::new();
    let case = Case::under(&desired, &live, now()).unwrap();
    let asked = case.questions(&names);
    let answer = |asked: &Asked| match (asked.at.to_string().as_str(), asked.question.metric) {
        ("load_balancer/web", "RequestCount") => Some(40_000.0),
        ("load_balancer/web", "HTTPCode_ELB_5XX_Count" | "HTTPCode_ELB_504_Count") => Some(500.0),
        ("target_group/django", "RequestCount") => Some(30_000.0),
        ("target_group/django", "TargetConnectionErrorCount") => Some(480.0),
        ("target_group/django", "UnHealthyHostCount") => Some(2.0),
        _ => None,
    };
    let answers = asked.iter().map(answer).collect();
    let diagnosis = diagnose(&case.measuring(3_600, &asked, Ok(answers)), &names);
    let (text, document) = printed(&diagnosis, Some(&desired), &BRIEF);
    assert_snapshot!("diagnose_with_metrics", text);
    assert!(text.lines().count() <= 50, "{} lines\n{text}", text.lines().count());
    let cause = |rule: &str| diagnosis.causes.iter().find(|c| c.finding.rule == rule).unwrap();
    // refused and dropped connections were counted, and no 502 at all
    let closed = cause("E501");
    assert!((closed.likelihood - 1.0).abs() < f64::EPSILON, "{closed:#?}");
    assert!(
        closed.finding.evidence.iter().any(|e| e.value == "HTTPCode_ELB_504_Count 500, 40000 requests"),
        "{closed:#?}"
    );
    assert!((cause("E401").likelihood - 0.15).abs() < 1e-9, "{:#?}", cause("E401"));
    let measured = document["traffic"]["measured"].as_array().unwrap();
    let failed = measured.iter().find(|m| m["metric"] == "TargetConnectionErrorCount").unwrap();
    assert_eq!((&failed["count"], &failed["mostly"]), (&480.into(), &"target_group/django".into()));
}

#[tokio::test(start_paused = true)]
async fn a_healthy_stack_is_one_line() {
    let (live, desired) = (live(|_| {}).await, shop());
    for desired in [Some(&desired), None] {
        let diagnosis = of(&live, desired);
        let (text, document) = printed(&diagnosis, desired, &BRIEF);
        assert!(text.starts_with("ok: load_balancer/web: no cause of 5xx; ") && text.lines().count() == 1, "{text}");
        assert_eq!((&document["findings"], &document["complete"]), (&serde_json::json!([]), &true.into()));
        let (whole, _) = printed(&diagnosis, desired, &FULL);
        assert!(whole.contains("No cause of 5xx was found.") && whole.contains("Not checked"), "{whole}");
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_there_on_demand() {
    let (live, desired) = (live(drift).await, shop());
    let diagnosis = of(&live, Some(&desired));
    let (text, _) = printed(&diagnosis, Some(&desired), &FULL);
    for part in ["$ aws elbv2 modify-target-group --target-group-arn ", "hence: E301 target_group/", "Target.Timeout"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_said() {
    let live = live(|snapshot| {
        let error = error("DescribeTargetHealth", CloudErrorKind::Denied);
        let group = snapshot.target_groups().next().unwrap().0.clone();
        let hidden = Hidden::Children(group, Kind::Target);
        snapshot.gaps.push(Gap { hidden, needed_for: NeededFor::Diff, error });
    })
    .await;
    let diagnosis = of(&live, None);
    let (text, document) = printed(&diagnosis, None, &BRIEF);
    assert!(!diagnosis.is_complete() && text.contains("Could not read") && text.contains("DescribeTargetHealth"));
    assert_eq!((&document["complete"], &document["gaps"][0]["needed_for"]), (&false.into(), &"diff".into()));
    assert!(text.contains("the view is incomplete"), "{text}");
}

/// Requests that the application answered, and some that met a connection which it had just closed.
fn log(snapshot: &Snapshot) -> Tally {
    let arn = |of: Option<&no502::model::Id>| of.unwrap().as_str().to_owned();
    let group = arn(snapshot.target_groups().find(|(_, g)| g.name == "django").map(|(id, _)| id));
    let balancer = arn(snapshot.load_balancers().next().map(|(id, _)| id));
    let balancer = balancer.split_once(":loadbalancer/").unwrap().1;
    let line = |rest: &str| {
        format!(
            "https 2026-11-22T09:00:01.123456Z {balancer} 203.0.113.7:46532 10.0.1.10:8000 {rest} 34 366 \"GET https://a/ \
             HTTP/1.1\" \"curl\" - - {group} \"Root=1\" \"shop.example.com\" \"-\" 30 2026-11-22T09:00:01.0Z \"forward\" \"-\" \
             \"-\"\n"
        )
    };
    let text = [
        line("0.000 0.086 0.000 200 200").repeat(5000),
        line("0.000 0.001 -1 502 -").repeat(12),
        line("0.000 0.004 0.000 503 503").repeat(3),
        "nonsense\n".to_owned(),
    ];
    let mut tally = Tally::default();
    read(text.concat().as_bytes(), &mut tally).unwrap();
    tally
}

#[tokio::test(start_paused = true)]
async fn access_logs_say_whose_it_is() {
    let (live, desired) = (live(drift).await, shop());
    let without = of(&live, Some(&desired));
    let case = Case::under(&desired, &live, now()).unwrap().counting(&log(&live));
    let diagnosis = diagnose(&case, &BTreeSet::new());
    let (text, document) = printed(&diagnosis, Some(&desired), &BRIEF);
    assert_snapshot!("diagnose_with_logs", text);
    assert!(text.lines().count() <= 50, "{text}");
    let cause = |of: &Diagnosis, rule: &str| of.causes.iter().find(|c| c.finding.rule == rule).unwrap().clone();
    // what was counted is no guess any more; of what thousands of requests did not meet one may doubt
    assert!((cause(&diagnosis, "E303").likelihood - 1.0).abs() < 1e-9, "{text}");
    assert!(cause(&diagnosis, "E401").likelihood < cause(&without, "E401").likelihood);
    let traffic = &document["traffic"];
    assert_eq!((&traffic["logs"]["lines"], &traffic["logs"]["malformed"]), (&5015.into(), &1.into()));
    assert_eq!(traffic["counted"]["target_group/django"]["shapes"]["stale"], 12);
    assert_eq!(
        (&traffic["met"][0]["shape"], &traffic["met"][0]["mostly"]),
        (&"stale".into(), &"target_group/django".into())
    );
    assert_eq!((&traffic["offenders"][0]["rule"], &traffic["offenders"][0]["count"]), (&"30".into(), &12.into()));
    // no finding explains it where there are no files
    let case = Case::without_files(&live, now()).unwrap().counting(&log(&live));
    let diagnosis = diagnose(&case, &BTreeSet::new());
    let (text, _) = printed(&diagnosis, None, &BRIEF);
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("no finding explains it; `no502 explain E301` says how to tell"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_document_has_its_keys() {
    let (live, desired) = (live(drift).await, shop());
    let (_, document) = printed(&of(&live, Some(&desired)), Some(&desired), &BRIEF);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let set = |list: &[&str]| list.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<String>>();
    let whole = [
        "format_version",
        "tool_version",
        "command",
        "account",
        "region",
        "load_balancers",
        "complete",
        "findings",
        "accepted",
        "not_checked",
        "gaps",
        "traffic",
        "api_calls",
    ];
    assert_eq!(keys(&document), set(&whole));
    assert_eq!(document["traffic"], Value::Null);
    let finding = [
        "id",
        "rule",
        "severity",
        "address",
        "title",
        "detail",
        "evidence",
        "fix",
        "automatic",
        "source",
        "rank",
        "likelihood",
        "impact",
        "load_balancers",
        "mended_by",
        "call",
    ];
    assert_eq!(keys(&document["findings"][0]), set(&finding));
    assert_eq!(keys(&document["load_balancers"][0]), set(&["address", "dns_name", "state"]));
}
