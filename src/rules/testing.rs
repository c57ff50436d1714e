//! The seed stack by hand, for the rules' own tests: a desired and a live side that agree, to be bent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;

use super::evidence::Attached;
use super::situation::Logged;
use super::{Evidence, Finding, Need, Severity, around, find, judge};
use crate::cloud::{CertificateFacts, Facts, Network, Subnet};
use crate::desired::{Backend, Resolved};
use crate::model::kind::{
    Action, Certificate, Conditions, FixedResponse, Forward, HealthCheck, Listener, LoadBalancer, Peer, Redirect, Rule,
    SecurityGroup, Target, TargetGroup, TrafficRule,
};
use crate::model::traffic::Counted;
use crate::model::value::{CheckPort, IpProtocol, Protocol, TargetType};
use crate::model::{Address, HealthState, Id, Link, Spec, TargetHealth};
use crate::probe::Observations;

/// A desired side, a live side, and what is known around them.
pub struct World {
    pub desired: Resolved,
    pub live: BTreeMap<Address, Spec>,
    pub health: BTreeMap<Address, TargetHealth>,
    pub interfaces: BTreeMap<IpAddr, Attached>,
    pub subnets: BTreeMap<Id, Subnet>,
    pub network: Network,
    lines: String,
    pub zones: BTreeMap<Address, BTreeSet<String>>,
    pub target_zones: BTreeMap<Address, String>,
    pub empty: BTreeSet<Address>,
    pub leaving: BTreeSet<Address>,
    pub fed: BTreeSet<Address>,
    pub probed: BTreeMap<Address, Observations>,
    pub logged: Vec<Logged>,
    pub measured: BTreeMap<Address, Counted>,
    pub available: BTreeSet<Need>,
    pub facts: BTreeMap<Address, Facts>,
    pub drifted: BTreeSet<Address>,
    pub pending: BTreeSet<Address>,
    pub now: Timestamp,
}

pub fn at(text: &str) -> Address {
    text.parse().unwrap()
}
pub fn link(text: &str) -> Link {
    Link::Address(at(text))
}
pub fn to(group: &str) -> Action {
    Action::Forward(Forward::to_one(Link::Address(Address::target_group(group))))
}
pub fn answer(status: u16) -> Action {
    Action::FixedResponse(FixedResponse { status, content_type: None, body: None })
}
pub fn redirect(protocol: &str, port: &str) -> Redirect {
    Redirect { protocol: protocol.to_owned(), port: port.to_owned(), ..Redirect::identity(301) }
}
pub fn admits(from: Peer, port: u16) -> TrafficRule {
    TrafficRule { protocol: IpProtocol::Tcp, ports: Some((port, port)), peer: from, description: None }
}
pub fn certificate(names: &[&str]) -> Certificate {
    Certificate { names: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Certificate::default() }
}
pub fn cidr(text: &str) -> Peer {
    Peer::Cidr(text.parse().unwrap())
}

