//! Counting: what is kept of a log of any length, in constant memory.
//!
//! Exact: requests and shapes of each group and load balancer, up to [`NAMES`] of them. Who met what is kept of the
//! most frequent ones: where the table is full, the rarer half goes, so that what met a thousandth of all errors is
//! there, with a count that may be a little low.

use std::collections::{BTreeMap, HashMap};

use super::line::Line;
use crate::model::traffic::{Counted, Shape};

/// Groups and load balancers that are told apart.
const NAMES: usize = 2_048;
/// Distinct offenders that are kept.
const OFFENDERS: usize = 4_096;
/// Distinct reasons of one group, and distinct tenths of a second.
const FEW: usize = 128;
/// Buckets of an octave of the histogram of times.
const FINE: u32 = 8;
/// The longest field that is kept.
const LONGEST: usize = 256;

/// All that is kept.
#[derive(Debug, Default)]
pub struct Tally {
    /// Entries.
    pub lines: u64,
    /// Lines that are none.
    pub malformed: u64,
    first: Vec<u8>,
    last: Vec<u8>,
    names: HashMap<Box<[u8]>, usize>,
    counts: Vec<Counts>,
    /// Where the last line was counted: most follow one of the same group.
    recent: [usize; 2],
    offenders: HashMap<Box<[u8]>, (u64, Shape, u16)>,
}

/// What is counted of one group or load balancer.
#[derive(Debug)]
struct Counts {
    name: Box<[u8]>,
    requests: u64,
    shapes: BTreeMap<Shape, u64>,
    reasons: BTreeMap<Box<[u8]>, u64>,
    answered: u64,
    times: Vec<u32>,
    longest: i64,
    /// After how many tenths of a second requests were cut or timed out.
    ended: BTreeMap<i64, u64>,
}

/// One offender: group, target, rule, domain and reason.
pub struct Met<'t> {
    pub count: u64,
    pub shape: Shape,
    pub status: u16,
    pub fields: [&'t [u8]; 5],
}

impl Tally {
    /// Counts a line.
    pub fn add(&mut self, line: &Line<'_>) {
        self.lines += 1;
        if self.first.is_empty() || line.time < self.first.as_slice() {
            self.first = cut(line.time).to_vec();
        }
        if line.time > self.last.as_slice() {
            self.last = cut(line.time).to_vec();
        }
        for (nth, name) in [line.balancer, line.group].into_iter().enumerate() {
            if name.len() > 1
                && let Some(counts) = self.counts_of(nth, name)
            {
                counts.add(line);
            }
        }
        if let Some(error) = line.error {
            self.meet(line, error.shape, [line.group, line.target, error.rule, error.domain, error.reason]);
        }
    }

    fn counts_of(&mut self, nth: usize, name: &[u8]) -> Option<&mut Counts> {
        let recent = self.recent.get(nth).copied().unwrap_or_default();
        let at = match self.counts.get(recent) {
            Some(counts) if *counts.name == *name => recent,
            _ => match self.names.get(name) {
                Some(at) => *at,
                None if self.counts.len() >= NAMES || name.len() > LONGEST => return None,
                None => {
                    self.counts.push(Counts::of(name));
                    self.names.insert(name.into(), self.counts.len() - 1);
                    self.counts.len() - 1
                }
            },
        };
        if let Some(recent) = self.recent.get_mut(nth) {
            *recent = at;
        }
        self.counts.get_mut(at)
    }

    fn meet(&mut self, line: &Line<'_>, shape: Shape, fields: [&[u8]; 5]) {
        let mut key = Vec::with_capacity(192);
        key.extend_from_slice(shape.as_str().as_bytes());
        key.extend_from_slice(&line.status.to_be_bytes());
        for field in fields {
            key.push(0);
            key.extend_from_slice(cut(field));
        }
        if let Some((count, ..)) = self.offenders.get_mut(key.as_slice()) {
            *count += 1;
            return;
        }
        if self.offenders.len() >= OFFENDERS {
            let mut counts: Vec<u64> = self.offenders.values().map(|(count, ..)| *count).collect();
            let (_, median, _) = counts.select_nth_unstable(OFFENDERS / 2);
            let median = *median;
            // what is as rare as the median goes as well: else nothing would, where all are alike
            self.offenders.retain(|_, (count, ..)| *count > median);
        }
        self.offenders.insert(key.into(), (1, shape, line.status));
    }

