//! E810: a declared listener is not there.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::Address;
use crate::model::kind::Listener;

const FIELD: &str = "protocol";

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
      8080:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E810",
    name: "listener-missing",
    severity: Severity::Critical,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a declared listener is not there: connections to its port are refused",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody deleted the listener on port 8080",
        desired: STACK,
        live: "
load_balancers:
  web:
    listeners:
      8080: null
",
        ..Situation::EMPTY
    },
    good: Situation { text: "both listeners are there", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A load balancer answers on the ports that have a listener. Without one, nothing answers there at all.

What clients see: a refused connection, all of them. There is no HTTP status and no line in the access log; a CDN in
front answers 502 or 504.

How to tell: the file declares the listener, the load balancer is there, and DescribeListeners does not list it. It
counts as an outage where the load balancer still bears the mark that it had all the file declares; where nothing says
that the listener ever was there, it is a warning; where the file has changed since, it is new and no finding.

How to mend it: apply creates it, once the groups that it forwards to have healthy targets. If it shall not be there,
take it out of the file.

Sources: ELB user guide \"Listeners for your Application Load Balancers\"; API DescribeListeners, CreateListener.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let specs = evidence.desired.iter().flat_map(|desired| &desired.specs);
    let listeners = specs.filter_map(|(address, spec)| Some((address, spec.listener()?)));
    listeners.filter_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Option<Finding> {
    let lb = listener.load_balancer.address().filter(|lb| evidence.load_balancer(lb).is_some())?;
    let severity = super::of_missing(evidence, address, Severity::Critical)?;
    let there: Vec<u16> = evidence.listeners_of(lb).map(|(_, listener)| listener.port).collect();
    (!there.contains(&listener.port)).then(|| {
        RULE.finding(severity, address, FIELD)
            .titled(format!(
                "nothing listens on port {} of {}, the file says {}",
                listener.port,
                lb.name,
                said(listener)
            ))
            .detailed("Clients cannot connect to this port; a CDN in front answers 502 or 504.")
            .evident(lb, "listeners", there)
            .mended_by("create the listener as in the file, or take it out of the file")
    })
}

fn said(listener: &Listener) -> &'static str {
    listener.protocol.map_or("there is a listener", |protocol| protocol.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;

    #[test]
    fn what_was_there_is_worse_than_what_is_new() {
        let mut world = World::seed();
        world.live.remove(&at("listener/web:80"));
        world.expect(&[("E810", Severity::Medium)]);
        world.drifted.insert(at("listener/web:80"));
        world.expect(&[("E810", Severity::Critical)]);
        assert_eq!(world.only().title, "nothing listens on port 80 of web, the file says http");
        world.drifted.clear();
        world.pending.insert(at("listener/web:80"));
        world.expect(&[]);
        world.pending.clear();
        world.live.remove(&at("load_balancer/web"));
        assert!(world.judge().iter().all(|f| f.rule != "E810"), "without a load balancer there is no listener");
    }
}
