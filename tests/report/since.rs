//! Transitions: what is new and what is gone since an earlier report, and since when something is known.

use no502::cloud::{CloudErrorKind, Gap, Hidden, NeededFor, Snapshot};
use no502::model::{Kind, Spec};
use no502::plan::Plan;
use no502::report::since::{Earlier, compare};
use no502::report::watch::Watch;
use no502::report::{Look, Report, json, markdown, text};

use super::{calls, deployed, shop, view};
use crate::offline::planned;
use crate::support::fake::error;

fn at(hour: u8) -> jiff::Timestamp {
    format!("2026-11-22T{hour:02}:00:00Z").parse().unwrap()
}

/// A check at an hour, compared with the JSON of an earlier one: its text, its JSON, and the report.
fn check(plan: &Plan, hour: u8, earlier: Option<&str>) -> (String, String, Report) {
    let (desired, calls) = (shop(), calls());
    let view = view("check", plan, &desired, &calls);
    let mut report = Report::of_plan(&view, Watch::Drift, at(hour));
    if let Some(earlier) = earlier {
        let earlier = Earlier::read(earlier, &report).unwrap();
        compare(&mut report, earlier);
    }
    let text = text::check(&view, &report, 2, &Look::default());
    let json = json::to_text(&json::check(&view, &report, 2));
    (text, json, report)
}

fn delay(snapshot: &mut Snapshot, name: &str, seconds: &str) {
    for live in snapshot.found.values_mut() {
        if let Spec::TargetGroup(group) = &mut live.spec
            && group.name == name
        {
            group.attributes.insert("deregistration_delay.timeout_seconds".into(), seconds.into());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_tells_once() {
    let fake = deployed().await;
    let (_, first, _) = check(&planned(&fake, &shop()).await, 1, None);

    fake.edit(|snapshot| delay(snapshot, "django", "31"));
    let plan = planned(&fake, &shop()).await;
    let (told, second, report) = check(&plan, 2, Some(&first));
    assert!(told.contains("1 new, 0 gone"), "{told}");
    assert!(told.contains("between 2026-11-22 01:00 UTC and 2026-11-22 02:00 UTC"), "{told}");
    assert!(told.contains("desired/shop.yaml:"), "{told}");
    assert!(report.turn.as_ref().unwrap().tells(&report));

    let (again, third, report) = check(&plan, 3, Some(&second));
    assert_eq!(again.lines().count(), 1, "{again}");
    assert!(again.contains("nothing new since 2026-11-22 02:00 UTC") && again.contains("Check fails"), "{again}");
    assert!(!report.turn.as_ref().unwrap().tells(&report));
    let seen = report.remarks.iter().find(|remark| remark.code == "drift").unwrap().seen.unwrap();
    assert_eq!((seen.first, seen.not_yet), (at(2), Some(at(1))), "it is known since the second check");

    // another wrong value is news
    fake.edit(|snapshot| delay(snapshot, "django", "33"));
    let (moved, fourth, _) = check(&planned(&fake, &shop()).await, 4, Some(&third));
    assert!(moved.contains("1 new, 1 gone"), "{moved}");

    fake.edit(|snapshot| delay(snapshot, "django", "30"));
    let (over, fifth, report) = check(&planned(&fake, &shop()).await, 5, Some(&fourth));
    assert!(over.contains("0 new, 1 gone") && over.contains("there since 2026-11-22 04:00 UTC"), "{over}");
    let comment = markdown::document(&report, 0, markdown::COMMENT);
    assert!(comment.contains("#### Gone") && comment.contains("deregistration"), "{comment}");
    let (quiet, ..) = check(&planned(&fake, &shop()).await, 6, Some(&fifth));
    assert!(quiet.contains("nothing new") && quiet.contains("Check passes"), "{quiet}");
}

/// A night in which AWS does not answer closes nothing, and forgets nothing.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_neither_gone_nor_forgotten() {
    let fake = deployed().await;
    let (_, first, _) = check(&planned(&fake, &shop()).await, 1, None);
    fake.edit(|snapshot| delay(snapshot, "django", "31"));
    let (_, second, _) = check(&planned(&fake, &shop()).await, 2, Some(&first));

    let healthy = fake.snapshot();
    fake.edit(|snapshot| {
        snapshot.found.retain(|_, live| live.spec.kind() != Kind::TargetGroup);
        let error = error("DescribeTargetGroups", CloudErrorKind::Throttled);
        snapshot.gaps.push(Gap { hidden: Hidden::Kind(Kind::TargetGroup), error, needed_for: NeededFor::Diff });
    });
    let (blind, third, report) = check(&planned(&fake, &shop()).await, 3, Some(&second));
    let turn = report.turn.as_ref().unwrap();
    assert_eq!((turn.gone.len(), turn.unseen.len()), (0, 1), "{blind}");
    assert!(blind.contains("1 not seen this time"), "{blind}");

    fake.edit(|snapshot| *snapshot = healthy);
    let (_, _, report) = check(&planned(&fake, &shop()).await, 4, Some(&third));
    let seen = report.remarks.iter().find(|remark| remark.code == "drift").unwrap().seen.unwrap();
    assert_eq!(seen.first, at(2), "a blind night does not make it new");
}

#[tokio::test(start_paused = true)]
async fn a_report_of_something_else_is_refused() {
    let fake = deployed().await;
    let plan = planned(&fake, &shop()).await;
    let (_, good, report) = check(&plan, 1, None);
    let refused = |from: &str, to: &str| Earlier::read(&good.replacen(from, to, 1), &report).unwrap_err();
    assert!(refused("\"stack\": \"shop\"", "\"stack\": \"bank\"").contains("stack bank"));
    assert!(refused("\"000000000000\"", "\"111111111111\"").contains("111111111111"));
    assert!(refused("\"command\": \"check\"", "\"command\": \"plan\"").contains("check --format json"));
    assert!(refused("\"format_version\": \"1.0\"", "\"format_version\": \"2.0\"").contains("2.0"));
    assert!(Earlier::read("{}", &report).unwrap_err().contains("no JSON report"));
}
