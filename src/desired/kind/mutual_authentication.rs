//! Mutual authentication of HTTPS listeners.
//!
//! Source: API `MutualAuthenticationAttributes`, `CreateTrustStore.Name`; user guide "Mutual authentication with TLS"

use std::collections::BTreeMap;

use super::super::reader::{Reader, text_of};
use super::super::shape::{Complaint, Field, MapRule, Shape, TextRule, field};
use crate::model::kind::{MutualAuthentication, Verify};
use crate::model::{Id, Link, Selectable, Selector};

const TRUST_STORE: TextRule = TextRule {
    noun: "a trust store, by name or ARN",
    min: 1,
    max: 2048,
    pattern: "^(arn:aws.*:truststore/.*|([a-zA-Z0-9]+-)*[a-zA-Z0-9]{1,32})$",
    check: |text| {
        if text.starts_with("arn:") {
            return match text.split(':').collect::<Vec<_>>()[..] {
                ["arn", _, "elasticloadbalancing", _, _, store] if store.starts_with("truststore/") => Ok(()),
                _ => Err(Complaint::must("must be the ARN of a trust store")
                    .hint("`aws elbv2 describe-trust-stores` lists names and ARNs")),
            };
        }
        let plain = text.split('-').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
        if plain && text.len() <= 32 {
            return Ok(());
        }
        Err(Complaint::must("must be the name or the ARN of a trust store")
            .hint("a name has 1 to 32 letters and digits with single `-` between them: API CreateTrustStore.Name"))
    },
};
const FIELDS: &[Field] = &[
    field(
        "verify",
        "The trust store whose authorities clients' certificates are checked against: by name or ARN. It is not managed here.",
        Shape::Text(&TRUST_STORE),
    )
    .required(),
    field("ignore_expiry", "Whether expired certificates pass; AWS's default is false.", Shape::Bool),
    field(
        "advertise_ca_names",
        "Whether clients are told which authorities are trusted; AWS's default is false.",
        Shape::Bool,
    ),
];
const RULE: MapRule = MapRule { noun: "a check of clients' certificates", fields: FIELDS };
/// `mutual_authentication:`.
pub(super) const MUTUAL: Field = field(
    "mutual_authentication",
    "Whether clients of an HTTPS listener show certificates of their own, and what they are checked against.",
    Shape::AnyOf(&[Shape::Words(&["disabled", "passthrough"]), Shape::Map(&RULE)]),
);

/// Reads it.
pub(super) fn read(r: &Reader<'_, '_>) -> Option<MutualAuthentication> {
    let node = r.node("mutual_authentication")?;
    match text_of(node) {
        Some("disabled") => return Some(MutualAuthentication::Disabled),
        Some("passthrough") => return Some(MutualAuthentication::Passthrough),
        Some(_) | None => {}
    }
    let m = r.sub("mutual_authentication")?;
    let name = m.text("verify")?;
    let trust_store = if name.starts_with("arn:") {
        Link::Id(Id(name))
    } else {
        Link::Select(Selector { what: Selectable::TrustStore, tags: BTreeMap::from([("Name".to_owned(), name)]) })
    };
    Some(MutualAuthentication::Verify(Verify {
        trust_store,
        ignore_expiry: m.bool("ignore_expiry"),
        advertise_ca_names: m.bool("advertise_ca_names"),
    }))
}
