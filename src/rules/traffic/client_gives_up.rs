//! E310: clients close the connection before the answer is there.

use super::super::situation::Logged;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::shaped;
use crate::model::Kind;
use crate::model::traffic::Shape;

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
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E310",
    name: "client-gives-up",
    severity: Severity::Info,
    needs: &[Need::Logs],
    also: &[],
    summary: "clients close the connection before the answer is there",
    explain: EXPLAIN,
    bad: Situation {
        text: "412 of 90000 clients gave up before the target answered",
        desired: STACK,
        logged: &[Logged {
            at: "load_balancer/web",
            requests: 90_000,
            shape: Shape::ClientGone,
            count: 412,
            reason: "",
        }],
        ..Situation::EMPTY
    },
    good: Situation { text: "the access logs show nothing of the kind", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A client that waits no longer closes its connection; the load balancer then logs 460, a status that nobody receives. A
few always do: pages that are left, phones that lose their network. Many, all after the same time, are a client with a
timeout of its own: another service, a CDN, a job that calls the API.

What clients see: their own timeout, and no answer from the load balancer. It is no 5xx, and is often reported as one.

How to tell: access-log lines with status 460; the time of the target shows how long it had been working. In metrics they
are among HTTPCode_ELB_4XX_Count.

How to mend it: make the slow answer faster, or raise the client's timeout above the load balancer's idle timeout, so that
the load balancer's 504 says what happened. There is no setting of the load balancer for it.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 460), \"Access logs for your Application Load
Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    shaped(evidence, Kind::LoadBalancer, Shape::ClientGone)
        .map(|seen| {
            seen.finding(&RULE, Severity::Info)
                .titled(format!("{} gave up before the answer was there", seen.times("client")))
                .detailed(
                    "Those clients got no answer: they closed the connection first (460). It is no 5xx of anybody's.",
                )
                .mended_by("make slow answers faster, or raise the timeout of the clients that ask")
        })
        .collect()
}
