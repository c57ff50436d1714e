//! E311: the keep-alive towards clients differs, which never makes a 502.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};

const KEY: &str = "client_keep_alive.seconds";

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    client_keep_alive: 1h
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E311",
    name: "client-keepalive",
    severity: Severity::Info,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "the keep-alive towards clients is not the declared one; never a cause of 502",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody who hunted a 502 turned the wrong knob",
        desired: STACK,
        live: "
load_balancers:
  web:
    client_keep_alive: 60s
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the setting is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A load balancer has two keep-alives. The idle timeout rules connections on both sides; `client_keep_alive` (60-604800 s,
default 3600 s) only says for how long a client's connection may be used at all. It has nothing to do with connections
to targets.

What clients see: nothing. After that time the load balancer answers the request in flight, says `Connection: close`,
and the client opens another connection. A short value costs handshakes.

How to tell: the live value is not the declared one. Whoever looks for a sporadic 502 has to look at the idle timeout
and the targets' keep-alive instead: E301, E302, E303.

How to mend it: one call sets the declared value again; there is no hurry.

Sources: ELB user guide \"Application Load Balancers\" (HTTP client keepalive duration); API LoadBalancerAttribute.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let detail = "Clients open connections more or less often; no request fails of it.";
    drift::attribute(evidence, KEY)
        .map(|keep| keep.finding(&RULE, Severity::Info, "keep-alive of clients", detail))
        .collect()
}
