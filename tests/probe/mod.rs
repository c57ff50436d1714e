//! `no502 probe` against small servers: what it says of each mistake, in every format, and what it exits with.
//!
//! The servers stand on loopback; `--connect-to` leads there, so that the files name targets as files do.

mod hostile;
mod keep_alive;
mod many;
mod real;
mod verdicts;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{Program, Run};

const TARGET: &str = "10.0.1.10:8000";

/// A stack with one target behind a name.
const STACK: &str = r#"version: 1
stack: shop
account: "000000000000"
region: eu-west-1
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    health_check: { path: /api/health/, protocol: http, success_codes: "200", timeout: 2s, interval: 5s }
    targets: ["10.0.1.10"]
load_balancers:
  web:
    existing: true
    idle_timeout: 3s
    listeners:
      443:
        existing: true
        protocol: https
        rules:
          api:
            priority: 10
            when: { host: shop.example.com }
            forward: django
"#;

/// A server that answers each request on a connection, until it is given nothing to say.
fn server(answer: impl Fn(&str) -> String + Send + Clone + 'static, idle: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || serve(stream, &answer, idle));
        }
    });
    address
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str) -> String, idle: Duration) {
    stream.set_read_timeout(Some(idle)).unwrap();
    loop {
        let mut head = Vec::new();
        let mut byte = [0_u8];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Ok(_) | Err(_) => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        if head.starts_with("POST") {
            // a body is read to its end, as good servers do
            let mut rest = vec![0; 2 * 1024 * 1024];
            let _ = stream.read_exact(&mut rest);
        }
        let said = answer(&head);
        if stream.write_all(said.as_bytes()).is_err() || said.is_empty() || head.contains("\r\nConnection: close\r\n") {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn says(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\nServer: gunicorn\r\n{more}Content-Length: 0\r\n\r\n")
}

fn good(_: &str) -> String {
    says("200 OK", "")
}

fn probe(at: SocketAddr, more: &[&str]) -> Run {
    probe_in(STACK, at, more)
}

fn probe_in(stack: &str, at: SocketAddr, more: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), stack).unwrap();
    let to = format!("{TARGET}={at}");
    let args = ["probe", "shop.yaml", "--connect-to", &to].into_iter().chain(more.iter().copied());
    Program::new(folder.path()).args(args).run()
}

/// A quick probe, as JSON: the exit code and the rules of the checks that did not go well.
fn verdict(answer: impl Fn(&str) -> String + Send + Clone + 'static) -> (i32, Vec<(String, String)>) {
    let run = probe(server(answer, Duration::from_secs(9)), &["--quick", "--format", "json"]);
    let checks = run.json()["targets"][0]["checks"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ruled = checks.iter().filter(|check| !check["rule"].is_null());
    (run.code, ruled.map(|check| (text(&check["name"]), text(&check["rule"]))).collect())
}

fn one(check: &str, rule: &str) -> Vec<(String, String)> {
    vec![(check.to_owned(), rule.to_owned())]
}

#[test]
fn a_good_target_passes_in_every_format() {
    let at = server(good, Duration::from_secs(9));
    let run = probe(at, &["--quick", "--format", "json"]).exits(0);
    let json = run.json();
    assert_eq!((&json["format_version"], &json["command"]), (&"1.0".into(), &"probe".into()));
    let target = &json["targets"][0];
    assert_eq!(target["target"], "target/django/10.0.1.10:8000");
    assert_eq!(target["target_group"], "target_group/django");
    assert_eq!(target["server"], "gunicorn");
    assert!(target["unverified"].as_str().unwrap().contains("own machine"), "{target:#}");
    let check = &target["checks"][0];
    assert_eq!((&check["name"], &check["ok"], &check["rule"]), (&"health_check".into(), &true.into(), &Value::Null));
    assert_eq!(check["expected"], "200 within 2 s");
    assert!(run.stderr.contains("probing 1 target"), "{}", run.all());
    let text = probe(at, &["--quick"]).exits(0).stdout;
    assert!(text.contains("ok    health check") && text.contains("\nok: 1 target, 2 checks\n"), "{text}");
    let junit = probe(at, &["--quick", "--format", "junit"]).exits(0).stdout;
    let suite = r#"<testsuite name="target/django/10.0.1.10:8000" tests="2" failures="0">"#;
    assert!(junit.starts_with("<?xml") && junit.contains(suite), "{junit}");
}

#[test]
fn mistakes_of_the_application_have_their_rules() {
    let hosts =
        |head: &str| if head.contains("Host: shop.example.com") { good("") } else { says("400 Bad Request", "") };
    assert_eq!(verdict(hosts), (3, one("health_check", "E109")));
    let is_check = |head: &str| head.contains("ELB-HealthChecker");
    let to_https = move |head: &str| {
        let to = "Location: https://10.0.1.10:8000/api/health/\r\n";
        if is_check(head) { says("301 Moved Permanently", to) } else { good("") }
    };
    assert_eq!(verdict(to_https), (3, one("health_check", "E108")));
    let login = move |head: &str| {
        if is_check(head) { says("401 Unauthorized", "WWW-Authenticate: Basic\r\n") } else { good("") }
    };
    assert_eq!(verdict(login), (3, one("health_check", "E110")));
    let database = |head: &str| if head.starts_with("GET /api") { says("500 Oops", "") } else { good("") };
    assert_eq!(verdict(database), (3, one("health_check", "E111")));
    let unknown = |head: &str| if head.starts_with("GET /api") { says("404 Not Found", "") } else { good("") };
    assert_eq!(verdict(unknown), (3, one("health_check", "E101")));
    let redis = |_: &str| "-ERR unknown command\r\n".to_owned();
    assert_eq!(verdict(redis).1.first().unwrap(), &one("health_check", "E118")[0]);
    let looped = move |head: &str| {
        if is_check(head) { good("") } else { says("301 Moved Permanently", "Location: https://shop.example.com/\r\n") }
    };
    assert_eq!(verdict(looped), (3, one("request", "E806")));
    let inner = move |head: &str| {
        if is_check(head) {
            good("")
        } else {
            "HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n".into()
        }
    };
    assert_eq!(verdict(inner), (3, one("request", "E707")));
    let lengths = move |head: &str| {
        if is_check(head) { good("") } else { says("200 OK", "Content-Length: 5\r\n") }
    };
    assert_eq!(verdict(lengths), (3, one("request", "E702")));
}

#[test]
fn what_is_wrong_is_said_with_what_to_change() {
    let hosts =
        |head: &str| if head.contains("Host: shop.example.com") { good("") } else { says("400 Bad Request", "") };
    let at = server(hosts, Duration::from_secs(9));
    let text = probe(at, &["--quick"]).exits(3).stdout;
    for words in ["FAIL  health check", "Target.ResponseCodeMismatch", "E109 critical", "ALLOWED_HOSTS", "fix: "] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let junit = probe(at, &["--quick", "--format", "junit"]).exits(3).stdout;
    assert!(
        junit.contains("failures=\"1\"") && junit.contains("<failure message=\"expected 200 within 2 s"),
        "{junit}"
    );
    probe(at, &["--quick", "--fail-on", "never"]).exits(0);
    probe(at, &["--quick", "--target", "target_group/other"]).exits(1).says("--target");
    probe(at, &["--quick", "--target", "target/django/*"]).exits(3);
}

#[test]
fn a_refused_port_and_a_short_keep_alive_are_found() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = probe(nobody, &["--quick"]).exits(3).stdout;
    assert!(refused.contains("E118 critical") && refused.contains("connection refused"), "{refused}");
    let short = probe(server(good, Duration::from_secs(1)), &["--format", "json"]).exits(3).json();
    let checks = short["targets"][0]["checks"].as_array().unwrap();
    let keep = checks.iter().find(|check| check["name"] == "keep_alive").unwrap();
    assert_eq!(keep["rule"], "E301", "{keep:#}");
    assert!(keep["meaning"].as_str().unwrap().contains("the load balancer after 3 s"), "{keep:#}");
    assert!(keep["fix"].as_str().unwrap().contains("gunicorn --keep-alive 8"), "{keep:#}");
    let long = probe(server(good, Duration::from_secs(9)), &["--format", "json"]).exits(0).json();
    let checks = long["targets"][0]["checks"].as_array().unwrap();
    assert!(checks.len() > 5 && checks.iter().all(|check| check["ok"] == true), "{long:#}");
}

#[test]
fn a_health_check_that_fails_is_no_success_whatever_explains_it() {
    let stack = STACK
        .replace("    protocol: http\n    port", "    protocol: https\n    port")
        .replace("protocol: http,", "protocol: https,");
    let at = server(good, Duration::from_secs(1));
    let text = probe_in(&stack, at, &["--quick"]).exits(3).stdout;
    assert!(text.contains("FAIL  health check") && text.contains("TLS handshake failed"), "{text}");
    probe_in(&stack, at, &["--quick", "--fail-on", "never"]).exits(0);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    // connected by the system, and never taken: no answer comes
    let silent = probe(nobody.local_addr().unwrap(), &["--quick"]).exits(3).stdout;
    assert!(silent.contains("E118 critical") && silent.contains("no answer in time"), "{silent}");
}

#[test]
fn urls_need_no_files() {
    let at = server(good, Duration::from_secs(9));
    let folder = TempDir::new().unwrap();
    let url = format!("http://{at}/health/");
    let text = Program::new(folder.path()).args(["probe", &url, "--quick"]).run().exits(0).stdout;
    assert!(text.contains(&format!("target/{at}/{at}")), "{text}");
    let folder = TempDir::new().unwrap();
    let hosts = |head: &str| if head.contains("Host: shop.example.com") { good("") } else { says("404 Not Found", "") };
    let url = format!("http://{}/health/", server(hosts, Duration::from_secs(9)));
    let asked = ["probe", &url, "--quick", "--host", "shop.example.com"];
    let text = Program::new(folder.path()).args(asked).run().exits(3).stdout;
    assert!(text.contains("E109 critical") && text.contains("(404), and not shop.example.com"), "{text}");
    let folder = TempDir::new().unwrap();
    let named = ["probe", "http://app.internal:81/", "--connect-to", &format!("app.internal:81={at}"), "--quick"];
    Program::new(folder.path()).args(named).run().exits(0);
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("empty.yaml"),
        "version: 1\nstack: s\naccount: \"000000000000\"\nregion: eu-west-1\n",
    )
    .unwrap();
    Program::new(folder.path()).args(["probe", "empty.yaml"]).run().exits(1).says("no target to probe");
}
