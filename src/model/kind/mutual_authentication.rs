//! Whether clients of an HTTPS listener show certificates of their own.
//!
//! Source: API `MutualAuthenticationAttributes`; user guide "Mutual authentication with TLS".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Comparer, Link, Mutability};

/// What a listener does about clients' certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MutualAuthentication {
    /// It does not ask for one.
    Disabled,
    /// It hands on what clients show, unchecked.
    Passthrough,
    /// It checks what clients show.
    Verify(Verify),
}

/// How clients' certificates are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// The authorities that are trusted.
    pub trust_store: Link,
    /// Whether expired certificates pass.
    pub ignore_expiry: Option<bool>,
    /// Whether clients are told which authorities are trusted.
    pub advertise_ca_names: Option<bool>,
}

impl MutualAuthentication {
    /// As reports show it, in the shape of the desired-state language.
    pub fn shown(&self) -> Value {
        match self {
            Self::Disabled => json!("disabled"),
            Self::Passthrough => json!("passthrough"),
            Self::Verify(verify) => json!({ "verify": verify.trust_store.to_string() }),
        }
    }

    pub(super) fn compare(live: Option<&Self>, want: Option<&Self>, c: &mut Comparer) {
        const AT: &str = "mutual_authentication";
        let Some(want) = want else { return };
        match (live, want) {
            (Some(Self::Verify(live)), Self::Verify(want)) => {
                let Verify { trust_store, ignore_expiry, advertise_ca_names } = want;
                if live.trust_store != *trust_store {
                    let (live, want) = (json!(live.trust_store.to_string()), json!(trust_store.to_string()));
                    c.push("mutual_authentication.verify", live, want, Mutability::InPlace);
                }
                c.in_place("mutual_authentication.ignore_expiry", &live.ignore_expiry, ignore_expiry);
                c.in_place("mutual_authentication.advertise_ca_names", &live.advertise_ca_names, advertise_ca_names);
            }
            (Some(Self::Disabled), Self::Disabled) | (Some(Self::Passthrough), Self::Passthrough) => {}
            (live, want) => {
                c.push(AT, live.map_or(Value::Null, Self::shown), want.shown(), Mutability::InPlace);
            }
        }
    }

    /// Declared over live.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        match (self, live) {
            (Self::Verify(want), Self::Verify(live)) => {
                let Verify { trust_store, ignore_expiry, advertise_ca_names } = want;
                Self::Verify(Verify {
                    trust_store,
                    ignore_expiry: ignore_expiry.or(live.ignore_expiry),
                    advertise_ca_names: advertise_ca_names.or(live.advertise_ca_names),
                })
            }
            (want, _) => want,
        }
    }

    /// With what AWS fills in where nothing is said.
    #[must_use]
    pub fn with_defaults(self) -> Self {
        match self {
            Self::Verify(Verify { trust_store, ignore_expiry, advertise_ca_names }) => Self::Verify(Verify {
                trust_store,
                ignore_expiry: ignore_expiry.or(Some(false)),
                advertise_ca_names: advertise_ca_names.or(Some(false)),
            }),
            other @ (Self::Disabled | Self::Passthrough) => other,
        }
    }

    /// The same with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        match self {
            Self::Verify(verify) => Self::Verify(Verify { trust_store: f(verify.trust_store), ..verify }),
            other @ (Self::Disabled | Self::Passthrough) => other,
        }
    }
}
