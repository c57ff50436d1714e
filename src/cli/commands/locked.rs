//! The lock around a run: taken before the first call, renewed while it lasts, given back at its end, however it ends.
//!
//! Once it is held, what the plan touches is read once more: another run may have ended since the plan was made.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::super::error::CliError;
use super::super::session::{self, Connection};
use super::super::terminal::Terminal;
use super::saved::{hides_nothing, listed};
use crate::apply::is_over;
use crate::apply::lock::{self, Lock, Taken};
use crate::aws::Aws;
use crate::cloud::{CloudErrorKind, Read as _};
use crate::model::tag::LOCK_TAG;
use crate::plan::Plan;
use crate::plan::saved::{Lockable, Record};

/// A lock that is held.
pub struct Held {
    aws: Arc<Aws>,
    on: Lockable,
    lock: Lock,
    terminal: Terminal,
    renewal: JoinHandle<()>,
}

/// Whether somebody else's lock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Respect {
    /// It refuses.
    Others,
    /// The user lifted the guard.
    Nobody,
}

/// Who works here, as others read it.
fn owner() -> String {
    let user = session::variable("USER").or_else(|| session::variable("LOGNAME"));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    let host = host.or_else(|| session::variable("HOSTNAME"));
    format!("{}@{}", user.unwrap_or_else(|| "somebody".to_owned()), host.unwrap_or_else(|| "somewhere".to_owned()))
}

/// Whether the run of a lock is recorded here and its process is gone: then nobody will ever give the lock back.
pub fn is_dead(folders: &[PathBuf], lock: &Lock) -> bool {
    let mut journals = folders.iter().map(|folder| folder.join(format!("{}.jsonl", lock.run)));
    journals.any(|journal| is_over(&journal))
}

/// Whose lock it is, in words.
pub fn in_words(lock: &Lock) -> String {
    format!("{} (run {}) until {}", lock.owner, lock.run, lock.until.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Takes the lock of a stack. `None` if it has nothing that could bear one, or if tagging is not allowed.
///
/// # Errors
/// Somebody else has it; it cannot be taken for any other reason than a permission.
pub async fn take(
    connection: &Connection,
    record: &Record,
    run: &str,
    folders: &[PathBuf],
    (respect, terminal): (Respect, Terminal),
) -> Result<Option<Held>, CliError> {
    let Some(on) = record.lock.clone() else { return Ok(None) };
    let lock = Lock::new(&owner(), run, session::clock());
    let meaningless = |other: &Lock| respect == Respect::Nobody || is_dead(folders, other);
    let taken = match lock::take(&*connection.aws, &on, &lock, session::clock(), &meaningless).await {
        Ok(taken) => taken,
        Err(error) if error.kind == CloudErrorKind::Denied => {
            terminal.note(&format!("note: working without a lock: {error}"));
            return Ok(None);
        }
        Err(error) => {
            // it may have been written all the same
            let _ = lock::release(&*connection.aws, &on, &lock).await;
            let error = CliError::from(error);
            return Err(error.hint("nothing was changed: the lock of the stack could not be taken; try again"));
        }
    };
    let refused = |why: String| {
        let hint = "wait for its end; `no502 unlock` removes a lock that nobody holds any more";
        Err(CliError::refused(format!("nothing was changed: {why}")).hint(hint))
    };
    match taken {
        Taken::Theirs(other) => return refused(format!("stack {} is locked by {}", record.stack, in_words(&other))),
        Taken::Unseen if respect == Respect::Others => {
            let why = "was written and is not there: another run was faster, or tags are read too late";
            return refused(format!("the lock of stack {} {why}", record.stack));
        }
        Taken::Ours(Some(other)) => {
            terminal.note(&format!("note: took over the lock of {}", in_words(&other)));
        }
        Taken::Ours(None) | Taken::Unseen => {}
    }
    for other in &record.locks {
        if let Some(theirs) = left(&connection.aws, other, &meaningless, terminal).await {
            let _ = lock::release(&*connection.aws, &on, &lock).await;
            return refused(format!("stack {} is locked by {}", record.stack, in_words(&theirs)));
        }
    }
    let aws = Arc::clone(&connection.aws);
    let renewal = tokio::spawn(renewed(Arc::clone(&aws), on.clone(), lock.clone(), terminal));
    Ok(Some(Held { aws, on, lock, terminal, renewal }))
}

/// Removes the locks that runs left which died: where nothing is to be done, nobody takes them over.
pub async fn sweep(connection: &Connection, plan: &Plan, folders: &[PathBuf], terminal: Terminal) {
    let bears = |on: &&Lockable| {
        let live = plan.basis.found.get(&on.id);
        live.and_then(|live| live.spec.tags()).is_some_and(|tags| tags.contains_key(LOCK_TAG))
    };
    let record = Record::of(plan, &[]);
    for on in record.lock.iter().chain(&record.locks).filter(bears) {
        left(&connection.aws, on, &|other| is_dead(folders, other), terminal).await;
    }
}

/// Removes a lock that a run left on something else, when there was nothing better to bear it; whose it is if it counts.
async fn left(aws: &Aws, on: &Lockable, meaningless: &impl Fn(&Lock) -> bool, terminal: Terminal) -> Option<Lock> {
    let seen = lock::look(aws, on).await.ok()??;
    if seen.until > session::clock() && !meaningless(&seen) {
        return Some(seen);
    }
    match lock::remove(aws, on).await {
        Ok(()) => terminal.note(&format!("note: removed the lock that {} left", in_words(&seen))),
        Err(error) => terminal.note(&format!("note: an old lock could not be removed: {error}")),
    }
    None
}

async fn renewed(aws: Arc<Aws>, on: Lockable, lock: Lock, terminal: Terminal) {
    let tell = |renewed| match renewed {
        Ok(None) => {}
        Ok(Some(other)) => terminal.note(&format!("note: the lock was taken over by {}", in_words(&other))),
        Err(error) => terminal.note(&format!("note: the lock could not be renewed: {error}")),
    };
    lock::keep(&*aws, &on, &lock, session::clock, tell).await;
}

impl Held {
    /// Gives it back.
    pub async fn release(self) {
        self.renewal.abort();
        if let Err(error) = lock::release(&*self.aws, &self.on, &self.lock).await {
            self.terminal.note(&format!("note: the lock could not be given back: {error}"));
        }
    }
}

/// Whether AWS is still what the plan saw, now that nobody else may change it.
///
/// # Errors
/// It is not, or that cannot be read.
pub async fn unmoved(connection: &Connection, plan: &Plan, record: &Record) -> Result<(), CliError> {
    let now = connection.aws.fetch(&record.scope()).await?;
    hides_nothing(&now, &plan.basis.gaps)?;
    let moved = record.moved(&now);
    if moved.is_empty() {
        return Ok(());
    }
    let message = format!("nothing was changed: AWS changed since the plan was made: {}", listed(&moved));
    Err(CliError::refused(message).hint("make the plan again, and look at what is different"))
}
