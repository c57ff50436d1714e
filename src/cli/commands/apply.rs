//! `no502 apply`: shows the plan, asks, runs it with gates, and verifies that nothing is left.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::args::{Apply as Args, Format, Global, Liftable, Running};
use super::super::error::CliError;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use super::super::{exit, interrupt, output};
use super::locked::{self, Respect};
use super::plan::{guard, selection};
use super::rollback::{self, Wanted};
use super::run::{self, Ending, Recorded, Work};
use super::saved;
use super::{accepted, asking};
use crate::apply::{Outcome, Past, Settings};
use crate::cloud::{ApiCalls, Read as _};
use crate::desired::Resolved;
use crate::plan::saved::Record;
use crate::plan::{Asked, Guard, Options, Plan, Proposals, Selection, Unmatched};
use crate::report::text::{Run, RunEnd};
use crate::report::{View, json, text};

/// The calls are shown at the end, when they are known.
static NO_CALLS: ApiCalls = ApiCalls { by_operation: BTreeMap::new() };

/// What stays the same during one apply.
pub(super) struct Context<'a> {
    pub(super) args: &'a Args,
    pub(super) desired: &'a Resolved,
    pub(super) connection: &'a Connection,
    pub(super) options: &'a Options,
    pub(super) terminal: Terminal,
    pub(super) world: &'a World,
    pub(super) command: &'static str,
    pub(super) paths: String,
    /// What to run to go on.
    pub(super) again: String,
    /// Whether the JSON document is printed: there is one, whatever is done.
    pub(super) prints: bool,
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be used; AWS that cannot be read at all; guards; a "no" at the prompt.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    if let Some(path) = saved::named(&args.files)? {
        return saved::apply(args, &path, global, terminal, world).await;
    }
    let (desired, warnings) = session::load(&args.files, global)?;
    output::warnings(terminal, &warnings);
    let ignores = accepted::load(&args.accepting)?;
    session::need_secrets(&desired)?;
    let connection = session::connect(&desired, global, world).await?;
    let allowed = args.running.allow.iter().map(|liftable| guard(*liftable)).collect();
    let (rotate, proposals) = (args.rotate.rotate.clone(), Proposals::All);
    let (selection, accepts) = (selection(&args.part), ignores.list.clone());
    let mut options = Options { selection, allowed, rotate, proposals, ignores: accepts, ..Options::default() };
    let plan = asking::planned(&connection, &desired, &mut options, &args.probing, (terminal, world)).await?;
    output::warnings(terminal, &accepted::doubts(&ignores, &plan, !options.selection.is_all(), world));
    let paths = args.rotate.typed(args.accepting.typed(args.files.typed(global)));
    let c = Context {
        args,
        desired: &desired,
        connection: &connection,
        options: &options,
        terminal,
        world,
        command: "apply",
        again: format!("no502 apply {paths}").trim_end().to_owned(),
        paths,
        prints: true,
    };
    if args.format == Format::Text {
        output::data(terminal, &text::plan(&c.view(&plan), &output::look(terminal)))?;
    }
    let consent = match plan.refused.is_empty() {
        true => session::need_sent(&plan).and_then(|()| c.consent(&plan)),
        false => Err(refusal(&plan)),
    };
    if let Err(error) = consent {
        c.document(&plan, None, json::Outcome::Refused, json::resources(&plan))?;
        return Err(error);
    }
    if plan.steps.is_empty() {
        return c.nothing_to_do(&plan).await;
    }
    let record = Record::of(&plan, &plan.steps);
    let work = Work { plan: &plan, record: &record, command: "apply", of: None };
    let recorded = c.execute(&work).await?;
    if args.rollback_on_failure && matches!(recorded.run.outcome, Outcome::Failed { .. }) {
        return c.undo(&plan, &recorded).await;
    }
    let (after, ending) = match run::unfinished(&plan, &recorded) {
        Some(ending) => (None, ending),
        None => match c.verify(&plan).await {
            Ok((after, ending)) => (Some(after), ending),
            Err(error) => (None, run::unread(&error)),
        },
    };
    c.end(&plan, after.as_ref(), &recorded, ending)
}

pub(super) fn refusal(plan: &Plan) -> CliError {
    let Some(first) = plan.refused.first() else { return CliError::refused("refused") };
    let subject = first.address.as_ref().map(|a| format!("{a}: ")).unwrap_or_default();
    let more = match plan.refused.len() {
        1 => String::new(),
        n => format!(" (and {} more, listed above)", n - 1),
    };
    CliError::refused(format!("nothing was changed: {subject}{}{more}", first.because))
        .hint(text::way_out(plan, first.guard))
}

