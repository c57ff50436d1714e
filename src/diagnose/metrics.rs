//! Metrics: what to ask CloudWatch about load balancers and their groups, and which rules its counts speak for.
//!
//! CloudWatch counts by load balancer or by target group, without the pattern that each answer leaves in an access log.
//! Some counts point at few causes, such as handshakes with targets that failed; that of all 502 points at so many that
//! only its being zero says anything. A metric without a value is a zero: CloudWatch writes none down. Failed health
//! checks are in none of them.
//! Sources: ELB user guide "CloudWatch metrics for your Application Load Balancer"; the first table of the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use super::reach::Reach;
use super::whose::{ENOUGH, Speaks, meaning, places};
use crate::cloud::metric::{Question, Statistic};
use crate::diff::Bound;
use crate::model::traffic::{Shape, Traffic};
use crate::model::value::TargetType;
use crate::model::{Address, Kind};
use crate::rules::{Evidence, Finding};

/// What requests are counted in.
const REQUESTS: &str = "RequestCount";

/// Where a metric is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// At load balancers.
    Balancers,
    /// At target groups with instances or addresses.
    Groups,
    /// At target groups with functions.
    Functions,
    /// At all groups and load balancers.
    All,
}

/// A metric that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Meter {
    /// CloudWatch's name.
    pub metric: &'static str,
    of: Of,
    statistic: Statistic,
    /// What it counts, after a number; nothing for what is no failure by itself.
    pub words: &'static str,
    /// The rules it points at, beside those of the shapes.
    rules: &'static [&'static str],
    shapes: &'static [Shape],
    /// Whether it points at so few that a count speaks for them.
    sharp: bool,
}

const fn meter(metric: &'static str, of: Of, words: &'static str, rules: &'static [&'static str]) -> Meter {
    Meter { metric, of, statistic: Statistic::Sum, words, rules, shapes: &[], sharp: true }
}

const fn shaped(metric: &'static str, of: Of, words: &'static str, shapes: &'static [Shape]) -> Meter {
    Meter { shapes, ..meter(metric, of, words, &[]) }
}

/// Every metric that is asked for.
static METERS: [Meter; 15] = [
    meter(REQUESTS, Of::All, "", &[]),
    meter("HTTPCode_ELB_5XX_Count", Of::Balancers, "", &[]),
    shaped("HTTPCode_ELB_500_Count", Of::Balancers, "500 by the load balancer", &[Shape::Login, Shape::Other]),
    Meter {
        rules: &["E201", "E208", "E209", "E210"],
        sharp: false,
        ..shaped(
            "HTTPCode_ELB_502_Count",
            Of::Balancers,
            "502 by the load balancer",
            &[Shape::Refused, Shape::Stale, Shape::Cut, Shape::Lambda],
        )
    },
    shaped("HTTPCode_ELB_503_Count", Of::Balancers, "503, no target to send them to", &[Shape::NoTarget]),
    shaped("HTTPCode_ELB_504_Count", Of::Balancers, "504, no connection or no answer in time", &[Shape::TimedOut]),
    meter("ELBAuthError", Of::Balancers, "logins that failed at the load balancer", &["E807"]),
    meter("ELBAuthFailure", Of::Balancers, "logins that the provider refused", &["E807"]),
    meter(
        "ClientTLSNegotiationErrorCount",
        Of::Balancers,
        "TLS handshakes of clients that failed",
        &["E601", "E605", "E606", "E607", "E608", "E610", "E611", "E612"],
    ),
    meter("RejectedConnectionCount", Of::Balancers, "connections above what the load balancer takes", &[]),
    shaped("HTTPCode_Target_5XX_Count", Of::All, "5xx by targets themselves", &[Shape::Target]),
    meter(
        "TargetConnectionErrorCount",
        Of::Groups,
        "connections to targets that failed",
        &["E103", "E104", "E117", "E118", "E501", "E503", "E507", "E508", "E510", "E511"],
    ),
    meter(
        "TargetTLSNegotiationErrorCount",
        Of::Groups,
        "TLS handshakes with targets that failed",
        &["E201", "E208", "E209", "E210"],
    ),
    meter("LambdaUserError", Of::Functions, "calls of the function that failed", &["E902", "E903", "E904"]),
    Meter { statistic: Statistic::Maximum, ..meter("UnHealthyHostCount", Of::Groups, "", &[]) },
];

