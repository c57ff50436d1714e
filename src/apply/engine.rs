//! The loop: start what is ready, record what ended, stop at the first failure.
//!
//! One owner of all state. Steps run as tasks; each reads its object again, announces the call, makes it,
//! and waits at its gate. After a failure or an interrupt nothing new starts, and calls in flight finish.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::event::Failure;
use super::slots::{Slot, Slots};
use super::stale::Seen;
use super::{Event, Observer, Outcome, Settings, gate, retry, stale};
use crate::cloud::simulate::{self, World};
use crate::cloud::{CloudError, CloudErrorKind, Operation, Output, Snapshot, Write};
use crate::model::{Address, Id, Kind, Link, Spec, StepId};
use crate::plan::{Gate, Step};

/// What a run did.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// The steps that ended well, in that order.
    pub done: Vec<StepId>,
    /// What each step returned.
    pub outputs: BTreeMap<StepId, Output>,
    /// Marks that were not allowed, and what AWS said. Nothing else hangs on them.
    pub unmarked: BTreeMap<StepId, CloudError>,
    /// The steps that took back what a step had done whose gate did not open.
    pub undone: Vec<StepId>,
}

/// What there is to do.
#[derive(Debug, Default)]
pub struct Work {
    /// The steps.
    pub steps: Vec<Step>,
    /// What undoes a step whose gate does not open.
    pub compensations: BTreeMap<StepId, Vec<Step>>,
    /// The live view they were planned on.
    pub basis: Snapshot,
    /// The same objects with secrets hidden, for the journal.
    pub shown: BTreeMap<Id, Spec>,
}

struct Board {
    waiting: Vec<Step>,
    running: BTreeMap<StepId, (Step, Operation)>,
    done: Vec<StepId>,
    world: World,
    /// Objects as reports may show them, for the journal.
    shown: BTreeMap<Id, Spec>,
    end: Option<Outcome>,
    /// Marks that were not allowed.
    unmarked: BTreeMap<StepId, CloudError>,
    /// Steps whose certificate waits for its DNS record, and the record; what needs them stays undone.
    parked: BTreeMap<StepId, String>,
    /// Steps whose call was made and whose gate did not open.
    shut: Vec<StepId>,
}

type Ended = (StepId, Result<Output, (Option<Output>, Failure)>);

/// Runs the steps. `stop` turns true when the user interrupts.
pub async fn run<W: Write + Send + Sync + 'static>(
    cloud: Arc<W>,
    work: Work,
    settings: &Settings,
    observer: Arc<dyn Observer>,
    mut stop: watch::Receiver<bool>,
) -> Run {
    let Work { steps, compensations, basis, shown } = work;
    let world = World { snapshot: basis, ..World::default() };
    let mut board = Board {
        waiting: steps,
        running: BTreeMap::new(),
        done: Vec::new(),
        world,
        shown,
        end: None,
        unmarked: BTreeMap::new(),
        parked: BTreeMap::new(),
        shut: Vec::new(),
    };
    let mut tasks: JoinSet<Ended> = JoinSet::new();
    let slots = Slots::new(settings.concurrency);
    loop {
        if *stop.borrow() && board.end.is_none() {
            board.end = Some(Outcome::Interrupted);
        }
        while board.end.is_none()
            && let Some(slot) = slots.free()
        {
            let Some((step, operation)) = board.next() else {
                slot.unused();
                break;
            };
            let job = board.job(&step, operation, stop.clone());
            tasks.spawn(task(Arc::clone(&cloud), job, slot, settings.clone(), Arc::clone(&observer)));
        }
        if tasks.is_empty() {
            break;
        }
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(Ok((step, result))) => board.ended(&step, result, &observer),
                // a defect of ours must not pass for the user's interrupt; the journal shows what had begun
                Some(Err(failed)) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
                Some(Err(_)) | None => board.end = Some(Outcome::Interrupted),
            },
            _ = stop.changed(), if board.end.is_none() => {}
            () = slots.given_back() => {}
        }
    }
    let undo = board.to_undo(compensations);
    let undone = board.undo(&*cloud, undo, settings, &observer, &stop).await;
    let awaiting = awaiting(std::mem::take(&mut board.parked));
    let outcome = board.end.or(awaiting).unwrap_or(Outcome::Completed);
    let _ = observer.observe(&Event::Stopped { outcome: outcome.clone() });
    Run { outcome, done: board.done, outputs: board.world.outputs, unmarked: board.unmarked, undone }
}

/// How the run ends while certificates wait for their records: the first step, and every record.
fn awaiting(parked: BTreeMap<StepId, String>) -> Option<Outcome> {
    let step = parked.keys().next()?.clone();
    let sees = match parked.len() {
        1 => parked.into_values().collect::<Vec<_>>(),
        _ => parked.into_iter().map(|(step, sees)| format!("`{step}`: {sees}")).collect(),
    };
    Some(Outcome::AwaitingValidation { step, sees: sees.join("; ") })
}

