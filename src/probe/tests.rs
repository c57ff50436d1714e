//! Small servers, well-behaved and hostile, and what the probe sees of them.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::observation::{Answer, BodyEnd, KeepAlive, Part, Preface, ReuseEnd, Vantage};
use super::*;
use crate::model::value::{Protocol, ProtocolVersion};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that does this with each connection; it ends with the test.
async fn server(each: impl Fn(TcpStream) -> Work + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(each(stream));
        }
    });
    address
}

/// A server that reads a request's head and answers with these bytes, then closes.
async fn answering(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = Arc::new(answer.into());
    server(move |mut stream| {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            request(&mut stream).await;
            let _ = stream.write_all(&answer).await;
        })
    })
    .await
}

/// The next request's head; empty at the end.
async fn request(stream: &mut TcpStream) -> String {
    // one request at a time: what follows a head is its body at most
    let (mut bytes, mut part) = (Vec::new(), [0_u8; 16 * 1024]);
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Resets the connection instead of closing it.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

fn at(address: SocketAddr) -> Subject {
    Subject {
        address,
        check_address: address,
        host: "10.0.1.10".to_owned(),
        port: 8000,
        check_port: 8000,
        protocol: Protocol::Http,
        check_protocol: Protocol::Http,
        version: ProtocolVersion::Http1,
        tls: Versions::UpTo13,
        path: "/health/".to_owned(),
        codes: "200".parse().unwrap(),
        timeout: Duration::from_millis(800),
        public_host: None,
        public_path: "/".to_owned(),
        public_protocol: Protocol::Https,
        idle_timeout: Duration::from_secs(1),
    }
}

async fn outcome(address: SocketAddr) -> Outcome {
    observe(&at(address), Depth::Quick).await.health_checks.remove(0).outcome
}

fn answer(outcome: &Outcome) -> &Answer {
    let Outcome::Answer(answer) = outcome else { panic!("{outcome:?}") };
    answer
}

#[tokio::test]
async fn a_good_server_gets_a_health_checkers_requests_and_passes() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let address = server(move |mut stream| {
        let log = Arc::clone(&log);
        Box::pin(async move {
            let request = request(&mut stream).await;
            log.lock().unwrap().push(request);
            stream.write_all(OK.as_bytes()).await.unwrap();
        })
    })
    .await;
    let saw = observe(&at(address), Depth::Quick).await;
    assert_eq!(saw.health_checks.len(), CHECKS);
    assert!(saw.health_checks.iter().all(|check| check.status() == Some(200)), "{saw:#?}");
    assert_eq!(saw.vantage, Vantage::SameHost);
    let heard = heard.lock().unwrap();
    let check = "GET /health/ HTTP/1.1\r\nHost: 10.0.1.10:8000\r\nConnection: close\r\n\
                 User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n";
    assert!(heard[..3].iter().all(|request| request == check), "{heard:#?}");
    assert!(heard[3].starts_with("GET / HTTP/1.1\r\n") && heard.len() == 4, "{heard:#?}");
}

#[tokio::test]
async fn failures_have_their_names() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(outcome(closed).await, Outcome::Refused);
    let redis = answering("-ERR unknown command\r\n").await;
    assert_eq!(outcome(redis).await, Outcome::Garbage("-ERR unknown command\\r\\n".to_owned()));
    assert_eq!(outcome(answering("").await).await, Outcome::Closed);
    assert_eq!(outcome(answering("HTTP/1.1 200 OK\r\nX: ").await).await, Outcome::Closed);
    let resets = server(|mut stream| {
        Box::pin(async move {
            request(&mut stream).await;
            reset(stream);
        })
    });
    assert_eq!(outcome(resets.await).await, Outcome::Reset);
    let silent = server(|mut stream| {
        Box::pin(async move {
            request(&mut stream).await;
            sleep(Duration::from_secs(60)).await;
        })
    });
    assert_eq!(outcome(silent.await).await, Outcome::TimedOut);
}

