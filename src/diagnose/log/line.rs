//! One line of an access log: its fields, and the shape of the answer.
//!
//! Nothing is copied, and no more is looked at than a line needs: of a success, what comes after the target group is
//! left alone. Fields that AWS adds at the end are tolerated, and so are quotes within quotes.
//! Source: ELB user guide "Access logs for your Application Load Balancer".

use memchr::memchr;

use crate::model::traffic::Shape;

/// How soon after it was sent a request ended that met a closing connection, in microseconds.
const AT_ONCE: i64 = 10_000;

/// What is counted of a line. Times are in microseconds; -1 means that it did not come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    pub time: &'l [u8],
    pub balancer: &'l [u8],
    pub target: &'l [u8],
    pub request_time: i64,
    pub target_time: i64,
    pub response_time: i64,
    /// 0: none.
    pub status: u16,
    /// 0: none.
    pub target_status: u16,
    pub group: &'l [u8],
    /// What only lines that are no success are asked for.
    pub error: Option<Failed<'l>>,
}

/// More of a line that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed<'l> {
    pub shape: Shape,
    pub domain: &'l [u8],
    pub rule: &'l [u8],
    pub reason: &'l [u8],
}

/// The fields of a line: words, or texts in quotes.
struct Fields<'l>(&'l [u8]);

impl<'l> Fields<'l> {
    fn word(&mut self) -> Option<&'l [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr(b' ', self.0).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        Some(word)
    }
    /// A text in quotes, or a word.
    fn text(&mut self) -> Option<&'l [u8]> {
        let [b'"', inside @ ..] = self.0 else {
            return self.word();
        };
        let mut from = 0;
        loop {
            // a quote that no space follows is one within the text
            let end = from + memchr(b'"', inside.get(from..)?)?;
            match inside.get(end + 1) {
                Some(b' ') | None => {
                    self.0 = inside.get(end + 2..).unwrap_or_default();
                    return inside.get(..end);
                }
                Some(_) => from = end + 1,
            }
        }
    }
}

/// Reads a line without its line break; `None` for what is no entry.
pub fn read(line: &[u8]) -> Option<Line<'_>> {
    let mut fields = Fields(line);
    let _kind = fields.word()?;
    let time = fields.word().filter(|time| time.len() >= 20 && time.get(10) == Some(&b'T'))?;
    let balancer = fields.word()?;
    let _client = fields.word()?;
    let target = fields.word()?;
    let [request_time, target_time, response_time] =
        [micros(fields.word()?)?, micros(fields.word()?)?, micros(fields.word()?)?];
    let (status, target_status) = (code(fields.word()?)?, code(fields.word()?)?);
    let (_received, _sent) = (fields.word()?, fields.word()?);
    let (_request, _agent) = (fields.text()?, fields.text()?);
    let (_cipher, _protocol) = (fields.word()?, fields.word()?);
    let group = fields.text().filter(|group| *group == b"-" || group.starts_with(b"arn:"))?;
    let mut read = Line {
        time,
        balancer,
        target,
        request_time,
        target_time,
        response_time,
        status,
        target_status,
        group,
        error: None,
    };
    if status >= 400 {
        read.error = failed(&read, fields);
    }
    Some(read)
}

/// The rest of a line that is no success; older entries end earlier.
fn failed<'l>(line: &Line<'_>, mut fields: Fields<'l>) -> Option<Failed<'l>> {
    let mut text = || fields.text().filter(|text| *text != b"-").unwrap_or_default();
    let (_trace, domain, _certificate, rule, _created) = (text(), text(), text(), text(), text());
    let (actions, _redirect, reason) = (text(), text(), text());
    Some(Failed { shape: shape(line, actions, reason)?, domain, rule, reason })
}

/// How it came about; `None` for what is the target's or the client's own affair.
fn shape(line: &Line<'_>, actions: &[u8], reason: &[u8]) -> Option<Shape> {
    if line.target_status != 0 {
        return (line.status >= 500).then_some(Shape::Target);
    }
    if actions.ends_with(b"fixed-response") {
        return Some(Shape::Fixed);
    }
    Some(match line.status {
        502 if reason.starts_with(b"Lambda") => Shape::Lambda,
        502 if line.target_time < 0 => Shape::Refused,
        502 if line.target_time < AT_ONCE => Shape::Stale,
        502 => Shape::Cut,
        503 => Shape::NoTarget,
        504 => Shape::TimedOut,
        460 => Shape::ClientGone,
        463 => Shape::ForwardedFor,
        464 => Shape::Version,
        501 => Shape::Encoding,
        507 => Shape::Redirect,
        561 => Shape::Login,
        500 if reason.starts_with(b"Auth") => Shape::Login,
        500.. => Shape::Other,
        400 | 405 | 408 | 413 | 414 => Shape::BadRequest,
        _ => return None,
    })
}

/// A status: three digits, or `-`.
fn code(word: &[u8]) -> Option<u16> {
    match word {
        b"-" => Some(0),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => None,
    }
}

