//! What every command needs: the files loaded, AWS connected, the live view fetched, the plan made.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::args::{Files, Global};
use super::error::CliError;
use crate::aws::{self, Aws};
use crate::cloud::{Identity, Read as _, Snapshot};
use crate::desired::{self, Problems, Resolved};
use crate::diff;
use crate::model::{SecretRef, Text};
use crate::plan::{self, Options, Plan};
use crate::rules;

/// The environment as the program found it; nothing else reads it.
#[derive(Debug)]
pub struct World {
    /// The moment the program started.
    pub now: Timestamp,
    /// Seed of jitter.
    pub seed: u64,
}

/// The value of a secret.
///
/// # Errors
/// Why it cannot be had; the value is never part of it.
pub fn secret(source: &SecretRef) -> Result<String, String> {
    match source {
        SecretRef::Env(name) => variable(name).ok_or_else(|| format!("the environment variable {name} is not set")),
        SecretRef::File(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"))?;
            Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        }
    }
}

/// An environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "cli is the place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Loads the desired files.
///
/// # Errors
/// Every problem of the files.
pub fn load(files: &Files, global: &Global) -> Result<(Resolved, Problems), CliError> {
    let stdin = files.paths.iter().any(|p| p == Path::new("-")).then(read_stdin).transpose()?;
    let mut variables = BTreeMap::new();
    for path in &global.var_files {
        variables.extend(variable_file(path)?);
    }
    variables.extend(global.vars.iter().cloned());
    let fingerprint = |source: &SecretRef, _: &Path| secret(source).ok();
    let now = Some(clock());
    let inputs = desired::Inputs { paths: files.paths.clone(), stdin, variables, secrets: &fingerprint, now };
    let (desired, mut warnings) = desired::load(&inputs).map_err(|problems| CliError::Files(Box::new(problems)))?;
    warnings.list.extend(rules::accept::doubts(&desired, clock()));
    Ok((desired, warnings))
}

/// One more byte than a desired file may have, so that a larger one is seen to be one.
const MAX_STDIN: u64 = 8 * 1024 * 1024 + 1;

fn read_stdin() -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_STDIN)
        .read_to_end(&mut bytes)
        .map_err(|e| CliError::new(format!("cannot read standard input: {e}")))?;
    Ok(bytes)
}

fn variable_file(path: &Path) -> Result<BTreeMap<String, String>, CliError> {
    desired::variable_file(path).map_err(|problems| CliError::Files(Box::new(problems)))
}

/// A connection, and who is calling.
pub struct Connection {
    /// AWS.
    pub aws: Arc<Aws>,
    /// Who is calling, and where.
    pub identity: Identity,
}

/// Connects, and refuses to go on in another account or region than the files are for.
///
/// # Errors
/// No usable credentials, no reachable endpoint; the wrong account or region.
pub async fn connect(desired: &Resolved, global: &Global, world: &World) -> Result<Connection, CliError> {
    let region = global.region.clone().unwrap_or_else(|| desired.region.clone());
    let connection = open(Some(region), global, world).await?;
    let identity = &connection.identity;
    if identity.account != desired.account || identity.region != desired.region {
        let message = format!(
            "the files are for account {} in {}, but the credentials are for account {} in {}",
            desired.account, desired.region, identity.account, identity.region
        );
        let hint = "choose other credentials with --profile, or correct `account:` and `region:` in the files";
        return Err(CliError::refused(message).hint(hint));
    }
    Ok(connection)
}

/// Connects; without a region to the one that the SDK's default chain names.
///
/// # Errors
/// No usable credentials, no reachable endpoint, no region.
pub async fn open(region: Option<String>, global: &Global, world: &World) -> Result<Connection, CliError> {
    let options = aws::Options {
        profile: global.profile.clone(),
        region,
        access_key: None,
        endpoint_url: global.endpoint_url.clone(),
        assume_role: global.assume_role.clone(),
        external_id: global.external_id.clone(),
        max_rps: global.max_rps,
        seed: world.seed,
    };
    let aws = Arc::new(Aws::connect(options, Arc::new(secret)).await?);
    let identity = aws.identity().await?;
    Ok(Connection { aws, identity })
}

/// Fetches the live view and makes the plan.
///
/// # Errors
/// Failures that leave nothing to show; problems that only show against the live view.
pub async fn plan(
    connection: &Connection,
    desired: &Resolved,
    options: &Options,
    now: Timestamp,
) -> Result<Plan, CliError> {
    let snapshot: Snapshot = connection.aws.fetch(&diff::scope(desired)).await?;
    plan::plan(desired, snapshot, connection.identity.clone(), now, options)
        .map_err(|list| CliError::Files(Box::new(Problems { files: desired.files.clone(), list })))
}

/// Refuses to compare secrets that cannot be read.
///
/// # Errors
/// A secret is not there.
pub fn need_secrets(desired: &Resolved) -> Result<(), CliError> {
    let values = desired
        .specs
        .values()
        .filter_map(|spec| spec.rule()?.when.as_ref())
        .flat_map(|when| when.header.iter().flat_map(|h| &h.values));
    for value in values {
        if let Text::Secret { source: Some(source), .. } = value
            && let Err(why) = secret(source)
        {
            return Err(CliError::new(format!("a secret that the files name cannot be read: {why}"))
                .hint("set it for this run; its value is compared with AWS and never shown"));
        }
    }
    Ok(())
}

/// Refuses to begin what could not be ended: a secret that a step sends is not there.
///
/// # Errors
/// Such a secret.
pub fn need_sent(plan: &Plan) -> Result<(), CliError> {
    for step in &plan.steps {
        for source in step.operation.secrets() {
            if let Err(why) = secret(source) {
                let message = format!("nothing was changed: a secret that `{}` sends cannot be read: {why}", step.id);
                return Err(CliError::new(message).hint("set it for this run; it is sent to AWS and never shown"));
            }
        }
    }
    Ok(())
}

/// Where runs are recorded unless the user says otherwise (XDG base directory specification).
///
/// # Errors
/// Neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn state_folder() -> Result<PathBuf, CliError> {
    let base = variable("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".local/state")));
    let base = base.ok_or_else(|| {
        CliError::new("there is no place for the journal: neither XDG_STATE_HOME nor HOME is set")
            .hint("name a folder with --journal")
    })?;
    Ok(base.join("no502/runs"))
}

/// The present moment.
#[expect(clippy::disallowed_methods, reason = "cli is the place that reads the clock")]
pub fn clock() -> Timestamp {
    Timestamp::now()
}

/// A number that differs from run to run, for jitter and run ids.
pub fn seed() -> u64 {
    let nanoseconds = clock().as_nanosecond().unsigned_abs();
    (nanoseconds as u64).rotate_left(17) ^ u64::from(std::process::id())
}