    /// What was met most often.
    pub fn most(&self, many: usize) -> Vec<Met<'_>> {
        let mut all: Vec<_> = self.offenders.iter().collect();
        all.sort_by(|(a, (m, ..)), (b, (n, ..))| n.cmp(m).then_with(|| a.cmp(b)));
        all.into_iter().take(many).map(|(key, of)| met(key, *of)).collect()
    }

    /// What was counted of each group and load balancer, by the names that the log gives them.
    pub fn counted(&self) -> impl Iterator<Item = (&[u8], Counted)> {
        self.counts.iter().map(|counts| (&*counts.name, counts.counted()))
    }

    /// The times of the first and the last request.
    pub fn span(&self) -> Option<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (self.lines > 0).then(|| (text(&self.first), text(&self.last)))
    }
}

/// An offender from its key: the shape, the status, and the fields, each behind a zero.
fn met(key: &[u8], (count, shape, status): (u64, Shape, u16)) -> Met<'_> {
    let mut parts = key.get(shape.as_str().len() + 3..).unwrap_or_default().split(|byte| *byte == 0);
    let fields = std::array::from_fn(|_| parts.next().unwrap_or_default());
    Met { count, shape, status, fields }
}

fn cut(field: &[u8]) -> &[u8] {
    field.get(..LONGEST).unwrap_or(field)
}

impl Counts {
    fn of(name: &[u8]) -> Self {
        Self {
            name: name.into(),
            requests: 0,
            shapes: BTreeMap::new(),
            reasons: BTreeMap::new(),
            answered: 0,
            times: vec![0; 64 * FINE as usize],
            longest: 0,
            ended: BTreeMap::new(),
        }
    }

    fn add(&mut self, line: &Line<'_>) {
        self.requests += 1;
        if line.target_status != 0 && line.target_time >= 0 {
            self.answered += 1;
            self.longest = self.longest.max(line.target_time);
            if let Some(bucket) = self.times.get_mut(bucket(line.target_time)) {
                *bucket = bucket.saturating_add(1);
            }
        }
        let Some(error) = line.error else { return };
        *self.shapes.entry(error.shape).or_default() += 1;
        if !error.reason.is_empty() {
            let room = self.reasons.len() < FEW && error.reason.len() <= LONGEST;
            match self.reasons.get_mut(error.reason) {
                Some(count) => *count += 1,
                None if room => {
                    self.reasons.insert(error.reason.into(), 1);
                }
                None => {}
            }
        }
        let ends = matches!(error.shape, Shape::Cut | Shape::TimedOut) && line.target_time > 0;
        let tenth = line.target_time / 100_000;
        if ends && (self.ended.len() < FEW || self.ended.contains_key(&tenth)) {
            *self.ended.entry(tenth).or_default() += 1;
        }
    }

    fn counted(&self) -> Counted {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Counted {
            requests: self.requests,
            shapes: self.shapes.clone(),
            reasons: self.reasons.iter().map(|(reason, count)| (text(reason), *count)).collect(),
            seconds: (self.answered > 0).then(|| [self.quantile(50), self.quantile(99), seconds(self.longest)]),
            constant: self.constant(),
            metrics: BTreeMap::new(),
        }
    }

    /// The time that so many of a hundred answers took at most, an eighth too long at the worst.
    fn quantile(&self, percent: u64) -> f64 {
        let wanted = (self.answered * percent).div_ceil(100);
        let mut seen = 0;
        for (at, count) in self.times.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return seconds(upper(at).min(self.longest));
            }
        }
        seconds(self.longest)
    }

    /// After how many seconds at least half of those ended that ended early, give or take a tenth; of ten at least.
    fn constant(&self) -> Option<f64> {
        let all: u64 = self.ended.values().sum();
        let around = |tenth: i64| (tenth - 1..=tenth + 1).filter_map(|t| self.ended.get(&t)).sum::<u64>();
        let (tenth, count) = self.ended.keys().map(|tenth| (*tenth, around(*tenth))).max_by_key(|(_, count)| *count)?;
        let seconds = f64::from(u32::try_from(tenth).ok()?) / 10.0;
        (all >= 10 && count * 2 >= all && tenth >= 5).then_some(seconds)
    }
}

