//! Security groups: SDK shape ⇄ spec, and the calls for one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroup as SdkGroup, Tag,
    TagSpecification, UserIdGroupPair,
};
use ipnet::IpNet;

use super::budget::Category;
use super::call::Call;
use super::error::{incomplete, present, refused};
use super::execute::arn;
use super::session::Session;
use super::tags::Tags;
use crate::cloud::{CloudError, Output};
use crate::model::kind::{Direction, EVERY_CODE, Peer, SecurityGroup, TrafficRule};
use crate::model::value::IpProtocol;
use crate::model::{Id, Link};

const PAGE: i32 = 1000;
const EVERY_PORT: (u16, u16) = (0, u16::MAX);

/// The spec. `None` for an answer without id.
pub(super) fn from_sdk(group: SdkGroup) -> Option<(Id, SecurityGroup)> {
    let id = Id(group.group_id?);
    let rules = |permissions: Option<Vec<IpPermission>>| {
        let mut rules: Vec<_> = permissions.into_iter().flatten().flat_map(from_permission).collect();
        rules.sort();
        rules
    };
    let spec = SecurityGroup {
        name: group.group_name.unwrap_or_default(),
        vpc: group.vpc_id.map(|vpc| Link::Id(Id(vpc))),
        description: group.description,
        ingress: Some(rules(group.ip_permissions)),
        egress: Some(rules(group.ip_permissions_egress)),
        tags: tags_from_sdk(group.tags),
    };
    Some((id, spec))
}

/// EC2's tags as ours.
pub(super) fn tags_from_sdk(tags: Option<Vec<Tag>>) -> Tags {
    tags.into_iter().flatten().filter_map(|t| Some((t.key?, t.value.unwrap_or_default()))).collect()
}

