//! The table test: every rule on its two situations, loaded with the real language. Tests only.
//!
//! The table is a function over a list of rules, so that it can be run on mutants: a rule that finds nothing, and one
//! that always finds, must both be caught.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::acm::facts;
use super::evidence::Attached;
use super::situation::{Health, Seen, Situation, laid_over};
use super::testing::{EVERYTHING, subnet};
use super::{ALL, Evidence, Finding, Need, Rule, around, engine::judge_by, find, judge, testing};
use crate::cloud::Subnet;
use crate::desired::{Inputs, Problem, Resolved, load as load_files};
use crate::model::{Address, Id, Kind, Link, Spec, TargetHealth};

fn load(text: &str) -> Resolved {
    let head = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\n";
    let text = format!("{head}{text}");
    let inputs = Inputs {
        paths: vec!["-".into()],
        stdin: Some(text.clone().into_bytes()),
        variables: BTreeMap::new(),
        secrets: &|_, _| None,
        now: None,
    };
    let problem = |p: &Problem| format!("{} {:?}", p.message, p.hint);
    match load_files(&inputs) {
        Ok((resolved, _)) => resolved,
        Err(problems) => panic!("{text}\n{:#?}", problems.list.iter().map(problem).collect::<Vec<_>>()),
    }
}

/// On AWS links to subnets are ids.
fn by_id(spec: Spec) -> Spec {
    let by_id = |link| match link {
        Link::Select(named) if named.tags.contains_key("Name") => Link::Id(Id(named.tags["Name"].clone())),
        other @ (Link::Select(_) | Link::Address(_) | Link::Id(_) | Link::Step(_)) => other,
    };
    if spec.kind() == Kind::LoadBalancer { spec.map_links(&mut { by_id }) } else { spec }
}

/// What AWS would have: everything that can be read is there.
fn as_live(spec: Spec) -> Spec {
    match by_id(spec) {
        Spec::SecurityGroup(mut group) => {
            group.ingress.get_or_insert_default();
            Spec::SecurityGroup(group)
        }
        Spec::Listener(mut listener) => {
            listener.sni_certificates.get_or_insert_default();
            Spec::Listener(listener)
        }
        other @ (Spec::Certificate(_)
        | Spec::TargetGroup(_)
        | Spec::Target(_)
        | Spec::LoadBalancer(_)
        | Spec::Rule(_)) => other,
    }
}

/// What situations call today.
const NOW: &str = "2027-01-01T00:00:00Z";

struct Loaded {
    desired: Resolved,
    live: BTreeMap<Address, Spec>,
}

