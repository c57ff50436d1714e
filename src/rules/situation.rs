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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_replace_add_and_take_away() {
        let base = "a:\n  b: 1\n  c: { x: y }\n  443:\n    d: 2\ne: 3\n";
        assert_eq!(laid_over(base, ""), base);
        let patch = "\na:\n  c: 9\n  443:\n    d: null\n    f: 4\ng: 5\n";
        assert_eq!(laid_over(base, patch), "a:\n  b: 1\n  c: 9\n  443:\n    f: 4\ne: 3\ng: 5\n");
    }
}
