//! A thousand checks of a clean estate, with the lists of AWS's answers and the keys and lists of the file in another order
//! each time: a thousand times clean, and the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use no502::cloud::{Facts, Snapshot};
use no502::desired::{Inputs, Resolved, load};
use no502::model::Spec;
use no502::plan::{Options, plan};
use no502::report::remark::Weight;
use no502::report::watch::Watch;
use no502::report::{Look, Report, json, junit, markdown, sarif, text};
use serde_json::Value;

use super::{calls, deployed, view};
use crate::support::fake::identity;
use crate::support::proxy::Dice;
use crate::support::yaml;

const CHECKS: u64 = 1_000;

/// Lists of the language whose order means nothing.
const SETS: [&str; 11] = [
    "alternative_names",
    "egress",
    "host",
    "ingress",
    "method",
    "path",
    "security_groups",
    "sni_certificates",
    "source_ip",
    "subnets",
    "targets",
];

/// The value as JSON, which is YAML as well, with its keys and sets in another order.
fn written(value: &Value, key: &str, dice: &mut Dice) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), written(value, key, dice)))
                .collect();
            dice.shuffle(&mut entries);
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(|item| written(item, "", dice)).collect();
            if SETS.contains(&key) {
                dice.shuffle(&mut items);
            }
            format!("[{}]", items.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

fn read(text: String) -> Resolved {
    let stdin = Some(text.into_bytes());
    let inputs =
        Inputs { paths: vec![PathBuf::from("-")], stdin, variables: BTreeMap::new(), secrets: &|_, _| None, now: None };
    match load(&inputs) {
        Ok((resolved, _)) => resolved,
        Err(problems) => panic!("{:#?}", problems.list),
    }
}

/// The live view with its lists in another order. What is looked up by id has none.
fn reordered(snapshot: &Snapshot, dice: &mut Dice) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for live in snapshot.found.values_mut() {
        match &mut live.spec {
            Spec::SecurityGroup(group) => {
                [&mut group.ingress, &mut group.egress].into_iter().flatten().for_each(|rules| dice.shuffle(rules));
            }
            Spec::Listener(listener) => listener.sni_certificates.iter_mut().for_each(|list| dice.shuffle(list)),
            _ => {}
        }
        if let Facts::SecurityGroup { rules, .. } = &mut live.facts {
            dice.shuffle(rules);
        }
    }
    snapshot.members.values_mut().for_each(|list| dice.shuffle(list));
    snapshot.leaving.values_mut().for_each(|list| dice.shuffle(list));
    snapshot
}

#[tokio::test(start_paused = true)]
async fn a_thousand_checks_of_a_clean_estate_are_clean_and_the_same_bytes() {
    let live = deployed().await.snapshot();
    let file = std::fs::read_to_string("desired/shop.yaml").unwrap();
    let file = yaml::to_json(&file).unwrap().remove(0);
    let (mut files, mut said) = (BTreeSet::new(), BTreeSet::new());
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    for seed in 0..CHECKS {
        let mut dice = Dice::new(seed);
        let text = written(&file, "", &mut dice);
        files.insert(text.clone());
        let desired = read(text);
        let snapshot = reordered(&live, &mut dice);
        let plan = plan(&desired, snapshot, identity(), now, &Options::default()).unwrap();
        let calls = calls();
        let view = view("check", &plan, &desired, &calls);
        let report = Report::of_plan(&view, Watch::Any, now);
        assert_eq!(report.weight(), Weight::None, "seed {seed}: {:#?}", report.remarks);
        said.insert([
            text::check(&view, &report, 0, &Look::default()),
            json::to_text(&json::check(&view, &report, 0)),
            markdown::document(&report, 0, markdown::COMMENT),
            json::to_text(&sarif::document(&report)),
            junit::document(&report),
        ]);
    }
    assert!(files.len() as u64 > CHECKS * 9 / 10, "only {} files were different", files.len());
    assert_eq!(said.len(), 1, "{:#?}", said.iter().take(2).collect::<Vec<_>>());
    assert!(
        said.first().unwrap()[0].starts_with("ok: stack shop: 18 resources in sync"),
        "{}",
        said.first().unwrap()[0]
    );
}
