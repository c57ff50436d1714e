//! What a probe must know: every target in evidence as a load balancer would see it, and a bare URL as a stack.
//!
//! The health check's defaults, the group's protocol, the idle timeout of the load balancers in front of it and a name
//! that clients use all come from the same evidence that the rules judge.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Evidence;
use super::checked::Checked;
use super::protocol;
use crate::model::kind::{Action, Forward, HealthCheck, Listener, LoadBalancer, Target, TargetGroup};
use crate::model::value::{CheckPort, Protocol, ProtocolVersion, TargetType};
use crate::model::{Address, Link, Spec};
use crate::probe::{Subject, Versions};

const IDLE: &str = "idle_timeout.timeout_seconds";
/// AWS's default idle timeout, for groups that no load balancer forwards to.
const USUAL_IDLE: u32 = 60;

/// A target to be probed: how, or `None` where its address is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The target.
    pub target: Address,
    /// How.
    pub subject: Option<Subject>,
}

/// Every target of instances and addresses. `dial` says where an address (or instance id) and port are reached.
pub fn wanted(evidence: &Evidence, dial: &dyn Fn(&str, u16) -> Option<SocketAddr>) -> Vec<Wanted> {
    Checked::all(evidence).flat_map(|group| of_group(evidence, &group, dial)).collect()
}

fn of_group(evidence: &Evidence, group: &Checked<'_>, dial: &dyn Fn(&str, u16) -> Option<SocketAddr>) -> Vec<Wanted> {
    let balancers = evidence.load_balancers_of(group.address).into_iter();
    let idle = balancers.filter_map(|lb| evidence.seconds(lb, IDLE)).max().unwrap_or(USUAL_IDLE);
    let offered = |lb: &Address| protocol::backend_tls13_only::offered(evidence, lb) == Some(Versions::UpTo12);
    let balancers = evidence.load_balancers_of(group.address);
    let capped = !balancers.is_empty() && balancers.into_iter().all(offered);
    let (public_host, public_protocol) = public(evidence, group.address);
    let subject = |target: &Target| {
        let port = target.port.or(group.group.port)?;
        let check_port = match group.port() {
            CheckPort::Traffic => port,
            CheckPort::Fixed(port) => port,
        };
        Some(Subject {
            address: dial(&target.id, port)?,
            check_address: dial(&target.id, check_port)?,
            host: target.id.clone(),
            port,
            check_port,
            protocol: group.group.protocol.unwrap_or(Protocol::Http),
            check_protocol: group.protocol(),
            version: group.group.protocol_version.unwrap_or(ProtocolVersion::Http1),
            tls: if capped { Versions::UpTo12 } else { Versions::UpTo13 },
            path: group.path().to_owned(),
            codes: group.codes()?,
            timeout: Duration::from_secs(group.timeout().into()),
            public_host: public_host.clone(),
            public_protocol,
            idle_timeout: Duration::from_secs(idle.into()),
        })
    };
    let targets = evidence.targets_of(group.address);
    targets.map(|(address, target)| Wanted { target: address.clone(), subject: subject(target) }).collect()
}

/// A name that clients use for a group, and what they speak: a rule's host, else a name of the certificate.
fn public(evidence: &Evidence, group: &Address) -> (Option<String>, Protocol) {
    let (mut by_rule, mut by_certificate, mut protocol) = (None, None, Protocol::Http);
    for (address, listener) in evidence.listeners() {
        for (at, action) in evidence.actions_of(address) {
            if !action.groups().any(|(link, _)| link.address() == Some(group)) {
                continue;
            }
            if listener.protocol == Some(Protocol::Https) {
                protocol = Protocol::Https;
            }
            let hosts = evidence.rule(at).and_then(|rule| rule.when.as_ref()).map(|when| &when.host);
            by_rule = by_rule.or_else(|| hosts.into_iter().flatten().find_map(|host| name(host)));
            let certificate = listener.certificate.as_ref().and_then(Link::address);
            let names = certificate.and_then(|address| evidence.certificate(address)).and_then(|c| c.names.as_ref());
            by_certificate = by_certificate.or_else(|| names.into_iter().flatten().find_map(|host| name(host)));
        }
    }
    (by_rule.or(by_certificate), protocol)
}

/// A name that fits a pattern of names.
fn name(pattern: &str) -> Option<String> {
    let name = pattern.replacen("*.", "www.", 1);
    (!name.contains(['*', '?'])).then_some(name)
}

/// A URL's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The scheme.
    pub protocol: Protocol,
    /// The host: a name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
}

