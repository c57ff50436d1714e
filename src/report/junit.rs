//! JUnit XML, for CI systems that show tests: of a probe a suite per target and a case per check; of everything else a case
//! per resource, which fails with what counts, errs where nothing can be known, and says the rest on its output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::probe::{Check, Looked, Probing, Verdict};
use super::remark::{Remark, Weight};
use super::whole::Report;

/// The report of anything but a probe.
pub fn document(report: &Report) -> String {
    let mut of: BTreeMap<&str, Vec<&Remark>> = BTreeMap::new();
    for remark in &report.remarks {
        of.entry(report.subject(remark)).or_default().push(remark);
    }
    let cases: BTreeSet<&str> = report.looked_at.iter().map(String::as_str).chain(of.keys().copied()).collect();
    let worst = |case: &str| of.get(case).into_iter().flatten().map(|r| r.weight).max().unwrap_or(Weight::None);
    let failures = cases.iter().filter(|case| worst(case) > Weight::Incomplete).count();
    let errors = cases.iter().filter(|case| worst(case) == Weight::Incomplete).count();
    let name = escaped(&format!("no502 {}", report.command));
    let about = escaped(&report.about);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", cases.len());
    // writing to a string cannot fail
    let _ = writeln!(out, "<testsuites name=\"{name}\">\n  <testsuite name=\"{about}\" {counts}>");
    for case in cases {
        resource(&about, case, of.get(case).map(Vec::as_slice).unwrap_or_default(), &mut out);
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn resource(suite: &str, case: &str, remarks: &[&Remark], out: &mut String) {
    let _ = write!(out, "    <testcase classname=\"{suite}\" name=\"{}\"", escaped(case));
    if remarks.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    // JUnit takes one failure of a case
    let (counting, silent): (Vec<&Remark>, Vec<&Remark>) =
        remarks.iter().copied().partition(|remark| remark.weight > Weight::None);
    if let Some(first) = counting.first() {
        let element = if first.weight == Weight::Incomplete { "error" } else { "failure" };
        let more = if counting.len() > 1 { format!(" (and {} more)", counting.len() - 1) } else { String::new() };
        let message = escaped(&format!("{}{more}", first.title));
        let text = escaped(&said(&counting));
        let kind = escaped(first.code);
        let _ = writeln!(out, "      <{element} type=\"{kind}\" message=\"{message}\">{text}</{element}>");
    }
    if !silent.is_empty() {
        let _ = writeln!(out, "      <system-out>{}</system-out>", escaped(&said(&silent)));
    }
    out.push_str("    </testcase>\n");
}

fn said(remarks: &[&Remark]) -> String {
    let one = |remark: &&Remark| {
        let place = remark.at.as_ref().map(|at| format!(" at {}", at.from)).unwrap_or_default();
        let accepted = remark.accepted.as_ref().map(|a| format!("\n{}", a.because)).unwrap_or_default();
        format!("{} {}{place}\n{}{accepted}", remark.code, remark.title, remark.rest()).trim_end().to_owned()
    };
    remarks.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

/// The report of a probe.
pub fn probe(probing: &Probing<'_>) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"no502 probe\">\n");
    for target in &probing.targets {
        suite(target, &mut out);
    }
    unknown(probing, &mut out);
    out.push_str("</testsuites>\n");
    out
}

/// Targets of which nothing is known: an incomplete view is never reported as clean.
fn unknown(probing: &Probing<'_>, out: &mut String) {
    let skipped = probing.skipped.iter().map(|target| (target, "no address known".to_owned()));
    let otherwise = probing.contradicted.iter();
    let otherwise = otherwise.map(|one| (&one.target, format!("{} from here; AWS: {}", one.observed, one.reported)));
    let all: Vec<_> = skipped.chain(otherwise).collect();
    if all.is_empty() {
        return;
    }
    // writing to a string cannot fail
    let _ = writeln!(out, "  <testsuite name=\"not known\" tests=\"{0}\" failures=\"0\" errors=\"{0}\">", all.len());
    for (target, why) in all {
        let (target, why) = (escaped(&target.to_string()), escaped(&why));
        let _ = writeln!(
            out,
            "    <testcase classname=\"{target}\" name=\"probed\">\n      <error message=\"{why}\"/>\n    </testcase>"
        );
    }
    out.push_str("  </testsuite>\n");
}

fn suite(target: &Looked<'_>, out: &mut String) {
    let failures = target.checks.iter().filter(|check| check.verdict == Verdict::Failed).count();
    let name = escaped(&target.address.to_string());
    let tests = target.checks.len();
    // writing to a string cannot fail
    let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">");
    for check in &target.checks {
        case(&name, check, out);
    }
    out.push_str("  </testsuite>\n");
}

fn case(target: &str, check: &Check<'_>, out: &mut String) {
    let name = check.name;
    let _ = write!(out, "    <testcase classname=\"{target}\" name=\"{name}\"");
    let said: Vec<String> = check
        .findings
        .iter()
        .map(|f| format!("{} {}: {}\n{}\nfix: {}", f.rule, f.severity.as_str(), f.title, f.detail, f.fix.text))
        .collect();
    let said = escaped(&said.join("\n\n"));
    let message = escaped(&format!("expected {}, observed {}", check.expected, check.observed));
    let _ = match (check.verdict, said.is_empty()) {
        (Verdict::Failed, _) => {
            writeln!(out, ">\n      <failure message=\"{message}\">{said}</failure>\n    </testcase>")
        }
        (Verdict::Ok | Verdict::Doubtful, false) => {
            writeln!(out, ">\n      <system-out>{said}</system-out>\n    </testcase>")
        }
        (Verdict::Ok | Verdict::Doubtful, true) => writeln!(out, "/>"),
    };
}

/// Text that may stand in XML: markup is escaped, and what XML 1.0 does not allow at all is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_it_is_markup() {
        assert_eq!(super::escaped("a<b>&\"c\"\u{1b}\u{0}\n"), "a&lt;b&gt;&amp;&quot;c&quot;\n");
    }
}