fn tags_to_sdk(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

fn specification(what: ResourceType, tags: &Tags) -> Option<Vec<TagSpecification>> {
    let specification = TagSpecification::builder().resource_type(what).set_tags(Some(tags_to_sdk(tags))).build();
    if tags.is_empty() { None } else { Some(vec![specification]) }
}

/// First and last port, or ICMP's type and code, `None` for all; the outer `None` for what is neither.
fn ports(protocol: IpProtocol, from: Option<i32>, to: Option<i32>) -> Option<Option<(u16, u16)>> {
    match (protocol, from, to) {
        (IpProtocol::All | IpProtocol::Other(_), _, _) | (_, None | Some(-1), None | Some(-1)) => Some(None),
        (IpProtocol::Icmp | IpProtocol::Icmpv6, Some(kind), code) => {
            let code = code.filter(|code| *code != -1).map_or(Some(EVERY_CODE), |code| u16::try_from(code).ok());
            Some(Some((u16::try_from(kind).ok()?, code?)))
        }
        (_, Some(from), Some(to)) => {
            let range = (u16::try_from(from).ok()?, u16::try_from(to).ok()?);
            Some(if range == EVERY_PORT { None } else { Some(range) })
        }
        (_, _, _) => None,
    }
}

/// One permission of AWS is many of ours: one for each peer.
pub(super) fn from_permission(permission: IpPermission) -> Vec<TrafficRule> {
    let Some(protocol) = permission.ip_protocol.as_deref().and_then(IpProtocol::from_aws) else { return Vec::new() };
    let Some(ports) = ports(protocol, permission.from_port, permission.to_port) else { return Vec::new() };
    let cidr = |text: Option<String>, description| {
        let net: IpNet = text?.parse().ok()?;
        Some((Peer::Cidr(net.trunc()), description))
    };
    let v4 = permission.ip_ranges.into_iter().flatten().filter_map(|r| cidr(r.cidr_ip, r.description));
    let v6 = permission.ipv6_ranges.into_iter().flatten().filter_map(|r| cidr(r.cidr_ipv6, r.description));
    let pairs = permission.user_id_group_pairs.into_iter().flatten();
    let groups = pairs.filter_map(|p| Some((Peer::Group(Link::Id(Id(p.group_id?))), p.description)));
    let lists = permission.prefix_list_ids.into_iter().flatten();
    let lists = lists.filter_map(|l| Some((Peer::PrefixList(l.prefix_list_id?), l.description)));
    let peers = v4.chain(v6).chain(groups).chain(lists);
    peers
        .map(|(peer, description)| {
            let description = description.filter(|text| !text.is_empty());
            TrafficRule { protocol, ports, peer, description }
        })
        .collect()
}

pub(super) fn to_permissions(operation: &str, rules: &[TrafficRule]) -> Result<Vec<IpPermission>, CloudError> {
    rules.iter().map(|rule| to_permission(operation, rule)).collect()
}

fn to_permission(operation: &str, rule: &TrafficRule) -> Result<IpPermission, CloudError> {
    let TrafficRule { protocol, ports, peer, description } = rule;
    let range = match (protocol, ports) {
        (IpProtocol::All, _) => None,
        // AWS asks for some, and looks at none: "traffic on all ports is allowed, regardless of any ports you specify"
        (IpProtocol::Other(_), _) => Some((-1, -1)),
        (IpProtocol::Icmp | IpProtocol::Icmpv6, None) => Some((-1, -1)),
        (IpProtocol::Tcp | IpProtocol::Udp, None) => Some((i32::from(EVERY_PORT.0), i32::from(EVERY_PORT.1))),
        (IpProtocol::Icmp | IpProtocol::Icmpv6, Some((kind, EVERY_CODE))) => Some((i32::from(*kind), -1)),
        (_, Some((from, to))) => Some((i32::from(*from), i32::from(*to))),
    };
    let description = description.clone();
    let builder = IpPermission::builder()
        .ip_protocol(protocol.aws())
        .set_from_port(range.map(|r| r.0))
        .set_to_port(range.map(|r| r.1));
    let builder = match peer {
        Peer::Cidr(IpNet::V4(net)) => {
            let range = IpRange::builder().cidr_ip(net.trunc().to_string()).set_description(description);
            builder.ip_ranges(range.build())
        }
        Peer::Cidr(IpNet::V6(net)) => {
            let range = Ipv6Range::builder().cidr_ipv6(net.trunc().to_string()).set_description(description);
            builder.ipv6_ranges(range.build())
        }
        Peer::Group(group) => {
            let pair = UserIdGroupPair::builder().group_id(arn(operation, group)?).set_description(description);
            builder.user_id_group_pairs(pair.build())
        }
        Peer::PrefixList(list) => {
            let list = PrefixListId::builder().prefix_list_id(list).set_description(description);
            builder.prefix_list_ids(list.build())
        }
    };
    Ok(builder.build())
}

impl Session {
    /// Security groups by filter; without one, all of them.
    pub(super) async fn security_groups(&self, filter: Option<Filter>) -> Result<Vec<SdkGroup>, CloudError> {
        const CALL: Call = Call::new("DescribeSecurityGroups", Category::Ec2Read);
        let request =
            self.ec2.describe_security_groups().max_results(PAGE).set_filters(filter.map(|filter| vec![filter]));
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let request = request.clone().set_next_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            found.extend(present(CALL.name, page.security_groups)?);
            token = page.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// `CreateSecurityGroup`.
    pub(super) async fn create_security_group(&self, spec: &SecurityGroup) -> Result<Output, CloudError> {
        const CALL: Call = Call::once("CreateSecurityGroup", Category::Ec2Write);
        let SecurityGroup { name, vpc, description, ingress: _, egress: _, tags } = spec;
        let request = self
            .ec2
            .create_security_group()
            .group_name(name)
            // AWS requires one
            .description(description.as_deref().unwrap_or(name))
            .set_vpc_id(vpc.as_ref().map(|vpc| arn(CALL.name, vpc)).transpose()?)
            .set_tag_specifications(specification(ResourceType::SecurityGroup, tags));
        let answer = self.calls.run(CALL, || request.clone().send()).await?;
        let id = answer.group_id.ok_or_else(|| incomplete(CALL.name, "group id"))?;
        Ok(Output { id: Some(Id(id)), dns_name: None })
    }

    /// `AuthorizeSecurityGroupIngress` or `AuthorizeSecurityGroupEgress`.
    pub(super) async fn authorize(
        &self,
        direction: Direction,
        group: &Link,
        rules: &[TrafficRule],
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CloudError> {
        const IN: Call = Call::once("AuthorizeSecurityGroupIngress", Category::Ec2Write);
        const OUT: Call = Call::once("AuthorizeSecurityGroupEgress", Category::Ec2Write);
        let call = match direction {
            Direction::Ingress => IN,
            Direction::Egress => OUT,
        };
        if rules.is_empty() {
            return Err(refused(call.name, "there is nothing to authorize"));
        }
        let permissions = Some(to_permissions(call.name, rules)?);
        let tags = specification(ResourceType::SecurityGroupRule, tags);
        let group = arn(call.name, group)?;
        match direction {
            Direction::Ingress => {
                let request = self.ec2.authorize_security_group_ingress().group_id(group);
                let request = request.set_ip_permissions(permissions).set_tag_specifications(tags);
                self.calls.run(call, || request.clone().send()).await.map(drop)
            }
            Direction::Egress => {
                let request = self.ec2.authorize_security_group_egress().group_id(group);
                let request = request.set_ip_permissions(permissions).set_tag_specifications(tags);
                self.calls.run(call, || request.clone().send()).await.map(drop)
            }
        }
    }

    /// `UpdateSecurityGroupRuleDescriptionsIngress` or `UpdateSecurityGroupRuleDescriptionsEgress`.
    pub(super) async fn describe(
        &self,
        direction: Direction,
        group: &Link,
        rules: &[TrafficRule],
    ) -> Result<(), CloudError> {
        const IN: Call = Call::new("UpdateSecurityGroupRuleDescriptionsIngress", Category::Ec2Write);
        const OUT: Call = Call::new("UpdateSecurityGroupRuleDescriptionsEgress", Category::Ec2Write);
        match direction {
            Direction::Ingress => {
                let request = self.ec2.update_security_group_rule_descriptions_ingress().group_id(arn(IN.name, group)?);
                let request = request.set_ip_permissions(Some(to_permissions(IN.name, rules)?));
                self.calls.run(IN, || request.clone().send()).await.map(drop)
            }
            Direction::Egress => {
                let request = self.ec2.update_security_group_rule_descriptions_egress().group_id(arn(OUT.name, group)?);
                let request = request.set_ip_permissions(Some(to_permissions(OUT.name, rules)?));
                self.calls.run(OUT, || request.clone().send()).await.map(drop)
            }
        }
    }

    /// EC2 `CreateTags`.
    pub(super) async fn create_tags(&self, ids: &BTreeSet<Id>, tags: &Tags) -> Result<(), CloudError> {
        const CALL: Call = Call::new("CreateTags", Category::Ec2Write);
        let ids = ids.iter().map(|id| id.0.clone()).collect();
        let request = self.ec2.create_tags().set_resources(Some(ids)).set_tags(Some(tags_to_sdk(tags)));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: IpProtocol, ports: Option<(u16, u16)>, peer: Peer) -> TrafficRule {
        TrafficRule { protocol, ports, peer, description: Some("why".into()) }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let group = Peer::Group(Link::Id(Id("sg-1".into())));
        for rule in [
            rule(IpProtocol::Tcp, Some((8000, 8000)), Peer::Cidr("10.0.0.0/8".parse().unwrap())),
            rule(IpProtocol::Tcp, None, Peer::Cidr("::/0".parse().unwrap())),
            rule(IpProtocol::All, None, group.clone()),
            rule(IpProtocol::Icmp, None, group.clone()),
            rule(IpProtocol::Icmp, Some((8, EVERY_CODE)), group.clone()),
            rule(IpProtocol::Icmpv6, Some((1, 4)), group.clone()),
            rule(IpProtocol::Other(50), None, group),
            rule(IpProtocol::Udp, Some((53, 54)), Peer::PrefixList("pl-1".into())),
        ] {
            let sent = to_permission("AuthorizeSecurityGroupIngress", &rule).unwrap();
            assert_eq!(from_permission(sent), [rule]);
        }
    }

    #[test]
    fn a_permission_of_many_peers_is_many_rules_with_canonical_networks() {
        let permission = IpPermission::builder()
            .ip_protocol("6")
            .from_port(80)
            .to_port(80)
            .ip_ranges(IpRange::builder().cidr_ip("100.68.0.18/18").build())
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-1").user_id("111111111111").build())
            .build();
        let rules = from_permission(permission);
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].to_string(), "tcp 80 100.68.0.0/18");
        assert!(rules[0].admits_tcp(80));
    }

    #[test]
    fn what_never_carries_a_balancer_s_traffic_is_known_all_the_same() {
        let range = IpRange::builder().cidr_ip("0.0.0.0/0").build();
        let esp = IpPermission::builder().ip_protocol("50").ip_ranges(range.clone()).build();
        let ping =
            IpPermission::builder().ip_protocol("icmp").from_port(8).to_port(-1).ip_ranges(range.clone()).build();
        let every = IpPermission::builder().ip_protocol("icmp").from_port(-1).to_port(-1).ip_ranges(range).build();
        let rules: Vec<TrafficRule> = [esp, ping, every].into_iter().flat_map(from_permission).collect();
        let said: Vec<String> = rules.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["protocol 50 0.0.0.0/0", "icmp type 8 0.0.0.0/0", "icmp all ports 0.0.0.0/0"]);
        let [esp, ping, every] = rules.as_slice() else { panic!() };
        assert!(every.covers(ping) && !ping.covers(every) && !every.covers(esp));
        let other = TrafficRule { ports: Some((3, EVERY_CODE)), ..ping.clone() };
        assert!(!ping.covers(&other) && !other.covers(ping), "types are no range");
        assert!(!rules.iter().any(|rule| rule.admits_tcp(8)) && !ping.is_in_language() && every.is_in_language());
    }
}
