//! Target groups and their targets.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::attribute::{Attributes, tags};
use super::yaml::{Map, Node};
use super::{Export, keys};
use crate::cloud::{Facts, Interface};
use crate::model::attribute::{Applies, TARGET_GROUP};
use crate::model::kind::{Action, HealthCheck, Target, TargetGroup};
use crate::model::value::{AddressFamily, CheckPort, CodeMatcher, Protocol, ProtocolVersion, TargetType};
use crate::model::{Id, Kind, Link};

/// Beginnings of tags by which a controller marks the groups that it fills.
const FILLERS: [&str; 5] =
    ["elbv2.k8s.aws/", "ingress.k8s.aws/", "service.k8s.aws/", "kubernetes.io/", "aws:cloudformation:"];
/// Where ECS says that an interface is a task's.
const ECS: &str = ":ecs:";

impl<'s> Export<'s> {
    /// The groups that the exported listeners and rules lead to, and the stack's own.
    pub(super) fn routed_groups(&self) -> BTreeSet<&'s Id> {
        let snapshot = self.snapshot;
        let listeners: Vec<_> = self.listeners().collect();
        let ids: BTreeSet<&Id> = listeners.iter().map(|(id, _)| *id).collect();
        let rules = snapshot.rules().filter(|(_, rule)| rule.listener.id().is_some_and(|id| ids.contains(id)));
        let actions = listeners
            .iter()
            .filter_map(|(_, l)| l.default.as_ref())
            .chain(rules.filter_map(|(_, r)| r.action.as_ref()));
        let mut groups: BTreeSet<&Id> = actions.flat_map(Action::groups).filter_map(|(link, _)| link.id()).collect();
        for (id, live) in &snapshot.found {
            if let Facts::TargetGroup { load_balancers } = &live.facts
                && load_balancers.iter().any(|lb| self.balancers.contains(&lb))
            {
                groups.insert(id);
            }
        }
        groups.extend(self.owned(Kind::TargetGroup));
        groups
    }

    /// The registered targets of a group.
    pub(super) fn targets_of(&self, group: &Id) -> impl Iterator<Item = &'s Target> + use<'s> {
        let group = group.clone();
        self.snapshot.targets().filter(move |(_, t)| t.target_group.id() == Some(&group)).map(|(_, target)| target)
    }

    /// The network interface of a target, if it was found.
    pub(super) fn interface(&self, target: &Target) -> Option<&'s Interface> {
        let interfaces = self.snapshot.interfaces.as_ref()?;
        let by_address = target.id.parse::<IpAddr>().ok().and_then(|address| interfaces.get(&address));
        by_address.or_else(|| interfaces.values().find(|i| i.reached_as.as_deref() == Some(target.id.as_str())))
    }

    /// `target_groups:`.
    pub(super) fn target_groups(&mut self) -> Map {
        let mut section = Map::default();
        for (id, key) in self.keys.clone() {
            if let Some(spec) = self.snapshot.found.get(id).and_then(|live| live.spec.target_group()) {
                let map = self.target_group(id, &key, spec);
                section.put(&key, Node::Map(map));
            }
        }
        section
    }

    fn target_group(&mut self, id: &Id, key: &str, spec: &TargetGroup) -> Map {
        let TargetGroup {
            name,
            target_type,
            protocol,
            protocol_version,
            port,
            vpc,
            ip_address_type,
            target_control_port,
            health_check,
            attributes,
            tags: live_tags,
        } = spec;
        let mut map = Map::default();
        if let Some(tool) = keys::controller(live_tags) {
            map.remark(&format!("{tool} reconciles it: no502 compares it and changes nothing"));
        }
        if name != key {
            map.put("name", Node::text(name));
        }
        let lambda = *target_type == Some(TargetType::Lambda);
        if !lambda && (target_type.is_none() || protocol.is_none() || port.is_none() || vpc.is_none()) {
            map.put("existing", Node::plain(true));
        }
        map.put_some("target_type", target_type.map(Node::plain));
        if !lambda {
            map.put_some("protocol", protocol.map(Node::plain));
            let version = protocol_version.filter(|version| *version != ProtocolVersion::Http1);
            map.put_some("protocol_version", version.map(Node::plain));
            map.put_some("port", port.map(Node::plain));
            map.put_some("vpc", vpc.as_ref().map(|link| self.name(link)));
            let family = ip_address_type.filter(|family| *family != AddressFamily::Ipv4);
            map.put_some("ip_address_type", family.map(Node::plain));
            map.put_some("target_control_port", target_control_port.map(Node::plain));
        }
        map.put_map("health_check", checked(health_check, lambda, *protocol_version));
        let mut live = Attributes::new(TARGET_GROUP, attributes);
        if !lambda {
            map.put_some("deregistration_delay", live.seconds("deregistration_delay.timeout_seconds"));
            map.put_some("slow_start", live.seconds("slow_start.duration_seconds"));
            map.put_some("algorithm", live.changed("load_balancing.algorithm.type").map(Node::text));
            map.put_some("stickiness", sticky(&mut live));
        }
        live.rest(&mut map, |applies| match applies {
            Applies::All => true,
            Applies::InstanceOrIp => !lambda,
            Applies::Lambda => lambda,
            Applies::HttpsListener | Applies::Fixed => false,
        });
        tags(&mut map, live_tags);
        self.targets(id, spec, &mut map);
        map
    }

    /// `targets:`, unless somebody else fills the group.
    fn targets(&mut self, id: &Id, group: &TargetGroup, map: &mut Map) {
        let mut targets: Vec<&Target> = self.targets_of(id).collect();
        targets.sort_by_key(|target| (target.id.parse::<IpAddr>().ok(), target.id.as_str(), target.port));
        let marked = group.tags.keys().any(|key| FILLERS.iter().any(|filler| key.starts_with(filler)));
        let by_ecs = targets.iter().filter_map(|target| self.interface(target)).any(is_task);
        if marked || by_ecs {
            let who = if by_ecs { "ECS" } else { "a controller" };
            map.remark(&format!("`targets` is not declared: {who} registers them"));
            return;
        }
        if targets.is_empty() {
            map.remark("`targets` is not declared: nothing is registered, so somebody else may fill it");
            return;
        }
        if group.target_type == Some(TargetType::Instance) {
            map.remark("remove `targets` if an Auto Scaling group registers them");
        }
        map.put("targets", Node::list(targets.iter().map(|target| registered(target, group))));
    }
}

