//! E708: targets get another Host header than the files say.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
use super::stack;

const KEY: &str = "routing.http.preserve_host_header.enabled";

const STACK: &str = stack!("attributes: { routing.http.preserve_host_header.enabled: true }");

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E708",
    name: "host-header-drift",
    severity: Severity::Medium,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "the Host header is preserved or rewritten otherwise than declared",
    explain: EXPLAIN,
    bad: Situation {
        text: "the Host header was to reach targets as it came; that was switched off",
        desired: STACK,
        live: "
load_balancers:
  web:
    attributes: { routing.http.preserve_host_header.enabled: false }
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the setting is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
Unless the Host header is preserved, the load balancer edits it: letters become small, the port is added on listeners
other than 80 and 443, and taken away on those two. Applications that choose by Host (virtual hosts, ALLOWED_HOSTS,
absolute redirects, signed requests) behave otherwise when that changes.

What clients see: 400 or 404 from the application where it does not know the host with or without its port; redirects to
`:8080`, which nobody listens on from outside; 403 where the host is part of a signature. On listeners 80 and 443 with
clients that send small letters and no port, nothing.

How to tell: the live setting is not the declared one. Compare the Host that the application logs with the one that the
client sent.

How to mend it: one call sets the declared value again.

Sources: ELB user guide \"Application Load Balancers\" (host header preservation), \"How Elastic Load Balancing works\"; API
LoadBalancerAttribute.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let detail = "Applications that choose by Host answer 400 or 404, or redirect to a port that nobody reaches.";
    let title = "preservation of the Host header";
    drift::attribute(evidence, KEY).map(|host| host.finding(&RULE, Severity::Medium, title, detail)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn both_directions_count() {
        for (want, is, found) in [("false", "true", 1), ("true", "false", 1), ("true", "true", 0)] {
            let mut world = World::seed();
            world.declare_of_balancer(KEY, want);
            world.balancer().attributes.insert(KEY.to_owned(), is.to_owned());
            assert_eq!(world.judge().len(), found, "{is} for {want}");
        }
    }
}
