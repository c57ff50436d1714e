//! Regular expressions for ranges of numbers and durations, which a JSON Schema has for numbers only.

/// An expression for the whole numbers of a range, without anchors.
pub(super) fn numbers(low: u32, high: u32) -> String {
    let (mut from, high) = (u64::from(low), u64::from(high));
    let mut parts = Vec::new();
    while from <= high {
        // the longest run of digits that may be anything
        let (mut block, mut any) = (1, 0);
        while from > 0 && from % (block * 10) == 0 && from + block * 10 - 1 <= high {
            block *= 10;
            any += 1;
        }
        let prefix = from / block;
        let (head, first) = (prefix / 10, prefix % 10);
        let last = (first..=9).take_while(|digit| (head * 10 + digit + 1) * block - 1 <= high).last().unwrap_or(first);
        let head = if head > 0 { head.to_string() } else { String::new() };
        let digit = if first == last { first.to_string() } else { format!("[{first}-{last}]") };
        let rest = match any {
            0 => String::new(),
            1 => "[0-9]".to_owned(),
            n => format!("[0-9]{{{n}}}"),
        };
        parts.push(format!("{head}{digit}{rest}"));
        from = (prefix - first + last + 1) * block;
    }
    format!("({})", parts.join("|"))
}

/// An expression for durations of a range of seconds: `90`, `90s`, `5m`, `1h`.
pub(super) fn durations(low: u32, high: u32) -> String {
    let mut forms = vec![format!("{}s?", numbers(low, high))];
    for (unit, seconds) in [("m", 60), ("h", 3600)] {
        let (low, high) = (low.div_ceil(seconds), high / seconds);
        if low <= high {
            forms.push(format!("{}{unit}", numbers(low, high)));
        }
    }
    format!("0*({})", forms.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_expressions() {
        for ((low, high), expression) in [
            ((5, 300), "([5-9]|[1-9][0-9]|[1-2][0-9]{2}|300)"),
            ((0, 9), "([0-9])"),
            ((0, 3600), "([0-9]|[1-9][0-9]|[1-9][0-9]{2}|[1-2][0-9]{3}|3[0-5][0-9]{2}|3600)"),
            ((301, 302), "(30[1-2])"),
            ((7, 7), "(7)"),
            ((99, 101), "(99|10[0-1])"),
        ] {
            assert_eq!(numbers(low, high), expression);
        }
        assert_eq!(durations(5, 300), "0*(([5-9]|[1-9][0-9]|[1-2][0-9]{2}|300)s?|([1-5])m)");
        assert_eq!(durations(60, 3600).matches('h').count(), 1);
    }
}
