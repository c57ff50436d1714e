//! From what a log calls things to addresses.

use std::collections::BTreeMap;

use super::tally::{Met, Tally};
use crate::diff::Bound;
use crate::model::traffic::{Counted, Logs, Offender, Traffic};
use crate::model::{Address, Id, Kind};

/// Offenders that are told of.
const TOLD: usize = 20;

/// What was counted, by address. What belongs to nothing that was read is only counted as a whole.
pub fn traffic(tally: &Tally, bound: &Bound) -> Traffic {
    let names = names(bound);
    let mut counted: BTreeMap<Address, Counted> = BTreeMap::new();
    let mut elsewhere = 0;
    for (name, counts) in tally.counted() {
        match names.get(name) {
            Some(address) => {
                counted.insert((*address).clone(), counts);
            }
            None if name.starts_with(b"app/") => elsewhere += counts.requests,
            None => {}
        }
    }
    let (from, to) = tally.span().unzip();
    Traffic {
        logs: Some(Logs { lines: tally.lines, malformed: tally.malformed, elsewhere, from, to }),
        metrics: None,
        counted,
        offenders: tally.most(TOLD).iter().map(|met| offender(met, &names)).collect(),
    }
}

/// Load balancers by the end of their ARN, as logs name them, and target groups by their ARN.
fn names(bound: &Bound) -> BTreeMap<&[u8], &Address> {
    let of = |(id, address): (&'_ Id, &'_ Address)| match address.kind {
        Kind::LoadBalancer => id.as_str().split_once(":loadbalancer/").map(|(before, _)| before.len() + 14),
        Kind::TargetGroup => Some(0),
        Kind::SecurityGroup | Kind::Certificate | Kind::Target | Kind::Listener | Kind::Rule => None,
    };
    let named = bound.names.iter().filter_map(|pair| Some((pair.0.as_str().as_bytes().get(of(pair)?..)?, pair.1)));
    named.collect()
}

fn offender(met: &Met<'_>, names: &BTreeMap<&[u8], &Address>) -> Offender {
    let [group, target, rule, domain, reason] = met.fields;
    let text = |field: &[u8]| {
        let told = !field.is_empty() && field != b"-";
        told.then(|| String::from_utf8_lossy(field).into_owned())
    };
    Offender {
        count: met.count,
        shape: met.shape,
        status: met.status,
        target_group: names.get(group).map(ToString::to_string).or_else(|| text(group)),
        target: text(target),
        rule: text(rule),
        domain: text(domain),
        reason: text(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::traffic::Shape;

    #[test]
    fn logs_and_the_live_state_meet() {
        let (lb, group) = ("arn:aws:elasticloadbalancing:eu-west-1:000000000000", "targetgroup/django/73e2");
        let mut bound = Bound::default();
        let pairs = [
            (format!("{lb}:loadbalancer/app/web/50dc"), Address::load_balancer("web")),
            (format!("{lb}:{group}"), Address::target_group("django")),
        ];
        bound.names.extend(pairs.into_iter().map(|(id, address)| (Id(id), address)));
        let line = |balancer: &str, group: &str| {
            format!(
                "http 2026-11-22T09:00:01.123456Z {balancer} 203.0.113.7:46532 10.0.1.10:8000 0.000 0.001 -1 502 - 34 366 \
                 \"GET http://a/ HTTP/1.1\" \"curl\" - - {lb}:{group} \"Root=1\" \"a\" \"-\" 7 2026-11-22T09:00:01.0Z \"forward\" \"-\" \
                 \"-\"\n"
            )
        };
        let text = [line("app/web/50dc", group), line("app/other/1", "targetgroup/gone/1")].concat();
        let mut tally = Tally::default();
        super::super::read(text.as_bytes(), &mut tally).unwrap();
        let traffic = traffic(&tally, &bound);
        let logs = traffic.logs.as_ref().unwrap();
        assert_eq!((logs.lines, logs.malformed, logs.elsewhere), (2, 0, 1));
        assert_eq!(logs.from.as_deref(), Some("2026-11-22T09:00:01.123456Z"));
        assert_eq!(traffic.of(&Address::target_group("django")).unwrap().of(Shape::Stale), 1);
        assert_eq!(traffic.of(&Address::load_balancer("web")).unwrap().requests, 1);
        let groups: Vec<_> = traffic.offenders.iter().map(|o| o.target_group.clone().unwrap()).collect();
        assert_eq!(groups.len(), 2);
        assert!(groups.contains(&"target_group/django".to_owned()), "{groups:?}");
        assert!(groups.contains(&format!("{lb}:targetgroup/gone/1")), "{groups:?}");
        assert_eq!(traffic.offenders[0].rule.as_deref(), Some("7"));
    }
}
