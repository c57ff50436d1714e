//! `no502 plan`: what differs, which differences make clients see 5xx, and the steps that would close them.

use super::super::args::{Global, Liftable, Part, Plan as Args};
use super::super::delivery::{Delivery, is_text};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::{accepted, asking};
use crate::cloud::Read as _;
use crate::model::shell::word;
use crate::plan::saved::PlanFile;
use crate::plan::{Guard, Options, Proposals, Selection, Unmatched};
use crate::report::watch::Watch;
use crate::report::{Report, View, json, text};

/// The selection that the flags ask for.
pub fn selection(part: &Part) -> Selection {
    Selection { targets: part.targets.clone(), unmatched: Unmatched::Mistake, only_5xx: part.only_5xx }
}

/// The guard that a flag lifts.
pub const fn guard(liftable: Liftable) -> Guard {
    match liftable {
        Liftable::ForeignOwner => Guard::ForeignOwner,
        Liftable::FedGroup => Guard::FedGroup,
        Liftable::DeleteLoadBalancer => Guard::DeleteLoadBalancer,
        Liftable::Incomplete => Guard::Incomplete,
        Liftable::BlastRadius => Guard::BlastRadius,
        Liftable::Rehearsal => Guard::Rehearsal,
        Liftable::Irreversible => Guard::Irreversible,
        Liftable::Lock => Guard::Lock,
    }
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be used; AWS that cannot be read at all.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = session::load(&args.files, global)?;
    output::warnings(terminal, &warnings);
    let ignores = accepted::load(&args.accepting)?;
    session::need_secrets(&desired)?;
    let connection = session::connect(&desired, global, world).await?;
    let rotate = args.rotate.rotate.clone();
    let allowed = args.allow.iter().map(|liftable| guard(*liftable)).collect();
    let (selection, proposals, accepts) = (selection(&args.part), Proposals::All, ignores.list.clone());
    let mut options = Options { selection, allowed, rotate, proposals, ignores: accepts, ..Options::default() };
    let how = (terminal, world);
    let plan = asking::planned(&connection, &desired, &mut options, &args.probing, how).await?;
    let calls = connection.aws.api_calls();
    let paths = args.rotate.typed(args.accepting.typed(args.files.typed(global)));
    let view = View { command: "plan", plan: &plan, desired: &desired, api_calls: &calls, paths: &paths };
    let mut report = Report::of_plan(&view, Watch::Plan, world.now);
    let doubts = accepted::doubts(&ignores, &plan, !options.selection.is_all(), world);
    output::warnings(terminal, &doubts);
    report.doubt(&doubts);
    let exit_code = exit::of_plan(&plan, args.detailed_exitcode);
    let delivery = Delivery {
        report: &report,
        exit_code,
        text: &|look| text::plan(&view, look),
        json: &|| json::to_text(&json::plan(&view, None)),
        junit: None,
    };
    delivery.deliver(&args.printing, None, terminal)?;
    if is_text(&args.printing) {
        terminal.note(&text::api_calls(&calls, output::look(terminal).detail));
    }
    if let Some(path) = &args.out {
        output::private_file(path, &PlanFile::of(&plan, world.now).text())?;
        let file = word(&path.display().to_string());
        terminal.note(&format!("saved: {file}; `no502 show {file}` shows it, `no502 apply {file}` runs it as it is"));
    }
    Ok(exit_code)
}
