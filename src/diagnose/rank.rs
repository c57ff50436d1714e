//! Ranking: causes in the order of likelihood × impact.
//!
//! **Likelihood** is how the cause is known ([`Proof`]): 1 if answers of just this shape were counted, 0.9 if AWS
//! itself reports it, 0.7 if the settings as they are force it, 0.45 if they make it happen now and then, 0.15 if it
//! takes another event, and a third of that where the traffic that was counted shows nothing of the kind.
//!
//! **Impact** is how bad it is for those who meet it, times who meets it: critical 1, high 0.6, medium 0.25, low 0.05,
//! info 0.01; times a half, plus a half times the share of the traffic. So what every request meets comes before what
//! one path meets, but not before something worse.

use crate::rules::{Finding, Severity};

use super::Cause;

/// How a cause is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// It takes another event.
    Latent,
    /// The settings make it happen now and then.
    Possible,
    /// The settings force it.
    Forced,
    /// AWS itself reports it.
    Reported,
    /// Answers of just this shape were counted.
    Counted,
}

/// Fields of evidence that hold AWS's own verdict, not a setting.
const VERDICTS: [&str; 5] = ["health", "state", "status", "renewal", "unhealthy_targets"];
/// The field of evidence that holds counted answers.
pub const COUNTS: &str = "access_logs";
/// The field of evidence that holds what CloudWatch counted.
pub const METRICS: &str = "metrics";

impl Proof {
    /// How a finding is known.
    pub fn of(finding: &Finding) -> Self {
        let bad = |e: &crate::rules::Evident| {
            VERDICTS.contains(&e.field.as_str()) && e.value.get("state").is_none_or(|state| state != "healthy")
        };
        match finding.severity {
            _ if finding.evidence.iter().any(|e| [COUNTS, METRICS].contains(&e.field.as_str())) => Self::Counted,
            Severity::Medium | Severity::Low | Severity::Info => Self::Latent,
            Severity::High | Severity::Critical if finding.evidence.iter().any(bad) => Self::Reported,
            Severity::Critical => Self::Forced,
            Severity::High => Self::Possible,
        }
    }
    /// How sure that is, from 0 to 1.
    pub const fn likelihood(self) -> f64 {
        match self {
            Self::Latent => 0.15,
            Self::Possible => 0.45,
            Self::Forced => 0.7,
            Self::Reported => 0.9,
            Self::Counted => 1.0,
        }
    }
}

/// What a likelihood is multiplied by where the traffic that was counted shows nothing of the kind.
pub const CONTRADICTED: f64 = 1.0 / 3.0;

/// How much a finding of this severity hurts that concerns such a share of the traffic.
pub fn impact(severity: Severity, share: f64) -> f64 {
    let bad = match severity {
        Severity::Critical => 1.0,
        Severity::High => 0.6,
        Severity::Medium => 0.25,
        Severity::Low => 0.05,
        Severity::Info => 0.01,
    };
    bad * (0.5 + 0.5 * share.clamp(0.0, 1.0))
}

/// Worst first; what weighs alike by severity, rule and address.
pub fn sort(causes: &mut [Cause]) {
    causes.sort_by(|a, b| {
        let place = |c: &Cause| (c.finding.rule.clone(), c.finding.address.clone(), c.finding.field.clone());
        b.weight()
            .total_cmp(&a.weight())
            .then_with(|| b.finding.severity.cmp(&a.finding.severity))
            .then_with(|| place(a).cmp(&place(b)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;
    use crate::rules::find;

    fn finding(severity: Severity, field: &str, value: serde_json::Value) -> Finding {
        let group = Address::target_group("django");
        find("E101").unwrap().finding(severity, &group, "health_check.path").evident(&group, field, value)
    }

    #[test]
    fn what_aws_reports_beats_what_settings_say() {
        let unhealthy = serde_json::json!({ "state": "unhealthy", "reason": "Target.Timeout" });
        let healthy = serde_json::json!({ "state": "healthy" });
        for (severity, field, value, proof) in [
            (Severity::Critical, "health", unhealthy.clone(), Proof::Reported),
            (Severity::Critical, "health", healthy, Proof::Forced),
            (Severity::Critical, "idle_timeout", 60.into(), Proof::Forced),
            (Severity::High, "health", unhealthy.clone(), Proof::Reported),
            (Severity::High, "idle_timeout", 60.into(), Proof::Possible),
            (Severity::Medium, "health", unhealthy, Proof::Latent),
            (Severity::Medium, "access_logs", 312.into(), Proof::Counted),
            (Severity::Low, "metrics", "TargetConnectionErrorCount: 312".into(), Proof::Counted),
        ] {
            assert_eq!(Proof::of(&finding(severity, field, value.clone())), proof, "{severity:?} {field} {value}");
        }
        let all = [Proof::Latent, Proof::Possible, Proof::Forced, Proof::Reported, Proof::Counted];
        assert!(all.windows(2).all(|pair| pair[0].likelihood() < pair[1].likelihood()));
    }

    #[test]
    fn a_larger_share_hurts_more_but_not_more_than_something_worse() {
        for severity in [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical] {
            assert!(impact(severity, 0.1) < impact(severity, 0.9));
            assert!((impact(severity, 7.0) - impact(severity, 1.0)).abs() < f64::EPSILON);
        }
        assert!(impact(Severity::Low, 1.0) < impact(Severity::Medium, 0.0));
        assert!(impact(Severity::Medium, 1.0) < impact(Severity::High, 0.0));
        // that every request meets a sporadic error is about as bad as that a few always do
        assert!(impact(Severity::High, 1.0) > impact(Severity::Critical, 0.0));
        let ranked = |severity, share, proof: Proof| proof.likelihood() * impact(severity, share);
        assert!(
            ranked(Severity::Critical, 0.0, Proof::Forced) > ranked(Severity::High, 1.0, Proof::Possible),
            "a setting that may hurt never comes before one that does"
        );
    }
}
