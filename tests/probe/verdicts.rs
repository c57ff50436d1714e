//! What is no mistake, what cannot be known, and what only looks like another mistake.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::{STACK, good, probe, probe_in, says, server, verdict};
use crate::support::program::{Program, Run};
use crate::support::wait_for;

const LONG: Duration = Duration::from_secs(9);

fn is_check(head: &str) -> bool {
    head.contains("ELB-HealthChecker")
}

/// A probe of URLs, without files.
fn urls(args: &[&str]) -> Run {
    Program::new(TempDir::new().unwrap().path()).args(args).run()
}

/// The check of a quick probe, as `[mark, observed]`.
fn check(run: &Run, name: &str) -> String {
    let json = run.json();
    let checks = json["targets"][0]["checks"].as_array().unwrap().clone();
    checks.iter().find(|check| check["name"] == name).unwrap()["observed"].as_str().unwrap().to_owned()
}

/// A text without its line breaks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_page_slower_than_the_health_check_may_be_is_no_failure() {
    let slow = |head: &str| {
        if !is_check(head) {
            wait_for(async { tokio::time::sleep(Duration::from_millis(2500)).await });
        }
        good(head)
    };
    // the check has 2 s, the load balancer waits 3 s
    let run = probe(server(slow, LONG), &["--quick", "--format", "json"]).exits(0);
    assert!(check(&run, "request").starts_with("200 after 2"), "{}", run.all());
    let mute = |head: &str| {
        if !is_check(head) {
            wait_for(async { tokio::time::sleep(Duration::from_secs(12)).await });
        }
        good(head)
    };
    let patient = STACK.replace("idle_timeout: 3s", "idle_timeout: 60s");
    let text = probe_in(&patient, server(mute, LONG), &["--quick"]).exits(0).stdout;
    assert!(text.contains("look  request") && text.contains("the load balancer waits for 60 s"), "{text}");
    let run = probe(server(mute, LONG), &["--quick"]).exits(3);
    assert!(run.stdout.contains("FAIL  request"), "{}", run.all());
}

#[test]
fn a_target_that_fails_now_and_then_is_not_blamed_for_its_host() {
    let count = Arc::new(AtomicUsize::new(0));
    let flaky = move |head: &str| {
        let every_second = count.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        if every_second { says("503 Service Unavailable", "") } else { good(head) }
    };
    let run = probe(server(flaky, LONG), &["--quick", "--format", "json"]).exits(3);
    assert_eq!(run.json()["targets"][0]["checks"][0]["rule"], "E101", "{}", run.all());
}

#[test]
fn clients_that_are_refused_are_worth_a_look() {
    let hosts = |head: &str| if is_check(head) { good("") } else { says("400 Bad Request", "") };
    let text = probe(server(hosts, LONG), &["--quick"]).exits(0).stdout;
    assert!(
        text.contains("look  request") && text.contains("400 after") && text.contains("asked as shop.example.com"),
        "{text}"
    );
    let named = |head: &str| if is_check(head) { good("") } else { String::new() };
    let url = format!("http://{}/", server(named, LONG));
    let text = flat(&urls(&["probe", &url, "--quick"]).exits(0).stdout);
    assert!(text.contains("no name is known that clients ask for (--host gives one)"), "{text}");
    let run = urls(&["probe", &url, "--quick", "--host", "shop.example.com"]).exits(3);
    assert!(run.stdout.contains("FAIL  request"), "{}", run.all());
    urls(&["probe", &url, "--quick", "--host", "https://shop.example.com"]).exits(1).says("write a host name");
}

#[test]
fn wide_success_codes_are_said_where_they_hide_something() {
    let stack = STACK.replace(r#""200""#, r#""200-499""#);
    let refused = |head: &str| if is_check(head) { says("400 Bad Request", "") } else { good("") };
    let text = probe_in(&stack, server(refused, LONG), &["--quick"]).exits(0).stdout;
    assert!(
        text.contains("look  health check") && text.contains("E102 medium: the health check passes with 400"),
        "{text}"
    );
}

#[test]
fn a_connection_that_ends_with_each_answer_is_a_keep_alive_of_no_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // a body, too, is read to its end: what is left unread would reset the connection
                let mut part = [0_u8; 65536];
                let head = stream.read(&mut part).unwrap_or_default();
                if part[..head].starts_with(b"POST") {
                    let _ = stream.read_exact(&mut vec![0; 2 * 1024 * 1024]);
                }
                let _ = stream.write_all(good("").as_bytes());
            });
        }
    });
    let run = probe(at, &["--format", "json"]).exits(3);
    let json = run.json();
    let rules: Vec<_> = json["targets"][0]["checks"].as_array().unwrap().iter().map(|c| c["rule"].clone()).collect();
    assert!(rules.contains(&"E301".into()) && !rules.contains(&"E306".into()), "{}", run.all());
}

