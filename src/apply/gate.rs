//! Gates: waits between steps. They poll within the API budget and end open, failed, or timed out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::event::Failure;
use super::{Event, Observer, Settings};
use crate::cloud::{Facts, Read, Snapshot};
use crate::model::kind::{Direction, Target, TrafficRule};
use crate::model::{Id, Kind, StepId};
use crate::plan::Gate;

/// How much longer than promised AWS may take to let go of a target.
const SLACK: Duration = Duration::from_secs(60);

/// What a look at a gate shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Open,
    Wait(String),
    Failed(String),
}

/// Waits until a gate opens. `subject` is what the step's call was about, for gates that name nothing.
pub(super) async fn pass<R: Read>(
    cloud: &R,
    step: &StepId,
    gate: &Gate,
    subject: Option<&Id>,
    settings: &Settings,
    observer: &Arc<dyn Observer>,
) -> Result<(), Failure> {
    let (kind, id, longest) = match gate {
        Gate::LoadBalancerActive | Gate::LoadBalancerGone => (Kind::LoadBalancer, subject, settings.gate_timeout),
        Gate::CertificateIssued => (Kind::Certificate, subject, settings.gate_timeout),
        Gate::TargetsHealthy { group, .. } => (Kind::TargetGroup, group.id(), settings.gate_timeout),
        // AWS itself takes as long as the group says; a shorter patience would only leave the work half done
        Gate::Drained { group, within } => {
            let aws = Duration::from_secs(u64::from(*within)) + SLACK;
            (Kind::TargetGroup, group.id(), settings.gate_timeout.max(aws))
        }
        Gate::PathOpen { group, .. } => (Kind::SecurityGroup, group.id(), settings.gate_timeout),
        Gate::Settled { at_least } => return settle(step, gate, *at_least, settings, observer).await,
    };
    // nothing was made, so there is nothing to wait for
    let Some(id) = id else { return Ok(()) };
    let deadline = Instant::now() + longest;
    loop {
        let look = match cloud.reread(kind, id).await {
            Ok(snapshot) => look(&snapshot, gate, id),
            Err(error) if error.kind.is_fatal() => return Err(Failure::Call { error }),
            Err(error) => Look::Wait(error.to_string()),
        };
        let sees = match look {
            Look::Open => {
                record(observer, &Event::Opened { step: step.clone() })?;
                return Ok(());
            }
            Look::Failed(sees) => return Err(Failure::GateFailed { sees }),
            Look::Wait(sees) => sees,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::GateTimedOut { sees });
        }
        record(observer, &Event::Waiting { step: step.clone(), gate: gate.clone(), sees, left })?;
        sleep(settings.poll).await;
    }
}

/// Lets some time pass, so that what moved can be seen to hold.
async fn settle(
    step: &StepId,
    gate: &Gate,
    at_least: u32,
    settings: &Settings,
    observer: &Arc<dyn Observer>,
) -> Result<(), Failure> {
    let pause = settings.settle.max(Duration::from_secs(u64::from(at_least)));
    let sees = format!("{} s since requests have moved", pause.as_secs());
    record(observer, &Event::Waiting { step: step.clone(), gate: gate.clone(), sees, left: pause })?;
    sleep(pause).await;
    record(observer, &Event::Opened { step: step.clone() })
}

pub(super) fn record(observer: &Arc<dyn Observer>, event: &Event) -> Result<(), Failure> {
    let after = match event {
        Event::Begun { .. } => "the call was not made",
        Event::Done { .. }
        | Event::Retried { .. }
        | Event::Gone { .. }
        | Event::Failed { .. }
        | Event::Waiting { .. }
        | Event::Opened { .. }
        | Event::Stopped { .. } => "calls that were made have their effect, and nothing more is started",
    };
    observer.observe(event).map_err(|e| Failure::NotRecorded { message: format!("{e}; {after}") })
}

