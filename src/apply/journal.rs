//! The journal: one JSON line for each event, flushed to disk before the call it announces.
//!
//! A `begun` without an end is an unknown outcome, to be read back from AWS. It never holds a secret.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, Observer};

/// A run's journal file.
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    clock: fn() -> Timestamp,
}

#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
struct Header<'a> {
    at: Timestamp,
    no502_journal: u32,
    run: &'a str,
    account: &'a str,
    region: &'a str,
    stack: &'a str,
}

impl Journal {
    /// Opens a new journal in a folder, which is made if it is not there; readable by its owner only.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn create(folder: &Path, run: &str, who: (&str, &str, &str), clock: fn() -> Timestamp) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{run}.jsonl"));
        let mut options = OpenOptions::new();
        options.create_new(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let journal = Self { file: Mutex::new(options.open(&path)?), path, clock };
        let (account, region, stack) = who;
        journal.write(&Header { at: clock(), no502_journal: 1, run, account, region, stack })?;
        Ok(journal)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write<T: Serialize>(&self, line: &T) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
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
            | Event::Gone { .. }
            | Event::Failed { .. }
            | Event::Opened { .. }
            | Event::Stopped { .. } => self.write(&Line { at: (self.clock)(), event }),
        }
    }
}
