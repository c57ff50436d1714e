//! The probe: what a load balancer's health checker and connection pool would meet at a target.
//!
//! It returns [`observation`]s about plain targets and knows no rule: what an observation means is for
//! `rules` to say. A [`Subject`] says where to dial and what a load balancer would send there; [`observe`] looks at
//! one, [`observe_all`] at many, side by side. Everything is bounded: each exchange by the health check's timeout,
//! each answer by a size, the whole by [`Subject::longest`].
//!
//! It never validates a certificate (the load balancer does not either), follows no redirect, and sends nothing to
//! AWS. TLS 1.0 and 1.1 cannot be spoken: what only speaks those is seen as a failed handshake.

mod connection;
mod head;
mod http1;
mod http2;
mod measure;
mod tls;
mod words;

pub mod observation;
pub mod server;
pub mod subject;

pub use observation::Observations;
pub use server::Server;
pub use subject::{Depth, Subject, Versions};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

use crate::model::value::ProtocolVersion;
use observation::{Exchange, Outcome, Vantage};
use subject::{Ask, PATIENCE};

/// How many health checks are made.
const CHECKS: usize = 3;

/// Looks at every subject, so many at once; the observations come in the order of the subjects.
pub async fn observe_all(subjects: Vec<Subject>, depth: Depth, at_once: usize) -> Vec<Observations> {
    let gate = Arc::new(Semaphore::new(at_once.max(1)));
    let tasks: Vec<_> = subjects
        .into_iter()
        .map(|subject| {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                // the gate is never closed
                let _place = gate.acquire().await;
                observe(&subject, depth).await
            })
        })
        .collect();
    let mut all = Vec::with_capacity(tasks.len());
    for task in tasks {
        all.push(task.await.unwrap_or_default());
    }
    all
}

/// Looks at one subject.
pub async fn observe(subject: &Subject, depth: Depth) -> Observations {
    let mut saw = Observations { vantage: vantage(subject.check_address.ip()).await, ..Observations::default() };
    for _ in 0..CHECKS {
        let check = health_check(subject, &mut saw).await;
        let stop = !check.passes(Some(&subject.codes));
        saw.health_checks.push(check);
        if stop {
            break;
        }
    }
    let fails = saw.health_check(Some(&subject.codes)).is_some_and(|check| !check.passes(Some(&subject.codes)));
    if fails {
        look_closer(subject, &mut saw).await;
    }
    if subject.speaks_tls() {
        saw.tls = Some(tls::look(subject).await);
    }
    saw.request = Some(data_request(subject, &mut saw).await);
    if !fails {
        saw.other_request = other_request(subject, &mut saw).await;
    }
    if depth == Depth::Full && saw.request.as_ref().is_some_and(|request| request.answer().is_some()) {
        measure::all(subject, &mut saw).await;
    }
    saw
}

/// One question, in the version of HTTP that the group speaks.
async fn ask(subject: &Subject, question: &Ask, saw: &mut Observations) -> Exchange {
    if subject.is_http1() { http1::ask(question, saw).await } else { http2::ask(subject, question).await }
}

/// One health check.
async fn health_check(subject: &Subject, saw: &mut Observations) -> Exchange {
    if !subject.is_http1() && saw.http2.is_none() {
        saw.http2 = Some(http2::preface(subject).await);
    }
    ask(subject, &subject.health_check(), saw).await
}

/// The health check fails: what else is asked to find out why.
async fn look_closer(subject: &Subject, saw: &mut Observations) {
    let check = subject.health_check();
    let failed = saw.health_check(Some(&subject.codes)).map(|check| check.outcome.clone());
    let dead = matches!(failed, Some(Outcome::Refused | Outcome::Unconnected | Outcome::Unreachable(_)) | None);
    if dead {
        if failed == Some(Outcome::Refused) && saw.vantage == Vantage::SameHost {
            saw.loopback = loopback(subject, saw).await;
        }
        return;
    }
    if failed == Some(Outcome::TimedOut) {
        saw.patient = Some(ask(subject, &check.clone().within(subject.timeout * PATIENCE), saw).await);
    }
    if subject.version != ProtocolVersion::Grpc {
        saw.root = Some(ask(subject, &check.clone().at(subject.other_path()), saw).await);
        if let Some(host) = &subject.public_host {
            saw.public_host = Some(ask(subject, &check.clone().hosted(host), saw).await);
        }
    }
    let spoke = failed.as_ref().is_some_and(|outcome| matches!(outcome, Outcome::Answer(a) if a.status != 400));
    if !spoke {
        saw.other_protocol = Some(ask(subject, &check.clone().in_other_protocol(), saw).await);
        if subject.is_http1() {
            saw.proxy_protocol = Some(http1::ask(&check.clone().after_proxy_line(), saw).await);
        }
    }
    saw.again = Some(ask(subject, &check, saw).await);
}

/// The check's port on the loopback address of this machine, which is the target's.
async fn loopback(subject: &Subject, saw: &mut Observations) -> Option<Exchange> {
    let ip = subject.check_address.ip();
    let local = match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    if ip == local {
        return None;
    }
    let there = Subject { check_address: SocketAddr::new(local, subject.check_address.port()), ..subject.clone() };
    Some(http1::ask(&there.health_check(), saw).await)
}

/// A request as the load balancer forwards it, on the traffic port. Where that is another one than the health check's,
/// what answers there is the server at hand.
async fn data_request(subject: &Subject, saw: &mut Observations) -> Exchange {
    let known = if subject.port == subject.check_port { None } else { saw.server.take() };
    let request = Ask::forwarded(subject).within(subject.request_timeout());
    let grpc = subject.version == ProtocolVersion::Grpc;
    let exchange = ask(subject, &if grpc { request.at(&subject.path) } else { request }, saw).await;
    saw.server = saw.server.or(known);
    exchange
}

/// The health check passes: a request that does not is asked in the other protocol.
async fn other_request(subject: &Subject, saw: &mut Observations) -> Option<Exchange> {
    let refused = |request: &Exchange| match &request.outcome {
        Outcome::Answer(answer) => answer.status == 400,
        Outcome::Refused | Outcome::Unconnected | Outcome::Unreachable(_) => false,
        Outcome::TlsFailed(_)
        | Outcome::Reset
        | Outcome::Closed
        | Outcome::TimedOut
        | Outcome::Garbage(_)
        | Outcome::Endless => true,
    };
    saw.request.as_ref().filter(|request| refused(request))?;
    Some(ask(subject, &Ask::forwarded(subject).in_other_protocol(), saw).await)
}

/// Whether an address is this machine's own: asked of the routing table, without sending anything.
async fn vantage(ip: IpAddr) -> Vantage {
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let local = async {
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.ok()?;
        socket.connect(SocketAddr::new(ip, 9)).await.ok()?;
        socket.local_addr().ok()
    };
    match local.await {
        Some(local) if local.ip() == ip || ip.is_loopback() => Vantage::SameHost,
        Some(_) | None => Vantage::Network,
    }
}

#[cfg(test)]
mod tests;
