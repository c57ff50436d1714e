//! The journal: one JSON line for each event, flushed to disk before the call it announces.
//!
//! The first line says what runs, the second what it is about to do and what was there before ([`Record`]), so that a
//! run can be undone from its journal alone. A `begun` without an end is an unknown outcome, to be read back from AWS.
//! It never holds a secret. While the run lives, its file is locked: nobody else can hold that lock, and it goes with
//! the process.

mod past;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use past::{BadJournal, CallEnd, Ended, Past, Ran, is_over, runs, undone_by};

use super::{Event, Observer};
use crate::plan::saved::Record;

/// The form of the file.
const FORMAT: u32 = 2;

/// A run's journal file.
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    clock: fn() -> Timestamp,
}

#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    at: Timestamp,
    #[serde(flatten)]
    what: &'a T,
}

/// What runs: the first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file.
    no502_journal: u32,
    /// The run's id.
    pub run: String,
    /// `apply`, `adopt` or `rollback`.
    pub command: String,
    /// The run that is undone, for a rollback.
    #[serde(default)]
    pub of: Option<String>,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack.
    pub stack: String,
}

/// The second line.
#[derive(Serialize)]
struct Planned<'a> {
    event: &'static str,
    record: &'a Record,
}

impl Header {
    /// Of a run of this command over what the record says.
    pub fn new(run: &str, command: &str, of: Option<&str>, record: &Record) -> Self {
        Self {
            no502_journal: FORMAT,
            run: run.to_owned(),
            command: command.to_owned(),
            of: of.map(str::to_owned),
            account: record.account.clone(),
            region: record.region.clone(),
            stack: record.stack.clone(),
        }
    }
}

impl Journal {
    /// Opens a new journal in a folder, which is made if it is not there; readable by its owner only.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn create(folder: &Path, header: &Header, record: &Record, clock: fn() -> Timestamp) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.jsonl", header.run));
        let mut options = OpenOptions::new();
        options.create_new(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        // where the file system knows no locks, a dead run cannot be told from a living one
        let _ = file.try_lock();
        let journal = Self { file: Mutex::new(file), path, clock };
        journal.write(header)?;
        journal.write(&Planned { event: "planned", record })?;
        // the file's name must be as durable as its lines
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(journal)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write<T: Serialize>(&self, what: &T) -> io::Result<()> {
        let mut text = serde_json::to_string(&Line { at: (self.clock)(), what })?;
        text.push('\n');
        let mut file = self.file.lock().map_err(|_| io::Error::other("the journal's lock is poisoned"))?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }
}

impl Observer for Journal {
    fn observe(&self, event: &Event) -> io::Result<()> {
        match event {
            Event::Waiting { .. } => Ok(()),
            Event::Begun { .. }
            | Event::Done { .. }
            | Event::Retried { .. }
            | Event::Gone { .. }
            | Event::Failed { .. }
            | Event::Opened { .. }
            | Event::Stopped { .. } => self.write(event),
        }
    }
}
