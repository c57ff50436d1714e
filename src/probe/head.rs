//! The head of an HTTP/1 answer: read as leniently as it can be, with every fault written down.
//!
//! Pure: bytes in, [`Head`] out. A browser's leniency shows what was meant, the faults show what a load balancer may
//! refuse.

use super::Server;
use super::observation::{Answer, Fault, Outcome};

/// Bytes shown of what is not HTTP, and of faulty lines.
const SHOWN: usize = 40;
/// Faults that are kept.
const FAULTS: usize = 8;

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) answer: Answer,
    pub(super) chunked: bool,
    /// Whether the server names a software beside the `Server` header.
    pub(super) powered_by: Option<String>,
}

/// Where the head ends, the empty line included.
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(3);
    let rest = bytes.get(start..)?;
    rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').find_map(|(at, _)| {
        let after = rest.get(at + 1..)?;
        if after.starts_with(b"\n") {
            Some(start + at + 2)
        } else if after.starts_with(b"\r\n") {
            Some(start + at + 3)
        } else {
            None
        }
    })
}

/// Whether these first bytes can be an HTTP answer's.
pub(super) fn may_be_http(bytes: &[u8]) -> bool {
    let begin = b"HTTP/";
    let length = bytes.len().min(begin.len());
    bytes.get(..length) == begin.get(..length)
}

/// Bytes in a form that can be shown.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = bytes.get(..bytes.len().min(SHOWN)).unwrap_or(bytes).escape_ascii().to_string();
    text.chars().take(SHOWN * 2).collect()
}

/// Reads a head.
pub(super) fn parse(bytes: &[u8]) -> Result<Head, Outcome> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| match line.strip_suffix(b"\r") {
        Some(line) => (line, false),
        None => (line, !line.is_empty()),
    });
    let (status_line, bare) = lines.next().unwrap_or_default();
    let mut answer = Answer { header_bytes: bytes.len() as u64, ..Answer::default() };
    let Some((status, http_10)) = status(status_line) else { return Err(Outcome::Garbage(shown(status_line))) };
    answer.status = status;
    let mut reading = Reading { answer, chunked: false, powered_by: None, persists: None };
    reading.note(bare.then_some(Fault::BareNewline));
    let plain = status_line.get(8) == Some(&b' ') && status_line.get(12).is_none_or(|byte| *byte == b' ');
    reading.note((!plain).then(|| Fault::StatusLine(shown(status_line))));
    for (line, bare) in lines {
        reading.note(bare.then_some(Fault::BareNewline));
        reading.line(line);
    }
    let Reading { mut answer, chunked, powered_by, persists } = reading;
    answer.closes = !persists.unwrap_or(!http_10);
    if chunked && answer.promised.is_some() {
        answer.faults.push(Fault::LengthAndChunks);
    }
    Ok(Head { answer, chunked, powered_by })
}

/// The status of a status line, and whether it is HTTP/1.0.
fn status(line: &[u8]) -> Option<(u16, bool)> {
    let line = std::str::from_utf8(line).ok().map(str::to_owned).unwrap_or_else(|| line.escape_ascii().to_string());
    let (version, rest) = line.strip_prefix("HTTP/")?.split_once(' ')?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    let status = digits.parse().ok().filter(|status| (100..1000).contains(status))?;
    matches!(version, "1.0" | "1.1").then_some((status, version == "1.0"))
}

struct Reading {
    answer: Answer,
    chunked: bool,
    powered_by: Option<String>,
    persists: Option<bool>,
}

impl Reading {
    fn note(&mut self, fault: Option<Fault>) {
        if let Some(fault) = fault.filter(|fault| !self.answer.faults.contains(fault))
            && self.answer.faults.len() < FAULTS
        {
            self.answer.faults.push(fault);
        }
    }
    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return self.note(Some(Fault::FoldedLine));
        }
        let Some(at) = line.iter().position(|byte| *byte == b':') else {
            return self.note(Some(Fault::NoColon(shown(line))));
        };
        let (name, value) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            self.note(Some(Fault::HeaderName(shown(name))));
        }
        if value.iter().any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) {
            self.note(Some(Fault::ControlByte(shown(name))));
        }
        let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
        let value = String::from_utf8_lossy(value).trim().to_owned();
        self.header(&name, value);
    }
    fn header(&mut self, name: &str, value: String) {
        let answer = &mut self.answer;
        match name {
            "content-length" => match value.parse::<u64>() {
                Ok(length) if answer.promised.is_some_and(|other| other != length) => {
                    self.note(Some(Fault::TwoLengths))
                }
                Ok(length) => answer.promised = Some(length),
                Err(_) => self.note(Some(Fault::BadLength(shown(value.as_bytes())))),
            },
            "transfer-encoding" => self.chunked |= value.to_ascii_lowercase().ends_with("chunked"),
            "connection" => {
                let value = value.to_ascii_lowercase();
                let has = |word: &str| value.split(',').any(|part| part.trim() == word);
                if has("close") {
                    self.persists = Some(false);
                } else if has("keep-alive") {
                    self.persists = Some(true);
                }
            }
            "location" => answer.location = Some(cut(value)),
            "www-authenticate" => answer.authenticate = Some(cut(value)),
            "server" => answer.server = Some(cut(value)),
            "x-powered-by" => self.powered_by = Some(cut(value)),
            _ => {}
        }
    }
}

