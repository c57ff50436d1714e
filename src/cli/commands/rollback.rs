//! `no502 rollback`: undoes a recorded run through the same plan, guards and gates as any change.

use std::path::Path;

use super::super::args::{Apply, Format, Global, Rollback as Args};
use super::super::error::CliError;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::apply::{Context, refusal};
use super::plan::guard;
use super::run::{self, Ending, Work};
use super::saved;
use crate::apply::{self, BadJournal, CallEnd, Ended, Failure, Past};
use crate::cloud::{Read as _, Snapshot};
use crate::plan::rollback::{Call, Undo, is_back};
use crate::plan::saved::{Lockable, Record};
use crate::plan::{Guard, Options, Plan};
use crate::report::text::RunEnd;
use crate::report::{json, text};

/// Runs the command.
///
/// # Errors
/// No such run; another account or region; guards; a "no" at the prompt.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let folder = args.running.journal.clone().map_or_else(session::state_folder, Ok)?;
    let (past, connection) = match &args.run {
        Some(name) => {
            let past = named(&folder, name)?;
            let connection = saved::connect(record(&past)?, global, world).await?;
            (past, connection)
        }
        None => {
            let connection = session::open(global.region.clone(), global, world).await?;
            (latest(&folder, &connection)?, connection)
        }
    };
    let wishes = args.as_apply();
    let allowed: Vec<Guard> = args.running.allow.iter().map(|liftable| guard(*liftable)).collect();
    let wanted = Wanted { args: &wishes, allowed: &allowed, document: true };
    undo(&past, &wanted, &connection, (terminal, world)).await
}

fn listed(folder: &Path) -> Result<Vec<Past>, CliError> {
    let (runs, _) = apply::runs(folder)
        .map_err(|e| CliError::new(format!("cannot read the journals in {}: {e}", folder.display())))?;
    Ok(runs)
}

fn unusable(path: &Path, error: &BadJournal) -> CliError {
    CliError::new(format!("{} is no journal that can be used: {error}", path.display()))
        .hint("`no502 runs` lists the runs")
}

/// The run of this id, of which the beginning will do, or of this file.
fn named(folder: &Path, name: &str) -> Result<Past, CliError> {
    let file = Path::new(name);
    if file.is_file() {
        return Past::read(file).map_err(|error| unusable(file, &error));
    }
    let mut fits: Vec<Past> = listed(folder)?.into_iter().filter(|past| past.header.run.starts_with(name)).collect();
    match fits.len() {
        1 => Ok(fits.remove(0)),
        0 => Err(CliError::new(format!("no run is named {name} in {}", folder.display()))
            .hint("`no502 runs` lists the runs; a journal elsewhere is named by its file, or its folder by --journal")),
        n => Err(CliError::new(format!("{n} runs begin with {name}")).hint("write more of the id")),
    }
}

/// The latest run in this account and region that is not a rollback.
fn latest(folder: &Path, connection: &Connection) -> Result<Past, CliError> {
    let who = &connection.identity;
    let mut runs = listed(folder)?;
    runs.retain(|past| past.header.account == who.account && past.header.region == who.region);
    let Some(stack) = runs.last().map(|past| past.header.stack.clone()) else {
        let message = format!("no run is recorded in account {} in {}", who.account, who.region);
        return Err(CliError::new(message).hint(format!("the journals are looked for in {}", folder.display())));
    };
    if let Some(other) = runs.iter().rev().find(|past| past.header.stack != stack) {
        let message = format!("both stack {stack} and stack {} have runs here", other.header.stack);
        return Err(CliError::new(message).hint("say which run: `no502 runs` lists them"));
    }
    let Some(last) = runs.iter().rev().find(|past| past.header.of.is_none()) else {
        return Err(CliError::new("only rollbacks are recorded here").hint("name one: `no502 runs` lists them"));
    };
    if let Some(by) = apply::undone_by(&runs, last) {
        let message = format!("nothing to undo: the latest run {} was undone by {}", last.header.run, by.header.run);
        return Err(CliError::new(message).hint("name an older run: `no502 runs` lists them"));
    }
    Ok(last.clone())
}

fn record(past: &Past) -> Result<&Record, CliError> {
    past.record.as_ref().ok_or_else(|| {
        CliError::new(format!("{} does not say what was there before: its second line is damaged", past.path.display()))
            .hint("`no502 plan` shows what differs from the files now")
    })
}

/// The calls of a run as the planner takes them.
fn calls(past: &Past) -> Vec<Call> {
    let call = |ran: &apply::Ran| Call {
        step: ran.step.clone(),
        address: ran.address.clone(),
        operation: ran.operation.clone(),
        output: match &ran.end {
            CallEnd::Done(output) => Some(output.clone()),
            CallEnd::Failed(_) | CallEnd::Unknown => None,
        },
        refused: matches!(&ran.end, CallEnd::Failed(Failure::Call { error }) if error.kind.is_no()),
    };
    past.ran.iter().map(call).collect()
}

/// How a run shall be undone.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// As for an apply.
    pub args: &'a Apply,
    /// The guards that are lifted.
    pub allowed: &'a [Guard],
    /// Whether the JSON document is printed, if one is wanted at all.
    pub document: bool,
}

