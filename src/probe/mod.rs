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

use observation::{Exchange, Outcome, Vantage};
use subject::Ask;

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
    if depth == Depth::Full && saw.request.as_ref().is_some_and(|request| request.answer().is_some()) {
        measure::all(subject, &mut saw).await;
    }
    saw
}

/// One health check, in the version of HTTP that the group speaks.
async fn health_check(subject: &Subject, saw: &mut Observations) -> Exchange {
    if subject.is_http1() {
        return http1::ask(&subject.health_check(), saw).await;
    }
    if saw.http2.is_none() {
        saw.http2 = Some(http2::preface(subject).await);
    }
    http2::health_check(subject).await
}

/// The health check fails: what else is asked to find out why.
async fn look_closer(subject: &Subject, saw: &mut Observations) {
    let check = subject.health_check();
    let failed = saw.health_checks.last().map(|check| check.outcome.clone());
    let dead = matches!(failed, Some(Outcome::Refused | Outcome::Unconnected | Outcome::Unreachable(_)) | None);
    if dead {
        if failed == Some(Outcome::Refused) && saw.vantage == Vantage::SameHost {
            saw.loopback = loopback(subject, saw).await;
        }
        return;
    }
    if !subject.is_http1() {
        return;
    }
    if failed == Some(Outcome::TimedOut) {
        saw.patient = Some(http1::ask(&check.clone().patient(), saw).await);
    }
    saw.root = Some(http1::ask(&check.clone().at(subject.other_path()), saw).await);
    if let Some(host) = &subject.public_host {
        saw.public_host = Some(http1::ask(&check.clone().hosted(host), saw).await);
    }
    let spoke = failed.as_ref().is_some_and(|outcome| matches!(outcome, Outcome::Answer(a) if a.status != 400));
    if !spoke {
        saw.other_protocol = Some(http1::ask(&check.clone().in_other_protocol(), saw).await);
        saw.proxy_protocol = Some(http1::ask(&check.after_proxy_line(), saw).await);
    }
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

/// A request as the load balancer forwards it, on the traffic port.
async fn data_request(subject: &Subject, saw: &mut Observations) -> Exchange {
    if subject.is_http1() { http1::ask(&Ask::forwarded(subject), saw).await } else { http2::request(subject).await }
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
