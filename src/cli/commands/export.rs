//! `no502 export`: load balancers that exist, as a desired file that plans empty.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::super::args::{Export as Args, Global};
use super::super::error::CliError;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::named;
use crate::cloud::{CloudError, Gap, Hidden, NeededFor, Operation, Read as _, Snapshot};
use crate::desired::{self, Problems};
use crate::export::{self, Exported, Request};
use crate::model::SecretRef;
use crate::plan::{self, Options, Step};
use crate::report::text;

/// Runs the command.
///
/// # Errors
/// An unknown load balancer; a live view with gaps (exit code 4); a file that cannot be written.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let connection = session::open(global.region.clone(), global, world).await?;
    let known = connection.aws.load_balancer_names().await.map_err(unread)?;
    let names = if args.all { named::every(&known)? } else { named::chosen(&args.load_balancers, &known)? };
    // what the file will call its stack, unless a tag says otherwise
    let guess = args.stack.clone().or_else(|| names.first().cloned());
    let mut snapshot = connection.aws.fetch(&export::scope(names.clone(), guess.clone())).await?;
    complete(&snapshot)?;
    let request = Request {
        load_balancers: names,
        account: connection.identity.account.clone(),
        region: connection.identity.region.clone(),
        stack: args.stack.clone(),
    };
    let stack = export::stack(&snapshot, &request);
    if guess.as_ref() != Some(&stack) {
        snapshot = connection.aws.fetch(&export::scope(request.load_balancers.clone(), Some(stack.clone()))).await?;
        complete(&snapshot)?;
    }
    whole(&stack, &export::left_behind(&snapshot, &request))?;
    let exported = export::export(&snapshot, &request);
    // what is left after `complete` hides nothing that the file could have said
    for gap in &snapshot.gaps {
        terminal.note(&format!("note: {} could not be read: {}", in_words(&gap.hidden), gap.error));
    }
    let differs = differences(&exported, snapshot, &connection, world)?;
    match &args.out {
        Some(path) => std::fs::write(path, &exported.text)
            .map_err(|e| CliError::new(format!("cannot write {}: {e}", path.display())).hint("choose another --out"))?,
        None => output::data(terminal, &exported.text)?,
    }
    for what in &exported.left_out {
        terminal.note(&format!("left out, and so left alone: {what}"));
    }
    for what in differs {
        terminal.error(&format!("warning: `plan` on this file will show a difference at {what}; please report this"));
    }
    terminal.note(&text::api_calls(&connection.aws.api_calls(), output::look(terminal).detail));
    Ok(exit::CLEAN)
}

/// Refuses to write a file for a stack that leaves out what the stack owns: it would be deleted.
fn whole(stack: &str, left_behind: &BTreeSet<String>) -> Result<(), CliError> {
    if left_behind.is_empty() {
        return Ok(());
    }
    let list = left_behind.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let error = CliError::new(format!(
        "the stack `{stack}` also owns {list}, or something in it: a file without would have that deleted"
    ));
    Err(error.hint("name them too, or give this file a stack of its own with --stack"))
}

/// Refuses to write half a file.
fn complete(snapshot: &Snapshot) -> Result<(), CliError> {
    let one = |gap: &Gap| format!("{} ({})", in_words(&gap.hidden), gap.error);
    let missing: BTreeSet<String> = snapshot.gaps.iter().filter(|gap| matters(gap)).map(one).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = missing.into_iter().collect();
    Err(incomplete(format!("nothing was written, because this could not be read: {}", list.join("; "))))
}

/// Whether the file would lack something for this gap. Groups and interfaces say what the path of a
/// request is and which targets a controller registers; certificates are written by their ARN.
const fn matters(gap: &Gap) -> bool {
    match gap.needed_for {
        NeededFor::Diff => true,
        NeededFor::Orphans => false,
        NeededFor::Rules => match &gap.hidden {
            Hidden::Interfaces | Hidden::Lookups | Hidden::Kind(_) => true,
            Hidden::Resource(_)
            | Hidden::Children(..)
            | Hidden::Acls
            | Hidden::Routes
            | Hidden::PrefixLists
            | Hidden::Owned => false,
        },
    }
}

fn incomplete(message: String) -> CliError {
    let hint = Some("grant the reads that the README lists, or try again".to_owned());
    CliError::Plain { message, hint, code: exit::INCOMPLETE }
}

/// The list of load balancers could not be read.
fn unread(error: CloudError) -> CliError {
    if error.kind.is_fatal() { error.into() } else { incomplete(format!("nothing was written: {error}")) }
}

fn in_words(hidden: &Hidden) -> String {
    match hidden {
        Hidden::Kind(kind) => format!("every {kind}"),
        Hidden::Resource(id) => id.to_string(),
        Hidden::Children(id, kind) => format!("every {kind} of {}", id.short()),
        Hidden::Lookups => "subnets, VPCs or security groups".to_owned(),
        Hidden::Interfaces => "the targets' network interfaces".to_owned(),
        Hidden::Acls => "network ACLs".to_owned(),
        Hidden::Routes => "route tables".to_owned(),
        Hidden::PrefixLists => "prefix lists".to_owned(),
        Hidden::Owned => "what bears the stack's tag".to_owned(),
    }
}

/// What a plan on the exported file would change or give away; nothing, or the export is wrong.
fn differences(
    exported: &Exported,
    snapshot: Snapshot,
    connection: &Connection,
    world: &World,
) -> Result<Vec<String>, CliError> {
    let secrets = |source: &SecretRef, _: &std::path::Path| match source {
        SecretRef::Env(name) => exported.secrets.get(name).cloned(),
        SecretRef::File(_) => None,
    };
    let inputs = desired::Inputs {
        paths: vec![PathBuf::from("-")],
        stdin: Some(exported.text.clone().into_bytes()),
        variables: BTreeMap::new(),
        secrets: &secrets,
        now: Some(world.now),
    };
    let (resolved, _) = desired::load(&inputs).map_err(|problems| CliError::Files(Box::new(problems)))?;
    let files = resolved.files.clone();
    let plan = plan::plan(&resolved, snapshot, connection.identity.clone(), world.now, &Options::default())
        .map_err(|list| CliError::Files(Box::new(Problems { files, list })))?;
    let differs = plan.differences().map(|change| change.address.to_string());
    let gives_away = |step: &&Step| matches!(step.operation, Operation::RemoveTags { .. });
    let given = plan.steps.iter().filter(gives_away).map(|step| step.address.to_string());
    Ok(differs.chain(given).collect())
}