/// Undoes a run.
///
/// # Errors
/// It still runs; guards; a "no" at the prompt.
pub async fn undo(
    past: &Past,
    wanted: &Wanted<'_>,
    connection: &Connection,
    (terminal, world): (Terminal, &World),
) -> Result<u8, CliError> {
    let Wanted { args, allowed, .. } = *wanted;
    let record = record(past)?;
    let run = past.header.run.as_str();
    if past.ended == Ended::Running {
        let error = CliError::refused(format!("nothing was changed: run {run} is still at work"));
        return Err(error.hint("wait for its end, or interrupt it"));
    }
    let calls = calls(past);
    let undo = Undo { run, record, calls: &calls };
    let live = look(connection, &undo).await?;
    let notes = about(past, &undo, &live);
    let staying = undo.staying(&live);
    let planned = |live: Snapshot| undo.plan(live, connection.identity.clone(), world.now, allowed);
    let (plan, desired) = planned(live).map_err(|list| problems(&list))?;
    let options = Options::default();
    let c = Context {
        args,
        desired: &desired,
        connection,
        options: &options,
        terminal,
        world,
        command: "rollback",
        paths: String::new(),
        again: format!("no502 rollback {run}"),
        prints: wanted.document,
    };
    if args.format == Format::Text {
        output::data(terminal, &format!("{notes}{}", text::plan(&c.view(&plan), &output::look(terminal))))?;
    }
    let consent = match plan.refused.is_empty() {
        true => session::need_sent(&plan).and_then(|()| ask(&c, &plan)),
        false => Err(refusal(&plan)),
    };
    if let Err(error) = consent {
        c.document(&plan, None, json::Outcome::Refused, json::resources(&plan))?;
        return Err(error);
    }
    if plan.steps.is_empty() {
        return c.nothing_to_do(&plan).await;
    }
    let back = Record::of(&plan, &plan.steps);
    let back = with_lock(back, bearer(connection, record).await?);
    let work = Work { plan: &plan, record: &back, command: "rollback", of: Some(run) };
    let recorded = c.execute(&work).await?;
    let ending = match run::unfinished(&plan, &recorded) {
        Some(ending) => ending,
        None => {
            let again = look(connection, &undo).await;
            let after = again.and_then(|live| planned(live).map_err(|list| problems(&list)));
            after.map_or_else(|error| run::unread(&error), |(after, _)| verified(run, &plan, &after))
        }
    };
    for (address, id) in staying {
        terminal.note(&format!("note: {address} ({id}) stays in ACM, where certificates are left alone"));
    }
    c.end(&plan, None, &recorded, ending)
}

/// What the run that is undone had its lock on, if it is there still: what any other run over the stack takes it on,
/// though little of the stack is in view here.
async fn bearer(connection: &Connection, record: &Record) -> Result<Option<Lockable>, CliError> {
    let Some(on) = &record.lock else { return Ok(None) };
    let there = connection.aws.reread(on.kind, &on.id).await?;
    Ok(there.found.contains_key(&on.id).then(|| on.clone()))
}

/// The record with this bearer of the lock, if there is one.
fn with_lock(mut record: Record, bearer: Option<Lockable>) -> Record {
    if let Some(on) = bearer {
        record.locks.retain(|other| *other != on);
        record.lock = Some(on);
    }
    record
}

fn ask(c: &Context<'_>, plan: &Plan) -> Result<(), CliError> {
    if plan.steps.is_empty() {
        return Ok(());
    }
    run::consent(c.args.running.yes, c.terminal, "Undo the run by these steps?")
}

async fn look(connection: &Connection, undo: &Undo<'_>) -> Result<Snapshot, CliError> {
    Ok(connection.aws.fetch(&undo.scope()).await?)
}

fn problems(list: &[crate::desired::Problem]) -> CliError {
    let first = list.first().map_or("", |problem| problem.message.as_str());
    CliError::new(format!("what there is now cannot be compared with what was there: {first}"))
}

/// What is undone, and what became of calls whose outcome was not recorded.
fn about(past: &Past, undo: &Undo<'_>, live: &Snapshot) -> String {
    let record = undo.record;
    let header = &past.header;
    let (done, total) = (past.done(), record.steps.len());
    let mut lines =
        vec![format!("undoes {} run {} of {}: {done} of {total} steps", header.command, header.run, past.began)];
    for call in undo.calls.iter().filter(|call| call.output.is_none()) {
        let effect = undo.effect(call, live).in_words();
        let failed = past.ran.iter().any(|ran| ran.step == call.step && matches!(ran.end, CallEnd::Failed(_)));
        let end = if failed { "failed" } else { "has no recorded end" };
        lines.push(format!("`{}` {end}; AWS says that it {effect}", call.step));
    }
    if past.damaged > 0 {
        lines.push(format!("{} of its lines cannot be read", past.damaged));
    }
    lines.iter().map(|line| format!("{}\n", crate::report::layout::clean(line))).collect()
}

fn verified(run: &str, plan: &Plan, after: &Plan) -> Ending {
    let left = after.differences().count().max(usize::from(!is_back(after))) + plan.held.len();
    match left {
        0 => Ending { text: RunEnd::Undone { run: run.to_owned() }, json: json::Outcome::Done, code: exit::CLEAN },
        n => Ending { text: RunEnd::LeftOpen(n), json: json::Outcome::LeftOpen, code: exit::DIFFERENT },
    }
}
