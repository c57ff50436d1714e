//! Priorities for rules that declare none: only their order is desired.
//!
//! Live numbers stay while they agree with the order. New rules go into the gap between their neighbours;
//! only where there is no gap are the listener's rules numbered anew, around the unmanaged ones.

use std::collections::BTreeSet;

const FIRST: u32 = 10;
const STEP: u32 = 10;
const HIGHEST: u32 = 50_000;

/// Chooses a priority for each rule in order. `live` holds the present numbers (`None` for a rule that
/// does not exist yet), `taken` the numbers of unmanaged rules.
pub(super) fn assign(live: &[Option<u32>], taken: &BTreeSet<u32>) -> Vec<u32> {
    keep(live, taken).unwrap_or_else(|| renumber(live.len(), taken))
}

/// The live numbers with new ones in the gaps, if that can be done.
fn keep(live: &[Option<u32>], taken: &BTreeSet<u32>) -> Option<Vec<u32>> {
    let known: Vec<u32> = live.iter().copied().flatten().collect();
    if !known.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let mut chosen = Vec::with_capacity(live.len());
    let mut low = 0;
    for (i, present) in live.iter().enumerate() {
        let number = match present {
            Some(number) => *number,
            None => {
                let high = live[i..].iter().copied().flatten().next();
                let waiting = live[i..].iter().take_while(|n| n.is_none()).count();
                between(low, high, u32::try_from(waiting).ok()?, taken)?
            }
        };
        chosen.push(number);
        low = number;
    }
    Some(chosen)
}

/// The first of `waiting` numbers spread between `low` and `high`.
fn between(low: u32, high: Option<u32>, waiting: u32, taken: &BTreeSet<u32>) -> Option<u32> {
    let ideal = match high {
        None => low.saturating_add(STEP),
        Some(high) => low + (high - low) / (waiting + 1),
    };
    let end = high.unwrap_or(HIGHEST + 1);
    let start = ideal.max(low + 1);
    (start..end).chain((low + 1..start.min(end)).rev()).find(|n| !taken.contains(n))
}

fn renumber(count: usize, taken: &BTreeSet<u32>) -> Vec<u32> {
    let mut next = FIRST;
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        while taken.contains(&next) {
            next += 1;
        }
        numbers.push(next);
        next += STEP;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_above_the_highest() {
        let taken: BTreeSet<u32> = (1..=HIGHEST).filter(|n| *n != 49_000).collect();
        let number = between(48_999, None, 1, &taken);
        assert_eq!(number, Some(49_000));
        let taken: BTreeSet<u32> = (1..=HIGHEST).collect();
        assert_eq!(between(HIGHEST - 1, None, 1, &taken), None, "there is none");
    }

    #[test]
    fn numbers_stay_while_the_order_agrees() {
        let none = BTreeSet::new();
        assert_eq!(assign(&[Some(1), Some(2), Some(7)], &none), [1, 2, 7]);
        assert_eq!(assign(&[None, None], &none), [10, 20]);
        assert_eq!(assign(&[Some(10), None, Some(20)], &none), [10, 15, 20]);
        assert_eq!(assign(&[None, Some(1)], &none), [10, 20], "no room in front: all are numbered anew");
        assert_eq!(assign(&[Some(20), Some(10)], &none), [10, 20], "the order disagrees");
        assert_eq!(assign(&[Some(10), None, None], &none), [10, 20, 30]);
        assert_eq!(assign(&[None, None], &BTreeSet::from([10, 20])), [11, 21]);
        assert_eq!(assign(&[Some(1), None, Some(3)], &BTreeSet::from([2])), [10, 20, 30]);
    }
}
