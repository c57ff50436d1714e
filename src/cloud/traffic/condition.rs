//! Whether a rule takes a request: kinds of conditions are ANDed, values within a kind ORed.
//!
//! Host names, header values and query strings are compared whatever their letter case, paths and methods as they
//! are; a path condition sees no query. Sources: user guide "Condition types for listener rules", "Regex matching";
//! API `RuleCondition`. What the pages leave open is "cannot tell": the value of a hidden secret, an expression that
//! we do not understand, a query parameter without `=`.

use std::collections::BTreeSet;

use ipnet::IpNet;
use regex_lite::{Regex, RegexBuilder};

use super::request::Request;
use super::wildcard::{takes, takes_any_case, takes_escaped};
use crate::model::kind::{Conditions, HeaderCondition, QueryMatch, Rule};
use crate::model::{Fingerprint, Text};

/// Yes, no, or not to be told from what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It may.
    CannotTell,
}

impl Fits {
    pub(super) const fn known(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
    /// All must; an empty list does.
    pub(super) fn all(list: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for one in list {
            match one {
                Self::No => return Self::No,
                Self::CannotTell => all = Self::CannotTell,
                Self::Yes => {}
            }
        }
        all
    }
    /// One must; an empty list does not.
    pub(super) fn any(list: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::No;
        for one in list {
            match one {
                Self::Yes => return Self::Yes,
                Self::CannotTell => any = Self::CannotTell,
                Self::No => {}
            }
        }
        any
    }
}

/// Whether a rule takes a request.
pub(super) fn rule(rule: &Rule, request: &Request) -> Fits {
    let Some(when) = &rule.when else { return Fits::CannotTell };
    let beyond = if rule.beyond.is_empty() { Fits::Yes } else { Fits::CannotTell };
    Fits::all([conditions(when, request), beyond])
}

/// Whether conditions take a request; none at all take every one.
pub fn conditions(when: &Conditions, request: &Request) -> Fits {
    let Conditions { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = when;
    let some = |set: &BTreeSet<String>, one: &dyn Fn(&str) -> Fits| {
        if set.is_empty() { Fits::Yes } else { Fits::any(set.iter().map(|value| one(value))) }
    };
    // the cheap ones first: an expression is read only where nothing else says no
    let plain = Fits::all([
        some(host, &|pattern| Fits::known(takes_any_case(pattern, &request.host))),
        some(path, &|pattern| Fits::known(takes(pattern, &request.path))),
        some(method, &|value| Fits::known(value == request.method)),
        some(source_ip, &|net| source(net, request)),
        Fits::all(header.iter().map(|condition| headers(condition, request, value_fits))),
        Fits::all(query.iter().map(|set| Fits::any(set.iter().map(|one| parameter(one, &request.query))))),
    ]);
    if plain == Fits::No {
        return Fits::No;
    }
    Fits::all([
        plain,
        some(host_regex, &|pattern| expression(pattern, &request.host, true)),
        some(path_regex, &|pattern| expression(pattern, &request.path, false)),
        Fits::all(header_regex.iter().map(|condition| headers(condition, request, value_matches))),
    ])
}

fn source(net: &str, request: &Request) -> Fits {
    net.parse::<IpNet>().map_or(Fits::CannotTell, |net| Fits::known(net.contains(&request.source)))
}

fn headers(condition: &HeaderCondition, request: &Request, one: fn(&Text, &Text) -> Fits) -> Fits {
    let named = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&condition.name));
    Fits::any(named.flat_map(|(_, sent)| condition.values.iter().map(move |value| one(value, sent))))
}

/// A secret value is known by its fingerprint only: it may have wildcards, so another text may fit as well.
fn value_fits(pattern: &Text, sent: &Text) -> Fits {
    match (pattern, sent) {
        (Text::Plain(pattern), Text::Plain(sent)) => Fits::known(takes_any_case(pattern, sent)),
        (Text::Plain(pattern), Text::Secret { .. }) if pattern == "*" => Fits::Yes,
        (Text::Plain(_), Text::Secret { .. }) => Fits::CannotTell,
        (Text::Secret { fingerprint, .. }, sent) => {
            let same = match sent {
                Text::Plain(sent) => *fingerprint == Fingerprint::of(sent),
                Text::Secret { fingerprint: sent, .. } => fingerprint == sent,
            };
            if same && *fingerprint != Fingerprint::default() { Fits::Yes } else { Fits::CannotTell }
        }
    }
}

fn value_matches(pattern: &Text, sent: &Text) -> Fits {
    match (pattern, sent) {
        (Text::Plain(pattern), Text::Plain(sent)) => expression(pattern, sent, true),
        (Text::Secret { .. }, _) | (_, Text::Secret { .. }) => Fits::CannotTell,
    }
}

/// Whether an expression is found in a text. Where the letter case decides and AWS does not say whether it counts,
/// nobody can tell.
fn expression(pattern: &str, text: &str, case_is_open: bool) -> Fits {
    let found =
        |built: Result<Regex, _>| built.map_or(Fits::CannotTell, |regex: Regex| Fits::known(regex.is_match(text)));
    let exact = found(Regex::new(pattern));
    if !case_is_open {
        return exact;
    }
    let loose = found(RegexBuilder::new(pattern).case_insensitive(true).build());
    if exact == loose { exact } else { Fits::CannotTell }
}

/// A value without a key is looked for under any key.
fn parameter(one: &QueryMatch, query: &str) -> Fits {
    Fits::any(query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match (pair.split_once('='), &one.key) {
        (Some((key, value)), Some(wanted)) => {
            Fits::known(takes_escaped(wanted, key) && takes_escaped(&one.value, value))
        }
        (Some((_, value)), None) => Fits::known(takes_escaped(&one.value, value)),
        (None, Some(wanted)) => {
            let may = takes_escaped(wanted, pair) && takes_escaped(&one.value, "");
            if may { Fits::CannotTell } else { Fits::No }
        }
        (None, None) => {
            let may = takes_escaped(&one.value, pair) || takes_escaped(&one.value, "");
            if may { Fits::CannotTell } else { Fits::No }
        }
    }))
}
