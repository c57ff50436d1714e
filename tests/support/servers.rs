//! Real servers: gunicorn, uvicorn, hypercorn, nginx, Node and gRPC, started once for the whole suite.
//!
//! `tests/probe/servers/serve.py` installs and starts them; `cases.py` beside it is the table of what there is and what
//! a probe must say of it. They go when the suite ends, however it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::program::python;

/// The servers, running.
pub struct Servers {
    /// Where each listens, by name.
    ports: BTreeMap<String, u16>,
    /// The table.
    pub cases: Vec<Case>,
    /// What could not be started, and what it wants.
    missing: BTreeMap<String, String>,
    /// Its standard input keeps the servers alive.
    _process: Child,
}

/// A target group with one target, and what a probe must say of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its place in the table, from 1.
    pub number: usize,
    /// What it is.
    pub what: String,
    server: String,
    /// What the group declares, where it is not the usual.
    declared: Map<String, Value>,
    /// The checks that fail or are worth a look, with the rule: `keep_alive E301`.
    pub found: BTreeSet<String>,
    /// Whether what must be waited for is measured as well.
    pub full: bool,
}

/// A row of the table: what it is, the server, what is declared, what is found, how much is measured.
type Row = (String, String, Map<String, Value>, BTreeSet<String>, String);

#[derive(Deserialize)]
struct Started {
    ports: BTreeMap<String, u16>,
    cases: Vec<Row>,
    missing: BTreeMap<String, String>,
}

/// The suite's own servers.
pub fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(start)
}

fn start() -> Servers {
    let certificates = certificates();
    let mut process = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/servers/serve.py"))
        .arg(certificates.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python 3.11 is needed, as for LocalStack");
    let mut line = String::new();
    let said = process.stdout.take().expect("a pipe");
    BufReader::new(said).read_line(&mut line).expect("what the servers say");
    let started: Started = serde_json::from_str(&line).expect("the servers did not start; why stands above");
    // copied by now
    drop(certificates);
    let cases = started.cases.into_iter().enumerate().map(|(at, (what, server, declared, found, depth))| Case {
        number: at + 1,
        what,
        server,
        declared,
        found,
        full: depth == "full",
    });
    let servers = Servers { ports: started.ports, cases: cases.collect(), missing: started.missing, _process: process };
    servers.complain();
    servers
}

/// Certificates that nobody has signed: one that is good for long, and one that has expired.
fn certificates() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, until) in [("good", date_time_ymd(2100, 1, 1)), ("expired", date_time_ymd(2021, 1, 1))] {
        let mut params = CertificateParams::new(vec!["shop.example.com".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), until);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    folder
}

impl Servers {
    /// Where a server listens; `None` where this machine cannot run it.
    pub fn at(&self, name: &str) -> Option<SocketAddr> {
        let port = *self.ports.get(name).unwrap_or_else(|| panic!("cases.py has no server {name}"));
        (!self.missing.contains_key(name)).then(|| SocketAddr::from(([127, 0, 0, 1], port)))
    }
    /// The cases that this machine can run.
    pub fn able(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| !self.missing.contains_key(&case.server))
    }
    /// Says loudly what does not run: a passing test's own words would not be shown.
    fn complain(&self) {
        for case in self.cases.iter().filter(|case| self.missing.contains_key(&case.server)) {
            let wants = &self.missing[&case.server];
            let _ = writeln!(std::io::stderr(), "NOT RUN, this machine has no {wants}: probe of \"{}\"", case.what);
        }
    }
}

impl Case {
    /// The target's address, as the files have it.
    fn ip(&self) -> String {
        format!("10.1.0.{}", self.number)
    }
    fn said<'a>(&'a self, key: &str, usual: &'a str) -> &'a str {
        self.declared.get(key).map_or(usual, |value| value.as_str().expect("text"))
    }
    /// The group's name.
    pub fn group(&self) -> String {
        format!("case-{}", self.number)
    }
    /// The load balancer in front.
    pub fn balancer(&self) -> &str {
        self.said("balancer", "web")
    }
    /// The arguments that lead to its servers.
    pub fn connect_to(&self, servers: &Servers) -> Vec<String> {
        let lead = |port: u16, server: &str| {
            let to = format!("{}:{port}={}:{}", self.ip(), self.said("via", "127.0.0.1"), servers.ports[server]);
            ["--connect-to".to_owned(), to]
        };
        let sidecar = self.declared.get("sidecar").and_then(Value::as_str);
        lead(8000, &self.server).into_iter().chain(sidecar.into_iter().flat_map(|server| lead(9000, server))).collect()
    }
    /// The group, as files declare it.
    pub fn target_group(&self) -> String {
        format!(
            "  {}:\n    protocol: {}\n    protocol_version: {}\n    port: 8000\n    target_type: ip\n    vpc: main\n    \
             health_check: {{ path: {}, protocol: {}, success_codes: \"{}\", port: {}, timeout: {}, interval: 30s \
             }}\n    targets: [\"{}\"]\n",
            self.group(),
            self.said("protocol", "http"),
            self.said("version", "http1"),
            self.said("path", "/api/health/"),
            self.said("check", "http"),
            self.said("codes", "200"),
            if self.declared.contains_key("sidecar") { "9000" } else { "traffic-port" },
            // long: on a busy machine servers may answer late, and that is no mistake
            self.said("timeout", "20s"),
            self.ip(),
        )
    }
    /// The rule that leads to it.
    pub fn rule(&self) -> String {
        format!(
            "          {}: {{ priority: {}, when: {{ host: {}, path: [/, /{}] }}, forward: {} }}\n",
            self.group(),
            self.number,
            self.said("host", "shop.example.com"),
            self.number,
            self.group()
        )
    }
}