/// A header's value, cut to what a report can show.
fn cut(value: String) -> String {
    match value.char_indices().nth(300) {
        Some((at, _)) => value.chars().take(at.min(300)).collect(),
        None => value,
    }
}

/// RFC 9110, `tchar`.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

impl Head {
    /// The software that it names.
    pub(super) fn server(&self, body: &[u8]) -> Option<Server> {
        Server::recognise(self.answer.server.as_deref(), self.powered_by.as_deref(), &String::from_utf8_lossy(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(head: &str) -> Vec<Fault> {
        parse(head.as_bytes()).unwrap().answer.faults
    }

    #[test]
    fn good_heads_have_no_faults() {
        let head =
            b"HTTP/1.1 301 Moved Permanently\r\nServer: nginx\r\nLocation: /x/\r\nContent-Length: 5\r\n\r\nhello";
        let at = end(head, 0).unwrap();
        assert_eq!(&head[at..], b"hello");
        let answer = parse(&head[..at]).unwrap().answer;
        assert_eq!((answer.status, answer.promised, answer.closes), (301, Some(5), false));
        assert_eq!((answer.location.as_deref(), answer.server.as_deref()), (Some("/x/"), Some("nginx")));
        assert_eq!(answer.faults, []);
        assert!(parse(b"HTTP/1.0 200 OK\r\n\r\n").unwrap().answer.closes);
        assert!(!parse(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").unwrap().answer.closes);
        assert!(parse(b"HTTP/1.1 200 OK\r\nconnection: Close\r\n\r\n").unwrap().answer.closes);
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap().chunked);
    }

    #[test]
    fn every_fault_is_found() {
        let with = |line: &str| faults(&format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n"));
        assert_eq!(with("X Y: 1"), [Fault::HeaderName("X Y".into())]);
        assert_eq!(with("X-Y : 1"), [Fault::HeaderName("X-Y ".into())]);
        assert_eq!(with("X: a\u{1}b"), [Fault::ControlByte("X".into())]);
        assert_eq!(with("nothing"), [Fault::NoColon("nothing".into())]);
        assert_eq!(with("Content-Length: ten"), [Fault::BadLength("ten".into())]);
        assert_eq!(with("Content-Length: 1\r\nContent-Length: 2"), [Fault::TwoLengths]);
        assert_eq!(with("Content-Length: 1\r\nContent-Length: 1"), []);
        assert_eq!(with("Content-Length: 1\r\nTransfer-Encoding: chunked"), [Fault::LengthAndChunks]);
        assert_eq!(with("X: a\r\n b"), [Fault::FoldedLine]);
        assert_eq!(faults("HTTP/1.1 200 OK\nX: a\n\n"), [Fault::BareNewline]);
        assert_eq!(faults("HTTP/1.1  200 OK\r\n\r\n"), [Fault::StatusLine("HTTP/1.1  200 OK".into())]);
        assert!(with("X_Y: \u{e4}").is_empty(), "unusual, not wrong");
    }

    #[test]
    fn what_is_not_http_is_shown() {
        assert!(matches!(parse(b"-ERR unknown\r\n\r\n"), Err(Outcome::Garbage(text)) if text == "-ERR unknown"));
        assert!(matches!(parse(b"HTTP/1.1 abc\r\n\r\n"), Err(Outcome::Garbage(_))));
        assert!(may_be_http(b"HT") && may_be_http(b"HTTP/1.1 2") && !may_be_http(b"\x15\x03\x01"));
        assert_eq!(shown(b"\x15\x03"), "\\x15\\x03");
        assert_eq!(end(b"HTTP/1.1 200 OK\r\nX: y\r\n", 0), None);
        assert_eq!(end(b"HTTP/1.1 200 OK\n\n", 0), Some(17));
    }
}
