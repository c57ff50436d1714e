//! Asking targets: where they are dialled, how long it may take, and what `plan`, `apply` and `diagnose` make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::super::args::{ProbeDepth, Probing};
use super::super::error::CliError;
use super::super::session::{self, Connection, World};
use super::super::terminal::Terminal;
use crate::cloud::{Read as _, Snapshot};
use crate::desired::{Problems, Resolved};
use crate::diagnose::Case;
use crate::diff;
use crate::model::Address;
use crate::plan::{self, Asked, Options, Plan};
use crate::probe::{Depth, Observations, Subject, observe_all};
use crate::report::layout::count;
use crate::rules::{Evidence, Wanted, wanted};

/// How many targets are looked at side by side; each takes two descriptors at most.
const AT_ONCE: usize = 64;

/// Targets with how they are asked.
pub type Subjects = Vec<(Address, Subject)>;

/// A target's port, as `--connect-to` names it.
pub fn name(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Where a target's port is dialled. `reached` says at which address an instance is.
pub fn dial(
    connect_to: &[(String, SocketAddr)],
    reached: &BTreeMap<&str, IpAddr>,
    host: &str,
    port: u16,
) -> Option<SocketAddr> {
    let name = name(host, port);
    let told = connect_to.iter().find(|(target, _)| *target == name).map(|(_, address)| *address);
    let ip = || host.parse().ok().or_else(|| reached.get(host).copied());
    told.or_else(|| Some(SocketAddr::new(ip()?, port)))
}

/// The addresses of instances, as their interfaces say.
pub fn instances<'e>(evidence: &'e Evidence<'_>) -> BTreeMap<&'e str, IpAddr> {
    let found = evidence.interfaces.iter().filter_map(|(ip, attached)| Some((attached.reached_as.as_deref()?, *ip)));
    found.collect()
}

/// How long it takes at most to ask these, in seconds.
fn longest(subjects: &[(Address, Subject)], depth: Depth) -> u64 {
    let one = subjects.iter().map(|(_, subject)| subject.longest(depth)).max().unwrap_or_default();
    one.as_secs() * subjects.len().div_ceil(AT_ONCE) as u64
}

/// Says how many targets are asked, and how long that takes at most.
fn announce(targets: usize, seconds: u64, depth: Depth, terminal: Terminal) {
    let quick = match depth {
        Depth::Full => "; quick leaves out what must wait",
        Depth::Quick => "",
    };
    terminal.note(&format!("probing {}, {seconds} s at most{quick}", count(targets, "target")));
}

/// Asks every subject; the observations come in their order.
async fn ask(subjects: &[(Address, Subject)], depth: Depth) -> Vec<Observations> {
    observe_all(subjects.iter().map(|(_, subject)| subject.clone()).collect(), depth, AT_ONCE).await
}

/// Asks every subject, in the order given, and says beforehand how long that takes at most.
pub async fn observe(subjects: &[(Address, Subject)], depth: Depth, terminal: Terminal) -> Vec<Observations> {
    announce(subjects.len(), longest(subjects, depth), depth, terminal);
    ask(subjects, depth).await
}

/// The targets in evidence that can be dialled, of the groups that are meant.
fn subjects(evidence: &Evidence<'_>, probing: &Probing, meant: &dyn Fn(&Address) -> bool) -> Subjects {
    let reached = instances(evidence);
    let all = wanted(evidence, &|host, port| dial(&probing.connect_to, &reached, host, port));
    let known = all.into_iter().filter_map(|Wanted { target, subject }| Some((target, subject?)));
    known.filter(|(target, _)| target.parent().is_some_and(|group| meant(&group))).collect()
}

const fn depth(asked: ProbeDepth) -> Depth {
    match asked {
        ProbeDepth::Full => Depth::Full,
        ProbeDepth::Quick => Depth::Quick,
    }
}

/// Says of how many targets nothing can be concluded from here.
fn unreached(subjects: &Subjects, evidence: &Evidence<'_>, terminal: Terminal) {
    let left: BTreeSet<String> = subjects
        .iter()
        .filter(|(target, _)| !evidence.probed.contains_key(target))
        .map(|(a, _)| a.to_string())
        .collect();
    if !left.is_empty() {
        let names = left.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if left.len() > 3 { ", …" } else { "" };
        terminal.note(&format!(
            "AWS tells otherwise of {} than was seen from here, so nothing is concluded: {names}{more}",
            count(left.len(), "target")
        ));
    }
}

/// A diagnosis with what its targets answer.
pub async fn diagnosed<'a>(
    case: Case<'a>,
    names: &BTreeSet<String>,
    probing: &Probing,
    terminal: Terminal,
) -> Case<'a> {
    let Some(asked) = probing.probe else { return case };
    let balancers = case.balancers(names);
    let meant = |group: &Address| case.evidence.load_balancers_of(group).into_iter().any(|lb| balancers.contains(lb));
    let subjects = subjects(&case.evidence, probing, &meant);
    let seen = observe(&subjects, depth(asked), terminal).await;
    let case = case.probed(subjects.iter().map(|(target, _)| target.clone()).zip(seen).collect());
    unreached(&subjects, &case.evidence, terminal);
    case
}

/// The plan, with what targets answer now and would answer afterwards.
///
/// # Errors
/// As [`session::plan`].
pub async fn planned(
    connection: &Connection,
    desired: &Resolved,
    options: &mut Options,
    probing: &Probing,
    (terminal, world): (Terminal, &World),
) -> Result<Plan, CliError> {
    let Some(depth_asked) = probing.probe else { return session::plan(connection, desired, options, world.now).await };
    let snapshot: Snapshot = connection.aws.fetch(&diff::scope(desired)).await?;
    let refused = |list| CliError::Files(Box::new(Problems { files: desired.files.clone(), list }));
    options.asked = asked(desired, &snapshot, probing, depth(depth_asked), (terminal, world)).await.map_err(refused)?;
    plan::plan(desired, snapshot, connection.identity.clone(), world.now, options).map_err(refused)
}

async fn asked(
    desired: &Resolved,
    snapshot: &Snapshot,
    probing: &Probing,
    depth: Depth,
    (terminal, world): (Terminal, &World),
) -> Result<Asked, Vec<crate::desired::Problem>> {
    let (live, after) = plan::sides(desired, snapshot, world.now)?;
    let every = |_: &Address| true;
    let now = subjects(&live, probing, &every);
    let later = subjects(&after, probing, &every);
    // who is asked the same afterwards is asked once; of the others only the health check is another one
    let news: Subjects = later.iter().filter(|one| !now.contains(one)).cloned().collect();
    let targets: BTreeSet<&Address> = now.iter().chain(&news).map(|(target, _)| target).collect();
    announce(targets.len(), longest(&now, depth) + longest(&news, Depth::Quick), depth, terminal);
    let seen = ask(&now, depth).await;
    let names = |subjects: &Subjects| subjects.iter().map(|(target, _)| target.clone()).collect::<Vec<_>>();
    let now_seen: BTreeMap<Address, Observations> = names(&now).into_iter().zip(seen).collect();
    let mut afterwards: BTreeMap<Address, Observations> =
        later.iter().filter_map(|(target, _)| Some((target.clone(), now_seen.get(target)?.clone()))).collect();
    for (target, saw) in names(&news).into_iter().zip(ask(&news, Depth::Quick).await) {
        let saw = match now_seen.get(&target) {
            Some(before) => saw.measured_by(before),
            None => saw,
        };
        afterwards.insert(target, saw);
    }
    unreached(&now, &live.with_probe(now_seen.clone()), terminal);
    Ok(Asked { now: now_seen, afterwards })
}
