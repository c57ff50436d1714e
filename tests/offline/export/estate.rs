//! An estate that nobody tagged: what an export meets at first contact.

use std::collections::{BTreeMap, BTreeSet};

use no502::cloud::{CertificateFacts, Facts, Interface, LoadBalancerFacts, Snapshot, Subnet};
use no502::model::kind::{
    Action, Certificate, Conditions, FixedResponse, Forward, HealthCheck, IpamPool, Listener, LoadBalancer, Peer, Rule,
    SecurityGroup, Target, TargetGroup, TrafficRule,
};
use no502::model::value::{
    CheckPort, IpAddressType, IpProtocol, KeyAlgorithm, Protocol, ProtocolVersion, Scheme, TargetType,
};
use no502::model::{Id, Link, Spec, TargetHealth};

use super::super::empty_account;

const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:";

/// Tags.
pub fn tags(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// A set of texts.
pub fn texts(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|t| (*t).to_owned()).collect()
}

/// A link by id.
pub fn link(id: &str) -> Link {
    Link::Id(Id(id.to_owned()))
}

/// The ARN of a target group.
pub fn group_id(name: &str) -> String {
    format!("{ELB}targetgroup/{name}/73e2")
}

/// An account with one listener of one load balancer that nobody tagged.
pub struct Estate(pub Snapshot);

impl Estate {
    pub fn new() -> Self {
        let mut snapshot = empty_account();
        let named =
            Subnet { tags: tags(&[("Name", "public a")]), ..snapshot.subnets[&Id("subnet-0a1b2c31".into())].clone() };
        snapshot.subnets.insert(Id("subnet-0a1b2c31".into()), named);
        let balancer = LoadBalancer {
            name: "web".into(),
            scheme: Some(Scheme::InternetFacing),
            ip_address_type: Some(IpAddressType::Ipv4),
            subnets: Some([link("subnet-0a1b2c31"), link("subnet-0a1b2c32")].into()),
            security_groups: Some([link("sg-0123456789abcdef0")].into()),
            ipam_pool: Some(IpamPool::None),
            customer_owned_ipv4_pool: None,
            minimum_capacity: Some(0),
            attributes: tags(&[
                ("idle_timeout.timeout_seconds", "120"),
                ("client_keep_alive.seconds", "3600"),
                ("routing.http2.enabled", "false"),
                ("access_logs.s3.bucket", ""),
                ("ipv6.deny_all_igw_traffic", "false"),
                ("load_balancing.cross_zone.enabled", "true"),
            ]),
            tags: tags(&[("team", "shop"), ("cost center", "42"), ("aws:x", "y")]),
        };
        snapshot.insert(Self::balancer(), balancer, Facts::LoadBalancer(LoadBalancerFacts::default()));
        let mut estate = Self(snapshot);
        estate.door("sg-0123456789abcdef0", "front door: web", 443, Peer::Cidr("0.0.0.0/0".parse().unwrap()));
        estate.certificate("1", "*.shop.example.com");
        estate.certificate("2", "old.example.com");
        estate
    }

    pub fn balancer() -> Id {
        Id(format!("{ELB}loadbalancer/app/web/50dc"))
    }

    pub fn listener() -> Id {
        Id(format!("{ELB}listener/app/web/50dc/f2f7"))
    }

    pub fn door(&mut self, id: &str, name: &str, port: u16, peer: Peer) {
        let rule = |port, peer, words: Option<&str>| TrafficRule {
            protocol: IpProtocol::Tcp,
            ports: Some((port, port)),
            peer,
            description: words.map(str::to_owned),
        };
        let elsewhere = rule(22, Peer::Cidr("10.9.0.0/16".parse().unwrap()), None);
        let spec = SecurityGroup {
            name: name.into(),
            vpc: Some(link("vpc-0a1b2c3d")),
            description: Some("who comes in".into()),
            ingress: Some(vec![rule(port, peer, Some("as it is")), elsewhere]),
            egress: Some(Vec::new()),
            tags: BTreeMap::new(),
        };
        self.0.insert(Id(id.into()), spec, Facts::None);
    }

    pub fn certificate(&mut self, id: &str, domain: &str) {
        let spec = Certificate {
            domain: Some(domain.into()),
            names: Some(texts(&[domain])),
            key_algorithm: Some(KeyAlgorithm::Rsa2048),
            ..Certificate::default()
        };
        let facts = CertificateFacts {
            status: "ISSUED".into(),
            not_after: Some("2027-02-03T00:00:00Z".parse().unwrap()),
            ..CertificateFacts::default()
        };
        let id = Id(format!("arn:aws:acm:eu-west-1:000000000000:certificate/{id}"));
        self.0.insert(id, spec, Facts::Certificate(facts));
    }

