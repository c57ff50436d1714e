//! Traffic for people: what access logs and metrics counted, in total, and what most of it was.

use super::page::Page;
use crate::diagnose::Diagnosis;
use crate::diagnose::metrics::Measured;
use crate::diagnose::whose::meaning;
use crate::model::traffic::Shape;
use crate::report::layout::clean;

/// Lines that a brief report may take to tell of access logs, and of metrics.
const LOGS: usize = 6;
const METRICS: usize = 4;
/// Kinds of failures that a brief report tells of.
const FEW: usize = 2;

/// How many lines a brief report may take for all of it.
pub(super) fn lines(found: &Diagnosis) -> usize {
    let traffic = found.traffic.as_ref();
    let of = |counted: bool, lines: usize| if counted { lines } else { 0 };
    of(traffic.is_some_and(|t| t.logs.is_some()), LOGS) + of(traffic.is_some_and(|t| t.metrics.is_some()), METRICS)
}

/// What was counted of whose 5xx it is.
pub(super) fn traffic(found: &Diagnosis, page: &mut Page<'_>) {
    logs(found, page);
    metrics(found, page);
}

/// What access logs say: in total, and what it mostly is.
fn logs(found: &Diagnosis, page: &mut Page<'_>) {
    let Some(logs) = found.traffic.as_ref().and_then(|traffic| traffic.logs.as_ref()) else {
        return;
    };
    let total = |pick: &dyn Fn(Shape) -> bool| found.met.iter().filter(|m| pick(m.shape)).map(|m| m.count).sum::<u64>();
    let when = match (&logs.from, &logs.to) {
        (Some(from), Some(to)) => format!("{} to {}: ", minute(from), minute(to)),
        _ => String::new(),
    };
    let odd = [(logs.malformed, "malformed lines"), (logs.elsewhere, "of other load balancers")];
    let odd: String = odd.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {n} {what}")).collect();
    let line = format!(
        "access logs {when}{} requests{odd}: {} × 5xx made by the load balancer, {} × by targets",
        logs.lines,
        total(&Shape::is_made),
        total(&|shape| shape == Shape::Target)
    );
    page.wrapped(0, &clean(&line));
    let most = found.met.iter().filter_map(|met| Some((met, meaning(met.shape)?)));
    for (met, (words, rules)) in most.take(if page.is_brief() { FEW } else { usize::MAX }) {
        let group = met.mostly.as_ref().map(|(group, _)| group.to_string());
        page.wrapped(2, &line_of(found, met.count, words, group, rules));
    }
}

/// What CloudWatch counted: in total, and the failures that say most.
fn metrics(found: &Diagnosis, page: &mut Page<'_>) {
    let Some(seconds) = found.traffic.as_ref().and_then(|traffic| traffic.metrics) else {
        return;
    };
    let of = |metric: &str| found.measured.iter().find(|m| m.meter.metric == metric).map_or(0, |m| m.count);
    let sick = match of("UnHealthyHostCount") {
        0 => String::new(),
        n => format!("; at most {n} targets of a group unhealthy at once"),
    };
    page.wrapped(
        0,
        &format!(
            "metrics of the last {}: {} requests: {} × 5xx made by the load balancer, {} × by targets{sick}",
            span(seconds),
            of("RequestCount"),
            of("HTTPCode_ELB_5XX_Count"),
            of("HTTPCode_Target_5XX_Count"),
        ),
    );
    let mut failures: Vec<&Measured> = found.measured.iter().filter(|m| !m.meter.words.is_empty()).collect();
    failures.sort_by_key(|m| std::cmp::Reverse(m.count));
    let room = match (page.is_brief(), found.met.is_empty()) {
        (false, _) => usize::MAX,
        (true, true) => FEW,
        // logs have said more of it
        (true, false) => 0,
    };
    for measured in failures.into_iter().take(room) {
        let group = measured.mostly.as_ref().map(|(group, _)| group.to_string());
        let rules: Vec<&str> = measured.meter.rules().collect();
        page.wrapped(2, &line_of(found, measured.count, measured.meter.words, group, &rules));
    }
}

/// How often, what, where, and the findings that explain it.
fn line_of(found: &Diagnosis, count: u64, words: &str, group: Option<String>, rules: &[&str]) -> String {
    let mostly = group.map(|group| format!(", mostly {group}")).unwrap_or_default();
    let hit: Vec<&str> = rules.iter().copied().filter(|rule| found.findings().any(|f| f.rule == *rule)).collect();
    let look = match (hit.as_slice(), rules) {
        ([], []) => String::new(),
        ([], [first, ..]) => format!(": no finding explains it; `no502 explain {first}` says how to tell"),
        (hit, _) => format!(": look at {}", hit.join(", ")),
    };
    clean(&format!("{count} × {words}{mostly}{look}")).into_owned()
}

/// How long, in the largest unit that it is whole in.
fn span(seconds: u64) -> String {
    match seconds {
        whole if whole % 3_600 == 0 => format!("{} h", whole / 3_600),
        whole if whole % 60 == 0 => format!("{} min", whole / 60),
        odd => format!("{odd} s"),
    }
}

/// A time of a log to the minute.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}