#[test]
fn a_target_that_dies_under_the_probe_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(12).flatten() {
            std::thread::spawn(move || super::serve(stream, &good, LONG));
        }
    });
    let text = probe(at, &[]).exits(3).stdout;
    assert!(text.contains("FAIL  afterwards") && text.contains("connection refused"), "{text}");
}

#[test]
fn what_the_files_accept_is_shown() {
    let accepted = STACK.replace(
        "    targets: [",
        "    accept: { E301: { reason: raised next week, until: 2999-12-31 } }\n    targets: [",
    );
    let at = server(good, Duration::from_secs(1));
    let text = probe_in(&accepted, at, &[]).exits(0).stdout;
    assert!(text.contains("Accepted until 2999-12-31: E301") && text.contains("raised next week"), "{text}");
    let json = probe_in(&accepted, at, &["--format", "json"]).exits(0).json();
    assert_eq!(json["accepted"][0]["rule"], "E301", "{json:#}");
}

#[test]
fn what_was_not_probed_is_not_clean() {
    let at = server(good, LONG);
    let stack = STACK.replace("target_groups:\n", "target_groups:\n  old:\n    protocol: http\n    port: 8000\n    vpc: main\n    target_type: instance\n    targets: [i-0123456789abcdef0]\n");
    let run = probe_in(&stack, at, &["--quick"]).exits(4);
    assert!(run.stdout.contains("Not probed, no address known"), "{}", run.all());
    let junit = probe_in(&stack, at, &["--quick", "--format", "junit"]).exits(4).stdout;
    assert!(junit.contains("errors=\"1\"") && junit.contains("<error message=\"no address known\"/>"), "{junit}");
    let none = probe_in(&stack, at, &["--quick", "--target", "target_group/django"]).exits(0).stdout;
    assert!(none.contains("ok: 1 target"), "{none}");
}

#[test]
fn a_tunnel_that_leads_nowhere_is_an_error() {
    let at = server(good, LONG);
    let stray = format!("10.9.9.9:1={at}");
    let run = probe(at, &["--quick", "--connect-to", &stray]).exits(1);
    run.says("--connect-to 10.9.9.9:1: no target is asked there").says("targets are asked at 10.0.1.10:8000");
    for bad in ["10.0.1.10=127.0.0.1:1", "fd00::1:8000=127.0.0.1:1", "10.0.1.10:8000=nobody"] {
        probe(at, &["--quick", "--connect-to", bad]).exits(1).says("write TARGET:PORT=IP:PORT");
    }
}

#[test]
fn two_urls_of_one_server_are_two_targets() {
    let at = server(|head: &str| if head.contains("/bad/") { says("404 Not Found", "") } else { good("") }, LONG);
    let (good, bad) = (format!("http://{at}/good/"), format!("http://{at}/bad/"));
    for pair in [[&good, &bad], [&bad, &good]] {
        let run = urls(&["probe", pair[0], pair[1], "--quick"]).exits(3);
        assert!(run.stdout.contains("failed: 2 targets") && run.stdout.matches("FAIL").count() == 1, "{}", run.all());
    }
}

#[test]
fn a_refused_host_and_a_wrong_protocol_are_told_one_after_the_other() {
    // whatever the name, plain HTTP is answered 400; the group speaks HTTPS
    let stack = STACK
        .replace("protocol: http\n    port", "protocol: https\n    port")
        .replace("protocol: http,", "protocol: https,");
    // as gunicorn and nginx do, it answers a handshake in plain words as well
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0_u8; 65536]);
            let _ = stream.write_all(says("400 Bad Request", "Connection: close\r\n").as_bytes());
        }
    });
    let run = probe_in(&stack, at, &["--quick", "--format", "json"]).exits(3);
    assert_eq!(run.json()["targets"][0]["checks"][0]["rule"], "E201", "{}", run.all());
    assert_eq!(verdict(|_: &str| says("400 Bad Request", "")).1[0].1, "E109", "every path and Host");
}