fn look(snapshot: &Snapshot, gate: &Gate, id: &Id) -> Look {
    let facts = snapshot.found.get(id).map(|live| &live.facts);
    match (gate, facts) {
        (Gate::LoadBalancerActive, Some(Facts::LoadBalancer(facts))) => match facts.state.as_str() {
            // impaired: it serves, but cannot scale
            "active" | "active_impaired" => Look::Open,
            "failed" => Look::Failed(format!(
                "the load balancer failed: {}",
                facts.reason.as_deref().unwrap_or("AWS gives no reason")
            )),
            state => Look::Wait(format!("the load balancer is {state}")),
        },
        (Gate::LoadBalancerGone, None) => match snapshot.interfaces.as_ref().map_or(0, BTreeMap::len) {
            0 => Look::Open,
            n => Look::Wait(format!("{n} of its network interfaces are still there")),
        },
        (Gate::LoadBalancerGone, Some(_)) => Look::Wait("AWS still shows the load balancer".to_owned()),
        (Gate::CertificateIssued, Some(Facts::Certificate(facts))) => match facts.status.as_str() {
            "ISSUED" => Look::Open,
            "PENDING_VALIDATION" => Look::Wait(records(&facts.validation)),
            status => {
                let why = facts.failure.as_deref().unwrap_or("AWS gives no reason");
                Look::Failed(format!("the certificate is {status}: {why}"))
            }
        },
        (Gate::TargetsHealthy { group: _, at_least, leaving }, Some(_)) => targets(snapshot, id, *at_least, leaving),
        (Gate::Drained { .. }, _) => drained(snapshot, id),
        (Gate::PathOpen { group: _, direction, rules }, _) => granted(snapshot, id, *direction, rules),
        _ => Look::Wait("AWS does not show it yet".to_owned()),
    }
}

fn records(validation: &[(String, String)]) -> String {
    if validation.is_empty() {
        return "ACM has not named its validation records yet".to_owned();
    }
    let lines: Vec<String> = validation.iter().map(|(name, value)| format!("{name} CNAME {value}")).collect();
    format!("ACM waits for DNS: create {}", lines.join(" and "))
}

/// The targets of a group.
fn members<'s>(snapshot: &'s Snapshot, group: &'s Id) -> impl Iterator<Item = (&'s Id, &'s Target)> {
    snapshot.targets().filter(move |(_, target)| target.target_group.id() == Some(group))
}

fn targets(snapshot: &Snapshot, group: &Id, at_least: usize, leaving: &BTreeSet<String>) -> Look {
    let mut healthy = 0;
    let mut waiting = Vec::new();
    for (id, target) in members(snapshot, group).filter(|(_, target)| !leaving.contains(&target.label())) {
        let Some(Facts::Target(health)) = snapshot.found.get(id).map(|l| &l.facts) else { continue };
        if health.is_ready() {
            healthy += 1;
        } else {
            let codes: Vec<String> = health.codes().iter().map(u16::to_string).collect();
            let codes = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
            waiting.push(format!("{} {}{codes}", target.label(), health.in_words()));
        }
    }
    if healthy >= at_least {
        return Look::Open;
    }
    Look::Wait(format!("{healthy} of at least {at_least} targets healthy; {}", waiting.join("; ")))
}

fn granted(snapshot: &Snapshot, group: &Id, direction: Direction, rules: &[TrafficRule]) -> Look {
    let live = snapshot.found.get(group).and_then(|live| live.spec.security_group());
    let have = live.and_then(|group| group.rules(direction)).map(Vec::as_slice).unwrap_or_default();
    let missing = rules.iter().filter(|rule| !have.iter().any(|live| live.covers(rule)));
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    if missing.is_empty() { Look::Open } else { Look::Wait(format!("AWS does not show {} yet", missing.join(", "))) }
}

fn drained(snapshot: &Snapshot, group: &Id) -> Look {
    let registered = members(snapshot, group).map(|(_, target)| target.label());
    // a target that is being deregistered is no member any more, and its requests are still under way
    let left: Vec<String> = registered.chain(snapshot.leaving.get(group).into_iter().flatten().cloned()).collect();
    if left.is_empty() {
        return Look::Open;
    }
    Look::Wait(format!("requests to {} may still be under way", left.join(", ")))
}