impl Meter {
    /// The rules that it points at, the likeliest first.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> {
        let shaped = self.shapes.iter().filter_map(|shape| meaning(*shape)).flat_map(|(_, rules)| rules);
        shaped.chain(self.rules).copied()
    }
    const fn counts_at(&self, kind: Kind, functions: bool) -> bool {
        let (balancer, group) = (matches!(kind, Kind::LoadBalancer), matches!(kind, Kind::TargetGroup));
        match self.of {
            Of::Balancers => balancer,
            Of::Groups => group && !functions,
            Of::Functions => group && functions,
            Of::All => balancer || group,
        }
    }
}

/// A question, and whose metric it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The load balancer or target group.
    pub at: Address,
    /// What to ask.
    pub question: Question,
}

/// What to ask about these load balancers and the groups behind them.
pub(super) fn questions(evidence: &Evidence<'_>, bound: &Bound, balancers: &BTreeSet<Address>) -> Vec<Asked> {
    let id = |address: &Address| bound.ids.get(bound.stand_in(address).as_ref()).cloned();
    let mut all = Vec::new();
    let mut ask = |at: &Address, balancer: &Address, functions: bool| {
        let Some(load_balancer) = id(balancer) else { return };
        let group = (at.kind == Kind::TargetGroup).then(|| id(at));
        // a group that is not there yet has counted nothing
        let Some(target_group) = group.map_or(Some(None), |group| group.map(Some)) else { return };
        for meter in METERS.iter().filter(|meter| meter.counts_at(at.kind, functions)) {
            let (load_balancer, target_group) = (load_balancer.clone(), target_group.clone());
            let question = Question { metric: meter.metric, statistic: meter.statistic, load_balancer, target_group };
            all.push(Asked { at: at.clone(), question });
        }
    };
    for balancer in balancers {
        ask(balancer, balancer, false);
        for (group, spec) in evidence.target_groups() {
            if evidence.load_balancers_of(group).contains(balancer) {
                ask(group, balancer, spec.target_type == Some(TargetType::Lambda));
            }
        }
    }
    all
}

/// Lays the answers beside what else was counted.
pub(super) fn lay(traffic: &mut Traffic, seconds: u64, asked: &[Asked], answers: &[Option<f64>]) {
    traffic.metrics = Some(seconds);
    for (asked, answer) in asked.iter().zip(answers) {
        let counted = traffic.counted.entry(asked.at.clone()).or_default();
        let value = counted.metrics.entry(asked.question.metric.to_owned()).or_default();
        let answer = answer.unwrap_or_default();
        *value = match asked.question.statistic {
            // a group behind two load balancers
            Statistic::Sum => *value + answer,
            Statistic::Maximum => value.max(answer),
        };
    }
}

/// What the metrics say of a finding.
pub(super) fn speaks(traffic: &Traffic, reach: &Reach, finding: &Finding) -> Speaks {
    let pointing: Vec<&Meter> = METERS.iter().filter(|m| m.rules().any(|rule| rule == finding.rule)).collect();
    let (at, balancers) = (places(reach, finding), reach.balancers(finding));
    let values = |metric: &'static str, at: &BTreeSet<Address>| -> Vec<f64> {
        at.iter().filter_map(|place| traffic.of(place)?.metric(metric)).collect()
    };
    let of = |meter: &Meter| if meter.of == Of::Balancers { &balancers } else { &at };
    let counts: Vec<(&Meter, Vec<f64>)> = pointing.iter().map(|m| (*m, values(m.metric, of(m)))).collect();
    for (meter, values) in counts.iter().filter(|(meter, _)| meter.sharp) {
        let count = whole(sum(values));
        if count > 0 {
            let of = whole(sum(&requests(traffic, of(meter))));
            return Speaks::Measured { metric: meter.metric, count, of };
        }
    }
    let known = !counts.is_empty() && counts.iter().all(|(_, values)| !values.is_empty());
    let none = counts.iter().all(|(_, values)| sum(values) <= 0.0);
    let enough = whole(sum(&requests(traffic, &at))) >= ENOUGH;
    if known && none && enough { Speaks::Against } else { Speaks::Nothing }
}

fn requests(traffic: &Traffic, at: &BTreeSet<Address>) -> Vec<f64> {
    at.iter().filter_map(|place| traffic.of(place)?.metric(REQUESTS)).collect()
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

/// A count: CloudWatch adds up whole numbers as fractions.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast holds at the ends of the range")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// What a metric counted, and where most of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The metric.
    pub meter: &'static Meter,
    /// How many.
    pub count: u64,
    /// The group with most of them, and how many it had.
    pub mostly: Option<(Address, u64)>,
}

