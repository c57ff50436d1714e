//! Situations: the smallest stacks in which a rule fires, or stays silent.
//!
//! They are documentation and test at once: `explain` prints them, and the table test in `table` loads them
//! with the real language and runs every rule on them.

use super::acm::Acm;
use crate::model::Anomaly;
use crate::model::traffic::Shape;

/// A small stack: what the files say, what AWS has, and what is known around it.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// One line: what it shows.
    pub text: &'static str,
    /// The desired files in block-style YAML, without `version`, `stack`, `account` and `region`.
    pub desired: &'static str,
    /// What is different on AWS: block-style YAML laid over `desired` by key; `null` takes a key away.
    pub live: &'static str,
    /// Target health, as AWS reports it.
    pub health: &'static [Health],
    /// What a probe saw of targets.
    pub probe: &'static [Seen],
    /// The security groups of the interfaces that own target addresses: (address, groups).
    pub interfaces: &'static [(&'static str, &'static [&'static str])],
    /// What ACM says of certificates.
    pub certificates: &'static [Acm],
    /// The load balancers that AWS says use a group: (group, load balancer).
    pub attached: &'static [(&'static str, &'static str)],
    /// The networks of a load balancer's subnets: (load balancer, networks).
    pub subnets: &'static [(&'static str, &'static [&'static str])],
    /// The zones that a load balancer has a subnet in: (load balancer, zones).
    pub zones: &'static [(&'static str, &'static [&'static str])],
    /// Groups that AWS says have no registered target.
    pub empty: &'static [&'static str],
    /// What access logs show.
    pub logged: &'static [Logged],
    /// What else is known, a line each: network ACLs, routes, free addresses, the state of a load balancer.
    pub around: &'static str,
}

/// Answers of one shape that access logs show.
#[derive(Clone, Copy, Debug)]
pub struct Logged {
    /// Whose they are, `target_group/thumbs`.
    pub at: &'static str,
    /// Out of how many requests.
    pub requests: u64,
    /// Their shape.
    pub shape: Shape,
    /// How many.
    pub count: u64,
    /// AWS's reason, or nothing.
    pub reason: &'static str,
}

/// What AWS says of one target.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// The target's name in addresses, `django/10.0.1.10:8000`.
    pub target: &'static str,
    /// The state, `unhealthy`.
    pub state: &'static str,
    /// The reason code, or nothing.
    pub reason: &'static str,
    /// The description, or nothing.
    pub description: &'static str,
    /// What keeps requests from it whatever its health, or nothing.
    pub overridden: &'static str,
    /// What AWS makes of its answers.
    pub anomaly: Option<Anomaly>,
}

/// What a probe saw of one target.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The target's name in addresses, `django/10.0.1.10:8000`.
    pub target: &'static str,
    /// What it saw, as JSON of [`Observations`](crate::probe::Observations).
    pub saw: &'static str,
}

impl Health {
    const fn of(target: &'static str, state: &'static str, reason: &'static str, description: &'static str) -> Self {
        Self { target, state, reason, description, overridden: "", anomaly: None }
    }
    /// A healthy target.
    pub const fn healthy(target: &'static str) -> Self {
        Self::of(target, "healthy", "", "")
    }
    /// An unhealthy target with AWS's reason code and description.
    pub const fn unhealthy(target: &'static str, reason: &'static str, description: &'static str) -> Self {
        Self::of(target, "unhealthy", reason, description)
    }
    /// A target that gets no requests, with AWS's reason code.
    pub const fn unused(target: &'static str, reason: &'static str) -> Self {
        Self::of(target, "unused", reason, "")
    }
    /// A target that waits for its first check.
    pub const fn initial(target: &'static str) -> Self {
        Self::of(target, "initial", "Elb.InitialHealthChecking", "")
    }
    /// A target of unknown health, with AWS's reason code.
    pub const fn unavailable(target: &'static str, reason: &'static str) -> Self {
        Self::of(target, "unavailable", reason, "")
    }
    /// A target that is being deregistered.
    pub const fn draining(target: &'static str) -> Self {
        Self::of(target, "draining", "Target.DeregistrationInProgress", "")
    }
    /// The same target, kept from requests whatever its health.
    #[must_use]
    pub const fn overridden(self, by: &'static str) -> Self {
        Self { overridden: by, ..self }
    }
    /// The same target, with answers that AWS finds worse than its neighbours'.
    #[must_use]
    pub const fn anomalous(self, anomaly: Anomaly) -> Self {
        Self { anomaly: Some(anomaly), ..self }
    }
}

