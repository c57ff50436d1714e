//! Whose 5xx: what the shapes of answers say of where they were made, and which rules they speak for or against.
//!
//! The load balancer's own answers leave a pattern in access logs: how far the request came, and how long it took. Each
//! pattern points at some rules. A finding of such a rule where such answers were counted is no guess any more; one
//! where thousands of requests passed and none ended so is less likely (see `rank`).
//! Sources: re:Post on HTTP 502 and 504 of Application Load Balancers; ELB user guide "Troubleshoot your ALBs".

use std::collections::{BTreeMap, BTreeSet};

use super::metrics;
use super::reach::Reach;
use crate::model::traffic::{Counted, Shape, Traffic};
use crate::model::{Address, Kind};
use crate::rules::Finding;

/// What a shape means in words, and the rules to look at.
const MEANS: [(Shape, &str, &[&str]); 10] = [
    (Shape::Refused, "502, targets refused the connection", &["E103", "E104", "E117", "E118", "E403", "E510"]),
    (Shape::Stale, "502 at once, on connections that targets had closed", &["E301", "E302", "E303", "E304", "E306"]),
    (Shape::Cut, "502 amid the work of a target", &["E401", "E402", "E407"]),
    (Shape::Lambda, "502 of a function", &["E901", "E902", "E903", "E904"]),
    (Shape::NoTarget, "503, no target to send them to", &["E114", "E408", "E801", "E802", "E803", "E905", "E906"]),
    (
        Shape::TimedOut,
        "504, no connection or no answer in time",
        &["E305", "E501", "E502", "E503", "E505", "E506", "E507", "E508", "E511", "E703", "E911"],
    ),
    (Shape::Login, "500 or 561, a login that failed", &["E807"]),
    (Shape::Other, "5xx of the load balancer itself, without a pattern", &["E812"]),
    (Shape::Version, "464, the client's protocol does not fit", &["E203", "E204", "E205"]),
    (Shape::Target, "answered with 5xx by targets themselves", &["E307", "E707"]),
];

/// How many requests must have passed before their silence counts.
pub(super) const ENOUGH: u64 = 1_000;

/// What a shape means; `None` for what no rule is about.
pub fn meaning(shape: Shape) -> Option<(&'static str, &'static [&'static str])> {
    MEANS.iter().find(|(of, ..)| *of == shape).map(|(_, words, rules)| (*words, *rules))
}

/// What was counted speaks for a finding, against it, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// So many answers of just this kind, out of so many requests.
    For {
        /// The answers.
        count: u64,
        /// The requests.
        of: u64,
    },
    /// CloudWatch counted so many failures that point at it, beside so many requests.
    Measured {
        /// The metric.
        metric: &'static str,
        /// The failures.
        count: u64,
        /// The requests.
        of: u64,
    },
    /// Many requests passed, and none ended so.
    Against,
    /// Nothing was counted that it could show in.
    Nothing,
}

/// What the traffic says of a finding: access logs, which show more of each answer, else metrics.
pub fn speaks(traffic: &Traffic, reach: &Reach, finding: &Finding) -> Speaks {
    match logged(traffic, reach, finding) {
        Speaks::Nothing if traffic.metrics.is_some() => metrics::speaks(traffic, reach, finding),
        said @ (Speaks::For { .. } | Speaks::Measured { .. } | Speaks::Against | Speaks::Nothing) => said,
    }
}

fn logged(traffic: &Traffic, reach: &Reach, finding: &Finding) -> Speaks {
    let shapes: Vec<Shape> =
        MEANS.iter().filter(|(_, _, rules)| rules.contains(&finding.rule.as_str())).map(|(shape, ..)| *shape).collect();
    if shapes.is_empty() || traffic.logs.is_none() {
        return Speaks::Nothing;
    }
    let places: Vec<&Counted> = places(reach, finding).iter().filter_map(|place| traffic.of(place)).collect();
    let of = places.iter().map(|counted| counted.requests).sum();
    let count = places.iter().flat_map(|counted| shapes.iter().map(|shape| counted.of(*shape))).sum();
    match (count, of) {
        (1.., _) => Speaks::For { count, of },
        (0, ENOUGH..) => Speaks::Against,
        (0, _) => Speaks::Nothing,
    }
}