/// What these load balancers and their groups counted; nothing for what was zero. In the order of the table.
pub(super) fn measured(traffic: &Traffic, balancers: &BTreeSet<Address>) -> Vec<Measured> {
    let one = |meter: &'static Meter| {
        let at = |kind: Kind| {
            let of = traffic.counted.iter().filter(move |(address, _)| address.kind == kind);
            of.filter_map(|(address, counted)| Some((address, whole(counted.metric(meter.metric)?))))
        };
        let groups: BTreeMap<&Address, u64> = at(Kind::TargetGroup).filter(|(_, count)| *count > 0).collect();
        let own: u64 = at(Kind::LoadBalancer).filter(|(lb, _)| balancers.contains(lb)).map(|(_, count)| count).sum();
        let most = groups.iter().max_by_key(|(_, count)| **count);
        let count = match (meter.of, meter.statistic) {
            (Of::Balancers | Of::All, _) => own,
            (Of::Groups | Of::Functions, Statistic::Sum) => groups.values().sum(),
            (Of::Groups | Of::Functions, Statistic::Maximum) => most.map_or(0, |(_, count)| *count),
        };
        let mostly = most.map(|(group, count)| ((*group).clone(), *count));
        (count > 0).then_some(Measured { meter, count, mostly })
    };
    METERS.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{ALL, Severity, left_out};

    fn web() -> Address {
        Address::load_balancer("web")
    }
    fn django() -> Address {
        Address::target_group("django")
    }

    /// Everything that is asked was zero, but for these.
    fn traffic(requests: f64, counts: &[(&str, f64)]) -> Traffic {
        let mut traffic = Traffic::default();
        let (load_balancer, target_group) = (crate::model::Id("lb".to_owned()), None);
        for at in [web(), django()] {
            for meter in METERS.iter().filter(|meter| meter.counts_at(at.kind, false)) {
                let (load_balancer, target_group) = (load_balancer.clone(), target_group.clone());
                let question =
                    Question { metric: meter.metric, statistic: meter.statistic, load_balancer, target_group };
                let count = counts.iter().find(|(metric, _)| *metric == meter.metric).map(|(_, count)| *count);
                let count = if meter.metric == REQUESTS { Some(requests) } else { count };
                lay(&mut traffic, 3_600, &[Asked { at: at.clone(), question }], &[count]);
            }
        }
        traffic
    }

    fn says(traffic: &Traffic, rule: &str) -> Speaks {
        let mut finding = ALL[0].finding(Severity::High, &django(), "x");
        rule.clone_into(&mut finding.rule);
        speaks(traffic, &Reach::default(), &finding)
    }

    #[test]
    fn sharp_counts_speak_for_and_zeros_against() {
        let failed = traffic(5_000.0, &[("TargetConnectionErrorCount", 40.0)]);
        assert_eq!(
            says(&failed, "E510"),
            Speaks::Measured { metric: "TargetConnectionErrorCount", count: 40, of: 5_000 }
        );
        assert_eq!(says(&failed, "E201"), Speaks::Nothing, "502 at the load balancer is not known to be zero here");
        assert_eq!(says(&traffic(5_000.0, &[]), "E307"), Speaks::Against);
        assert_eq!(says(&traffic(999.0, &[]), "E307"), Speaks::Nothing, "too few to be silent");
        assert_eq!(says(&failed, "E101"), Speaks::Nothing, "health checks are in no metric");
    }

    #[test]
    fn what_counted_most_is_told_with_its_place() {
        let seen = traffic(5_000.0, &[("TargetConnectionErrorCount", 40.0), ("HTTPCode_ELB_502_Count", 41.0)]);
        let told = measured(&seen, &[web()].into());
        let of = |metric: &str| told.iter().find(|m| m.meter.metric == metric).map(|m| (m.count, m.mostly.clone()));
        assert_eq!(of("TargetConnectionErrorCount"), Some((40, Some((django(), 40)))));
        assert_eq!(of("HTTPCode_ELB_502_Count"), Some((41, None)));
        assert_eq!(of("HTTPCode_ELB_503_Count"), None, "zeros are not told");
    }

    #[test]
    fn every_rule_that_is_pointed_at_exists_and_no_metric_is_asked_twice() {
        for rule in METERS.iter().flat_map(Meter::rules) {
            assert!(ALL.iter().any(|known| known.code == rule) || left_out::find(rule).is_some(), "{rule}");
        }
        let names: BTreeSet<&str> = METERS.iter().map(|meter| meter.metric).collect();
        assert_eq!(names.len(), METERS.len());
    }
}
