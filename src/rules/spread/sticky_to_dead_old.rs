//! E913: clients stick to a group that has nobody left.

use super::super::forwards::Forwarding;
use super::super::members::Members;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E913",
    name: "sticky-to-dead-old",
    severity: Severity::Info,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "clients may still stick to a group at weight 0 that has nobody left",
    explain: EXPLAIN,
    bad: Situation {
        text: "the old group was emptied as soon as its weight was 0; its cookies live for an hour",
        desired: STACK,
        health: &[Health::healthy("green/10.0.2.10:8000")],
        empty: &["blue"],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the old group keeps its targets until the cookies have ended",
        desired: STACK,
        health: &[Health::healthy("green/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const STACK: &str = r#"
target_groups:
  blue:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
  green:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: ["10.0.2.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: { to: { blue: 0, green: 100 }, stickiness: 1h } }
"#;

const EXPLAIN: &str = "
Stickiness of a forward binds a client to a group by a cookie, for as long as the cookie lives. The cookie outlives the
weight: after a switch to weight 0, clients with a cookie still go to the old group. Stickiness to a target is another
matter: when that target is unhealthy, the load balancer chooses another one.

What clients see: those with a cookie get 503 if the old group is empty, 502 or 504 if its targets are all unhealthy, until
the cookie ends. New clients see nothing of it.

How to tell: 503s for some clients only, after a release, on requests with an AWSALBTG cookie; the access log names the old
group. The rule looks for sticky forwards with a group at weight 0 that cannot answer.

How to mend it: keep the old group's targets until the stickiness duration is over after the switch. If it has happened,
take the group out of the forward: the cookie then leads nowhere and clients are sent to the others.

Sources: ELB user guide \"Sticky sessions for your Application Load Balancer\", \"Listeners for your Application Load
Balancers\" (target group stickiness).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Forwarding::all(evidence).filter_map(|forwarding| judge(evidence, &forwarding)).collect()
}

fn judge(evidence: &Evidence, forwarding: &Forwarding) -> Option<Finding> {
    let seconds = forwarding.forward.stickiness?;
    let left = forwarding.forward.to.iter().filter(|(_, weight)| **weight == 0);
    let mut left = left.filter_map(|(link, _)| {
        let address = link.address()?;
        Some(Members::of(evidence, address, evidence.target_group(address)?))
    });
    let old = left.find(Members::is_dead)?;
    let name = &old.address.name;
    Some(
        forwarding
            .finding(&RULE, Severity::Info)
            .titled(format!("clients may stick to {name} for {seconds} s, which has nobody left"))
            .detailed("Clients that came before the switch get 503 until their cookie ends; others see nothing of it.")
            .evident(forwarding.address, &format!("{}.stickiness", forwarding.field()), seconds)
            .evident(old.address, "healthy_targets", old.ready())
            .mended_by(format!("take {name} out of the forward, or keep its targets for {seconds} s after a switch")),
    )
}
