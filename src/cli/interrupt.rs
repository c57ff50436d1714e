//! Signals: the first one lets calls in flight finish, the second one ends the program at once.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::error::CliError;
use super::terminal::Terminal;

/// 128 + the signal's number, as shells report it.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

static CODE: AtomicU8 = AtomicU8::new(INTERRUPTED);

/// The exit code of the signal that came.
pub fn exit_code() -> u8 {
    CODE.load(Ordering::Relaxed)
}

/// Listens for signals; the value turns true at the first one.
///
/// # Errors
/// The handlers cannot be installed.
pub fn listen(terminal: Terminal) -> Result<watch::Receiver<bool>, CliError> {
    let (send, receive) = watch::channel(false);
    let cannot = |e: std::io::Error| CliError::new(format!("cannot listen for signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => INTERRUPTED,
                _ = terminate.recv() => TERMINATED,
            };
            CODE.store(code, Ordering::Relaxed);
            if *send.borrow() {
                end_now(code);
            }
            terminal.note("stopping: calls in flight finish first; interrupt again to stop at once");
            let _ = send.send(true);
        }
    });
    Ok(receive)
}

#[expect(clippy::exit, reason = "the user asked twice")]
fn end_now(code: u8) -> ! {
    std::process::exit(i32::from(code))
}
