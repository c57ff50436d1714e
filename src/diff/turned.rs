//! Keys that changed places: each asks for what a rule with another one of them has.
//!
//! Written into the rules one by one, some requests would find no rule in between. So the keys go to the rules that
//! have what they ask for, and the tags follow.

use std::collections::BTreeMap;

use super::identity;
use crate::model::kind::Rule;
use crate::model::{Address, Id};

/// Turns every ring of such keys.
pub(super) fn around(want: &[(&Address, &Rule)], live: &[(&Id, &Rule)], pairs: &mut [(Address, Id)]) {
    let rules: BTreeMap<&Id, &Rule> = live.iter().copied().collect();
    let wishes: BTreeMap<&Address, &Rule> = want.iter().copied().collect();
    let alike = |address: &Address, id: &Id| {
        wishes.get(address).is_some_and(|want| rules.get(id).is_some_and(|have| identity::alike(want, have)))
    };
    // where a key finds what it asks for
    let next = |at: usize, pairs: &[(Address, Id)]| {
        let (address, own) = &pairs[at];
        if alike(address, own) {
            return None;
        }
        pairs.iter().position(|(_, id)| alike(address, id)).filter(|found| !alike(&pairs[*found].0, &pairs[*found].1))
    };
    for start in 0..pairs.len() {
        let mut ring = vec![start];
        while let Some(found) = next(*ring.last().unwrap_or(&start), pairs) {
            if found == start {
                let ids: Vec<Id> = ring.iter().map(|at| pairs[*at].1.clone()).collect();
                for (place, at) in ring.iter().enumerate() {
                    pairs[*at].1.clone_from(&ids[(place + 1) % ids.len()]);
                }
                break;
            }
            if ring.contains(&found) {
                break;
            }
            ring.push(found);
        }
    }
}
