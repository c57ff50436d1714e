//! E302: targets and load balancer close idle connections at the same time.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{MARGIN, Race, races};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E302",
    name: "keepalive-eq-idle",
    severity: Severity::High,
    needs: &[],
    also: &[Need::Desired, Need::Probe],
    summary: "targets and load balancer close idle connections at the same time",
    explain: EXPLAIN,
    bad: Situation {
        text: "daphne closes idle connections after 60 s, and so does the load balancer",
        desired: "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    backend: { server: daphne, keep_alive: 60s }
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
        text: "the load balancer gives idle connections up 5 s before daphne does",
        desired: "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    backend: { server: daphne, keep_alive: 60s }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    idle_timeout: 55s
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
Sixty seconds is the load balancer's default idle timeout, and the default of others: daphne closes idle connections
after 60 s, Tomcat after 60 s, nginx keeps upstream connections for 60 s. Clocks and network do not agree to the
millisecond, so in a tie either side may be first, and the load balancer sends requests into connections that are just
being closed.

What clients see: a sporadic 502, with every target healthy and the application's log empty, just as with a keep-alive
that is shorter than the idle timeout.

How to tell: the declared or measured keep-alive equals the idle timeout. Less than 5 s above it is no tie; it is close.

How to mend it: raise the target's keep-alive to 5 s above the idle timeout at least. Where it cannot be set, as with
daphne, put nginx in front or lower the idle timeout to 55 s, if no request stays silent for longer.

Sources: ELB user guide \"Application Load Balancers\" (connection idle timeout), \"Troubleshoot your Application Load
Balancers\" (HTTP 502); daphne 4.2 was measured at 60.0 s; Tomcat's and nginx's documentation.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    races(evidence).filter_map(|race| judge(evidence, &race)).collect()
}

fn judge(evidence: &Evidence, race: &Race) -> Option<Finding> {
    let (_, idle) = race
        .idle
        .iter()
        .copied()
        .filter(|(_, idle)| race.ties(*idle) || race.is_close(*idle))
        .max_by_key(|(_, idle)| *idle)?;
    // with another load balancer the target is the first one to close: that is E301
    if race.idle.iter().any(|(_, idle)| race.loses(*idle)) {
        return None;
    }
    let tie = race.ties(idle);
    let severity = if !tie { Severity::Low } else { race.severity(evidence) };
    let keeps = race.in_words();
    Some(
        race.finding(&RULE, severity)
            .titled(if tie {
                format!("targets and load balancer both close idle connections after {idle} s")
            } else {
                format!("targets close idle connections after {keeps}, just after the load balancer's {idle} s")
            })
            .detailed(if tie {
                "Clients get a sporadic 502 when a request meets a connection that the target closes in the same instant."
            } else {
                "Clients see nothing of it as long as clocks and network are quick; a margin of 5 s is safe."
            })
            .mended_by(race.setting(idle + MARGIN)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    #[test]
    fn ties_race_and_close_calls_are_told() {
        for (keep, wanted) in [(59, "E301"), (60, "E302"), (62, "E302"), (65, "")] {
            let mut world = World::seed();
            world.backend().keep_alive = Some(keep);
            let found = world.judge();
            assert_eq!(found.first().map_or("", |f| f.rule.as_str()), wanted, "{keep}");
            assert!(found.len() < 2 && (keep == 60) == found.first().is_some_and(|f| f.title.contains("both")));
        }
    }

    #[test]
    fn what_was_measured_counts_more_than_what_was_said() {
        let measured = |millis: u32| {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 200 }} }} }}],
                "keep_alive": {{ "closed_after": {millis} }} }}"#
            ));
            world.judge()
        };
        assert_eq!(measured(2004).first().unwrap().rule, "E301");
        assert_eq!(
            measured(2004).first().unwrap().title,
            "targets close idle connections after 2 s, the load balancer after 60 s"
        );
        assert_eq!(measured(60_240).first().unwrap().rule, "E302");
        assert!(measured(75_070).is_empty());
    }
}
