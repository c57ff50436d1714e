//! The JSON Schema, tried by a validator that knows nothing of no502: it accepts what is good and refuses what a schema
//! can refuse. The validator is Python's `jsonschema`, which LocalStack's requirements bring.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use no502::desired::schema;
use no502::rules::ALL;
use serde_json::{Value, json};

use super::HEAD;
use super::malformed::cases;
use crate::support::{localstack, yaml};

/// Reads a schema and documents, prints for each document what is wrong with it, or null.
const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given['schema'])
validator = Draft202012Validator(given['schema'])
def first(document):
    error = next(validator.iter_errors(document), None)
    return error and '/'.join(map(str, error.absolute_path)) + ': ' + error.message[:300]
json.dump([first(document) for document in given['documents']], sys.stdout)
";

/// A Python that has the validator.
fn python() -> PathBuf {
    // LocalStack's environment has it; once LocalStack answers, the environment is complete
    localstack::endpoint();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/localstack/venv/bin/python");
    if own.exists() { own } else { PathBuf::from("python3") }
}

/// What the validator says of each document of the language.
fn judged(documents: &[Value]) -> Vec<Option<String>> {
    judged_by(&schema(), documents)
}

/// What the validator says of each document by a schema.
pub fn judged_by(schema: &Value, documents: &[Value]) -> Vec<Option<String>> {
    let python = Command::new(python()).args(["-c", VALIDATE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = python.expect("Python cannot be run");
    let given = json!({ "schema": schema, "documents": documents });
    serde_json::to_writer(child.stdin.take().unwrap(), &given).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "Python has no `jsonschema`, or the schema is none");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every good text of the repository, with a name.
fn good() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = |path: &str| {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        // the tests' own file has places for what differs from test to test
        let text = text.replace("ACCOUNT", "000000000000").replace("APP_GROUP", "sg-0123456789abcdef0");
        (path.to_owned(), text)
    };
    let mut all = vec![file("desired/shop.yaml"), file("tests/localstack/stack.yaml")];
    let (_, readme) = file("README.md");
    for (n, block) in readme.split("```yaml\n").skip(1).enumerate() {
        let block = block.split("```").next().unwrap();
        if block.starts_with("version: 1\nstack: ") {
            all.push((format!("README.md, block {}", n + 1), block.to_owned()));
        }
    }
    for rule in ALL {
        for (which, situation) in [("bad", &rule.bad), ("good", &rule.good)] {
            all.push((format!("{} {which}", rule.code), format!("{HEAD}{}", situation.desired)));
        }
    }
    let doubtful = cases().into_iter().filter(|case| !case.is_wrong());
    all.extend(doubtful.flat_map(|case| case.files.into_iter().map(move |(_, text)| (case.title.clone(), text))));
    all
}

#[test]
fn the_schema_accepts_what_is_good() {
    let texts = good();
    assert!(texts.len() > 30, "{}", texts.len());
    let (mut names, mut documents) = (Vec::new(), Vec::new());
    for (name, text) in texts {
        for document in yaml::to_json(&text).unwrap_or_else(|| panic!("{name} is no YAML")) {
            names.push(name.clone());
            documents.push(document);
        }
    }
    let refused: Vec<String> = names
        .iter()
        .zip(judged(&documents))
        .filter_map(|(name, said)| said.map(|said| format!("{name}: {said}")))
        .collect();
    assert!(refused.is_empty(), "the schema refuses what is good:\n{}", refused.join("\n"));
}

#[test]
fn the_schema_refuses_what_a_schema_can_refuse() {
    let mut wrong = Vec::new();
    for case in cases().into_iter().filter(super::malformed::Case::is_wrong) {
        let documents: Option<Vec<Value>> = case.files.iter().flat_map(|(_, text)| all(yaml::to_json(text))).collect();
        match documents {
            Some(documents) if !documents.is_empty() => wrong.push((case, documents)),
            // no YAML, or nothing that JSON can say
            Some(_) | None => assert_eq!(case.beyond_schema, None, "`{}` needs no mark", case.title),
        }
    }
    let documents: Vec<Value> = wrong.iter().flat_map(|(_, documents)| documents.clone()).collect();
    let mut said = judged(&documents).into_iter();
    let (mut refused, mut accepted, mut marked) = (0, Vec::new(), Vec::new());
    for (case, documents) in &wrong {
        let said: Vec<String> = said.by_ref().take(documents.len()).flatten().collect();
        match (&case.beyond_schema, said.is_empty()) {
            (None, false) => refused += 1,
            (None, true) => accepted.push(case.title.as_str()),
            (Some(_), true) => {}
            (Some(_), false) => marked.push(format!("{}: {}", case.title, said.join("; "))),
        }
    }
    assert!(marked.is_empty(), "marked as beyond a schema, which refuses them:\n{}", marked.join("\n"));
    let share = refused * 100 / (refused + accepted.len());
    let list = accepted.join("\n");
    assert!(refused > 80 && share >= 90, "{refused} refused, {share} %; accepted:\n{list}");
}

/// The items of a list that may not be there: one `None` if it is not.
fn all<T>(list: Option<Vec<T>>) -> Vec<Option<T>> {
    match list {
        Some(list) => list.into_iter().map(Some).collect(),
        None => vec![None],
    }
}
