//! Canned answers from a tiny server: what each failure means, and what is tried again.

mod gaps;
mod metrics;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::session::Session;
use super::{Aws, Options};
use crate::cloud::{CloudError, CloudErrorKind, Hidden, NeededFor, Operation, Read as _, Scope, Snapshot, Write as _};
use crate::model::kind::{Action, FixedResponse, LoadBalancer, Rule};
use crate::model::{Id, Kind, Link};

/// What the server does with a request.
#[derive(Clone, Debug)]
enum Reply {
    Http(u16, String),
    /// Announces more than it sends.
    Cut(String),
    /// Closes without an answer.
    Close,
}

fn ok(operation: &str, result: &str) -> Reply {
    let space = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
    Reply::Http(
        200,
        format!(
            "<{operation}Response xmlns=\"{space}\"><{operation}Result>{result}</{operation}Result></{operation}Response>"
        ),
    )
}
fn fault(status: u16, code: &str, message: &str) -> Reply {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    Reply::Http(status, format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"))
}

/// Answers each request by what `script` says to it; returns the endpoint.
async fn serve(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script = Arc::new(script);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            tokio::spawn(async move {
                let mut text = String::new();
                let mut buffer = [0_u8; 16384];
                loop {
                    let read = stream.read(&mut buffer).await.unwrap_or(0);
                    text.push_str(&String::from_utf8_lossy(&buffer[..read]));
                    if read == 0 {
                        break;
                    }
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let head = head.to_ascii_lowercase();
                    let length = head.split("content-length:").nth(1).and_then(|t| t.lines().next());
                    let length: usize = length.and_then(|t| t.trim().parse().ok()).unwrap_or(0);
                    if body.len() >= length {
                        break;
                    }
                }
                let answer = match script(&text) {
                    Reply::Http(status, body) => {
                        format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                            body.len()
                        )
                    }
                    Reply::Cut(body) => format!("HTTP/1.1 200 X\r\ncontent-length: 9999\r\n\r\n{body}"),
                    Reply::Close => String::new(),
                };
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    format!("http://{address}")
}

/// A connection that finds nothing of this machine's own configuration.
async fn connect(endpoint: &str) -> Aws {
    let session = Session::for_test(endpoint, Arc::new(|_| Ok("s3cret".to_owned())));
    Aws { session: Arc::new(session) }
}

fn lbs(names: &[&str]) -> Scope {
    Scope { load_balancers: names.iter().map(|&n| n.to_owned()).collect(), ..Scope::default() }
}

async fn fetch(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Result<Snapshot, CloudError>, u64) {
    let aws = connect(&serve(script).await).await;
    let result = aws.fetch(&lbs(&["web"])).await;
    (result, aws.api_calls().total())
}

/// The gap that a failing list leaves.
async fn gap(reply: Reply) -> (CloudError, u64) {
    let (result, calls) = fetch(move |_| reply.clone()).await;
    let mut gaps = result.unwrap().gaps;
    assert_eq!(gaps.len(), 1);
    let gap = gaps.remove(0);
    assert_eq!((&gap.hidden, gap.needed_for), (&Hidden::Kind(Kind::LoadBalancer), NeededFor::Diff));
    (gap.error, calls)
}

#[tokio::test]
async fn answers_are_sorted_by_what_to_do() {
    let cases = [
        (fault(403, "AccessDenied", "User is not authorized"), CloudErrorKind::Denied, 1),
        (fault(400, "Throttling", "Rate exceeded"), CloudErrorKind::Throttled, 5),
        (fault(503, "ServiceUnavailable", "try later"), CloudErrorKind::Service, 5),
        (fault(400, "ValidationError", "bad page"), CloudErrorKind::Refused, 1),
        (Reply::Http(502, "<html>Bad gateway</html>".into()), CloudErrorKind::Service, 5),
        (Reply::Http(403, "<html>Proxy says no</html>".into()), CloudErrorKind::Malformed, 1),
        (Reply::Http(200, "<html><body>Welcome</body></html>".into()), CloudErrorKind::Malformed, 1),
        (Reply::Http(200, "<<<garbage".into()), CloudErrorKind::Malformed, 1),
        (Reply::Cut("<DescribeLoadBalancersResponse>".into()), CloudErrorKind::Malformed, 5),
        (Reply::Close, CloudErrorKind::TimedOut, 5),
    ];
    for (reply, kind, calls) in cases {
        let (error, made) = gap(reply.clone()).await;
        assert_eq!((error.kind, made), (kind, calls), "{reply:?}: {error}");
        assert!(!error.message.is_empty() && error.message.len() < 300, "{error}");
    }
}

#[tokio::test]
async fn what_concerns_every_call_ends_the_fetch() {
    for code in ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"] {
        let (result, calls) = fetch(move |_| fault(403, code, "no")).await;
        assert_eq!((result.unwrap_err().kind, calls), (CloudErrorKind::Credentials, 1), "{code}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = connect(&format!("http://{closed}")).await.fetch(&lbs(&["web"])).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::Unreachable);
    assert_eq!(error.message, format!("{closed} refuses connections"));
    let error = connect("http://nowhere.invalid").await.fetch(&lbs(&["web"])).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (CloudErrorKind::Unreachable, "no such host nowhere.invalid"));
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", plain.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 speak plainly\r\n\r\n").await;
        }
    });
    let error = connect(&endpoint).await.fetch(&lbs(&["web"])).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::Unreachable, "{error}");
    assert!(error.message.starts_with("TLS with 127.0.0.1"), "{error}");
}

