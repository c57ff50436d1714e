//! What bears our tag: found by one paged query over the account, whatever the files name.
//!
//! The answer may lag behind and may name what is gone: it only says what to read. Beside it, what is known of rules of
//! security groups, and of who uses a group that may go.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, SecurityGroup as SdkGroup, SecurityGroupRule};
use aws_sdk_resourcegroupstagging::types::TagFilter;

use super::budget::Category;
use super::call::Call;
use super::error::present;
use super::network::{FILTER_VALUES, filter, interface_from_sdk};
use super::security_group::{from_permission, tags_from_sdk};
use super::session::Session;
use super::{listener, rule};
use crate::cloud::{CloudError, GroupRule, Interface};
use crate::model::Id;
use crate::model::kind::Direction;
use crate::model::tag::ID_TAG;

/// API (tagging): `GetResources`.
const PAGE: i32 = 100;
const RULES_PAGE: i32 = 1000;

/// The resources of one stack, by the tag alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    /// Load balancers of the stack, and those under which something of the stack lives.
    pub(super) load_balancers: BTreeSet<Id>,
    /// Target groups.
    pub(super) target_groups: BTreeSet<Id>,
    /// Certificates: never deleted, but detached from a listener that no longer mentions them.
    pub(super) certificates: BTreeSet<Id>,
    /// Security groups.
    pub(super) security_groups: BTreeSet<Id>,
}

impl Owned {
    fn add(&mut self, arn: &str) {
        let id = Id(arn.to_owned());
        let Some(resource) = arn.splitn(6, ':').nth(5) else { return };
        match resource.split('/').collect::<Vec<_>>().as_slice() {
            ["loadbalancer", "app", ..] => {
                self.load_balancers.insert(id);
            }
            ["listener", "app", ..] => self.load_balancers.extend(listener::load_balancer_of(&id)),
            ["listener-rule", "app", ..] => {
                self.load_balancers.extend(rule::listener_of(&id).and_then(|l| listener::load_balancer_of(&l)));
            }
            ["targetgroup", ..] => {
                self.target_groups.insert(id);
            }
            ["certificate", _] => {
                self.certificates.insert(id);
            }
            ["security-group", group] => {
                self.security_groups.insert(Id((*group).to_owned()));
            }
            _ => {}
        }
    }
}

impl Session {
    /// The resources that bear this stack's tag.
    pub(super) async fn owned_by(&self, stack: &str) -> Result<Owned, CloudError> {
        const CALL: Call = Call::new("GetResources", Category::Tagging);
        let request = self
            .tagging
            .get_resources()
            .resource_type_filters("elasticloadbalancing")
            .resource_type_filters("ec2:security-group")
            .resource_type_filters("acm:certificate")
            .tag_filters(TagFilter::builder().key(ID_TAG).build())
            .resources_per_page(PAGE);
        let mut owned = Owned::default();
        let mut token = None;
        loop {
            let request = request.clone().set_pagination_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            for found in present(CALL.name, page.resource_tag_mapping_list)? {
                let mut tags = found.tags.into_iter().flatten();
                let ours = tags.any(|tag| tag.key == ID_TAG && is_of(stack, &tag.value));
                if let (true, Some(arn)) = (ours, &found.resource_arn) {
                    owned.add(arn);
                }
            }
            token = page.pagination_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(owned);
            }
        }
    }

    /// The network interfaces in these security groups.
    pub(super) async fn members(&self, groups: &[Id]) -> Result<BTreeMap<Id, Vec<Interface>>, CloudError> {
        let mut members: BTreeMap<Id, Vec<Interface>> = BTreeMap::new();
        for chunk in groups.chunks(FILTER_VALUES) {
            let filter = filter("group-id", chunk.iter().map(|id| id.0.clone()));
            for interface in self.interfaces(filter).await?.iter().map(interface_from_sdk) {
                for group in interface.groups.iter().filter(|group| groups.contains(group)) {
                    members.entry(group.clone()).or_default().push(interface.clone());
                }
            }
        }
        Ok(members)
    }

    /// The rules of security groups that pass a filter, each with its group.
    pub(super) async fn group_rules(&self, filter: Filter) -> Result<Vec<(Id, GroupRule)>, CloudError> {
        const CALL: Call = Call::new("DescribeSecurityGroupRules", Category::Ec2Read);
        let request = self.ec2.describe_security_group_rules().filters(filter).max_results(RULES_PAGE);
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let request = request.clone().set_next_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            let rules = present(CALL.name, page.security_group_rules)?;
            found.extend(rules.into_iter().filter_map(group_rule));
            token = page.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// The rules of security groups that bear a stack's tag, wherever they are.
    pub(super) async fn own_rules(&self) -> Result<Vec<(Id, GroupRule)>, CloudError> {
        self.group_rules(filter("tag-key", [ID_TAG.to_owned()])).await
    }

    /// Every rule of these security groups.
    pub(super) async fn rules_of_groups(&self, groups: &[Id]) -> Result<Vec<(Id, GroupRule)>, CloudError> {
        let mut found = Vec::new();
        for chunk in groups.chunks(FILTER_VALUES) {
            found.extend(self.group_rules(filter("group-id", chunk.iter().map(|id| id.0.clone()))).await?);
        }
        Ok(found)
    }

    /// The security groups that have a rule which names one of these.
    pub(super) async fn users_of_groups(&self, groups: &[Id]) -> Result<Vec<SdkGroup>, CloudError> {
        let mut found = Vec::new();
        for chunk in groups.chunks(FILTER_VALUES) {
            for name in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
                let ids = chunk.iter().map(|id| id.0.clone());
                found.extend(self.security_groups(Some(filter(name, ids))).await?);
            }
        }
        Ok(found)
    }
}

fn is_of(stack: &str, value: &str) -> bool {
    value.split_once(':').is_some_and(|(owner, _)| owner == stack)
}

fn group_rule(rule: SecurityGroupRule) -> Option<(Id, GroupRule)> {
    let id = Id(rule.security_group_rule_id?);
    let tags = tags_from_sdk(rule.tags);
    let stack = tags.get(ID_TAG).and_then(|tag| tag.split_once(':')).map(|(stack, _)| stack.to_owned());
    let direction = if rule.is_egress == Some(true) { Direction::Egress } else { Direction::Ingress };
    let permission = aws_sdk_ec2::types::IpPermission::builder()
        .set_ip_protocol(rule.ip_protocol)
        .set_from_port(rule.from_port)
        .set_to_port(rule.to_port);
    let description = rule.description;
    let permission = if let Some(cidr) = rule.cidr_ipv4 {
        permission.ip_ranges(aws_sdk_ec2::types::IpRange::builder().cidr_ip(cidr).set_description(description).build())
    } else if let Some(cidr) = rule.cidr_ipv6 {
        permission
            .ipv6_ranges(aws_sdk_ec2::types::Ipv6Range::builder().cidr_ipv6(cidr).set_description(description).build())
    } else if let Some(list) = rule.prefix_list_id {
        permission.prefix_list_ids(
            aws_sdk_ec2::types::PrefixListId::builder().prefix_list_id(list).set_description(description).build(),
        )
    } else {
        let group = rule.referenced_group_info.and_then(|info| info.group_id)?;
        permission.user_id_group_pairs(
            aws_sdk_ec2::types::UserIdGroupPair::builder().group_id(group).set_description(description).build(),
        )
    };
    let rule_of = from_permission(permission.build()).pop()?;
    Some((Id(rule.group_id?), GroupRule { id, stack, direction, rule: rule_of }))
}
