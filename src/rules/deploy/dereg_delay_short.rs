//! E401: targets are cut off before their slowest request has ended.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::Address;
use crate::model::value::TargetType;

const DELAY: &str = "deregistration_delay.timeout_seconds";
const FIELD: &str = "deregistration_delay";
const HINT: &str = "backend.slowest_request";
/// AWS's longest delay.
const LONGEST: u32 = 3600;

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    deregistration_delay: 60s
    backend: { slowest_request: 30s }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E401",
    name: "dereg-delay-short",
    severity: Severity::High,
    needs: &[Need::Desired],
    also: &[],
    summary: "targets are cut off before their slowest request has ended",
    explain: EXPLAIN,
    bad: Situation {
        text: "deploys were to be faster: the delay went down to 5 s, requests take up to 30 s",
        desired: STACK,
        live: "
target_groups:
  django:
    deregistration_delay: 5s
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the delay is twice the slowest request", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A target that is deregistered gets no new requests, and those in flight have the deregistration delay to
finish (default 300 s). What runs longer is cut off. A deploy deregisters every old target, so a delay shorter than the
slowest request breaks some requests at each deploy, and at each scale-in.

What clients see: 502 for slow requests during deploys and scale-in, and at no other time.

How to tell: access-log lines with 502, a target status of `-` and a target time close to the delay, at the times of
deploys. The rule compares the group's delay with `backend.slowest_request` of the file.

How to mend it: declare a `deregistration_delay` above the slowest request; it takes one call and costs only the
patience of deploys. The process has to live as long as the delay lets it: ECS stopTimeout, the pod's grace period and
gunicorn's graceful timeout end requests just the same.

Sources: ELB user guide \"Target groups for your Application Load Balancers\" (deregistration delay, 0-3600 s, default
300 s), \"Troubleshoot your Application Load Balancers\" (HTTP 502); API ModifyTargetGroupAttributes.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let groups = evidence.target_groups().filter(|(_, group)| group.target_type != Some(TargetType::Lambda));
    groups.filter_map(|(group, _)| judge(evidence, group)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let slowest = evidence.backend(group)?.slowest_request?;
    let delay = evidence.seconds(group, DELAY).filter(|delay| *delay < slowest)?;
    let declared = evidence.declared(group).and_then(|spec| spec.target_group());
    let declared = declared.and_then(|g| g.attributes.get(DELAY)?.parse().ok()).filter(|d: &u32| *d >= slowest);
    let finding = RULE
        .finding(Severity::High, group, FIELD)
        .titled(format!("targets are cut off after {delay} s, requests take up to {slowest} s"))
        .detailed("Clients get 502 for requests that outlive the delay, at each deploy and scale-in.")
        .evident(group, FIELD, delay)
        .evident(group, HINT, slowest);
    Some(match declared {
        Some(wanted) => finding
            .mended_by(format!("set the deregistration delay to {wanted} s, as the file says"))
            .declaring(group, FIELD, wanted),
        None if slowest > LONGEST => {
            finding.mended_by(format!("make requests shorter: AWS waits {LONGEST} s at most, then cuts them off"))
        }
        None => {
            let wanted = slowest.saturating_add(slowest.div_ceil(2)).min(LONGEST);
            finding.mended_by(format!("declare deregistration_delay: {wanted}s")).declaring(group, FIELD, wanted)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn the_files_delay_is_preferred_else_half_as_long_again() {
        let mut world = World::seed();
        world.group().attributes.insert(DELAY.to_owned(), "5".to_owned());
        let finding = world.only();
        assert_eq!(finding.title, "targets are cut off after 5 s, requests take up to 20 s");
        assert_eq!(finding.fix.declare.unwrap().value, 60);
        world.balancer().attributes.insert("idle_timeout.timeout_seconds".to_owned(), "400".to_owned());
        world.declare_of_balancer("idle_timeout.timeout_seconds", "400");
        world.backend().keep_alive = None;
        world.backend().slowest_request = Some(120);
        assert_eq!(world.only().fix.declare.unwrap().value, 180);
        world.backend().slowest_request = Some(5);
        world.expect(&[]);
        world.group().attributes.clear();
        world.backend().slowest_request = Some(300);
        world.expect(&[]);
    }
}
