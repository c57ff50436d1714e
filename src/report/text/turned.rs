//! A check in few lines: the one line of a clean one, and what came and went since an earlier report.

use super::closing;
use super::page::Page;
use crate::report::layout::{clean, count, shorten, wrap};
use crate::report::markdown::{moment, since};
use crate::report::paint::{BAD, FAINT, GOOD, HEADING, WARN, WORST};
use crate::report::remark::{Remark, Topic, Weight};
use crate::report::since::{Kept, Turn};
use crate::report::whole::Report;

/// So many things that no file mentions are named in one line.
const NAMED: usize = 2;
/// Where the rest of a remark begins.
const INDENT: usize = 8;

/// The line of a clean check: what no file mentions is named all the same, as far as it fits.
pub(super) fn ok(report: &Report, page: &mut Page<'_>) {
    let ok = page.paint(GOOD, "ok");
    let mut line = format!("{ok}: {}: {}", clean(&report.about), report.calm);
    let of = |wanted: &dyn Fn(&Remark) -> bool| report.remarks.iter().filter(|remark| wanted(remark)).count();
    let mut say = |n: usize, noun: &str| line.extend((n > 0).then(|| format!(", {}", count(n, noun))));
    say(of(&|r| r.topic == Topic::Finding && r.accepted.is_none()), "minor finding");
    say(of(&|r| r.topic == Topic::Finding && r.accepted.is_some()), "accepted finding");
    say(of(&|r| r.code == "ignored"), "ignored difference");
    let strangers: Vec<&Remark> =
        report.remarks.iter().filter(|r| matches!(r.topic, Topic::Unmanaged | Topic::Undeclared)).collect();
    let named = if strangers.len() > NAMED { NAMED } else { strangers.len() };
    for stranger in strangers.iter().take(named) {
        line.push_str(&format!("; {}", shorten(&stranger.title, 120)));
    }
    if strangers.len() > named {
        line.push_str(&format!("; and {} more in no file (-v lists them)", strangers.len() - named));
    }
    page.line(&line);
}

/// What came and went. One line if nothing did.
pub(super) fn turned(report: &Report, turn: &Turn, exit_code: u8, page: &mut Page<'_>) {
    let new: Vec<&Remark> = report.remarks.iter().filter(|remark| turn.new.contains(&remark.id)).collect();
    let since = moment(turn.since);
    let verdict = report.verdict(exit_code);
    if new.is_empty() && turn.gone.is_empty() {
        page.line(&format!("{}: nothing new since {since}. {verdict}", clean(&report.about)));
        return;
    }
    closing::opening(report, exit_code, page);
    page.blank();
    let known = report.remarks.len() - new.len();
    let unseen =
        if turn.unseen.is_empty() { String::new() } else { format!(", {} not seen this time", turn.unseen.len()) };
    let heading = format!(
        "{} since {since}: {} new, {} gone, {known} as before{unseen}",
        clean(&report.about),
        new.len(),
        turn.gone.len()
    );
    page.heading(&heading);
    for remark in new {
        came(remark, page);
    }
    for kept in &turn.gone {
        went(kept, page);
    }
    let all = page.paint(HEADING, "all that stands");
    page.line(&format!("{all}: the same command without --since"));
}

fn came(remark: &Remark, page: &mut Page<'_>) {
    let style = match remark.weight {
        Weight::FiveXx => WORST,
        Weight::Differs => BAD,
        Weight::Incomplete => WARN,
        Weight::None => FAINT,
    };
    let new = page.paint(style, "new ");
    page.line(&format!("  {new}  {} ({})", remark.title, remark.code));
    let place = remark.at.as_ref().map(|at| format!("{}:{}", at.from.file, at.from.line));
    let seen = remark.seen.map(since);
    let where_and_when: Vec<String> = place.into_iter().chain(seen).collect();
    let line = page.paint(FAINT, &where_and_when.join(" · "));
    page.line(&format!("{}{line}", " ".repeat(INDENT)));
    for line in wrap(&remark.rest(), page.width - INDENT) {
        page.line(&format!("{}{line}", " ".repeat(INDENT)));
    }
}

fn went(kept: &Kept, page: &mut Page<'_>) {
    let gone = page.paint(GOOD, "gone");
    page.line(&format!(
        "  {gone}  {} ({}), there since {}",
        clean(&kept.title),
        clean(&kept.code),
        moment(kept.first_seen)
    ));
}
