//! What others have done to a live estate: rules, listeners and groups that no file of ours mentions, tags of other
//! stacks and tools, settings changed by hand, permissions and certificates beside ours.

use no502::cloud::simulate::{World, apply_to};
use no502::cloud::{Facts, Operation, Snapshot};
use no502::model::kind::{Action, Conditions, Direction, FixedResponse, Forward, Peer, Rule, TargetGroup, TrafficRule};
use no502::model::tag::ID_TAG;
use no502::model::value::{IpProtocol, Protocol, TargetType};
use no502::model::{Id, Kind, Link, Spec, StepId};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::account;

/// Who owns a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The stack under test.
    Us,
    Nobody,
    OtherStack,
    Kubernetes,
    CloudFormation,
}

/// One deed. Numbers lead to the nearest thing there is.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A rule on a listener, at the first free priority from this one; a twin has another rule's conditions.
    Rule {
        listener: u8,
        priority: u32,
        twin: Option<u8>,
        group: Option<u8>,
        owner: Owner,
    },
    Listener {
        balancer: u8,
        owner: Owner,
    },
    Group {
        owner: Owner,
    },
    /// Another owner for what was ours.
    Retag {
        thing: u8,
        owner: Owner,
    },
    Permission {
        door: u8,
        direction: Direction,
        owner: Owner,
    },
    /// Our tag names something that is not there, or what another one is.
    Misname {
        thing: u8,
        twin: bool,
    },
    ServerName {
        listener: u8,
    },
    /// A tag beside ours.
    Tag {
        thing: u8,
    },
    /// Two rules change places.
    Swap {
        listener: u8,
    },
    /// The notes of all permissions are another.
    Note {
        door: u8,
        direction: Direction,
    },
}

fn owner() -> impl Strategy<Value = Owner> {
    select(&[Owner::Nobody, Owner::Nobody, Owner::OtherStack, Owner::Kubernetes, Owner::CloudFormation][..])
}

pub fn deed() -> impl Strategy<Value = Deed> {
    let number = || 0..32_u8;
    let rule = (number(), 1..60_u32, prop::option::weighted(0.3, number()), prop::option::of(number()), owner());
    prop_oneof![
        6 => rule.prop_map(|(listener, priority, twin, group, owner)| Deed::Rule {
            listener,
            priority,
            twin,
            group,
            owner
        }),
        1 => (number(), owner()).prop_map(|(balancer, owner)| Deed::Listener { balancer, owner }),
        1 => owner().prop_map(|owner| Deed::Group { owner }),
        4 => (number(), owner()).prop_map(|(thing, owner)| Deed::Retag { thing, owner }),
        2 => (number(), select(&Direction::ALL[..]), select(&[Owner::Nobody, Owner::Us, Owner::OtherStack][..]))
            .prop_map(|(door, direction, owner)| Deed::Permission { door, direction, owner }),
        2 => (number(), any::<bool>()).prop_map(|(thing, twin)| Deed::Misname { thing, twin }),
        1 => number().prop_map(|listener| Deed::ServerName { listener }),
        1 => number().prop_map(|thing| Deed::Tag { thing }),
        1 => number().prop_map(|listener| Deed::Swap { listener }),
        3 => (number(), select(&Direction::ALL[..])).prop_map(|(door, direction)| Deed::Note { door, direction }),
    ]
}

fn nth<T>(all: Vec<T>, number: u8) -> Option<T> {
    let length = all.len().max(1);
    all.into_iter().nth(usize::from(number) % length)
}

fn ids(snapshot: &Snapshot, kind: Kind) -> Vec<Id> {
    snapshot.found.iter().filter(|(_, live)| live.spec.kind() == kind).map(|(id, _)| id.clone()).collect()
}

