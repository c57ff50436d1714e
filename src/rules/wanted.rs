//! What a probe must know: every target in evidence as a load balancer would see it, and a bare URL as a stack.
//!
//! The health check's defaults, the group's protocol, the idle timeout of the load balancers in front of it and a name
//! that clients use all come from the same evidence that the rules judge.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Evidence;
use super::checked::Checked;
use super::protocol;
use crate::model::kind::{Action, Conditions, Forward, HealthCheck, Listener, LoadBalancer, Rule, Target, TargetGroup};
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
    let public = public(evidence, group.address);
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
            public_host: public.host.clone(),
            public_path: public.path.clone(),
            public_protocol: public.protocol,
            idle_timeout: Duration::from_secs(idle.into()),
        })
    };
    let targets = evidence.targets_of(group.address);
    targets.map(|(address, target)| Wanted { target: address.clone(), subject: subject(target) }).collect()
}

/// What clients ask for.
struct Public {
    host: Option<String>,
    path: String,
    protocol: Protocol,
}

/// A name that clients use for a group, a rule's host or else one of the certificate; a path that leads there; what they
/// speak.
fn public(evidence: &Evidence, group: &Address) -> Public {
    let (mut by_rule, mut by_certificate, mut protocol) = (None, None, Protocol::Http);
    let mut paths = Vec::new();
    for (address, listener) in evidence.listeners() {
        for (at, action) in evidence.actions_of(address) {
            if !action.groups().any(|(link, _)| link.address() == Some(group)) {
                continue;
            }
            if listener.protocol == Some(Protocol::Https) {
                protocol = Protocol::Https;
            }
            let when = evidence.rule(at).and_then(|rule| rule.when.as_ref());
            let hosts = when.map(|when| &when.host);
            by_rule = by_rule.or_else(|| hosts.into_iter().flatten().find_map(|host| name(host)));
            let path = when.filter(|when| when.path_regex.is_empty()).and_then(|when| when.path.first());
            paths.push(path.map_or("/".to_owned(), |pattern| literal(pattern)));
            let certificate = listener.certificate.as_ref().and_then(Link::address);
            let names = certificate.and_then(|address| evidence.certificate(address)).and_then(|c| c.names.as_ref());
            by_certificate = by_certificate.or_else(|| names.into_iter().flatten().find_map(|host| name(host)));
        }
    }
    let path = paths.into_iter().min_by_key(String::len).unwrap_or_else(|| "/".to_owned());
    Public { host: by_rule.or(by_certificate), path, protocol }
}

/// A path that fits a pattern of paths: as far as it has no wildcard.
fn literal(pattern: &str) -> String {
    let path = pattern.split(['*', '?']).next().unwrap_or_default();
    if path.starts_with('/') { path.to_owned() } else { "/".to_owned() }
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

    /// A name for what it leads to.
    pub fn name(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The smallest stack around it, under this name: one target behind a load balancer with AWS's defaults. `ip` is its
    /// address. A host name is one that clients use as well.
    pub fn stack(&self, ip: &str, name: &str) -> BTreeMap<Address, Spec> {
        let group = name.to_owned();
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
            beyond: BTreeSet::new(),
            default: Some(Action::Forward(Forward::to_one(Link::Address(address.clone())))),
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        let at = Address::listener(&group, 443);
        let mut stack: BTreeMap<Address, Spec> = BTreeMap::new();
        if self.host.parse::<IpAddr>().is_err() {
            let rule = Rule {
                listener: Link::Address(at.clone()),
                priority: Some(1),
                when: Some(Conditions { host: BTreeSet::from([self.host.clone()]), ..Conditions::default() }),
                action: listener.default.clone(),
                authenticate: None,
                rewrite: None,
                beyond: BTreeSet::new(),
                tags: BTreeMap::new(),
            };
            stack.insert(Address::rule(&at, "named"), rule.into());
        }
        stack.extend([
            (Address::target(&group, ip, Some(self.port)), target.into()),
            (Address::load_balancer(&group), balancer.into()),
            (at, listener.into()),
            (address, target_group.into()),
        ]);
        stack
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{World, answer, at, rule, to};
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
        assert_eq!(subject.public_path, "/", "the listener's default leads there as well");
        world.listener(443).default = Some(answer(404));
        world.with_rule("api", rule("api.example.com", "/api/*", to("django")));
        assert_eq!(all(&world)[0].subject.clone().unwrap().public_path, "/api/");
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
        let state = Url::parse("http://app.internal:8000/health/").unwrap().stack("10.0.1.10", "app.internal:8000");
        let evidence = Evidence { state: std::borrow::Cow::Owned(state), ..Evidence::default() };
        let found = wanted(&evidence, &|ip, port| Some(SocketAddr::new(ip.parse().ok()?, port)));
        assert_eq!(found[0].target, at("target/app.internal:8000/10.0.1.10:8000"));
        let subject = found[0].subject.as_ref().unwrap();
        assert_eq!((subject.idle_timeout.as_secs(), subject.public_host.as_deref()), (60, Some("app.internal")));
        assert_eq!(Url::parse("http://[fd00::1]:81/").unwrap().name(), "[fd00::1]:81");
    }
}
