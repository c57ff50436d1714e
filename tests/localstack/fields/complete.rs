//! No field is forgotten: whatever the language's schema knows of a kind has a case here, or a reason why not.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::localstack::replace;

use super::{around, extra, listener, load_balancer, login, more, rule, target_group};

/// Keys that cannot drift, or that other tests change, by kind; `*` stands for any kind.
const ELSEWHERE: &[(&str, &str)] = &[
    // what the files say of themselves
    ("*", "existing"),
    ("*", "accept"),
    ("target_group", "backend"),
    ("load_balancer", "vpc"),
    // what becomes of what the files do not mention: see `leaving`
    ("load_balancer", "exclusive"),
    ("load_balancer", "undeclared"),
    ("security_group", "exclusive"),
    // identity: another one is another thing
    ("*", "name"),
    ("security_group", "id"),
    ("certificate", "arn"),
    ("certificate", "domain"),
    ("certificate", "alternative_names"),
    ("certificate", "validation"),
    ("certificate", "key_algorithm"),
    // compared by the certificate's serial number
    ("certificate", "import.private_key"),
    ("certificate", "import.chain"),
    // another VPC is another group
    ("security_group", "vpc"),
    // in tests of their own: see `more`
    ("listener", "sni_certificates"),
    // a kind of its own: see `targets`
    ("target_group", "targets"),
    // AWS never gives it back: see `secrets`
    ("rule", "authenticate.oidc.client_secret"),
    ("listener", "default.authenticate.oidc.client_secret"),
    // of Lambda groups only
    ("target_group", "health_check.enabled"),
    ("target_group", "attributes.lambda.multi_value_headers.enabled"),
];

/// Keys that are compared as a whole.
const WHOLE: &[(&str, &str)] = &[
    ("load_balancer", "security_groups"),
    ("load_balancer", "subnets"),
    ("security_group", "ingress"),
    ("security_group", "egress"),
    ("rule", "rewrite.path"),
    ("rule", "rewrite.host"),
    ("rule", "forward"),
    ("rule", "authenticate.jwt.additional_claims"),
    ("listener", "default.authenticate.jwt.additional_claims"),
    ("listener", "default.forward"),
];

/// Whether a table names this key, or one that it lies under.
fn named(table: &[(&str, &str)], kind: &str, path: &str) -> bool {
    table.iter().any(|(k, p)| (*k == kind || *k == "*") && (path == *p || path.starts_with(&format!("{p}."))))
}

/// Every key of the schema as (kind, path).
fn keys(schema: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (section, kind) in [
        ("certificates", "certificate"),
        ("security_groups", "security_group"),
        ("target_groups", "target_group"),
        ("load_balancers", "load_balancer"),
    ] {
        let section = &schema["properties"][section];
        walk(&section["additionalProperties"], kind, "", &mut found);
    }
    found
}

/// Objects of a schema, whatever else is allowed in their place.
fn objects(schema: &Value) -> Vec<&Value> {
    let own = schema["properties"].is_object().then_some(schema);
    let choices = schema["anyOf"].as_array().into_iter().flatten();
    own.into_iter().chain(choices.flat_map(objects)).collect()
}

fn walk(schema: &Value, kind: &str, prefix: &str, found: &mut BTreeSet<(String, String)>) {
    for object in objects(schema) {
        for (key, value) in object["properties"].as_object().into_iter().flatten() {
            // AWS's keys that have a shorthand are the shorthand
            let said = value["description"].as_str().unwrap_or_default();
            let shorthand = said.split("Shorthand: `").nth(1).and_then(|rest| rest.split('`').next());
            let path = match (prefix, shorthand) {
                ("attributes", Some(path)) => path.to_owned(),
                ("", _) => key.clone(),
                _ => format!("{prefix}.{key}"),
            };
            match path.as_str() {
                "listeners" => each_of(value, "listener", found),
                "rules" => each_of(value, "rule", found),
                _ if objects(value).is_empty() => drop(found.insert((kind.to_owned(), path))),
                _ => walk(value, kind, &path, found),
            }
        }
    }
}

/// The values of a map; its keys may be free or match a pattern.
fn each_of(map: &Value, kind: &str, found: &mut BTreeSet<(String, String)>) {
    let patterns = map["patternProperties"].as_object().into_iter().flat_map(|p| p.values());
    for value in patterns.chain(map.get("additionalProperties")) {
        walk(value, kind, "", found);
    }
}

/// What the cases change, as (kind, path); a tag is its kind's `tags`.
pub(super) fn changed() -> BTreeSet<(String, String)> {
    let cases = [
        around::cases(),
        extra::cases(),
        listener::cases(),
        load_balancer::cases(),
        login::cases(),
        more::cases(),
        rule::cases(),
        target_group::cases(),
    ];
    let places = cases.into_iter().flatten().flat_map(|case| case.expected);
    let place = |text: String| {
        let (address, path) = text.split_once(' ').unwrap();
        let path = if path.starts_with("tags.") { "tags" } else { path };
        (address.split('/').next().unwrap().to_owned(), path.to_owned())
    };
    places.map(place).collect()
}

fn forgotten(keys: &BTreeSet<(String, String)>, changed: &BTreeSet<(String, String)>) -> Vec<String> {
    let open = keys.iter().filter(|(kind, path)| !covered(changed, ELSEWHERE, kind, path));
    open.map(|(kind, path)| format!("{kind} {path}")).collect()
}

/// Whether a case changes this field, or something it is a part of; or there is a reason why none does.
pub(super) fn covered(changed: &BTreeSet<(String, String)>, reasons: &[(&str, &str)], kind: &str, path: &str) -> bool {
    let is_changed = |k: &str, p: &str| changed.contains(&(k.to_owned(), p.to_owned()));
    let whole: Vec<_> = WHOLE.iter().filter(|(k, p)| is_changed(k, p)).copied().collect();
    // AWS cannot edit them, nor can anybody out of band
    let replaced: Vec<_> = replace::fields().collect();
    is_changed(kind, path) || [reasons, &replaced, &whole].into_iter().any(|table| named(table, kind, path))
}

#[test]
fn every_key_of_the_language_has_a_case() {
    let folder = tempfile::tempdir().unwrap();
    let schema = crate::support::program::Program::new(folder.path()).args(["schema"]).run().exits(0).json();
    let keys = keys(&schema);
    assert!(keys.len() > 90, "only {} keys: the schema has another form", keys.len());
    let forgotten = forgotten(&keys, &changed());
    assert!(forgotten.is_empty(), "no case changes:\n{}", forgotten.join("\n"));
}

#[test]
fn a_forgotten_key_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let schema = crate::support::program::Program::new(folder.path()).args(["schema"]).run().exits(0).json();
    let mut fewer = changed();
    assert!(fewer.remove(&("listener".to_owned(), "ssl_policy".to_owned())));
    assert_eq!(forgotten(&keys(&schema), &fewer), ["listener ssl_policy"]);
}
