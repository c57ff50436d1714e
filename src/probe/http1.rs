//! One request and its answer in HTTP/1.1.
//!
//! Bounded against any server: a deadline for the whole, a limit for the head, a limit for the body, and of a body no
//! more is kept than what may give the software away.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::connection::{Io, broken, open};
use super::head::{self, Head};
use super::observation::{Answer, BodyEnd, Exchange, Fault, Observations, Outcome};
use super::server::Server;
use super::subject::Ask;

/// The longest head that is read; the load balancer gives up at 32 K.
const HEAD: usize = 256 * 1024;
/// So much of a body is read.
const BODY: u64 = 1024 * 1024;
/// So much of it is kept.
const SAMPLE: usize = 1024;
/// The longest line between chunks.
const LINE: usize = 4096;
/// Interim answers (1xx) that are passed over.
const INTERIM: usize = 8;

/// What came of a request, and the software that it names.
pub(super) struct Read {
    pub(super) outcome: Outcome,
    pub(super) server: Option<Server>,
}

/// Asks on a connection of its own.
pub(super) async fn ask(ask: &Ask, saw: &mut Observations) -> Exchange {
    let start = Instant::now();
    let deadline = start + ask.timeout;
    let read = match open(ask, &[], deadline).await {
        Ok(mut io) => exchange(&mut io, &ask.bytes(), deadline).await,
        Err(outcome) => Read { outcome, server: None },
    };
    saw.server = saw.server.or(read.server);
    seen(ask, read.outcome, start)
}

/// An exchange as an observation.
pub(super) fn seen(ask: &Ask, outcome: Outcome, start: Instant) -> Exchange {
    Exchange {
        host: ask.host.clone(),
        path: ask.path.clone(),
        forwarded_proto: ask.forwarded_proto(),
        outcome,
        millis: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Sends a request on an open connection and reads its answer.
pub(super) async fn exchange(io: &mut Io, request: &[u8], deadline: Instant) -> Read {
    let sent = timeout_at(deadline, async {
        io.write_all(request).await?;
        io.flush().await
    });
    match sent.await {
        Ok(Ok(())) => read(io, deadline).await,
        // who closes early may have answered before
        Ok(Err(error)) => match read(io, deadline).await {
            Read { outcome: Outcome::Closed | Outcome::TimedOut, .. } => Read { outcome: broken(&error), server: None },
            read => read,
        },
        Err(_) => Read { outcome: Outcome::TimedOut, server: None },
    }
}

/// Reads an answer.
pub(super) async fn read<S: tokio::io::AsyncRead + Unpin>(io: &mut S, deadline: Instant) -> Read {
    let start = Instant::now();
    let mut reader = Reader { io, bytes: Vec::new(), deadline, start, heard: start };
    let mut head = match reader.head().await {
        Ok(head) => head,
        Err(outcome) => return Read { outcome, server: None },
    };
    let mut body = Body::default();
    let end = reader.body(&mut head, &mut body).await;
    if end == BodyEnd::Whole && !reader.bytes.is_empty() {
        head.answer.faults.push(Fault::Surplus);
    }
    let server = head.server(&body.sample);
    let answer = Answer { body: body.count, end, ..head.answer };
    Read { outcome: Outcome::Answer(Box::new(answer)), server }
}

struct Reader<'s, S> {
    io: &'s mut S,
    bytes: Vec<u8>,
    deadline: Instant,
    start: Instant,
    /// When bytes last came.
    heard: Instant,
}

#[derive(Default)]
struct Body {
    count: u64,
    sample: Vec<u8>,
}

/// Why no more comes.
enum Stop {
    End,
    /// The time is over, though bytes still come.
    Late,
    /// The time is over, and nothing came for the longer part of it.
    Silent,
    Broken(Outcome),
}

impl From<Stop> for BodyEnd {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::End | Stop::Broken(_) => Self::CutOff,
            Stop::Late => Self::Enough,
            Stop::Silent => Self::Stalled,
        }
    }
}

