//! Working on part of a diff: `--target` and `--only-5xx`.

use std::collections::BTreeSet;

use super::Risks;
use crate::desired::Problem;
use crate::diff::{Change, Diff, Verdict};
use crate::model::{Address, Spec};

/// How like an address must be to what was asked for, to be offered in its place.
const ALIKE: f64 = 0.8;
/// How many addresses are offered.
const OFFERED: usize = 5;

/// What it means that a glob fits no address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// It is a mistake.
    #[default]
    Mistake,
    /// It is done: what it named has just been deleted.
    Done,
}

/// Which changes a run is about.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Address globs (`*` matches anything); empty: everything.
    pub targets: Vec<String>,
    /// What a glob is that fits no address.
    pub unmatched: Unmatched,
    /// Only changes that can make clients see 5xx.
    pub only_5xx: bool,
}

impl Selection {
    /// Whether everything is selected.
    pub const fn is_all(&self) -> bool {
        self.targets.is_empty() && !self.only_5xx
    }

    /// The globs that fit no address, each with addresses that are near: nothing to do must not pass for a typo.
    pub(super) fn mistakes(&self, diff: &Diff) -> Vec<Problem> {
        match self.unmatched {
            Unmatched::Done => return Vec::new(),
            Unmatched::Mistake => {}
        }
        let known: Vec<String> = diff.changes.iter().map(|change| change.address.to_string()).collect();
        let unfit = self.targets.iter().filter(|glob| !known.iter().any(|address| fits(glob, address)));
        unfit.map(|glob| mistake(glob, &known, diff)).collect()
    }

    /// Leaves only the selected changes and what they need in the diff; notes what was left out.
    pub(super) fn apply(&self, diff: &mut Diff, risks: &Risks) {
        if self.is_all() {
            return;
        }
        let mut wanted: BTreeSet<Address> =
            diff.changes.iter().filter(|c| self.wants(c, risks)).map(|c| c.address.clone()).collect();
        loop {
            let more: BTreeSet<Address> =
                wanted.iter().flat_map(|a| needed(diff, a)).filter(|a| !wanted.contains(a)).collect();
            if more.is_empty() {
                break;
            }
            wanted.extend(more);
        }
        let (kept, left): (Vec<Change>, Vec<Change>) =
            std::mem::take(&mut diff.changes).into_iter().partition(|c| wanted.contains(&c.address));
        diff.changes = kept;
        let differs = |c: &Change| !matches!(c.verdict, Verdict::InSync);
        diff.unselected = left.into_iter().filter(differs).map(|c| c.address).collect();
    }

    fn wants(&self, change: &Change, risks: &Risks) -> bool {
        let named = self.targets.is_empty() || self.targets.iter().any(|glob| fits(glob, &change.address.to_string()));
        let risky = !self.only_5xx || risks.of_change(change);
        named && risky
    }
}

/// What a change needs to be made: things it links to that do not exist yet.
fn needed(diff: &Diff, address: &Address) -> Vec<Address> {
    let links = diff.bound.want.get(address).map(Spec::links).unwrap_or_default();
    let absent = |a: &Address| !diff.bound.ids.contains_key(a);
    links.iter().filter_map(|link| link.address()).filter(|a| absent(a)).cloned().collect()
}

fn mistake(glob: &str, known: &[String], diff: &Diff) -> Problem {
    let problem = Problem::general(format!("--target: no resource in these files has the address `{glob}`"));
    if let Some(stranger) = diff.unmanaged.iter().find(|one| fits(glob, &one.address.to_string())) {
        let hint = format!("{} is unmanaged: no file mentions it, and no plan touches it", stranger.address);
        return problem.hint(hint);
    }
    let near = near(glob, known);
    let list = |some: &[&str]| some.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ");
    if !near.is_empty() {
        return problem.hint(format!("near it: {}", list(&near)));
    }
    let first: Vec<&str> = known.iter().take(OFFERED).map(String::as_str).collect();
    match known.len() {
        0 => problem.hint("these files declare nothing, and nothing on AWS is this stack's"),
        n if n > OFFERED => problem.hint(format!("there are {n}, such as {}", list(&first))),
        _ => problem.hint(format!("there are {}", list(&first))),
    }
}

/// The addresses most like a glob, most alike first: those that hold its words, then those that read like it.
fn near<'k>(glob: &str, known: &'k [String]) -> Vec<&'k str> {
    let word = glob.replace('*', "").to_ascii_lowercase();
    let likeness = |address: &str| {
        let address = address.to_ascii_lowercase();
        let leaf = address.split_once('/').map_or(address.as_str(), |(_, name)| name);
        let holds = word.len() > 1 && address.contains(&word);
        if holds { 1.0 } else { strsim::jaro_winkler(&address, &word).max(strsim::jaro_winkler(leaf, &word)) }
    };
    let mut near: Vec<(f64, &str)> = known.iter().map(|address| (likeness(address), address.as_str())).collect();
    near.retain(|(likeness, _)| *likeness > ALIKE);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.into_iter().take(OFFERED).map(|(_, address)| address).collect()
}

/// Whether a glob with `*` matches the whole text.
pub fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(end) => end.is_empty() || text.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::{fits, near};

    #[test]
    fn what_is_near_is_offered() {
        let known = ["listener/web:443", "rule/web:443/api", "target_group/django", "target_group/canary"];
        let known = known.map(str::to_owned);
        assert_eq!(near("target_group/djagno", &known)[0], "target_group/django");
        assert_eq!(near("django", &known), ["target_group/django"]);
        assert_eq!(near("rule/web:443/apis*", &known)[0], "rule/web:443/api");
        assert_eq!(near("*", &known), Vec::<&str>::new());
        assert_eq!(near("zzz", &known), Vec::<&str>::new());
    }

    #[test]
    fn globs_match_whole_addresses() {
        assert!(fits("rule/web:443/*", "rule/web:443/api"));
        assert!(fits("*", "anything"));
        assert!(fits("target_group/django", "target_group/django"));
        assert!(!fits("target_group/dja", "target_group/django"));
        assert!(fits("*/web*", "listener/web:443"));
        assert!(!fits("rule/*/x", "rule/web:443/api"));
        assert!(fits("rule/*i", "rule/i/api"));
    }
}
