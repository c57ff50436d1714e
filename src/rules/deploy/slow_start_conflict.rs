//! E405: new targets are not spared, or slow start meets an algorithm that has none.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::Address;
use crate::model::value::TargetType;

const SLOW: &str = "slow_start.duration_seconds";
const FIELD: &str = "slow_start";
const ALGORITHM: &str = "load_balancing.algorithm.type";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E405",
    name: "slow-start-conflict",
    severity: Severity::Medium,
    needs: &[Need::Live],
    also: &[],
    summary: "slow start is off or shorter than declared, or meets an algorithm without it",
    explain: EXPLAIN,
    bad: Situation {
        text: "the file gives new targets two minutes to warm up, AWS gives them none",
        desired: STACK,
        live: "
target_groups:
  django:
    slow_start: 0s
",
        ..Situation::EMPTY
    },
    good: Situation { text: "new targets warm up as the file says", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    slow_start: 120s
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

const EXPLAIN: &str = "
With slow start a target that has just become healthy gets a growing share of requests for 30 to 900 s; without, its
full share at once. Applications that compile, fill caches or open connections on their first requests answer those
slowly. Slow start goes with the round robin algorithm only: AWS refuses it together with least outstanding requests or
weighted random.

What clients see: slow answers after each deploy and scale-out, and 504 where they take longer than the idle timeout. A
group that was empty has no slow start at all: its first targets get everything at once.

How to tell: TargetResponseTime rises for some minutes whenever a target becomes healthy. The rule compares the group's
slow start with the file's, and with the algorithm in effect.

How to mend it: one call sets the declared duration again. With another algorithm, decide for one of the two.

Sources: API TargetGroupAttribute slow_start.duration_seconds, load_balancing.algorithm.type; ELB user guide \"Target
groups for your Application Load Balancers\" (slow start mode).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let groups = evidence.target_groups().filter(|(_, group)| group.target_type != Some(TargetType::Lambda));
    groups.filter_map(|(group, _)| conflicting(evidence, group).or_else(|| shorter(evidence, group))).collect()
}

fn conflicting(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let slow = evidence.seconds(group, SLOW).filter(|slow| *slow > 0)?;
    let algorithm = evidence.attribute(group, ALGORITHM).filter(|algorithm| *algorithm != "round_robin")?;
    Some(
        RULE.finding(Severity::Medium, group, FIELD)
            .titled(format!("slow start of {slow} s does not go with {algorithm}"))
            .detailed(
                "AWS refuses the two together. Clients would see 504 from targets that get a full share while cold.",
            )
            .evident(group, FIELD, slow)
            .evident(group, "algorithm", algorithm)
            .mended_by("declare algorithm: round_robin, or slow_start: 0s"),
    )
}

fn shorter(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let slow = evidence.seconds(group, SLOW)?;
    let declared = evidence.declared(group)?.target_group()?;
    let want: u32 = declared.attributes.get(SLOW)?.parse().ok()?;
    let now = if slow == 0 { "off".to_owned() } else { format!("{slow} s") };
    (slow < want).then(|| {
        RULE.finding(Severity::Low, group, FIELD)
            .titled(format!("slow start is {now}, the file gives new targets {want} s"))
            .detailed(
                "Clients get slow answers, or 504, from targets that get a full share while cold, at each deploy.",
            )
            .evident(group, FIELD, slow)
            .mended_by(format!("set slow start to {want} s, as the file says"))
            .declaring(group, FIELD, want)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn an_algorithm_without_slow_start_is_named() {
        let mut world = World::seed();
        let attributes = &mut world.group().attributes;
        attributes.insert(SLOW.to_owned(), "60".to_owned());
        world.expect(&[]);
        world.group().attributes.insert(ALGORITHM.to_owned(), "least_outstanding_requests".to_owned());
        world.expect(&[("E405", Severity::Medium)]);
        assert_eq!(world.only().title, "slow start of 60 s does not go with least_outstanding_requests");
    }
}
