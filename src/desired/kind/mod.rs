//! The language itself: one file for each kind, with its table of fields, its typed reading and the
//! rules between its fields.

mod accept;
pub(super) mod action;
mod authenticate;
pub(super) mod certificate;
pub(super) mod condition;
pub(super) mod health_check;
pub(super) mod listener;
pub(super) mod load_balancer;
mod mutual_authentication;
pub(super) mod pem;
mod regex;
mod rewrite;
pub(super) mod rule;
pub(super) mod security_group;
pub(super) mod target;
pub(super) mod target_group;
pub(super) mod top;

use super::problem::Problem;
use super::reader::Reader;
use super::shape::{Complaint, Field, Shape, TextRule, field};
use crate::model::Span;

/// `existing: true`.
const EXISTING: Field = field(
    "existing",
    "It exists and is somebody else's: never created, replaced or deleted; only declared fields are managed.",
    Shape::Bool,
);
/// Tags of a resource.
const TAGS: Field = field(
    "tags",
    "Tags of this resource, added to the stack's. Tags that the files do not mention are left alone.",
    Shape::Named(&super::names::TAGS),
);
/// A network in CIDR form, for a JSON Schema.
const NETWORK: &str = "^(([0-9]{1,3}\\.){3}[0-9]{1,3}/([0-9]|[12][0-9]|3[0-2])|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*/([0-9]{1,2}|1[01][0-9]|12[0-8]))$";

/// Who may be named in a security group: a name or an id, which is no bare address, or a network.
const PEER: &str = "^(?!([0-9]{1,3}\\.){3}[0-9]{1,3}$)([A-Za-z0-9][A-Za-z0-9._-]*|([0-9]{1,3}\\.){3}[0-9]{1,3}/([0-9]|[12][0-9]|3[0-2])|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*/([0-9]{1,2}|1[01][0-9]|12[0-8]))$";

/// The name of a load balancer (API: `CreateLoadBalancer`, `CreateTargetGroup`).
const LOAD_BALANCER_NAME: TextRule = TextRule {
    noun: "a load balancer's name",
    min: 1,
    max: 32,
    pattern: "^(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$",
    check: load_balancer_name,
};
/// The name of a target group.
const TARGET_GROUP_NAME: TextRule = TextRule {
    noun: "a target group's name",
    min: 1,
    max: 32,
    pattern: "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$",
    check: elb_name,
};

fn load_balancer_name(name: &str) -> Result<(), Complaint> {
    if name.starts_with("internal-") {
        return Err(Complaint::must("must not begin with `internal-`").hint("AWS's limit: API CreateLoadBalancer.Name"));
    }
    elb_name(name)
}

fn elb_name(name: &str) -> Result<(), Complaint> {
    const SOURCE: &str = "AWS's limit: 1 to 32 letters, digits and `-`; no `-` at either end";
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-')) {
        return Err(Complaint::must(format!("must not hold `{bad}` in its name on AWS"))
            .hint(format!("{SOURCE}; for example {}", mended(name))));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(Complaint::must("must not begin or end with `-`").hint(SOURCE));
    }
    Ok(())
}

/// A name with `-` for what it must not hold.
fn mended(name: &str) -> String {
    let kept = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
    kept.trim_matches('-').chars().take(32).collect()
}

/// The name on AWS: `name:`, else the key, which then must keep the rule itself.
fn aws_name(reader: &Reader<'_, '_>, rule: &TextRule) -> String {
    match reader.text("name") {
        Some(name) => name,
        None => {
            let key = reader.address.name.clone();
            if reader.has("name").is_none()
                && super::check::text_rule(&key, &super::names::KEY).is_ok()
                && let Err(complaint) = super::check::text_rule(&key, rule)
            {
                let hint = complaint.hint.map(|hint| format!("{hint}; `name:` may differ from the key"));
                reader.error(super::check::complained(reader.at, &key, Complaint { hint, ..complaint }));
            }
            key
        }
    }
}

/// An error at a key of a map, if it is there.
fn forbid(reader: &Reader<'_, '_>, key: &str, message: &str, label: &str, because: Option<(Span, &str)>) {
    if let Some(at) = reader.has(key) {
        let problem = Problem::error(at, message).label(label);
        reader.error(match because {
            Some((span, words)) => problem.also(span, words),
            None => problem,
        });
    }
}

/// Reads `exclusive`: the parts of which the files name all there shall be.
fn exclusive(r: &Reader<'_, '_>) {
    let Some(items) = r.items("exclusive") else { return };
    let parts = items.iter().filter_map(|node| node.text()?.parse().ok()).collect();
    r.cx.out.borrow_mut().exclusive.insert(r.address.clone(), parts);
}
