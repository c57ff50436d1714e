//! Journals of earlier runs: what was begun, what ended how, what is not known.
//!
//! A line that cannot be read (a power cut broke it off) is left out and counted; what it would have said is then an
//! unknown outcome, like any call that was announced and never ended.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::{FORMAT, Header};
use crate::apply::{Event, Failure, Outcome};
use crate::cloud::{Operation, Output};
use crate::model::{Address, StepId};
use crate::plan::is_undo;
use crate::plan::saved::Record;

/// An earlier run, or one that goes on.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its file.
    pub path: PathBuf,
    /// What ran.
    pub header: Header,
    /// When it began.
    pub began: Timestamp,
    /// When it was last heard of.
    pub last: Timestamp,
    /// What it was about to do, and what was there before; `None` if that line is damaged.
    pub record: Option<Record>,
    /// The calls that were announced, in that order.
    pub ran: Vec<Ran>,
    /// How it ended.
    pub ended: Ended,
    /// Lines that cannot be read.
    pub damaged: usize,
}

/// A call that was announced.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The step.
    pub step: StepId,
    /// What it is about.
    pub address: Address,
    /// The call, with every late value.
    pub operation: Operation,
    /// How often it was made again because AWS refused it for a reason that passes.
    pub retries: usize,
    /// What became of it.
    pub end: CallEnd,
    /// Why its gate did not open, if it was called and its gate did not.
    pub shut: Option<Failure>,
    /// How long it took, its gate included.
    pub took: Option<jiff::SignedDuration>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It returned this.
    Done(Output),
    /// It failed; it may have taken effect all the same if no answer came.
    Failed(Failure),
    /// Nothing was recorded: it may have taken effect.
    Unknown,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it says.
    With(Outcome),
    /// It still runs.
    Running,
    /// Its process died.
    Died,
}

/// Why a file is no journal that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BadJournal {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Its first line is not a journal's.
    #[error("its first line is not that of a journal")]
    NoJournal,
    /// Another version of the form.
    #[error("it has form {0} of journals, and this version of no502 reads form {FORMAT}")]
    Form(u32),
}

#[derive(Deserialize)]
struct Stamped<T> {
    at: Timestamp,
    #[serde(flatten)]
    what: T,
}

#[derive(Deserialize)]
struct Form {
    no502_journal: u32,
}

#[derive(Deserialize)]
struct Planned {
    record: Record,
}

impl Past {
    /// Reads a journal.
    ///
    /// # Errors
    /// Why it is none that can be used.
    pub fn read(path: &Path) -> Result<Self, BadJournal> {
        let bytes = std::fs::read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let form: Form = serde_json::from_str(first).map_err(|_| BadJournal::NoJournal)?;
        if form.no502_journal != FORMAT {
            return Err(BadJournal::Form(form.no502_journal));
        }
        let first: Stamped<Header> = serde_json::from_str(first).map_err(|_| BadJournal::NoJournal)?;
        let mut past = Self {
            path: path.to_owned(),
            header: first.what,
            began: first.at,
            last: first.at,
            record: None,
            ran: Vec::new(),
            ended: if is_running(path) { Ended::Running } else { Ended::Died },
            damaged: 0,
        };
        let mut begun = std::collections::BTreeMap::new();
        for line in lines {
            if let Ok(event) = serde_json::from_str::<Stamped<Event>>(line) {
                past.last = event.at;
                past.note(event.at, event.what, &mut begun);
            } else if let (None, Ok(planned)) = (&past.record, serde_json::from_str::<Planned>(line)) {
                past.record = Some(planned.record);
            } else {
                past.damaged += 1;
            }
        }
        past.damaged += usize::from(past.record.is_none());
        Ok(past)
    }

    fn note(&mut self, at: Timestamp, event: Event, begun: &mut std::collections::BTreeMap<StepId, Timestamp>) {
        let end = |ran: &mut Vec<Ran>, step: &StepId, end: Option<CallEnd>| {
            if let Some(call) = ran.iter_mut().rev().find(|call| call.step == *step) {
                call.took = begun.get(step).map(|begun| at.duration_since(*begun));
                call.end = end.unwrap_or_else(|| call.end.clone());
            }
        };
        match event {
            Event::Begun { step, address, operation, before: _ } => {
                begun.insert(step.clone(), at);
                let operation = *operation;
                self.ran.push(Ran {
                    step,
                    address,
                    operation,
                    retries: 0,
                    end: CallEnd::Unknown,
                    shut: None,
                    took: None,
                });
            }
            Event::Done { step, output } => end(&mut self.ran, &step, Some(CallEnd::Done(output))),
            Event::Opened { step } => end(&mut self.ran, &step, None),
            Event::Gone { step } => end(&mut self.ran, &step, Some(CallEnd::Done(Output::default()))),
            Event::Failed { step, why } => {
                let called = self.ran.iter_mut().rev().find(|ran| ran.step == step);
                match called.filter(|ran| matches!(ran.end, CallEnd::Done(_))) {
                    // a gate that did not open does not undo its call
                    Some(ran) => {
                        ran.shut = Some(why);
                        end(&mut self.ran, &step, None);
                    }
                    None => end(&mut self.ran, &step, Some(CallEnd::Failed(why))),
                }
            }
            Event::Retried { step, error: _ } => {
                if let Some(call) = self.ran.iter_mut().rev().find(|call| call.step == step) {
                    call.retries += 1;
                }
            }
            Event::Waiting { .. } => {}
            Event::Stopped { outcome } => self.ended = Ended::With(outcome),
        }
    }

