//! A diagnosis for people: the causes, worst first, each with what clients see, the evidence, and the way out.
//!
//! A brief report fits one screen: what does not is shortened from the end, where the lesser causes are.

use std::collections::BTreeSet;

use super::findings::{INDENT, first_sentences};
use super::notes;
use super::page::Page;
use super::traffic;
use crate::cloud::NeededFor;
use crate::diagnose::{Balancer, By, Cause, Diagnosis};
use crate::model::shell::word;
use crate::report::layout::{clean, count, pad, shorten, width, wrap, wrap_at_most};
use crate::report::paint::{self, FAINT, GOOD, HEADING, HINT, WARN, WORST};
use crate::report::value::in_words;
use crate::report::{Diagnosed, Look};
use crate::rules::{ALL, Finding, Need, Severity};

/// The lines of a screen that causes may take.
const SCREEN: usize = 41;

/// How much is said of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// What it is.
    Title,
    /// Also the way out.
    Fix,
    /// Also what clients see.
    Clients,
    /// Also the evidence.
    Evidence,
    /// Everything, in as many lines as it takes.
    Whole,
}

impl Room {
    const fn less(self) -> Self {
        match self {
            Self::Whole | Self::Evidence => Self::Clients,
            Self::Clients => Self::Fix,
            Self::Fix | Self::Title => Self::Title,
        }
    }
}

/// The diagnosis; one line where there is nothing to say.
pub fn diagnosis(of: &Diagnosed<'_>, look: &Look) -> String {
    let mut page = Page::new(look);
    let found = of.diagnosis;
    let quiet = found.causes.is_empty() && found.gaps.is_empty() && found.accepted.is_empty() && found.met.is_empty();
    let quiet = quiet && found.measured.iter().all(|measured| measured.meter.words.is_empty());
    if quiet && page.is_brief() {
        let line = silent(found, &page);
        page.line(&line);
        return page.text();
    }
    header(of, &mut page);
    traffic::traffic(found, &mut page);
    causes(of, &mut page);
    unread(found, &mut page);
    page.blank();
    notes::accepted(&found.accepted, &mut page);
    if page.is_brief() {
        for line in wrap(&unchecked(found), page.width) {
            let line = page.paint(FAINT, &line);
            page.line(&line);
        }
    } else {
        notes::not_checked(&found.not_checked, &mut page);
    }
    closing(of, &mut page);
    page.text()
}

fn silent(found: &Diagnosis, page: &Page<'_>) -> String {
    let what = match found.balancers.as_slice() {
        [only] => clean(&only.address.to_string()).into_owned(),
        many => count(many.len(), "load balancer"),
    };
    let ok = page.paint(GOOD, "ok");
    let skipped = found.not_checked.iter().filter(|n| !n.partly).count();
    let why = if skipped == 0 { "" } else { " (-v says why not the others)" };
    format!("{ok}: {what}: no cause of 5xx; {} of {} rules checked{why}", ALL.len() - skipped, ALL.len())
}

fn header(of: &Diagnosed<'_>, page: &mut Page<'_>) {
    let named = |b: &Balancer| {
        let state = b.state.as_deref().filter(|state| *state != "active").map(|state| format!(" ({state})"));
        format!("{}{}", b.dns_name.as_deref().unwrap_or(&b.address.name), state.unwrap_or_default())
    };
    let what = match of.diagnosis.balancers.as_slice() {
        [] => "no load balancer".to_owned(),
        [only] => named(only),
        many => count(many.len(), "load balancer"),
    };
    let who = format!("account {} · {}", clean(&of.identity.account), clean(&of.identity.region));
    let what = page.paint(HEADING, &clean(&what));
    page.line(&format!("{what} · {who}"));
}

fn causes(of: &Diagnosed<'_>, page: &mut Page<'_>) {
    let (shown, minor): (Vec<&Cause>, Vec<&Cause>) =
        of.diagnosis.causes.iter().partition(|c| !page.is_brief() || c.finding.severity >= Severity::Medium);
    let worst = of.diagnosis.causes.iter().map(|c| c.finding.severity).max();
    match worst {
        Some(Severity::Critical) => page.heading("Clients see errors now; the worst cause first"),
        Some(Severity::High) => page.heading("Clients can see errors; the likeliest cause first"),
        Some(Severity::Medium | Severity::Low | Severity::Info) => {
            page.heading("Findings; nothing makes clients see 5xx now")
        }
        None => return,
    }
    for (cause, room) in shown.iter().zip(rooms(&shown, of.diagnosis, page)) {
        for line in lines(cause, room, page) {
            page.line(&line);
        }
    }
    if !minor.is_empty() {
        let codes: BTreeSet<&str> = minor.iter().map(|c| c.finding.rule.as_str()).collect();
        let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
        let line = format!("  and {} ({codes}); -v shows them", count(minor.len(), "minor finding"));
        let line = page.paint(FAINT, &line);
        page.line(&line);
    }
}

