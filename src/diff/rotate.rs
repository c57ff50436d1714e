//! Secrets that are to be sent again, though their presence is all that can be compared.
//!
//! A rotation is a wish of one run and no difference between the files and AWS: it is added to a diff
//! that was made, and the next diff knows nothing of it.

use serde_json::json;

use super::{Cause, Diff, Verdict, foreign};
use crate::desired::{Problem, Resolved};
use crate::model::kind::{Authenticate, Origin};
use crate::model::{Address, FieldChange, Mutability, SecretRef, Spec, Text};

/// Adds the secrets of these resources to what the diff wants written. What is created gets them anyway.
///
/// # Errors
/// Resources that no file declares, or that have no secret.
pub fn rotate(desired: &Resolved, diff: &mut Diff, addresses: &[Address]) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for address in addresses {
        let secrets = diff.bound.want.get(address).map(secrets).unwrap_or_default();
        if secrets.is_empty() {
            problems.push(without_secret(diff, address));
            continue;
        }
        for change in diff.changes.iter_mut().filter(|change| change.address == *address) {
            let (Verdict::InSync | Verdict::Update(_)) = change.verdict else { continue };
            let mut fields = change.verdict.fields().to_vec();
            for secret in &secrets {
                if !fields.iter().any(|field| field.path == secret.path) {
                    fields.push(secret.clone());
                }
            }
            change.verdict = Verdict::Update(fields);
            change.obstacle = foreign::obstacle(desired, &diff.bound, address, &change.verdict);
            change.cause = change.cause.or(Some(Cause::Pending));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn without_secret(diff: &Diff, address: &Address) -> Problem {
    let declared = diff.bound.want.contains_key(address);
    let why = if declared { "has no secret to send again" } else { "is not in these files" };
    let all = diff.bound.want.iter().filter(|(_, spec)| !secrets(spec).is_empty());
    let all: Vec<String> = all.map(|(address, _)| address.to_string()).collect();
    let hint = if all.is_empty() { "nothing in these files has one".to_owned() } else { all.join(", ") };
    Problem::general(format!("--rotate: {address} {why}")).hint(format!("resources with secrets: {hint}"))
}

/// The secrets of a spec, each at its path.
fn secrets(spec: &Spec) -> Vec<FieldChange> {
    let change = |path: String, source: &SecretRef| FieldChange {
        path: path.into(),
        live: json!("(secret)"),
        desired: json!(format!("(secret from {source}, sent again)")),
        mutability: Mutability::InPlace,
    };
    let login = |login: &Option<Authenticate>, prefix: &str| {
        let source = login.as_ref().and_then(Authenticate::secret)?;
        Some(change(format!("{prefix}{}", Authenticate::SECRET), source))
    };
    match spec {
        Spec::Rule(rule) => {
            let headers = rule.when.iter().flat_map(|when| &when.header).flat_map(|header| &header.values);
            let mut sources = headers.filter_map(Text::source);
            let header = sources.next().map(|source| change("when.header".to_owned(), source));
            header.into_iter().chain(login(&rule.authenticate, "")).collect()
        }
        Spec::Listener(listener) => login(&listener.authenticate, "default.").into_iter().collect(),
        Spec::Certificate(certificate) => match &certificate.origin {
            Some(Origin::Import { private_key, .. }) => {
                vec![change("import.private_key".to_owned(), private_key)]
            }
            Some(Origin::Arn(_) | Origin::Request) | None => Vec::new(),
        },
        Spec::SecurityGroup(_) | Spec::TargetGroup(_) | Spec::Target(_) | Spec::LoadBalancer(_) => Vec::new(),
    }
}