/// Does a deed, if there is something to do it to.
pub fn done(snapshot: Snapshot, number: usize, deed: &Deed) -> Snapshot {
    let mut world = World { snapshot, ..World::default() };
    let operations = operations(&world.snapshot, deed);
    let owner = match deed {
        Deed::Rule { owner, .. } | Deed::Listener { owner, .. } | Deed::Group { owner } => *owner,
        _ => Owner::Us,
    };
    for operation in operations {
        let step = StepId(format!("deed {number}"));
        let output = apply_to(&mut world, &step, &operation).unwrap_or_else(|why| panic!("{deed:?}: {why}"));
        if let Some(id) = output.id {
            retag(&mut world.snapshot, &id, owner);
        }
    }
    match deed {
        Deed::Retag { thing, owner } => {
            let bearers: Vec<Id> = world
                .snapshot
                .found
                .iter()
                .filter(|(_, live)| live.spec.tags().is_some_and(|tags| tags.contains_key(ID_TAG)))
                .map(|(id, _)| id.clone())
                .collect();
            if let Some(id) = nth(bearers, *thing) {
                retag(&mut world.snapshot, &id, *owner);
            }
        }
        Deed::Swap { listener } => swap(&mut world.snapshot, *listener),
        Deed::Misname { thing, twin } => misname(&mut world.snapshot, *thing, *twin),
        _ => {}
    }
    world.snapshot
}

/// A rule of ours bears a name that no rule has, or that of another one.
fn misname(snapshot: &mut Snapshot, thing: u8, twin: bool) {
    let ours = |rule: &Rule| rule.tags.get(ID_TAG).filter(|tag| tag.starts_with("shop:")).cloned();
    let rules: Vec<(Id, String)> = snapshot.rules().filter_map(|(id, rule)| Some((id.clone(), ours(rule)?))).collect();
    let other = nth(rules.clone(), thing.wrapping_add(1)).map(|(_, tag)| tag);
    let (Some((id, tag)), Some(other)) = (nth(rules, thing), other) else { return };
    let name = if twin { other } else { format!("{tag}-once") };
    if let Some(Spec::Rule(rule)) = snapshot.found.get_mut(&id).map(|live| &mut live.spec) {
        rule.tags.insert(ID_TAG.to_owned(), name);
    }
}

fn retag(snapshot: &mut Snapshot, id: &Id, owner: Owner) {
    let Some(live) = snapshot.found.get_mut(id) else { return };
    // who takes over a group takes over its rules
    if let (Facts::SecurityGroup { rules }, true) = (&mut live.facts, owner != Owner::Us) {
        rules.iter_mut().for_each(|rule| rule.stack = None);
    }
    let Some(tags) = live.spec.tags_mut() else { return };
    match owner {
        Owner::Us => {}
        Owner::Nobody => tags.retain(|key, _| !key.starts_with("no502:")),
        Owner::OtherStack => {
            let address = tags.get(ID_TAG).and_then(|tag| tag.split_once(':')).map_or("rule/x", |(_, address)| address);
            let tag = format!("bank:{address}");
            tags.insert(ID_TAG.to_owned(), tag);
        }
        Owner::Kubernetes => {
            tags.insert("elbv2.k8s.aws/cluster".into(), "blue".into());
        }
        Owner::CloudFormation => {
            tags.insert("aws:cloudformation:stack-id".into(), "arn:aws:cloudformation:x".into());
        }
    }
}

/// Two rules of a listener change places.
fn swap(snapshot: &mut Snapshot, listener: u8) {
    let Some(listener) = nth(ids(snapshot, Kind::Listener), listener) else { return };
    let of_listener = snapshot.rules().filter(|(_, rule)| rule.listener.id() == Some(&listener));
    let rules: Vec<(Id, Option<u32>)> = of_listener.map(|(id, rule)| (id.clone(), rule.priority)).collect();
    if let [(one, first), .., (other, last)] = &rules[..] {
        for (id, priority) in [(one, last), (other, first)] {
            if let Some(Spec::Rule(rule)) = snapshot.found.get_mut(id).map(|live| &mut live.spec) {
                rule.priority = *priority;
            }
        }
    }
}

fn answer() -> Action {
    Action::FixedResponse(FixedResponse { status: 418, content_type: None, body: None })
}

