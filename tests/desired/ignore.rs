//! The file of `--ignore`: the README's is read, and each mistake is said with its place.

use std::path::Path;

use no502::desired::{Ignores, Problems, ignore_file};

use super::lines;

const ENTRY: &str = "{ address: target_group/a, reason: a sale, owner: team-shop, until: 2027-01-31 }";

fn read(text: &str) -> Result<Ignores, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ignore.yaml");
    std::fs::write(&path, text).unwrap();
    ignore_file(&path)
}

#[track_caller]
fn refused(text: &str, says: &str) {
    let problems = read(text).unwrap_err();
    let lines = lines(&problems);
    assert!(lines.iter().any(|line| line.contains(says)), "{text}\n{lines:#?}");
}

#[test]
fn the_one_of_the_readme_is_read() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let block = readme.split("```yaml\n").skip(1).find(|block| block.starts_with("version: 1\nignore:")).unwrap();
    let ignores = read(block.split("```").next().unwrap()).map_err(|problems| problems.list).unwrap();
    let [entry] = &ignores.list[..] else { panic!("{:#?}", ignores.list) };
    assert_eq!((entry.address.as_str(), entry.field.as_deref()), ("target_group/django", Some("deregistration_delay")));
    assert_eq!(entry.owner, "team-shop");
}

#[test]
fn mistakes_are_said_with_their_place() {
    let one = |entry: &str| format!("version: 1\nignore:\n  - {entry}\n");
    assert_eq!(read(&one(ENTRY)).map_err(|problems| problems.list).unwrap().list.len(), 1);
    for key in ["address", "reason", "owner", "until"] {
        let without = ENTRY.replacen(&format!("{key}: "), &format!("un{key}: "), 1);
        refused(&one(&without), key);
    }
    refused(&one(&ENTRY.replace("2027-01-31", "2027-02-31")), "3:");
    refused(&one(&ENTRY.replace("2027-01-31", "soon")), "must be a date");
    refused("version: 2\nignore: []\n", "version");
    refused("version: 1\nignore: [\n", "error");
    refused("version: 1\nignored: []\n", "ignored");
    refused("- a\n", "error");
    assert!(ignore_file(Path::new("nowhere/ignore.yaml")).is_err());
}
