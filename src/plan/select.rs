//! Working on part of a diff: `--target` and `--only-5xx`.

use std::collections::BTreeSet;

use super::Risks;
use crate::diff::{Change, Diff, Verdict};
use crate::model::{Address, Spec};

/// Which changes a run is about.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Address globs (`*` matches anything); empty: everything.
    pub targets: Vec<String>,
    /// Only changes that can make clients see 5xx.
    pub only_5xx: bool,
}

impl Selection {
    /// Whether everything is selected.
    pub const fn is_all(&self) -> bool {
        self.targets.is_empty() && !self.only_5xx
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
        let named =
            self.targets.is_empty() || self.targets.iter().any(|glob| matches(glob, &change.address.to_string()));
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

/// Whether a glob with `*` matches the whole text.
fn matches(glob: &str, text: &str) -> bool {
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
    use super::matches;

    #[test]
    fn globs_match_whole_addresses() {
        assert!(matches("rule/web:443/*", "rule/web:443/api"));
        assert!(matches("*", "anything"));
        assert!(matches("target_group/django", "target_group/django"));
        assert!(!matches("target_group/dja", "target_group/django"));
        assert!(matches("*/web*", "listener/web:443"));
        assert!(!matches("rule/*/x", "rule/web:443/api"));
        assert!(matches("rule/*i", "rule/i/api"));
    }
}
