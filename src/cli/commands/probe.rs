//! `no502 probe`: what a load balancer's health checker and connection pool would meet at real targets, which files, URLs
//! or AWS name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use super::super::args::{Files, Global, Probe as Args};
use super::super::delivery::Delivery;
use super::super::error::CliError;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::asking::{self, Subjects};
use super::named;
use crate::cloud::Read as _;
use crate::desired::{Problems, Resolved};
use crate::diagnose::{self, Case};
use crate::model::{Address, TargetHealth};
use crate::plan::fits;
use crate::probe::{Depth, Observations, Subject};
use crate::report::probe::{Contradicted, Probing, looked};
use crate::report::{Report, json, junit, text};
use crate::rules::{self, Evidence, Finding, Judgement, Url, Wanted};

/// Runs the command.
///
/// # Errors
/// Files or URLs that cannot be used; AWS that cannot be read at all; nothing to probe.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    if args.live {
        return live(args, global, terminal, world).await;
    }
    let desired = stack(args, global, terminal).await?;
    report(args, crate::plan::of_files(&desired, world.now), View::Whole, (terminal, world)).await
}

/// Whether all of AWS's side that was asked for could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Whole,
    Part,
}

/// Groups, targets and settings as AWS has them.
async fn live(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    if let Some(url) = args.what.iter().find(|word| word.contains("://")) {
        let error = CliError::new(format!("`{url}` is a URL, and --live takes targets from AWS"));
        return Err(error.hint("leave out one of the two"));
    }
    let desired = if args.what.is_empty() { None } else { Some(of_files(args, global, terminal)?) };
    let connection = match &desired {
        Some(desired) => session::connect(desired, global, world).await?,
        None => session::open(global.region.clone(), global, world).await?,
    };
    let names = names(args, desired.is_some(), &connection).await?;
    let snapshot = connection.aws.fetch(&diagnose::scope(names.clone(), desired.as_ref())).await?;
    let case = match &desired {
        Some(desired) => Case::under(desired, &snapshot, world.now),
        None => Case::without_files(&snapshot, world.now),
    };
    let sources = desired.as_ref().map(|desired| desired.files.clone()).unwrap_or_default();
    let case = case.map_err(|list| CliError::Files(Box::new(Problems { files: sources, list })))?;
    let complete = snapshot.incomplete().next().is_none();
    let balancers = case.balancers(&names);
    let mut evidence = case.evidence;
    let behind = |group: &Address| evidence.load_balancers_of(group).into_iter().any(|lb| balancers.contains(lb));
    let groups: BTreeSet<Address> = evidence.target_groups().map(|(group, _)| group.clone()).filter(behind).collect();
    let elsewhere = |address: &Address| address.parent().is_some_and(|group| !groups.contains(&group));
    let others: Vec<Address> = evidence.targets().map(|(target, _)| target.clone()).filter(elsewhere).collect();
    evidence.state.to_mut().retain(|address, _| !others.contains(address));
    report(args, evidence, if complete { View::Whole } else { View::Part }, (terminal, world)).await
}

/// The names on AWS of the load balancers that are meant. Empty: all that the files name.
async fn names(args: &Args, has_files: bool, connection: &Connection) -> Result<BTreeSet<String>, CliError> {
    if args.load_balancers.is_empty() && has_files {
        return Ok(BTreeSet::new());
    }
    let known = connection.aws.load_balancer_names().await?;
    if args.load_balancers.is_empty() { named::every(&known) } else { named::chosen(&args.load_balancers, &known) }
}

/// Asks the targets in evidence, and says what it means.
async fn report(
    args: &Args,
    evidence: Evidence<'_>,
    view: View,
    (terminal, world): (Terminal, &World),
) -> Result<u8, CliError> {
    let (subjects, skipped) = chosen(args, &evidence)?;
    let depth = if args.quick { Depth::Quick } else { Depth::Full };
    let seen = asking::observe(&subjects, depth, terminal).await;
    let names = subjects.iter().map(|(target, _)| target.clone());
    let observed: BTreeMap<Address, Observations> = names.zip(seen.iter().cloned()).collect();
    let reported = evidence.health.clone();
    let evidence = evidence.with_probe(observed.clone());
    let judged = about(rules::judge(&evidence), &observed);
    let (known, doubted): (Vec<_>, Vec<_>) =
        subjects.iter().zip(&seen).partition(|((target, _), _)| evidence.probed.contains_key(target));
    let probing = Probing {
        targets: known
            .iter()
            .map(|((target, subject), saw)| looked(target, subject, saw, reported.get(target), &judged.findings))
            .collect(),
        findings: &judged.findings,
        accepted: &judged.accepted,
        skipped: &skipped,
        contradicted: doubted.iter().map(|((target, _), saw)| contradicted(target, saw, &reported)).collect(),
    };
    let exit_code = match exit::of_probe(&judged, probing.has_failed(), args.fail_on) {
        // a part of which nothing was seen is not well
        exit::CLEAN if known.is_empty() || !skipped.is_empty() || view == View::Part => exit::INCOMPLETE,
        code => code,
    };
    let nothing = Resolved::default();
    let desired = evidence.desired.unwrap_or(&nothing);
    let delivery = Delivery {
        report: &Report::of_probe(&probing, desired, args.fail_on.counts(), (world.now, view == View::Whole)),
        exit_code,
        text: &|look| text::probe(&probing, look),
        json: &|| json::to_text(&json::probe(&probing, desired)),
        junit: Some(&|| junit::probe(&probing)),
    };
    delivery.deliver(&args.printing, None, terminal)?;
    Ok(exit_code)
}

