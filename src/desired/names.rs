//! Names → links: what a name in the files means, and what it could have meant.

use std::collections::BTreeMap;

use super::found::{Found, nearest};
use super::node::{Entry, Node, find};
use super::problem::{Level, Problem};
use super::reader::text_of;
use super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use crate::model::{Address, Id, Kind, Link, Selectable, Selector, Span};

/// The keys of the sections that other sections name.
#[derive(Debug, Default)]
pub(super) struct Names {
    certificates: BTreeMap<String, Span>,
    security_groups: BTreeMap<String, Span>,
    target_groups: BTreeMap<String, Span>,
    region: String,
}

impl Names {
    /// Collects the keys of a document.
    pub fn of(entries: &[Entry]) -> Self {
        let keys = |section: &str| {
            let map = find(entries, section).and_then(|e| e.value.map()).unwrap_or_default();
            map.iter().map(|e| (e.key.to_string(), e.key_span)).collect()
        };
        Self {
            certificates: keys("certificates"),
            security_groups: keys("security_groups"),
            target_groups: keys("target_groups"),
            region: find(entries, "region").and_then(|e| text_of(&e.value)).unwrap_or_default().to_owned(),
        }
    }

    /// A target group of the files, by key, or of AWS, by ARN.
    pub fn target_group(&self, name: &str, at: Span, found: &Found) -> Option<Link> {
        self.named(&self.target_groups, Kind::TargetGroup, "target_groups", name, at, found)
    }
    /// A certificate of the files, by key, or of AWS, by ARN.
    pub fn certificate(&self, name: &str, at: Span, found: &Found) -> Option<Link> {
        self.named(&self.certificates, Kind::Certificate, "certificates", name, at, found)
    }
    /// A security group of the files, by key, or of AWS, by id. Other names are not looked up.
    pub fn declared_security_group(&self, name: &str, at: Span, found: &Found) -> Option<Link> {
        if is_id(name, "sg-") {
            return Some(Link::Id(Id(name.to_owned())));
        }
        self.named(&self.security_groups, Kind::SecurityGroup, "security_groups", name, at, found)
    }

    fn named(
        &self,
        known: &BTreeMap<String, Span>,
        kind: Kind,
        section: &str,
        name: &str,
        at: Span,
        found: &Found,
    ) -> Option<Link> {
        if known.contains_key(name) {
            return Some(Link::Address(Address::new(kind, name)));
        }
        if name.starts_with("arn:") && kind != Kind::SecurityGroup {
            if let Some(problem) = self.arn(kind, name, at) {
                let error = problem.level == Level::Error;
                found.push(problem);
                if error {
                    return None;
                }
            }
            return Some(Link::Id(Id(name.to_owned())));
        }
        found.push(self.dangling(known, kind, section, name, at, found));
        None
    }

    /// What is wrong with an ARN: of another kind, or of another region or account than the files are for.
    fn arn(&self, kind: Kind, name: &str, at: Span) -> Option<Problem> {
        let parts: Vec<&str> = name.splitn(6, ':').collect();
        let (fits, form) = match kind {
            Kind::Certificate => (
                matches!(parts[..], [_, _, "acm", _, _, rest] if rest.starts_with("certificate/"))
                    || matches!(parts[..], [_, _, "iam", _, _, rest] if rest.starts_with("server-certificate/")),
                "arn:aws:acm:REGION:ACCOUNT:certificate/ID",
            ),
            Kind::TargetGroup
            | Kind::SecurityGroup
            | Kind::LoadBalancer
            | Kind::Listener
            | Kind::Rule
            | Kind::Target => (
                matches!(parts[..], [_, _, "elasticloadbalancing", _, _, rest] if rest.starts_with("targetgroup/")),
                "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID",
            ),
        };
        let noun = kind.as_str().replace('_', " ");
        if !fits {
            let problem = Problem::error(at, format!("this is not the ARN of a {noun}"));
            return Some(problem.hint(format!("it is written like {form}")));
        }
        let (region, here) = (parts.get(3).copied().unwrap_or_default(), self.region.as_str());
        if !region.is_empty() && !here.is_empty() && region != here {
            let problem = Problem::warning(at, format!("the {noun} is in {region}, the stack in {here}"));
            return Some(problem.hint("a load balancer takes what is in its own region only"));
        }
        None
    }

    fn dangling(
        &self,
        known: &BTreeMap<String, Span>,
        kind: Kind,
        section: &str,
        name: &str,
        at: Span,
        found: &Found,
    ) -> Problem {
        let noun = kind.as_str().replace('_', " ");
        if kind == Kind::SecurityGroup && (name.starts_with("sg-") || name.starts_with("pl-")) {
            return Problem::error(at, format!("`{name}` is not an id"))
                .label("too short, or not hexadecimal")
                .hint("an id is written like `sg-0123456789abcdef0`, a prefix list's like `pl-0123456789abcdef0`");
        }
        let problem = Problem::error(at, format!("no {noun} `{name}` in these files"));
        if found.full() {
            return problem;
        }
        if let Some(near) = nearest(name, known.keys().map(String::as_str))
            && let Some(declared) = known.get(near)
        {
            return problem
                .label(format!("did you mean `{near}`?"))
                .also(*declared, format!("`{near}` is declared here"))
                .hint(format!("name a key of `{section}`"));
        }
        let elsewhere = [
            ("certificates", &self.certificates),
            ("security_groups", &self.security_groups),
            ("target_groups", &self.target_groups),
        ];
        if let Some((other, Some(declared))) =
            elsewhere.iter().map(|(s, names)| (s, names.get(name))).find(|(_, at)| at.is_some())
        {
            return problem
                .label(format!("`{name}` is one of `{other}`"))
                .also(*declared, "declared here".to_owned())
                .hint(format!("name a key of `{section}`"));
        }
        let hint = match known.len() {
            0 => format!("declare it under `{section}`; with `existing: true` if it is somebody else's"),
            1..=8 => format!("there are: {}", known.keys().cloned().collect::<Vec<_>>().join(", ")),
            n => format!("there are {n} under `{section}`; declare it there"),
        };
        let hint = if kind == Kind::Certificate && known.is_empty() {
            "declare it under `certificates`, or give its ARN".to_owned()
        } else {
            hint
        };
        problem.label("not declared").hint(hint)
    }