/// Seconds as microseconds, `0.086`; -1 for `-1` and `-`.
fn micros(word: &[u8]) -> Option<i64> {
    if word == b"-1" || word == b"-" {
        return Some(-1);
    }
    let mut value: i64 = 0;
    let mut decimals: Option<u32> = None;
    for byte in word {
        match byte {
            b'0'..=b'9' if decimals.is_none_or(|n| n < 6) => {
                value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                decimals = decimals.map(|n| n + 1);
            }
            b'0'..=b'9' => {}
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    if word.is_empty() { None } else { value.checked_mul(10_i64.pow(6 - decimals.unwrap_or(0))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/django/73e2d6bc24d8a067";

    /// An entry with these times, statuses, actions and reason; everything else as AWS writes it.
    fn entry(target: &str, times: &str, statuses: &str, actions: &str, reason: &str) -> String {
        format!(
            "https 2026-11-22T09:00:01.123456Z app/web/50dc6c495c0c9188 203.0.113.7:46532 {target} {times} {statuses} 34 366 \
             \"GET https://shop.example.com:443/api/a?b=c HTTP/1.1\" \"agent/1.0 (\"quoted\"-words)\" ECDHE-RSA-AES128-GCM-SHA256 \
             TLSv1.2 {GROUP} \"Root=1-58337262-36d228ad5d99923122bbe354\" \"shop.example.com\" \
             \"arn:aws:acm:eu-west-1:000000000000:certificate/1\" 30 2026-11-22T09:00:01.000000Z \"{actions}\" \"-\" \"{reason}\" \
             \"10.0.1.10:8000\" \"200\" \"-\" \"-\" TID_1234 \"-\" \"-\" \"-\" new"
        )
    }

    #[test]
    fn the_shape_tells_whose_it_is() {
        for (times, statuses, actions, reason, expected) in [
            ("0.001 0.086 0.000", "200 200", "forward", "-", None),
            ("-1 -1 -1", "502 -", "forward", "-", Some(Shape::Refused)),
            ("0.000 0.001 -1", "502 -", "forward", "-", Some(Shape::Stale)),
            ("0.000 30.004 -1", "502 -", "forward", "-", Some(Shape::Cut)),
            ("0.000 0.004 0.000", "502 502", "forward", "-", Some(Shape::Target)),
            ("0.000 0.004 -1", "502 -", "forward", "LambdaInvalidResponse", Some(Shape::Lambda)),
            ("-1 -1 -1", "503 -", "forward", "-", Some(Shape::NoTarget)),
            ("-1 -1 -1", "503 -", "fixed-response", "-", Some(Shape::Fixed)),
            ("-1 -1 -1", "503 -", "waf,fixed-response", "-", Some(Shape::Fixed)),
            ("0.000 60.001 -1", "504 -", "forward", "-", Some(Shape::TimedOut)),
            ("-1 -1 -1", "460 -", "forward", "-", Some(Shape::ClientGone)),
            ("-1 -1 -1", "463 -", "-", "-", Some(Shape::ForwardedFor)),
            ("-1 -1 -1", "464 -", "forward", "-", Some(Shape::Version)),
            ("-1 -1 -1", "501 -", "-", "-", Some(Shape::Encoding)),
            ("-1 -1 -1", "507 -", "redirect", "-", Some(Shape::Redirect)),
            ("-1 -1 -1", "561 -", "authenticate", "AuthInvalidGrantError", Some(Shape::Login)),
            ("-1 -1 -1", "500 -", "authenticate", "AuthTokenEpRequestTimeout", Some(Shape::Login)),
            ("-1 -1 -1", "500 -", "waf-failed", "WAFConnectionTimeout", Some(Shape::Other)),
            ("-1 -1 -1", "400 -", "-", "-", Some(Shape::BadRequest)),
            ("-1 -1 -1", "403 -", "waf", "-", None),
            ("0.000 0.001 0.000", "404 404", "forward", "-", None),
        ] {
            let text = entry("10.0.1.10:8000", times, statuses, actions, reason);
            let line = read(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(line.error.map(|e| e.shape), expected, "{times} {statuses} {actions} {reason}");
            assert_eq!((line.balancer, line.group), (&b"app/web/50dc6c495c0c9188"[..], GROUP.as_bytes()));
            if let Some(error) = line.error {
                let reason = if reason == "-" { "" } else { reason };
                assert_eq!((error.domain, error.rule), (&b"shop.example.com"[..], &b"30"[..]));
                assert_eq!(error.reason, reason.as_bytes());
            }
        }
    }

    #[test]
    fn older_entries_end_earlier() {
        let text = entry("10.0.1.10:8000", "-1 -1 -1", "502 -", "forward", "-");
        let old = text.split(" \"Root=").next().unwrap();
        let line = read(old.as_bytes()).unwrap();
        assert_eq!(line.error.unwrap(), Failed { shape: Shape::Refused, domain: b"", rule: b"", reason: b"" });
    }

    #[test]
    fn what_is_no_entry_is_none() {
        let good = entry("-", "-1 -1 -1", "502 -", "forward", "-");
        for bad in [
            String::new(),
            "hello".into(),
            good.replace("502 -", "5022 -"),
            good.replace("-1 -1 -1", "-1 -1 x"),
            good.replace("2026-11-22T09:00:01.123456Z", "yesterday"),
            good.replace("\"agent/1.0 (\"quoted\"-words)\"", "\"agent"),
            good.split(" ECDHE").next().unwrap().into(),
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
        assert!(read(good.as_bytes()).is_some());
    }

    #[test]
    fn times_are_read_to_the_microsecond() {
        for (word, expected) in
            [("0.086", Some(86_000)), ("12", Some(12_000_000)), ("1.1234567", Some(1_123_456)), ("-1", Some(-1))]
        {
            assert_eq!(micros(word.as_bytes()), expected, "{word}");
        }
        for bad in ["", "1.2.3", "1e3", "-2", "99999999999999999999"] {
            assert_eq!(micros(bad.as_bytes()), None, "{bad}");
        }
    }
}
