//! E106: the health check gives up too early, or its timeout does not fit into its interval.

use super::super::cause::Cause;
use super::super::checked::{Checked, shown};
use super::super::probed::Probed;
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::TIMED;
use crate::probe::observation::Exchange;

const FIELD: &str = "health_check.timeout";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E106",
    name: "hc-timeout-ge-interval",
    severity: Severity::High,
    needs: &[],
    also: &[Need::Live, Need::Health, Need::Probe],
    summary: "the health check gives up too early, or its timeout does not fit into its interval",
    explain: EXPLAIN,
    bad: Situation {
        text: "the file gives the application 10 s to answer, AWS gives it 2",
        desired: TIMED,
        live: "
target_groups:
  django:
    health_check:
      timeout: 2s
",
        health: &[
            Health::healthy("django/10.0.1.10:8000"),
            Health::unhealthy("django/10.0.2.10:8000", "Target.Timeout", "Request timed out"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the check waits as long as the file says",
        desired: TIMED,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A health check has failed when its timeout passes without an answer, and the next one begins an interval after the last.
So the timeout must be shorter than the interval, or AWS refuses the two. And it must be longer than the slowest answer
that still is health: a timeout below that takes out targets that are only busy, which makes the others busier.

What clients see: targets come and go under load; with each one that goes, the rest get more, until none is healthy. Then
502 and 504, and 503 where Auto Scaling or ECS replace the targets.

How to tell: `Target.Timeout` in target health while the port is open and right, mostly at the hours of most requests. The
rule compares the timeout in effect with the interval, and with the timeout of the file. A probe asks once more with three
times the timeout: a target that answers then is not dead, its workers are busy. gunicorn's sync worker takes one request
at a time, and a health check waits in line behind it like everybody else.

How to mend it: one call sets the declared timeout; change interval and timeout together where one alone would not fit. A
health path that needs seconds to answer should do less. Where the workers are busy, more of them, or threads, help clients
as well: what waits in line for longer than the idle timeout ends in 504.

Sources: API ModifyTargetGroup (HealthCheckTimeoutSeconds 2-120, HealthCheckIntervalSeconds 5-300, \"Health check timeout
must be smaller than the interval\"); ELB user guide \"Health checks for Application Load Balancer target groups\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let late: Vec<Finding> = Probed::all(evidence).filter_map(|group| busy(&group)).collect();
    let known = |group: &Checked<'_>| late.iter().any(|finding| finding.address == *group.address);
    let others = Checked::all(evidence).filter(|group| !known(group));
    let others: Vec<Finding> = others.filter_map(|group| refused(&group).or_else(|| shorter(&group))).collect();
    late.into_iter().chain(others).collect()
}

/// A probe that is patient gets the answer that the check does not wait for.
fn busy(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Late);
    let saw = ones.first()?.saw;
    let codes = group.checked.codes();
    let passes = |exchange: &&Exchange| exchange.passes(codes.as_ref());
    let patient = saw.patient.as_ref().filter(passes).or(saw.again.as_ref().filter(passes));
    let timeout = group.checked.timeout();
    let verb = if ones.len() == 1 { "answers" } else { "answer" };
    let who = group.who(&ones);
    let finding = group.failing(&RULE, FIELD, &ones, true).evident(group.address(), FIELD, timeout);
    let finding = match patient.filter(|patient| patient.millis > u64::from(timeout) * 1000) {
        Some(patient) => {
            let seconds = patient.millis as f64 / 1000.0;
            finding
                .evident(ones.first()?.address, "probe.patient_ms", patient.millis)
                .titled(format!("{who} {verb} after {seconds:.1} s, the health check gives up after {timeout} s"))
        }
        None => {
            finding.titled(format!("{who} {verb} now in time and now not: the health check gives up after {timeout} s"))
        }
    };
    let workers = Setting::Workers.named(group.server(), 0);
    Some(match group.checked.want.timeout.filter(|want| *want > timeout) {
        Some(want) => finding
            .mended_by(format!(
                "set the check's timeout to {want} s, as the file says; more workers or threads{workers}"
            ))
            .declaring(group.address(), FIELD, want),
        None => {
            finding.mended_by(format!("give the application more workers or threads{workers}; or let requests do less"))
        }
    })
}

/// A timeout that no check has room for.
fn refused(group: &Checked) -> Option<Finding> {
    let check = &group.group.health_check;
    let (timeout, interval) = (check.timeout?, check.interval?);
    // where the files say both, they are refused already
    let new = group.want.timeout.is_none() || group.want.interval.is_none();
    (timeout >= interval && new).then(|| {
        RULE.finding(Severity::High, group.address, FIELD)
            .titled(format!("the check's timeout of {timeout} s does not fit into its interval of {interval} s"))
            .detailed("Clients see nothing of it, but AWS refuses the change, and what depends on it is not applied.")
            .evident(group.address, FIELD, timeout)
            .evident(group.address, "health_check.interval", interval)
            .mended_by("declare health_check.interval and health_check.timeout together, the timeout shorter")
    })
}

/// The file gives targets more time than they get.
fn shorter(group: &Checked) -> Option<Finding> {
    let timeout = group.group.health_check.timeout?;
    let want = group.want.timeout.filter(|want| *want > timeout)?;
    let late = |(_, target, health): &&(_, &crate::model::kind::Target, &crate::model::TargetHealth)| {
        let timed_out = health.is_unhealthy() && health.reason.as_deref() == Some("Target.Timeout");
        timed_out && group.blame(target, health).is_none()
    };
    let late: Vec<_> = group.judged.iter().filter(late).collect();
    let severity = match (late.len(), group.all_healthy()) {
        (0, true) => Severity::Low,
        (0, false) => Severity::Medium,
        _ => group.failing().min(Severity::High),
    };
    let who = group.who(late.len());
    let (title, detail) = if late.is_empty() {
        (format!("the check gives up after {timeout} s, the file says {want} s"), group.not_yet().to_owned())
    } else {
        (format!("{who} time out in a check of {timeout} s, the file gives them {want} s"), group.clients_see(true))
    };
    let mut finding = RULE
        .finding(severity, group.address, FIELD)
        .titled(title)
        .detailed(detail)
        .evident(group.address, FIELD, timeout)
        .mended_by(format!("set the check's timeout to {want} s, as the file says"))
        .declaring(group.address, FIELD, want);
    for (address, _, health) in late.into_iter().take(super::super::checked::CITED) {
        finding = finding.evident(address, "health", shown(health));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn it_is_as_bad_as_what_it_does() {
        let mut world = World::seed();
        world.check().timeout = Some(2);
        world.wanted_check().timeout = Some(10);
        world.expect(&[("E106", Severity::Low)]);
        world.ail(1, "Target.FailedHealthChecks", "");
        world.expect(&[("E106", Severity::Medium), ("E112", Severity::Medium)]);
        world.ail(2, "Target.Timeout", "");
        world.expect(&[("E106", Severity::High)]);
        assert_eq!(world.only().title, "targets time out in a check of 2 s, the file gives them 10 s");
    }

    #[test]
    fn a_target_that_answers_the_patient_is_busy_and_not_dead() {
        let saw = |patient: &str, root: &str| {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "server": "gunicorn", "health_checks": [{{ "outcome": "timed_out", "millis": 5000 }}],
                "patient": {{ "millis": 6120, "outcome": {patient} }}, "root": {{ "path": "/", "outcome": {root} }} }}"#
            ));
            world.only()
        };
        let (ok, none) = (r#"{ "answer": { "status": 200 } }"#, r#""timed_out""#);
        let busy = saw(ok, none);
        assert_eq!(busy.rule, "E106");
        assert_eq!(busy.title, "targets answer after 6.1 s, the health check gives up after 5 s");
        assert!(busy.fix.text.contains("gunicorn --worker-class gthread"), "{busy:#?}");
        assert_eq!(saw(none, none).rule, "E118", "nothing speaks there");
        assert_eq!(saw(ok, ok).rule, "E111", "only this path is slow");
    }

    #[test]
    fn half_of_the_two_declared_may_not_fit() {
        let mut world = World::seed();
        world.check().timeout = Some(20);
        world.check().interval = Some(15);
        world.expect(&[("E106", Severity::High)]);
        world.check().timeout = Some(14);
        world.expect(&[]);
    }
}
