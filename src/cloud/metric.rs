//! Metrics: what is asked of CloudWatch about load balancers and their target groups, and over what time.
//!
//! Plain data: `aws` asks, `diagnose` knows what to ask and what the answers mean.

use jiff::Timestamp;

use crate::model::Id;

/// How the values of a metric become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Added up.
    Sum,
    /// The largest.
    Maximum,
}

impl Statistic {
    /// CloudWatch's word.
    pub const fn aws(self) -> &'static str {
        match self {
            Self::Sum => "Sum",
            Self::Maximum => "Maximum",
        }
    }
}

/// One metric of a load balancer, or of one of its target groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// CloudWatch's name of it.
    pub metric: &'static str,
    /// How its values become one.
    pub statistic: Statistic,
    /// The load balancer's ARN.
    pub load_balancer: Id,
    /// The target group's ARN, for what is counted by group.
    pub target_group: Option<Id>,
}

/// A time that metrics are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first second.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
}

impl Span {
    /// The last so many seconds, from whole minutes on: CloudWatch keeps no more.
    pub fn last(seconds: u64, now: Timestamp) -> Self {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let from = now.as_second().saturating_sub(seconds).div_euclid(60) * 60;
        Self { from: Timestamp::from_second(from).unwrap_or(Timestamp::MIN), to: now }
    }
    /// How long it is, in seconds.
    pub fn seconds(self) -> i64 {
        self.to.as_second() - self.from.as_second()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_with_a_whole_minute() {
        let now: Timestamp = "2026-11-23T09:30:40Z".parse().unwrap();
        let span = Span::last(3_600, now);
        assert_eq!((span.from.to_string().as_str(), span.to), ("2026-11-23T08:30:00Z", now));
        assert_eq!(span.seconds(), 3_640);
        assert!(Span::last(u64::MAX, now).from < now);
    }
}
