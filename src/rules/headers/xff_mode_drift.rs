//! E709: X-Forwarded-For is treated otherwise than the files say.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
use super::stack;

const KEY: &str = "routing.http.xff_header_processing.mode";

const STACK: &str = stack!("attributes: { routing.http.xff_header_processing.mode: append }");

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E709",
    name: "xff-mode-drift",
    severity: Severity::Medium,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "X-Forwarded-For is appended to, preserved or removed otherwise than declared",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody set the mode to remove; the application no longer knows its clients",
        desired: STACK,
        live: "
load_balancers:
  web:
    attributes: { routing.http.xff_header_processing.mode: remove }
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the mode is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
The load balancer appends the client's address to X-Forwarded-For (the default), preserves the header as it came, or
removes it. Applications take the client's address from it: for rate limits, allow lists, audit logs, and some to trust
X-Forwarded-Proto beside it.

What clients see: with `remove` or `preserve`, one client's address stands for all, or a forged one does: rate limits
answer 429 to everybody, allow lists 403. With `append`, a request that comes with more than 30 addresses in the header
is answered 463 by the load balancer.

How to tell: the live mode is not the declared one; the application's log shows one address, or none. 463 stands in the
access log as the load balancer's own status.

How to mend it: one call sets the declared mode again.

Sources: ELB user guide \"HTTP headers and Application Load Balancers\", \"Troubleshoot your Application Load Balancers\"
(HTTP 463); API LoadBalancerAttribute.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    drift::attribute(evidence, KEY)
        .map(|mode| {
            let detail = match mode.is {
                "append" => "Requests that already name more than 30 addresses are answered 463.",
                "remove" => "Targets do not learn who the client is: rate limits and allow lists hit the wrong ones.",
                _ => "Targets believe whatever address the client claims: rate limits and allow lists can be evaded.",
            };
            mode.finding(&RULE, Severity::Medium, "processing of X-Forwarded-For", detail)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn each_mode_says_what_it_does() {
        for (want, is, words) in
            [("append", "remove", "who"), ("append", "preserve", "claims"), ("remove", "append", "463")]
        {
            let mut world = World::seed();
            world.declare_of_balancer(KEY, want);
            world.balancer().attributes.insert(KEY.to_owned(), is.to_owned());
            let finding = world.only();
            assert!(finding.detail.contains(words), "{finding:#?}");
            assert_eq!(finding.title, format!("processing of X-Forwarded-For is {is}, the file says {want}"));
        }
    }
}