/// How much is said of each: all of it if that fits the screen, else less and less from the end.
fn rooms(causes: &[&Cause], found: &Diagnosis, page: &Page<'_>) -> Vec<Room> {
    if !page.is_brief() {
        return vec![Room::Whole; causes.len()];
    }
    let screen = SCREEN - traffic::lines(found);
    let mut rooms = vec![Room::Evidence; causes.len()];
    for least in [Room::Clients, Room::Fix, Room::Title] {
        for at in (0..causes.len()).rev() {
            let taken: usize = causes.iter().zip(&rooms).map(|(cause, room)| lines(cause, *room, page).len()).sum();
            if taken <= screen {
                return rooms;
            }
            if let Some(room) = rooms.get_mut(at).filter(|room| **room > least) {
                *room = room.less();
            }
        }
    }
    rooms
}

fn lines(cause: &Cause, room: Room, page: &Page<'_>) -> Vec<String> {
    let finding = &cause.finding;
    let within = page.width - INDENT;
    let mut lines = title(cause, page);
    let at = |line: &str| format!("{}{line}", pad("", INDENT));
    if room >= Room::Clients {
        let detail = clean(&finding.detail);
        let all = if room == Room::Whole { wrap(&detail, within) } else { first_sentences(&detail, within, 1) };
        lines.extend(all.iter().map(|line| at(line)));
    }
    if room == Room::Whole {
        for finding in cause.findings() {
            lines.extend(evidence(finding).iter().map(|text| at(&page.paint(FAINT, &shorten(text, within)))));
        }
    } else if room >= Room::Evidence {
        lines.push(at(&page.paint(FAINT, &seen(finding, within))));
    }
    if room >= Room::Fix {
        lines.extend(fix(cause, room, within).iter().map(|line| at(&page.paint(WARN, line))));
    }
    if !cause.consequences.is_empty() && room > Room::Title {
        let all: Vec<String> = cause.consequences.iter().map(|f| format!("{} {}", f.rule, f.address)).collect();
        let text = clean(&format!("hence: {}", all.join(", "))).into_owned();
        let all = if room == Room::Whole { wrap(&text, within) } else { vec![shorten(&text, within)] };
        lines.extend(all.iter().map(|line| at(&page.paint(FAINT, line))));
    }
    lines
}

/// Severity, address, title, code.
fn title(cause: &Cause, page: &Page<'_>) -> Vec<String> {
    let finding = &cause.finding;
    let word = finding.severity.as_str().to_uppercase();
    let word = page.cell(paint::severity(finding.severity), &word, INDENT - 4);
    let address = match cause.alike.as_slice() {
        [] => finding.address.to_string(),
        [only] => format!("{}, {}", finding.address, only.address),
        more => format!("{} and {} more", finding.address, more.len()),
    };
    let (address, title) = (clean(&address).into_owned(), clean(&finding.title).into_owned());
    let tail = page.paint(FAINT, &format!("({})", finding.rule));
    if INDENT + width(&address) + 2 + width(&title) + 2 + finding.rule.len() + 2 <= page.width {
        return vec![format!("  {word}  {address}  {title}  {tail}")];
    }
    let mut lines = vec![format!("  {word}  {address}  {tail}")];
    lines.extend(wrap(&title, page.width - INDENT).iter().map(|line| format!("{}{line}", pad("", INDENT))));
    lines
}

fn evidence(finding: &Finding) -> Vec<String> {
    let one = |e: &crate::rules::Evident| {
        let field = if e.field.as_str().is_empty() { String::new() } else { format!(" {}", e.field) };
        clean(&format!("{}{field} = {}", e.address, in_words(&e.field, &e.value))).into_owned()
    };
    finding.evidence.iter().map(one).collect()
}

/// As much of the evidence as fits on a line: AWS's own verdict first, whose it is only where that is not plain.
fn seen(finding: &Finding, within: usize) -> String {
    let mut all: Vec<_> = finding.evidence.iter().collect();
    all.sort_by_key(|e| e.field.as_str() != "health");
    let own = format!("{} ", finding.address);
    let texts = evidence(&Finding { evidence: all.into_iter().cloned().collect(), ..finding.clone() });
    let texts: Vec<&str> = texts.iter().map(|text| text.strip_prefix(&own).unwrap_or(text)).collect();
    let line = |n: usize| {
        let more = if n < texts.len() { format!(" · {} more", texts.len() - n) } else { String::new() };
        format!("seen: {}{more}", texts.get(..n).unwrap_or_default().join(" · "))
    };
    let fitting = (1..=texts.len()).rev().map(line).find(|line| width(line) <= within);
    fitting.unwrap_or_else(|| shorten(&line(1.min(texts.len())), within))
}

