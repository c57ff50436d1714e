//! The file of `--ignore`: differences that somebody accepts for a while, each with a reason, an owner and an end.
//!
//! It is read like a desired file: strictly, with every mistake and its place. What its entries match is up to `diff`;
//! what became of them is told by [`Ignores::doubts`].

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::found::Found;
use super::node::{Entry, Node, find};
use super::problem::{Problem, Problems};
use super::shape::{Complaint, Field, MapRule, Shape, TextRule, field};
use super::{check, parse, read};
use crate::model::{Sources, Span};

/// Differences that are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignore {
    /// Which resources: an address, in which `*` stands for anything.
    pub address: String,
    /// Which fields of them, likewise; without it the whole resource, whatever differs.
    pub field: Option<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub until: Date,
}

/// A file of them.
#[derive(Clone, Debug, Default)]
pub struct Ignores {
    /// The file, for messages.
    pub files: Sources,
    /// Its entries, in the order of the file.
    pub list: Vec<Ignore>,
    spans: Vec<Span>,
}

const ADDRESS: TextRule = TextRule::any("an address, in which `*` matches anything", 1, 512);
const PATH: TextRule = TextRule::any("a field, in which `*` matches anything", 1, 256);
const REASON: TextRule = TextRule::any("a reason", 1, 1024);
const OWNER: TextRule = TextRule::any("an owner: a person or a team", 1, 256);
const UNTIL: TextRule = TextRule {
    noun: "a date such as 2027-01-31",
    min: 1,
    max: 10,
    pattern: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    check: |text| match text.parse::<Date>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Complaint::must("must be a date").hint("year, month and day: 2027-01-31")),
    },
};
const ENTRY: &[Field] = &[
    field("address", "Which resources.", Shape::Text(&ADDRESS)).here().example("target_group/django").required(),
    field("field", "Which fields of them.", Shape::Text(&PATH)).here().example("health_check.*").default("all"),
    field("reason", "Why it is accepted.", Shape::Text(&REASON)).here().example("lowered next week").required(),
    field("owner", "Who answers for it.", Shape::Text(&OWNER)).here().example("team-shop").required(),
    field("until", "The last day on which it holds.", Shape::Text(&UNTIL)).here().example("2027-01-31").required(),
];
const ENTRY_RULE: MapRule = MapRule { noun: "an ignored difference", fields: ENTRY };
const FIELDS: &[Field] = &[
    field("version", "The version of this file's language.", Shape::Number(1, 1)).here().required(),
    field("ignore", "Differences that are accepted.", Shape::List(&Shape::Map(&ENTRY_RULE))).here().required(),
];
const FILE: MapRule = MapRule { noun: "an ignore file", fields: FIELDS };

/// Reads such a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn ignore_file(path: &Path) -> Result<Ignores, Problems> {
    let found = Found::default();
    let read = read::read(&[path.to_owned()], None, &found);
    let (mut list, mut spans) = (Vec::new(), Vec::new());
    for tree in parse::all(&read.usable, &read.sources, &found).into_iter().flatten().flatten() {
        let Some(entries) = tree.map() else {
            found.push(Problem::error(tree.span, "an ignore file is a map").hint("write `version: 1` and `ignore:`"));
            continue;
        };
        check::check(entries, &FILE, &found);
        check::required(entries, FIELDS, tree.span, FILE.noun, &found);
        for item in find(entries, "ignore").map(|entry| entry.value.items()).unwrap_or_default() {
            let Some(one) = item.map() else { continue };
            list.extend(entry(one));
            spans.push(find(one, "address").map_or(item.span, |address| address.value.span));
        }
    }
    if found.errors() > 0 {
        return Err(Problems { files: read.sources, list: found.finish() });
    }
    Ok(Ignores { files: read.sources, list, spans })
}

fn entry(entries: &[Entry<'_>]) -> Option<Ignore> {
    let text = |key: &str| find(entries, key).and_then(|entry| Node::text(&entry.value)).map(str::to_owned);
    Some(Ignore {
        address: text("address")?,
        field: text("field"),
        reason: text("reason")?,
        owner: text("owner")?,
        until: text("until")?.parse().ok()?,
    })
}

/// Whether a run saw everything that entries could match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// All of it.
    Whole,
    /// A part was not asked for, or could not be read.
    Part,
}

impl Ignores {
    /// What is doubtful about the entries: those that have run out, and those that matched nothing. `used` holds the
    /// places in the list of those that did.
    pub fn doubts(&self, used: &BTreeSet<usize>, today: Date, view: View) -> Vec<Problem> {
        let doubt = |(at, (entry, span)): (usize, (&Ignore, &Span))| {
            if entry.until < today {
                let message = format!("what {} ignores has run out on {}", entry.owner, entry.until);
                let problem = Problem::warning(*span, message).label("it counts again");
                return Some(problem.hint("mend the difference, or agree on a later `until`"));
            }
            let idle = view == View::Whole && !used.contains(&at);
            idle.then(|| {
                let problem = Problem::warning(*span, format!("an entry of {} matches no difference", entry.owner));
                problem.label("nothing to ignore").hint("remove the entry")
            })
        };
        self.list.iter().zip(&self.spans).enumerate().filter_map(doubt).collect()
    }
}