impl Url {
    /// Reads `http://host[:port][/path]` or `https://…`.
    pub fn parse(text: &str) -> Option<Self> {
        let (protocol, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (Protocol::Https, rest),
            (None, Some(rest)) => (Protocol::Http, rest),
            (None, None) => return None,
        };
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let default = if protocol == Protocol::Https { 443 } else { 80 };
        let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, "")) => (host, default),
            Some((host, port)) => (host, port.strip_prefix(':')?.parse().ok()?),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (authority, default),
            },
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let valid = !host.is_empty() && host.chars().all(fine) && path.chars().all(|c| c.is_ascii_graphic());
        valid.then(|| Self { protocol, host: host.to_owned(), port, path: path.to_owned() })
    }

    /// The smallest stack around it: one target behind a load balancer with AWS's defaults. `ip` is its address.
    pub fn stack(&self, ip: &str) -> BTreeMap<Address, Spec> {
        let group = format!("{}:{}", self.host, self.port);
        let address = Address::target_group(&group);
        let health_check = HealthCheck {
            protocol: Some(self.protocol),
            path: Some(self.path.clone()),
            success_codes: "200".parse().ok(),
            ..HealthCheck::default()
        };
        let target_group = TargetGroup {
            name: group.clone(),
            target_type: Some(TargetType::Ip),
            protocol: Some(self.protocol),
            port: Some(self.port),
            health_check,
            ..TargetGroup::default()
        };
        let target = Target {
            target_group: Link::Address(address.clone()),
            id: ip.to_owned(),
            port: Some(self.port),
            zone: None,
        };
        let balancer = LoadBalancer { name: group.clone(), ..LoadBalancer::default() };
        let listener = Listener {
            load_balancer: Link::Address(Address::load_balancer(&group)),
            port: 443,
            protocol: Some(Protocol::Https),
            ssl_policy: None,
            certificate: None,
            sni_certificates: None,
            mutual_authentication: None,
            authenticate: None,
            beyond: std::collections::BTreeSet::new(),
            default: Some(Action::Forward(Forward::to_one(Link::Address(address.clone())))),
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        BTreeMap::from([
            (Address::target(&group, ip, Some(self.port)), target.into()),
            (Address::load_balancer(&group), balancer.into()),
            (Address::listener(&group, 443), listener.into()),
            (address, target_group.into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{World, at, rule, to};
    use super::*;

    fn all(world: &World) -> Vec<Wanted> {
        let evidence = Evidence { state: std::borrow::Cow::Borrowed(&world.live), ..Evidence::default() };
        wanted(&evidence, &|ip, port| Some(SocketAddr::new(ip.parse().ok()?, port)))
    }

    #[test]
    fn a_target_is_asked_as_its_load_balancer_would() {
        let mut world = World::seed();
        let found = all(&world);
        assert_eq!(found.len(), 2);
        let subject = found[0].subject.as_ref().unwrap();
        assert_eq!(found[0].target, at("target/django/10.0.1.10:8000"));
        assert_eq!((subject.address.to_string().as_str(), subject.path.as_str()), ("10.0.1.10:8000", "/api/health/"));
        assert_eq!(
            (subject.public_host.as_deref(), subject.public_protocol),
            (Some("www.shop.example.com"), Protocol::Https)
        );
        assert_eq!((subject.idle_timeout.as_secs(), subject.timeout.as_secs()), (60, 5));
        world.check().port = Some(CheckPort::Fixed(9000));
        world.with_rule("api", rule("api.example.com", "", to("django")));
        let subject = all(&world)[0].subject.clone().unwrap();
        assert_eq!((subject.check_port, subject.port), (9000, 8000));
        assert_eq!(subject.public_host.as_deref(), Some("api.example.com"));
        world.live.insert(
            at("target/django/i-1:8000"),
            Target {
                target_group: Link::Address(at("target_group/django")),
                id: "i-1".into(),
                port: Some(8000),
                zone: None,
            }
            .into(),
        );
        assert_eq!(
            all(&world).iter().filter(|one| one.subject.is_none()).count(),
            1,
            "an instance has no address here"
        );
    }

    #[test]
    fn urls_are_read_and_become_the_smallest_stack() {
        let url = |text: &str| Url::parse(text).map(|url| (url.protocol, url.host, url.port, url.path));
        let is = |protocol, host: &str, port, path: &str| Some((protocol, host.to_owned(), port, path.to_owned()));
        assert_eq!(url("http://10.0.1.10:8000/health/"), is(Protocol::Http, "10.0.1.10", 8000, "/health/"));
        assert_eq!(url("https://app.internal"), is(Protocol::Https, "app.internal", 443, "/"));
        assert_eq!(url("http://[fd00::1]:81/x?y=1"), is(Protocol::Http, "fd00::1", 81, "/x?y=1"));
        for bad in ["ftp://a/", "desired", "http://", "http://a:b/", "http://a b/", "http://a/\r\nX: y"] {
            assert_eq!(url(bad), None, "{bad}");
        }
        let state = Url::parse("http://app.internal:8000/health/").unwrap().stack("10.0.1.10");
        let evidence = Evidence { state: std::borrow::Cow::Owned(state), ..Evidence::default() };
        let found = wanted(&evidence, &|ip, port| Some(SocketAddr::new(ip.parse().ok()?, port)));
        assert_eq!(found[0].target, at("target/app.internal:8000/10.0.1.10:8000"));
        assert_eq!(found[0].subject.as_ref().unwrap().idle_timeout.as_secs(), 60);
    }
}
