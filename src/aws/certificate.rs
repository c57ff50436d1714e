//! Certificates in ACM: SDK shape ⇄ spec, and the calls for one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_acm::types::{
    CertificateDetail, CertificateKeyPairOrigin, DomainValidation, Filters, KeyAlgorithm as SdkKey, RenewalEligibility,
    Tag,
};
use aws_smithy_types::Blob;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::budget::Category;
use super::call::Call;
use super::error::{incomplete, present, refused};
use super::execute::{Secrets, arn};
use super::session::Session;
use super::tags::Tags;
use crate::cloud::{CertificateFacts, CloudError, CloudErrorKind, Output, Proof};
use crate::model::kind::{Certificate, Origin};
use crate::model::value::KeyAlgorithm;
use crate::model::{Id, Link};

const PAGE: i32 = 1000;
/// How long an idempotency token may be.
const TOKEN: usize = 32;

/// The spec and the facts; tags are read apart. `None` for an answer without ARN.
pub(super) fn from_sdk(found: CertificateDetail) -> Option<(Id, Certificate, CertificateFacts)> {
    let id = Id(found.certificate_arn?);
    let mut names: BTreeSet<String> = found.subject_alternative_names.unwrap_or_default().into_iter().collect();
    names.extend(found.domain_name.clone());
    let options = found.domain_validation_options.unwrap_or_default();
    let (renewal, reason, again) = match found.renewal_summary {
        Some(summary) => {
            let reason = summary.renewal_status_reason.map(|reason| reason.as_str().to_owned());
            (Some(summary.renewal_status.as_str().to_owned()), reason, Some(summary.domain_validation_options))
        }
        None => (None, None, None),
    };
    let proofs: Vec<Proof> = again.as_ref().unwrap_or(&options).iter().map(proof).collect();
    let records: BTreeSet<_> = options.iter().filter_map(|option| proof(option).record).collect();
    // `RSA-2048` has been seen
    let key = found.key_algorithm.map(|key| key.as_str().replace('-', "_"));
    let moment = |time: aws_smithy_types::DateTime| Timestamp::from_second(time.secs()).ok();
    let facts = CertificateFacts {
        status: found.status.map(|s| s.as_str().to_owned()).unwrap_or_default(),
        failure: found.failure_reason.map(|r| r.as_str().to_owned()),
        origin: found.r#type.map(|t| t.as_str().to_owned()),
        not_after: found.not_after.and_then(moment),
        in_use_by: found.in_use_by.unwrap_or_default().into_iter().map(Id).collect(),
        validation: records.into_iter().collect(),
        not_before: found.not_before.and_then(moment),
        issuer: found.issuer,
        subject: found.subject,
        key: key.clone(),
        renewable: found.renewal_eligibility.map(|eligibility| eligibility == RenewalEligibility::Eligible),
        renewal,
        renewal_reason: reason,
        proofs,
    };
    let spec = Certificate {
        origin: None,
        domain: found.domain_name,
        names: Some(names),
        key_algorithm: key.as_deref().and_then(KeyAlgorithm::from_aws),
        serial: found.serial.map(|serial| serial_text(&serial)),
        tags: BTreeMap::new(),
    };
    Some((id, spec, facts))
}

fn proof(option: &DomainValidation) -> Proof {
    Proof {
        name: option.domain_name.clone(),
        state: option.validation_status.as_ref().map(|status| status.as_str().to_owned()),
        record: option.resource_record.as_ref().map(|record| (record.name.clone(), record.value.clone())),
    }
}

/// A serial number in lower-case hexadecimal without separators and leading zeros: the number itself, as
/// the desired side writes it, whatever bytes ACM pads it to.
fn serial_text(serial: &str) -> String {
    let digits: String = serial.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase();
    digits.trim_start_matches('0').to_owned()
}

/// Keys of tags to take away, whatever their values.
pub(super) fn keys_to_sdk(operation: &str, keys: &[String]) -> Result<Vec<Tag>, CloudError> {
    let tag = |key: &String| Tag::builder().key(key).build().map_err(|error| refused(operation, error.to_string()));
    keys.iter().map(tag).collect()
}

/// Whether it is ACM's, not an IAM server certificate.
pub(super) fn is_acm(id: &Id) -> bool {
    id.as_str().split(':').nth(2) == Some("acm")
}

fn tags_to_sdk(operation: &str, tags: &Tags) -> Result<Option<Vec<Tag>>, CloudError> {
    let one = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let list = tags.iter().map(one).collect::<Result<Vec<_>, _>>();
    let list = list.map_err(|error| refused(operation, error.to_string()))?;
    Ok(if list.is_empty() { None } else { Some(list) })
}