impl<S: tokio::io::AsyncRead + Unpin> Reader<'_, S> {
    /// Reads some more bytes.
    async fn more(&mut self) -> Result<(), Stop> {
        let mut part = [0_u8; 8192];
        match timeout_at(self.deadline, self.io.read(&mut part)).await {
            Ok(Ok(0)) => Err(Stop::End),
            Ok(Ok(count)) => {
                self.heard = Instant::now();
                self.bytes.extend_from_slice(part.get(..count).unwrap_or_default());
                Ok(())
            }
            // a TLS connection that ends without a word is closed all the same
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(Stop::End),
            Ok(Err(error)) => Err(Stop::Broken(broken(&error))),
            Err(_) if (self.deadline - self.heard) * 2 > self.deadline - self.start => Err(Stop::Silent),
            Err(_) => Err(Stop::Late),
        }
    }

    /// The head of the final answer.
    async fn head(&mut self) -> Result<Head, Outcome> {
        let mut interim = 0;
        let mut looked = 0;
        loop {
            if !head::may_be_http(&self.bytes) {
                return Err(Outcome::Garbage(head::shown(&self.bytes)));
            }
            if let Some(end) = head::end(&self.bytes, looked) {
                let rest = self.bytes.split_off(end);
                let head = head::parse(&std::mem::replace(&mut self.bytes, rest))?;
                if !(100..200).contains(&head.answer.status) || head.answer.status == 101 || interim >= INTERIM {
                    return Ok(head);
                }
                interim += 1;
                looked = 0;
                continue;
            }
            looked = self.bytes.len();
            if looked > HEAD {
                return Err(Outcome::Endless);
            }
            self.more().await.map_err(|stop| match stop {
                Stop::End => Outcome::Closed,
                Stop::Late | Stop::Silent => Outcome::TimedOut,
                Stop::Broken(outcome) => outcome,
            })?;
        }
    }

    async fn body(&mut self, head: &mut Head, body: &mut Body) -> BodyEnd {
        if matches!(head.answer.status, 100..200 | 204 | 304) {
            return BodyEnd::Whole;
        }
        if head.chunked {
            return match self.chunks(body).await {
                Ok(end) => end,
                Err(Some(stop)) => stop.into(),
                Err(None) => {
                    head.answer.faults.push(Fault::BadChunk);
                    BodyEnd::Enough
                }
            };
        }
        let until_closed = head.answer.promised.is_none();
        match self.take(head.answer.promised.unwrap_or(u64::MAX), body).await {
            Ok(end) => end,
            Err(Stop::End) if until_closed => {
                head.answer.closes = true;
                BodyEnd::Whole
            }
            Err(stop) => stop.into(),
        }
    }

    /// Takes so many bytes of the body.
    async fn take(&mut self, count: u64, body: &mut Body) -> Result<BodyEnd, Stop> {
        let mut left = count;
        while left > 0 {
            if body.count > BODY {
                return Ok(BodyEnd::Enough);
            }
            if self.bytes.is_empty() {
                self.more().await?;
            }
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.bytes.len());
            let room = SAMPLE.saturating_sub(body.sample.len()).min(here);
            body.sample.extend_from_slice(self.bytes.get(..room).unwrap_or_default());
            self.bytes.drain(..here);
            body.count += here as u64;
            left -= here as u64;
        }
        Ok(BodyEnd::Whole)
    }

    /// Takes chunks until the last one. An error without a stop: they are none.
    async fn chunks(&mut self, body: &mut Body) -> Result<BodyEnd, Option<Stop>> {
        loop {
            let line = self.line().await?;
            let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let size = std::str::from_utf8(size).ok().filter(|size| size.len() <= 8);
            let size = size.and_then(|size| u64::from_str_radix(size, 16).ok()).ok_or(None)?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(BodyEnd::Whole);
            }
            if self.take(size, body).await.map_err(Some)? == BodyEnd::Enough {
                return Ok(BodyEnd::Enough);
            }
            if !self.line().await?.is_empty() {
                return Err(None);
            }
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>, Option<Stop>> {
        loop {
            if let Some(at) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=at).collect();
                return Ok(line.trim_ascii_end().to_vec());
            }
            if self.bytes.len() > LINE {
                return Err(None);
            }
            self.more().await.map_err(Some)?;
        }
    }
}