#[tokio::test]
async fn no_credentials_are_told_from_bad_ones() {
    let endpoint = serve(|_| Reply::Close).await;
    let session = Session::without_credentials(&endpoint);
    let error = Aws { session: Arc::new(session) }.identity().await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::Credentials, "{error}");
}

#[tokio::test]
async fn a_short_failure_is_not_seen() {
    let seen = Arc::new(Mutex::new(0));
    let (result, calls) = fetch(move |_| {
        let mut seen = seen.lock().unwrap();
        *seen += 1;
        match *seen {
            1 => fault(400, "Throttling", "Rate exceeded"),
            2 => Reply::Close,
            _ => ok("DescribeLoadBalancers", "<LoadBalancers/>"),
        }
    })
    .await;
    assert_eq!((result.unwrap(), calls), (Snapshot::default(), 3));
}

fn rule() -> Operation {
    let action = Action::FixedResponse(FixedResponse { status: 404, content_type: None, body: None });
    let spec = Rule {
        listener: Link::Id(Id("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/web/1/2".into())),
        priority: Some(1),
        when: None,
        action: Some(action),
        rewrite: None,
        authenticate: None,
        beyond: BTreeSet::new(),
        tags: [("team".to_owned(), "shop".to_owned())].into(),
    };
    Operation::CreateRule { spec }
}

#[tokio::test]
async fn what_may_have_had_its_effect_is_not_repeated() {
    let cases = [
        (Reply::Close, CloudErrorKind::TimedOut, 1),
        (fault(500, "InternalFailure", "oops"), CloudErrorKind::Service, 1),
        (fault(400, "Throttling", "Rate exceeded"), CloudErrorKind::Throttled, 5),
        (fault(400, "ListenerNotFound", "no such listener"), CloudErrorKind::NotFound, 1),
        (fault(400, "PriorityInUse", "taken"), CloudErrorKind::Refused, 1),
    ];
    for (reply, kind, calls) in cases {
        let answer = reply.clone();
        let aws = connect(&serve(move |_| answer.clone()).await).await;
        let error = aws.execute(&rule()).await.unwrap_err();
        assert_eq!((error.kind, aws.api_calls().by_operation["CreateRule"]), (kind, calls), "{reply:?}");
    }
}

