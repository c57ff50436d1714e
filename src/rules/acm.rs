//! Situations of certificates: what ACM says of them, and which load balancers use a group.
//!
//! Only what situations write down; the rules read the facts that AWS gives.

#[cfg(test)]
use std::collections::BTreeMap;

#[cfg(test)]
use super::Situation;
#[cfg(test)]
use crate::cloud::{CertificateFacts, Facts};
#[cfg(test)]
use crate::model::{Address, Id};

/// What ACM says of one certificate, on 1 January 2027.
#[derive(Clone, Copy, Debug)]
pub struct Acm {
    /// The certificate's name in addresses.
    pub certificate: &'static str,
    /// `ISSUED`, `EXPIRED` and so on.
    pub status: &'static str,
    /// `AMAZON_ISSUED` or `IMPORTED`.
    pub origin: &'static str,
    /// The last day of validity, or nothing.
    pub not_after: &'static str,
    /// The state of the managed renewal, or nothing.
    pub renewal: &'static str,
    /// The key in AWS's word, or nothing.
    pub key: &'static str,
    /// Whether it is its own issuer.
    pub self_signed: bool,
}

impl Acm {
    const ISSUED: Self = Self {
        certificate: "",
        status: "ISSUED",
        origin: "AMAZON_ISSUED",
        not_after: "",
        renewal: "",
        key: "",
        self_signed: false,
    };
    /// One that ACM issued and renews.
    pub const fn issued(certificate: &'static str) -> Self {
        Self { certificate, ..Self::ISSUED }
    }
    /// One that was imported.
    pub const fn imported(certificate: &'static str) -> Self {
        Self { certificate, origin: "IMPORTED", ..Self::ISSUED }
    }
    /// The same in a line.
    pub(super) fn in_words(&self) -> String {
        let Self { certificate, status, origin, not_after, renewal, key, self_signed } = self;
        let said = [("ends", not_after), ("renewal", renewal), ("key", key)].into_iter();
        let said = said.filter(|(_, value)| !value.is_empty()).map(|(word, value)| format!(", {word} {value}"));
        let issuer = if *self_signed { ", self-signed" } else { "" };
        let said: String = said.collect();
        format!("certificate {certificate} is {status}, {origin}{said}{issuer} (seen on 2027-01-01)")
    }
}

/// What AWS says beyond settings.
#[cfg(test)]
pub(super) fn facts(situation: &Situation) -> BTreeMap<Address, Facts> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let certificates = situation.certificates.iter().map(|acm| {
        let facts = CertificateFacts {
            status: acm.status.to_owned(),
            origin: text(acm.origin),
            not_after: format!("{}T00:00:00Z", acm.not_after).parse().ok(),
            renewable: Some(acm.origin == "AMAZON_ISSUED"),
            renewal: text(acm.renewal),
            key: text(acm.key),
            issuer: text(if acm.self_signed { acm.certificate } else { "authority" }),
            subject: Some(format!("CN={}", acm.certificate)),
            ..CertificateFacts::default()
        };
        (Address::certificate(acm.certificate), Facts::Certificate(facts))
    });
    let attached = situation.attached.iter().map(|(group, lb)| {
        let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/{lb}/1");
        (Address::target_group(group), Facts::TargetGroup { load_balancers: vec![Id(arn)] })
    });
    certificates.chain(attached).collect()
}
