//! `no502 apply PLANFILE`: runs a saved plan as it is. No desired file is needed, nobody is asked.
//!
//! Only what the plan writes or names is read again. If any of that moved, nothing is changed.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::super::args::{Apply as Args, Files, Format, Global, Liftable};
use super::super::error::CliError;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::apply::{Context, refusal};
use super::locked;
use super::run::{self, Ending, Recorded, Work};
use crate::apply::Outcome;
use crate::cloud::{Gap, Read as _, Snapshot};
use crate::desired::Resolved;
use crate::plan::saved::{Moved, PlanFile, Record, is_plan};
use crate::plan::{Options, Plan};
use crate::report::text::RunEnd;
use crate::report::{json, text};

/// No plan of an estate that AWS allows is larger.
const MOST: u64 = 256 * 1024 * 1024;
/// The first key of a plan comes within so many bytes.
const HEAD: u64 = 64;

/// The saved plan that the arguments name, if they name one.
///
/// # Errors
/// It is one, but cannot be used.
pub fn named(files: &Files) -> Result<Option<PathBuf>, CliError> {
    let [path] = files.paths.as_slice() else { return Ok(None) };
    if !path.is_file() {
        return Ok(None);
    }
    let cannot = |e: std::io::Error| CliError::new(format!("cannot read {}: {e}", path.display()));
    let mut head = Vec::new();
    std::fs::File::open(path).map_err(cannot)?.take(HEAD).read_to_end(&mut head).map_err(cannot)?;
    Ok(is_plan(&String::from_utf8_lossy(&head)).then(|| path.clone()))
}

