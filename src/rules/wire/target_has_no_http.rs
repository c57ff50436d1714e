//! E118: nothing on the target's port speaks HTTP.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};
use crate::probe::observation::Outcome;

const FIELD: &str = "port";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E118",
    name: "target-has-no-http",
    severity: Severity::Critical,
    needs: &[Need::Probe],
    also: &[],
    summary: "nothing on the target's port speaks HTTP",
    explain: EXPLAIN,
    bad: Situation {
        text: "a Celery worker is registered as a target: nothing listens there",
        desired: DJANGO,
        probe: &seen(r#"{ "health_checks": [{ "outcome": "refused" }], "root": { "outcome": "refused" } }"#),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A target must answer HTTP on its port. A Celery worker, a scheduler or a cron container listens nowhere, and its
connections are refused; a Redis, a database or an SSH server answers something that is not HTTP. A web server on another
port, or bound to 127.0.0.1 as gunicorn, uvicorn, hypercorn and daphne are by default, looks the same from outside: the
port is refused.

What clients see: requests that reach such a target end in 502. The target is never healthy, so that happens only while
the group fails open, which it does when no other target is healthy.

How to tell: `Target.FailedHealthChecks`, and the probe says what came back: refused, closed, or the first bytes. On the
target, `ss -ltn` lists who listens on which address.

How to mend it: bind the web server to 0.0.0.0 and the group's port. Take workers and stores out of the group; watch a
Celery worker by `celery inspect ping` and its queue's length.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\"; refused, closed and foreign answers were
measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::NoHttp);
    let first = ones.first()?;
    let port = group.checked.off_port(first.target).map_or(group.port(&ones), u32::from);
    let outcome = &first.saw.health_check(group.checked.codes().as_ref())?.outcome;
    let refused = *outcome == Outcome::Refused;
    let unreached = matches!(outcome, Outcome::Unconnected | Outcome::Unreachable(_));
    let ipv6 = first.target.id.contains(':');
    let any = if ipv6 { "[::]" } else { "0.0.0.0" };
    let nameless = first.saw.public_host.is_none() && matches!(outcome, Outcome::Closed | Outcome::Reset);
    let fix = if refused {
        format!(
            "start the application on {any}:{port}{}; if {} no web server, take it out of the group",
            if ipv6 { String::new() } else { Setting::Bind.named(group.server(), port) },
            verb(ones.len(), "the target is", "targets are")
        )
    } else if unreached {
        format!("open port {port} from here to the target, or probe from the load balancer's subnets")
    } else {
        let name = "if the server answers to its own names only, ask with one of them (--host); else ";
        let name = if nameless { name } else { "" };
        format!("{name}register a port that speaks HTTP instead of {port}, or take the target out of the group")
    };
    let finding = group.failing(&RULE, FIELD, &ones, false);
    let detail = if unreached {
        format!("{} A security group, a network ACL or a route on the way from here drops it.", finding.detail)
    } else {
        finding.detail.clone()
    };
    Some(
        finding
            .detailed(detail)
            .titled(if unreached {
                format!("{} cannot be reached on port {port} from here: {}", group.who(&ones), group.seen(&ones))
            } else {
                let speak = verb(ones.len(), "speaks", "speak");
                format!("{} {speak} no HTTP on port {port}: {}", group.who(&ones), group.seen(&ones))
            })
            .mended_by(fix),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    #[test]
    fn what_came_back_is_said() {
        let mut world = World::seed();
        world.saw(
            r#"{ "health_checks": [{ "outcome": { "garbage": "-ERR unknown command" } }],
            "root": { "outcome": { "garbage": "-ERR unknown command" } } }"#,
        );
        let finding = world.only();
        assert_eq!(finding.title, "targets speak no HTTP on port 8000: no HTTP, but `-ERR unknown command`");
        world.saw(r#"{ "health_checks": [{ "outcome": "closed" }], "root": { "outcome": "closed" } }"#);
        assert_eq!(world.only().rule, "E118");
        world.saw(r#"{ "health_checks": [{ "outcome": "unconnected" }] }"#);
        assert!(world.only().detail.contains("security group"), "{:?}", world.only());
        // one page is answered: it is that path's fault, not the port's
        world.saw(
            r#"{ "health_checks": [{ "outcome": "closed" }],
            "root": { "outcome": { "answer": { "status": 200 } } } }"#,
        );
        assert_eq!(world.only().rule, "E111");
    }

    #[test]
    fn a_check_in_the_wrong_protocol_is_the_checks_fault() {
        let mut world = World::seed();
        world.desired.specs.clear();
        world.group().protocol = Some(crate::model::value::Protocol::Https);
        world.saw(
            r#"{ "health_checks": [{ "outcome": "closed" }], "root": { "outcome": "closed" },
            "other_protocol": { "outcome": { "answer": { "status": 200 } } } }"#,
        );
        assert_eq!(world.only().rule, "E105");
    }
}