impl Situation {
    /// Nothing: for situations to be written with `..Situation::EMPTY`.
    pub const EMPTY: Self = Self {
        text: "",
        desired: "",
        live: "",
        health: &[],
        probe: &[],
        interfaces: &[],
        certificates: &[],
        attached: &[],
        subnets: &[],
        zones: &[],
        empty: &[],
        logged: &[],
        around: "",
    };

    /// What is known besides files and settings, a line each.
    pub fn known(&self) -> Vec<String> {
        let health = self.health.iter().map(|h| {
            let state = match (h.reason, h.description) {
                ("", _) => format!("target {} is {}", h.target, h.state),
                (reason, "") => format!("target {} is {}: {reason}", h.target, h.state),
                (reason, description) => format!("target {} is {}: {reason}, {description}", h.target, h.state),
            };
            match (h.overridden, h.anomaly) {
                ("", None) => state,
                ("", Some(Anomaly::Found)) => format!("{state}, anomalous"),
                ("", Some(Anomaly::Mitigated)) => format!("{state}, anomalous and mitigated"),
                (by, _) => format!("{state}, overridden: {by}"),
            }
        });
        let probe = self.probe.iter().map(|seen| format!("a probe of {} saw {}", seen.target, one_line(seen.saw)));
        let interfaces =
            self.interfaces.iter().map(|(ip, groups)| format!("{ip} has the security groups {}", groups.join(", ")));
        let subnets = self.subnets.iter().map(|(lb, nets)| format!("{lb} stands in the subnets {}", nets.join(", ")));
        let zones = self.zones.iter().map(|(lb, zones)| format!("{lb} has subnets in {}", zones.join(", ")));
        let empty = self.empty.iter().map(|group| format!("target group {group} has no registered target"));
        let certificates = self.certificates.iter().map(Acm::in_words);
        let attached = self.attached.iter().map(|(group, lb)| format!("group {group} serves the load balancer {lb}"));
        let logged = self.logged.iter().map(|s| {
            let why = if s.reason.is_empty() { s.shape.as_str() } else { s.reason };
            format!("access logs show {} of {} requests to {}: {why}", s.count, s.requests, s.at)
        });
        let around = self.around.lines().filter(|line| !line.is_empty()).map(str::to_owned);
        let network = interfaces.chain(subnets).chain(zones).chain(around);
        health.chain(probe).chain(network).chain(empty).chain(certificates).chain(attached).chain(logged).collect()
    }
}

/// A text without its line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lays one block-style YAML text over another, key by key. A value replaces whatever stands there;
/// `null` takes the key away. Only what situations need: no block lists, no block scalars.
pub fn laid_over(base: &str, patch: &str) -> String {
    let mut tree = Block::read(base);
    tree.lay(Block::read(patch));
    let mut text = String::new();
    tree.write(0, &mut text);
    text
}

/// A block of `key:` lines, each with a value on the line or a deeper block.
#[derive(Debug, Default)]
struct Block(Vec<(String, Entry)>);

#[derive(Debug)]
enum Entry {
    Value(String),
    Deeper(Block),
}

impl Block {
    fn read(text: &str) -> Self {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| (line.len() - line.trim_start().len(), line.trim()))
            .collect();
        Self::of(&lines)
    }
    fn of(lines: &[(usize, &str)]) -> Self {
        let mut block = Self::default();
        let mut rest = lines;
        while let Some(((depth, line), after)) = rest.split_first() {
            let deeper = after.iter().take_while(|(d, _)| d > depth).count();
            let (inside, next) = after.split_at(deeper);
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let entry = match value.trim() {
                "" => Entry::Deeper(Self::of(inside)),
                value => Entry::Value(value.to_owned()),
            };
            block.0.push((key.to_owned(), entry));
            rest = next;
        }
        block
    }
    fn lay(&mut self, patch: Self) {
        for (key, entry) in patch.0 {
            let place = self.0.iter().position(|(k, _)| *k == key);
            match (place.and_then(|i| self.0.get_mut(i)).map(|(_, entry)| entry), entry) {
                (_, Entry::Value(value)) if value == "null" => self.0.retain(|(k, _)| *k != key),
                (Some(Entry::Deeper(block)), Entry::Deeper(patch)) => block.lay(patch),
                (Some(old), new) => *old = new,
                (None, new) => self.0.push((key, new)),
            }
        }
    }
    fn write(&self, depth: usize, out: &mut String) {
        for (key, entry) in &self.0 {
            out.push_str(&" ".repeat(depth));
            out.push_str(key);
            match entry {
                Entry::Value(value) => {
                    out.push_str(": ");
                    out.push_str(value);
                    out.push('\n');
                }
                Entry::Deeper(block) => {
                    out.push_str(":\n");
                    block.write(depth + 2, out);
                }
            }
        }
    }
}
