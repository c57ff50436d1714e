//! What must be read: derived from the desired files by `diff`, obeyed by every implementation of `Read`.

use std::collections::{BTreeMap, BTreeSet};

use super::NeededFor;
use crate::model::kind::TargetGroup;
use crate::model::{Id, Selector};

/// What one run needs to see.
///
/// A read costs API budget that the whole account shares, so nothing is read that is not named here
/// or needed to judge what is (their listeners, rules, attributes, tags, targets).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The stack whose resources are wanted whatever their names: what bears its tag. Certificates aside.
    pub owned_by: Option<String>,
    /// Load balancers by name, each with its listeners, rules, attributes, tags and certificates.
    pub load_balancers: BTreeSet<String>,
    /// Target groups by name, each with attributes, tags and targets. Names that do not exist are
    /// simply not found.
    pub target_groups: BTreeSet<String>,
    /// Whether the target groups that serve these load balancers are wanted as well, whatever their
    /// names; their targets then are part of what must be known.
    pub attached_groups: bool,
    /// Whether the registered targets of each group are part of the diff; otherwise they are read for
    /// the rules' sake, and a failure is no gap in the diff.
    pub membership: BTreeSet<String>,
    /// Certificates by ARN, described with their tags.
    pub certificates: BTreeSet<Id>,
    /// Certificates by first name: every certificate of the account with this domain is described.
    pub certificate_domains: BTreeSet<String>,
    /// Whether certificates chosen by server name are part of the diff; otherwise they are read for the
    /// rules' sake.
    pub sni_certificates: bool,
    /// Whether it is wanted whose each certificate of the listeners is; otherwise it is asked of those that are looked
    /// for, and of those that bear the stack's tag.
    pub certificate_tags: bool,
    /// The load balancers, by name, whose reserved capacity is wanted, and who needs it.
    pub capacity: BTreeMap<String, NeededFor>,
    /// Security groups by id.
    pub security_group_ids: BTreeSet<Id>,
    /// Security groups by group name.
    pub security_group_names: BTreeSet<String>,
    /// Security groups by group name of which every rule's owner is wanted; of the others, what bears a stack's tag.
    pub security_group_rules: BTreeSet<String>,
    /// Selectors to resolve: their subnets, VPCs and groups are read.
    pub selectors: BTreeSet<Selector>,
    /// VPCs by id, read where a security group with exclusive egress is to be created.
    pub vpcs: BTreeSet<Id>,
    /// Subnets by id, read where a load balancer is to be created.
    pub subnets: BTreeSet<Id>,
    /// Whether the rules want to see the network around the targets.
    pub network: bool,
}

impl Scope {
    /// Whether a target group of this name is wanted: by its name, or because it may have replaced one that is.
    pub fn wants_group(&self, name: &str) -> bool {
        names_group(&self.target_groups, name)
    }
    /// Whether the targets of a group of this name are part of the diff.
    pub fn wants_members(&self, name: &str) -> bool {
        names_group(&self.membership, name)
    }
}

fn names_group(names: &BTreeSet<String>, name: &str) -> bool {
    let stem = name.rsplit_once('-').map_or(name, |(stem, _)| stem);
    let alike = names.range(stem.to_owned()..).take_while(|of| of.starts_with(stem));
    names.contains(name) || alike.into_iter().any(|of| TargetGroup::may_succeed(of, name))
}
