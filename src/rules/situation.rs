//! Situations: the smallest stacks in which a rule fires, or stays silent.
//!
//! They are documentation and test at once: `explain` prints them, and the table test below loads them
//! with the real language and runs every rule on them.

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
    /// The security groups of the interfaces that own target addresses: (address, groups).
    pub interfaces: &'static [(&'static str, &'static [&'static str])],
    /// The networks of a load balancer's subnets: (load balancer, networks).
    pub subnets: &'static [(&'static str, &'static [&'static str])],
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
}

impl Health {
    /// A healthy target.
    pub const fn healthy(target: &'static str) -> Self {
        Self { target, state: "healthy", reason: "", description: "" }
    }
    /// An unhealthy target with AWS's reason code and description.
    pub const fn unhealthy(target: &'static str, reason: &'static str, description: &'static str) -> Self {
        Self { target, state: "unhealthy", reason, description }
    }
}

impl Situation {
    /// Nothing: for situations to be written with `..Situation::EMPTY`.
    pub const EMPTY: Self = Self { text: "", desired: "", live: "", health: &[], interfaces: &[], subnets: &[] };

    /// What is known besides files and settings, a line each.
    pub fn known(&self) -> Vec<String> {
        let health = self.health.iter().map(|h| match (h.reason, h.description) {
            ("", _) => format!("target {} is {}", h.target, h.state),
            (reason, "") => format!("target {} is {}: {reason}", h.target, h.state),
            (reason, description) => format!("target {} is {}: {reason}, {description}", h.target, h.state),
        });
        let interfaces =
            self.interfaces.iter().map(|(ip, groups)| format!("{ip} has the security groups {}", groups.join(", ")));
        let subnets = self.subnets.iter().map(|(lb, nets)| format!("{lb} stands in the subnets {}", nets.join(", ")));
        health.chain(interfaces).chain(subnets).collect()
    }
}
