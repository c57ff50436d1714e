//! Servers that mean harm, in one run of the program: it ends in time, keeps its memory, and says what they do.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::program::Program;
use crate::support::wait_for;

/// What a hostile server sends, whatever it is asked: a beginning, and a part again and again.
struct Hostile {
    what: &'static str,
    protocol: &'static str,
    begins: &'static str,
    part: &'static [u8],
    /// How often the part comes, before the connection ends as an answer does.
    times: usize,
    /// Milliseconds between parts.
    pause: u64,
    /// What the report says of its health check.
    said: &'static str,
}

const PART: &[u8] = &[b'x'; 64 * 1024];
const FOREVER: usize = usize::MAX;

const SERVERS: [Hostile; 9] = [
    Hostile { what: "a header of 100 MB", begins: "HTTP/1.1 200 OK\r\nX-Large: ", part: PART, times: 1600, ..HOSTILE },
    Hostile { what: "a header without end", begins: "HTTP/1.1 200 OK\r\nX-Large: ", part: PART, ..HOSTILE },
    Hostile { what: "headers without end", begins: "HTTP/1.1 200 OK\r\n", part: b"X-Again: and again\r\n", ..HOSTILE },
    Hostile { what: "a body without end", begins: "HTTP/1.1 200 OK\r\n\r\n", part: PART, said: "200", ..HOSTILE },
    Hostile {
        what: "chunks without end",
        begins: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        part: b"8\r\nxxxxxxxx\r\n",
        said: "200",
        ..HOSTILE
    },
    Hostile {
        what: "a slow drip",
        begins: "HTTP/1.1 200 OK\r\n",
        part: b"X: y\r\n",
        pause: 100,
        said: "no answer in time",
        ..HOSTILE
    },
    Hostile { what: "garbage", part: b"\x00\xff\xfe\x01garbage", said: "no HTTP", ..HOSTILE },
    Hostile { what: "interim answers without end", part: b"HTTP/1.1 103 Early Hints\r\n\r\n", said: "103", ..HOSTILE },
    Hostile {
        what: "a TLS handshake without end",
        protocol: "https",
        pause: 1000,
        said: "TLS handshake failed: not ended in time",
        ..HOSTILE
    },
];

const HOSTILE: Hostile = Hostile {
    what: "",
    protocol: "http",
    begins: "",
    part: b"",
    times: FOREVER,
    pause: 0,
    said: "headers without end",
};

impl Hostile {
    fn start(&'static self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || self.pour(stream));
            }
        });
        address
    }
    fn pour(&self, mut stream: TcpStream) {
        let mut sent = stream.write_all(self.begins.as_bytes());
        // small parts go in large pieces: the point is their number
        let part =
            if self.pause == 0 { self.part.repeat(PART.len() / self.part.len().max(1)) } else { self.part.to_vec() };
        let mut left = self.times;
        while sent.is_ok() && left > 0 {
            if self.pause > 0 {
                wait_for(async { tokio::time::sleep(Duration::from_millis(self.pause)).await });
            }
            sent = stream.write_all(&part);
            left -= 1;
        }
        let _ = stream.write_all(b"\r\n\r\n");
    }
    fn group(&self, number: usize) -> String {
        format!(
            "  hostile-{number}:\n    protocol: {0}\n    port: 8000\n    target_type: ip\n    vpc: main\n    health_check: \
             {{ protocol: {0}, path: /health/, success_codes: \"200\", timeout: 2s, interval: 5s }}\n    \
             targets: [\"10.1.0.{number}\"]\n",
            self.protocol
        )
    }
}

const HEAD: &str = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\ntarget_groups:\n";

#[test]
fn hostile_servers_cost_little_time_and_memory() {
    let (folder, mut text) = (TempDir::new().unwrap(), HEAD.to_owned());
    let mut args = ["probe", "shop.yaml", "--quick", "--format", "json"].map(str::to_owned).to_vec();
    for (at, hostile) in SERVERS.iter().enumerate() {
        text.push_str(&hostile.group(at));
        args.extend(["--connect-to".to_owned(), format!("10.1.0.{at}:8000={}", hostile.start())]);
    }
    std::fs::write(folder.path().join("shop.yaml"), text).unwrap();
    let (run, cost) = Program::new(folder.path()).args(args).measured();
    let json = run.json();
    for (at, hostile) in SERVERS.iter().enumerate() {
        let name = format!("target_group/hostile-{at}");
        let targets = json["targets"].as_array().unwrap();
        let target = targets.iter().find(|target| target["target_group"] == name.as_str()).unwrap();
        let check = &target["checks"][0];
        let observed = check["observed"].as_str().unwrap();
        // on a busy machine the time may be over before so much has come
        let late = matches!(hostile.said, "headers without end") && observed.starts_with("no answer in time");
        assert!(observed.starts_with(hostile.said) || late, "{}: {check:#}", hostile.what);
        assert_eq!(check["ok"], observed.starts_with("200"), "{}: {check:#}", hostile.what);
    }
    // fifteen exchanges of 2 s and a request of 10 s are announced; nine heads of 256 K is what may be kept
    assert!(run.stderr.contains("40 s at most"), "{}", run.stderr);
    assert!(cost.elapsed < Duration::from_secs(60), "{cost:?}");
    assert!(cost.memory < 100_000, "{cost:?}");
}
