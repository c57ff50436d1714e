//! A LocalStack of the suite's own: started once by `localstack/up`, on a port that leaves a user's alone.
//!
//! With `AWS_ENDPOINT_URL` set, the tests use that endpoint instead. Nothing is stopped at the end: the next run
//! finds it ready; `NO502_LOCALSTACK_PORT=4567 localstack/down` stops it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::http::{self, Message, Side};
use super::wait_for;

/// Server-side waits are so many times shorter than AWS's.
const TIME_SCALE: &str = "60";

/// The first free one is taken; 4566 is for the user's own.
const PORTS: std::ops::RangeInclusive<u16> = 4567..=4571;

/// The endpoint, such as `http://127.0.0.1:4567`.
pub fn endpoint() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| match std::env::var_os("AWS_ENDPOINT_URL") {
        Some(url) if !url.is_empty() => url.into_string().expect("AWS_ENDPOINT_URL is not UTF-8"),
        _ => start(),
    })
}

/// Starts it, or finds it running.
fn start() -> String {
    let chosen = std::env::var_os("NO502_TEST_PORT").map(|port| port.to_string_lossy().into_owned());
    let ports: Vec<String> = chosen.map_or_else(|| PORTS.map(|port| port.to_string()).collect(), |port| vec![port]);
    let mut reasons = String::new();
    for port in ports {
        let up = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("localstack/up"))
            .env("NO502_LOCALSTACK_PORT", &port)
            .env("NO502_LS_TIME_SCALE", TIME_SCALE)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .expect("localstack/up cannot be run");
        let said = String::from_utf8_lossy(&up.stderr);
        if up.status.success() {
            let printed = String::from_utf8_lossy(&up.stdout);
            return printed.lines().last().expect("localstack/up prints its endpoint last").to_owned();
        }
        assert!(said.contains("something else listens"), "localstack/up failed:\n{said}");
        reasons.push_str(&said);
    }
    panic!("no port for LocalStack; set NO502_TEST_PORT:\n{reasons}");
}

/// Puts an object into a new bucket of an account. LocalStack reads whose it is from the signature, and checks no more.
pub fn put_object(account: &str, bucket: &str, key: &str, body: &str) {
    let place =
        "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    for (path, body) in [(format!("/{bucket}"), place), (format!("/{bucket}/{key}"), body)] {
        signed(account, "s3", &format!("PUT {path}"), &[], body);
    }
}

/// Gives CloudWatch a value of a metric of load balancers, counted a minute and a half ago.
#[expect(clippy::disallowed_methods, reason = "CloudWatch goes by the machine's clock")]
pub fn put_metric(account: &str, metric: &str, dimensions: &[(&str, &str)], value: u32) {
    let dimension = |(name, value): &(&str, &str)| json!({ "Name": name, "Value": value });
    let dimensions: Vec<Value> = dimensions.iter().map(dimension).collect();
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 90;
    let datum = json!({ "MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value });
    let body = json!({ "Namespace": "AWS/ApplicationELB", "MetricData": [datum] });
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
    ];
    signed(account, "monitoring", "POST /", &headers, &body.to_string());
}

/// A call that no SDK crate of the suite makes. LocalStack reads whose it is from the signature, and checks no more.
fn signed(account: &str, service: &str, start: &str, more: &[(&str, &str)], body: &str) {
    let host = endpoint().strip_prefix("http://").expect("LocalStack speaks http").trim_end_matches('/');
    let scope = format!("Credential={account}/20261122/eu-west-1/{service}/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
    let own = [("host", host), ("x-amz-date", "20261122T000000Z"), ("authorization", &signature)];
    let headers = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let body = body.as_bytes().to_vec();
    let request = Message { start: format!("{start} HTTP/1.1"), headers: headers.collect(), body };
    let answer = wait_for(async {
        let mut stream = TcpStream::connect(host).await.expect("LocalStack is gone");
        stream.write_all(&request.to_bytes(true)).await.unwrap();
        http::read(&mut BufReader::new(stream), Side::Response).await.unwrap().expect("an answer")
    });
    assert_eq!(answer.status(), 200, "{start}: {}", String::from_utf8_lossy(&answer.body));
}

/// Asks one of the internal routes; they take and give JSON.
pub fn control(method: &str, path: &str, body: &Value) -> Value {
    let host = endpoint().strip_prefix("http://").expect("the internal routes speak http").trim_end_matches('/');
    let request = Message {
        start: format!("{method} {path} HTTP/1.1"),
        headers: vec![("host".to_owned(), host.to_owned()), ("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    };
    let answer = wait_for(async {
        let mut stream = TcpStream::connect(host).await.expect("LocalStack is gone");
        stream.write_all(&request.to_bytes(true)).await.unwrap();
        http::read(&mut BufReader::new(stream), Side::Response).await.unwrap().expect("an answer")
    });
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status(), 200, "{method} {path}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{method} {path}: {cause}: {text}"))
}