    /// The steps that ended well, their gates included.
    pub fn done(&self) -> usize {
        let is_done = |ran: &&Ran| matches!(ran.end, CallEnd::Done(_)) && ran.shut.is_none() && !is_undo(&ran.step);
        self.ran.iter().filter(is_done).count()
    }

    /// The calls whose outcome is not known.
    pub fn unknown(&self) -> impl Iterator<Item = &Ran> {
        self.ran.iter().filter(|ran| ran.end == CallEnd::Unknown)
    }
}

/// The rollback of runs that undid one of them: one that is undone itself does not count.
pub fn undone_by<'p>(runs: &'p [Past], past: &Past) -> Option<&'p Past> {
    let when = |past: &Past| (past.began, past.header.run.clone());
    let undoes = |other: &&Past| {
        other.header.of.as_deref() == Some(&past.header.run)
            && other.ended == Ended::With(Outcome::Completed)
            // what undoes a run is later than it
            && when(other) > when(past)
            && undone_by(runs, other).is_none()
    };
    runs.iter().find(undoes)
}

/// Whether the process that writes this journal lives: it holds the file's lock. What cannot be known is no.
fn is_running(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| is_locked(file.try_lock_shared()) == Some(true))
}

/// Whether the process that wrote this journal is gone for certain. What cannot be known is no: not every file system
/// knows locks.
pub fn is_over(path: &Path) -> bool {
    path.is_file() && File::open(path).is_ok_and(|file| is_locked(file.try_lock_shared()) == Some(false))
}

/// Whether somebody holds a lock that was tried; `None` if that cannot be known.
fn is_locked(tried: Result<(), TryLockError>) -> Option<bool> {
    match tried {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

/// The runs recorded in a folder, oldest first, and the files there that are none, with the reason.
///
/// # Errors
/// The folder cannot be read; one that is not there holds no runs.
#[expect(clippy::type_complexity, reason = "two lists")]
pub fn runs(folder: &Path) -> io::Result<(Vec<Past>, Vec<(PathBuf, BadJournal)>)> {
    let (mut runs, mut others) = (Vec::new(), Vec::new());
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((runs, others)),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        match Past::read(&path) {
            Ok(past) => runs.push(past),
            Err(error) => others.push((path, error)),
        }
    }
    runs.sort_by(|a, b| (a.began, &a.header.run).cmp(&(b.began, &b.header.run)));
    others.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((runs, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of this number, or the rollback of another one.
    fn run(number: u8, of: Option<u8>) -> Past {
        let name = |number: u8| format!("2026112{number}T000000Z-00000001");
        let at = format!("2026-11-2{number}T00:00:00Z").parse().unwrap();
        let header = Header {
            run: name(number),
            of: of.map(name),
            ..serde_json::from_value(serde_json::json!({
                "no502_journal": FORMAT, "run": "", "command": "apply", "account": "",
                "region": "", "stack": ""
            }))
            .unwrap()
        };
        let ended = Ended::With(Outcome::Completed);
        Past { path: PathBuf::new(), header, began: at, last: at, record: None, ran: vec![], ended, damaged: 0 }
    }

    #[test]
    fn a_rollback_that_is_undone_itself_undid_nothing() {
        let all = [run(1, None), run(2, Some(1)), run(3, Some(2))];
        assert!(undone_by(&all, &all[0]).is_none());
        assert_eq!(undone_by(&all, &all[1]).unwrap().header.run, all[2].header.run);
        assert_eq!(undone_by(&all[..2], &all[0]).unwrap().header.run, all[1].header.run);
        // a journal that names itself
        let own = [run(1, Some(1))];
        assert!(undone_by(&own, &own[0]).is_none());
    }

    #[test]
    fn what_was_taken_back_and_what_its_gate_stopped_are_no_steps_that_ended_well() {
        let mut past = run(1, None);
        let delete = || Operation::Delete {
            resource: crate::model::Link::Id(crate::model::Id("r".to_owned())),
            kind: crate::model::Kind::Rule,
        };
        let mut begun = std::collections::BTreeMap::new();
        let mut note = |event| past.note(past.began, event, &mut begun);
        for id in ["a", "b", "Undo: b"] {
            let (step, address) = (StepId(id.to_owned()), Address::target_group("g"));
            note(Event::Begun { step: step.clone(), address, operation: Box::new(delete()), before: None });
            note(Event::Done { step, output: Output::default() });
        }
        let why = Failure::GateTimedOut { sees: String::new() };
        note(Event::Failed { step: StepId("b".to_owned()), why });
        assert_eq!(past.done(), 1);
    }

    #[test]
    fn where_files_cannot_be_locked_nobody_is_known_to_be_dead() {
        assert_eq!(is_locked(Ok(())), Some(false));
        assert_eq!(is_locked(Err(TryLockError::WouldBlock)), Some(true));
        assert_eq!(is_locked(Err(TryLockError::Error(io::ErrorKind::Unsupported.into()))), None);
    }
}
