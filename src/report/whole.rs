//! A whole report as one value: the remarks, what they add up to, and what was looked at.
//!
//! The outcome is the weightiest remark: the exit code, the first line of the text, the badge of the Markdown and the
//! failures of the JUnit report cannot disagree. Nothing here formats.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::layout::count;
use super::place::Places;
use super::probe::{Probing, Verdict};
use super::remark::{Loudness, Remark, Topic, Weight, of_accepted, of_finding, of_problem};
use super::since::Turn;
use super::summary::Summary;
use super::text::{is_stuck, summary_line};
use super::watch::Watch;
use super::{Diagnosed, Validation, View, differing};
use crate::desired::{Problems, Resolved};
use crate::diff::Verdict as Stand;

/// What a report says.
#[derive(Clone, Debug)]
pub struct Report {
    /// The command: `check`.
    pub command: String,
    /// What was looked at, as a person would name it: `stack shop`.
    pub about: String,
    /// Whose account it is and which region, if AWS was asked.
    pub place: Option<(String, String)>,
    /// When.
    pub at: Timestamp,
    /// What `--fail-on` says, if that decides.
    pub fail_on: Option<&'static str>,
    /// How it stands if nothing counts, in a sentence without its end.
    pub calm: String,
    /// Everything there is to say, the weightiest first.
    pub remarks: Vec<Remark>,
    /// The addresses that were looked at and that nothing is said of may be among them.
    pub looked_at: BTreeSet<String>,
    /// The addresses whose present state is not known.
    pub unknown: BTreeSet<String>,
    /// The rules that were not run, or on a part only.
    pub not_checked: BTreeSet<String>,
    /// Whether only a part was asked for.
    pub partial: bool,
    /// What to run next, each with what it does.
    pub next: Vec<(String, &'static str)>,
    /// What turned since an earlier report, if one was given.
    pub turn: Option<Turn>,
    /// The first file, for formats that must have a place for everything.
    pub first_file: Option<String>,
}

impl Report {
    fn new(command: &str, about: String, at: Timestamp) -> Self {
        Self {
            command: command.to_owned(),
            about,
            place: None,
            at,
            fail_on: None,
            calm: String::new(),
            remarks: Vec::new(),
            looked_at: BTreeSet::new(),
            unknown: BTreeSet::new(),
            not_checked: BTreeSet::new(),
            partial: false,
            next: Vec::new(),
            turn: None,
            first_file: None,
        }
    }

    /// The report of a plan, a check or an apply: what `watch` looks out for counts.
    pub fn of_plan(view: &View<'_>, watch: Watch, at: Timestamp) -> Self {
        let View { plan, desired, .. } = *view;
        let mut report = Self::new(view.command, format!("stack {}", plan.stack), at);
        report.place = Some((plan.identity.account.clone(), plan.identity.region.clone()));
        report.fail_on = watch.flag();
        report.calm = match (view.command, plan.is_clean()) {
            ("check", true) => format!("{} in sync", count(Summary::of(plan).in_sync, "resource")),
            _ => summary_line(plan).trim_end_matches('.').to_owned(),
        };
        report.remarks = differing::remarks(view, watch);
        report.looked_at = plan.diff.changes.iter().map(|change| change.address.to_string()).collect();
        let unknown = plan.diff.changes.iter().filter(|c| matches!(c.verdict, Stand::Unknown(_)));
        report.unknown = unknown.map(|change| change.address.to_string()).collect();
        report.not_checked = plan.now.not_checked.iter().map(|rule| rule.rule.to_owned()).collect();
        report.partial = !plan.diff.unselected.is_empty();
        if !plan.is_clean() && plan.refused.is_empty() && !is_stuck(plan) {
            report.next.push((view.command_line("plan"), "shows the steps that close the differences"));
            report.next.push((view.command_line("apply"), "runs them"));
        }
        report.sorted(desired)
    }

