//! Certificates: by ARN, imported from files, or requested from ACM.
//!
//! Source: API (ACM) `RequestCertificate`, `ImportCertificate`

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use super::super::node::{Entry, find};
use super::super::problem::Problem;
use super::super::reader::{Context, Reader, secret};
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use super::pem;
use crate::model::kind::{Certificate, Origin};
use crate::model::{Address, Id};

const ARN: TextRule = TextRule {
    noun: "the ARN of a certificate",
    min: 1,
    max: 2048,
    pattern: "^arn:aws[a-z-]*:(acm|iam):",
    check: |text| match text.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "acm", _, _, resource, ..]
            if partition.starts_with("aws") && resource.starts_with("certificate/") =>
        {
            Ok(())
        }
        ["arn", partition, "iam", _, _, resource, ..]
            if partition.starts_with("aws") && resource.starts_with("server-certificate/") =>
        {
            Ok(())
        }
        _ => Err(Complaint::must("must be the ARN of an ACM or IAM certificate")
            .hint("`aws acm list-certificates` prints them: arn:aws:acm:REGION:ACCOUNT:certificate/ID")),
    },
};
const DOMAIN: TextRule = TextRule {
    noun: "a host name",
    min: 1,
    max: 253,
    pattern: r"^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]+$",
    check: domain,
};
const COMMON_NAME: TextRule = TextRule { noun: "a host name", min: 1, max: 64, pattern: DOMAIN.pattern, check: domain };
const FILE: TextRule = TextRule::any("the path of a PEM file", 1, 4096);

const SECRET_FIELDS: &[Field] = &[
    field("env", "The environment variable that holds the value.", Shape::Text(&ENV)).excludes(&["file"]),
    field("file", "The file that holds the value, relative to this file.", Shape::Text(&FILE)).excludes(&["env"]),
];
const ENV: TextRule = TextRule {
    noun: "the name of an environment variable",
    min: 1,
    max: 256,
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    check: |text| {
        let good = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if good {
            Ok(())
        } else {
            Err(Complaint::must("is not the name of an environment variable")
                .hint("a name has letters, digits and `_`, and begins with no digit"))
        }
    },
};
/// A reference to a secret.
pub(super) const SECRET: MapRule = MapRule { noun: super::super::shape::SECRET, fields: SECRET_FIELDS };

const IMPORT: &[Field] = &[
    field("certificate", "The certificate, a PEM file relative to this file.", Shape::Text(&FILE)).required(),
    field("private_key", "Where its private key is; it appears in no output.", Shape::Map(&SECRET)).required(),
    field("chain", "The chain up to the root, a PEM file.", Shape::Text(&FILE)),
];
const IMPORT_RULE: MapRule = MapRule { noun: "an import", fields: IMPORT };

const FIELDS: &[Field] = &[
    field("arn", "An existing certificate of ACM or IAM, by its ARN.", Shape::Text(&ARN)).excludes(&[
        "import",
        "domain",
        "alternative_names",
        "validation",
        "key_algorithm",
        "tags",
    ]),
    field("import", "A certificate imported into ACM from files.", Shape::Map(&IMPORT_RULE))
        .excludes(&["arn", "domain", "alternative_names", "validation", "key_algorithm"])
        .source("API (ACM) ImportCertificate"),
    field("domain", "The first name of a certificate requested from ACM.", Shape::Text(&COMMON_NAME))
        .excludes(&["arn", "import"])
        .replaces()
        .example("shop.example.com")
        .source("a certificate's first name has at most 64 characters"),
    field("alternative_names", "Its other names.", Shape::OneOrMany(&Shape::Text(&DOMAIN)))
        .excludes(&["arn", "import"])
        .replaces()
        .example("[\"*.shop.example.com\"]")
        .source("API (ACM) RequestCertificate.SubjectAlternativeNames"),
    field("validation", "How ACM checks who owns the names.", Shape::Words(&["dns"]))
        .excludes(&["arn", "import"])
        .default("dns"),
    field("key_algorithm", "Its key.", Shape::Words(&["RSA_2048", "EC_prime256v1", "EC_secp384r1"]))
        .excludes(&["arn", "import"])
        .replaces()
        .default("RSA_2048")
        .source("API (ACM) RequestCertificate.KeyAlgorithm"),
    super::TAGS,
    super::accept::ACCEPT,
];
const RULE: MapRule = MapRule { noun: "a certificate", fields: FIELDS };
/// `certificates:`.
pub(super) const SECTION: NamedRule =
    NamedRule { noun: "a map of certificates", key: &super::super::names::KEY, value: Shape::Map(&RULE) };

fn domain(text: &str) -> Result<(), Complaint> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    if name.contains('*') {
        return Err(Complaint::must("may have a wildcard only as its whole first label").hint("e.g. `*.example.com`"));
    }
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if name.contains('.') && name.split('.').all(label) {
        return Ok(());
    }
    let hint = if text.contains("://") { "leave the scheme out" } else { "e.g. `shop.example.com`" };
    Err(Complaint::must("must be a host name with at least one dot").hint(hint))
}

/// Reads one certificate.
pub(super) fn read(cx: &Context<'_>, entry: &Entry) {
    let address = Address::certificate(&entry.key);
    let r = Reader::new(cx, &address, entry);
    super::accept::read(&r);
    let origins: Vec<_> = ["arn", "import", "domain"].into_iter().filter_map(|k| r.has(k).map(|at| (k, at))).collect();
    match origins[..] {
        [("arn", _)] => by_arn(&r),
        [("import", _)] => imported(&r),
        [_] => requested(&r),
        [] if r.broken() => {}
        [] => r.error(
            Problem::error(r.at, format!("certificate `{}` comes from nowhere", address.name))
                .label("one of `arn`, `import` and `domain` is needed")
                .hint("`domain` requests one from ACM, `import` brings one from files, `arn` names one that exists"),
        ),
        [(first, at), (second, again), ..] => r.error(
            Problem::error(again, format!("`{second}` and `{first}` contradict each other"))
                .label("a certificate has one origin")
                .also(at, format!("`{first}` is said here"))
                .hint("keep one of them"),
        ),
    }
}