fn listener(port: u16, protocol: Protocol, default: Action) -> Listener {
    let https = protocol == Protocol::Https;
    Listener {
        load_balancer: link("load_balancer/web"),
        port,
        protocol: Some(protocol),
        ssl_policy: https.then(|| "ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()),
        certificate: https.then(|| link("certificate/app")),
        sni_certificates: Some(Vec::new()),
        mutual_authentication: None,
        authenticate: None,
        beyond: BTreeSet::new(),
        default: Some(default),
        attributes: BTreeMap::new(),
        tags: BTreeMap::new(),
    }
}

pub fn rule(host: &str, path: &str, action: Action) -> Rule {
    let set = |text: &str| if text.is_empty() { BTreeSet::new() } else { BTreeSet::from([text.to_owned()]) };
    Rule {
        listener: link("listener/web:443"),
        priority: Some(10),
        when: Some(Conditions { host: set(host), path: set(path), ..Conditions::default() }),
        action: Some(action),
        rewrite: None,
        authenticate: None,
        beyond: BTreeSet::new(),
        tags: BTreeMap::new(),
    }
}

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn specs() -> BTreeMap<Address, Spec> {
    let names = ["shop.example.com", "*.shop.example.com"].map(str::to_owned);
    let check = HealthCheck {
        protocol: Some(Protocol::Http),
        port: Some(CheckPort::Traffic),
        path: Some("/api/health/".to_owned()),
        success_codes: "200".parse().ok(),
        ..HealthCheck::default()
    };
    let group = TargetGroup {
        name: "django".to_owned(),
        target_type: Some(TargetType::Ip),
        protocol: Some(Protocol::Http),
        port: Some(8000),
        health_check: check,
        attributes: attributes(&[("deregistration_delay.timeout_seconds", "60")]),
        ..TargetGroup::default()
    };
    let target = |ip: &str| Target {
        target_group: link("target_group/django"),
        id: ip.to_owned(),
        port: Some(8000),
        zone: None,
    };
    let balancer = LoadBalancer {
        name: "web".to_owned(),
        subnets: Some(["subnet-a", "subnet-b"].map(|id| Link::Id(Id(id.to_owned()))).into()),
        security_groups: Some(BTreeSet::from([link("security_group/alb")])),
        attributes: attributes(&[("idle_timeout.timeout_seconds", "60")]),
        ..LoadBalancer::default()
    };
    let doors = |rules: &[TrafficRule]| SecurityGroup { ingress: Some(rules.to_vec()), ..SecurityGroup::default() };
    let app = Certificate { names: Some(BTreeSet::from(names)), ..Certificate::default() };
    let specs: [(&str, Spec); 9] = [
        ("security_group/alb", doors(&[admits(cidr("0.0.0.0/0"), 80), admits(cidr("0.0.0.0/0"), 443)]).into()),
        ("security_group/app", doors(&[admits(Peer::Group(link("security_group/alb")), 8000)]).into()),
        ("certificate/app", app.into()),
        ("target_group/django", group.into()),
        ("target/django/10.0.1.10:8000", target("10.0.1.10").into()),
        ("target/django/10.0.2.10:8000", target("10.0.2.10").into()),
        ("load_balancer/web", balancer.into()),
        ("listener/web:80", listener(80, Protocol::Http, Action::Redirect(redirect("HTTPS", "443"))).into()),
        ("listener/web:443", listener(443, Protocol::Https, to("django")).into()),
    ];
    specs.into_iter().map(|(address, spec)| (at(address), spec)).collect()
}

/// All evidence that there is without a probe and metrics.
pub const EVERYTHING: [Need; 10] = [
    Need::Desired,
    Need::Live,
    Need::Health,
    Need::Network,
    Need::Acls,
    Need::Routes,
    Need::PrefixLists,
    Need::Certificates,
    Need::Probe,
    Need::Logs,
];

/// A subnet with this network.
pub fn subnet(network: &str) -> Subnet {
    Subnet { cidr: network.to_owned(), ..Subnet::default() }
}

impl World {
    /// Both sides agree, and everything is well.
    pub fn seed() -> Self {
        let backend = Backend { keep_alive: Some(75), slowest_request: Some(20), ..Backend::default() };
        let desired = Resolved {
            specs: specs(),
            backends: BTreeMap::from([(at("target_group/django"), backend)]),
            ..Resolved::default()
        };
        let app = || Attached { groups: BTreeSet::from([at("security_group/app")]), ..Attached::default() };
        let networks = [("subnet-a", "10.0.101.0/24"), ("subnet-b", "10.0.102.0/24")];
        let mut world = Self {
            desired,
            live: specs(),
            health: BTreeMap::new(),
            interfaces: ["10.0.1.10", "10.0.2.10"].map(|ip| (ip.parse().unwrap(), app())).into(),
            subnets: networks.map(|(id, net)| (Id(id.to_owned()), subnet(net))).into(),
            network: Network::default(),
            lines: String::new(),
            zones: BTreeMap::new(),
            target_zones: BTreeMap::new(),
            empty: BTreeSet::new(),
            leaving: BTreeSet::new(),
            fed: BTreeSet::new(),
            probed: BTreeMap::new(),
            logged: Vec::new(),
            measured: BTreeMap::new(),
            available: EVERYTHING.into(),
            facts: BTreeMap::new(),
            drifted: BTreeSet::new(),
            pending: BTreeSet::new(),
            now: "2027-01-01T00:00:00Z".parse().unwrap(),
        };
        world.ail(0, "", "");
        world
    }

    /// So many of the two targets are unhealthy for this reason, the others healthy.
    pub fn ail(&mut self, count: usize, reason: &str, description: &str) {
        for (i, ip) in ["10.0.1.10", "10.0.2.10"].into_iter().enumerate() {
            let sick = i < count;
            let text = |text: &str| (sick && !text.is_empty()).then(|| text.to_owned());
            let state = Some(if sick { HealthState::Unhealthy } else { HealthState::Healthy });
            let health =
                TargetHealth { state, reason: text(reason), description: text(description), ..TargetHealth::default() };
            self.health.insert(Address::target("django", ip, Some(8000)), health);
        }
    }
    /// So many of the two targets get no requests for this reason, the others are healthy.
    pub fn unused(&mut self, count: usize, reason: &str) {
        self.ail(count, reason, "");
        for health in self.health.values_mut().filter(|health| health.is_unhealthy()) {
            health.state = Some(HealthState::Unused);
        }
    }
    /// A probe saw this, as JSON, of both targets; AWS reports nothing.
    pub fn saw(&mut self, saw: &str) {
        let saw: Observations = serde_json::from_str(saw).unwrap();
        self.health.clear();
        for ip in ["10.0.1.10", "10.0.2.10"] {
            self.probed.insert(Address::target("django", ip, Some(8000)), saw.clone());
        }
    }
    /// The live group.
    pub fn group(&mut self) -> &mut TargetGroup {
        match self.live.get_mut(&at("target_group/django")) {
            Some(Spec::TargetGroup(group)) => group,
            _ => panic!("no group"),
        }
    }
    /// The live group's check.
    pub fn check(&mut self) -> &mut HealthCheck {
        &mut self.group().health_check
    }
    /// The files' check.
    pub fn wanted_check(&mut self) -> &mut HealthCheck {
        match self.desired.specs.get_mut(&at("target_group/django")) {
            Some(Spec::TargetGroup(group)) => &mut group.health_check,
            _ => panic!("no group"),
        }
    }
    /// The live load balancer.
    pub fn balancer(&mut self) -> &mut LoadBalancer {
        match self.live.get_mut(&at("load_balancer/web")) {
            Some(Spec::LoadBalancer(balancer)) => balancer,
            _ => panic!("no load balancer"),
        }
    }
    /// The declared group.
    pub fn desired_group(&mut self) -> &mut TargetGroup {
        match self.desired.specs.get_mut(&at("target_group/django")) {
            Some(Spec::TargetGroup(group)) => group,
            _ => panic!("no group"),
        }
    }
    /// Declares an attribute of the load balancer.
    pub fn declare_of_balancer(&mut self, key: &str, value: &str) {
        match self.desired.specs.get_mut(&at("load_balancer/web")) {
            Some(Spec::LoadBalancer(balancer)) => balancer.attributes.insert(key.to_owned(), value.to_owned()),
            _ => panic!("no load balancer"),
        };
    }
    /// A live listener.
    pub fn listener(&mut self, port: u16) -> &mut Listener {
        match self.live.get_mut(&Address::listener("web", port)) {
            Some(Spec::Listener(listener)) => listener,
            _ => panic!("no listener"),
        }
    }
    /// A live security group's ingress.
    pub fn ingress(&mut self, name: &str) -> &mut Vec<TrafficRule> {
        self.door(name).ingress.get_or_insert_default()
    }
    /// A live security group's egress.
    pub fn egress(&mut self, name: &str) -> &mut Vec<TrafficRule> {
        self.door(name).egress.get_or_insert_default()
    }
    fn door(&mut self, name: &str) -> &mut SecurityGroup {
        match self.live.get_mut(&Address::security_group(name)) {
            Some(Spec::SecurityGroup(group)) => group,
            _ => panic!("no security group"),
        }
    }
    /// What else is known, as situations say it.
    pub fn around(&mut self, lines: &str) {
        self.lines = lines.to_owned();
    }
    /// What the files know of the application.
    pub fn backend(&mut self) -> &mut Backend {
        self.desired.backends.get_mut(&at("target_group/django")).unwrap()
    }
    /// Adds a rule to the live listener on 443.
    pub fn with_rule(&mut self, key: &str, rule: Rule) {
        self.live.insert(Address::rule(&at("listener/web:443"), key), rule.into());
    }
    /// What ACM says of a certificate; issued and no more unless changed.
    pub fn acm(&mut self, name: &str, set: impl FnOnce(&mut CertificateFacts)) {
        let known = self.facts.remove(&Address::certificate(name));
        let mut facts = match known {
            Some(Facts::Certificate(facts)) => facts,
            _ => CertificateFacts { status: "ISSUED".to_owned(), ..CertificateFacts::default() },
        };
        set(&mut facts);
        self.facts.insert(Address::certificate(name), Facts::Certificate(facts));
    }
    /// The live state, asked something.
    pub fn with<T>(&self, ask: impl FnOnce(&Evidence<'_>) -> T) -> T {
        ask(&self.evidence())
    }
    fn evidence(&self) -> Evidence<'_> {
        let mut evidence = Evidence {
            state: std::borrow::Cow::Borrowed(&self.live),
            desired: Some(&self.desired),
            health: self.health.clone(),
            interfaces: self.interfaces.clone(),
            subnets: self.subnets.clone(),
            network: self.network.clone(),
            zones: self.zones.clone(),
            target_zones: self.target_zones.clone(),
            empty: self.empty.clone(),
            leaving: self.leaving.clone(),
            fed: self.fed.clone(),
            traffic: Some(around::traffic(&self.logged, &self.measured)),
            available: self.available.clone(),
            facts: self.facts.clone(),
            drifted: self.drifted.clone(),
            pending: self.pending.clone(),
            now: Some(self.now),
            ..Evidence::default()
        }
        .with_probe(self.probed.clone());
        around::lay(&self.lines, &mut evidence);
        evidence
    }
    /// The live state, judged.
    pub fn judge(&self) -> Vec<Finding> {
        let findings = judge(&self.evidence()).findings;
        findings.iter().for_each(complete);
        findings
    }
    /// The findings as (rule, severity), worst first.
    pub fn verdict(&self) -> Vec<(String, Severity)> {
        self.judge().into_iter().map(|finding| (finding.rule, finding.severity)).collect()
    }
    /// Asserts exactly these findings, worst first.
    #[track_caller]
    pub fn expect(&self, wanted: &[(&str, Severity)]) {
        let wanted: Vec<_> = wanted.iter().map(|(rule, severity)| ((*rule).to_owned(), *severity)).collect();
        assert_eq!(self.verdict(), wanted, "{:#?}", self.judge());
    }
    /// The only finding.
    #[track_caller]
    pub fn only(&self) -> Finding {
        let mut findings = self.judge();
        assert_eq!(findings.len(), 1, "{findings:#?}");
        findings.remove(0)
    }
}

/// What every finding owes its reader.
pub fn complete(finding: &Finding) {
    let rule = find(&finding.rule).unwrap();
    assert!(finding.severity <= rule.severity, "{finding:#?}");
    let words = [&finding.title, &finding.detail, &finding.fix.text];
    assert!(words.iter().all(|text| !text.is_empty() && !text.contains("  ")), "{finding:#?}");
    assert!(finding.title.chars().count() <= 90 && !finding.title.ends_with('.'), "{finding:#?}");
    assert!(!finding.field.0.is_empty() && !finding.evidence.is_empty(), "{finding:#?}");
}

#[test]
fn the_seed_stack_is_clean() {
    World::seed().expect(&[]);
}
