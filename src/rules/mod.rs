//! The 5xx rules: one file per cause, each a pure function from evidence to findings.
//!
//! A rule holds all there is to say of its cause: code, name, what evidence it needs, an explanation,
//! a bad and a good situation, and the check. [`engine::judge`] runs them; [`explain`] shows them.
//! The same check judges the files alone, the live state, and the state after a plan, so it looks at
//! the state in effect and, for drift, at what the files declare.
//!
//! To add one: its file in a group's folder (`deploy/dereg_delay_short.rs` holds `dereg-delay-short`), a
//! `mod` line in the group's `mod.rs`, a line in [`ALL`]. What several rules of a group share stands in
//! the group's `mod.rs`; the table test in [`situation`] runs every rule's two situations.

pub mod accept;
mod checked;
pub mod engine;
pub mod evidence;
pub mod explain;
pub mod finding;
mod pattern;
pub mod situation;

mod deploy;
mod health_check;
mod keep_alive;
mod network;
mod routing;
mod tls;

#[cfg(test)]
mod testing;

use serde::Serialize;

pub use accept::Accepted;
pub use engine::{Judgement, NotChecked, find, judge};
pub use evidence::{Evidence, Need};
pub use finding::{Declaration, Evident, Finding, Fix, Severity};
pub use situation::{Health, Situation};

use crate::model::Address;

/// One cause of 5xx answers, and how to know it.
#[derive(Debug)]
pub struct Rule {
    /// The stable code, such as `E101`; the first digit is the group.
    pub code: &'static str,
    /// The stable name, such as `hc-path-mismatch`.
    pub name: &'static str,
    /// The worst that a finding of this rule can be.
    pub severity: Severity,
    /// The evidence without which it is not run.
    pub needs: &'static [Need],
    /// Evidence without which it sees only a part of its cause: run all the same, and listed.
    pub also: &'static [Need],
    /// One line: the cause.
    pub summary: &'static str,
    /// Paragraphs: what happens, what clients see, how to tell, how to mend it, the sources.
    pub explain: &'static str,
    /// A situation in which exactly this rule fires.
    pub bad: Situation,
    /// The same place with nothing wrong.
    pub good: Situation,
    /// Who can mend it.
    pub fix: FixClass,
    /// The check itself.
    pub check: fn(&Evidence) -> Vec<Finding>,
}

/// Who can mend a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FixClass {
    /// One reversible call, safe to make unasked.
    Automatic,
    /// no502 can, behind a guard.
    Guarded,
    /// A person must: the application, or something no502 does not manage.
    Manual,
}

impl FixClass {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Guarded => "guarded",
            Self::Manual => "manual",
        }
    }
}

impl Rule {
    /// A finding of this rule, with its words still to come.
    pub fn finding(&self, severity: Severity, address: &Address, field: &str) -> Finding {
        Finding {
            rule: self.code.to_owned(),
            severity: severity.min(self.severity),
            address: address.clone(),
            field: field.into(),
            title: String::new(),
            detail: String::new(),
            evidence: Vec::new(),
            fix: Fix { text: String::new(), declare: None },
        }
    }
}

/// Every rule, by code.
pub static ALL: &[&Rule] = &[
    &health_check::hc_path_mismatch::RULE,
    &health_check::hc_matcher_drift::RULE,
    &health_check::hc_port_mismatch::RULE,
    &health_check::hc_protocol_mismatch::RULE,
    &keep_alive::keepalive_lt_idle::RULE,
    &keep_alive::idle_timeout_drift::RULE,
    &deploy::dereg_delay_short::RULE,
    &network::target_sg_no_traffic_port::RULE,
    &tls::cert_san_mismatch::RULE,
    &tls::listener_protocol_drift::RULE,
    &routing::default_action_drift::RULE,
    &routing::redirect_loop::RULE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    /// Every rule file: whatever stands in a group's folder beside its `mod.rs`.
    fn files() -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
        let entries = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
        let groups = entries(&root).into_iter().filter(|p| p.is_dir());
        groups.flat_map(|group| entries(&group)).filter(|p| p.file_name().unwrap() != "mod.rs").collect()
    }

    #[test]
    fn the_list_is_sorted_and_without_doubles() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        let names: BTreeSet<_> = ALL.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn files_and_list_agree() {
        let mut seen = BTreeSet::new();
        for path in files() {
            let name = path.file_stem().unwrap().to_string_lossy().replace('_', "-");
            let rule = ALL.iter().find(|r| r.name == name).unwrap_or_else(|| panic!("{name} is not in ALL"));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                text.contains(&format!("code: \"{}\"", rule.code)),
                "{} does not hold {}",
                path.display(),
                rule.code
            );
            assert!(
                text.starts_with(&format!("//! {}: ", rule.code)),
                "{} does not begin with its code",
                path.display()
            );
            seen.insert(rule.name);
        }
        assert_eq!(seen.len(), ALL.len(), "a rule has no file of its own");
    }

    #[test]
    fn every_rule_is_documented() {
        for rule in ALL {
            let code = rule.code;
            assert!(code.len() == 4 && code.starts_with('E') && code[1..].parse::<u16>().is_ok(), "{code}");
            assert!(!rule.summary.ends_with('.') && rule.summary.len() <= 90, "{code}: one short line");
            let paragraphs = explain::paragraphs(rule.explain);
            assert!(paragraphs.len() >= 4, "{code}: what happens, what clients see, how to tell, how to mend it");
            assert!(paragraphs.last().unwrap().starts_with("Sources: "), "{code}: sources");
            assert!(rule.also.iter().all(|need| !rule.needs.contains(need)), "{code}: a need is needed or not");
            for situation in [&rule.bad, &rule.good] {
                assert!(!situation.text.is_empty() && !situation.desired.is_empty(), "{code}: situation");
            }
        }
    }
}
