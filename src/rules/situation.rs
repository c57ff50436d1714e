//! Situations: the smallest stacks in which a rule fires, or stays silent.
//!
//! They are documentation and test at once: `explain` prints them, and the table test below loads them
//! with the real language and runs every rule on them.

/// A small stack: what the files say, what AWS has, and what is known around it.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// One line: what it shows.
    pub text: &'static str,
    /// The desired files in block-style YAML, without `version`, `stack`, `account` and `region`.
    pub desired: &'static str,
    /// What is different on AWS: block-style YAML laid over `desired` by key; `null` takes a key away.
    pub live: &'static str,
    /// Target health, as AWS reports it.
    pub health: &'static [Health],
    /// The security groups of the interfaces that own target addresses: (address, groups).
    pub interfaces: &'static [(&'static str, &'static [&'static str])],
    /// The networks of a load balancer's subnets: (load balancer, networks).
    pub subnets: &'static [(&'static str, &'static [&'static str])],
}

/// What AWS says of one target.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// The target's name in addresses, `django/10.0.1.10:8000`.
    pub target: &'static str,
    /// The state, `unhealthy`.
    pub state: &'static str,
    /// The reason code, or nothing.
    pub reason: &'static str,
    /// The description, or nothing.
    pub description: &'static str,
}

impl Health {
    /// A healthy target.
    pub const fn healthy(target: &'static str) -> Self {
        Self { target, state: "healthy", reason: "", description: "" }
    }
    /// An unhealthy target with AWS's reason code and description.
    pub const fn unhealthy(target: &'static str, reason: &'static str, description: &'static str) -> Self {
        Self { target, state: "unhealthy", reason, description }
    }
}

impl Situation {
    /// Nothing: for situations to be written with `..Situation::EMPTY`.
    pub const EMPTY: Self = Self { text: "", desired: "", live: "", health: &[], interfaces: &[], subnets: &[] };

    /// What is known besides files and settings, a line each.
    pub fn known(&self) -> Vec<String> {
        let health = self.health.iter().map(|h| match (h.reason, h.description) {
            ("", _) => format!("target {} is {}", h.target, h.state),
            (reason, "") => format!("target {} is {}: {reason}", h.target, h.state),
            (reason, description) => format!("target {} is {}: {reason}, {description}", h.target, h.state),
        });
        let interfaces =
            self.interfaces.iter().map(|(ip, groups)| format!("{ip} has the security groups {}", groups.join(", ")));
        let subnets = self.subnets.iter().map(|(lb, nets)| format!("{lb} stands in the subnets {}", nets.join(", ")));
        health.chain(interfaces).chain(subnets).collect()
    }
}

/// Lays one block-style YAML text over another, key by key. A value replaces whatever stands there;
/// `null` takes the key away. Only what situations need: no block lists, no block scalars.
pub fn laid_over(base: &str, patch: &str) -> String {
    let mut tree = Block::read(base);
    tree.lay(Block::read(patch));
    let mut text = String::new();
    tree.write(0, &mut text);
    text
}

/// A block of `key:` lines, each with a value on the line or a deeper block.
#[derive(Debug, Default)]
struct Block(Vec<(String, Entry)>);

#[derive(Debug)]
enum Entry {
    Value(String),
    Deeper(Block),
}