fn operations(snapshot: &Snapshot, deed: &Deed) -> Vec<Operation> {
    let operation = match deed {
        Deed::Rule { listener, priority, twin, group, .. } => stranger(snapshot, *listener, *priority, *twin, *group),
        Deed::Listener { balancer, .. } => nth(ids(snapshot, Kind::LoadBalancer), *balancer).and_then(|balancer| {
            let free = |port: &u16| {
                !snapshot.listeners().any(|(_, l)| l.load_balancer.id() == Some(&balancer) && l.port == *port)
            };
            let port = (9000..9100).find(free)?;
            let spec = json!({ "load_balancer": { "id": balancer }, "port": port, "protocol": Protocol::Http,
                "default": answer(), "beyond": [], "attributes": {}, "tags": {} });
            let spec = serde_json::from_value(spec).unwrap();
            Some(Operation::CreateListener { spec })
        }),
        Deed::Group { .. } => {
            let name = format!("theirs-{}", snapshot.found.len());
            let spec = TargetGroup {
                name,
                target_type: Some(TargetType::Ip),
                protocol: Some(Protocol::Http),
                port: Some(80),
                vpc: Some(Link::Id(Id(account::VPC.into()))),
                ..TargetGroup::default()
            };
            Some(Operation::CreateTargetGroup { spec })
        }
        Deed::Permission { door, direction, owner } => {
            nth(ids(snapshot, Kind::SecurityGroup), *door).and_then(|door| {
                let rule = TrafficRule {
                    protocol: IpProtocol::Tcp,
                    ports: Some((22, 22)),
                    peer: Peer::Cidr("10.9.0.0/16".parse().unwrap()),
                    description: None,
                };
                let live = snapshot.found[&door].spec.security_group()?;
                let there =
                    live.rules(*direction).is_some_and(|rules| rules.iter().any(|have| have.same_traffic(&rule)));
                let stack = match owner {
                    Owner::Us => Some("shop"),
                    Owner::OtherStack => Some("bank"),
                    Owner::Nobody | Owner::Kubernetes | Owner::CloudFormation => None,
                };
                let tags = stack.map(|stack| (ID_TAG.to_owned(), format!("{stack}:security_group/elsewhere")));
                let (group, tags) = (Link::Id(door), tags.into_iter().collect());
                (!there).then(|| Operation::Authorize { direction: *direction, group, rules: vec![rule], tags })
            })
        }
        Deed::ServerName { listener } => {
            let https = snapshot.listeners().filter(|(_, l)| l.protocol == Some(Protocol::Https));
            nth(https.map(|(id, _)| id.clone()).collect(), *listener).map(|listener| {
                Operation::AddListenerCertificate {
                    listener: Link::Id(listener),
                    certificate: Link::Id(Id(account::CERTIFICATE.into())),
                }
            })
        }
        Deed::Tag { thing } => {
            let taggable = snapshot.found.iter().filter(|(_, live)| live.spec.tags().is_some());
            nth(taggable.map(|(id, live)| (id.clone(), live.spec.kind())).collect(), *thing).map(|(id, kind)| {
                let tags = [("who".to_owned(), "somebody".to_owned())].into();
                Operation::AddTags { resource: Link::Id(id), kind, tags }
            })
        }
        Deed::Note { door, direction } => nth(ids(snapshot, Kind::SecurityGroup), *door).and_then(|door| {
            let mut rules = snapshot.found[&door].spec.security_group()?.rules(*direction)?.clone();
            rules.iter_mut().for_each(|rule| rule.description = Some("by hand".into()));
            let group = Link::Id(door);
            (!rules.is_empty()).then_some(Operation::Describe { direction: *direction, group, rules })
        }),
        Deed::Retag { .. } | Deed::Swap { .. } | Deed::Misname { .. } => None,
    };
    operation.into_iter().collect()
}

fn stranger(
    snapshot: &Snapshot,
    listener: u8,
    priority: u32,
    twin: Option<u8>,
    group: Option<u8>,
) -> Option<Operation> {
    let listener = Link::Id(nth(ids(snapshot, Kind::Listener), listener)?);
    let of_listener: Vec<&Rule> =
        snapshot.rules().map(|(_, rule)| rule).filter(|rule| rule.listener == listener).collect();
    let free = |priority: &u32| !of_listener.iter().any(|rule| rule.priority == Some(*priority));
    let priority = (priority..).find(free)?;
    let twin = twin.and_then(|number| nth(of_listener.clone(), number));
    let when = twin
        .and_then(|rule| rule.when.clone())
        .unwrap_or_else(|| Conditions { path: ["/theirs".to_owned()].into(), ..Conditions::default() });
    let groups = snapshot.target_groups().filter(|(_, g)| g.name.starts_with("theirs")).map(|(id, _)| id.clone());
    let group = group.and_then(|number| nth(groups.collect(), number));
    let action = group.map_or_else(answer, |id| Action::Forward(Forward::to_one(Link::Id(id))));
    let spec = json!({ "listener": listener, "priority": priority, "when": when, "action": action, "beyond": [],
        "tags": {} });
    let spec = serde_json::from_value(spec).unwrap();
    Some(Operation::CreateRule { spec })
}
