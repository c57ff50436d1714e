//! Running steps, for `apply` and `adopt`: consent, journal, progress, and how it ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::error::CliError;
use super::super::progress::Progress;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use super::super::{exit, interrupt};
use super::locked::{self, Held, Respect};
use crate::apply::{self, Event, Failure, Header, Journal, Observer, Outcome, Run, Settings, run};
use crate::model::{Address, Id, Spec, StepId};
use crate::plan::Plan;
use crate::plan::saved::Record;
use crate::report::json;
use crate::report::text::RunEnd;

/// Asks, unless the user said yes beforehand.
///
/// # Errors
/// Nobody can be asked, or the answer is no.
pub fn consent(yes: bool, terminal: Terminal, question: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !terminal.can_ask() {
        let error = CliError::refused("nothing was changed: there is no terminal to ask on");
        return Err(error.hint("read the plan, then pass --yes"));
    }
    match terminal.ask(question) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CliError::refused("nothing was changed: the answer was not `yes`")),
        Err(error) => Err(CliError::refused(format!("nothing was changed: the answer cannot be read: {error}"))),
    }
}

/// Tells the journal first, then the display.
struct Both {
    journal: Journal,
    progress: Progress,
}

impl Observer for Both {
    fn observe(&self, event: &Event) -> std::io::Result<()> {
        self.journal.observe(event)?;
        self.progress.observe(event)
    }
}

/// A run that ended.
pub struct Recorded {
    /// What it did.
    pub run: Run,
    /// Its id.
    pub id: String,
    /// Its journal.
    pub journal: PathBuf,
    /// Steps there were.
    pub total: usize,
    /// How long it took.
    pub took: Duration,
    /// The gates that were waited for, by their step, and how long.
    pub waits: Vec<(StepId, Duration)>,
}

/// What is run, and what is kept of it.
pub struct Work<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The steps of it that are run, and what was there before.
    pub record: &'a Record,
    /// The command, for the journal.
    pub command: &'static str,
    /// The run that is undone.
    pub of: Option<&'a str>,
}

