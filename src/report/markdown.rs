//! Markdown for a comment on a pull request, a job's summary or an issue: what counts first, the rest folded away.
//!
//! It never grows beyond the limit that it is given: rows are left out from the end, which has the least weight, and
//! counted. Text from files and AWS cannot become markup, links or mentions.

use jiff::Timestamp;

use super::layout::shorten;
use super::remark::{Remark, Seen, Topic, Weight};
use super::since::{Kept, Turn};
use super::whole::Report;

/// The longest comment that GitHub takes, in characters; bytes are never fewer.
pub const COMMENT: usize = 64 * 1024;
/// The longest summary of a step.
pub const SUMMARY: usize = 1024 * 1024;
/// Room that is kept for the end.
const END: usize = 2_048;
/// The longest cell.
const CELL: usize = 600;

/// The report in at most so many bytes.
pub fn document(report: &Report, exit_code: u8, limit: usize) -> String {
    let mut page = Page { out: String::new(), limit: limit.saturating_sub(END), left_out: 0 };
    // by this line a job finds its own comment again
    page.out.push_str(&format!("<!-- no502 {} {} -->\n", word(&report.command), word(&report.about)));
    page.out.push_str(&format!("### no502 {}: {}\n\n", report.command, plain(&report.about)));
    page.out.push_str(&format!("{} {}\n\n", badge(report.weight()), plain(&report.verdict(exit_code))));
    if let Some((account, region)) = &report.place {
        let at = moment(report.at);
        page.out.push_str(&format!("Account {} · {} · {at}\n\n", plain(account), plain(region)));
    }
    for (command, does) in &report.next {
        page.out.push_str(&format!("- {} {does}\n", code(command)));
    }
    let (counting, rest): (Vec<&Remark>, Vec<&Remark>) =
        report.remarks.iter().partition(|remark| remark.weight > Weight::None);
    match &report.turn {
        Some(turn) => turned(report, turn, &mut page),
        None => page.table("", &counting),
    }
    let (rest, accepted): (Vec<&Remark>, Vec<&Remark>) = rest.into_iter().partition(|r| r.accepted.is_none());
    if report.turn.is_none() {
        page.folded(if rest.len() == 1 { "remark that does not count" } else { "remarks that do not count" }, &rest);
        page.folded("accepted", &accepted);
    }
    page.end()
}

/// What came and what went since the earlier report, and how much stayed.
fn turned(report: &Report, turn: &Turn, page: &mut Page) {
    let new: Vec<&Remark> = report.remarks.iter().filter(|remark| turn.new.contains(&remark.id)).collect();
    let known = report.remarks.len() - new.len();
    let (since, gone, unseen) = (moment(turn.since), turn.gone.len(), turn.unseen.len());
    let unseen = if unseen == 0 { String::new() } else { format!(", {unseen} not seen this time") };
    let text = format!("\nSince {since}: {} new, {gone} gone, {known} as before{unseen}.\n", new.len());
    page.out.push_str(&text);
    page.table("New", &new);
    page.gone(&turn.gone);
}

/// A page with a limit.
struct Page {
    out: String,
    limit: usize,
    left_out: usize,
}

impl Page {
    /// Adds a row if there is room for it and for what must follow it.
    fn row(&mut self, row: &str, closing: usize) {
        if self.left_out > 0 || self.out.len() + row.len() + closing > self.limit {
            self.left_out += 1;
        } else {
            self.out.push_str(row);
        }
    }

    fn table(&mut self, heading: &str, remarks: &[&Remark]) {
        if remarks.is_empty() {
            return;
        }
        if !heading.is_empty() {
            self.out.push_str(&format!("\n#### {heading}\n"));
        }
        self.out.push_str("\n| | what | why, and the way out |\n|---|---|---|\n");
        for remark in remarks {
            self.row(&row(remark), 0);
        }
    }