/// Whatever a server sends, the probe ends in time and with a clear verdict.
#[tokio::test]
async fn hostile_servers_are_bounded() {
    let pour = |head: &'static str, part: &'static str, pause: u64| {
        server(move |mut stream| {
            Box::pin(async move {
                request(&mut stream).await;
                let part = if pause == 0 { part.repeat(4096) } else { part.to_owned() };
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(part.as_bytes()).await.is_ok() {
                    sleep(Duration::from_millis(pause)).await;
                }
            })
        })
    };
    let start = Instant::now();
    let one_header = pour("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxx", 0).await;
    assert_eq!(outcome(one_header).await, Outcome::Endless);
    let headers = pour("HTTP/1.1 200 OK\r\n", "X-Y: z\r\n", 0).await;
    assert_eq!(outcome(headers).await, Outcome::Endless);
    let drip = pour("HTTP/1.1 200 OK\r\n", "X: y\r\n", 20).await;
    assert_eq!(outcome(drip).await, Outcome::TimedOut);
    let body = outcome(pour("HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxx", 0).await).await;
    assert_eq!((answer(&body).status, answer(&body).end), (200, BodyEnd::Enough));
    let chunks =
        outcome(pour("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\nxxxxxxxx\r\n", 0).await).await;
    // on a busy machine the time may be over before a megabyte has come
    assert!(matches!(answer(&chunks).end, BodyEnd::Enough | BodyEnd::Stalled), "{chunks:?}");
    let no_chunks = outcome(answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await).await;
    assert!(answer(&no_chunks).is_malformed());
    let interim = pour("", "HTTP/1.1 103 Early Hints\r\n\r\n", 0).await;
    assert_eq!(answer(&outcome(interim).await).status, 103);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn bodies_shorter_than_promised_are_told_apart() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    let cut = outcome(answering(short).await).await;
    assert_eq!((answer(&cut).body, answer(&cut).end), (3, BodyEnd::CutOff));
    let stalls = server(move |mut stream| {
        Box::pin(async move {
            request(&mut stream).await;
            let _ = stream.write_all(short.as_bytes()).await;
            sleep(Duration::from_secs(60)).await;
        })
    });
    let stalled = outcome(stalls.await).await;
    assert_eq!((answer(&stalled).promised, answer(&stalled).end), (Some(10), BodyEnd::Stalled));
}

#[tokio::test]
async fn a_refused_host_is_tried_under_a_public_name() {
    let address = server(|mut stream| {
        Box::pin(async move {
            let good = request(&mut stream).await.contains("\r\nHost: shop.example.com\r\n");
            let status = if good { "200 OK" } else { "400 Bad Request" };
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nServer: gunicorn\r\n\r\n").as_bytes()).await;
        })
    });
    let subject = Subject { public_host: Some("shop.example.com".to_owned()), ..at(address.await) };
    let saw = observe(&subject, Depth::Quick).await;
    assert_eq!(saw.health_checks.len(), 1, "one failure is enough");
    assert_eq!(saw.health_checks[0].status(), Some(400));
    assert_eq!(saw.public_host.unwrap().status(), Some(200));
    assert_eq!(saw.server, Some(Server::Gunicorn));
    assert!(matches!(saw.other_protocol.unwrap().outcome, Outcome::TlsFailed(_)));
}

#[tokio::test]
async fn a_proxy_protocol_line_is_tried() {
    let address = server(|mut stream| {
        Box::pin(async move {
            if request(&mut stream).await.starts_with("PROXY TCP4 ") {
                let _ = stream.write_all(OK.as_bytes()).await;
            }
        })
    });
    let saw = observe(&at(address.await), Depth::Quick).await;
    assert_eq!(saw.health_checks[0].outcome, Outcome::Closed);
    assert_eq!(saw.proxy_protocol.unwrap().status(), Some(200));
}

