//! Runs the program as a user would, in a folder and an environment of its own.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::eventually;

/// Nothing that a test asks for takes longer, even on a busy machine.
const MOST: Duration = Duration::from_secs(180);

/// The program, about to be run.
pub struct Program {
    command: Command,
    input: Option<String>,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    /// The exit code; 128 and the signal if one ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    what: String,
}

/// A run that goes on.
pub struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    what: String,
}

/// What a run cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From beginning to end.
    pub elapsed: Duration,
    /// On the processor.
    pub processor: Duration,
    /// The most memory it had at once, in kilobytes.
    pub memory: u64,
}

/// Runs a command and writes down what it cost: nothing else on the machine says so of one process.
const MEASURE: &str = "
import json, resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[2:])
elapsed = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], 'w') as paper:
    json.dump([elapsed, used.ru_utime + used.ru_stime, used.ru_maxrss], paper)
sys.exit(code if code >= 0 else 128 - code)
";

/// Python itself, which a wrapper on the path may not find in another home.
pub fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let output = Command::new("python3").args(["-c", "import sys; print(sys.executable, end='')"]).output();
        String::from_utf8(output.expect("Python 3 is needed, as for LocalStack").stdout).unwrap()
    })
}

impl Program {
    /// The program in a folder, with nothing of the caller's environment but the path.
    pub fn new(folder: &Path) -> Self {
        Self::of(Path::new(env!("CARGO_BIN_EXE_no502")), folder)
    }

    /// The same for another build of it.
    pub fn of(binary: &Path, folder: &Path) -> Self {
        let mut command = Command::new(binary);
        command.current_dir(folder).env_clear().env("HOME", folder);
        for kept in ["PATH", "LLVM_PROFILE_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        // without a region, profile or credentials nothing may be found by accident, nor waited for
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        Self { command, input: None }
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    #[must_use]
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// What it reads from standard input; without it, there is nothing to read.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Run {
        self.start().end()
    }

    /// Runs it to its end, and says what it cost.
    pub fn measured(mut self) -> (Run, Cost) {
        let paper = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new(python());
        command.args(["-c", MEASURE]).arg(paper.path()).arg(self.command.get_program()).args(self.command.get_args());
        command.current_dir(self.command.get_current_dir().unwrap()).env_clear();
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        let run = self.run();
        let [elapsed, processor, memory]: [f64; 3] =
            serde_json::from_slice(&std::fs::read(paper.path()).unwrap()).unwrap();
        let [elapsed, processor] = [elapsed, processor].map(Duration::from_secs_f64);
        (run, Cost { elapsed, processor, memory: memory as u64 })
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        let arguments: Vec<_> = self.command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
        let what = format!("no502 {}", arguments.join(" "));
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child =
            self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("no502 cannot be run");
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        if let (Some(text), Some(mut stdin)) = (self.input, child.stdin.take()) {
            // a program that refuses its arguments does not read
            let _ = stdin.write_all(text.as_bytes());
        }
        Running { child, stdout, stderr, what }
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Running {
    /// Waits for its end.
    pub fn end(mut self) -> Run {
        let status = eventually(&format!("the end of `{}`", self.what), MOST, || self.child.try_wait().unwrap());
        self.finish(status)
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it at once, as a crash or a power cut would.
    pub fn kill(mut self) -> Run {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        self.finish(status)
    }

    /// The id of its process, to send it a signal.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn finish(self, status: ExitStatus) -> Run {
        use std::os::unix::process::ExitStatusExt as _;
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let stdout = self.stdout.join().unwrap();
        Run { code, stdout, stderr: self.stderr.join().unwrap(), what: self.what }
    }
}

impl Run {
    /// Panics with all it said unless it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.code == code, "`{}` ended with {}, not {code}\n{}", self.what, self.code, self.all());
        self
    }

    /// Its standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|cause| panic!("`{}` printed no JSON: {cause}\n{}", self.what, self.all()))
    }

    /// Panics unless it said this on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{}` does not say `{text}`\n{}", self.what, self.all());
        self
    }

    /// All it said.
    pub fn all(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr)
    }
}