/// Where a finding shows: in the groups that it is about, else in the load balancers.
pub(super) fn places(reach: &Reach, finding: &Finding) -> BTreeSet<Address> {
    let group = |address: &Address| match address.kind {
        Kind::TargetGroup => Some(address.clone()),
        Kind::Target => address.parent(),
        Kind::SecurityGroup | Kind::Certificate | Kind::LoadBalancer | Kind::Listener | Kind::Rule => None,
    };
    let cited = finding.evidence.iter().filter_map(|e| group(&e.address));
    let groups: BTreeSet<Address> = group(&finding.address).into_iter().chain(cited).collect();
    if groups.is_empty() { reach.balancers(finding) } else { groups }
}

/// Answers of one shape, and where most of them were met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// The shape.
    pub shape: Shape,
    /// How many.
    pub count: u64,
    /// The group with most of them, and how many it had.
    pub mostly: Option<(Address, u64)>,
}

/// What these load balancers answered that was no success, most frequent first.
pub fn met(traffic: &Traffic, balancers: &BTreeSet<Address>) -> Vec<Met> {
    let mut shapes: BTreeMap<Shape, u64> = BTreeMap::new();
    for counted in balancers.iter().filter_map(|lb| traffic.of(lb)) {
        for (shape, count) in &counted.shapes {
            *shapes.entry(*shape).or_default() += count;
        }
    }
    let groups = || traffic.counted.iter().filter(|(address, _)| address.kind == Kind::TargetGroup);
    let mostly = |shape: Shape| {
        let most = groups().map(|(address, counted)| (address, counted.of(shape))).max_by_key(|(_, count)| *count);
        most.filter(|(_, count)| *count > 0).map(|(address, count)| (address.clone(), count))
    };
    let one = |(shape, count): (Shape, u64)| Met { shape, count, mostly: mostly(shape) };
    let mut all: Vec<Met> = shapes.into_iter().map(one).collect();
    all.sort_by_key(|met| (std::cmp::Reverse(met.count), met.shape));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::traffic::Logs;
    use crate::rules::{ALL, Severity, find};

    fn traffic(requests: u64, shapes: &[(Shape, u64)]) -> Traffic {
        let counted = Counted { requests, shapes: shapes.iter().copied().collect(), ..Counted::default() };
        let counted = [Address::target_group("django"), Address::load_balancer("web")].map(|a| (a, counted.clone()));
        Traffic { logs: Some(Logs::default()), counted: counted.into(), ..Traffic::default() }
    }

    fn of(traffic: &Traffic, rule: &str, address: &str) -> Speaks {
        let finding = find("E301").unwrap().finding(Severity::High, &address.parse().unwrap(), "x");
        speaks(traffic, &Reach::default(), &Finding { rule: rule.to_owned(), ..finding })
    }

    #[test]
    fn answers_of_its_shape_speak_for_a_finding() {
        let group = "target_group/django";
        let seen = traffic(5_000, &[(Shape::Stale, 12), (Shape::Target, 3)]);
        assert_eq!(of(&seen, "E301", group), Speaks::For { count: 12, of: 5_000 });
        assert_eq!(of(&seen, "E301", "target/django/10.0.1.10:8000"), Speaks::For { count: 12, of: 5_000 });
        assert_eq!(of(&seen, "E501", group), Speaks::Against);
        assert_eq!(of(&seen, "E605", group), Speaks::Nothing, "certificates show nowhere");
        assert_eq!(of(&seen, "E301", "target_group/other"), Speaks::Nothing);
        assert_eq!(of(&traffic(999, &[]), "E301", group), Speaks::Nothing, "too few to be silent");
        assert_eq!(of(&Traffic { logs: None, ..seen }, "E301", group), Speaks::Nothing);
    }

    #[test]
    fn the_most_frequent_comes_first_with_its_place() {
        let seen = traffic(5_000, &[(Shape::Stale, 12), (Shape::TimedOut, 30)]);
        let all = met(&seen, &[Address::load_balancer("web")].into());
        let group = Address::target_group("django");
        assert_eq!(all[0], Met { shape: Shape::TimedOut, count: 30, mostly: Some((group, 30)) });
        assert_eq!(all.len(), 2);
        assert!(met(&seen, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn every_shape_that_the_load_balancer_makes_is_explained_or_has_a_rule_of_its_own() {
        let own = |shape: Shape| ALL.iter().any(|rule| rule.bad.logged.iter().any(|seen| seen.shape == shape));
        for shape in Shape::WORDS.iter().filter_map(|word| word.parse::<Shape>().ok()) {
            assert!(meaning(shape).is_some() || own(shape) || !shape.is_made(), "{shape}");
        }
    }
}
