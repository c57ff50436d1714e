//! What was read from AWS: resources in our own spec types, facts about them, and what could not be read.
//!
//! Unknown is not absent: a read that failed leaves a [`Gap`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CloudError, Network};
use crate::model::kind::{
    Certificate, Direction, Listener, LoadBalancer, Origin, Rule, SecurityGroup, Target, TargetGroup, TrafficRule,
};
use crate::model::{Id, Kind, Link, Spec, TargetHealth};

/// The live view of one account and region, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Resources by their AWS id.
    pub found: BTreeMap<Id, Live>,
    /// Subnets that were looked up.
    pub subnets: BTreeMap<Id, Subnet>,
    /// VPCs that were looked up.
    pub vpcs: BTreeMap<Id, Vpc>,
    /// Trust stores by name, if some are looked for.
    #[serde(default)]
    pub trust_stores: BTreeMap<Id, String>,
    /// Network interfaces of targets, by address; `None` if they were not or could not be read.
    pub interfaces: Option<BTreeMap<IpAddr, Interface>>,
    /// Network ACLs, routes and prefix lists around load balancers and targets.
    #[serde(default)]
    pub network: Network,
    /// Network interfaces in security groups of the stack; not of groups that are only used.
    #[serde(default)]
    pub members: BTreeMap<Id, Vec<Interface>>,
    /// Instances among the targets that an Auto Scaling group started, with that group's name.
    #[serde(default)]
    pub scaled: BTreeMap<String, String>,
    /// Targets that are being deregistered, by group, as `id:port`: they are no targets any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub leaving: BTreeMap<Id, Vec<String>>,
    /// What could not be read, and why.
    pub gaps: Vec<Gap>,
}

/// One live resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Its fields. Links are AWS ids; AWS's echo quirks are undone. Tags include ours.
    pub spec: Spec,
    /// What is known of it beyond its fields.
    pub facts: Facts,
}

/// What is known of a resource beyond what can be declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// Nothing more.
    #[default]
    None,
    /// Of a load balancer.
    LoadBalancer(LoadBalancerFacts),
    /// Of a listener.
    Listener(ListenerFacts),
    /// Of a target group: the load balancers that use it (0 or 1 for an ALB).
    TargetGroup {
        /// Load balancer ARNs.
        load_balancers: Vec<Id>,
    },
    /// Of a target.
    Target(TargetHealth),
    /// Of a certificate.
    Certificate(CertificateFacts),
    /// Of a security group: its rules that bear the tag of a stack, and all of them where that was asked for.
    SecurityGroup {
        /// The rules.
        rules: Vec<GroupRule>,
    },
}

impl Facts {
    /// The rules of a security group whose ids are known.
    pub fn group_rules(&self) -> &[GroupRule] {
        match self {
            Self::SecurityGroup { rules } => rules,
            Self::None
            | Self::LoadBalancer(_)
            | Self::Listener(_)
            | Self::TargetGroup { .. }
            | Self::Target(_)
            | Self::Certificate(_) => &[],
        }
    }
    /// Notes a rule of the security group.
    pub fn has_rule(&mut self, rule: GroupRule) {
        if let Self::SecurityGroup { rules } = self {
            rules.retain(|known| known.id != rule.id);
            rules.push(rule);
        } else {
            *self = Self::SecurityGroup { rules: vec![rule] };
        }
    }
}

/// A rule of a security group as a thing of its own (API (EC2): `DescribeSecurityGroupRules`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRule {
    /// Its id.
    pub id: Id,
    /// The stack whose tag it bears.
    pub stack: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// What it lets pass.
    pub rule: TrafficRule,
}

/// Facts about a load balancer (API: `DescribeLoadBalancers`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerFacts {
    /// `provisioning`, `active`, `active_impaired` or `failed`.
    pub state: String,
    /// AWS's reason for the state.
    pub reason: Option<String>,
    /// The DNS name that clients use.
    pub dns_name: Option<String>,
    /// The VPC.
    pub vpc: Option<Id>,
    /// The enabled zones.
    pub zones: Vec<String>,
    /// Whether AWS is still providing the capacity that was asked for; it takes no other meanwhile.
    #[serde(default)]
    pub capacity_pending: bool,
}

/// Facts about a certificate (API: acm `DescribeCertificate`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// `ISSUED`, `PENDING_VALIDATION`, `EXPIRED` and so on.
    pub status: String,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// `AMAZON_ISSUED`, `IMPORTED` or `PRIVATE`.
    pub origin: Option<String>,
    /// End of validity.
    pub not_after: Option<Timestamp>,
    /// ARNs of what uses it.
    pub in_use_by: Vec<Id>,
    /// The DNS records that prove the names, as (name, value); both CNAME.
    pub validation: Vec<(String, String)>,
    /// Start of validity.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// Who issued it: a common name.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Whom it was issued to: a distinguished name.
    #[serde(default)]
    pub subject: Option<String>,
    /// Its key in AWS's word, which may be one that no spec can name.
    #[serde(default)]
    pub key: Option<String>,
    /// Whether ACM renews it by itself.
    #[serde(default)]
    pub renewable: Option<bool>,
    /// How the last managed renewal stands: `PENDING_AUTO_RENEWAL`, `PENDING_VALIDATION`, `SUCCESS` or `FAILED`.
    #[serde(default)]
    pub renewal: Option<String>,
    /// Why it failed.
    #[serde(default)]
    pub renewal_reason: Option<String>,
    /// The names and how each is proven; those of the renewal, where there is one.
    #[serde(default)]
    pub proofs: Vec<Proof>,
}