/// Runs steps of a plan, recorded in `folder`, or where XDG says state belongs.
///
/// # Errors
/// The journal cannot be made, and without one nothing is applied; signals cannot be listened to; another run has the
/// lock, or AWS changed until this one had it.
pub async fn execute(
    connection: &Connection,
    work: &Work<'_>,
    (settings, respect): (&Settings, Respect),
    folder: Option<&Path>,
    (terminal, world): (Terminal, &World),
) -> Result<Recorded, CliError> {
    let Work { plan, record, command, of } = *work;
    let folder = folder.map_or_else(session::state_folder, |f| Ok(f.to_owned()))?;
    let id = format!("{}-{:08x}", world.now.strftime("%Y%m%dT%H%M%SZ"), world.seed & 0xffff_ffff);
    let header = Header::new(&id, command, of, record);
    let journal = Journal::create(&folder, &header, record, session::clock).map_err(|e| {
        CliError::new(format!("cannot write a journal in {}: {e}", folder.display())).hint(format!(
            "nothing is written without one; {}",
            match command {
                "adopt" => "set XDG_STATE_HOME to a folder that can be written",
                _ => "choose another folder with --journal",
            }
        ))
    })?;
    let path = journal.path().to_owned();
    let locked = match interrupt::listen(terminal) {
        Ok(stop) => {
            connection.aws.heed(stop.clone());
            let held = under_lock(connection, work, &id, &folder, (respect, terminal), &stop).await;
            held.map(|held| (held, stop))
        }
        Err(error) => Err(error),
    };
    let (held, stop) = match locked {
        Ok(both) => both,
        Err(error) => {
            // nothing was begun: there is nothing to record
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
    };
    terminal.note(&format!("journal: {}", path.display()));
    let steps = record.steps.clone();
    let total = steps.len();
    let both = Arc::new(Both { journal, progress: Progress::new(terminal, total) });
    let began = Instant::now();
    let compensations = record.compensations.clone();
    let work = apply::Work { steps, compensations, basis: plan.basis.clone(), shown: shown(plan) };
    let run = run(Arc::clone(&connection.aws), work, settings, Arc::clone(&both) as Arc<dyn Observer>, stop).await;
    if let Some(held) = held {
        held.release().await;
    }
    Ok(Recorded { run, id, journal: path, total, took: began.elapsed(), waits: both.progress.waits() })
}

/// Takes the lock, if there is something to bear it, and looks whether the plan still holds. An interrupt meanwhile
/// gives the lock back.
async fn under_lock(
    connection: &Connection,
    work: &Work<'_>,
    id: &str,
    folder: &Path,
    how: (Respect, Terminal),
    stop: &watch::Receiver<bool>,
) -> Result<Option<Held>, CliError> {
    let mut folders = vec![folder.to_owned()];
    folders.extend(session::state_folder());
    let held = locked::take(connection, work.record, id, &folders, how).await;
    let (held, fits) = match held {
        Ok(held) if *stop.borrow() => (held, Ok(())),
        Ok(held) => (held, locked::unmoved(connection, work.plan, work.record).await),
        Err(error) => (None, Err(error)),
    };
    let fits = if *stop.borrow() { Err(CliError::interrupted("nothing was changed: interrupted")) } else { fits };
    match (fits, held) {
        (Ok(()), held) => Ok(held),
        (Err(error), held) => {
            if let Some(held) = held {
                held.release().await;
            }
            Err(error)
        }
    }
}

/// What to say of marks that were not allowed.
pub fn unmarked(run: &Run) -> Option<String> {
    let (_, error) = run.unmarked.first_key_value()?;
    let count = match run.unmarked.len() {
        1 => "1 resource".to_owned(),
        n => format!("{n} resources"),
    };
    Some(format!("{count} could not be marked as managed, so a later difference will be called unadopted: {error}"))
}

/// The live objects with secrets hidden, by id.
fn shown(plan: &Plan) -> BTreeMap<Id, Spec> {
    let bound = &plan.diff.bound;
    bound.ids.iter().filter_map(|(a, id)| bound.live.get(a).map(|live| (id.clone(), live.spec.clone()))).collect()
}

/// How a command ended, in the words of every report, and its exit code.
pub struct Ending {
    /// For people.
    pub text: RunEnd,
    /// For programs.
    pub json: json::Outcome,
    /// The exit code.
    pub code: u8,
}

/// How a run ended after which AWS could not be read again.
pub fn unread(error: &CliError) -> Ending {
    let text = RunEnd::Unread { error: error.to_string() };
    Ending { text, json: json::Outcome::Stopped, code: exit::STOPPED }
}

/// Whether something that the run left undone can make clients see 5xx.
fn leaves_risk(plan: &Plan, run: &Run) -> bool {
    let undone = |address: &Address| {
        plan.steps.iter().any(|step| step.address == *address && !step.stamp && !run.done.contains(&step.id))
            || plan.held.iter().any(|held| held.address == *address)
    };
    plan.differences().filter(|change| undone(&change.address)).any(|change| plan.risks.of_change(change))
}

/// How a run ended that did not complete; `None` for one that did.
pub fn unfinished(plan: &Plan, recorded: &Recorded) -> Option<Ending> {
    let stopped = |step: String, error: String, code: u8| Ending {
        text: RunEnd::Stopped { step, error },
        json: json::Outcome::Stopped,
        code,
    };
    match &recorded.run.outcome {
        Outcome::Completed => None,
        Outcome::Interrupted => {
            let code = interrupt::exit_code();
            Some(Ending { text: RunEnd::Interrupted, json: json::Outcome::Interrupted, code })
        }
        Outcome::AwaitingValidation { step, sees } => {
            let text = RunEnd::Waiting { step: step.to_string(), sees: sees.clone() };
            let code = if leaves_risk(plan, &recorded.run) { exit::FIVE_XX } else { exit::DIFFERENT };
            Some(Ending { text, json: json::Outcome::LeftOpen, code })
        }
        Outcome::Failed { step, why } => {
            let (mut error, code) = failure(why);
            if !recorded.run.undone.is_empty() {
                let undone: Vec<&str> =
                    recorded.run.undone.iter().map(|id| id.0.trim_start_matches("Undo: ")).collect();
                error.push_str(&format!("; what had been prepared was taken away again ({})", undone.join(", ")));
            }
            Some(stopped(step.to_string(), error, code))
        }
    }
}

fn failure(why: &Failure) -> (String, u8) {
    match why {
        Failure::Stale { moved } => {
            let text = format!("AWS changed since the plan was made, so the call was not made: {}", moved.join("; "));
            (text, exit::REFUSED)
        }
        Failure::Call { error } => (error.to_string(), exit::STOPPED),
        Failure::GateFailed { sees } => (sees.clone(), exit::STOPPED),
        Failure::GateTimedOut { sees } => (format!("waited too long (--gate-timeout): {sees}"), exit::STOPPED),
        Failure::Interrupted { sees } => (sees.clone(), interrupt::exit_code()),
        Failure::NotRecorded { message } => (format!("the journal cannot be written: {message}"), exit::STOPPED),
    }
}