/// The way out, and who can go it.
fn fix(cause: &Cause, room: Room, within: usize) -> Vec<String> {
    let who = match cause.by {
        By::Apply => "no502 apply does it",
        By::Declare => "no502 apply does it once the file says so",
        By::Export => "no502 can, given a file",
        By::Hand => "by hand",
    };
    let text = clean(&format!("fix ({who}): {}", cause.finding.fix.text)).into_owned();
    if room != Room::Whole {
        return wrap_at_most(&text, within, 2);
    }
    let mut lines = wrap(&text, within);
    // a call is one line, to be copied
    lines.extend(cause.call.as_deref().map(|call| format!("$ {}", clean(call))));
    lines
}

fn unread(found: &Diagnosis, page: &mut Page<'_>) {
    if found.gaps.is_empty() {
        return;
    }
    page.heading("Could not read");
    for gap in &found.gaps {
        let only = if gap.needed_for == NeededFor::Diff { "" } else { "  (some rules miss it)" };
        page.line(&format!("  {}{only}", clean(&gap.what)));
        page.wrapped(6, &clean(&gap.why));
    }
}

/// What would have more rules checked.
fn unchecked(found: &Diagnosis) -> String {
    let skipped = found.not_checked.iter().filter(|n| !n.partly);
    let needs: BTreeSet<Need> = skipped.filter_map(|n| n.needs.first().copied()).collect();
    if needs.is_empty() {
        return String::new();
    }
    let way = |need: Need| match need {
        Need::Desired => " (--desired PATH)",
        Need::Probe => " (--probe)",
        Need::Logs => " (--access-logs FILE)",
        Need::Metrics => " (--metrics 1h)",
        Need::Live
        | Need::Health
        | Need::Network
        | Need::Acls
        | Need::Routes
        | Need::PrefixLists
        | Need::Certificates => "",
    };
    let list: Vec<String> = needs.iter().map(|need| format!("{}{}", need.in_words(), way(*need))).collect();
    format!("Not all rules were checked, for want of: {}; -v says which.", list.join(", "))
}

fn closing(of: &Diagnosed<'_>, page: &mut Page<'_>) {
    let found = of.diagnosis;
    let hurting: Vec<&Cause> = found.causes.iter().filter(|c| c.finding.severity >= Severity::High).collect();
    let partial = if found.is_complete() { "" } else { "; the view is incomplete" };
    if hurting.is_empty() {
        let line = format!("No cause of 5xx was found{partial}.");
        let line = page.paint(if partial.is_empty() { GOOD } else { WARN }, &line);
        page.line(&line);
        return;
    }
    let line = page.paint(WORST, &format!("{} of 5xx{partial}.", count(hurting.len(), "cause")));
    page.line(&line);
    let names: Vec<&str> = found.balancers.iter().map(|b| b.address.name.as_str()).collect();
    let of_all = |n: usize| if n == hurting.len() { "all of them".to_owned() } else { format!("{n} of them") };
    let by = |who: By| hurting.iter().filter(|c| c.by == who).count();
    let apply = applying(of.paths);
    let next = match (by(By::Apply), by(By::Declare), by(By::Export), names.as_slice()) {
        (0, 0, 0, _) => return,
        (0, 0, n, [only]) => {
            let (name, file) = (word(only), word(&format!("{only}.yaml")));
            format!("`no502 export {name} > {file}`, correct it there, `no502 apply {file}` mends {}", of_all(n))
        }
        (0, 0, n, _) => {
            format!("`no502 export LB > LB.yaml`, correct it there, `no502 apply LB.yaml` mends {}", of_all(n))
        }
        (0, n, ..) => format!("correct the file as the fixes say, then {apply} mends {}", of_all(n)),
        (n, 0, ..) => format!("{apply} mends {}", of_all(n)),
        (n, more, ..) => {
            format!("{apply} mends {}; correct the file as the fixes say, and it mends {more} more", of_all(n))
        }
    };
    let hint = page.paint(HINT, "next");
    page.line(&format!("{hint}: {}", clean(&next)));
}

/// The command that closes differences from these files.
fn applying(paths: &str) -> String {
    format!("`{}`", format!("no502 apply {paths}").trim_end())
}
