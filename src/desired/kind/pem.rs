//! PEM files of imported certificates: what the file says of itself.

use std::collections::BTreeSet;
use std::fs;

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use super::super::problem::Problem;
use super::super::reader::Reader;
use crate::model::value::KeyAlgorithm;

/// ACM's limit for a certificate; a chain may be larger.
const MAX_CERTIFICATE: u64 = 32_768;
const MAX_CHAIN: u64 = 2 * 1024 * 1024;

/// A leaf certificate as a file holds it.
pub(super) struct Leaf {
    pub pem: String,
    pub domain: Option<String>,
    pub names: BTreeSet<String>,
    pub key_algorithm: Option<KeyAlgorithm>,
    /// Lower-case hexadecimal without separators.
    pub serial: String,
    /// From when until when it is valid; a moment that no calendar has is no limit.
    pub valid: (Option<Timestamp>, Option<Timestamp>),
}

/// Reads the leaf certificate.
pub(super) fn certificate(r: &Reader<'_, '_>, key: &str, path: &str) -> Option<Leaf> {
    let (text, blocks) = blocks(r, key, path, MAX_CERTIFICATE)?;
    let complain = |message: String, hint: &str| {
        r.error(Problem::error(r.value_span(key), message).hint(hint.to_owned()));
        None
    };
    let [block] = &blocks[..] else {
        return complain(
            format!("`{path}` holds {} certificates, not one", blocks.len()),
            "the server's own certificate goes here, the others under `chain`",
        );
    };
    let Ok((_, x509)) = X509Certificate::from_der(&block.contents) else {
        return complain(
            format!("`{path}` holds no readable X.509 certificate"),
            "check it: openssl x509 -text -in FILE",
        );
    };
    let domain = x509.subject().iter_common_name().next().and_then(|cn| cn.as_str().ok()).map(str::to_ascii_lowercase);
    let mut names = BTreeSet::new();
    let mut first = None;
    if let Ok(Some(san)) = x509.subject_alternative_name() {
        for name in &san.value.general_names {
            if let GeneralName::DNSName(name) = name {
                first.get_or_insert_with(|| name.to_ascii_lowercase());
                names.insert(name.to_ascii_lowercase());
            }
        }
    }
    let domain = domain.filter(|cn| names.is_empty() || names.contains(cn)).or(first);
    if names.is_empty() {
        names.extend(domain.clone());
    }
    let key_algorithm = key_algorithm(&x509);
    let serial = format!("{:x}", x509.tbs_certificate.serial);
    let moment = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let valid = (moment(x509.validity().not_before), moment(x509.validity().not_after));
    Some(Leaf { pem: text, domain, names, key_algorithm, serial, valid })
}

/// Reads a chain of certificates.
pub(super) fn chain(r: &Reader<'_, '_>, key: &str, path: &str) -> Option<String> {
    let (text, blocks) = blocks(r, key, path, MAX_CHAIN)?;
    if blocks.iter().all(|b| X509Certificate::from_der(&b.contents).is_ok()) {
        return Some(text);
    }
    r.error(Problem::error(r.value_span(key), format!("`{path}` holds something that is no X.509 certificate")));
    None
}

fn blocks(r: &Reader<'_, '_>, key: &str, path: &str, max: u64) -> Option<(String, Vec<Pem>)> {
    let span = r.value_span(key);
    let file = r.cx.beside(span, path);
    let shown = file.display();
    let complain = |message: String, hint: &str| {
        r.error(Problem::error(span, message).hint(hint.to_owned()));
        None
    };
    match fs::metadata(&file) {
        Ok(meta) if meta.len() > max => {
            return complain(
                format!("`{shown}` is too large for ACM: {} bytes", meta.len()),
                &format!("at most {max} bytes"),
            );
        }
        Ok(_) => {}
        Err(error) => {
            let words = super::super::read::words(&error);
            return complain(format!("cannot read `{shown}`: {words}"), "paths are relative to the desired file");
        }
    }
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            let words = super::super::read::words(&error);
            return complain(format!("cannot read `{shown}`: {words}"), "a PEM file is text");
        }
    };
    let blocks: Vec<Pem> = Pem::iter_from_buffer(text.as_bytes()).filter_map(Result::ok).collect();
    if blocks.iter().any(|b| b.label.contains("PRIVATE KEY")) {
        return complain(
            format!("`{shown}` holds a private key"),
            "keep the key in a file of its own, named by `private_key`",
        );
    }
    if blocks.is_empty() || blocks.iter().any(|b| b.label != "CERTIFICATE") {
        return complain(format!("`{shown}` is not a PEM certificate"), "it begins with -----BEGIN CERTIFICATE-----");
    }
    Some((text, blocks))
}

fn key_algorithm(x509: &X509Certificate<'_>) -> Option<KeyAlgorithm> {
    let key = x509.public_key();
    let word = match key.parsed().ok()? {
        PublicKey::RSA(rsa) => format!("RSA_{}", rsa.key_size()),
        PublicKey::EC(_) => {
            let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
            match curve.as_str() {
                "1.2.840.10045.3.1.7" => "EC_prime256v1".to_owned(),
                "1.3.132.0.34" => "EC_secp384r1".to_owned(),
                "1.3.132.0.35" => "EC_secp521r1".to_owned(),
                _ => return None,
            }
        }
        PublicKey::DSA(_) | PublicKey::GostR3410(_) | PublicKey::GostR3410_2012(_) | PublicKey::Unknown(_) => {
            return None;
        }
    };
    word.parse().ok()
}
