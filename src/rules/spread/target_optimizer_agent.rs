//! E911: the load balancer cannot reach the agents that say how much targets take.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::json;

use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use crate::model::Address;
use crate::model::kind::TargetGroup;

const FIELD: &str = "target_control_port";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E911",
    name: "target-optimizer-agent",
    severity: Severity::High,
    needs: &[Need::Network],
    also: &[],
    summary: "the load balancer cannot reach the agents that say how much targets take",
    explain: EXPLAIN,
    bad: Situation {
        text: "the agent listens on port 3000, the security group opens the application's port only",
        desired: STACK,
        live: "
security_groups:
  app:
    ingress: [ { from: alb, ports: [8000] } ]
",
        health: &[Health::healthy("django/10.0.1.10:8000")],
        interfaces: &[("10.0.1.10", &["app"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both ports are open to the load balancer",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000")],
        interfaces: &[("10.0.1.10", &["app"])],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const STACK: &str = r#"
security_groups:
  alb:
    vpc: main
    description: front door
    ingress: [ { from: 0.0.0.0/0, ports: [80] } ]
  app:
    vpc: main
    description: application
    ingress: [ { from: alb, ports: [8000, 3000] } ]
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    target_control_port: 3000
    targets: ["10.0.1.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [alb]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

const EXPLAIN: &str = "
With a target control port, an agent beside each target tells the load balancer how many more requests it takes, and gets
no more than that. A target whose agent is missing, or cannot be reached because a security group keeps its port closed,
takes nothing: it is healthy, and idle.

What clients see: requests are rejected when no target has asked for any. With which status code is not confirmed.

How to tell: TargetControlChannelErrorCount and TargetControlRequestRejectCount rise while targets are healthy. The rule
looks at the security groups of the targets' interfaces: whether any rule opens the control port at all.

How to mend it: let the targets' security group admit the control port from the load balancer's group; this adds a rule and
takes none away. Then look whether the agent runs. A group's control port cannot be edited.

Sources: API CreateTargetGroup.TargetControlPort; ELB user guide \"CloudWatch metrics for your Application Load Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.target_groups().filter_map(|(address, group)| judge(evidence, address, group)).collect()
}

fn judge(evidence: &Evidence, address: &Address, group: &TargetGroup) -> Option<Finding> {
    let port = group.target_control_port?;
    let interface = |id: &str| Some(&evidence.interfaces.get(&id.parse::<IpAddr>().ok()?)?.groups);
    let shut = |groups: &BTreeSet<Address>| {
        let closed = |group: &Address| {
            let ingress = evidence.security_group(group).and_then(|group| group.ingress.as_ref());
            ingress.is_some_and(|rules| !rules.iter().any(|rule| rule.admits_tcp(port)))
        };
        !groups.is_empty() && groups.iter().all(closed)
    };
    let targets = evidence.targets_of(address).filter_map(|(at, target)| Some((at, interface(&target.id)?)));
    let cut_off: Vec<_> = targets.filter(|(_, groups)| shut(groups)).collect();
    let (first, groups) = cut_off.first()?;
    let door = groups.iter().find(|group| evidence.declared(group).is_some()).or_else(|| groups.first())?;
    let sources: BTreeSet<String> = evidence
        .load_balancers_of(address)
        .into_iter()
        .filter_map(|lb| evidence.load_balancer(lb)?.security_groups.as_ref()?.first().map(ToString::to_string))
        .collect();
    let severity = if evidence.serves(address) { Severity::High } else { Severity::Medium };
    let rules: Vec<_> = sources.iter().map(|from| json!({ "from": from, "ports": [port] })).collect();
    let open: Vec<String> = evidence
        .security_group(door)
        .and_then(|group| group.ingress.as_ref())
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    let sources: Vec<String> = sources.into_iter().collect();
    let finding = RULE
        .finding(severity, address, FIELD)
        .titled(format!("security group {} keeps port {port} of the agents closed", door.name))
        .detailed(format!(
            "Clients' requests to {} are rejected, with a status that is not confirmed: targets that cannot ask for \
             requests get none.",
            address.name
        ))
        .evident(address, FIELD, port)
        .evident(door, "ingress", open)
        .evident(first, "", json!({ "control_port_reachable": false }))
        .mended_by(format!("let security group {} admit TCP {port} from {}", door.name, sources.join(", ")));
    let is_ours = evidence.declared(door).is_some() && !rules.is_empty();
    Some(if is_ours { finding.declaring(door, "ingress", rules) } else { finding })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, admits, at};
    use super::*;
    use crate::model::kind::Peer;

    #[test]
    fn any_rule_for_the_port_is_enough_and_unread_groups_are_silence() {
        let mut world = World::seed();
        world.group().target_control_port = Some(3000);
        world.expect(&[("E911", Severity::High)]);
        assert_eq!(world.only().fix.text, "let security group app admit TCP 3000 from alb");
        world.ingress("app").push(admits(Peer::PrefixList("pl-1".to_owned()), 3000));
        world.expect(&[]);
        let mut world = World::seed();
        world.group().target_control_port = Some(3000);
        world.live.remove(&at("security_group/app"));
        world.expect(&[]);
    }
}
