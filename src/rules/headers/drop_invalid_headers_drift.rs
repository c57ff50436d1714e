//! E705: the load balancer drops headers that the files let pass.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
use super::stack;

const KEY: &str = "routing.http.drop_invalid_header_fields.enabled";

const STACK: &str = stack!("drop_invalid_header_fields: false");

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E705",
    name: "drop-invalid-headers-drift",
    severity: Severity::Medium,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "headers with unusual names are dropped, though the files let them pass",
    explain: EXPLAIN,
    bad: Situation {
        text: "a hardening run switched dropping on; the application's API_TOKEN header is gone",
        desired: STACK,
        live: "
load_balancers:
  web:
    drop_invalid_header_fields: true
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the setting is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
With `drop_invalid_header_fields` the load balancer takes every header out of requests whose name has another character
than letters, digits and `-`. The underscore is the one that matters: `API_TOKEN`, `X_Request_Id`.

What clients see: whatever the application answers without the header, mostly 401, 403 or 400; 500 where it takes the
header for granted. Nothing tells the client that a header was removed.

How to tell: the metric DroppedInvalidHeaderRequestCount rises; the live setting is on and the file says off. The other
direction, off where the file says on, breaks no request and is no finding here.

How to mend it: one call sets the declared value again. Better in the long run: rename the header, since nginx and
others drop such names as well.

Sources: ELB user guide \"Application Load Balancers\" (drop invalid header fields), \"CloudWatch metrics\"; API
LoadBalancerAttribute.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let on = drift::attribute(evidence, KEY).filter(|drop| drop.is == "true");
    let detail = "Requests reach targets without headers such as API_TOKEN; clients get the 4xx or 500 that follows.";
    on.map(|drop| drop.finding(&RULE, Severity::Medium, "dropping of invalid headers", detail)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn headers_that_pass_where_they_should_not_break_no_request() {
        for (want, is, found) in [("false", "true", 1), ("true", "false", 0), ("true", "true", 0)] {
            let mut world = World::seed();
            world.declare_of_balancer(KEY, want);
            world.balancer().attributes.insert(KEY.to_owned(), is.to_owned());
            assert_eq!(world.judge().len(), found, "{is} for {want}");
        }
    }
}