impl Loaded {
    fn of(situation: &Situation) -> Self {
        let live = load(&laid_over(situation.desired, situation.live)).specs;
        let live = live.into_iter().map(|(address, spec)| (address, as_live(spec))).collect();
        Self { desired: load(situation.desired), live }
    }
    /// The findings on the live state.
    fn now(&self, situation: &Situation) -> Vec<Finding> {
        self.judge(self.evidence(situation))
    }
    fn evidence<'a>(&'a self, situation: &Situation) -> Evidence<'a> {
        let groups = |names: &[&str]| Attached {
            groups: names.iter().map(|name| Address::security_group(name)).collect(),
            ..Attached::default()
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let health = |h: &Health| TargetHealth {
            state: h.state.parse().ok(),
            reason: text(h.reason),
            description: text(h.description),
            overridden: text(h.overridden),
            anomaly: h.anomaly,
        };
        let at = |h: &Health| Address::new(Kind::Target, h.target);
        let (leaving, staying): (Vec<_>, Vec<_>) = situation.health.iter().partition(|h| h.state == "draining");
        let zone = |(a, spec): (&Address, &Spec)| Some((a.clone(), spec.target()?.zone.clone()?));
        let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let saw = |seen: &Seen| serde_json::from_str(seen.saw).unwrap_or_else(|e| panic!("{}: {e}", seen.saw));
        let probed = situation.probe.iter().map(|seen| (Address::new(Kind::Target, seen.target), saw(seen))).collect();
        let mut evidence = Evidence {
            desired: Some(&self.desired),
            available: EVERYTHING.into(),
            now: NOW.parse().ok(),
            facts: facts(situation),
            traffic: Some(around::traffic(situation.logged, &BTreeMap::new())),
            state: Cow::Borrowed(&self.live),
            health: staying.into_iter().map(|h| (at(h), health(h))).collect(),
            leaving: leaving.into_iter().map(at).collect(),
            zones: situation.zones.iter().map(|(lb, z)| (Address::load_balancer(lb), strings(z))).collect(),
            target_zones: self.live.iter().filter_map(zone).collect(),
            empty: situation.empty.iter().map(|group| Address::target_group(group)).collect(),
            interfaces: situation.interfaces.iter().map(|(ip, g)| (ip.parse().unwrap(), groups(g))).collect(),
            subnets: situation.subnets.iter().flat_map(|(lb, nets)| self.subnets(lb, nets)).collect(),
            ..Evidence::default()
        }
        .with_probe(probed);
        around::lay(situation.around, &mut evidence);
        evidence
    }
    /// The subnets of a load balancer, with these networks in their order.
    fn subnets(&self, lb: &str, networks: &[&str]) -> Vec<(Id, Subnet)> {
        let spec = self.live[&Address::load_balancer(lb)].load_balancer().unwrap();
        let ids = spec.subnets.iter().flatten().filter_map(Link::id).cloned();
        ids.zip(networks.iter().map(|net| subnet(net))).collect()
    }
    /// The findings once the files are applied; AWS has not judged health again.
    fn after(&self) -> Vec<Finding> {
        let mut state = self.live.clone();
        let stray = |a: &Address| {
            let group = a.parent().filter(|_| a.kind == Kind::Target);
            !self.desired.specs.contains_key(a) && group.is_some_and(|g| self.desired.membership.contains(&g))
        };
        state.retain(|address, _| !stray(address));
        for (address, spec) in &self.desired.specs {
            let spec = as_live(self.live.get(address).map_or(spec.clone(), |live| spec.clone().over(live)));
            state.insert(address.clone(), spec);
        }
        self.judge(Evidence { state: Cow::Owned(state), ..Evidence::default() })
    }
    fn judge(&self, evidence: Evidence) -> Vec<Finding> {
        let (available, now) = (EVERYTHING.into(), NOW.parse().ok());
        let findings = judge(&Evidence { desired: Some(&self.desired), available, now, ..evidence }).findings;
        findings.iter().for_each(testing::complete);
        findings
    }
    /// What is on one side only: resources of which drift is not a field.
    fn one_sided(&self) -> Vec<&Address> {
        let (live, want) = (&self.live, &self.desired.specs);
        let gone = want.keys().filter(|a| !live.contains_key(*a));
        gone.chain(live.keys().filter(|a| !want.contains_key(*a))).collect()
    }
    fn drifted(&self) -> Vec<(&Address, crate::model::FieldPath)> {
        let fields = |(address, live): (_, &Spec)| {
            let changes = self.desired.specs.get(address).map(|want| Spec::compare(live, &by_id(want.clone())));
            changes.into_iter().flatten().map(move |change| (address, change.path)).collect::<Vec<_>>()
        };
        self.live.iter().flat_map(fields).collect()
    }
}

fn codes(findings: &[Finding]) -> BTreeSet<&str> {
    findings.iter().map(|finding| finding.rule.as_str()).collect()
}

fn kept(mut findings: Vec<Finding>, keep: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    findings.retain(keep);
    findings
}

/// What is true beside the point in a rule's situations: the rule, the other one that says so, and why that must be.
const ALSO: [(&str, &str, &str); 0] = [];

fn is_also_true(rule: &Rule, finding: &Finding) -> bool {
    ALSO.iter().any(|(of, other, _)| (*of, *other) == (rule.code, finding.rule.as_str()))
}

/// What a table of these rules has against one of them. Nothing, if exactly it fires in its bad situation, and no rule
/// in its good one; beside what is [`ALSO`] true there.
fn faults(rules: &[&Rule], rule: &Rule) -> Vec<String> {
    let fired = |situation: &Situation| {
        let loaded = Loaded::of(situation);
        let evidence = loaded.evidence(situation);
        judge_by(rules, &evidence).findings
    };
    let (bad, good) = (fired(&rule.bad), fired(&rule.good));
    let mut faults = Vec::new();
    let causal = |finding: &Finding| !is_also_true(rule, finding);
    let (bad, good) = (kept(bad, causal), kept(good, causal));
    if codes(&bad) != BTreeSet::from([rule.code]) {
        faults.push(format!("{}, bad: {bad:#?}", rule.code));
    }
    if !good.is_empty() {
        faults.push(format!("{}, good: {good:#?}", rule.code));
    }
    faults
}

