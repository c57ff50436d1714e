//! Rewrites of rules.
//!
//! Source: API `RuleTransform`, `RewriteConfig`; user guide "Transforms for listener rules"

use super::super::node::{Node, find};
use super::super::problem::Problem;
use super::super::reader::{Reader, text_of};
use super::super::shape::{Field, MapRule, Shape, TextRule, field};
use crate::model::kind::{Rewrite, Substitution};

const MATCH: TextRule = TextRule {
    noun: "a regular expression",
    min: 1,
    max: 1024,
    pattern: super::regex::PATTERN,
    check: super::regex::check,
};
const REPLACE: TextRule = TextRule::any("a text, which may hold `$1`", 0, 1024);
const SUBSTITUTION_FIELDS: &[Field] = &[
    field("match", "A regular expression.", Shape::Text(&MATCH)).source("API RewriteConfig.Regex").required(),
    field("replace", "What takes its place; `$1` is the first group.", Shape::Text(&REPLACE))
        .source("API RewriteConfig.Replace")
        .required(),
];
const SUBSTITUTION: MapRule = MapRule { noun: "a rewrite", fields: SUBSTITUTION_FIELDS };
const LIST: Shape = Shape::OneOrMany(&Shape::Map(&SUBSTITUTION));
const FIELDS: &[Field] = &[
    field("path", "What becomes of the path and its query; `[]` for nothing.", LIST),
    field("host", "What becomes of the host; `[]` for nothing.", LIST),
];
const RULE: MapRule = MapRule { noun: "the rewrites of a rule", fields: FIELDS };
/// `rewrite:`.
pub(super) const REWRITE: Field =
    field("rewrite", "Rewrites host or path before the request is forwarded.", Shape::Map(&RULE));

/// Reads the rewrites of a rule.
pub(super) fn read(r: &Reader<'_, '_>) -> Option<Rewrite> {
    let rewrite = r.sub("rewrite")?;
    let list = |key: &str| rewrite.items(key).map(|items| substitutions(&rewrite, key, items));
    Some(Rewrite { path: list("path"), host: list("host") })
}

fn substitutions(rewrite: &Reader<'_, '_>, key: &str, items: &[Node]) -> Vec<Substitution> {
    let text = |node: &Node, key: &str| {
        let entries = node.map().unwrap_or_default();
        find(entries, key).and_then(|e| text_of(&e.value)).map(str::to_owned)
    };
    if items.len() > 1 {
        rewrite.error(
            Problem::warning(rewrite.value_span(key), format!("{} rewrites of one {key} may be refused", items.len()))
                .hint("AWS's user guide shows one in each transform"),
        );
    }
    let one = |node: &Node| Some(Substitution { pattern: text(node, "match")?, replace: text(node, "replace")? });
    items.iter().filter_map(one).collect()
}