    /// A security group of a load balancer: of the files, or on AWS by id, `Name` tag or tags.
    pub fn security_group(&self, node: &Node, found: &Found) -> Option<Link> {
        let Some(name) = text_of(node) else { return select(node, Selectable::SecurityGroup) };
        if self.security_groups.contains_key(name) || is_id(name, "sg-") {
            return self.declared_security_group(name, node.span, found);
        }
        if !found.full()
            && let Some(near) = nearest(name, self.security_groups.keys().map(String::as_str))
        {
            let problem = Problem::error(node.span, format!("no security group `{name}` in these files"))
                .label(format!("did you mean `{near}`?"))
                .hint(format!("to choose a live group by its Name tag, write {{ tags: {{ Name: {name} }} }}"));
            let declared = self.security_groups.get(near);
            found.push(declared.map_or(problem.clone(), |at| problem.also(*at, format!("`{near}` is declared here"))));
            return None;
        }
        select(node, Selectable::SecurityGroup)
    }
}

/// A VPC or a subnet on AWS: by id, by `Name` tag, or by tags.
pub(super) fn select(node: &Node, what: Selectable) -> Option<Link> {
    let prefix = match what {
        Selectable::Vpc => "vpc-",
        Selectable::Subnet => "subnet-",
        Selectable::SecurityGroup => "sg-",
        Selectable::TrustStore => "arn:",
    };
    if let Some(text) = text_of(node) {
        if is_id(text, prefix) {
            return Some(Link::Id(Id(text.to_owned())));
        }
        return Some(Link::Select(Selector { what, tags: BTreeMap::from([("Name".to_owned(), text.to_owned())]) }));
    }
    let tags = find(node.map()?, "tags")?.value.map()?;
    let tags: BTreeMap<String, String> =
        tags.iter().filter_map(|e| Some((e.key.to_string(), text_of(&e.value)?.to_owned()))).collect();
    (!tags.is_empty()).then_some(Link::Select(Selector { what, tags }))
}

/// Whether a text is an EC2 id: the prefix, then hexadecimal digits.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 8 && rest.chars().all(|c| c.is_ascii_hexdigit()))
}

const SELECT_TAGS: NamedRule =
    NamedRule { noun: "a map of tags", key: &TextRule::any("a tag key", 1, 128), value: Shape::Text(&TAG_VALUE) };
const TAG_VALUE: TextRule = TextRule::any("a tag value", 0, 256);
const SELECTOR_FIELDS: &[Field] =
    &[field("tags", "Tags that must all be present.", Shape::Named(&SELECT_TAGS)).required()];
const SELECTOR: MapRule = MapRule { noun: "a selector by tags", fields: SELECTOR_FIELDS };

/// A VPC: its id, its `Name` tag, or `{ tags: {..} }`.
pub(super) const VPC: Shape =
    Shape::AnyOf(&[Shape::Text(&TextRule::any("an id or a Name tag", 1, 255)), Shape::Map(&SELECTOR)]);
/// A subnet or a security group, likewise.
pub(super) const ONE: Shape = VPC;

/// Tags of a resource.
pub(super) const TAGS: NamedRule = NamedRule {
    noun: "a map of tags",
    key: &TextRule { noun: "a tag key", min: 1, max: 128, pattern: "^(?!aws:|no502:)", check: tag_key },
    value: Shape::Text(&TAG_VALUE),
};

/// A warning for what ELB and ACM do not take in a tag; EC2, whose security groups are, takes more.
pub(super) fn odd_tag(entry: &Entry) -> Option<Problem> {
    let odd =
        |text: &str| text.chars().find(|c| !(c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(*c)));
    let of_value = || Some((odd(text_of(&entry.value)?)?, entry.value.span));
    let (bad, at) = odd(&entry.key).map(|bad| (bad, entry.key_span)).or_else(of_value)?;
    let problem = Problem::warning(at, format!("AWS may refuse `{bad}` in a tag"));
    Some(problem.hint("API Tag: letters, digits, spaces and _ . : / = + - @"))
}

fn tag_key(key: &str) -> Result<(), Complaint> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Complaint::must("must not begin with `aws:`").hint("AWS keeps that prefix for itself"));
    }
    if key.starts_with("no502:") {
        return Err(Complaint::must("must not begin with `no502:`").hint("no502 keeps that prefix for itself"));
    }
    Ok(())
}

/// The key of a resource, a rule or a stack: what tags and addresses can hold.
pub(super) const KEY: TextRule =
    TextRule { noun: "a name", min: 1, max: 64, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$", check: plain_key };

fn plain_key(key: &str) -> Result<(), Complaint> {
    let good = key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if good {
        return Ok(());
    }
    Err(Complaint::must("is not a name")
        .hint("a name has letters, digits, `.`, `_`, `-`, and begins with a letter or digit"))
}