#[test]
fn bad_fires_exactly_its_rule_and_good_is_silent() {
    let faults: Vec<String> = ALL.iter().flat_map(|rule| faults(ALL, rule)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for rule in ALL {
        assert!(!Loaded::of(&rule.bad).now(&rule.bad).is_empty(), "{}: its findings are complete", rule.code);
    }
}

thread_local! {
    /// The code of the rule that is mutated.
    static MUTATED: Cell<&'static str> = const { Cell::new("") };
}

fn finds_nothing(_: &Evidence) -> Vec<Finding> {
    Vec::new()
}

fn always_finds(evidence: &Evidence) -> Vec<Finding> {
    let rule = find(MUTATED.get()).unwrap();
    evidence.state.keys().take(1).map(|address| rule.finding(rule.severity, address, "mutant")).collect()
}

#[test]
fn a_rule_that_finds_nothing_or_always_finds_is_caught() {
    for (at, rule) in ALL.iter().enumerate() {
        MUTATED.set(rule.code);
        for check in [finds_nothing as fn(&Evidence) -> Vec<Finding>, always_finds] {
            let mutant = Rule { check, ..**rule };
            let mut rules = ALL.to_vec();
            rules[at] = &mutant;
            assert!(!faults(&rules, &mutant).is_empty(), "{}: a mutant survives", rule.code);
        }
    }
}

#[test]
fn what_drift_did_goes_with_it_and_cites_every_drifted_field() {
    for rule in ALL.iter().filter(|rule| !rule.bad.live.is_empty()) {
        let loaded = Loaded::of(&rule.bad);
        let found = loaded.now(&rule.bad);
        let after = kept(loaded.after(), |f| !is_also_true(rule, f));
        assert!(after.is_empty(), "{}: {after:#?}", rule.code);
        let drifted = loaded.drifted();
        assert!(!drifted.is_empty() || !loaded.one_sided().is_empty(), "{}", rule.code);
        for (address, field) in drifted {
            assert!(found.iter().any(|f| f.cites(address, &field)), "{}: {address} {field}", rule.code);
        }
        for address in loaded.one_sided() {
            let about = |f: &Finding| f.address == *address || f.evidence.iter().any(|e| e.address == *address);
            assert!(found.iter().any(about), "{}: {address}", rule.code);
        }
    }
}

/// A rule that needs no live state finds in the files what it finds on AWS.
#[test]
fn files_alone_are_enough_where_the_rule_says_so() {
    let files = [Need::Desired, Need::Certificates];
    let enough = |rule: &&&Rule| {
        rule.bad.live.is_empty() && rule.bad.empty.is_empty() && rule.needs.iter().all(|need| files.contains(need))
    };
    let rules: Vec<_> = ALL.iter().filter(enough).collect();
    let codes_of: Vec<_> = rules.iter().map(|rule| rule.code).collect();
    assert!(["E301", "E605", "E806"].iter().all(|code| codes_of.contains(code)), "{codes_of:?}");
    for rule in rules {
        let desired = load(rule.bad.desired);
        let evidence = Evidence {
            state: Cow::Borrowed(&desired.specs),
            desired: Some(&desired),
            available: files.into(),
            ..Evidence::default()
        };
        assert_eq!(codes(&judge(&evidence).findings), BTreeSet::from([rule.code]));
    }
}

/// The example that people copy must not be one to be warned of.
#[test]
fn the_example_is_clean() {
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/desired/shop.yaml");
    let inputs =
        Inputs { paths: vec![shop.into()], stdin: None, variables: BTreeMap::new(), secrets: &|_, _| None, now: None };
    let (desired, _) = load_files(&inputs).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let loaded = Loaded { live: desired.specs.clone(), desired };
    assert!(loaded.after().is_empty(), "{:#?}", loaded.after());
}

#[test]
fn patches_replace_add_and_take_away() {
    let base = "a:\n  b: 1\n  c: { x: y }\n  443:\n    d: 2\ne: 3\n";
    assert_eq!(laid_over(base, ""), base);
    let patch = "\na:\n  c: 9\n  443:\n    d: null\n    f: 4\ng: 5\n";
    assert_eq!(laid_over(base, patch), "a:\n  b: 1\n  c: 9\n  443:\n    f: 4\ne: 3\ng: 5\n");
}