impl CertificateFacts {
    /// Whether it can serve, may yet, or can be made to again. One that failed, that nobody validated in time or that
    /// was revoked never will: a certificate of the same names is another one.
    pub fn is_usable(&self) -> bool {
        matches!(self.status.as_str(), "ISSUED" | "PENDING_VALIDATION" | "EXPIRED")
    }
    /// Whether it may be the declared one. ACM takes new material only for what was imported.
    pub fn suits(&self, want: &Certificate) -> bool {
        self.is_usable() && (self.is_imported() || !matches!(want.origin, Some(Origin::Import { .. })))
    }
    /// Whether its material came from outside, so that it can be replaced.
    pub fn is_imported(&self) -> bool {
        self.origin.as_deref() == Some("IMPORTED")
    }
}

/// How one name of a certificate is proven (API: acm `DomainValidation`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The name.
    pub name: String,
    /// `PENDING_VALIDATION`, `SUCCESS` or `FAILED`.
    pub state: Option<String>,
    /// The CNAME record that proves it, as name and value.
    pub record: Option<(String, String)>,
}

/// Facts about a listener (API: `DescribeListeners`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerFacts {
    /// Whether the trust store of clients' certificates is still associated: `active` or `removed`.
    pub trust_store: Option<String>,
}

/// A subnet (API: EC2 `DescribeSubnets`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its VPC.
    pub vpc: Option<Id>,
    /// Its zone's name.
    pub zone: String,
    /// Its IPv4 network.
    pub cidr: String,
    /// Its IPv6 network, if it has one.
    #[serde(default)]
    pub ipv6: Option<String>,
    /// How many IPv4 addresses are left in it.
    #[serde(default)]
    pub free: Option<u32>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A VPC (API: EC2 `DescribeVpcs`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it has an IPv6 network: then a new security group lets IPv6 out as well.
    #[serde(default)]
    pub ipv6: bool,
}

/// A network interface that owns a target's address (API: EC2 `DescribeNetworkInterfaces`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// `eni-…`.
    pub id: String,
    /// Its security groups.
    pub groups: Vec<Id>,
    /// Its subnet.
    pub subnet: Option<Id>,
    /// Its VPC.
    pub vpc: Option<Id>,
    /// Its zone's name.
    #[serde(default)]
    pub zone: Option<String>,
    /// The instance it is attached to.
    #[serde(default)]
    pub instance: Option<String>,
    /// The instance that is reached at this very address when it is a target.
    #[serde(default)]
    pub reached_as: Option<String>,
    /// What its maker says it is for; ECS writes the ARN of a task's attachment there.
    #[serde(default)]
    pub description: Option<String>,
}

/// Who misses what could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeededFor {
    /// The diff: without it the view is incomplete.
    Diff,
    /// Finding what this stack made and the files no longer mention.
    Orphans,
    /// Rules only: some are listed as not checked.
    Rules,
}

/// What a gap hides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// Every resource of a kind: the list itself could not be read.
    Kind(Kind),
    /// One resource: it exists, but some of its fields are unknown.
    Resource(Id),
    /// The children of this kind under one resource.
    Children(Id, Kind),
    /// What selectors look among: subnets, VPCs, groups, trust stores.
    Lookups,
    /// Network interfaces of targets.
    Interfaces,
    /// Network ACLs.
    Acls,
    /// Route tables.
    Routes,
    /// The networks of prefix lists.
    PrefixLists,
    /// What bears this stack's tag beyond what the files mention.
    Owned,
}

/// Something that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What is hidden.
    pub hidden: Hidden,
    /// Who needs it.
    pub needed_for: NeededFor,
    /// The call that failed.
    pub error: CloudError,
}

macro_rules! of_kind {
    ($($method:ident, $get:ident, $type:ty;)+) => {
        $(
            #[doc = concat!("Every live `", stringify!($type), "` with its id.")]
            pub fn $method(&self) -> impl Iterator<Item = (&Id, &$type)> {
                self.found.iter().filter_map(|(id, live)| live.spec.$get().map(|spec| (id, spec)))
            }
        )+
    };
}

impl Snapshot {
    /// What a security group lets out that was just created in this VPC.
    pub fn egress_of_new(&self, vpc: Option<&Link>) -> Vec<TrafficRule> {
        let vpc = vpc.and_then(Link::id).and_then(|id| self.vpcs.get(id));
        SecurityGroup::egress_of_new(vpc.is_some_and(|vpc| vpc.ipv6))
    }

    of_kind! {
        load_balancers, load_balancer, LoadBalancer;
        listeners, listener, Listener;
        rules, rule, Rule;
        target_groups, target_group, TargetGroup;
        targets, target, Target;
        certificates, certificate, Certificate;
        security_groups, security_group, SecurityGroup;
    }

    /// Adds a live resource.
    pub fn insert(&mut self, id: Id, spec: impl Into<Spec>, facts: Facts) {
        self.found.insert(id, Live { spec: spec.into(), facts });
    }

    /// The certificates of the same names and key that never will serve.
    pub fn unusable_like(&self, certificate: &Certificate) -> BTreeSet<Id> {
        let alike = self.found.iter().filter_map(|(id, live)| match (&live.spec, &live.facts) {
            (Spec::Certificate(found), Facts::Certificate(facts)) if !facts.is_usable() => {
                certificate.is_like(found).then(|| id.clone())
            }
            _ => None,
        });
        alike.collect()
    }

    /// The gaps that leave the diff incomplete.
    pub fn incomplete(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().filter(|gap| gap.needed_for == NeededFor::Diff)
    }
}
