//! The next operation of a sequence: mostly one that fits what is there, now and then one that does not.

use std::collections::{BTreeMap, BTreeSet};

use no502::cloud::{ListenerEdit, Operation, Snapshot};
use no502::model::kind::{
    Action, Conditions, Direction, FixedResponse, Forward, HealthCheck, Listener, LoadBalancer, Peer, Redirect, Rule,
    SecurityGroup, Target, TargetGroup, TrafficRule,
};
use no502::model::value::{IpProtocol, Protocol, TargetType};
use no502::model::{Id, Kind, Link, Spec};

use super::dice::Dice;

pub const BALANCERS: [&str; 2] = ["front", "back"];
pub const GROUPS: [&str; 3] = ["blue", "green", "grey"];
pub const SECURITY_GROUPS: [&str; 2] = ["door", "yard"];
const PORTS: [u16; 3] = [80, 443, 8080];

/// What sequences stand on.
pub struct Ground {
    pub vpc: Id,
    pub subnets: Vec<Id>,
    pub group: Id,
    pub certificates: Vec<Id>,
}

/// A name of one sequence.
pub fn name(seed: u64, of: &str) -> String {
    format!("s{seed}-{of}")
}

fn link(id: &Id) -> Link {
    Link::Id(id.clone())
}

struct Table<'t> {
    dice: &'t mut Dice,
    ground: &'t Ground,
    snapshot: &'t Snapshot,
    known: &'t [Id],
    seed: u64,
}

/// The next operation.
pub fn next(dice: &mut Dice, ground: &Ground, snapshot: &Snapshot, known: &[Id], seed: u64) -> Operation {
    let mut table = Table { dice, ground, snapshot, known, seed };
    loop {
        if let Some(operation) = table.deal() {
            return operation;
        }
    }
}

