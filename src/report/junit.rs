//! JUnit XML: a test suite per target, a test case per check, for CI systems that show tests.

use std::fmt::Write as _;

use super::probe::{Check, Looked, Probing, Verdict};

/// The report of a probe.
pub fn probe(probing: &Probing<'_>) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"no502 probe\">\n");
    for target in &probing.targets {
        suite(target, &mut out);
    }
    out.push_str("</testsuites>\n");
    out
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
