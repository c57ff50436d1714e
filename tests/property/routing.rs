//! Random rules: what they match, who must log in, what becomes of a request.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::estate::{Fields, fields, tags, texts, words};
use super::text::{Node, list, map, text, word};

#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands among the rules of its listener.
    pub place: u16,
    pub when: Vec<(&'static str, Node)>,
    pub action: Action,
    pub fields: Fields,
}

#[derive(Clone, Debug)]
pub enum Action {
    Fixed(Fields),
    Redirect(Fields),
    Forward { to: Vec<(u8, u16)>, stickiness: Option<&'static str>, external: bool },
}

pub fn action() -> BoxedStrategy<Action> {
    let redirect = fields(&[
        ("protocol", words(&["https", "\"#{protocol}\""])),
        ("host", texts(&["www.example.com", "#{host}"])),
        ("path", texts(&["/new/#{path}", "/#{path}"])),
        ("query", texts(&["", "#{query}", "a=1&#{query}"])),
        ("port", words(&["8443", "\"#{port}\""])),
    ]);
    let redirect = (redirect, select(&["301", "302"][..])).prop_map(|(mut fields, status)| {
        fields.insert("status", word(status));
        // one part must change, else the redirect leads nowhere else
        let said = |key: &str, same: &str| fields.get(key).is_some_and(|value| *value != text(same));
        if !said("host", "#{host}") && !said("path", "/#{path}") {
            fields.insert("path", text("/elsewhere"));
        }
        Action::Redirect(fields)
    });
    let fixed = fields(&[("content_type", words(&["text/plain", "text/html"])), ("body", texts(&["", "no: \"x\" #"]))]);
    let fixed = (fixed, select(&["200", "404", "503"][..])).prop_map(|(mut fields, status)| {
        fields.insert("status", word(status));
        Action::Fixed(fields)
    });
    let to = vec((0..6_u8, select(&[0_u16, 1, 50, 999][..])), 1..4);
    let forward = (to, weighted(0.2, select(&["10m", "disabled"][..])), prop::bool::weighted(0.2))
        .prop_map(|(to, stickiness, external)| Action::Forward { to, stickiness, external });
    prop_oneof![1 => fixed, 1 => redirect, 3 => forward].boxed()
}

/// The conditions of a rule: each kind at most once, five values at most.
const CONDITIONS: &[(&str, &[&str])] = &[
    ("host", &["shop.example.com", "*.example.com", "SHOP.example.com"]),
    ("path", &["/api/*", "/old/*", "/a", "/~u/'x'&y"]),
    ("method", &["GET", "POST", "M-SEARCH"]),
    ("header", &["agent", "secret", "two"]),
    ("query", &["v", "key", "both"]),
    ("source_ip", &["10.0.0.0/8", "2001:db8::/32", "192.168.1.1/32"]),
];

fn value(kind: &str, pick: &str) -> Node {
    match (kind, pick) {
        ("header", "agent") => map([("User-Agent", text("*curl*"))]),
        ("header", "secret") => map([("X-Origin-Verify", map([("env", word("ORIGIN_SECRET"))]))]),
        ("header", _) => map([("x-a", text("${1}")), ("X-B", list([text("2")]))]),
        ("query", "v") => map([("v", text("2"))]),
        ("query", "key") => text("beta"),
        ("query", _) => list([map([("a", text("1"))]), text("x*")]),
        _ => text(pick),
    }
}

fn conditions() -> impl Strategy<Value = Vec<(&'static str, Node)>> {
    let regex = any::<bool>();
    (subsequence(CONDITIONS, 1..=2), vec(0..3_usize, 4), any::<bool>(), regex).prop_map(|(kinds, picks, two, regex)| {
        let one = |(index, (kind, values)): (usize, (&'static str, &'static [&'static str]))| {
            if regex && index == 0 && matches!(kind, "host" | "path") {
                let key = if kind == "host" { "host_regex" } else { "path_regex" };
                return (key, list([text(if kind == "host" { "^shop[.]" } else { "^/api/[0-9]+$" })]));
            }
            let mut chosen = vec![values[picks[index * 2]]];
            let second = values[picks[index * 2 + 1]];
            if two && second != chosen[0] && kind != "header" {
                chosen.push(second);
            }
            (kind, list(chosen.into_iter().map(|pick| value(kind, pick))))
        };
        kinds.into_iter().enumerate().map(one).collect()
    })
}

/// Who must prove who they are, on listeners that speak HTTPS.
fn login() -> BoxedStrategy<Node> {
    let place = |name: &str| text(format!("https://id.example.com/{name}"));
    let oidc = |more: Vec<(&'static str, Node)>| {
        let endpoints = ["issuer", "authorization_endpoint", "token_endpoint", "user_info_endpoint"];
        let mut all: Vec<_> = endpoints.into_iter().map(|name| (name, place(name))).collect();
        all.extend([("client_id", text("shop")), ("client_secret", map([("env", word("OIDC_SECRET"))]))]);
        map([("oidc", map(all.into_iter().chain(more)))])
    };
    let jwt = map([("jwt", map([("issuer", place("issuer")), ("jwks_endpoint", place("keys"))]))]);
    let more = vec![("session_timeout", word("8h")), ("on_unauthenticated", word("deny"))];
    select(vec![oidc(Vec::new()), oidc(more), jwt]).boxed()
}

pub fn rule() -> impl Strategy<Value = Rule> {
    let rewrite = |pattern: &str, replace: &str| list([map([("match", text(pattern)), ("replace", text(replace))])]);
    let rewrites = select(vec![
        map([("path", rewrite("^/api/(.*)", "/$1"))]),
        map([("host", rewrite("^www[.]", "")), ("path", list([]))]),
    ]);
    let table = [("rewrite", rewrites.boxed()), ("authenticate", login()), ("tags", tags())];
    (1..60_u16, conditions(), action(), fields(&table)).prop_map(|(place, when, action, fields)| Rule {
        place,
        when,
        action,
        fields,
    })
}