/// Reads a saved plan.
///
/// # Errors
/// Why it cannot be used.
pub fn read(path: &Path) -> Result<PlanFile, CliError> {
    let shown = path.display();
    let cannot = |why: String| {
        let error = CliError::new(format!("{shown} is not a plan that can be used: {why}"));
        error.hint(format!("make it again with `no502 plan --out {shown}`"))
    };
    let size = std::fs::metadata(path).map_err(|e| CliError::new(format!("cannot read {shown}: {e}")))?.len();
    if size > MOST {
        return Err(cannot(format!("it has {size} bytes, and {MOST} are the most")));
    }
    let bytes = std::fs::read(path).map_err(|e| CliError::new(format!("cannot read {shown}: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot("it is not text in UTF-8".to_owned()))?;
    if !is_plan(&text) {
        let error = CliError::new(format!("{shown} is not a plan: its first key is not `no502_plan`"));
        return Err(error.hint("`no502 plan --out FILE` makes one"));
    }
    PlanFile::read(&text).map_err(|e| cannot(e.to_string()))
}

/// What stands for the desired files, of which a record needs none.
pub fn files_of(record: &Record) -> Resolved {
    let Record { account, region, stack, .. } = record.clone();
    Resolved { account, region, stack, ..Resolved::default() }
}

/// Runs a saved plan.
///
/// # Errors
/// The file cannot be used; another account or region; what the plan saw has moved.
pub async fn apply(
    args: &Args,
    path: &Path,
    global: &Global,
    terminal: Terminal,
    world: &World,
) -> Result<u8, CliError> {
    let file = read(path)?;
    only_fits_files(args)?;
    let desired = files_of(&file.record);
    let connection = connect(&file.record, global, world).await?;
    let mut plan = file.shown.plan(&file.record);
    let options = Options::default();
    let c = Context {
        args,
        desired: &desired,
        connection: &connection,
        options: &options,
        terminal,
        world,
        command: "apply",
        paths: String::new(),
        // this plan has been used, and which files it was made from is not known
        again: format!("no502 plan --out {}", path.display()),
        prints: true,
    };
    if args.format == Format::Text {
        output::data(terminal, &text::plan(&c.view(&plan), &output::look(terminal)))?;
    }
    if let Err(error) = still_fits(&connection, &file, &plan).await {
        c.document(&plan, None, json::Outcome::Refused, json::resources(&plan))?;
        return Err(error);
    }
    if plan.steps.is_empty() {
        return c.nothing_to_do(&plan).await;
    }
    let work = Work { plan: &plan, record: &file.record, command: "apply", of: None };
    let recorded = c.execute(&work).await?;
    if args.rollback_on_failure && matches!(recorded.run.outcome, Outcome::Failed { .. }) {
        return c.undo(&plan, &recorded).await;
    }
    let ending = match run::unfinished(&plan, &recorded) {
        Some(ending) => ending,
        None => {
            let verified = verify(&c, &file.record, &plan, &recorded).await;
            verified.unwrap_or_else(|error| run::unread(&error))
        }
    };
    for step in &file.record.steps {
        if let Some(id) = recorded.run.outputs.get(&step.id).and_then(|output| output.id.clone()) {
            plan.diff.bound.ids.insert(step.address.clone(), id);
        }
    }
    c.end(&plan, None, &recorded, ending)
}

/// What was decided when the plan was made cannot be decided again.
fn only_fits_files(args: &Args) -> Result<(), CliError> {
    let flag = match args {
        Args { part, .. } if !part.targets.is_empty() => "--target",
        Args { part, .. } if part.only_5xx => "--only-5xx",
        Args { probing, .. } if probing.probe.is_some() => "--probe",
        Args { rotate, .. } if !rotate.rotate.is_empty() => "--rotate",
        Args { accepting, .. } if accepting.ignore.is_some() => "--ignore",
        Args { running, .. } if running.allow.iter().any(|guard| *guard != Liftable::Lock) => "--dangerous-allow",
        _ => return Ok(()),
    };
    let message = format!("{flag} says what is planned, and this plan is made already");
    Err(CliError::new(message).hint(format!("say it where the plan is made: `no502 plan {flag} … --out FILE`")))
}

pub async fn connect(record: &Record, global: &Global, world: &World) -> Result<Connection, CliError> {
    let region = global.region.clone().unwrap_or_else(|| record.region.clone());
    let connection = session::open(Some(region), global, world).await?;
    let who = &connection.identity;
    if who.account != record.account || who.region != record.region {
        let message = format!(
            "nothing was changed: this was made in account {} in {}, but the credentials are for account {} in {}",
            record.account, record.region, who.account, who.region
        );
        return Err(CliError::refused(message).hint("choose other credentials with --profile"));
    }
    Ok(connection)
}

async fn still_fits(connection: &Connection, file: &PlanFile, plan: &Plan) -> Result<(), CliError> {
    if !plan.refused.is_empty() {
        return Err(refusal(plan).hint("guards are lifted where the plan is made: `no502 plan --dangerous-allow …`"));
    }
    session::need_sent(plan)?;
    if plan.steps.is_empty() {
        return Ok(());
    }
    locked::unmoved(connection, plan, &file.record).await
}

/// What cannot be read cannot be compared with what the plan saw.
///
/// # Errors
/// What hides more than it did then.
pub fn hides_nothing(now: &Snapshot, then: &[Gap]) -> Result<(), CliError> {
    let new = now.incomplete().find(|gap| then.iter().all(|then| then.hidden != gap.hidden));
    let Some(gap) = new else { return Ok(()) };
    let message = format!("nothing was changed: whether AWS is as the plan saw it cannot be read: {}", gap.error);
    Err(CliError::refused(message).hint("grant the permission, or try again later"))
}

/// What moved, in words.
pub fn listed(moved: &[Moved]) -> String {
    moved.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Reads again what was touched and compares it with what the plan promised.
async fn verify(c: &Context<'_>, record: &Record, plan: &Plan, recorded: &Recorded) -> Result<Ending, CliError> {
    let now = c.connection.aws.fetch(&record.scope()).await?;
    let unkept = record.unkept(&recorded.run.outputs, &now);
    if !unkept.is_empty() {
        c.terminal.error(&format!("applied, but AWS does not show what was promised: {}", listed(&unkept)));
    }
    let held = |change: &&crate::diff::Change| plan.held.iter().any(|held| held.address == change.address);
    let risky = plan.differences().filter(held).any(|change| plan.risks.of_change(change));
    let left = unkept.len() + plan.held.len();
    let (text, json) = match left {
        0 => (RunEnd::Done, json::Outcome::Done),
        n => (RunEnd::LeftOpen(n), json::Outcome::LeftOpen),
    };
    let code = match (left, plan.is_complete()) {
        (1.., _) if risky => exit::FIVE_XX,
        (1.., _) => exit::DIFFERENT,
        (0, false) => exit::INCOMPLETE,
        (0, true) => exit::CLEAN,
    };
    Ok(Ending { text, json, code })
}