impl Table<'_> {
    /// Something of this kind that is there; rarely something that was.
    fn some(&mut self, kind: Kind) -> Option<Link> {
        let there: Vec<&Id> =
            self.snapshot.found.iter().filter(|(_, l)| l.spec.kind() == kind).map(|(id, _)| id).collect();
        let gone: Vec<&Id> =
            self.known.iter().filter(|id| is_of(kind, id) && !self.snapshot.found.contains_key(*id)).collect();
        // a view need not hold every group that actions name, and EC2 tags whatever it is told to
        let gone = if matches!(kind, Kind::TargetGroup | Kind::SecurityGroup) { Vec::new() } else { gone };
        let from = if gone.is_empty() || (!there.is_empty() && !self.dice.hits(6)) { &there } else { &gone };
        (!from.is_empty()).then(|| link(from[self.dice.below(from.len())]))
    }

    fn certificate(&mut self) -> Link {
        link(&self.ground.certificates[self.dice.below(self.ground.certificates.len())])
    }

    fn deal(&mut self) -> Option<Operation> {
        match self.dice.below(28) {
            0..3 => Some(self.create_load_balancer()),
            3..6 => Some(self.create_target_group()),
            6..9 => self.create_listener(),
            9..12 => self.create_rule(),
            12 => self.register(),
            13 => self.deregister(),
            14 => self.check(),
            15 => self.attributes(),
            16 => self.modify_listener(),
            17 => self.modify_rule(),
            18 => self.priorities(),
            19 => self.by_name(),
            20 => self.tags(),
            21 => Some(self.create_security_group()),
            22 => self.authorize(),
            23 => self.revoke(),
            24 => self.network(),
            _ => self.delete(),
        }
    }

    fn create_load_balancer(&mut self) -> Operation {
        let name = name(self.seed, self.dice.one(&BALANCERS));
        let spec = LoadBalancer {
            name,
            subnets: Some(self.ground.subnets[..2].iter().map(link).collect()),
            security_groups: Some([link(&self.ground.group)].into()),
            tags: [("team".to_owned(), "shop".to_owned())].into(),
            ..LoadBalancer::default()
        };
        Operation::CreateLoadBalancer { spec }
    }

    fn create_target_group(&mut self) -> Operation {
        let interval = self.dice.one(&[5, 10, 30]);
        let health_check = HealthCheck {
            path: Some("/health".into()),
            interval: Some(interval),
            // AWS wants it shorter than the interval
            timeout: Some(self.dice.one(&[2, 4, 10])),
            ..HealthCheck::default()
        };
        let spec = TargetGroup {
            name: name(self.seed, self.dice.one(&GROUPS)),
            target_type: Some(TargetType::Ip),
            protocol: Some(Protocol::Http),
            port: Some(8000),
            vpc: Some(link(&self.ground.vpc)),
            health_check,
            ..TargetGroup::default()
        };
        Operation::CreateTargetGroup { spec }
    }

    fn action(&mut self) -> Action {
        match (self.dice.below(4), self.some(Kind::TargetGroup)) {
            (0 | 1, Some(first)) => {
                let mut to = BTreeMap::from([(first, 1)]);
                let second = self.some(Kind::TargetGroup).filter(|_| self.dice.hits(40));
                if let Some(second) = second.filter(|second| !to.contains_key(second)) {
                    to = to.into_keys().map(|group| (group, 50)).chain([(second, 50)]).collect();
                }
                let stickiness = (to.len() > 1 && self.dice.hits(30)).then_some(60);
                Action::Forward(Forward { to, stickiness, external: false })
            }
            (2, _) => Action::Redirect(Redirect { host: "elsewhere.example.com".into(), ..Redirect::identity(302) }),
            _ => {
                let status = self.dice.one(&[200, 404, 503]);
                Action::FixedResponse(FixedResponse { status, content_type: Some("text/plain".into()), body: None })
            }
        }
    }

    fn create_listener(&mut self) -> Option<Operation> {
        let https = self.dice.hits(40);
        let certificate = (https && !self.dice.hits(15)).then(|| self.certificate());
        let spec = Listener {
            load_balancer: self.some(Kind::LoadBalancer)?,
            port: self.dice.one(&PORTS),
            protocol: Some(if https { Protocol::Https } else { Protocol::Http }),
            ssl_policy: https.then(|| "ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()),
            certificate,
            sni_certificates: None,
            mutual_authentication: None,
            default: Some(self.action()),
            authenticate: None,
            beyond: BTreeSet::new(),
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        Some(Operation::CreateListener { spec })
    }

    fn when(&mut self) -> Conditions {
        let path = BTreeSet::from([(self.dice.one(&["/a/*", "/b", "/c/?"])).to_owned()]);
        let host = if self.dice.hits(30) { BTreeSet::from(["a.example.com".to_owned()]) } else { BTreeSet::new() };
        Conditions { path, host, ..Conditions::default() }
    }

    fn create_rule(&mut self) -> Option<Operation> {
        let spec = Rule {
            listener: self.some(Kind::Listener)?,
            priority: Some(self.dice.one(&[1, 2, 3, 50_000])),
            when: Some(self.when()),
            action: Some(self.action()),
            authenticate: None,
            rewrite: None,
            beyond: BTreeSet::new(),
            tags: BTreeMap::new(),
        };
        Some(Operation::CreateRule { spec })
    }

    fn targets(&mut self, group: &Link) -> Vec<Target> {
        let one = |at: usize| Target {
            target_group: group.clone(),
            id: format!("10.0.{}.2{at}", 1 + at % 2),
            port: Some(8000),
            zone: None,
        };
        (0..=self.dice.below(3)).map(one).collect()
    }

    fn register(&mut self) -> Option<Operation> {
        let target_group = self.some(Kind::TargetGroup)?;
        let targets = self.targets(&target_group);
        Some(Operation::RegisterTargets { target_group, targets })
    }

    fn deregister(&mut self) -> Option<Operation> {
        let target_group = self.some(Kind::TargetGroup)?;
        // a group in use drains its targets first: they stay for a while
        let used = |spec: &Spec| match spec {
            Spec::Rule(rule) => rule.action.as_ref().is_some_and(|a| a.groups().any(|(g, _)| *g == target_group)),
            Spec::Listener(l) => l.default.as_ref().is_some_and(|a| a.groups().any(|(g, _)| *g == target_group)),
            _ => false,
        };
        if self.snapshot.found.values().any(|live| used(&live.spec)) {
            return None;
        }
        let targets = self.targets(&target_group);
        Some(Operation::DeregisterTargets { target_group, targets })
    }

    fn check(&mut self) -> Option<Operation> {
        let health_check = HealthCheck {
            interval: self.dice.hits(50).then_some(5),
            timeout: Some(self.dice.one(&[3, 6])),
            path: Some("/other".into()),
            ..HealthCheck::default()
        };
        Some(Operation::ModifyTargetGroup { target_group: self.some(Kind::TargetGroup)?, health_check })
    }

    fn attributes(&mut self) -> Option<Operation> {
        if self.dice.hits(50) {
            let target_group = self.some(Kind::TargetGroup)?;
            let attributes = [("deregistration_delay.timeout_seconds".to_owned(), "10".to_owned())].into();
            return Some(Operation::ModifyTargetGroupAttributes { target_group, attributes });
        }
        let load_balancer = self.some(Kind::LoadBalancer)?;
        let protected = self.dice.hits(50).to_string();
        let attributes = [
            ("idle_timeout.timeout_seconds".to_owned(), "30".to_owned()),
            ("deletion_protection.enabled".to_owned(), protected),
        ];
        Some(Operation::ModifyLoadBalancerAttributes { load_balancer, attributes: attributes.into() })
    }

    fn modify_listener(&mut self) -> Option<Operation> {
        let listener = self.some(Kind::Listener)?;
        let edit = if self.dice.hits(60) {
            ListenerEdit { default: Some(self.action()), ..ListenerEdit::default() }
        } else if self.dice.hits(50) {
            let certificate = Some(self.certificate());
            let ssl_policy = Some("ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned());
            ListenerEdit { protocol: Some(Protocol::Https), ssl_policy, certificate, ..ListenerEdit::default() }
        } else {
            ListenerEdit { protocol: Some(Protocol::Http), ..ListenerEdit::default() }
        };
        Some(Operation::ModifyListener { listener, edit })
    }

    fn modify_rule(&mut self) -> Option<Operation> {
        let rule = self.some(Kind::Rule)?;
        let when = self.dice.hits(60).then(|| self.when());
        let action = (when.is_none() || self.dice.hits(50)).then(|| self.action());
        Some(Operation::ModifyRule { rule, when, action, authenticate: None, rewrite: None })
    }

    fn priorities(&mut self) -> Option<Operation> {
        let listener = self.some(Kind::Listener)?;
        let of_listener = self.snapshot.rules().filter(|(_, rule)| rule.listener == listener);
        let rules: Vec<Id> = of_listener.map(|(id, _)| id.clone()).collect();
        let mut priorities = BTreeMap::new();
        for rule in rules {
            if self.dice.hits(70) {
                priorities.insert(rule, self.dice.one(&[1, 2, 3, 4]));
            }
        }
        (!priorities.is_empty()).then_some(Operation::SetRulePriorities { listener, priorities })
    }

    fn by_name(&mut self) -> Option<Operation> {
        let listener = self.some(Kind::Listener)?;
        let certificate = self.certificate();
        let is_default = |l: &Listener| l.certificate.as_ref() == Some(&certificate);
        let spec = listener.id().and_then(|id| self.snapshot.found.get(id)).and_then(|live| live.spec.listener());
        if spec.is_some_and(is_default) {
            return None;
        }
        Some(if self.dice.hits(60) {
            Operation::AddListenerCertificate { listener, certificate }
        } else {
            Operation::RemoveListenerCertificate { listener, certificate }
        })
    }

    fn tags(&mut self) -> Option<Operation> {
        let kind =
            self.dice.one(&[Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener, Kind::Rule, Kind::SecurityGroup]);
        let resource = self.some(kind)?;
        Some(if self.dice.hits(60) {
            let tags = [((self.dice.one(&["team", "tier"])).to_owned(), "x".to_owned())].into();
            Operation::AddTags { resource, kind, tags }
        } else {
            Operation::RemoveTags { resource, kind, keys: vec!["team".to_owned()] }
        })
    }

    fn create_security_group(&mut self) -> Operation {
        let spec = SecurityGroup {
            name: name(self.seed, self.dice.one(&SECURITY_GROUPS)),
            vpc: Some(link(&self.ground.vpc)),
            description: Some("made by chance".into()),
            ..SecurityGroup::default()
        };
        Operation::CreateSecurityGroup { spec }
    }

    fn traffic(&mut self) -> TrafficRule {
        let other = self.some(Kind::SecurityGroup).filter(|_| self.dice.hits(30));
        let port = self.dice.one(&[80, 8000]);
        TrafficRule {
            protocol: IpProtocol::Tcp,
            ports: Some((port, port)),
            peer: other.map_or_else(|| Peer::Cidr("10.0.0.0/8".parse().unwrap()), Peer::Group),
            description: None,
        }
    }

    fn authorize(&mut self) -> Option<Operation> {
        let group = self.some(Kind::SecurityGroup)?;
        let rules = vec![self.traffic()];
        Some(Operation::Authorize { direction: Direction::Ingress, group, rules, tags: BTreeMap::new() })
    }

    fn revoke(&mut self) -> Option<Operation> {
        let group = self.some(Kind::SecurityGroup)?;
        let rules = vec![self.traffic()];
        Some(Operation::Revoke { direction: Direction::Ingress, group, rules })
    }

    fn network(&mut self) -> Option<Operation> {
        let load_balancer = self.some(Kind::LoadBalancer)?;
        Some(if self.dice.hits(50) {
            let own = self.some(Kind::SecurityGroup).unwrap_or_else(|| link(&self.ground.group));
            Operation::SetSecurityGroups { load_balancer, groups: vec![own] }
        } else {
            let subnets = self.ground.subnets[self.dice.below(2)..].iter().map(link).collect();
            Operation::SetSubnets { load_balancer, subnets }
        })
    }

    fn delete(&mut self) -> Option<Operation> {
        let kinds = [Kind::Rule, Kind::Listener, Kind::TargetGroup, Kind::SecurityGroup, Kind::LoadBalancer];
        let kind = self.dice.one(&kinds);
        // what is gone already counts as deleted
        let there: Vec<&Id> =
            self.snapshot.found.iter().filter(|(_, l)| l.spec.kind() == kind).map(|(id, _)| id).collect();
        (!there.is_empty()).then(|| Operation::Delete { resource: link(there[self.dice.below(there.len())]), kind })
    }
}

/// What kind of thing an id is of.
fn is_of(kind: Kind, id: &Id) -> bool {
    let part = match kind {
        Kind::LoadBalancer => ":loadbalancer/",
        Kind::Listener => ":listener/",
        Kind::Rule => ":listener-rule/",
        Kind::TargetGroup => ":targetgroup/",
        Kind::SecurityGroup => "sg-",
        Kind::Certificate | Kind::Target => return false,
    };
    id.as_str().contains(part)
}
