//! Certificates that wait for the proof of their names: AWS takes none on a listener before it is issued, and only
//! somebody with access to the DNS zone can go on.
//!
//! A certificate that this plan requests is waited for by its own step. One that an earlier run requested is not: what
//! needs it is held, and the reason names the record to create.

use super::Held;
use super::build::Builder;
use crate::cloud::Facts;
use crate::diff::Change;
use crate::model::Link;
use crate::model::kind::Listener;

/// The changes without the listeners that would get a certificate which is not issued; these are held.
pub(super) fn issued<'c>(b: &mut Builder<'_>, changes: Vec<&'c Change>) -> Vec<&'c Change> {
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for change in changes {
        match pending(b, change) {
            Some(because) => held.push((change.address.clone(), because)),
            None => kept.push(change),
        }
    }
    for (address, because) in held {
        b.forget(&address);
        b.built.held.push(Held { address, because });
    }
    kept
}

/// Why a change of a listener must wait, if so.
fn pending(b: &Builder<'_>, change: &Change) -> Option<String> {
    let want = b.bound.want.get(&change.address)?.listener()?;
    let has: Vec<&Link> = b.bound.live.get(&change.address).and_then(|live| live.spec.listener()).map_or(vec![], named);
    named(want).into_iter().filter(|link| !has.contains(link)).find_map(|link| {
        let address = link.address()?;
        let Facts::Certificate(facts) = &b.bound.live.get(address)?.facts else { return None };
        (facts.status == "PENDING_VALIDATION").then(|| {
            let records = facts.validation.iter().map(|(name, value)| format!("{name} CNAME {value}"));
            let records: Vec<String> = records.collect();
            match records.as_slice() {
                [] => format!("{address} is not issued: ACM waits for the proof of its names"),
                records => format!("{address} is not issued: ACM waits for DNS: create {}", records.join(" and ")),
            }
        })
    })
}

/// The certificates of a listener.
fn named(listener: &Listener) -> Vec<&Link> {
    listener.certificate.iter().chain(listener.sni_certificates.iter().flatten()).collect()
}