/// Which bucket a time falls into: eight to an octave.
fn bucket(micros: i64) -> usize {
    let value = micros.unsigned_abs().max(1);
    let octave = 63 - value.leading_zeros();
    let within = if octave < 3 { 0 } else { (value >> (octave - 3)) & u64::from(FINE - 1) };
    (octave * FINE) as usize + usize::try_from(within).unwrap_or_default()
}

/// The longest time of a bucket.
fn upper(bucket: usize) -> i64 {
    let (octave, within) = (bucket / FINE as usize, bucket % FINE as usize);
    let start = 1_u64 << octave.min(62);
    // an octave of fewer numbers than buckets has one bucket
    let wide = if octave < 3 { start } else { (start / u64::from(FINE)).saturating_mul(within as u64 + 1) };
    i64::try_from(start.saturating_add(wide.saturating_sub(1))).unwrap_or(i64::MAX)
}

/// Microseconds as seconds.
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use super::super::line::Failed;
    use super::*;

    fn line<'l>(target_time: i64, status: u16, error: Option<Failed<'l>>) -> Line<'l> {
        Line {
            time: b"2026-11-22T09:00:01.123456Z",
            balancer: b"app/web/1",
            target: b"10.0.1.10:8000",
            request_time: 0,
            target_time,
            response_time: 0,
            status,
            target_status: if error.is_some() { 0 } else { status },
            group: b"arn:g",
            error,
        }
    }

    fn failed(shape: Shape) -> Option<Failed<'static>> {
        Some(Failed { shape, domain: b"shop.example.com", rule: b"30", reason: b"" })
    }

    #[test]
    fn times_are_known_to_an_eighth() {
        let mut tally = Tally::default();
        (1..=1000).for_each(|ms| tally.add(&line(ms * 1000, 200, None)));
        let counted: BTreeMap<_, _> = tally.counted().collect();
        let [half, most, longest] = counted[&b"arn:g"[..]].seconds.unwrap();
        assert!((0.5..=0.57).contains(&half) && (0.99..=1.0).contains(&most), "{half} {most}");
        assert!((longest - 1.0).abs() < 1e-9);
        assert_eq!(counted[&b"app/web/1"[..]].requests, 1000);
        for micros in [0, 1, 7, 8, 9, 1000, 123_456_789, i64::MAX / 4] {
            assert!(upper(bucket(micros)) >= micros, "{micros}");
        }
    }

    #[test]
    fn a_constant_time_points_at_a_timeout() {
        let of = |times: &[i64]| {
            let mut tally = Tally::default();
            times.iter().for_each(|time| tally.add(&line(*time, 502, failed(Shape::Cut))));
            let counted: BTreeMap<_, _> = tally.counted().collect();
            counted[&b"arn:g"[..]].constant
        };
        assert_eq!(of(&[30_004_000; 12]), Some(30.0));
        assert_eq!(of(&[30_004_000; 9]), None, "too few");
        let spread: Vec<i64> = (1..40).map(|n| n * 700_000).collect();
        assert_eq!(of(&spread), None);
        assert_eq!(of(&[20_000; 50]), None, "at once is no timeout");
    }

    #[test]
    fn the_frequent_stay_whatever_else_comes() {
        let mut tally = Tally::default();
        for n in 0..100_000_u32 {
            let name = format!("host-{n}.example.com");
            let rare = Failed { shape: Shape::NoTarget, domain: name.as_bytes(), rule: b"0", reason: b"" };
            tally.add(&line(-1, 503, Some(rare)));
            if n % 100 == 0 {
                tally.add(&line(-1, 502, failed(Shape::Refused)));
            }
        }
        let most = tally.most(3);
        assert_eq!((most[0].shape, most[0].status, most[0].count), (Shape::Refused, 502, 1000));
        assert_eq!(most[0].fields[1..], [&b"10.0.1.10:8000"[..], b"30", b"shop.example.com", b""]);
        assert!(tally.offenders.len() <= OFFENDERS);
        let counted: BTreeMap<_, _> = tally.counted().collect();
        assert_eq!(counted[&b"arn:g"[..]].of(Shape::NoTarget), 100_000, "exact all the same");
    }

    #[test]
    fn names_beyond_the_limit_are_not_kept() {
        let mut tally = Tally::default();
        for n in 0..3 * NAMES {
            let name = format!("arn:{n}");
            tally.add(&Line { group: name.as_bytes(), ..line(1, 200, None) });
        }
        assert_eq!(tally.counted().count(), NAMES);
        assert_eq!(tally.lines, 3 * NAMES as u64);
    }
}
