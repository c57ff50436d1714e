//! The steps of the workflow, run one night after another against LocalStack: they leave the files and outputs that they
//! promise, open an issue once, and close it once nothing is left of it.

use std::path::Path;
use std::process::{Command, Output};

use crate::localstack::fields::live::Live;
use crate::localstack::stack::Stack;
use crate::support::account::REGION;
use crate::support::localstack;

/// A `gh` that keeps open issues and comments in a folder, and writes down each call.
const GH: &str = r#"#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
state = Path(os.environ["GH_STATE"])
book = json.loads(state.read_text()) if state.exists() else {"calls": [], "issues": {}, "comments": []}
args = sys.argv[1:]
book["calls"].append(" ".join(args[:2]))
def value(flag):
    return args[args.index(flag) + 1]
match args[:2]:
    case ["issue", "list"]:
        print(json.dumps([{"number": int(n), "title": t} for n, t in book["issues"].items()]))
    case ["issue", "create"]:
        book["issues"][str(len(book["calls"]))] = value("--title")
        book["body"] = sys.stdin.read()
    case ["issue", "close"]:
        del book["issues"][args[2]]
    case ["issue", "comment"]:
        book["body"] = sys.stdin.read()
    case ["api", "--paginate"]:
        print("\n".join(str(n) for n in range(len(book["comments"]))))
    case ["api", "--method"]:
        text = Path(value("--field").removeprefix("body=@")).read_text()
        if args[2] == "POST":
            book["comments"].append(text)
        else:
            book["comments"][int(args[3].rsplit("/", 1)[1])] = text
state.write_text(json.dumps(book))
"#;

struct Runner<'s> {
    stack: &'s Stack,
}

impl<'s> Runner<'s> {
    fn new(stack: &'s Stack) -> Self {
        let runner = Self { stack };
        stack.account.write("bin/gh", GH);
        let gh = stack.account.path().join("bin/gh");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(gh, mode).unwrap();
        runner
    }

    fn folder(&self) -> &Path {
        self.stack.account.path()
    }

    /// A step, as the workflow runs it.
    fn step(&self, program: &str, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/actions/check").join(args[0]);
        let folder = self.folder();
        let path = format!("{}:{}", folder.join("bin").display(), std::env::var_os("PATH").unwrap().to_string_lossy());
        let variables = [
            ("NO502", env!("CARGO_BIN_EXE_no502")),
            ("NO502_PATHS", "desired"),
            ("AWS_ENDPOINT_URL", localstack::endpoint()),
            ("AWS_ACCESS_KEY_ID", &self.stack.account.id),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("GITHUB_REPOSITORY", "shop/infrastructure"),
        ];
        let files = [
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_STEP_SUMMARY", "summary.md"),
            ("GH_STATE", "gh.json"),
            ("HOME", "home"),
        ];
        let mut command = Command::new(program);
        command.arg(script).args(&args[1..]).current_dir(folder).env("PATH", path).envs(variables);
        command.envs(files.map(|(name, file)| (name, folder.join(file)))).output().unwrap()
    }

    /// A night: the check and the issues. What the check put out.
    fn night(&self) -> String {
        let _ = std::fs::remove_file(self.folder().join("output"));
        let check = self.step("bash", &["check.sh"]);
        let said = String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned();
        assert!(check.status.success(), "{said}");
        let issues = self.step("python3", &["tell.py", "issues", "no502-report"]);
        assert!(issues.status.success(), "{}", String::from_utf8_lossy(&issues.stderr));
        self.read("output")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder().join(name)).unwrap()
    }

    fn gh(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("gh.json")).unwrap()
    }

    fn titles(&self) -> Vec<String> {
        let book = self.gh();
        book["issues"].as_object().unwrap().values().map(|title| title.as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn nights_of_the_workflow() {
    let stack = Stack::applied();
    let runner = Runner::new(&stack);
    let live = Live::of(&stack);

    let clean = runner.night();
    assert!(clean.starts_with("exit-code=0\nverdict=clean\ncounting=0\n"), "{clean}");
    assert_eq!(runner.titles(), [""; 0]);

    live.check("django", |m| m.health_check_path("/nowhere"));
    let broken = runner.night();
    assert!(broken.contains("exit-code=3\nverdict=5xx\n") && broken.contains("changed=true\n"), "{broken}");
    assert!(broken.ends_with("folder=no502-report\n"), "{broken}");
    assert_eq!(runner.titles(), ["no502: web"]);
    let body = runner.gh()["body"].as_str().unwrap().to_owned();
    assert!(body.contains("health_check.path") && body.contains("no502 plan"), "{body}");
    for (file, holds) in [
        ("check.json", "\"exit_code\": 3"),
        ("check.md", "health_check.path"),
        ("check.sarif", "\"2.1.0\""),
        ("check.xml", "<failure"),
        ("check.txt", "Check fails"),
    ] {
        assert!(runner.read(&format!("no502-report/{file}")).contains(holds), "{file}");
    }
    assert!(runner.read("summary.md").contains("health_check.path"));

    let calls = runner.gh()["calls"].as_array().unwrap().len();
    let same = runner.night();
    assert!(same.contains("exit-code=3\n") && same.contains("changed=false\n"), "{same}");
    assert_eq!(runner.gh()["calls"].as_array().unwrap().len(), calls + 1, "only the list is asked for");

    stack.apply();
    let mended = runner.night();
    assert!(mended.contains("exit-code=0\n") && mended.contains("changed=true\n"), "{mended}");
    assert_eq!(runner.titles(), [""; 0]);
    assert!(runner.gh()["body"].as_str().unwrap().starts_with("Gone:"), "{}", runner.gh()["body"]);
}

#[test]
fn a_check_that_cannot_run_fails_its_step_and_keeps_what_was_known() {
    let stack = Stack::applied();
    let runner = Runner::new(&stack);
    runner.night();
    let before = runner.read("no502-report/last.json");
    stack.account.write("desired/bad.yaml", "version: [");
    let check = runner.step("bash", &["check.sh"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(runner.read("output").ends_with("exit-code=1\nverdict=error\n"), "{}", runner.read("output"));
    assert!(String::from_utf8_lossy(&check.stdout).contains("::error"), "nobody would see it");
    assert_eq!(runner.read("no502-report/last.json"), before);

    // the report of another stack says nothing about this one
    std::fs::remove_file(runner.folder().join("desired/bad.yaml")).unwrap();
    stack.account.write("no502-report/last.json", before.replace("\"stack\": \"shop\"", "\"stack\": \"bank\""));
    assert!(runner.night().starts_with("exit-code=0\n"));
}

#[test]
fn the_comment_on_a_pull_request_stays_one() {
    let stack = Stack::applied();
    let runner = Runner::new(&stack);
    for (from, to) in [("idle_timeout: 60s", "idle_timeout: 61s"), ("idle_timeout: 61s", "idle_timeout: 62s")] {
        stack.edit(from, to);
        stack.account.run(&["plan", "--report", "markdown=plan.md"]).exits(0);
        let comment = runner.step("python3", &["tell.py", "comment", "plan.md", "7"]);
        assert!(comment.status.success(), "{}", String::from_utf8_lossy(&comment.stderr));
    }
    let comments = runner.gh()["comments"].as_array().unwrap().clone();
    assert_eq!(comments.len(), 1);
    let text = comments[0].as_str().unwrap();
    assert!(text.contains("idle_timeout  60s → 62s") && text.starts_with("<!-- no502 plan stack shop -->"), "{text}");
}
