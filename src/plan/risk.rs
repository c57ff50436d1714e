//! The risk of a difference, computed and never written by hand: the rules judge the live state and the
//! state after; findings that come or go and cite a field are its risk.
//!
//! Direction comes for free: an idle timeout raised past the keep-alive is a risk, lowered it is not.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{Change, Diff};
use crate::model::{Address, FieldPath};
use crate::rules::{Finding, Judgement, Severity};

/// Which rules make which field a risk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Risks {
    fields: BTreeMap<(Address, FieldPath), BTreeSet<String>>,
    resources: BTreeMap<Address, BTreeSet<String>>,
}

/// A field, and the rules that make it a risk.
pub(super) type RiskyField = (Address, FieldPath, BTreeSet<String>);
/// A resource, and the rules that make it a risk to create or remove it.
pub(super) type RiskyResource = (Address, BTreeSet<String>);

/// The findings that make a risk. A note that becomes a warning has come.
fn grave(judged: &Judgement) -> Vec<&Finding> {
    judged.findings.iter().filter(|f| f.severity >= Severity::Medium).collect()
}

impl Risks {
    /// Compares two judgements.
    pub(super) fn of(diff: &Diff, before: &Judgement, after: &Judgement) -> Self {
        let (was, will) = (grave(before), grave(after));
        let ids = |findings: &[&Finding]| findings.iter().map(|f| f.id()).collect::<BTreeSet<_>>();
        let (had, has) = (ids(&was), ids(&will));
        let gone = was.into_iter().filter(|f| !has.contains(&f.id()));
        let moved: Vec<&Finding> = gone.chain(will.into_iter().filter(|f| !had.contains(&f.id()))).collect();
        let mut risks = Self::default();
        for change in &diff.changes {
            for field in change.verdict.fields() {
                let rules: BTreeSet<String> =
                    moved.iter().filter(|f| f.cites(&change.address, &field.path)).map(|f| f.rule.clone()).collect();
                if !rules.is_empty() {
                    risks.fields.insert((change.address.clone(), field.path.clone()), rules);
                }
            }
            let about =
                |f: &&&Finding| f.address == change.address || f.evidence.iter().any(|e| e.address == change.address);
            let rules: BTreeSet<String> = moved.iter().filter(about).map(|f| f.rule.clone()).collect();
            if !rules.is_empty() {
                risks.resources.insert(change.address.clone(), rules);
            }
        }
        risks
    }

    /// The same as lists, to be kept.
    pub(super) fn lists(&self) -> (Vec<RiskyField>, Vec<RiskyResource>) {
        let fields = self.fields.iter().map(|((a, f), rules)| (a.clone(), f.clone(), rules.clone())).collect();
        (fields, self.resources.iter().map(|(a, rules)| (a.clone(), rules.clone())).collect())
    }
    /// From lists.
    pub(super) fn of_lists(fields: &[RiskyField], resources: &[RiskyResource]) -> Self {
        let fields = fields.iter().map(|(a, f, rules)| ((a.clone(), f.clone()), rules.clone())).collect();
        Self { fields, resources: resources.iter().cloned().collect() }
    }

    /// The rules that make this field a risk.
    pub fn of_field(&self, address: &Address, field: &FieldPath) -> Vec<&str> {
        let rules = self.fields.get(&(address.clone(), field.clone()));
        rules.into_iter().flatten().map(String::as_str).collect()
    }
    /// The rules that make a created or removed resource a risk.
    pub fn of_resource(&self, address: &Address) -> Vec<&str> {
        self.resources.get(address).into_iter().flatten().map(String::as_str).collect()
    }
    /// Whether a change carries a risk at all.
    pub fn of_change(&self, change: &Change) -> bool {
        let fields = change.verdict.fields();
        if fields.is_empty() {
            return self.resources.contains_key(&change.address);
        }
        fields.iter().any(|f| !self.of_field(&change.address, &f.path).is_empty())
    }
}
