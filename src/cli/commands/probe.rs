//! `no502 probe`: what a load balancer's health checker and connection pool would meet at real targets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::super::args::{Files, Global, Probe as Args, ProbeFormat};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use crate::desired::Resolved;
use crate::model::Address;
use crate::plan::fits;
use crate::probe::{Depth, Observations, Subject, observe_all};
use crate::report::probe::{Probing, looked};
use crate::report::{json, junit, text};
use crate::rules::{self, Finding, Judgement, Url, Wanted};

/// How many targets are looked at side by side; each takes two descriptors at most.
const AT_ONCE: usize = 64;

/// Runs the command.
///
/// # Errors
/// Files or URLs that cannot be used; nothing to probe.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let desired = stack(args, global, terminal).await?;
    let evidence = crate::plan::of_files(&desired, world.now);
    let (subjects, skipped) = chosen(args, rules::wanted(&evidence, &|ip, port| dial(args, ip, port)))?;
    let depth = if args.quick { Depth::Quick } else { Depth::Full };
    announce(&subjects, depth, terminal);
    let seen = observe_all(subjects.iter().map(|(_, subject)| subject.clone()).collect(), depth, AT_ONCE).await;
    let names = subjects.iter().map(|(target, _)| target.clone());
    let observed: BTreeMap<Address, Observations> = names.zip(seen.iter().cloned()).collect();
    let judged = about(rules::judge(&evidence.with_probe(observed.clone())), &observed);
    let targets = subjects.iter().zip(&seen);
    let probing = Probing {
        targets: targets.map(|((target, subject), saw)| looked(target, subject, saw, &judged.findings)).collect(),
        findings: &judged.findings,
        skipped: &skipped,
    };
    let printed = match args.format {
        ProbeFormat::Text => text::probe(&probing, &output::look(terminal)),
        ProbeFormat::Json => json::to_text(&json::probe(&probing)),
        ProbeFormat::Junit => junit::probe(&probing),
    };
    output::data(terminal, &printed)?;
    Ok(exit::of_probe(&judged, probing.has_failed(), args.fail_on))
}

/// The files' stack, or the smallest one around URLs.
async fn stack(args: &Args, global: &Global, terminal: Terminal) -> Result<Resolved, CliError> {
    let urls: Vec<(&String, Option<Url>)> = args.what.iter().map(|word| (word, Url::parse(word))).collect();
    if urls.iter().all(|(_, url)| url.is_none()) && !args.what.iter().any(|word| word.contains("://")) {
        let files = Files { paths: args.what.iter().map(PathBuf::from).collect() };
        let (desired, warnings) = session::load(&files, global)?;
        output::warnings(terminal, &warnings);
        return Ok(desired);
    }
    let mut desired = Resolved::default();
    for (word, url) in urls {
        let url = url.ok_or_else(|| {
            CliError::new(format!("`{word}` is no URL of a target"))
                .hint("write http://10.0.1.10:8000/health/, or give files only")
        })?;
        desired.specs.extend(url.stack(&address_of(&url, args).await?));
    }
    Ok(desired)
}

/// The address of a URL's host.
async fn address_of(url: &Url, args: &Args) -> Result<String, CliError> {
    if url.host.parse::<IpAddr>().is_ok() || dial(args, &url.host, url.port).is_some() {
        return Ok(url.host.clone());
    }
    let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await.map(|mut all| all.next());
    match found {
        Ok(Some(address)) => Ok(address.ip().to_string()),
        Ok(None) => Err(CliError::new(format!("{} has no address", url.host))),
        Err(error) => Err(CliError::new(format!("{} cannot be looked up: {error}", url.host))),
    }
}

/// Where a target's port is dialled.
fn dial(args: &Args, ip: &str, port: u16) -> Option<SocketAddr> {
    let name = if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
    let told = args.connect_to.iter().find(|(target, _)| *target == name).map(|(_, address)| *address);
    told.or_else(|| Some(SocketAddr::new(ip.parse().ok()?, port)))
}

type Chosen = (Vec<(Address, Subject)>, Vec<Address>);

/// What is probed, and what cannot be.
fn chosen(args: &Args, all: Vec<Wanted>) -> Result<Chosen, CliError> {
    let (mut subjects, mut skipped) = (Vec::new(), Vec::new());
    let within = |target: &Address| {
        let group = target.parent().map(|group| group.to_string()).unwrap_or_default();
        args.targets.is_empty() || args.targets.iter().any(|g| fits(g, &target.to_string()) || fits(g, &group))
    };
    for Wanted { target, subject } in all {
        if within(&target) {
            match subject {
                Some(subject) => subjects.push((target, subject)),
                None => skipped.push(target),
            }
        }
    }
    if subjects.is_empty() && skipped.is_empty() {
        return Err(CliError::new("there is no target to probe").hint(
            "declare `targets` on a target group, widen --target, or give the URL of a target: http://10.0.1.10:8000/health/",
        ));
    }
    Ok((subjects, skipped))
}

fn announce(subjects: &[(Address, Subject)], depth: Depth, terminal: Terminal) {
    let longest = subjects.iter().map(|(_, subject)| subject.longest(depth)).max().unwrap_or_default();
    let rounds = subjects.len().div_ceil(AT_ONCE).max(1);
    let seconds = longest.as_secs() * rounds as u64;
    let quick = match depth {
        Depth::Full => "; --quick leaves out what must wait",
        Depth::Quick => "",
    };
    terminal.note(&format!(
        "probing {}, {seconds} s at most{quick}",
        crate::report::layout::count(subjects.len(), "target")
    ));
}

/// The findings that rest on what was observed.
fn about(judged: Judgement, observed: &BTreeMap<Address, Observations>) -> Judgement {
    let rests = |finding: &Finding| finding.evidence.iter().any(|evident| observed.contains_key(&evident.address));
    Judgement { findings: judged.findings.into_iter().filter(rests).collect(), ..judged }
}