    /// The report of a validation.
    pub fn of_validation(validation: &Validation<'_>, (counts, any): (bool, bool), at: Timestamp) -> Self {
        let places = Places::of(validation.files);
        let nothing = Resolved::default();
        let desired = validation.desired.unwrap_or(&nothing);
        let mut report = Self::new("validate", "desired files".to_owned(), at);
        report.calm = "the files are valid".to_owned();
        report.remarks = validation.problems.iter().map(|problem| of_problem(&places, problem)).collect();
        for remark in report.remarks.iter_mut().filter(|remark| remark.loudness == Loudness::Error) {
            remark.weight = Weight::Differs;
        }
        if let Some(judged) = validation.judgement {
            report.judged(&places, desired, (&judged.findings, &judged.accepted), (counts, any));
        }
        report.looked_at = desired.specs.keys().map(ToString::to_string).collect();
        report.first_file = validation.files.files.first().map(|file| file.path.clone());
        report.remarks.sort_by_cached_key(Remark::rank);
        report
    }

    /// The report of a diagnosis.
    pub fn of_diagnosis(of: &Diagnosed<'_>, (counts, any): (bool, bool), at: Timestamp) -> Self {
        let nothing = Resolved::default();
        let desired = of.desired.unwrap_or(&nothing);
        let places = Places::of(&desired.files);
        let names: Vec<String> = of.diagnosis.balancers.iter().map(|b| b.address.to_string()).collect();
        let mut report = Self::new("diagnose", names.join(", "), at);
        report.place = Some((of.identity.account.clone(), of.identity.region.clone()));
        report.calm = "no cause of 5xx was found".to_owned();
        let findings: Vec<_> = of.diagnosis.findings().cloned().collect();
        report.judged(&places, desired, (&findings, &of.diagnosis.accepted), (counts, any));
        for gap in &of.diagnosis.gaps {
            let missing = gap.needed_for == crate::cloud::NeededFor::Diff;
            report.remarks.push(differing::gap(&gap.what, &gap.why, missing, None));
        }
        report.looked_at = names.into_iter().collect();
        report.sorted(desired)
    }

    /// The report of a probe.
    /// `whole` is whether AWS's side, where it was asked for, could be read.
    pub fn of_probe(
        of: &Probing<'_>,
        desired: &Resolved,
        (counts, any): (bool, bool),
        (at, whole): (Timestamp, bool),
    ) -> Self {
        let places = Places::of(&desired.files);
        let mut report = Self::new("probe", count(of.targets.len(), "target"), at);
        report.calm = "every target answers as a load balancer needs".to_owned();
        report.judged(&places, desired, (of.findings, of.accepted), (counts, any));
        report.looked_at = of.targets.iter().map(|target| target.address.to_string()).collect();
        if !whole {
            report.remarks.push(differing::gap("all targets", "part of the live view could not be read", true, None));
        }
        for one in &of.contradicted {
            let why = format!("the probe saw: {}; AWS says: {}", one.observed, one.reported);
            let missing = of.targets.is_empty();
            report.remarks.push(differing::gap(&one.target.to_string(), &why, missing, Some(&one.target)));
        }
        for target in of.skipped {
            let missing = of.targets.is_empty();
            report.remarks.push(differing::gap(&target.to_string(), "no address is known", missing, Some(target)));
        }
        for target in &of.targets {
            let failed = target.checks.iter().filter(|c| c.verdict == Verdict::Failed && c.findings.is_empty());
            for check in failed {
                let title = format!("{}: {} fails", target.address, check.name.replace('_', " "));
                let id = format!("probe:{}:{}", target.address, check.name);
                let detail = format!("Expected {}, observed {}.", check.expected, check.observed);
                let remark = Remark::new(Topic::Finding, "probe", id, &title).about(&target.address).detailed(&detail);
                let weight = if counts { Weight::FiveXx } else { Weight::None };
                report.remarks.push(Remark { weight, loudness: Loudness::Error, ..remark });
            }
        }
        report.sorted(desired)
    }

    /// Adds what is doubtful about other files than the desired ones.
    pub fn doubt(&mut self, doubts: &Problems) {
        let places = Places::of(&doubts.files);
        self.remarks.extend(doubts.list.iter().map(|problem| of_problem(&places, problem)));
        self.remarks.sort_by_cached_key(Remark::rank);
    }