fn contradicted(target: &Address, saw: &Observations, reported: &BTreeMap<Address, TargetHealth>) -> Contradicted {
    let failed = saw.health_checks.last();
    Contradicted {
        target: target.clone(),
        observed: failed.map(|check| check.in_words()).unwrap_or_default(),
        reported: reported.get(target).map(|health| health.in_words().to_owned()).unwrap_or_default(),
    }
}

fn of_files(args: &Args, global: &Global, terminal: Terminal) -> Result<Resolved, CliError> {
    let paths = match args.what.as_slice() {
        [] => vec![PathBuf::from("desired")],
        what => what.iter().map(PathBuf::from).collect(),
    };
    let (desired, warnings) = session::load(&Files { paths }, global)?;
    output::warnings(terminal, &warnings);
    Ok(desired)
}

/// The files' stack, or the smallest one around URLs.
async fn stack(args: &Args, global: &Global, terminal: Terminal) -> Result<Resolved, CliError> {
    let urls: Vec<(&String, Option<Url>)> = args.what.iter().map(|word| (word, Url::parse(word))).collect();
    if urls.iter().all(|(_, url)| url.is_none()) && !args.what.iter().any(|word| word.contains("://")) {
        return of_files(args, global, terminal);
    }
    let mut desired = Resolved::default();
    for (word, url) in urls {
        let url = url.ok_or_else(|| {
            CliError::new(format!("`{word}` is no URL of a target"))
                .hint("write http://10.0.1.10:8000/health/, or give files only")
        })?;
        let taken = |name: &String| desired.specs.contains_key(&Address::target_group(name));
        let one = url.name();
        let names = std::iter::once(one.clone()).chain((2..).map(|number| format!("{one}#{number}")));
        let name = names.into_iter().find(|name| !taken(name)).unwrap_or(one);
        let stack = url.stack(&address_of(&url, args).await?, &name);
        desired.specs.extend(stack);
    }
    Ok(desired)
}

/// The address of a URL's host.
async fn address_of(url: &Url, args: &Args) -> Result<String, CliError> {
    let told = asking::dial(&args.connect_to, &BTreeMap::new(), &url.host, url.port);
    if url.host.parse::<IpAddr>().is_ok() || told.is_some() {
        return Ok(url.host.clone());
    }
    let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await.map(|mut all| all.next());
    match found {
        Ok(Some(address)) => Ok(address.ip().to_string()),
        Ok(None) => Err(CliError::new(format!("{} has no address", url.host))),
        Err(error) => Err(CliError::new(format!("{} cannot be looked up: {error}", url.host))),
    }
}

type Chosen = (Subjects, Vec<Address>);

/// What is probed, and what cannot be.
fn chosen(args: &Args, evidence: &Evidence<'_>) -> Result<Chosen, CliError> {
    let (mut subjects, mut skipped) = (Vec::new(), Vec::new());
    let named = |group: &Address| {
        let name = evidence.target_group(group).map(|group| group.name.as_str());
        args.target_groups.is_empty() || args.target_groups.iter().any(|n| *n == group.name || Some(n.as_str()) == name)
    };
    let within = |target: &Address| {
        let group = target.parent().map(|group| group.to_string()).unwrap_or_default();
        let fitting = args.targets.iter().any(|g| fits(g, &target.to_string()) || fits(g, &group));
        (args.targets.is_empty() || fitting) && target.parent().is_some_and(|group| named(&group))
    };
    let reached = asking::instances(evidence);
    let told = RefCell::new(BTreeSet::new());
    let dial = |host: &str, port: u16| {
        told.borrow_mut().insert(asking::name(host, port));
        asking::dial(&args.connect_to, &reached, host, port)
    };
    for Wanted { target, subject } in rules::wanted(evidence, &dial) {
        if within(&target) {
            match subject {
                Some(subject) => {
                    let public_host = args.host.clone().or(subject.public_host);
                    subjects.push((target, Subject { public_host, ..subject }));
                }
                None => skipped.push(target),
            }
        }
    }
    if let Some((unused, _)) = args.connect_to.iter().find(|(target, _)| !told.borrow().contains(target)) {
        let asked = told.borrow().iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        return Err(CliError::new(format!("--connect-to {unused}: no target is asked there")).hint(
            if asked.is_empty() {
                "no target is known; see the files or --live".to_owned()
            } else {
                format!("targets are asked at {asked}")
            },
        ));
    }
    if subjects.is_empty() && skipped.is_empty() {
        return Err(CliError::new("there is no target to probe").hint(if args.live {
            "no registered target is behind these load balancers; widen --load-balancer, --target-group or --target"
        } else {
            "declare `targets` on a target group, widen --target, or give the URL of a target: http://10.0.1.10:8000/health/"
        }));
    }
    Ok((subjects, skipped))
}

/// The findings that rest on what was observed.
fn about(judged: Judgement, observed: &BTreeMap<Address, Observations>) -> Judgement {
    let rests = |finding: &Finding| finding.evidence.iter().any(|evident| observed.contains_key(&evident.address));
    let Judgement { mut findings, mut accepted, not_checked } = judged;
    findings.retain(rests);
    accepted.retain(|one| rests(&one.finding));
    Judgement { findings, accepted, not_checked }
}
