//! What takes time or strength to find out: keep-alive, requests per connection, large requests, a silent neighbour.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::connection::{dial, open};
use super::http1::{self, Read, exchange, seen};
use super::observation::{
    BodyEnd, Exchange, Forms, KeepAlive, Observations, Outcome, Part, Reuse, ReuseEnd, SizedRequest,
};
use super::subject::{Ask, REPEATING, Subject};
use crate::model::value::Protocol;

/// So many requests are sent on one connection.
const MANY: u32 = 120;
/// The large body.
const LARGE: usize = 2 * 1024 * 1024;
/// How long a silent connection stands before the check beside it.
const SETTLED: Duration = Duration::from_millis(200);
/// A keep-alive that is longer than the idle timeout by no more than this is measured twice.
const SOON: Duration = Duration::from_secs(5);
/// Milliseconds by which two measurements of one keep-alive differ at most.
const ALIKE: u64 = 1000;
/// The sizes that are tried, smallest first.
const SIZES: [(Part, u32); 7] = [
    (Part::Line, 5 * 1024),
    (Part::Line, 9 * 1024),
    (Part::Line, 15 * 1024),
    (Part::Header, 5 * 1024),
    (Part::Header, 9 * 1024),
    (Part::Header, 15 * 1024),
    (Part::Headers, 56 * 1024),
];
/// One of the headers that are large together.
const PIECE: u32 = 4000;
/// A token that a page brings along in its cookie and in a header, of Django's length: any token will do, if both agree.
const TOKEN: &str = "no502no502no502no502no502no50200";
/// The statuses that refuse a size.
const REFUSALS: [u16; 4] = [400, 413, 414, 431];

/// Measures all of it.
pub(super) async fn all(subject: &Subject, saw: &mut Observations) {
    if !subject.is_http1() {
        return;
    }
    let mut ask = Ask::forwarded(subject).at(&subject.path);
    let mut usual = sized(&ask, "").await.flatten();
    let passes = saw.health_check(Some(&subject.codes)).is_some_and(|check| check.passes(Some(&subject.codes)));
    if passes && usual.is_none_or(|status| status >= 400) {
        // the path is for health checks only
        ask = ask.hosted(&subject.health_check().host);
        usual = sized(&ask, "").await.flatten();
    }
    saw.sizes = sizes(&ask, usual).await;
    saw.reuse = reuse(&ask).await;
    if passes {
        saw.beside_idle = beside_idle(subject, saw).await;
    }
    saw.large_body = large_body(&ask).await;
    saw.forms = forms(subject).await;
    saw.keep_alive = steady(subject, &ask).await;
    if passes {
        saw.again = Some(http1::ask(&subject.health_check(), saw).await);
    }
}

/// How long an idle connection stays open, measured twice where the target closes it too soon. If both are alike, the
/// shorter one counts, because a busy machine only makes it longer; else the longer one: a restart closes early.
async fn steady(subject: &Subject, ask: &Ask) -> Option<KeepAlive> {
    let first = keep_alive(subject, ask).await;
    let Some(KeepAlive::ClosedAfter(millis)) = first else { return first };
    if Duration::from_millis(millis) > subject.idle_timeout + SOON {
        return first;
    }
    match keep_alive(subject, ask).await {
        Some(KeepAlive::ClosedAfter(other)) if millis.abs_diff(other) < ALIKE => {
            Some(KeepAlive::ClosedAfter(millis.min(other)))
        }
        Some(KeepAlive::ClosedAfter(other)) => Some(KeepAlive::ClosedAfter(millis.max(other))),
        Some(KeepAlive::OpenAfter(other)) => Some(KeepAlive::OpenAfter(other)),
        Some(KeepAlive::None) | None => first,
    }
}

/// Waits until an idle connection is closed.
async fn keep_alive(subject: &Subject, ask: &Ask) -> Option<KeepAlive> {
    let deadline = Instant::now() + ask.timeout;
    let mut io = open(ask, &[], deadline).await.ok()?;
    let Read { outcome: Outcome::Answer(answer), .. } = exchange(&mut io, &ask.bytes(), deadline).await else {
        return None;
    };
    if answer.closes || answer.end != BodyEnd::Whole {
        return answer.closes.then_some(KeepAlive::None);
    }
    let start = Instant::now();
    // bytes that nobody asked for do not end the connection
    let ended = async { while io.read(&mut [0_u8; 512]).await.is_ok_and(|count| count > 0) {} };
    let closed = timeout(subject.watching(), ended).await.is_ok();
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Some(if closed { KeepAlive::ClosedAfter(millis) } else { KeepAlive::OpenAfter(millis) })
}

