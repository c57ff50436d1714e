//! HTTP/2 and gRPC, as a load balancer speaks them to targets: with prior knowledge, or by ALPN in TLS.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::connection::{Io, broken, open};
use super::head;
use super::http1::seen;
use super::observation::{Answer, BodyEnd, Exchange, Outcome, Preface};
use super::subject::{Ask, Kind, Subject};
use crate::model::value::ProtocolVersion;

/// The preface of HTTP/2 with empty settings (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of a frame of settings.
const SETTINGS: u8 = 4;
/// So much of a body is read.
const BODY: u64 = 1024 * 1024;
/// What is offered in TLS.
const ALPN: &[&str] = &["h2"];

/// Sends the preface and looks at what comes back.
pub(super) async fn preface(subject: &Subject) -> Preface {
    let ask = subject.health_check();
    let deadline = Instant::now() + ask.timeout;
    let Ok(mut io) = open(&ask, ALPN, deadline).await else { return Preface::Closed };
    let mut bytes = vec![0_u8; 9];
    let talk = async {
        io.write_all(PREFACE).await?;
        io.flush().await?;
        io.read_exact(&mut bytes).await
    };
    match timeout_at(deadline, talk).await {
        Err(_) => Preface::TimedOut,
        Ok(Err(_)) => Preface::Closed,
        Ok(Ok(_)) if bytes.get(3) == Some(&SETTINGS) => Preface::Settings,
        Ok(Ok(_)) if head::may_be_http(&bytes) => {
            let mut rest = [0_u8; 16];
            let more = timeout_at(deadline, io.read(&mut rest)).await.ok().and_then(Result::ok).unwrap_or_default();
            bytes.extend_from_slice(rest.get(..more).unwrap_or_default());
            let line = String::from_utf8_lossy(&bytes).into_owned();
            let status = line.split(' ').nth(1).and_then(|word| word.get(..3)?.parse().ok());
            status.map_or(Preface::Garbage(head::shown(&bytes)), Preface::Http1)
        }
        Ok(Ok(_)) => Preface::Garbage(head::shown(&bytes)),
    }
}

/// Asks on a connection of its own.
pub(super) async fn ask(subject: &Subject, ask: &Ask) -> Exchange {
    let start = Instant::now();
    let deadline = start + ask.timeout;
    let outcome = match open(ask, ALPN, deadline).await {
        Ok(io) => timeout_at(deadline, speak(subject, ask, io)).await.unwrap_or(Outcome::TimedOut),
        Err(outcome) => outcome,
    };
    seen(ask, outcome, start)
}

async fn speak(subject: &Subject, ask: &Ask, io: Io) -> Outcome {
    let (send, connection) = match h2::client::handshake(io).await {
        Ok(both) => both,
        Err(error) => return failed(error),
    };
    tokio::select! {
        outcome = answered(subject, ask, send) => outcome,
        ended = connection => ended.map_or_else(failed, |()| Outcome::Closed),
    }
}

fn failed(error: h2::Error) -> Outcome {
    match error.get_io() {
        Some(io) => broken(io),
        None => Outcome::Garbage(format!("no HTTP/2: {error}").chars().take(120).collect()),
    }
}

async fn answered(subject: &Subject, ask: &Ask, send: SendRequest<Bytes>) -> Outcome {
    match talk(subject, ask, send).await {
        Ok(answer) => Outcome::Answer(Box::new(answer)),
        Err(error) => failed(error),
    }
}

async fn talk(subject: &Subject, ask: &Ask, send: SendRequest<Bytes>) -> Result<Answer, h2::Error> {
    let grpc = subject.version == ProtocolVersion::Grpc;
    let mut send = poll_ready(send).await?;
    let uri = format!("{}://{}{}", ask.protocol, ask.host, ask.path);
    let agent = if ask.kind == Kind::Check { "ELB-HealthChecker/2.0" } else { "no502-probe" };
    let mut request = Request::builder().uri(uri).header("user-agent", agent);
    if let Some(protocol) = ask.forwarded_proto() {
        request = request.header("x-forwarded-for", "192.0.2.1").header("x-forwarded-proto", protocol.as_str());
    }
    if grpc {
        request = request.method(Method::POST).header("content-type", "application/grpc").header("te", "trailers");
    }
    // a path that is no URI cannot be asked for
    let request = request.body(()).map_err(|_| h2::Error::from(h2::Reason::REFUSED_STREAM))?;
    let (response, mut body) = send.send_request(request, !grpc)?;
    if grpc {
        // an empty message: not compressed, no bytes
        body.send_data(Bytes::from_static(&[0; 5]), true)?;
    }
    let response = response.await?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut answer = Answer {
        status: response.status().as_u16(),
        grpc_status: header("grpc-status").and_then(|code| code.parse().ok()),
        location: header("location"),
        authenticate: header("www-authenticate"),
        server: header("server"),
        header_bytes: response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().len() + value.len() + 4) as u64)
            .sum(),
        ..Answer::default()
    };
    let mut stream = response.into_body();
    while let Some(part) = stream.data().await {
        let part = part?;
        answer.body += part.len() as u64;
        if answer.body > BODY {
            answer.end = BodyEnd::Enough;
            return Ok(answer);
        }
        stream.flow_control().release_capacity(part.len())?;
    }
    if grpc && let Some(trailers) = stream.trailers().await? {
        let code = trailers.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok());
        answer.grpc_status = code.or(answer.grpc_status);
    }
    Ok(answer)
}

async fn poll_ready(mut send: SendRequest<Bytes>) -> Result<SendRequest<Bytes>, h2::Error> {
    poll_fn(|cx| send.poll_ready(cx)).await?;
    Ok(send)
}