/// Whether ECS made this interface for a task.
fn is_task(interface: &Interface) -> bool {
    interface.description.as_deref().is_some_and(|words| words.contains(ECS))
}

/// A target as the language writes it: its port only where it differs from the group's.
fn registered(target: &Target, group: &TargetGroup) -> Node {
    let Target { target_group: _, id, port, zone } = target;
    let port = port.filter(|port| Some(*port) != group.port);
    let outside = group.target_type == Some(TargetType::Ip) && zone.as_deref() == Some("all");
    if outside {
        let mut map = Map::flow();
        map.put("id", Node::text(id));
        map.put_some("port", port.map(Node::plain));
        map.put("zone", Node::plain("all"));
        return Node::Map(map);
    }
    match port {
        None => Node::text(id),
        Some(port) if id.contains(':') => Node::text(&format!("[{id}]:{port}")),
        Some(port) => Node::text(&format!("{id}:{port}")),
    }
}

/// A health check without AWS's defaults. The timeout is always written: AWS's own pages disagree on
/// its default. So is all of a Lambda function's check, which is off unless said.
fn checked(check: &HealthCheck, lambda: bool, version: Option<ProtocolVersion>) -> Map {
    let HealthCheck {
        enabled,
        protocol,
        port,
        path,
        interval,
        timeout,
        healthy_threshold,
        unhealthy_threshold,
        success_codes,
    } = check;
    let mut map = Map::flow();
    if lambda && *enabled != Some(true) {
        return map;
    }
    let grpc = version == Some(ProtocolVersion::Grpc);
    let usual = if grpc { None } else { "200".parse::<CodeMatcher>().ok() };
    if lambda {
        map.put("enabled", Node::plain(true));
    } else {
        map.put_some("protocol", protocol.filter(|p| *p != Protocol::Http).map(Node::plain));
        map.put_some("port", port.filter(|p| *p != CheckPort::Traffic).map(Node::plain));
    }
    map.put_some("path", path.as_deref().filter(|p| grpc || lambda || *p != "/").map(Node::text));
    let codes = success_codes.as_ref().filter(|codes| lambda || usual.as_ref() != Some(*codes));
    map.put_some("success_codes", codes.map(|codes| Node::text(&codes.to_string())));
    map.put_some("interval", interval.filter(|s| lambda || *s != 30).map(Node::seconds));
    map.put_some("timeout", timeout.map(Node::seconds));
    map.put_some("healthy_threshold", healthy_threshold.filter(|n| lambda || *n != 5).map(Node::plain));
    map.put_some("unhealthy_threshold", unhealthy_threshold.filter(|n| lambda || *n != 2).map(Node::plain));
    map
}

/// `stickiness:` of a group that is sticky; the settings of one that is not are ordinary attributes.
fn sticky(live: &mut Attributes<'_>) -> Option<Node> {
    const COOKIE: &str = "stickiness.app_cookie.cookie_name";
    if live.get("stickiness.enabled") != Some("true") {
        return None;
    }
    let kind = live.get("stickiness.type").unwrap_or("lb_cookie");
    let app = kind == "app_cookie";
    let duration = if app { "stickiness.app_cookie.duration_seconds" } else { "stickiness.lb_cookie.duration_seconds" };
    live.skip("stickiness.enabled");
    live.skip("stickiness.type");
    live.skip(duration);
    let mut map = Map::flow();
    map.put("type", Node::plain(kind));
    map.put_some("duration", live.get(duration).and_then(|s| s.parse().ok()).map(Node::seconds));
    if app {
        map.put_some("cookie_name", live.changed(COOKIE).map(Node::text));
    }
    Some(Node::Map(map))
}

/// The ports that requests and health checks reach a target at.
pub(super) fn ports(target: &Target, check: &HealthCheck) -> impl Iterator<Item = u16> {
    let fixed = match check.port {
        Some(CheckPort::Fixed(port)) => Some(port),
        Some(CheckPort::Traffic) | None => None,
    };
    target.port.into_iter().chain(fixed)
}

/// The id that a link names, if it names one.
pub(super) fn ids<'l>(links: impl IntoIterator<Item = &'l Link>) -> impl Iterator<Item = &'l Id> {
    links.into_iter().filter_map(Link::id)
}
