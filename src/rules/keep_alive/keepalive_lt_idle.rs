//! E301: targets close idle connections before the load balancer does.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{FIELD, IDLE, MARGIN, Race, races};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E301",
    name: "keepalive-lt-idle",
    severity: Severity::High,
    needs: &[],
    also: &[Need::Desired, Need::Probe],
    summary: "targets close idle connections before the load balancer does",
    explain: EXPLAIN,
    bad: Situation {
        text: "gunicorn's default keep-alive of 2 s behind the default idle timeout of 60 s",
        desired: "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    backend: { server: gunicorn, keep_alive: 2s }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    idle_timeout: 60s
    listeners:
      80:
        protocol: http
        default: { forward: django }
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "targets keep connections 15 s longer than the load balancer",
        desired: "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    backend: { server: gunicorn, keep_alive: 75s }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    idle_timeout: 60s
    listeners:
      80:
        protocol: http
        default: { forward: django }
",
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer keeps connections to targets open and reuses them until they were idle for its idle timeout
(default 60 s). If the target's own keep-alive time is shorter, the target is the one that closes; when a request is
sent in the same instant, it arrives at a closed connection. gunicorn's threaded and async workers close after 2 s, also
with uvicorn's worker; uvicorn, hypercorn and Apache after 5 s, Node after 5 to 6 s, daphne after 60 s, a tie, which is
E302. gunicorn's sync worker closes after every answer and says so; it is immune.

What clients see: a sporadic 502, more often under light load than under heavy, because idle connections need pauses.
All targets stay healthy: health checks use a connection of their own each time.

How to tell: access-log lines with 502, a target status of `-` and a target time near zero; HTTPCode_ELB_502_Count
rises while the targets count no errors. Or measure: send one keep-alive request to a target and wait for it to close.

How to mend it: raise the application's keep-alive to the idle timeout plus 5 s at least, 75 s being usual: gunicorn
`--keep-alive 75`, uvicorn `--timeout-keep-alive 75`, nginx `keepalive_timeout 75s`, Node `keepAliveTimeout` with a
larger `headersTimeout`. Lowering the idle timeout instead ends every request that stays silent longer with a 504.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 502), \"Application Load Balancers\"
(connection idle timeout); the servers' defaults were measured on gunicorn 27 and 23, uvicorn 0.54, hypercorn 0.18,
daphne 4.2, Apache 2.4 and Node 20 to 26.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    races(evidence).filter_map(|race| judge(evidence, &race)).collect()
}

fn judge(evidence: &Evidence, race: &Race) -> Option<Finding> {
    let longer = race.idle.iter().copied().filter(|(_, idle)| race.loses(*idle));
    let (worst_lb, worst) = longer.max_by_key(|(_, idle)| *idle)?;
    let finding = race
        .finding(&RULE, race.severity(evidence))
        .titled(format!("targets close idle connections after {}, the load balancer after {worst} s", race.in_words()))
        .detailed(
            "Clients get a sporadic 502 when a request meets a connection that the target has just closed: rarer \
             under load, with every target healthy.",
        );
    // the files' own idle timeout would be short enough: that is the call to make
    let declared = evidence.declared(worst_lb).and_then(|spec| spec.load_balancer());
    let declared = declared.and_then(|lb| lb.attributes.get(IDLE)?.parse().ok());
    let declared = declared.filter(|idle: &u32| u64::from(*idle) * 1000 < race.keep);
    Some(match declared {
        Some(idle) => finding
            .mended_by(format!("set the idle timeout of {} to {idle} s, as the file says", worst_lb.name))
            .declaring(worst_lb, FIELD, idle),
        None => finding.mended_by(race.setting(worst + MARGIN)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer, at};
    use super::super::HINT;
    use super::*;

    #[test]
    fn shorter_races_equal_is_a_tie_longer_does_not() {
        for (keep, fires) in [(Some(2), true), (Some(59), true), (Some(60), false), (Some(0), false), (None, false)] {
            let mut world = World::seed();
            world.backend().keep_alive = keep;
            assert_eq!(world.judge().iter().any(|f| f.rule == "E301"), fires, "{keep:?}");
        }
    }

    #[test]
    fn both_ends_are_cited_and_only_the_files_own_timeout_is_proposed() {
        let mut world = World::seed();
        world.backend().keep_alive = Some(2);
        world.backend().server = Some("gunicorn".to_owned());
        let finding = world.only();
        assert!(finding.cites(&at("load_balancer/web"), &FIELD.into()));
        assert!(finding.cites(&at("target_group/django"), &HINT.into()));
        assert!(finding.fix.declare.is_none(), "never lower the timeout to 1 s");
        assert!(finding.fix.text.contains("gunicorn --keep-alive 65"), "{}", finding.fix.text);

        let mut world = World::seed();
        world.balancer().attributes.insert(IDLE.to_owned(), "300".to_owned());
        let finding = world.judge().into_iter().find(|f| f.rule == "E301").unwrap();
        assert_eq!(finding.title, "targets close idle connections after 75 s, the load balancer after 300 s");
        assert_eq!(finding.fix.declare.unwrap().value, 60);
    }

    #[test]
    fn the_default_counts_and_a_group_without_requests_waits() {
        let mut world = World::seed();
        world.backend().keep_alive = Some(5);
        world.balancer().attributes.clear();
        assert_eq!(world.only().severity, Severity::High);
        world.listener(443).default = Some(answer(404));
        assert!(world.judge().iter().all(|f| f.rule != "E301"));
    }
}
