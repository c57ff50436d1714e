//! Whether conditions take every request that others take: proven, or not.
//!
//! Each kind is proven by itself, each value by one value of the other side (networks by all of them together). What
//! takes more than that to see is not proven: an expression covers only the very same expression, a value that only
//! several patterns together cover counts as not covered. So the answer is never wrong in saying yes.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::wildcard::{includes, includes_any_case, includes_escaped};
use crate::model::kind::{Conditions, HeaderCondition, QueryMatch};
use crate::model::{Fingerprint, Text};

/// Whether, provably, every request that meets `narrow` meets `wide`.
pub fn covers(wide: &Conditions, narrow: &Conditions) -> bool {
    let Conditions { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = wide;
    let same = |wide: &str, narrow: &str| wide == narrow;
    texts(host, &narrow.host, &["*"], includes_any_case)
        // every path begins so
        && texts(path, &narrow.path, &["*", "/*"], includes)
        && texts(method, &narrow.method, &[], same)
        && texts(host_regex, &narrow.host_regex, &[], same)
        && texts(path_regex, &narrow.path_regex, &[], same)
        && networks(source_ip, &narrow.source_ip)
        && header.iter().all(|one| narrow.header.iter().any(|other| header_covers(one, other, value_includes)))
        && header_regex.iter().all(|one| narrow.header_regex.iter().any(|other| header_covers(one, other, value_is)))
        && query.iter().all(|set| narrow.query.iter().any(|other| query_covers(set, other)))
}

/// No values at all take every text, as these do; else every value of `narrow` needs one of `wide`.
fn texts(
    wide: &BTreeSet<String>,
    narrow: &BTreeSet<String>,
    all: &[&str],
    includes: impl Fn(&str, &str) -> bool,
) -> bool {
    if wide.is_empty() || wide.iter().any(|value| all.contains(&value.as_str())) {
        return true;
    }
    !narrow.is_empty() && narrow.iter().all(|value| wide.iter().any(|other| includes(other, value)))
}

/// A network may be covered by several that lie side by side.
fn networks(wide: &BTreeSet<String>, narrow: &BTreeSet<String>) -> bool {
    if wide.is_empty() {
        return true;
    }
    let all: Vec<IpNet> = wide.iter().filter_map(|net| net.parse::<IpNet>().ok()).map(|net| net.trunc()).collect();
    let joined = IpNet::aggregate(&all);
    let covered = |net: IpNet| joined.iter().any(|wide| wide.contains(&net));
    if narrow.is_empty() {
        return ["0.0.0.0/0", "::/0"].into_iter().filter_map(|net| net.parse().ok()).all(covered);
    }
    narrow.iter().all(|net| net.parse::<IpNet>().is_ok_and(|net| covered(net.trunc())))
}

fn header_covers(wide: &HeaderCondition, narrow: &HeaderCondition, includes: fn(&Text, &Text) -> bool) -> bool {
    let covered = |value: &Text| wide.values.iter().any(|other| includes(other, value));
    wide.name.eq_ignore_ascii_case(&narrow.name) && narrow.values.iter().all(covered)
}

fn value_includes(wide: &Text, narrow: &Text) -> bool {
    match (wide, narrow) {
        (Text::Plain(wide), Text::Plain(narrow)) => includes_any_case(wide, narrow),
        (Text::Plain(wide), Text::Secret { .. }) => wide == "*",
        (Text::Secret { .. }, _) => value_is(wide, narrow),
    }
}

/// The very same value. A secret one is known by its fingerprint, if at all.
fn value_is(wide: &Text, narrow: &Text) -> bool {
    match (wide, narrow) {
        (Text::Plain(wide), Text::Plain(narrow)) => wide == narrow,
        (Text::Secret { source: of_wide, fingerprint: wide }, Text::Secret { source, fingerprint }) => {
            let same_source = of_wide.is_some() && of_wide == source;
            wide == fingerprint && (same_source || *wide != Fingerprint::default())
        }
        (Text::Plain(_), Text::Secret { .. }) | (Text::Secret { .. }, Text::Plain(_)) => false,
    }
}

fn query_covers(wide: &BTreeSet<QueryMatch>, narrow: &BTreeSet<QueryMatch>) -> bool {
    narrow.iter().all(|one| wide.iter().any(|other| parameter_covers(other, one)))
}

fn parameter_covers(wide: &QueryMatch, narrow: &QueryMatch) -> bool {
    let key = match (&wide.key, &narrow.key) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => includes_escaped(wide, narrow),
        // what AWS makes of a parameter without `=` is not told
        (Some(_), None) => false,
    };
    key && includes_escaped(&wide.value, &narrow.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(words: &str) -> Conditions {
        let mut all = Conditions::default();
        for (kind, value) in words.split(' ').filter_map(|word| word.split_once(':')) {
            let text = value.to_owned();
            match kind {
                "host" => all.host.insert(text),
                "path" => all.path.insert(text),
                "host_regex" => all.host_regex.insert(text),
                "path_regex" => all.path_regex.insert(text),
                "method" => all.method.insert(text),
                "net" => all.source_ip.insert(text),
                "a" | "A" | "b" => {
                    all.header.insert(HeaderCondition { name: kind.to_owned(), values: [Text::Plain(text)].into() })
                }
                "query" => {
                    let (key, value) = value.split_once('=').map_or((None, value), |(k, v)| (Some(k.to_owned()), v));
                    all.query.insert([QueryMatch { key, value: value.to_owned() }].into())
                }
                other => panic!("{other}"),
            };
        }
        all
    }

    #[test]
    fn what_is_proven() {
        for (wide, narrow) in [
            ("", ""),
            ("", "host:a path:/x method:GET net:10.0.0.0/8 a:1 query:v=2 path_regex:^/x$"),
            ("path:/*", "host:a"),
            ("path:/*", "path_regex:^/x"),
            ("host:*", ""),
            ("host:*.Example.com", "host:a.example.COM path:/x"),
            ("path:/a/* path:/b", "path:/a/b/* path:/b"),
            ("method:GET method:HEAD", "method:GET"),
            ("path_regex:^/x$", "path_regex:^/x$ host:a"),
            ("net:10.0.0.0/9 net:10.128.0.0/9", "net:10.0.0.0/8"),
            ("net:0.0.0.0/0 net:::/0", ""),
            ("a:*", "A:1 b:2"),
            ("query:v=*", "query:v=2"),
            ("query:2*", "query:v=2"),
            (r"query:v=\*", r"query:V=\*"),
        ] {
            assert!(covers(&when(wide), &when(narrow)), "{wide} over {narrow}");
        }
        for (wide, narrow) in [
            ("host:a", ""),
            ("path:/a/*", "path:/a"),
            ("path:/A/*", "path:/a/x"),
            ("path:/a* path:/b", "path:/*"),
            ("path:/?", "path:/*"),
            ("path:/x", "path_regex:^/x$"),
            ("path_regex:.*", "path:/x"),
            ("method:GET", "method:GET method:POST"),
            ("net:0.0.0.0/0", ""),
            ("net:10.0.0.0/8", "net:10.0.0.0/7"),
            ("a:1", "b:1"),
            ("a:1 b:2", "a:1"),
            ("query:v=2", "query:2"),
            (r"query:v=\*", "query:v=*"),
        ] {
            assert!(!covers(&when(wide), &when(narrow)), "{wide} over {narrow}");
        }
    }

    #[test]
    fn secrets_are_covered_by_themselves_only() {
        let header = |value: Text| Conditions {
            header: [HeaderCondition { name: "X".to_owned(), values: [value].into() }].into(),
            ..Conditions::default()
        };
        let hidden = |value: &str| header(Text::Plain(value.to_owned()).hidden());
        let unknown = header(Text::Secret { source: None, fingerprint: Fingerprint::default() });
        assert!(covers(&hidden("a"), &hidden("a")) && covers(&header(Text::Plain("*".to_owned())), &hidden("a")));
        assert!(!covers(&hidden("a"), &hidden("b")) && !covers(&unknown, &unknown));
        assert!(!covers(&hidden("a"), &header(Text::Plain("a".to_owned()))), "it may have wildcards of its own");
    }
}
