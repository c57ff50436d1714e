//! What `no502 explain` shows of a rule, and the table of all rules; text only, no layout.

use std::fmt::Write as _;

use serde::Serialize;

use super::{ALL, FixClass, Rule, Severity, Situation};

/// Everything there is to say of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The code.
    pub code: &'static str,
    /// The name.
    pub name: &'static str,
    /// The worst that a finding can be.
    pub severity: Severity,
    /// Who can mend it.
    pub fix: FixClass,
    /// One line: the cause.
    pub summary: &'static str,
    /// The evidence it needs, in words.
    pub needs: Vec<&'static str>,
    /// What happens, what clients see, how to tell, how to mend it; the last one names the sources.
    pub paragraphs: Vec<String>,
    /// A situation in which the rule fires.
    pub bad: Example,
    /// The same place with nothing wrong.
    pub good: Example,
}

/// A situation, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What it shows.
    pub text: &'static str,
    /// The desired files, YAML.
    pub desired: &'static str,
    /// What is different on AWS, YAML; `None`: nothing.
    pub live: Option<&'static str>,
    /// What is known besides, a line each.
    pub known: Vec<String>,
}

/// Explains one rule.
pub fn explanation(rule: &Rule) -> Explanation {
    let needs = rule.needs.iter().chain(rule.also).map(|need| need.in_words()).collect();
    Explanation {
        code: rule.code,
        name: rule.name,
        severity: rule.severity,
        fix: rule.fix,
        summary: rule.summary,
        needs,
        paragraphs: paragraphs(rule.explain),
        bad: example(&rule.bad),
        good: example(&rule.good),
    }
}

fn example(situation: &Situation) -> Example {
    let live = situation.live.trim();
    Example {
        text: situation.text,
        desired: situation.desired.trim(),
        live: (!live.is_empty()).then_some(live),
        known: situation.known(),
    }
}

/// Paragraphs of a text whose lines were broken for the source file.
pub fn paragraphs(text: &str) -> Vec<String> {
    let joined = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(joined).filter(|p| !p.is_empty()).collect()
}

/// The rules that are about these words, best first: all of the words, or, where no rule has them all, most of them.
/// A word in the name weighs more than one in the summary, and that more than one in the explanation.
pub fn search(words: &str) -> Vec<&'static Rule> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let weigh = |rule: &Rule| -> (usize, usize) {
        let name = format!("{} {}", rule.code, rule.name).to_lowercase();
        let (summary, text) = (rule.summary.to_lowercase(), rule.explain.to_lowercase());
        let of = |word: &String| {
            let is_in = |text: &str, weight: usize| {
                if text.contains(word.as_str()) { weight } else { 0 }
            };
            is_in(&name, 12) + is_in(&summary, 6) + text.matches(word.as_str()).count().min(4)
        };
        let hits: Vec<usize> = words.iter().map(of).filter(|weight| *weight > 0).collect();
        (hits.len(), hits.iter().sum())
    };
    let mut hits: Vec<((usize, usize), &Rule)> = ALL.iter().map(|rule| (weigh(rule), *rule)).collect();
    let most = hits.iter().map(|((words, _), _)| *words).max().unwrap_or(0);
    hits.retain(|((words, _), _)| *words == most && most > 0);
    hits.sort_by_key(|(weight, rule)| (std::cmp::Reverse(*weight), rule.code));
    hits.into_iter().map(|(_, rule)| rule).collect()
}

/// All rules as a Markdown table, for the README and for `explain` without a rule.
pub fn table() -> String {
    let mut out = String::from("| rule | name | worst | fix | cause |\n|---|---|---|---|---|\n");
    for rule in ALL {
        let Rule { code, name, severity, fix, summary, .. } = rule;
        // writing to a string cannot fail
        let _ = writeln!(out, "| {code} | `{name}` | {} | {} | {summary} |", severity.as_str(), fix.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_rule() {
        let table = table();
        assert_eq!(table.lines().count(), ALL.len() + 2);
        assert!(table.contains("| E301 | `keepalive-lt-idle` | high | manual |"), "{table}");
        assert!(table.lines().all(|line| line.matches('|').count() == 6), "{table}");
    }

    #[test]
    fn rules_are_found_by_words() {
        let codes = |words: &str| search(words).iter().map(|rule| rule.code).collect::<Vec<_>>();
        assert_eq!(codes("idle timeout raised").first(), Some(&"E303"));
        assert_eq!(codes("keep-alive gunicorn").first(), Some(&"E301"));
        assert!(codes("LambdaThrottling").contains(&"E904"));
        assert_eq!(codes("zzzz"), Vec::<&str>::new());
        // a word that no rule has does not hide the others
        assert_eq!(codes("zzzz idle timeout raised").first(), Some(&"E303"));
    }

    #[test]
    fn paragraphs_lose_their_line_breaks() {
        assert_eq!(paragraphs("\na\n   b\n\nc\n"), ["a b", "c"]);
    }
}
