//! Logins before actions: what AWS fills in, and what it refuses.

use super::super::Snapshot;
use super::Refusal;
use crate::model::Link;
use crate::model::kind::{Authenticate, Oidc};
use crate::model::value::Protocol;

/// The login that stands once a list of actions was replaced. A secret that is kept must be there.
pub(super) fn replaced(live: Option<&Authenticate>, new: Option<Authenticate>) -> Result<Authenticate, Refusal> {
    let new = new.unwrap_or(Authenticate::None);
    let keeps = matches!(&new, Authenticate::Oidc(Oidc { .. })) && new.secret().is_none();
    if keeps && !matches!(live, Some(Authenticate::Oidc(_))) {
        return Err(Refusal::new(
            "ValidationError",
            "a client secret must be specified, because there is none to keep",
            "API: AuthenticateOidcActionConfig.UseExistingClientSecret",
        ));
    }
    Ok(new.kept().with_defaults())
}

/// Only HTTPS listeners authenticate.
pub(super) fn goes_with<'l>(
    protocol: Option<Protocol>,
    logins: impl IntoIterator<Item = &'l Authenticate>,
) -> Result<(), Refusal> {
    let some = logins.into_iter().any(|login| *login != Authenticate::None);
    if some && protocol == Some(Protocol::Http) {
        let message = "actions that authenticate are supported only on HTTPS listeners";
        return Err(Refusal::new("UnsupportedProtocol", message, "API: Action.Type"));
    }
    Ok(())
}

/// The logins of a listener's rules.
pub(super) fn of_rules(snapshot: &Snapshot, listener: &Link) -> Vec<Authenticate> {
    let rules = snapshot.rules().filter(|(_, rule)| rule.listener == *listener);
    rules.filter_map(|(_, rule)| rule.authenticate.clone()).collect()
}

/// The protocol of the listener that a rule belongs to.
pub(super) fn protocol_over(snapshot: &Snapshot, rule: &Link) -> Option<Protocol> {
    let of = |link: &Link| link.id().and_then(|id| snapshot.found.get(id)).map(|live| &live.spec);
    of(&of(rule)?.rule()?.listener)?.listener()?.protocol
}