#[tokio::test]
async fn an_unknown_listener_is_waited_for_if_it_is_ours_and_new() {
    let seen = Arc::new(Mutex::new(0));
    let endpoint = serve(move |_| {
        let mut seen = seen.lock().unwrap();
        *seen += 1;
        if *seen == 1 {
            return fault(400, "ListenerNotFound", "not yet");
        }
        ok("CreateRule", "<Rules><member><RuleArn>arn:r</RuleArn></member></Rules>")
    });
    let aws = connect(&endpoint.await).await;
    let Operation::CreateRule { spec } = rule() else { panic!() };
    aws.session.remember(spec.listener.id().unwrap());
    let output = aws.execute(&rule()).await.unwrap();
    assert_eq!(output.id, Some(Id("arn:r".into())));
}

#[tokio::test]
async fn an_unknown_security_group_is_waited_for_if_it_is_ours_and_new() {
    for (is_new, calls) in [(true, 2), (false, 1)] {
        let seen = Arc::new(Mutex::new(0));
        let endpoint = serve(move |_| {
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            if *seen == 1 {
                return fault(400, "InvalidSecurityGroup", "The specified security group does not exist.");
            }
            let made = "<member><LoadBalancerArn>arn:lb</LoadBalancerArn></member>";
            ok("CreateLoadBalancer", &format!("<LoadBalancers>{made}</LoadBalancers>"))
        });
        let aws = connect(&endpoint.await).await;
        let group = Id("sg-1".into());
        if is_new {
            aws.session.remember(&group);
        }
        let groups = Some([Link::Id(group)].into());
        let spec = LoadBalancer { name: "web".into(), security_groups: groups, ..LoadBalancer::default() };
        let output = aws.execute(&Operation::CreateLoadBalancer { spec }).await;
        assert_eq!((output.is_ok(), aws.api_calls().by_operation["CreateLoadBalancer"]), (is_new, calls), "{output:?}");
    }
}

#[tokio::test]
async fn every_page_of_instances_that_were_started_is_read() {
    let endpoint = serve(|request| {
        let page = |id: &str, next: &str| {
            let tag = format!("<item><resourceId>{id}</resourceId><key>k</key><value>workers</value></item>");
            Reply::Http(200, format!("<DescribeTagsResponse><tagSet>{tag}</tagSet>{next}</DescribeTagsResponse>"))
        };
        match request.contains("NextToken=two") {
            true => page("i-2", ""),
            false => page("i-1", "<nextToken>two</nextToken>"),
        }
    });
    let aws = connect(&endpoint.await).await;
    let found = aws.session.scaled(&["i-1".to_owned(), "i-2".to_owned()]).await.unwrap();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["i-1", "i-2"]);
}

#[tokio::test]
async fn a_tag_batch_with_a_vanished_resource_is_read_in_halves() {
    let endpoint = serve(|body| {
        if body.contains("gone") {
            return fault(400, "RuleNotFound", "One or more rules not found");
        }
        let tag = "<Tags><member><Key>team</Key><Value>shop</Value></member></Tags>";
        let one = |n: u32| format!("<member><ResourceArn>arn:{n}</ResourceArn>{tag}</member>");
        let all: String = (0..30).map(one).collect();
        ok("DescribeTags", &format!("<TagDescriptions>{all}</TagDescriptions>"))
    });
    let aws = connect(&endpoint.await).await;
    let mut ids: Vec<Id> = (0..24).map(|n| Id(format!("arn:{n}"))).collect();
    ids.insert(7, Id("arn:gone".into()));
    let tags = aws.session.tags_of(ids).await.unwrap();
    assert_eq!(tags.iter().filter(|(_, tags)| tags.as_ref().is_ok_and(|t| t.len() == 1)).count(), 24);
    assert_eq!(tags.len(), 25);
}

#[tokio::test]
async fn pages_are_followed() {
    let (result, calls) = fetch(|body| {
        if body.contains("Marker=two") {
            return ok("DescribeLoadBalancers", "<LoadBalancers/>");
        }
        ok("DescribeLoadBalancers", "<LoadBalancers/><NextMarker>two</NextMarker>")
    })
    .await;
    assert!(result.is_ok());
    assert_eq!(calls, 2);
}

#[test]
fn options_show_nothing_secret() {
    let options = Options { assume_role: Some("arn:aws:iam::000000000000:role/x".into()), ..Options::default() };
    assert!(format!("{options:?}").contains("role/x"));
}
