//! Malformed and doubtful files, one idea each: exactly what is said about them, as a terminal shows it.
//!
//! The cases lie in `said/*.txt`: `===== what it is about`, the file, `-----`, what is said. A line `+++ NAME` begins
//! another file of the same case. Lines of capitals stand for what many files begin with (see [`stands_for`]).
//! ` [schema: REASON]` after the title says why no JSON Schema can refuse it. `NO502_UPDATE=1` writes what is said anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use no502::desired::{Level, Problems};
use no502::report::{Look, problem};

use super::{HEAD, files};

const GROUP: &str = "target_groups:\n  a:\n    protocol: http\n    port: 80\n    vpc: main\n    target_type: ip\n";
const BALANCER: &str = "target_groups: { a: { existing: true }, b: { existing: true } }\nload_balancers:\n  web:\n    \
                        subnets: [subnet-01234567, subnet-89abcdef]\n";
const LISTENER: &str = "    listeners:\n      80:\n        protocol: http\n        default: { forward: a }\n";

const TLS: &str = "    listeners:\n      443:\n        protocol: https\n        ssl_policy: \
                   ELBSecurityPolicy-TLS13-1-2-2021-06\n        certificate: \
                   \"arn:aws:acm:eu-west-1:000000000000:certificate/1\"\n        default: { forward: a }\n";

/// What a line stands for: `H` the head of every good file, `TG` a target group `a` to be continued, `LB` two existing
/// groups and a load balancer, `RULES` the same with a listener up to its rules, `TLS` likewise with HTTPS.
fn stands_for(line: &str) -> Option<String> {
    match line {
        "H" => Some(HEAD.to_owned()),
        "TG" => Some(GROUP.to_owned()),
        "LB" => Some(BALANCER.to_owned()),
        "RULES" => Some(format!("{BALANCER}{LISTENER}        rules:\n")),
        "TLS" => Some(format!("{BALANCER}{TLS}        rules:\n")),
        _ => None,
    }
}

/// One case.
pub struct Case {
    /// What it is about.
    pub title: String,
    /// Why no JSON Schema can refuse it, if none can.
    pub beyond_schema: Option<String>,
    /// Name and text of each file; the first is `shop.yaml`.
    pub files: Vec<(String, String)>,
    /// The case as it is written, up to its `-----`.
    written: String,
    /// What is said.
    pub said: String,
}

impl Case {
    /// The case with what is said about it now.
    fn new(written: &str) -> Self {
        let (title, body) = written.split_once('\n').unwrap();
        let (title, mark) = match title.split_once(" [schema: ") {
            Some((title, mark)) => (title, Some(mark.trim_end_matches(']').to_owned())),
            None => (title, None),
        };
        let mut files = vec![("shop.yaml".to_owned(), String::new())];
        for line in body.lines() {
            if let Some(name) = line.strip_prefix("+++ ") {
                files.push((name.to_owned(), String::new()));
            } else {
                let text = &mut files.last_mut().unwrap().1;
                text.push_str(&stands_for(line).unwrap_or_else(|| format!("{line}\n")));
            }
        }
        let said = said(&files);
        Self { title: title.to_owned(), beyond_schema: mark, files, written: written.to_owned(), said }
    }
    /// Whether something is wrong with it, not only doubtful.
    pub fn is_wrong(&self) -> bool {
        self.said.lines().any(|line| line.starts_with("error: "))
    }
}

/// What is said about files, as it is printed.
fn said(list: &[(String, String)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let list: Vec<(&str, &str)> = list.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (Problems { files, list }, errors) = match files(folder.path(), &list) {
        Ok((_, warnings)) => (warnings, false),
        Err(problems) => (problems, true),
    };
    assert_eq!(errors, list.iter().any(|p| p.level == Level::Error));
    if list.is_empty() {
        return "nothing\n".to_owned();
    }
    let all = problem::render(&files, &list, &Look::default());
    all.replace(&format!("{}/", folder.path().display()), "")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/desired/said")
}

/// The files of cases, by name, with their text.
fn written() -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path());
    let mut all: Vec<_> = entries.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect();
    all.sort();
    all
}

fn cases_of(text: &str) -> Vec<Case> {
    let parts = text.split("===== ").skip(1);
    parts.map(|part| Case::new(part.split_once("-----\n").expect("a case has a line `-----`").0)).collect()
}

/// Every case, with what is said now.
pub fn cases() -> Vec<Case> {
    written().iter().flat_map(|(_, text)| cases_of(text)).collect()
}

#[test]
fn every_problem_is_said_at_its_place() {
    let update = std::env::var_os("NO502_UPDATE").is_some();
    let mut said_of = 0;
    for (path, text) in written() {
        let mut now = String::new();
        for case in cases_of(&text) {
            said_of += usize::from(case.said != "nothing\n");
            write!(now, "===== {}-----\n{}", case.written, case.said).unwrap();
        }
        if update {
            std::fs::write(&path, &now).unwrap();
        } else if now != text {
            let line = text.lines().zip(now.lines()).position(|(was, is)| was != is);
            let at = line.unwrap_or_else(|| text.lines().count().min(now.lines().count()));
            let [was, is] = [&text, &now].map(|text| text.lines().skip(at).take(12).collect::<Vec<_>>().join("\n"));
            let path = path.display();
            panic!("{path}:{} is stale; NO502_UPDATE=1 writes it anew\n--- it says\n{was}\n--- now\n{is}", at + 1);
        }
    }
    assert!(said_of >= 120, "{said_of}");
}