    /// Adds findings. `counts` is whether those that hurt count, `any` whether all do.
    fn judged(
        &mut self,
        places: &Places<'_>,
        desired: &Resolved,
        (findings, accepted): (&[crate::rules::Finding], &[crate::rules::Accepted]),
        (counts, any): (bool, bool),
    ) {
        for mut remark in findings.iter().filter_map(|finding| of_finding(places, desired, finding, counts)) {
            if any && remark.weight == Weight::None {
                remark.weight = Weight::Differs;
            }
            self.remarks.push(remark);
        }
        self.remarks.extend(accepted.iter().filter_map(|known| of_accepted(places, desired, known)));
    }

    fn sorted(mut self, desired: &Resolved) -> Self {
        self.first_file = desired.files.files.first().map(|file| file.path.clone());
        self.remarks.sort_by_cached_key(Remark::rank);
        self
    }

    /// The weightiest of what is said.
    pub fn weight(&self) -> Weight {
        self.remarks.iter().map(|remark| remark.weight).max().unwrap_or(Weight::None)
    }

    /// The remarks that count, and how they add up, each in a few words.
    pub fn reasons(&self) -> Vec<String> {
        let of = |topic: Topic| self.remarks.iter().filter(move |r| r.topic == topic && r.weight > Weight::Incomplete);
        let mut words = Vec::new();
        let mut say = |n: usize, one: &str, many: &str| {
            if n > 0 {
                words.push(format!("{n} {}", if n == 1 { one } else { many }));
            }
        };
        say(of(Topic::File).count(), "error in the files", "errors in the files");
        let hurting = of(Topic::Finding).filter(|remark| remark.weight == Weight::FiveXx).count();
        say(hurting, "finding says that clients see 5xx", "findings say that clients see 5xx");
        say(of(Topic::Finding).count() - hurting, "finding", "findings");
        let mut causes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for remark in of(Topic::Difference) {
            causes.entry(remark.code).or_default().insert(remark.address.as_deref().unwrap_or_default());
        }
        let resources: usize = causes.values().map(BTreeSet::len).sum();
        let by: Vec<String> = causes.iter().map(|(cause, all)| format!("{cause} {}", all.len())).collect();
        let by = by.join(", ");
        say(resources, &format!("resource differs ({by})"), &format!("resources differ ({by})"));
        let risky = of(Topic::Difference).filter(|remark| remark.weight == Weight::FiveXx).count();
        say(risky, "difference can make clients see 5xx", "differences can make clients see 5xx");
        say(of(Topic::Unmanaged).count(), "resource unmanaged", "resources unmanaged");
        say(of(Topic::Undeclared).count(), "setting undeclared", "settings undeclared");
        words
    }

    /// How it ended, in a line: what fails and why, or that nothing does.
    pub fn verdict(&self, exit_code: u8) -> String {
        let flag = self.fail_on.map(|word| format!("--fail-on {word}, ")).unwrap_or_default();
        match (self.weight(), self.command.as_str()) {
            (Weight::FiveXx | Weight::Differs, "check") => {
                format!("Check fails ({flag}exit code {exit_code}): {}.", self.reasons().join("; "))
            }
            (Weight::FiveXx | Weight::Differs, _) => format!("{}.", self.reasons().join("; ")),
            (Weight::Incomplete, "check") => {
                format!("Check cannot tell (exit code {exit_code}): part of the live view could not be read.")
            }
            (Weight::Incomplete, _) => "Part of the live view could not be read.".to_owned(),
            (Weight::None, "check") => {
                let counts = self.fail_on.map(|word| format!("there is nothing that `--fail-on {word}` counts"));
                format!("Check passes: {}; {}.", counts.unwrap_or_default(), self.calm)
            }
            (Weight::None, _) => format!("{}.", capital(&self.calm)),
        }
    }

    /// The address that stands for a remark in lists of resources.
    pub fn subject<'r>(&'r self, remark: &'r Remark) -> &'r str {
        remark.address.as_deref().unwrap_or(&self.about)
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
