//! Load balancers by name: those that commands without files are asked about, and what was meant by a name that is none.

use std::collections::BTreeSet;

use super::super::error::CliError;

/// How alike a name must be to be offered.
const ALIKE: f64 = 0.7;

/// The load balancers that are asked for.
///
/// # Errors
/// A name that there is not, with the nearest ones.
pub fn chosen(asked: &[String], known: &BTreeSet<String>) -> Result<BTreeSet<String>, CliError> {
    match asked.iter().find(|name| !known.contains(*name)) {
        None => Ok(asked.iter().cloned().collect()),
        Some(unknown) => Err(stranger(unknown, known)),
    }
}

/// Every load balancer.
///
/// # Errors
/// There is none.
pub fn every(known: &BTreeSet<String>) -> Result<BTreeSet<String>, CliError> {
    if known.is_empty() {
        let error = CliError::new("there is no Application Load Balancer in this account and region");
        return Err(error.hint("check --region and --profile"));
    }
    Ok(known.clone())
}

fn stranger(name: &str, known: &BTreeSet<String>) -> CliError {
    let lower = name.to_ascii_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .iter()
        .map(|k| (strsim::jaro_winkler(&k.to_ascii_lowercase(), &lower), k.as_str()))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let list = |names: &mut dyn Iterator<Item = &str>| names.take(5).collect::<Vec<_>>().join(", ");
    let error = CliError::new(format!("there is no Application Load Balancer `{name}` in this account and region"));
    if !near.is_empty() {
        error.hint(format!("did you mean {}?", list(&mut near.iter().map(|(_, name)| *name))))
    } else if known.is_empty() {
        error.hint("there is none at all; check --region and --profile")
    } else {
        error.hint(format!("there are {}: {}", known.len(), list(&mut known.iter().map(String::as_str))))
    }
}
