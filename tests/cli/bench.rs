//! How fast access logs are read, and in how much memory. Not part of a test run; see the README of the tests.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use no502::diagnose::log::{Tally, read};

use crate::support::computing;

/// About so many bytes of log.
const SIZE: usize = 400_000_000;

/// An entry as AWS writes them; of a hundred, three are no success.
fn entry(text: &mut String, n: usize) {
    let (times, statuses) = match n % 100 {
        0 => ("0.000 0.001 -1", "502 -"),
        1 => ("-1 -1 -1", "502 -"),
        2 => ("0.000 60.001 -1", "504 -"),
        _ => ("0.000 0.086 0.000", "200 200"),
    };
    let (group, host) = (n % 7, n % 40);
    writeln!(
        text,
        "https 2026-11-22T09:{:02}:{:02}.123456Z app/web/50dc6c495c0c9188 203.0.113.{host}:46532 10.0.1.{host}:8000 {times} \
         {statuses} 34 366 \"GET https://shop.example.com:443/api/items/{n}?page=2&q=hello HTTP/2.0\" \"Mozilla/5.0 (X11; Linux \
         x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 \
         arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/g{group}/73e2d6bc24d8a067 \
         \"Root=1-58337262-36d228ad5d99923122bbe354\" \"shop.example.com\" \
         \"arn:aws:acm:eu-west-1:000000000000:certificate/12345678-1234-1234-1234-123456789012\" 30 \
         2026-11-22T09:00:01.000000Z \"forward\" \"-\" \"-\" \"10.0.1.{host}:8000\" \"200\" \"-\" \"-\" TID_1234 \"-\" \"-\" \"-\"",
        n / 60 % 60,
        n % 60,
    )
    .unwrap();
}

fn log() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("access.log");
    let mut file = File::create(&path).unwrap();
    let (mut written, mut n) = (0, 0);
    while written < SIZE {
        let mut text = String::new();
        (0..10_000).for_each(|_| {
            entry(&mut text, n);
            n += 1;
        });
        file.write_all(text.as_bytes()).unwrap();
        written += text.len();
    }
    path
}

#[test]
#[ignore = "a benchmark: needs a release build, and prints figures"]
fn access_logs() {
    let path = log();
    let size = std::fs::metadata(&path).unwrap().len();
    for _ in 0..3 {
        let mut tally = Tally::default();
        let (done, took) = computing(|| read(File::open(&path).unwrap(), &mut tally));
        done.unwrap();
        assert_eq!(tally.malformed, 0);
        let speed = size as f64 / 1e6 / took.as_secs_f64();
        eprintln!("{} lines: {took:?} of processor, {speed:.0} MB/s; limit: 150 MB/s", tally.lines);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    eprintln!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}
