//! All that an account holds, by plain calls, as lines that can be compared: ids are replaced by what they name, and
//! what is new with every resource (DNS names, times) is left out.

use std::collections::BTreeMap;
use std::fmt::Debug;

use aws_sdk_elasticloadbalancingv2::types::Action;

use crate::support::account::Account;
use crate::support::wait_for;

/// One line for each object.
pub fn state(account: &Account) -> Vec<String> {
    wait_for(read(account))
}

/// What is only in one of two states.
pub fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    names: BTreeMap<String, String>,
}

impl Lines {
    fn name(&mut self, id: Option<&str>, name: String) {
        self.names.insert(id.unwrap().to_owned(), name);
    }
    fn line(&mut self, what: &str, of: &str, object: &impl Debug) {
        self.lines.push(format!("{what} {of} {object:?}"));
    }
    /// Longer ids first: a listener's is within its rules'.
    fn finish(self) -> Vec<String> {
        let mut names: Vec<_> = self.names.into_iter().collect();
        names.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        let mut lines: Vec<String> = self
            .lines
            .into_iter()
            .map(|line| names.iter().fold(line, |line, (id, name)| line.replace(id.as_str(), name)))
            .collect();
        lines.sort();
        lines
    }
}

/// The groups of a forward are a set.
fn in_order<'a>(actions: impl Iterator<Item = &'a mut Action>) {
    for config in actions.filter_map(|action| action.forward_config.as_mut()) {
        if let Some(groups) = &mut config.target_groups {
            groups.sort_by_key(|group| group.target_group_arn.clone());
        }
    }
}

async fn read(account: &Account) -> Vec<String> {
    let mut out = Lines::default();
    let mut tagged = Vec::new();
    let groups = account.elb.describe_target_groups().send().await.unwrap();
    for group in groups.target_groups() {
        let name = format!("group:{}", group.target_group_name().unwrap());
        out.name(group.target_group_arn(), name.clone());
        out.line("group", &name, group);
        let arn = group.target_group_arn().unwrap();
        tagged.push(arn.to_owned());
        let all = account.elb.describe_target_group_attributes().target_group_arn(arn).send().await.unwrap();
        let mut all: Vec<String> = all.attributes().iter().map(|a| format!("{a:?}")).collect();
        all.sort();
        out.line("group attributes", &name, &all);
        let health = account.elb.describe_target_health().target_group_arn(arn).send().await.unwrap();
        let mut targets: Vec<_> = health
            .target_health_descriptions()
            .iter()
            .filter(|t| t.target_health().and_then(|h| h.state()).is_none_or(|state| state.as_str() != "draining"))
            .map(|t| format!("{:?}", t.target()))
            .collect();
        targets.sort();
        out.line("targets", &name, &targets);
    }
    let balancers = account.elb.describe_load_balancers().send().await.unwrap();
    for lb in balancers.load_balancers() {
        let name = format!("balancer:{}", lb.load_balancer_name().unwrap());
        out.name(lb.load_balancer_arn(), name.clone());
        let mut zones: Vec<_> = lb.availability_zones().iter().map(|z| (z.zone_name(), z.subnet_id())).collect();
        zones.sort();
        out.line("balancer", &name, &(lb.scheme(), zones, lb.security_groups(), lb.ip_address_type()));
        let arn = lb.load_balancer_arn().unwrap();
        tagged.push(arn.to_owned());
        let all = account.elb.describe_load_balancer_attributes().load_balancer_arn(arn).send().await.unwrap();
        let mut all: Vec<String> = all.attributes().iter().map(|a| format!("{a:?}")).collect();
        all.sort();
        out.line("balancer attributes", &name, &all);
        let listeners = account.elb.describe_listeners().load_balancer_arn(arn).send().await.unwrap();
        for listener in listeners.listeners() {
            let name = format!("listener:{}", listener.port().unwrap());
            out.name(listener.listener_arn(), name.clone());
            let mut shown = listener.clone();
            in_order(shown.default_actions.iter_mut().flatten());
            out.line("listener", &name, &shown);
            let arn = listener.listener_arn().unwrap();
            tagged.push(arn.to_owned());
            let all = account.elb.describe_listener_attributes().listener_arn(arn).send().await.unwrap();
            let mut all: Vec<String> = all.attributes().iter().map(|a| format!("{a:?}")).collect();
            all.sort();
            out.line("listener attributes", &name, &all);
            let rules = account.elb.describe_rules().listener_arn(arn).send().await.unwrap();
            for rule in rules.rules() {
                let of = format!("{name}/{}", rule.priority().unwrap());
                out.name(rule.rule_arn(), format!("rule:{of}"));
                let mut shown = rule.clone();
                in_order(shown.actions.iter_mut().flatten());
                out.line("rule", &of, &shown);
                if !rule.is_default().unwrap() {
                    tagged.push(rule.rule_arn().unwrap().to_owned());
                }
            }
        }
    }
    for arns in tagged.chunks(20) {
        let tags = account.elb.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await.unwrap();
        for tags in tags.tag_descriptions() {
            let mut all: Vec<_> = tags.tags().iter().map(|t| (t.key().unwrap(), t.value())).collect();
            all.sort();
            out.line("tags", tags.resource_arn().unwrap(), &all);
        }
    }
    let groups = account.ec2.describe_security_groups().send().await.unwrap();
    for group in groups.security_groups() {
        out.name(group.group_id(), format!("sg:{}", group.group_name().unwrap()));
        let mut tags: Vec<_> = group.tags().iter().map(|t| (t.key(), t.value())).collect();
        tags.sort();
        out.line("security group", group.group_id().unwrap(), &(group.description(), tags));
    }
    let rules = account.ec2.describe_security_group_rules().send().await.unwrap();
    for rule in rules.security_group_rules() {
        let mut rule = rule.clone();
        (rule.security_group_rule_id, rule.security_group_rule_arn) = (None, None);
        let mut tags = rule.tags.take().unwrap_or_default();
        tags.sort_by_key(|tag| tag.key.clone());
        out.line("lets", rule.group_id().unwrap(), &(&rule, tags));
    }
    out.finish()
}
