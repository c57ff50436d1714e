//! The command line of `no502 probe`.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use super::{Printing, ValidateFailOn};

/// `no502 probe`
#[derive(Debug, Args)]
pub struct Probe {
    /// Files or folders (`*.yaml`, `*.yml`, `-`), whose targets are probed, or URLs of single targets
    /// (http://10.0.1.10:8000/health/); desired/ without it
    #[arg(value_name = "PATH or URL")]
    pub what: Vec<String>,
    /// Take groups, targets and settings from AWS; of the load balancers in the files where files are given, else of all
    #[arg(long)]
    pub live: bool,
    /// Only the groups behind this load balancer, by its name on AWS; repeatable
    #[arg(long = "load-balancer", value_name = "LB", requires = "live")]
    pub load_balancers: Vec<String>,
    /// Only this target group, by its name; repeatable
    #[arg(long = "target-group", value_name = "NAME")]
    pub target_groups: Vec<String>,
    /// Only these targets or groups; `*` matches anything; repeatable
    #[arg(long = "target", value_name = "ADDRESS")]
    pub targets: Vec<String>,
    /// A name that clients use, such as shop.example.com; that of a rule, a certificate or the URL without it
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub host: Option<String>,
    /// Dial another address for a target, as through a tunnel: 10.0.1.10:8000=127.0.0.1:9000; repeatable
    #[arg(long = "connect-to", value_name = "TARGET=ADDR", value_parser = connect_to)]
    pub connect_to: Vec<(String, SocketAddr)>,
    /// Leave out what must wait or strains: keep-alive, many and large requests, a silent connection
    #[arg(long)]
    pub quick: bool,
    #[command(flatten)]
    /// How to print.
    pub printing: Printing,
    /// What makes the exit code 3, or 2 where no 5xx is at stake
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = ValidateFailOn::FiveXx)]
    pub fail_on: ValidateFailOn,
}

/// How a plan or a diagnosis looks at targets itself.
#[derive(Clone, Debug, Default, Args)]
pub struct Probing {
    /// Ask the targets as well what a load balancer would ask them, and let the rules judge it; `quick` leaves out what
    /// must wait
    #[arg(long, value_name = "DEPTH", value_enum, num_args = 0..=1, default_missing_value = "full", require_equals = true)]
    pub probe: Option<ProbeDepth>,
    /// Dial another address for a target, as through a tunnel: 10.0.1.10:8000=127.0.0.1:9000; repeatable
    #[arg(long = "connect-to", value_name = "TARGET=ADDR", value_parser = connect_to, requires = "probe")]
    pub connect_to: Vec<(String, SocketAddr)>,
}

/// How much a probe looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProbeDepth {
    /// Also what must wait or strains: keep-alive, many and large requests, a silent connection.
    Full,
    /// Only what is answered at once.
    Quick,
}

fn host(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let valid = !text.is_empty() && text.len() <= 253 && text.chars().all(fine);
    if valid { Ok(text.to_owned()) } else { Err("write a host name, such as shop.example.com".to_owned()) }
}

fn connect_to(text: &str) -> Result<(String, SocketAddr), String> {
    // a port, after an address whose colons are in brackets
    let named = |target: &str| {
        let (host, port) = target.rsplit_once(':').unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        port.parse::<u16>().is_ok() && !host.is_empty() && (bare.is_some() || !host.contains(':'))
    };
    let parts = text.split_once('=').filter(|(target, _)| named(target));
    let address = parts.and_then(|(target, address)| Some((target.to_owned(), address.parse().ok()?)));
    address.ok_or_else(|| {
        "write TARGET:PORT=IP:PORT, such as 10.0.1.10:8000=127.0.0.1:9000 or [fd00::1]:8000=127.0.0.1:9000".to_owned()
    })
}
