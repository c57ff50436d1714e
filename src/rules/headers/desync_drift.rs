//! E704: the desync mitigation mode is stricter than the declared one.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
use super::stack;

const KEY: &str = "routing.http.desync_mitigation_mode";

const STACK: &str = stack!("attributes: { routing.http.desync_mitigation_mode: defensive }");

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E704",
    name: "desync-drift",
    severity: Severity::Medium,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "the desync mitigation mode is stricter than the declared one",
    explain: EXPLAIN,
    bad: Situation {
        text: "an audit set the mode to strictest",
        desired: STACK,
        live: "
load_balancers:
  web:
    attributes: { routing.http.desync_mitigation_mode: strictest }
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the mode is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
The load balancer classifies requests by how they could be misread: compliant, acceptable, ambiguous, severe. `monitor`
lets all but the severe pass, `defensive` (the default) closes both connections after an ambiguous one, `strictest`
takes compliant requests only.

What clients see: 400 from the load balancer for requests that worked before the change, such as a GET with a body
length that is written oddly. Old HTTP libraries and hand-written clients are hit, browsers hardly ever. With
`defensive` in the place of `monitor`, connections close more often, and NewConnectionCount rises.

How to tell: the live mode is stricter than the declared one; access-log lines have a `classification` that is not
Compliant, and a `classification_reason`. A mode that is laxer than the declared one refuses nothing and is no finding
here; the plan lists it all the same.

How to mend it: one call sets the declared mode again. If the stricter mode is wanted, declare it, after a look at the
classifications in the access log.

Sources: ELB user guide \"Application Load Balancers\" (desync mitigation mode), \"Access logs\"; API LoadBalancerAttribute.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let stricter = drift::attribute(evidence, KEY).filter(|mode| strictness(mode.is) > strictness(mode.want));
    let detail = "Clients whose requests are not written to the letter get 400, or lose their connection.";
    stricter.map(|mode| mode.finding(&RULE, Severity::Medium, "desync mitigation", detail)).collect()
}

fn strictness(mode: &str) -> u8 {
    match mode {
        "monitor" => 0,
        "strictest" => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn only_a_stricter_mode_is_found() {
        let order = ["monitor", "defensive", "strictest"];
        for (i, want) in order.into_iter().enumerate() {
            for (j, is) in order.into_iter().enumerate() {
                let mut world = World::seed();
                world.declare_of_balancer(KEY, want);
                world.balancer().attributes.insert(KEY.to_owned(), is.to_owned());
                assert_eq!(world.judge().iter().any(|f| f.rule == "E704"), j > i, "{is} for {want}");
            }
        }
    }
}