    fn folded(&mut self, what: &str, remarks: &[&Remark]) {
        if remarks.is_empty() {
            return;
        }
        let head =
            format!("\n<details><summary>{} {what}</summary>\n\n| | what | why |\n|---|---|---|\n", remarks.len());
        let foot = "\n</details>\n";
        if self.left_out > 0 || self.out.len() + head.len() + foot.len() > self.limit {
            self.left_out += remarks.len();
            return;
        }
        self.out.push_str(&head);
        for remark in remarks {
            self.row(&row(remark), foot.len());
        }
        self.out.push_str(foot);
    }

    fn gone(&mut self, gone: &[Kept]) {
        if gone.is_empty() {
            return;
        }
        self.out.push_str("\n#### Gone\n\n");
        for kept in gone {
            let since = moment(kept.first_seen);
            self.row(&format!("- {} (there since {since})\n", plain(&shorten(&kept.title, CELL))), 0);
        }
    }

    fn end(mut self) -> String {
        if self.left_out > 0 {
            self.out.push_str(&format!(
                "\n{} more are left out for their length; `--format json` has them all.\n",
                self.left_out
            ));
        }
        self.out
    }
}

fn row(remark: &Remark) -> String {
    let place = remark.at.as_ref().map(|at| format!("<br>{}", code(&format!("{}:{}", at.from.file, at.from.line))));
    let seen = remark.seen.map(|seen| format!("<br>{}", plain(&since(seen)))).unwrap_or_default();
    let accepted = remark.accepted.as_ref().map(|a| format!("{} ", a.because)).unwrap_or_default();
    let rest = plain(&shorten(&format!("{accepted}{}", remark.detail), CELL));
    let fix = match (remark.fix.as_str(), remark.topic) {
        ("", _) => String::new(),
        (fix, Topic::Difference) => format!(" Fix: {}", code(fix)),
        (fix, _) => format!(" Fix: {}", plain(&shorten(fix, CELL))),
    };
    let title = match remark.address.as_ref().and_then(|address| Some((address, remark.title.strip_prefix(address)?))) {
        Some((address, said)) => format!("{}{}", code(address), plain(&shorten(said, CELL))),
        None => plain(&shorten(&remark.title, CELL)),
    };
    let (badge, name, place) = (badge(remark.weight), plain(remark.code), place.unwrap_or_default());
    format!("| {badge} {name} | {title}{place}{seen} | {rest}{fix} |\n")
}

/// Since when something is known.
pub(super) fn since(seen: Seen) -> String {
    match seen.not_yet {
        Some(before) => format!("between {} and {}", moment(before), moment(seen.first)),
        None => format!("since {} or before", moment(seen.first)),
    }
}

/// A moment to the minute.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

const fn badge(weight: Weight) -> &'static str {
    match weight {
        Weight::FiveXx => "🔴",
        Weight::Differs => "🟠",
        Weight::Incomplete => "⚪",
        Weight::None => "🟢",
    }
}

/// Text that is no markup: neither in a table's cell nor beside it.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let after = text[at + c.len_utf8()..].chars().next().unwrap_or(' ');
        // within a word it is no emphasis
        let within = c == '_' && before.is_alphanumeric() && after.is_alphanumeric();
        before = c;
        match c {
            '_' if within => out.push('_'),
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '@' | '\\' | '~' | '!' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    // what looks like an address of the web would become a link
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

/// Text for a comment of HTML.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || " ._/:".contains(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::{code, plain, word};

    #[test]
    fn nothing_in_it_is_markup() {
        assert_eq!(plain("a|b <i> @all [x](y)"), "a&#124;b &#60;i&#62; &#64;all &#91;x&#93;(y)");
        assert_eq!(plain("https://evil.example"), "https&#58;//evil.example");
        assert_eq!(plain("health_check._x_"), "health_check.&#95;x&#95;");
        assert_eq!(code("a`b|c\nd"), "`a'b\\|c d`");
        assert_eq!(word("stack --> x"), "stack --- x");
    }
}
