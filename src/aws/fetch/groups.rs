//! What is known of security groups beyond their fields: whose their rules are, and who uses a group that may go.

use super::View;
use crate::aws::call::soft;
use crate::aws::security_group;
use crate::cloud::{CloudError, Facts};
use crate::model::Id;
use crate::model::kind::{Direction, SecurityGroup};

impl View<'_> {
    /// Whose the rules of the groups are.
    ///
    /// One query has told the rules that bear a stack's tag. The ids of the others are asked for only where a managed
    /// group has others, which is rare once it was adopted.
    pub(super) async fn group_rules(&mut self) -> Result<(), CloudError> {
        // without the permission to ask there is nothing to tell apart
        let Some(tagged) = self.own_rules.take() else { return Ok(()) };
        for (group, rule) in tagged {
            if let Some(live) = self.snapshot.found.get_mut(&group) {
                live.facts.has_rule(rule);
            }
        }
        let unclear = self.snapshot.security_groups().filter(|(id, group)| {
            let facts = self.snapshot.found.get(*id).map(|live| &live.facts);
            self.scope.security_group_rules.contains(&group.name) && facts.is_some_and(|f| has_others(group, f))
        });
        let unclear: Vec<Id> = unclear.map(|(id, _)| id.clone()).collect();
        let found = soft(self.session.rules_of_groups(&unclear).await)?;
        for (group, rule) in self.keep_owned(found).unwrap_or_default() {
            if let Some(live) = self.snapshot.found.get_mut(&group) {
                live.facts.has_rule(rule);
            }
        }
        Ok(())
    }

    /// Who uses security groups of the stack that the files no longer mention: interfaces, and rules of other groups.
    pub(super) async fn users(&mut self) -> Result<(), CloudError> {
        let (ids, names) = (&self.scope.security_group_ids, &self.scope.security_group_names);
        let groups = self.snapshot.security_groups().filter(|(id, group)| {
            self.owned.security_groups.contains(*id) && !ids.contains(*id) && !names.contains(&group.name)
        });
        let groups: Vec<Id> = groups.map(|(id, _)| id.clone()).collect();
        let session = self.session;
        let (members, users) = tokio::try_join!(async { soft(session.members(&groups).await) }, async {
            soft(session.users_of_groups(&groups).await)
        })?;
        self.snapshot.members = self.keep_owned(members).unwrap_or_default();
        for (id, spec) in self.keep_owned(users).unwrap_or_default().into_iter().filter_map(security_group::from_sdk) {
            if !self.snapshot.found.contains_key(&id) {
                self.snapshot.insert(id, spec, Facts::None);
            }
        }
        Ok(())
    }
}

/// Whether a group has rules that bear nobody's tag, those aside that AWS gives to every new group.
fn has_others(group: &SecurityGroup, facts: &Facts) -> bool {
    Direction::ALL.into_iter().any(|direction| {
        let known = || facts.group_rules().iter().filter(|known| known.direction == direction);
        let mut rules = group.rules(direction).into_iter().flatten();
        rules.any(|rule| {
            !SecurityGroup::has_from_aws(direction, rule) && !known().any(|known| known.rule.same_traffic(rule))
        })
    })
}
