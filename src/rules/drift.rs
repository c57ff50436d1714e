//! Settings that are not what the files say: what the rules about drift share.
//!
//! It only compares; whether a drift hurts, and in which direction, is each rule's business.

use super::{Evidence, Finding, Rule, Severity};
use crate::model::attribute::{Attribute, LOAD_BALANCER};
use crate::model::{Address, FieldChange, Spec};

/// A load balancer's attribute that is not the declared one.
pub(super) struct Drifted<'e> {
    /// The load balancer.
    pub(super) at: &'e Address,
    /// The value in effect.
    pub(super) is: &'e str,
    /// The declared value.
    pub(super) want: &'e str,
    key: &'static str,
}

/// Every load balancer whose attribute is not the declared one.
pub(super) fn attribute<'e>(evidence: &'e Evidence, key: &'static str) -> impl Iterator<Item = Drifted<'e>> {
    evidence.load_balancers().filter_map(move |(at, _)| {
        let want = evidence.declared(at)?.load_balancer()?.attributes.get(key)?;
        let is = evidence.attribute(at, key)?;
        (is != want).then_some(Drifted { at, is, want, key })
    })
}

impl Drifted<'_> {
    /// The finding, `what` naming the setting in the title.
    pub(super) fn finding(&self, rule: &Rule, severity: Severity, what: &str, detail: &str) -> Finding {
        let Self { at, is, want, key } = self;
        let field = Attribute::path_of(LOAD_BALANCER, key);
        rule.finding(severity, at, &field)
            .titled(format!("{what} is {is}, the file says {want}"))
            .detailed(detail)
            .evident(at, &field, is)
            .mended_by(format!("set {field} of {} to {want}, as the file says", at.name))
            .declaring(at, &field, want)
    }
}

/// The fields of one resource that are not the declared ones; none where the files do not mention it.
pub(super) fn fields(evidence: &Evidence, address: &Address) -> Vec<FieldChange> {
    let (is, want) = (evidence.state.get(address), evidence.declared(address));
    is.zip(want).map(|(is, want)| Spec::compare(is, want)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{World, at};
    use super::*;

    #[test]
    fn only_declared_attributes_drift_and_an_absent_one_has_its_default() {
        const KEY: &str = "idle_timeout.timeout_seconds";
        let mut world = World::seed();
        let drifted = |world: &World| {
            world.with(|evidence| {
                attribute(evidence, KEY).map(|one| (one.at.clone(), one.is.to_owned())).collect::<Vec<_>>()
            })
        };
        assert!(drifted(&world).is_empty());
        world.balancer().attributes.clear();
        assert!(drifted(&world).is_empty(), "60 s is the default");
        world.balancer().attributes.insert(KEY.to_owned(), "30".to_owned());
        assert_eq!(drifted(&world), [(at("load_balancer/web"), "30".to_owned())]);
        world.desired.specs.remove(&at("load_balancer/web"));
        assert!(drifted(&world).is_empty());
    }
}
