//! `no502 diagnose`: why load balancers answer with 5xx now. Needs no file.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::super::args::{Diagnose as Args, Files, Global};
use super::super::delivery::{Delivery, is_text};
use super::super::error::CliError;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::{asking, named};
use crate::cloud::metric::{Question, Span};
use crate::cloud::{CloudError, Read as _};
use crate::desired::{Problems, Resolved};
use crate::diagnose::log::{self, Tally};
use crate::diagnose::{self, Case};
use crate::report::{Diagnosed, Report, json, text};

/// Runs the command.
///
/// # Errors
/// Files that cannot be used; an unknown load balancer; AWS that cannot be read at all.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let files = Files { paths: args.desired.clone() };
    let desired = if args.desired.is_empty() { None } else { Some(loaded(&files, global, terminal)?) };
    let connection = match &desired {
        Some(desired) => session::connect(desired, global, world).await?,
        None => session::open(global.region.clone(), global, world).await?,
    };
    let names = names(args, desired.as_ref(), &connection).await?;
    // logs are read while AWS is asked
    let paths = args.access_logs.clone();
    let tally = tokio::task::spawn_blocking(move || counted(&paths, terminal));
    let snapshot = connection.aws.fetch(&diagnose::scope(names.clone(), desired.as_ref())).await?;
    let tally = tally.await.map_err(|e| CliError::new(format!("the access logs cannot be read: {e}")))??;
    let case = match &desired {
        Some(desired) => Case::under(desired, &snapshot, world.now),
        None => Case::without_files(&snapshot, world.now),
    };
    let files_of = |desired: &Resolved| desired.files.clone();
    let sources = desired.as_ref().map(files_of).unwrap_or_default();
    let case = case.map_err(|list| CliError::Files(Box::new(Problems { files: sources, list })))?;
    let case = asking::diagnosed(case, &names, &args.probing, terminal).await;
    let case = if args.access_logs.is_empty() { case } else { case.counting(&tally) };
    let case = measured(case, args, &names, &connection, world).await;
    let diagnosis = diagnose::diagnose(&case, &names);
    if diagnosis.balancers.is_empty() && diagnosis.is_complete() {
        let error = CliError::new("none of the load balancers of these files is there in this account and region");
        return Err(error.hint("`no502 plan` says what would be created"));
    }
    let calls = connection.aws.api_calls();
    let diagnosed = Diagnosed {
        diagnosis: &diagnosis,
        desired: desired.as_ref(),
        identity: &connection.identity,
        api_calls: &calls,
        paths: &files.typed(global),
    };
    let exit_code = exit::of_diagnose(&diagnosis, args.fail_on);
    let delivery = Delivery {
        report: &Report::of_diagnosis(&diagnosed, args.fail_on.counts(), world.now),
        exit_code,
        text: &|look| text::diagnosis(&diagnosed, look),
        json: &|| json::to_text(&json::diagnosis(&diagnosed)),
        junit: None,
    };
    delivery.deliver(&args.printing, None, terminal)?;
    if is_text(&args.printing) {
        terminal.note(&text::api_calls(&calls, output::look(terminal).detail));
    }
    Ok(exit_code)
}

/// The case with metrics, if they were asked for.
async fn measured<'a>(
    case: Case<'a>,
    args: &Args,
    names: &BTreeSet<String>,
    connection: &Connection,
    world: &World,
) -> Case<'a> {
    let Some(last) = args.metrics else { return case };
    let asked = case.questions(names);
    let questions: Vec<Question> = asked.iter().map(|asked| asked.question.clone()).collect();
    let answers = connection.aws.metrics(&questions, Span::last(last.as_secs(), world.now)).await;
    case.measuring(last.as_secs(), &asked, answers)
}

/// Counts access logs, one after another. One that breaks off counts as far as it goes.
fn counted(paths: &[PathBuf], terminal: Terminal) -> Result<Tally, CliError> {
    let mut tally = Tally::default();
    for path in paths {
        let read = if path == Path::new("-") {
            log::read(std::io::stdin().lock(), &mut tally)
        } else {
            let cannot = |e: std::io::Error| CliError::new(format!("cannot read {}: {e}", path.display()));
            log::read(File::open(path).map_err(cannot)?, &mut tally)
        };
        if let Err(error) = read {
            terminal.error(&format!("warning: {} breaks off: {error}; what came before is counted", path.display()));
        }
    }
    if !paths.is_empty() && tally.lines == 0 {
        let error = CliError::new(format!("no entry of an access log among {} lines", tally.malformed));
        return Err(
            error.hint("give the files that the load balancer wrote: access logs, not connection or health check logs")
        );
    }
    Ok(tally)
}

fn loaded(files: &Files, global: &Global, terminal: Terminal) -> Result<Resolved, CliError> {
    let (desired, warnings) = session::load(files, global)?;
    output::warnings(terminal, &warnings);
    Ok(desired)
}

/// The names on AWS of what is asked about; of all there are, without files and names. Empty: of all that the files name.
async fn names(args: &Args, desired: Option<&Resolved>, connection: &Connection) -> Result<BTreeSet<String>, CliError> {
    if args.load_balancers.is_empty() && desired.is_some() {
        return Ok(BTreeSet::new());
    }
    let known = connection.aws.load_balancer_names().await.map_err(unread)?;
    if args.load_balancers.is_empty() { named::every(&known) } else { named::chosen(&args.load_balancers, &known) }
}

/// The list of load balancers could not be read.
fn unread(error: CloudError) -> CliError {
    if error.kind.is_fatal() {
        return error.into();
    }
    let hint = Some("grant the reads that the README lists, or try again".to_owned());
    CliError::Plain { message: format!("nothing was looked at: {error}"), hint, code: exit::INCOMPLETE }
}