/// All that a task needs.
struct Job {
    step: StepId,
    address: Address,
    operation: Operation,
    before: Vec<Gate>,
    gate: Option<Gate>,
    expected: Vec<(Kind, Id, Option<Spec>)>,
    /// The object as it was, for the journal.
    was: Option<Spec>,
    stop: watch::Receiver<bool>,
}

impl Board {
    /// The next step whose predecessors have all ended well, with its late values filled in.
    fn next(&mut self) -> Option<(Step, Operation)> {
        let known: BTreeSet<&StepId> =
            self.waiting.iter().map(|s| &s.id).chain(self.running.keys()).chain(self.parked.keys()).collect();
        let ready = |step: &Step| step.after.iter().all(|a| !known.contains(&a.step));
        let at = self.waiting.iter().position(ready)?;
        let step = self.waiting.remove(at);
        match simulate::resolve(&self.world, &step.operation) {
            Ok(operation) => {
                self.running.insert(step.id.clone(), (step.clone(), operation.clone()));
                Some((step, operation))
            }
            Err(refusal) => {
                let why = Failure::GateFailed { sees: refusal.to_string() };
                self.end = Some(Outcome::Failed { step: step.id, why });
                None
            }
        }
    }

    fn job(&self, step: &Step, operation: Operation, stop: watch::Receiver<bool>) -> Job {
        let created: BTreeSet<&Id> = self.world.outputs.values().filter_map(|o| o.id.as_ref()).collect();
        let expected = stale::written(step, &operation)
            .into_iter()
            .filter(|(_, id)| !created.contains(id))
            .map(|(kind, id)| {
                let spec = self.world.snapshot.found.get(&id).map(|live| live.spec.clone());
                (kind, id, spec)
            })
            .collect::<Vec<_>>();
        let was = expected.first().and_then(|(_, id, _)| self.shown.get(id).cloned());
        Job {
            step: step.id.clone(),
            address: step.address.clone(),
            operation,
            before: step.before.iter().map(|gate| self.known(gate)).collect(),
            gate: step.gate.as_ref().map(|gate| self.known(gate)),
            expected,
            was,
            stop,
        }
    }

    /// What is to be taken back once gates did not open: what their steps did, and groups that were made for steps which
    /// were never begun.
    fn to_undo(&self, mut compensations: BTreeMap<StepId, Vec<Step>>) -> Vec<Step> {
        if self.shut.is_empty() {
            return Vec::new();
        }
        let mut undo: Vec<Step> = self.shut.iter().filter_map(|step| compensations.remove(step)).flatten().collect();
        let waits = |step: &StepId| self.waiting.iter().any(|waiting| waiting.id == *step);
        let never = compensations.into_iter().filter(|(step, _)| waits(step)).flat_map(|(_, steps)| steps);
        let made = |step: &Step| {
            let Operation::Delete { resource: Link::Step(made), kind: Kind::TargetGroup } = &step.operation else {
                return false;
            };
            self.done.contains(made)
        };
        undo.extend(never.filter(made));
        undo
    }

    /// Takes back, one after the other, what a step had done; stops where that fails, which the journal shows.
    async fn undo<W: Write>(
        &mut self,
        cloud: &W,
        steps: Vec<Step>,
        settings: &Settings,
        observer: &Arc<dyn Observer>,
        stop: &watch::Receiver<bool>,
    ) -> Vec<StepId> {
        let mut undone = Vec::new();
        for step in steps {
            let Ok(operation) = simulate::resolve(&self.world, &step.operation) else { break };
            let job = self.job(&step, operation, stop.clone());
            match perform(cloud, job, None, settings, observer).await {
                Ok(_) => undone.push(step.id),
                Err((_, why)) => {
                    let _ = observer.observe(&Event::Failed { step: step.id, why });
                    break;
                }
            }
        }
        undone
    }

    /// A gate with the id that an earlier step returned.
    fn known(&self, gate: &Gate) -> Gate {
        let id = |step: &StepId| self.world.outputs.get(step).and_then(|output| output.id.clone());
        gate.clone().map_links(&mut |link| match &link {
            Link::Step(step) => id(step).map_or(link.clone(), Link::Id),
            Link::Id(_) | Link::Address(_) | Link::Select(_) => link,
        })
    }

    fn ended(&mut self, id: &StepId, result: Result<Output, (Option<Output>, Failure)>, observer: &Arc<dyn Observer>) {
        let Some((step, operation)) = self.running.remove(id) else { return };
        let output = match &result {
            Ok(output) => Some(output.clone()),
            Err((output, _)) => output.clone(),
        };
        let called = output.is_some();
        if let Some(output) = output {
            // the call took effect, whatever its gate says
            let _ = simulate::record(&mut self.world, id, &operation, &output);
        }
        match result {
            Ok(_) => self.done.push(id.clone()),
            Err((_, why @ Failure::Interrupted { .. })) => {
                let _ = observer.observe(&Event::Failed { step: id.clone(), why });
                self.end.get_or_insert(Outcome::Interrupted);
            }
            Err((_, Failure::GateTimedOut { sees })) if step.gate == Some(Gate::CertificateIssued) => {
                self.parked.insert(id.clone(), sees);
            }
            // the work is done; without its mark a later difference cannot be told from an unadopted one
            Err((_, Failure::Call { error })) if step.stamp && error.kind == CloudErrorKind::Denied => {
                let why = Failure::Call { error: error.clone() };
                let _ = observer.observe(&Event::Failed { step: id.clone(), why });
                self.unmarked.insert(id.clone(), error);
            }
            Err((_, why)) => {
                let _ = observer.observe(&Event::Failed { step: id.clone(), why: why.clone() });
                if matches!(why, Failure::GateFailed { .. } | Failure::GateTimedOut { .. }) && called {
                    self.shut.push(id.clone());
                }
                let first = !matches!(self.end, Some(Outcome::Failed { .. }));
                if first {
                    self.end = Some(Outcome::Failed { step: id.clone(), why });
                }
            }
        }
    }
}