/// Sends one request after another on one connection.
pub(super) async fn reuse(ask: &Ask) -> Option<Reuse> {
    let stop = Instant::now() + REPEATING;
    let mut io = open(ask, &[], Instant::now() + ask.timeout).await.ok()?;
    let mut requests = 0;
    while requests < MANY && Instant::now() < stop {
        let deadline = (Instant::now() + ask.timeout).min(stop);
        match exchange(&mut io, &ask.bytes(), deadline).await.outcome {
            Outcome::Answer(answer) if answer.end == BodyEnd::Whole => {
                requests += 1;
                if answer.closes {
                    return Some(Reuse { requests, end: ReuseEnd::Announced });
                }
            }
            Outcome::Reset | Outcome::Closed if requests > 0 => {
                return Some(Reuse { requests, end: ReuseEnd::Unannounced });
            }
            Outcome::Answer(_)
            | Outcome::Reset
            | Outcome::Closed
            | Outcome::TimedOut
            | Outcome::Refused
            | Outcome::Unreachable(_)
            | Outcome::Unconnected
            | Outcome::TlsFailed(_)
            | Outcome::Garbage(_)
            | Outcome::Endless => break,
        }
    }
    (requests > 0).then_some(Reuse { requests, end: ReuseEnd::Open })
}

/// Sends what a page of the public name sends with a form, from its https and from its http self. `PROPFIND` changes
/// nothing (RFC 4918, 9.1), and is checked as `POST` is by who checks origins.
async fn forms(subject: &Subject) -> Option<Forms> {
    if subject.public_protocol != Protocol::Https || subject.public_host.is_none() {
        return None;
    }
    let ask = Ask::forwarded(subject);
    let from = |scheme: Protocol| {
        let more = format!(
            "Origin: {scheme}://{}\r\nCookie: csrftoken={TOKEN}\r\nX-CSRFToken: {TOKEN}\r\nContent-Length: 0\r\n\
             Connection: close\r\n",
            ask.host
        );
        let (ask, start) = (&ask, Instant::now());
        async move {
            let deadline = start + ask.timeout;
            let mut io = open(ask, &[], deadline).await.ok()?;
            let read = exchange(&mut io, &ask.bytes_with("PROPFIND", &more), deadline).await;
            Some(seen(ask, read.outcome, start))
        }
    };
    Some(Forms { from_https: from(Protocol::Https).await?, from_http: from(Protocol::Http).await? })
}

/// Makes a health check beside a connection that says nothing.
async fn beside_idle(subject: &Subject, saw: &mut Observations) -> Option<Exchange> {
    let silent = timeout(subject.timeout, dial(subject.check_address)).await.ok()?.ok()?;
    sleep(SETTLED).await;
    let check = http1::ask(&subject.health_check(), saw).await;
    drop(silent);
    Some(check)
}

/// Sends a large body and reads beside, as a load balancer does.
async fn large_body(ask: &Ask) -> Option<Exchange> {
    let start = Instant::now();
    let deadline = start + ask.timeout;
    let io = open(ask, &[], deadline).await.ok()?;
    let (mut from, mut to) = tokio::io::split(io);
    let head = ask.bytes_with(
        "POST",
        &format!("Content-Type: application/octet-stream\r\nConnection: close\r\nContent-Length: {LARGE}\r\n"),
    );
    let send = async {
        let part = vec![b'x'; 64 * 1024];
        to.write_all(&head).await?;
        for _ in 0..LARGE / part.len() {
            to.write_all(&part).await?;
        }
        to.flush().await
    };
    // that not all could be sent is no failure yet: the answer decides
    let (read, _) = tokio::join!(http1::read(&mut from, deadline), timeout_at(deadline, send));
    Some(seen(ask, read.outcome, start))
}

/// Sends requests of growing size, each on its own connection. Without an answer to one of the usual size nothing can
/// be said.
async fn sizes(ask: &Ask, usual: Option<u16>) -> Vec<SizedRequest> {
    let Some(usual) = usual.filter(|status| *status < 500 && !REFUSALS.contains(status)) else { return Vec::new() };
    let mut tried: Vec<SizedRequest> = Vec::new();
    for (part, bytes) in SIZES {
        let fails = |one: &SizedRequest| one.part == part && one.status != Some(usual);
        if tried.iter().any(fails) {
            continue;
        }
        let (ask, more) = match part {
            Part::Line => (ask.clone().at(&format!("{}?pad={}", ask.path, pad(bytes))), String::new()),
            Part::Header => (ask.clone(), format!("Cookie: pad={}\r\n", pad(bytes))),
            Part::Headers => {
                let pieces = (0..bytes / PIECE).map(|at| format!("X-Pad-{at}: {}\r\n", pad(PIECE)));
                (ask.clone(), pieces.collect())
            }
        };
        tried.extend(sized(&ask, &more).await.map(|status| SizedRequest { part, bytes, status }));
    }
    tried
}

fn pad(bytes: u32) -> String {
    "x".repeat(bytes as usize)
}

/// The status of a request with more headers, or that there is none; nothing where it did not come in time.
async fn sized(ask: &Ask, more: &str) -> Option<Option<u16>> {
    let deadline = Instant::now() + ask.timeout;
    let mut io = open(ask, &[], deadline).await.ok()?;
    let request = ask.bytes_with("GET", &format!("Connection: close\r\n{more}"));
    match exchange(&mut io, &request, deadline).await.outcome {
        Outcome::Answer(answer) => Some(Some(answer.status)),
        Outcome::Reset | Outcome::Closed => Some(None),
        Outcome::TimedOut
        | Outcome::Refused
        | Outcome::Unreachable(_)
        | Outcome::Unconnected
        | Outcome::TlsFailed(_)
        | Outcome::Garbage(_)
        | Outcome::Endless => None,
    }
}
