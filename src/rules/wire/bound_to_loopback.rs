//! E510: the application listens on loopback only.

use super::super::cause::{Cause, is_loopback};
use super::super::probed::Probed;
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, seen, verb};
use crate::model::Address;

const HINT: &str = "backend.bind";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E510",
    name: "bound-to-loopback",
    severity: Severity::Critical,
    needs: &[Need::Desired],
    also: &[Need::Probe],
    summary: "the application listens on 127.0.0.1, where no load balancer reaches it",
    explain: EXPLAIN,
    bad: Situation {
        text: "gunicorn keeps its default bind of 127.0.0.1:8000",
        desired: r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: ["10.0.1.10"]
    backend: { server: gunicorn, bind: "127.0.0.1:8000" }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#,
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the port answers on the target's own address",
        desired: DJANGO,
        probe: &seen(super::WELL),
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
gunicorn, uvicorn, hypercorn and daphne listen on 127.0.0.1 unless they are told otherwise. There a test on the machine
itself succeeds, and nobody else gets a connection: the load balancer's is refused. (gunicorn listens on all
addresses if PORT is set in its environment.)

What clients see: 502 on every request, at once, because a refused connection is not retried elsewhere. Every target is
unhealthy, so the load balancer fails open and sends requests into the same refusal.

How to tell: `Target.FailedHealthChecks` while `curl 127.0.0.1:8000` works on the target; `ss -ltn` there shows
127.0.0.1:8000. A host firewall that drops instead of refusing shows as `Target.Timeout` and 504.

How to mend it: listen on 0.0.0.0, or on the target's own address: gunicorn `--bind 0.0.0.0:8000`, uvicorn `--host
0.0.0.0`, Node `listen(port, '0.0.0.0')`. The target's security group keeps others out.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 502); the servers' defaults were measured on
gunicorn 27 and 23, uvicorn 0.54, hypercorn 0.18 and daphne 4.2.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let probed: Vec<Finding> = Probed::all(evidence).filter_map(|group| judge(&group)).collect();
    let seen = |address: &Address| evidence.targets_of(address).any(|(target, _)| evidence.probed.contains_key(target));
    let unseen = evidence.target_groups().filter(|(address, _)| !seen(address));
    let declared = unseen.filter_map(|(address, _)| declared(evidence, address));
    probed.iter().cloned().chain(declared).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Loopback);
    let port = group.port(&ones);
    ones.first()?;
    Some(
        group
            .failing(&RULE, HINT, &ones, false)
            .titled(format!(
                "{} {} port {port} on the network, and {} on loopback",
                group.who(&ones),
                verb(ones.len(), "refuses", "refuse"),
                verb(ones.len(), "listens", "listen"),
            ))
            .mended_by(format!("listen on 0.0.0.0:{port}{}", Setting::Bind.named(group.server(), port))),
    )
}

/// The files say so; nobody looked.
fn declared(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let backend = evidence.backend(group)?;
    let bind = backend.bind.as_deref().filter(|bind| is_loopback(bind))?;
    let port = evidence.target_group(group)?.port.map_or(80, u32::from);
    let severity = if evidence.serves(group) { Severity::Critical } else { Severity::Medium };
    let server = backend.server.as_deref().and_then(|name| name.parse().ok());
    Some(
        RULE.finding(severity, group, HINT)
            .evident(group, HINT, bind)
            .titled(format!("the application listens on {bind}, where no load balancer reaches it"))
            .detailed("Clients get 502 on every request: the load balancer's connections are refused.")
            .mended_by(format!("listen on 0.0.0.0:{port}{}", Setting::Bind.named(server, port))),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    const REFUSED: &str = r#"{ "health_checks": [{ "outcome": "refused" }], "root": { "outcome": "refused" }"#;

    #[test]
    fn a_refused_port_is_loopback_where_loopback_answers_or_the_files_say_so() {
        let mut world = World::seed();
        world.saw(&format!("{REFUSED} }}"));
        assert_eq!(world.only().rule, "E118");
        world.saw(&format!(r#"{REFUSED}, "loopback": {{ "outcome": {{ "answer": {{ "status": 200 }} }} }} }}"#));
        assert_eq!(world.only().rule, "E510");
        world.saw(&format!("{REFUSED} }}"));
        world.backend().bind = Some("[::1]:8000".to_owned());
        assert_eq!(world.only().rule, "E510");
        world.backend().bind = Some("0.0.0.0:8000".to_owned());
        assert_eq!(world.only().rule, "E118");
    }
}
