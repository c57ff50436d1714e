//! Transitions: what turned since an earlier JSON report of the same check. Schedules notify once by it.
//!
//! A remark is the same over reports by its id. What is missing now is gone only if this run could have seen it: what lies
//! behind a gap, outside `--target`, or with a rule that was not run is carried on, so that one bad night neither closes
//! an issue nor forgets since when something is known. The exit code never depends on any of this.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::remark::{Remark, Seen, Topic, Weight};
use super::whole::Report;

/// How a remark stands to the earlier report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It was not in the earlier report.
    New,
    /// It was.
    Known,
    /// It was, and it is over.
    Gone,
    /// It was, and this run could not see whether it is over.
    Unseen,
}

impl News {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
            Self::Gone => "gone",
            Self::Unseen => "not seen this time",
        }
    }
}

/// A remark as JSON reports keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The same over runs.
    pub id: String,
    /// What it is about.
    pub topic: String,
    /// What says it.
    pub code: String,
    /// `error`, `warning` or `note`.
    pub level: String,
    /// `5xx`, `differs`, `incomplete` or `none`: what it did to the outcome.
    pub weight: String,
    /// The resource.
    pub address: Option<String>,
    /// The load balancers whose clients it concerns.
    pub load_balancers: Vec<String>,
    /// One line.
    pub title: String,
    /// The first check that saw it.
    pub first_seen: Timestamp,
    /// The last check before that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_yet_at: Option<Timestamp>,
    /// How it stands to the report of `--since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub news: Option<News>,
    /// Who accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// What turned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// When the earlier report was made.
    pub since: Timestamp,
    /// The ids that are new.
    pub new: Vec<String>,
    /// What is over.
    pub gone: Vec<Kept>,
    /// What this run could not see.
    pub unseen: Vec<Kept>,
}

/// An earlier report.
#[derive(Clone, Debug, Deserialize)]
pub struct Earlier {
    format_version: String,
    command: String,
    account: String,
    region: String,
    stack: String,
    checked_at: Option<Timestamp>,
    #[serde(default)]
    remarks: Vec<Kept>,
}

impl Earlier {
    /// Reads the JSON of an earlier check.
    ///
    /// # Errors
    /// It is no such report, or one of another stack, account or region.
    pub fn read(text: &str, report: &Report) -> Result<Self, String> {
        let earlier: Self = serde_json::from_str(text).map_err(|error| format!("it is no JSON report: {error}"))?;
        if !earlier.format_version.starts_with("1.") {
            return Err(format!("its format_version is {}, and this no502 reads 1.x", earlier.format_version));
        }
        if earlier.command != "check" || earlier.checked_at.is_none() {
            return Err(format!("it is a report of `{}`; give one of `check --format json`", earlier.command));
        }
        let place = (earlier.account.clone(), earlier.region.clone());
        if report.place.as_ref() != Some(&place) || report.about != format!("stack {}", earlier.stack) {
            let Self { stack, account, region, .. } = &earlier;
            return Err(format!("it is about stack {stack} in account {account}, {region}"));
        }
        Ok(earlier)
    }
}

/// Compares a report with an earlier one: each remark learns since when it is known, the report what turned.
pub fn compare(report: &mut Report, earlier: Earlier) {
    let Earlier { remarks: known, checked_at, .. } = earlier;
    let since = checked_at.unwrap_or(report.at);
    let mut turn = Turn { since, ..Turn::default() };
    let was = known.into_iter().filter(|kept| kept.news != Some(News::Gone));
    let was: BTreeMap<String, Kept> = was.map(|kept| (kept.id.clone(), kept)).collect();
    for remark in &mut report.remarks {
        remark.seen = Some(match was.get(&remark.id) {
            Some(kept) => Seen { first: kept.first_seen, not_yet: kept.not_yet_at },
            None => {
                turn.new.push(remark.id.clone());
                Seen { first: report.at, not_yet: Some(since) }
            }
        });
    }
    let now: BTreeSet<&String> = report.remarks.iter().map(|remark| &remark.id).collect();
    let over: Vec<Kept> = was.values().filter(|kept| !now.contains(&kept.id)).cloned().collect();
    for kept in over {
        if could_see(report, &kept) { turn.gone.push(kept) } else { turn.unseen.push(kept) }
    }
    report.turn = Some(turn);
}

/// Whether this run would have seen it.
fn could_see(report: &Report, kept: &Kept) -> bool {
    let address = kept.address.as_deref().unwrap_or_default();
    let looked = report.looked_at.contains(address) && !report.unknown.contains(address);
    let blind = report.remarks.iter().any(|remark| remark.topic == Topic::Gap && remark.weight == Weight::Incomplete);
    let unjudged = kept.topic == "finding" && report.not_checked.contains(&kept.code);
    match kept.topic.as_str() {
        // a gap that is not there any more is closed
        "gap" | "file" => true,
        _ => !unjudged && (looked || !(blind || report.partial)),
    }
}

impl Turn {
    /// How many of the new ones, and of those that are over, counted.
    pub fn counted(&self, report: &Report) -> (usize, usize) {
        let new = report.remarks.iter().filter(|r| r.weight > Weight::None && self.new.contains(&r.id)).count();
        (new, self.gone.iter().filter(|kept| kept.weight != "none").count())
    }
    /// Whether there is something to tell: something that counts came or went.
    pub fn tells(&self, report: &Report) -> bool {
        self.counted(report) != (0, 0)
    }
}

/// A report's remarks as JSON keeps them, those that are over or not seen included.
pub fn kept(report: &Report) -> Vec<Kept> {
    let of = |remark: &Remark| Kept {
        id: remark.id.clone(),
        topic: word(&remark.topic),
        code: remark.code.to_owned(),
        level: remark.loudness.as_str().to_owned(),
        weight: word(&remark.weight),
        address: remark.address.clone(),
        load_balancers: remark.load_balancers.clone(),
        title: remark.title.clone(),
        first_seen: remark.seen.map_or(report.at, |seen| seen.first),
        not_yet_at: remark.seen.and_then(|seen| seen.not_yet),
        news: report.turn.as_ref().map(|turn| if turn.new.contains(&remark.id) { News::New } else { News::Known }),
        accepted: remark.accepted.as_ref().map(|accepted| accepted.because.clone()),
    };
    let mut all: Vec<Kept> = report.remarks.iter().map(of).collect();
    if let Some(turn) = &report.turn {
        let with = |kept: &Kept, news: News| Kept { news: Some(news), ..kept.clone() };
        all.extend(turn.unseen.iter().map(|kept| with(kept, News::Unseen)));
        all.extend(turn.gone.iter().map(|kept| with(kept, News::Gone)));
    }
    all
}

fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
