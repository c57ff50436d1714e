//! How long `validate` takes and what it may take: a large estate, and the demo. Not part of a test run; see the
//! README of the tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::HEAD;
use crate::support::program::Program;

/// Files of the estate, and load balancers in each.
const FILES: usize = 10;
const EACH: usize = 1_000;

/// A load balancer with its security group, two target groups, two listeners and three rules.
fn balancer(text: &mut [String; 3], n: usize) {
    let [security_groups, target_groups, load_balancers] = text;
    let (x, y) = (n / 250, n % 250);
    writeln!(
        security_groups,
        "  front-{n}:\n    vpc: main\n    description: front door {n}\n    ingress: [{{ from: 0.0.0.0/0, ports: [80, 443] }}]"
    )
    .unwrap();
    for (name, port) in [("web", 8000), ("api", 9000)] {
        writeln!(
            target_groups,
            "  {name}-{n}:\n    protocol: http\n    port: {port}\n    target_type: ip\n    vpc: main\n    health_check: {{ \
             path: /health, success_codes: \"200\", interval: 15s, timeout: 5s }}\n    deregistration_delay: 30s\n    \
             targets: [\"10.{x}.{y}.1\", \"10.{x}.{y}.2\"]\n    backend: {{ keep_alive: 75s, slowest_request: 20s }}"
        )
        .unwrap();
    }
    writeln!(
        load_balancers,
        "  lb-{n}:\n    scheme: internet-facing\n    subnets: [{{ tags: {{ tier: public }} }}]\n    security_groups: [front-{n}]\n    \
         idle_timeout: 60s\n    listeners:\n      80:\n        protocol: http\n        default: {{ redirect: {{ protocol: https, port: \
         443, status: 301 }} }}\n      443:\n        protocol: https\n        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06\n        \
         certificate: all\n        default: {{ forward: web-{n} }}\n        rules:\n          api: {{ priority: 10, when: {{ path: \
         [\"/api/*\"] }}, forward: api-{n} }}\n          old: {{ priority: 20, when: {{ path: [\"/old/*\"] }}, redirect: {{ path: \
         \"/new/#{{path}}\", status: 302 }} }}\n          off: {{ priority: 30, when: {{ host: \"off-{n}.example.com\" }}, \
         fixed_response: {{ status: 503 }} }}"
    )
    .unwrap();
}

/// Writes the estate and returns its folder.
fn estate() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench/estate");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("head.yaml"),
        format!("{HEAD}certificates: {{ all: {{ domain: \"*.example.com\" }} }}\n"),
    )
    .unwrap();
    for file in 0..FILES {
        let mut parts = ["security_groups:\n", "target_groups:\n", "load_balancers:\n"].map(str::to_owned);
        (0..EACH).for_each(|n| balancer(&mut parts, file * EACH + n));
        std::fs::write(folder.join(format!("part-{file}.yaml")), parts.concat()).unwrap();
    }
    folder
}

#[test]
#[ignore = "a benchmark: needs a release build, and prints figures"]
fn validate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = std::env::var_os("NO502_BENCH").map_or_else(|| env!("CARGO_BIN_EXE_no502").into(), PathBuf::from);
    let estate = estate();
    for (what, path, times, limits) in
        [("10,000 load balancers", estate, 5, "1.5 s, 400 MB"), ("the demo", root.join("desired"), 10, "20 ms")]
    {
        let mut costs: Vec<_> = (0..times)
            .map(|_| {
                let program = Program::of(&binary, root).args(["validate".as_ref(), path.as_os_str()]);
                let (run, cost) = program.args(["--fail-on", "never"]).measured();
                run.exits(0);
                cost
            })
            .collect();
        costs.sort_by_key(|cost| cost.elapsed);
        // what others do on the machine makes a run longer, never shorter
        let [best, median] = [costs[0], costs[times / 2]];
        let processor = costs.iter().map(|cost| cost.processor).min().unwrap();
        let memory = costs.iter().map(|cost| cost.memory).max().unwrap() / 1000;
        eprintln!(
            "{what}: best {:?}, median {:?} ({processor:?} of processor), {memory} MB; limits: {limits}",
            best.elapsed, median.elapsed
        );
    }
}