fn only(r: &Reader<'_, '_>, origin: &str, others: &[&str]) {
    for key in others {
        super::forbid(r, key, &format!("`{key}` does not go with `{origin}`"), "remove it", None);
    }
}

fn by_arn(r: &Reader<'_, '_>) {
    only(r, "arn", &["alternative_names", "validation", "key_algorithm", "tags"]);
    let Some(arn) = r.text("arn") else { return };
    let region = arn.split(':').nth(3).unwrap_or_default().to_owned();
    let here = r.cx.out.borrow().region.clone();
    if !region.is_empty() && !here.is_empty() && region != here {
        r.error(
            Problem::warning(r.value_span("arn"), format!("the certificate is in {region}, the stack in {here}"))
                .hint("a load balancer takes certificates of its own region only"),
        );
    }
    let id = Id(arn);
    let spec = Certificate { origin: Some(Origin::Arn(id.clone())), ..Certificate::default() };
    r.cx.add(r.address, r.at, spec);
    let mut out = r.cx.out.borrow_mut();
    out.existing.insert(r.address.clone());
    out.pinned.insert(r.address.clone(), id);
}

fn requested(r: &Reader<'_, '_>) {
    let domain = r.text("domain").map(|d| d.to_ascii_lowercase());
    let mut names: BTreeSet<String> = domain.iter().cloned().collect();
    for node in r.items("alternative_names").unwrap_or_default() {
        let Some(name) = node.text() else { continue };
        if !names.insert(name.to_ascii_lowercase()) {
            r.error(Problem::warning(node.span, format!("`{name}` is named twice")).hint("keep one of the two"));
        }
    }
    if names.len() > 100 {
        r.error(
            Problem::error(
                r.value_span("alternative_names"),
                format!("a certificate has at most 100 names, this has {}", names.len()),
            )
            .hint("AWS's limit: API (ACM) RequestCertificate.SubjectAlternativeNames"),
        );
    } else if names.len() > 10 {
        r.error(
            Problem::warning(
                r.value_span("alternative_names"),
                format!("{} names are more than ACM's default quota of 10", names.len()),
            )
            .hint("raise the quota, use a wildcard, or split the certificate"),
        );
    }
    let spec = Certificate {
        origin: Some(Origin::Request),
        domain,
        names: Some(names),
        key_algorithm: r.word("key_algorithm"),
        serial: None,
        tags: r.tags(false),
    };
    let _ = r.text("validation");
    r.cx.add(r.address, r.at, spec);
}

fn imported(r: &Reader<'_, '_>) {
    only(r, "import", &["alternative_names", "validation", "key_algorithm"]);
    let Some(import) = r.sub("import") else { return };
    let key = import.node("private_key").and_then(|node| {
        let entries = node.map()?;
        match (find(entries, "env"), find(entries, "file")) {
            (Some(_), Some(file)) => import.error(
                Problem::error(file.key_span, "a secret comes from `env` or from `file`, not from both")
                    .label("remove one"),
            ),
            (None, None) => import.error(
                Problem::error(node.span, "`private_key` needs `env` or `file`")
                    .hint("e.g. { env: PARTNER_KEY } or { file: partner.key }"),
            ),
            _ => {}
        }
        secret(r.cx, node)
    });
    let leaf = import.text("certificate").and_then(|path| pem::certificate(&import, "certificate", &path));
    let chain = import.text("chain").and_then(|path| pem::chain(&import, "chain", &path));
    let (Some(leaf), Some(private_key)) = (leaf, key) else { return };
    if leaf.names.is_empty() {
        import.error(
            Problem::warning(import.value_span("certificate"), "the certificate names no host")
                .label("no common name, no alternative name")
                .hint("a listener refuses such a certificate (`UnsupportedCertificate`)"),
        );
    }
    in_time(&import, leaf.valid);
    let spec = Certificate {
        origin: Some(Origin::Import { certificate: leaf.pem, chain, private_key }),
        domain: leaf.domain,
        names: Some(leaf.names),
        key_algorithm: leaf.key_algorithm,
        serial: Some(leaf.serial),
        tags: r.tags(false),
    };
    r.cx.add(r.address, r.at, spec);
}

/// ACM imports a certificate only between its two dates (API (ACM): `ImportCertificate`).
fn in_time(import: &Reader<'_, '_>, (from, until): (Option<Timestamp>, Option<Timestamp>)) {
    let Some(now) = import.cx.now else { return };
    let span = import.value_span("certificate");
    let refused = "ACM refuses to import it";
    if let Some(until) = until.filter(|until| *until < now) {
        let problem = Problem::error(span, format!("the certificate expired on {}", day(until))).label(refused);
        import.error(problem.hint("put a renewed certificate, and its key, in the place of the file"));
    }
    if let Some(from) = from.filter(|from| now < *from) {
        let problem = Problem::error(span, format!("the certificate is not valid before {}", day(from))).label(refused);
        import.error(problem.hint("use the present one until then; is this machine's clock right?"));
    }
}

fn day(moment: Timestamp) -> Date {
    moment.to_zoned(TimeZone::UTC).date()
}