/// The same names and key within an hour get the same certificate, however often it is asked for; but not one of
/// those that never will serve.
fn token(domain: &str, names: &BTreeSet<String>, key: KeyAlgorithm, besides: &BTreeSet<Id>) -> String {
    let mut hash = Sha256::new();
    let parts = std::iter::once(domain).chain(names.iter().map(String::as_str)).chain([key.aws(), "DNS"]);
    for part in parts.chain(besides.iter().map(Id::as_str)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(TOKEN);
    text
}

impl Session {
    /// The first names of every certificate of the account, by ARN.
    ///
    /// Without naming all keys and origins, ACM leaves out all but small RSA keys of its own making.
    pub(super) async fn list_certificates(&self) -> Result<Vec<(Id, String)>, CloudError> {
        const CALL: Call = Call::new("ListCertificates", Category::AcmList);
        let keys = [
            SdkKey::Rsa1024,
            SdkKey::Rsa2048,
            SdkKey::Rsa3072,
            SdkKey::Rsa4096,
            SdkKey::EcPrime256v1,
            SdkKey::EcSecp384r1,
            SdkKey::EcSecp521r1,
        ];
        let origins = CertificateKeyPairOrigin::values().iter().map(|&origin| origin.into()).collect();
        let request = self
            .acm
            .list_certificates()
            .max_items(PAGE)
            .includes(Filters::builder().set_key_types(Some(keys.to_vec())).build())
            .set_certificate_key_pair_origins(Some(origins));
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let request = request.clone().set_next_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            let summaries = present(CALL.name, page.certificate_summary_list)?.into_iter();
            found.extend(summaries.filter_map(|s| Some((Id(s.certificate_arn?), s.domain_name?))));
            token = page.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// One certificate, if it is there.
    pub(super) async fn certificate(&self, id: &Id) -> Result<Option<CertificateDetail>, CloudError> {
        const CALL: Call = Call::new("DescribeCertificate", Category::AcmDescribe);
        let request = self.acm.describe_certificate().certificate_arn(id.as_str());
        match self.calls.run(CALL, || request.clone().send()).await {
            Ok(answer) => Ok(Some(answer.certificate.ok_or_else(|| incomplete(CALL.name, "certificate"))?)),
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Its tags.
    pub(super) async fn certificate_tags(&self, id: &Id) -> Result<Tags, CloudError> {
        const CALL: Call = Call::new("ListTagsForCertificate", Category::AcmTags);
        let request = self.acm.list_tags_for_certificate().certificate_arn(id.as_str());
        let answer = self.calls.run(CALL, || request.clone().send()).await?;
        Ok(answer.tags.into_iter().flatten().map(|t| (t.key, t.value.unwrap_or_default())).collect())
    }

    /// `ImportCertificate`. With a certificate to replace it may be repeated, and sends no tags: ACM
    /// refuses them then.
    pub(super) async fn import_certificate(
        &self,
        replaces: Option<&Link>,
        spec: &Certificate,
        secrets: &Secrets<'_>,
    ) -> Result<Output, CloudError> {
        const ONCE: Call = Call::once("ImportCertificate", Category::AcmImport);
        const AGAIN: Call = Call::new("ImportCertificate", Category::AcmImport);
        let Some(Origin::Import { certificate, chain, private_key }) = &spec.origin else {
            return Err(refused(ONCE.name, "there is nothing to import"));
        };
        let key = secrets.value(ONCE.name, private_key)?;
        let tags = if replaces.is_some() { None } else { tags_to_sdk(ONCE.name, &spec.tags)? };
        let request = self
            .acm
            .import_certificate()
            .set_certificate_arn(replaces.map(|link| arn(ONCE.name, link)).transpose()?)
            .certificate(Blob::new(certificate.as_bytes()))
            .private_key(Blob::new(key.into_bytes()))
            .set_certificate_chain(chain.as_ref().map(|chain| Blob::new(chain.as_bytes())))
            .set_tags(tags);
        let call = if replaces.is_some() { AGAIN } else { ONCE };
        let answer = self.calls.run(call, || request.clone().send()).await?;
        let id = answer.certificate_arn.ok_or_else(|| incomplete(call.name, "ARN"))?;
        Ok(Output { id: Some(Id(id)), dns_name: None })
    }

    /// `RequestCertificate`, validated by DNS.
    pub(super) async fn request_certificate(
        &self,
        spec: &Certificate,
        besides: &BTreeSet<Id>,
    ) -> Result<Output, CloudError> {
        const CALL: Call = Call::new("RequestCertificate", Category::AcmWrite);
        let domain = spec.domain.as_deref().ok_or_else(|| refused(CALL.name, "the certificate has no domain"))?;
        let names = spec.names.clone().unwrap_or_default();
        let key = spec.key_algorithm.unwrap_or(KeyAlgorithm::Rsa2048);
        let others: Vec<String> = names.iter().filter(|name| *name != domain).cloned().collect();
        let request = self
            .acm
            .request_certificate()
            .domain_name(domain)
            .set_subject_alternative_names(if others.is_empty() { None } else { Some(others) })
            .validation_method(aws_sdk_acm::types::ValidationMethod::Dns)
            .key_algorithm(key.aws().into())
            .idempotency_token(token(domain, &names, key, besides))
            .set_tags(tags_to_sdk(CALL.name, &spec.tags)?);
        let answer = self.calls.run(CALL, || request.clone().send()).await?;
        let id = answer.certificate_arn.ok_or_else(|| incomplete(CALL.name, "ARN"))?;
        Ok(Output { id: Some(Id(id)), dns_name: None })
    }

    /// `AddTagsToCertificate`.
    pub(super) async fn add_certificate_tags(&self, arn: &str, tags: &Tags) -> Result<(), CloudError> {
        const CALL: Call = Call::new("AddTagsToCertificate", Category::AcmWrite);
        let tags = tags_to_sdk(CALL.name, tags)?;
        let request = self.acm.add_tags_to_certificate().certificate_arn(arn).set_tags(tags);
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_acm::types::{DomainStatus, FailureReason, RenewalStatus, RenewalSummary};
    use aws_smithy_types::DateTime;

    #[test]
    fn a_certificate_is_read_in_our_words() {
        let found = CertificateDetail::builder()
            .certificate_arn("arn:aws:acm:eu-west-1:000000000000:certificate/1")
            .domain_name("shop.example.com")
            .subject_alternative_names("*.shop.example.com")
            .key_algorithm("RSA-2048".into())
            .serial("00:A1:0F")
            .status("ISSUED".into())
            .not_after(DateTime::from_secs(1_800_000_000))
            .renewal_eligibility(RenewalEligibility::Eligible)
            .renewal_summary(
                RenewalSummary::builder()
                    .renewal_status(RenewalStatus::PendingValidation)
                    .renewal_status_reason(FailureReason::CaaError)
                    .updated_at(DateTime::from_secs(1_799_000_000))
                    .domain_validation_options(
                        DomainValidation::builder()
                            .domain_name("shop.example.com")
                            .validation_status(DomainStatus::PendingValidation)
                            .build()
                            .unwrap(),
                    )
                    .build()
                    .unwrap(),
            )
            .build();
        let (id, spec, facts) = from_sdk(found).unwrap();
        assert!(is_acm(&id));
        assert_eq!(spec.key_algorithm, Some(KeyAlgorithm::Rsa2048));
        assert_eq!(spec.serial.as_deref(), Some("a10f"));
        assert!(spec.covers("shop.example.com") && spec.covers("a.shop.example.com"));
        assert_eq!(facts.status, "ISSUED");
        assert_eq!(facts.not_after.map(Timestamp::as_second), Some(1_800_000_000));
        assert_eq!((facts.key.as_deref(), facts.renewable), (Some("RSA_2048"), Some(true)));
        assert_eq!(facts.renewal.as_deref(), Some("PENDING_VALIDATION"));
        assert_eq!(facts.renewal_reason.as_deref(), Some("CAA_ERROR"));
        let proof = |state: &str| Proof { name: "shop.example.com".into(), state: Some(state.into()), record: None };
        assert_eq!(facts.proofs, [proof("PENDING_VALIDATION")]);
    }

    #[test]
    fn a_serial_is_a_number_not_its_bytes() {
        assert_eq!(serial_text("00:0A:0f"), "a0f");
        assert_eq!(serial_text("0a0f"), "a0f");
        assert_eq!(serial_text("a0f"), "a0f");
    }

    #[test]
    fn tokens_are_short_words_that_follow_names_and_key() {
        let names = BTreeSet::from(["a.example.com".to_owned()]);
        let none = BTreeSet::new();
        let one = token("a.example.com", &names, KeyAlgorithm::Rsa2048, &none);
        assert_eq!(one.len(), 32);
        assert!(one.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(one, token("a.example.com", &names, KeyAlgorithm::Rsa2048, &none));
        assert_ne!(one, token("a.example.com", &names, KeyAlgorithm::EcPrime256v1, &none));
        let failed = BTreeSet::from([Id("arn:aws:acm:eu-west-1:000000000000:certificate/1".into())]);
        assert_ne!(one, token("a.example.com", &names, KeyAlgorithm::Rsa2048, &failed));
    }

    #[test]
    fn server_certificates_of_iam_are_not_acms() {
        assert!(!is_acm(&Id("arn:aws:iam::000000000000:server-certificate/old".into())));
    }
}