/// A server that keeps connections open for so long and closes them after so many requests.
async fn keeping(open: Duration, requests: u32, last: &'static str) -> SocketAddr {
    server(move |mut stream| {
        Box::pin(async move {
            for count in 1..=requests {
                match tokio::time::timeout(open, request(&mut stream)).await {
                    Ok(head) if !head.is_empty() => {}
                    _ => return,
                }
                let answer = if count == requests { last } else { OK };
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
    })
    .await
}

#[tokio::test]
async fn keep_alive_and_requests_per_connection_are_measured() {
    for seconds in [1, 2] {
        let address = keeping(Duration::from_secs(seconds), u32::MAX, OK).await;
        let saw = observe(&at(address), Depth::Full).await;
        let Some(KeepAlive::ClosedAfter(millis)) = saw.keep_alive else { panic!("{:?}", saw.keep_alive) };
        assert!(millis.abs_diff(seconds * 1000) < 300, "{millis} ms instead of {seconds} s");
        assert_eq!(saw.reuse.unwrap().end, ReuseEnd::Open);
    }
    let ends = |last| async move {
        let subject = at(keeping(Duration::from_secs(9), 5, last).await);
        let reuse = measure::reuse(&Ask::forwarded(&subject)).await.unwrap();
        (reuse.requests, reuse.end)
    };
    assert_eq!(ends(OK).await, (5, ReuseEnd::Unannounced));
    let says = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(ends(says).await, (5, ReuseEnd::Announced));
    let each = observe(&at(answering(says).await), Depth::Full).await;
    assert_eq!(each.keep_alive, Some(KeepAlive::None));
}

#[tokio::test]
async fn a_silent_neighbour_and_large_requests_are_tried() {
    // one worker, lines of at most 8 K; a large body is refused with a reset
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = request(&mut stream).await;
            if head.starts_with("POST") {
                let _ = stream.read(&mut [0; 10]).await;
                reset(stream);
                continue;
            }
            let long = head.lines().next().is_none_or(|line| line.len() > 8190);
            let status = if long { "414 Too Long" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let saw = observe(&at(address), Depth::Full).await;
    let lines: Vec<_> = saw.sizes.iter().filter(|s| s.part == Part::Line).map(|s| (s.bytes, s.status)).collect();
    assert_eq!(lines, [(5120, Some(200)), (9216, Some(414))]);
    assert!(saw.sizes.iter().any(|s| s.part == Part::Headers && s.status == Some(200)), "{:?}", saw.sizes);
    assert_eq!(saw.large_body.unwrap().outcome, Outcome::Reset);
    assert_eq!(saw.beside_idle.unwrap().outcome, Outcome::TimedOut);
}

#[tokio::test]
async fn http2_targets_are_asked_in_http2() {
    let h1 = answering("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    let grpc = server(|stream| {
        Box::pin(async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                let mut send = respond.send_response(head, false).unwrap();
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", "12".parse().unwrap());
                send.send_trailers(trailers).unwrap();
            }
        })
    });
    let subject = |address| Subject { version: ProtocolVersion::Grpc, codes: "12".parse().unwrap(), ..at(address) };
    let saw = observe(&subject(grpc.await), Depth::Quick).await;
    assert_eq!(saw.http2, Some(Preface::Settings));
    assert!(saw.health_checks.iter().all(|check| check.passes("12".parse().ok().as_ref())), "{saw:#?}");
    let saw = observe(&subject(h1), Depth::Quick).await;
    assert_eq!(saw.http2, Some(Preface::Http1(400)));
    assert!(saw.health_checks[0].answer().is_none(), "{saw:#?}");
}

#[tokio::test]
async fn many_targets_are_looked_at_side_by_side_and_keep_their_order() {
    let silent = server(|stream| {
        Box::pin(async move {
            sleep(Duration::from_secs(60)).await;
            drop(stream);
        })
    });
    let (silent, good) = (silent.await, answering(OK).await);
    let subjects = (0..60).map(|i| at(if i % 2 == 0 { silent } else { good })).collect();
    let start = Instant::now();
    let all = observe_all(subjects, Depth::Quick, 64).await;
    assert!(start.elapsed() < at(good).longest(Depth::Quick) * 2, "{:?}", start.elapsed());
    for (i, saw) in all.iter().enumerate() {
        assert_eq!(saw.health_checks[0].status(), (i % 2 == 1).then_some(200), "{i}");
    }
}

mod over_tls;