    pub fn https(&mut self, default: Action) {
        let listener = Listener {
            load_balancer: Link::Id(Self::balancer()),
            port: 443,
            protocol: Some(Protocol::Https),
            ssl_policy: Some("ELBSecurityPolicy-TLS13-1-2-2021-06".into()),
            certificate: Some(link("arn:aws:acm:eu-west-1:000000000000:certificate/1")),
            sni_certificates: Some(vec![link("arn:aws:acm:eu-west-1:000000000000:certificate/2")]),
            mutual_authentication: None,
            default: Some(default),
            authenticate: None,
            beyond: BTreeSet::new(),
            attributes: tags(&[("routing.http.response.server.enabled", "false")]),
            tags: BTreeMap::new(),
        };
        self.0.insert(Self::listener(), listener, Facts::None);
    }

    pub fn rule(&mut self, id: &str, priority: u32, when: Conditions, action: Action) -> &mut Rule {
        let rule = Rule {
            listener: Link::Id(Self::listener()),
            priority: Some(priority),
            when: Some(when),
            action: Some(action),
            rewrite: None,
            authenticate: None,
            beyond: BTreeSet::new(),
            tags: BTreeMap::new(),
        };
        let id = Id(format!("{ELB}listener-rule/app/web/50dc/f2f7/{id}"));
        self.0.insert(id.clone(), rule, Facts::None);
        match &mut self.0.found.get_mut(&id).unwrap().spec {
            Spec::Rule(rule) => rule,
            _ => panic!("not a rule"),
        }
    }

    pub fn group(&mut self, name: &str, target_type: TargetType, targets: &[(&str, Option<u16>)]) -> &mut TargetGroup {
        let id = Id(group_id(name));
        let lambda = target_type == TargetType::Lambda;
        let spec = TargetGroup {
            name: name.into(),
            target_type: Some(target_type),
            protocol: Some(Protocol::Http).filter(|_| !lambda),
            protocol_version: Some(ProtocolVersion::Http1).filter(|_| !lambda),
            port: Some(8000).filter(|_| !lambda),
            vpc: Some(link("vpc-0a1b2c3d")).filter(|_| !lambda),
            health_check: HealthCheck {
                enabled: Some(!lambda),
                protocol: Some(Protocol::Http),
                port: Some(CheckPort::Traffic),
                path: Some("/health".into()),
                interval: Some(30),
                timeout: Some(5),
                healthy_threshold: Some(5),
                unhealthy_threshold: Some(2),
                success_codes: "200".parse().ok(),
            },
            attributes: tags(&[
                ("deregistration_delay.timeout_seconds", "300"),
                ("stickiness.enabled", "false"),
                ("stickiness.type", "lb_cookie"),
                ("load_balancing.algorithm.type", "round_robin"),
            ]),
            ..TargetGroup::default()
        };
        for (target, port) in targets {
            let spec = Target {
                target_group: Link::Id(id.clone()),
                id: (*target).into(),
                port: *port,
                zone: lambda.then(|| "all".to_owned()),
            };
            let health = TargetHealth::default();
            self.0.insert(Id::target(&id, target, *port), spec, Facts::Target(health));
        }
        self.0.insert(id.clone(), spec, Facts::TargetGroup { load_balancers: vec![Self::balancer()] });
        match &mut self.0.found.get_mut(&id).unwrap().spec {
            Spec::TargetGroup(group) => group,
            _ => panic!("not a group"),
        }
    }

    pub fn interface(&mut self, address: &str, groups: &[&str], instance: Option<&str>, description: Option<&str>) {
        let interface = Interface {
            id: "eni-1".into(),
            groups: groups.iter().map(|id| Id((*id).into())).collect(),
            instance: instance.map(str::to_owned),
            description: description.map(str::to_owned),
            ..Interface::default()
        };
        self.0.interfaces.get_or_insert_default().insert(address.parse().unwrap(), interface);
    }
}

/// A rule for one path.
pub fn path(text: &str) -> Conditions {
    Conditions { path: texts(&[text]), ..Conditions::default() }
}

/// A forward to one group.
pub fn to(name: &str) -> Action {
    Action::Forward(Forward::to_one(link(&group_id(name))))
}

/// A fixed response.
pub fn answer(status: u16) -> Action {
    Action::FixedResponse(FixedResponse { status, content_type: None, body: None })
}