impl Context<'_> {
    pub(super) fn view<'v>(&'v self, plan: &'v Plan) -> View<'v> {
        View { command: self.command, plan, desired: self.desired, api_calls: &NO_CALLS, paths: &self.paths }
    }

    fn consent(&self, plan: &Plan) -> Result<(), CliError> {
        if plan.steps.is_empty() {
            return Ok(());
        }
        run::consent(self.args.running.yes, self.terminal, "Apply this plan?")
    }

    /// Gates look more often where they may not wait long.
    pub(super) fn settings(&self) -> Settings {
        let Running { gate_timeout, no_gates, settle, .. } = self.args.running;
        let poll = (gate_timeout / 20).clamp(Duration::from_millis(500), Duration::from_secs(5));
        Settings { gate_timeout, poll, gates: !no_gates, settle, ..Settings::default() }
    }

    /// Runs the steps under the stack's lock.
    pub(super) async fn execute(&self, work: &Work<'_>) -> Result<Recorded, CliError> {
        let respect = if self.args.running.allow.contains(&Liftable::Lock) { Respect::Nobody } else { Respect::Others };
        let journal = self.args.running.journal.as_deref();
        let how = (&self.settings(), respect);
        let run = run::execute(self.connection, work, how, journal, (self.terminal, self.world)).await;
        if let Err(error) = &run {
            let is_signal = error.code() == interrupt::exit_code();
            let outcome = if is_signal { json::Outcome::Interrupted } else { json::Outcome::Refused };
            self.document(work.plan, None, outcome, json::resources(work.plan))?;
        }
        run
    }

    pub(super) async fn nothing_to_do(&self, plan: &Plan) -> Result<u8, CliError> {
        let folders: Vec<_> = self.args.running.journal.clone().into_iter().chain(session::state_folder()).collect();
        locked::sweep(self.connection, plan, &folders, self.terminal).await;
        let outcome = if plan.is_clean() { json::Outcome::NothingToDo } else { json::Outcome::LeftOpen };
        self.document(plan, None, outcome, json::resources(plan))?;
        self.terminal.note(&text::api_calls(&self.connection.aws.api_calls(), output::look(self.terminal).detail));
        Ok(exit::of_plan(plan, true))
    }

    /// Reads everything again and expects nothing left.
    async fn verify(&self, plan: &Plan) -> Result<(Plan, Ending), CliError> {
        // what was sent again is no difference; what was deleted has no address any more
        let selection = Selection { unmatched: Unmatched::Done, ..self.options.selection.clone() };
        // what was seen before says nothing of the state now
        let asked = Asked::default();
        let options = Options { rotate: Vec::new(), selection, asked, ..self.options.clone() };
        let after = session::plan(self.connection, self.desired, &options, self.world.now).await?;
        let left: Vec<String> = after.differences().map(|c| c.address.to_string()).collect();
        let held = |address: &String| plan.held.iter().any(|h| h.address.to_string() == *address);
        let moved: Vec<&str> = left.iter().filter(|a| !held(a)).map(String::as_str).collect();
        if !moved.is_empty() {
            self.terminal.error(&format!("applied, but these differ again: {}", moved.join(", ")));
        }
        let (text, json) = match left.len() {
            0 => (RunEnd::Done, json::Outcome::Done),
            n => (RunEnd::LeftOpen(n), json::Outcome::LeftOpen),
        };
        let code = exit::of_plan(&after, true);
        Ok((after, Ending { text, json, code }))
    }

    /// Tells how the run stopped, and undoes it. That it stopped stays its exit code, whatever comes of that.
    pub(super) async fn undo(&self, plan: &Plan, recorded: &Recorded) -> Result<u8, CliError> {
        let Some(ending) = run::unfinished(plan, recorded) else { return Ok(exit::CLEAN) };
        let code = self.end(plan, None, recorded, ending)?;
        self.terminal.note("undoing what was done (--rollback-on-failure)");
        if let Err(error) = self.undone(recorded).await {
            output::error(self.terminal, &error);
            self.terminal.error(&format!("the run is not undone; `no502 rollback {}` tries again", recorded.id));
        }
        Ok(code)
    }

    /// Undoes a run. What it made has no clients yet: it goes without further ado.
    async fn undone(&self, recorded: &Recorded) -> Result<(), CliError> {
        let past = Past::read(&recorded.journal)
            .map_err(|e| CliError::new(format!("cannot read {}: {e}", recorded.journal.display())))?;
        let mut allowed = self.options.allowed.clone();
        allowed.push(Guard::DeleteLoadBalancer);
        let running = Running { yes: true, ..self.args.running.clone() };
        let wishes = Args { running, ..self.args.clone() };
        let wanted = Wanted { args: &wishes, allowed: &allowed, document: false };
        // a run of its own
        let world = World { now: session::clock(), seed: session::seed() };
        rollback::undo(&past, &wanted, self.connection, (self.terminal, &world)).await.map(drop)
    }

    pub(super) fn end(
        &self,
        plan: &Plan,
        after: Option<&Plan>,
        recorded: &Recorded,
        ending: Ending,
    ) -> Result<u8, CliError> {
        let resources = json::resources(after.unwrap_or(plan));
        self.document(plan, Some(recorded), ending.json, resources)?;
        let run = Run {
            id: recorded.id.clone(),
            done: recorded.run.done.len(),
            total: recorded.total,
            took: recorded.took,
            waits: recorded.waits.iter().map(|(step, took)| (step.to_string(), *took)).collect(),
            end: ending.text,
            again: self.again.clone(),
        };
        match self.args.format {
            Format::Text => output::data(self.terminal, &text::run(&run, &output::look(self.terminal)))?,
            Format::Json => self.terminal.note(&text::run(&run, &output::plain(self.terminal))),
        }
        if let Some(why) = run::unmarked(&recorded.run) {
            self.terminal.note(&format!("note: {why}"));
        }
        if ending.code != exit::CLEAN {
            self.terminal.note(&format!("journal: {}", recorded.journal.display()));
        }
        self.terminal.note(&text::api_calls(&self.connection.aws.api_calls(), output::look(self.terminal).detail));
        Ok(ending.code)
    }

    /// The JSON document, if one is wanted.
    pub(super) fn document(
        &self,
        plan: &Plan,
        recorded: Option<&Recorded>,
        outcome: json::Outcome,
        resources: BTreeMap<String, json::Resource>,
    ) -> Result<(), CliError> {
        if self.args.format != Format::Json || !self.prints {
            return Ok(());
        }
        let calls = self.connection.aws.api_calls();
        let view = View { api_calls: &calls, ..self.view(plan) };
        let run = recorded.map(|r| r.id.clone()).unwrap_or_default();
        let end = json::End { run, outcome, resources };
        output::data(self.terminal, &json::to_text(&json::plan(&view, Some(end))))
    }
}
