//! Findings that are known and accepted, with a reason and an end.

use super::super::reader::Reader;
use super::super::resolved::Acceptance;
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};

const CODE: TextRule = TextRule {
    noun: "a rule's code or name, such as E301",
    min: 1,
    max: 64,
    pattern: "^[A-Za-z0-9-]+$",
    check: |text| {
        if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Ok(());
        }
        Err(Complaint::must("is not a rule's code").hint("`no502 explain` lists them, e.g. E301"))
    },
};
const REASON: TextRule = TextRule::any("a reason", 1, 1024);
const UNTIL: TextRule = TextRule {
    noun: "a date such as 2027-01-31",
    min: 1,
    max: 10,
    pattern: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    check: |text| match text.parse::<jiff::civil::Date>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Complaint::must("must be a date").hint("year, month and day: 2027-01-31")),
    },
};
const FIELDS: &[Field] = &[
    field("reason", "Why it is accepted.", Shape::Text(&REASON)).here().example("lowered next week").required(),
    field("until", "The last day on which it is; from the day after, the finding counts again.", Shape::Text(&UNTIL))
        .here()
        .example("2027-01-31")
        .required(),
];
const RULE: MapRule = MapRule { noun: "an accepted finding", fields: FIELDS };
const ALL: NamedRule = NamedRule { noun: "a map of accepted findings", key: &CODE, value: Shape::Map(&RULE) };
/// `accept:`.
pub(super) const ACCEPT: Field = field(
    "accept",
    "Findings of rules on this resource that are known and accepted for a while: they are shown, and do not count.",
    Shape::Named(&ALL),
)
.here()
.example("{ E301: { reason: \"lowered next week\", until: 2027-01-31 } }");

/// Reads what is accepted on a resource.
pub(super) fn read(r: &Reader<'_, '_>) {
    let Some(accept) = r.sub("accept") else { return };
    for entry in accept.entries() {
        let Some(one) = accept.sub(&entry.key) else { continue };
        if let (Some(reason), Some(until)) = (one.text("reason"), one.word("until")) {
            let accepted = Acceptance { rule: entry.key.to_string(), reason, until, at: entry.key_span };
            r.cx.out.borrow_mut().accepted.entry(r.address.clone()).or_default().push(accepted);
        }
    }
}
