//! Real servers, well arranged and with one mistake each: what the probe says of them, case by case.
//!
//! The table is `servers/cases.py`. All cases of a kind are probed at once, in one run, as an operator would.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{Program, Run};
use crate::support::servers::{Case, Servers, servers};

/// The policies of the two load balancers: the old one offers targets TLS 1.2 at most.
const BALANCERS: [(&str, &str); 2] =
    [("web", "ELBSecurityPolicy-TLS13-1-2-2021-06"), ("old", "ELBSecurityPolicy-2016-08")];

/// The load balancers' idle timeout, in seconds: far from every keep-alive of the table, and from 5 s less than it.
const IDLE: u32 = 4;

/// The files that declare these cases.
pub fn stack<'c>(cases: impl Iterator<Item = &'c Case> + Clone, idle: u32) -> String {
    let mut text = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\ntarget_groups:\n".to_owned();
    text.extend(cases.clone().map(Case::target_group));
    text.push_str("load_balancers:\n");
    for (name, policy) in BALANCERS {
        let rules: String = cases.clone().filter(|case| case.balancer() == name).map(Case::rule).collect();
        if !rules.is_empty() {
            text.push_str(&format!(
                "  {name}:\n    existing: true\n    idle_timeout: {idle}s\n    listeners:\n      443:\n        \
                 existing: true\n        protocol: https\n        ssl_policy: {policy}\n        rules:\n{rules}"
            ));
        }
    }
    text
}

fn probe(servers: &Servers, cases: &[&Case], more: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), stack(cases.iter().copied(), IDLE)).unwrap();
    let to = cases.iter().flat_map(|case| case.connect_to(servers));
    let args = ["probe", "shop.yaml", "--format", "json"].into_iter().chain(more.iter().copied()).map(str::to_owned);
    Program::new(folder.path()).args(args.chain(to)).run()
}

/// What was found at each group: `health_check E101`; a check that failed and has no rule is `health_check -`.
fn found(run: &Run) -> BTreeMap<String, BTreeSet<String>> {
    let json = run.json();
    let targets = json["targets"].as_array().unwrap().iter().map(|target| {
        let checks = target["checks"].as_array().unwrap().iter();
        let bad = checks.filter(|check| !check["rule"].is_null() || check["ok"] == false);
        let words = bad.map(|check| format!("{} {}", text(&check["name"]), check["rule"].as_str().unwrap_or("-")));
        let group = text(&target["target_group"]);
        (group.trim_start_matches("target_group/").to_owned(), words.collect())
    });
    targets.collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every mistake has its rule, every good arrangement has none.
fn all_cases(full: bool) {
    let servers = servers();
    let cases: Vec<&Case> = servers.able().filter(|case| case.full == full).collect();
    assert!(cases.len() > 10, "the table is empty");
    let run = probe(servers, &cases, if full { &[] } else { &["--quick"] });
    let seen = found(&run);
    let wrong = cases.iter().filter(|case| seen.get(&case.group()) != Some(&case.found));
    let said =
        wrong.map(|case| format!("{}: expected {:?}, found {:?}\n", case.what, case.found, seen.get(&case.group())));
    let said: String = said.collect();
    assert!(said.is_empty(), "{said}\n{}", run.all());
}

#[test]
fn every_mistake_of_a_real_server_has_its_rule_and_good_ones_have_none() {
    all_cases(false);
}

#[test]
fn what_must_be_waited_for_on_real_servers_has_its_rule() {
    all_cases(true);
}

/// The table is whole: every kind of server that the stack of the README may have, and each of these rules.
#[test]
fn the_table_has_every_row() {
    let rules: BTreeSet<&str> =
        servers().cases.iter().flat_map(|case| &case.found).filter_map(|found| found.split(' ').nth(1)).collect();
    for rule in [
        "E101", "E103", "E104", "E105", "E106", "E108", "E109", "E110", "E111", "E118", "E201", "E202", "E203", "E204",
        "E208", "E209", "E210", "E211", "E301", "E302", "E306", "E308", "E312", "E510", "E701", "E702", "E703", "E706",
        "E707", "E806", "E815",
    ] {
        assert!(rules.contains(rule), "{rule} is found at no server");
    }
    assert!(servers().cases.iter().filter(|case| case.found.is_empty()).count() >= 18, "good arrangements");
}