async fn task<W: Write>(cloud: Arc<W>, job: Job, slot: Slot, settings: Settings, observer: Arc<dyn Observer>) -> Ended {
    let step = job.step.clone();
    let result = perform(&*cloud, job, Some(slot), &settings, &observer).await;
    let unless_interrupted = |why| {
        if let Failure::Call { error } = &why
            && error.kind == CloudErrorKind::Interrupted
        {
            return Failure::Interrupted { sees: error.to_string() };
        }
        why
    };
    (step, result.map_err(|(output, why)| (output, unless_interrupted(why))))
}

/// Ends once the user interrupts.
async fn interrupted(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // nobody can interrupt any more
        std::future::pending::<()>().await;
    }
}

async fn perform<W: Write>(
    cloud: &W,
    job: Job,
    mut slot: Option<Slot>,
    settings: &Settings,
    observer: &Arc<dyn Observer>,
) -> Result<Output, (Option<Output>, Failure)> {
    for gate in job.before.iter().filter(|_| settings.gates) {
        let waits = "its call was not made yet: it waited";
        slot.iter_mut().for_each(Slot::give_back);
        wait(cloud, &job, gate, None, waits, (settings, observer)).await.map_err(|why| (None, why))?;
    }
    if let Some(slot) = &mut slot {
        slot.take_again().await;
    }
    for (kind, id, expected) in &job.expected {
        let seen = stale::check(cloud, &job.operation, (*kind, id), expected.as_ref()).await;
        match seen.map_err(|why| (None, why))? {
            Seen::AsPlanned => {}
            Seen::Gone => return gone(cloud, &job, settings, observer).await,
        }
    }
    stale::is_free(cloud, &job.operation).await.map_err(|why| (None, why))?;
    let begun = Event::Begun {
        step: job.step.clone(),
        address: job.address.clone(),
        operation: Box::new(job.operation.clone()),
        before: job.was.clone().map(Box::new),
    };
    gate::record(observer, &begun).map_err(|why| (None, why))?;
    let stopped = interrupted(job.stop.clone());
    let output = match retry::execute(cloud, (&job.step, &job.operation), settings, observer, stopped).await {
        Ok(output) => output,
        Err(Failure::Call { error }) if error.kind == CloudErrorKind::NotFound && stale::takes_away(&job.operation) => {
            return gone(cloud, &job, settings, observer).await;
        }
        Err(why) => return Err((None, why)),
    };
    drop(slot);
    let done = Event::Done { step: job.step.clone(), output: output.clone() };
    gate::record(observer, &done).map_err(|why| (Some(output.clone()), why))?;
    pass(cloud, &job, output, settings, observer).await
}

/// Somebody was faster: what the step takes away is gone already.
async fn gone<W: Write>(
    cloud: &W,
    job: &Job,
    settings: &Settings,
    observer: &Arc<dyn Observer>,
) -> Result<Output, (Option<Output>, Failure)> {
    let output = Output::default();
    let event = Event::Gone { step: job.step.clone() };
    gate::record(observer, &event).map_err(|why| (Some(output.clone()), why))?;
    pass(cloud, job, output, settings, observer).await
}

/// Waits at one gate, or until the user interrupts.
async fn wait<W: Write>(
    cloud: &W,
    job: &Job,
    gate: &Gate,
    subject: Option<&Id>,
    sees: &str,
    (settings, observer): (&Settings, &Arc<dyn Observer>),
) -> Result<(), Failure> {
    tokio::select! {
        passed = gate::pass(cloud, &job.step, gate, subject, settings, observer) => passed,
        () = interrupted(job.stop.clone()) => Err(Failure::Interrupted { sees: sees.to_owned() }),
    }
}

/// Waits at the step's gate.
async fn pass<W: Write>(
    cloud: &W,
    job: &Job,
    output: Output,
    settings: &Settings,
    observer: &Arc<dyn Observer>,
) -> Result<Output, (Option<Output>, Failure)> {
    let subject = output.id.clone().or_else(|| job.operation.subject().and_then(|l| l.id().cloned()));
    if let (Some(gate), Some(id), true) = (&job.gate, subject, settings.gates) {
        wait(cloud, job, gate, Some(&id), "its call was made, and it waited", (settings, observer))
            .await
            .map_err(|why| (Some(output.clone()), why))?;
    }
    Ok(output)
}