impl Block {
    fn read(text: &str) -> Self {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| (line.len() - line.trim_start().len(), line.trim()))
            .collect();
        Self::of(&lines)
    }
    fn of(lines: &[(usize, &str)]) -> Self {
        let mut block = Self::default();
        let mut rest = lines;
        while let Some(((depth, line), after)) = rest.split_first() {
            let deeper = after.iter().take_while(|(d, _)| d > depth).count();
            let (inside, next) = after.split_at(deeper);
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let entry = match value.trim() {
                "" => Entry::Deeper(Self::of(inside)),
                value => Entry::Value(value.to_owned()),
            };
            block.0.push((key.to_owned(), entry));
            rest = next;
        }
        block
    }
    fn lay(&mut self, patch: Self) {
        for (key, entry) in patch.0 {
            let place = self.0.iter().position(|(k, _)| *k == key);
            match (place.and_then(|i| self.0.get_mut(i)).map(|(_, entry)| entry), entry) {
                (_, Entry::Value(value)) if value == "null" => self.0.retain(|(k, _)| *k != key),
                (Some(Entry::Deeper(block)), Entry::Deeper(patch)) => block.lay(patch),
                (Some(old), new) => *old = new,
                (None, new) => self.0.push((key, new)),
            }
        }
    }
    fn write(&self, depth: usize, out: &mut String) {
        for (key, entry) in &self.0 {
            out.push_str(&" ".repeat(depth));
            out.push_str(key);
            match entry {
                Entry::Value(value) => {
                    out.push_str(": ");
                    out.push_str(value);
                    out.push('\n');
                }
                Entry::Deeper(block) => {
                    out.push_str(":\n");
                    block.write(depth + 2, out);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::desired::{Inputs, Problem, Resolved, load as load_files};
    use crate::model::{Address, Kind, Spec, TargetHealth};
    use crate::rules::{ALL, Evidence, Finding, Need, Rule, judge, testing};

    const EVERYTHING: [Need; 5] = [Need::Desired, Need::Live, Need::Health, Need::Network, Need::Certificates];

    fn load(text: &str) -> Resolved {
        let head = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\n";
        let text = format!("{head}{text}");
        let inputs = Inputs {
            paths: vec!["-".into()],
            stdin: Some(text.clone()),
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

    /// What AWS would have: everything that can be read is there.
    fn as_live(spec: Spec) -> Spec {
        match spec {
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
            let groups = |names: &[&str]| names.iter().map(|name| Address::security_group(name)).collect();
            let networks = |nets: &[&str]| nets.iter().map(|net| net.parse().unwrap()).collect();
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let health = |h: &Health| TargetHealth {
                state: h.state.parse().ok(),
                reason: text(h.reason),
                description: text(h.description),
            };
            let at = |h: &Health| Address::new(Kind::Target, h.target);
            self.judge(Evidence {
                state: Cow::Borrowed(&self.live),
                health: situation.health.iter().map(|h| (at(h), health(h))).collect(),
                interfaces: situation.interfaces.iter().map(|(ip, g)| (ip.parse().unwrap(), groups(g))).collect(),
                subnets: situation.subnets.iter().map(|(lb, n)| (Address::load_balancer(lb), networks(n))).collect(),
                ..Evidence::default()
            })
        }
        /// The findings once the files are applied; AWS has not judged health again.
        fn after(&self) -> Vec<Finding> {
            let mut state = self.live.clone();
            for (address, spec) in &self.desired.specs {
                let spec = self.live.get(address).map_or(spec.clone(), |live| spec.clone().over(live));
                state.insert(address.clone(), spec);
            }
            self.judge(Evidence { state: Cow::Owned(state), ..Evidence::default() })
        }
        fn judge(&self, evidence: Evidence) -> Vec<Finding> {
            let available = EVERYTHING.into();
            let findings = judge(&Evidence { desired: Some(&self.desired), available, ..evidence }).findings;
            findings.iter().for_each(testing::complete);
            findings
        }
        fn drifted(&self) -> Vec<(&Address, crate::model::FieldPath)> {
            let fields = |(address, live): (_, &Spec)| {
                let changes = self.desired.specs.get(address).map(|want| Spec::compare(live, want));
                changes.into_iter().flatten().map(move |change| (address, change.path)).collect::<Vec<_>>()
            };
            self.live.iter().flat_map(fields).collect()
        }
    }

    fn codes(findings: &[Finding]) -> BTreeSet<&str> {
        findings.iter().map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn bad_fires_exactly_its_rule_and_good_is_silent() {
        for rule in ALL {
            let found = Loaded::of(&rule.bad).now(&rule.bad);
            assert_eq!(codes(&found), BTreeSet::from([rule.code]), "{}: {found:#?}", rule.code);
            let found = Loaded::of(&rule.good).now(&rule.good);
            assert!(found.is_empty(), "{}: {found:#?}", rule.code);
        }
    }

    #[test]
    fn what_drift_did_goes_with_it_and_cites_every_drifted_field() {
        for rule in ALL.iter().filter(|rule| !rule.bad.live.is_empty()) {
            let loaded = Loaded::of(&rule.bad);
            let found = loaded.now(&rule.bad);
            assert!(loaded.after().is_empty(), "{}: {:#?}", rule.code, loaded.after());
            let drifted = loaded.drifted();
            assert!(!drifted.is_empty(), "{}", rule.code);
            for (address, field) in drifted {
                assert!(found.iter().any(|f| f.cites(address, &field)), "{}: {address} {field}", rule.code);
            }
        }
    }

    /// A rule that needs no live state finds in the files what it finds on AWS.
    #[test]
    fn files_alone_are_enough_where_the_rule_says_so() {
        let files = [Need::Desired, Need::Certificates];
        let enough = |rule: &&&Rule| rule.bad.live.is_empty() && rule.needs.iter().all(|need| files.contains(need));
        let rules: Vec<_> = ALL.iter().filter(enough).collect();
        assert_eq!(rules.iter().map(|rule| rule.code).collect::<Vec<_>>(), ["E301", "E605", "E806"]);
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
        let inputs = Inputs {
            paths: vec![shop.into()],
            stdin: None,
            variables: BTreeMap::new(),
            secrets: &|_, _| None,
            now: None,
        };
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
}
