//! Which certificate a client gets.
//!
//! Certificates of the list whose names cover the server name come first; of several the best: an ECDSA key before an
//! RSA one, one that is not expired, the longer key. The default certificate is shown only to clients that say no
//! name, or one that no certificate of the list covers; so an expired one in the list hides a good default. Source:
//! user guide "SSL certificates for your Application Load Balancer" (default certificate, certificate list).

use super::condition::Fits;
use crate::cloud::{Facts, Snapshot};
use crate::model::kind::{Certificate, Listener};
use crate::model::{Id, Link};

/// What a client is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The certificate; several where AWS's order among them cannot be told, none where the listener has none.
    pub certificates: Vec<Id>,
    /// Whether what is shown covers the name that was asked for and is valid. A client that says no name is
    /// satisfied with any.
    pub fits: Fits,
}

struct Candidate<'s> {
    id: &'s Id,
    names: Option<&'s Certificate>,
    invalid: bool,
}

/// The handshake of a listener that speaks HTTPS.
pub(super) fn handshake(snapshot: &Snapshot, listener: &Listener, server_name: Option<&str>) -> Handshake {
    let default = listener.certificate.as_ref().and_then(|link| candidate(snapshot, link));
    let Some(name) = server_name else { return shown(default.into_iter().collect(), |_| Fits::Yes) };
    let covers = |one: &Candidate<'_>| match one.names {
        Some(certificate) if certificate.names.is_some() => Fits::known(certificate.covers(name)),
        Some(_) | None => Fits::CannotTell,
    };
    // a list that was not read may hold anything
    let Some(list) = &listener.sni_certificates else {
        let mut handshake = shown(default.into_iter().collect(), covers);
        if handshake.fits == Fits::No {
            handshake.fits = Fits::CannotTell;
        }
        return handshake;
    };
    let list: Vec<Candidate<'_>> = list.iter().filter_map(|link| candidate(snapshot, link)).collect();
    let mut matching: Vec<Candidate<'_>> = list.into_iter().filter(|one| covers(one) != Fits::No).collect();
    if matching.is_empty() {
        return shown(default.into_iter().collect(), covers);
    }
    let sure = matching.iter().all(|one| covers(one) == Fits::Yes);
    if sure {
        let best = matching.iter().map(preference).max();
        matching.retain(|one| Some(preference(one)) == best);
    } else {
        // what is unknown may or may not be chosen, and then the default is
        matching.extend(default);
    }
    shown(matching, covers)
}

fn candidate<'s>(snapshot: &'s Snapshot, link: &'s Link) -> Option<Candidate<'s>> {
    let id = link.id()?;
    let live = snapshot.found.get(id);
    let invalid = match live.map(|live| &live.facts) {
        Some(Facts::Certificate(facts)) => !facts.status.is_empty() && facts.status != "ISSUED",
        Some(_) | None => false,
    };
    Some(Candidate { id, names: live.and_then(|live| live.spec.certificate()), invalid })
}

/// Higher is better.
fn preference(one: &Candidate<'_>) -> (bool, bool, u16) {
    one.names.map_or((false, !one.invalid, 0), |certificate| certificate.preference(!one.invalid))
}

fn shown(candidates: Vec<Candidate<'_>>, covers: impl Fn(&Candidate<'_>) -> Fits) -> Handshake {
    let one = |candidate: &Candidate<'_>| Fits::all([covers(candidate), Fits::known(!candidate.invalid)]);
    let fits: Vec<Fits> = candidates.iter().map(one).collect();
    let fits = match (fits.first(), fits.iter().all(|fit| Some(fit) == fits.first())) {
        (None, _) => Fits::No,
        (Some(fit), true) => *fit,
        (Some(_), false) => Fits::CannotTell,
    };
    Handshake { certificates: candidates.into_iter().map(|one| one.id.clone()).collect(), fits }
}
