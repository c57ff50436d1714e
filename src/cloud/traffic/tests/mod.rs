//! Requests and what becomes of them, as a table.

mod estate;

use std::collections::BTreeSet;

use super::{Answer, Destination, Ends, Entry, Fits, Outcome, Request, Roads, Scheme, conditions, outcome, witnesses};
use crate::model::{Id, Text};
use estate::{id, snapshot};

/// `METHOD URL [Name:value…] [@source] [sni=name]`, sent to `web` unless the host begins with another's name and `!`.
fn request(text: &str) -> Request {
    let mut words = text.split(' ');
    let method = words.next().unwrap().to_owned();
    let url = words.next().unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (to, rest) = rest.split_once('!').unwrap_or(("web", rest));
    let (authority, rest) = rest.split_at(rest.find('/').unwrap());
    let https = scheme == "https";
    let (host, port) = authority.split_once(':').unwrap_or((authority, if https { "443" } else { "80" }));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut request = Request {
        load_balancer: id(to),
        port: port.parse().unwrap(),
        scheme: if https { Scheme::Https { server_name: Some(host.to_owned()) } } else { Scheme::Http },
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        method,
        headers: Vec::new(),
        source: "203.0.113.7".parse().unwrap(),
    };
    for word in words {
        if let Some(source) = word.strip_prefix('@') {
            request.source = source.parse().unwrap();
        } else if let Some(name) = word.strip_prefix("sni=") {
            let server_name = (!name.is_empty()).then(|| name.to_owned());
            request.scheme = Scheme::Https { server_name };
        } else {
            let (name, value) = word.split_once(':').unwrap();
            request.headers.push((name.to_owned(), Text::Plain(value.to_owned())));
        }
    }
    request
}

fn last(list: &[Id]) -> String {
    list.iter().map(|id| id.as_str().rsplit('/').next().unwrap_or_default()).collect::<Vec<_>>().join(",")
}

fn destination(one: &Destination) -> String {
    let ends = match &one.ends {
        Ends::Ready(targets) => format!("[{}]", last(targets)),
        Ends::FailsOpen(targets) => format!("[open {}]", last(targets)),
        Ends::Function(_) => "[function]".to_owned(),
        Ends::Error(cause) => format!("[{} {cause:?}]", cause.status()),
        Ends::CannotTell => "[?]".to_owned(),
    };
    format!("{}*{}{ends}", one.group, one.weight)
}

/// An outcome in short: certificate, rule, login, answer.
fn said(outcome: &Outcome) -> String {
    let mut words = Vec::new();
    if let Some(handshake) = &outcome.handshake {
        let fits = match handshake.fits {
            Fits::Yes => "",
            Fits::No => "!",
            Fits::CannotTell => "?",
        };
        let names: Vec<&str> = handshake.certificates.iter().map(Id::as_str).collect();
        words.push(format!("{}{fits}", names.join("|")));
    }
    if let Some(rule) = &outcome.rule {
        words.push(format!("#{}", rule.as_str().rsplit('/').next().unwrap()));
    }
    match outcome.login {
        Some(Entry::Token) => words.push("token".to_owned()),
        Some(Entry::Denied | Entry::Allowed | Entry::SentToLogin) => words.push("login".to_owned()),
        None => {}
    }
    words.push(match &outcome.answer {
        Answer::Refused => "refused".to_owned(),
        Answer::Dropped => "dropped".to_owned(),
        Answer::OtherProtocol => "other protocol".to_owned(),
        Answer::Redirect { status, to } => format!("{status} {to}"),
        Answer::Fixed(status) => status.to_string(),
        Answer::Error(cause) => format!("{} {cause:?}", cause.status()),
        Answer::Unknown(_) => "?".to_owned(),
        Answer::Forward(list) => list.iter().map(destination).collect::<Vec<_>>().join(" "),
    });
    words.join(" ")
}

const TABLE: &[(&str, &str)] = &[
    // listeners, protocols, doors
    ("GET http://a.example/", "404"),
    ("GET http://a.example:81/", "refused"),
    ("GET https://shop.example.com:80/", "other protocol"),
    ("GET http://shop.example.com:443/", "other protocol"),
    ("GET http://dark!a.example/", "?"),
    ("GET http://nobody!a.example/", "refused"),
    ("GET http://shy!a.example/", "dropped"),
    ("GET http://shy!a.example/ @198.51.100.9", "200"),
    ("GET http://shy!a.example/ @10.0.0.77", "200"),
    // not to be told: it is private, and its groups are not known; so it may come in
    ("GET http://shy!a.example/ @10.0.0.78", "200"),
    ("GET http://a.example/ @2001:db9::1", "404"),
    // certificates
    ("GET https://shop.example.com/", "shop healthy*1[1]"),
    ("GET https://a.shop.example.com/", "shop healthy*1[1]"),
    ("GET https://a.b.shop.example.com/", "shop! healthy*1[1]"),
    ("GET https://SHOP.example.COM/", "shop healthy*1[1]"),
    ("GET https://example.com/", "shop! healthy*1[1]"),
    ("GET https://a.example/ sni=", "shop healthy*1[1]"),
    ("GET https://a.example/ sni=ec.example.com", "api-ec healthy*1[1]"),
    ("GET https://api.example.com/", "api-ec healthy*1[1]"),
    ("GET https://twin.example.com/", "twin|twin-2 healthy*1[1]"),
    ("GET https://old.example.com/", "twin healthy*1[1]"),
    ("GET https://stale.example.com/", "stale! healthy*1[1]"),
    ("GET https://a.example:444/", "nobody-knows|shop? 200"),
    // conditions: host, path, method
    ("GET http://shop.example.com/both", "#10 200"),
    ("GET http://x.SHOP.example.com/both", "#10 200"),
    ("GET http://shop.example.com/Both", "404"),
    ("GET http://example.com/both", "404"),
    ("GET http://api1.example.com/", "#20 200"),
    ("GET http://api.example.com/", "404"),
    ("GET http://api12.example.com/", "404"),
    ("GET http://a.example/img/a/b/thumb", "#30 200"),
    ("GET http://a.example/img//thumb?x", "#30 200"),
    ("GET http://a.example/img/thumb", "404"),
    ("GET http://a.example/A", "#30 200"),
    ("GET http://a.example/a", "404"),
    ("PUT http://a.example/", "#40 200"),
    ("put http://a.example/", "404"),
    // conditions: headers
    ("GET http://a.example/ user-agent:Mozilla-CURL/8", "#50 200"),
    ("GET http://a.example/ Accept:curl", "404"),
    ("GET http://a.example/secret X-KEY:s3cret", "#60 200"),
    ("GET http://a.example/secret X-Key:other", "?"),
    ("GET http://a.example/secret", "404"),
    ("GET http://a.example/other X-Key:other", "404"),
    // conditions: query
    ("GET http://a.example/?V=2", "#70 200"),
    ("GET http://a.example/?v=22", "404"),
    ("GET http://a.example/?x=*&any=betaMax", "#80 200"),
    ("GET http://a.example/?x=y&any=beta", "404"),
    ("GET http://a.example/?x=*&beta", "?"),
    // conditions: client networks, expressions, parts that are not known
    ("GET http://a.example/ @192.0.2.200", "#90 200"),
    ("GET http://a.example/ @2001:db8:1::1", "#90 200"),
    ("GET http://a.example/v12/x", "#100 200"),
    ("GET http://a.example/vx/", "404"),
    ("GET http://Old.example/", "#110 200"),
    ("GET http://old.example/", "?"),
    ("GET http://odd.example/", "?"),
    ("GET http://odd.example/beyond", "?"),
    ("GET http://a.example/beyond", "?"),
    // what nobody can tell of an earlier rule leaves the later ones open
    ("GET http://old.example/late", "?"),
    ("GET http://a.example/late", "#140 200"),
    ("GET http://a.example/login", "#150 token 200"),
    // the first that fits decides
    ("PUT http://shop.example.com/both", "#10 200"),
    ("PUT http://api1.example.com/A", "#20 200"),
    // actions
    ("GET http://a:8080/healthy", "#1 healthy*1[1]"),
    ("GET http://a:8080/sick", "#2 sick*1[open 4,5]"),
    ("GET http://a:8080/starting", "#3 starting*1[open 7]"),
    ("GET http://a:8080/empty", "#4 503 NoTargets"),
    ("GET http://a:8080/leaving", "#5 503 NoneInUse"),
    ("GET http://a:8080/unused", "#6 unused*1[open 9]"),
    ("GET http://a:8080/stopped", "#7 503 NoneInUse"),
    ("GET http://a:8080/function", "#8 function*1[function]"),
    ("GET http://a:8080/split", "#9 healthy*9[1] sick*1[open 4,5]"),
    ("GET http://a:8080/half", "#10 empty*1[503 NoTargets] healthy*1[1]"),
    ("GET http://a:8080/nothing", "#11 503 NoWeight"),
    ("GET http://a:8080/alone", "#12 healthy*1[1]"),
    ("GET http://a:8080/both-empty", "#13 503 NoTargets"),
    ("GET http://a:8080/elsewhere", "#14 somebody's*1[?]"),
    ("GET http://a:8080/unread", "#15 unread*1[?]"),
    ("GET http://a:8080/threshold", "#16 threshold*1[open 1,2,3]"),
    ("GET http://a:8080/shut", "#17 504 Unreachable"),
    ("GET http://a:8080/secure/x?y=1", "#18 301 https://a:443/secure/x?y=1"),
    ("GET http://a:8080/parts/x", "#19 301 http://www.a:8080/to/parts/x/8080"),
    ("GET http://a:8080/query?#{host}", "#20 301 http://a:8080/q?from=query&#{host}"),
    ("GET http://a:8080/broken", "#22 503"),
    ("GET http://a:8080/gone", "#23 404"),
    ("GET http://a:8080/other", "healthy*1[1]"),
];

#[test]
fn requests_meet_what_aws_says() {
    let live = snapshot();
    assert!(TABLE.len() >= 60);
    let found: Vec<String> = TABLE.iter().map(|(text, _)| said(&outcome(&live, &request(text)))).collect();
    let wrong: Vec<_> = TABLE.iter().zip(&found).filter(|((_, expected), found)| expected != found).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_redirect_has_a_longest_url() {
    let long = format!("GET http://a:8080/long{}", "x".repeat(8 * 1024));
    assert_eq!(said(&outcome(&snapshot(), &request(&long))), "#21 507 LongRedirect");
}

#[test]
fn a_request_is_worth_what_its_clients_get() {
    let live = snapshot();
    let worth = |text: &str| outcome(&live, &request(text)).worth();
    let [gone, broken, secure, half, whole] =
        ["gone", "broken", "secure/x", "half", "healthy"].map(|at| worth(&format!("GET http://a:8080/{at}")).unwrap());
    assert!(whole.at_least(half) && !half.at_least(whole) && whole.at_least(secure) && secure.at_least(gone));
    assert!(gone.is_served() && !broken.is_served() && !secure.at_least(half) && half.worse(secure).is_served());
    assert_eq!(worth("GET http://a:8080/unread"), None);
    assert_eq!(worth("GET http://dark!a/"), None);
}

#[test]
fn outcomes_and_requests_are_said_in_words() {
    let live = snapshot();
    let text = "GET https://example.com:444/x?y=1 A:b @192.0.2.1";
    assert_eq!(request(text).to_string(), "GET https://example.com:444/x?y=1 with A: b from 192.0.2.1");
    for (text, words) in [
        ("GET https://example.com/", "a certificate that does not fit, then healthy"),
        ("GET http://a:8080/half", "503: the group has no targets (empty), healthy"),
        ("GET http://a:8080/nothing", "503: every group has weight 0"),
        ("GET http://a:81/", "a refused connection: nothing listens on the port"),
    ] {
        assert_eq!(outcome(&live, &request(text)).to_string(), words);
    }
}

#[test]
fn witnesses_meet_every_rule_and_miss_it() {
    let live = snapshot();
    let roads = Roads::of(&live);
    for ((balancer, port), listener) in roads.listeners() {
        let all = witnesses(&[(&live, &roads)], balancer, *port);
        assert_eq!(all, witnesses(&[(&live, &roads), (&live, &roads)], balancer, *port));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for rule in roads.rules_of(listener) {
            let when = live.found[rule].spec.rule().unwrap().when.as_ref().unwrap();
            // what we cannot read has no witness
            let readable = !when.path_regex.iter().any(|pattern| pattern.contains("(?="));
            let fits = |wanted| all.iter().any(|request| conditions(when, request) == wanted);
            assert!(fits(Fits::Yes) || !readable, "{rule} is never met");
            assert!(fits(Fits::No), "{rule} is never missed");
        }
        let rules: BTreeSet<_> = all.iter().map(|request| outcome(&live, request).rule).collect();
        assert!(rules.contains(&None) || rules.is_empty(), "the default of {listener} is never met: {rules:?}");
    }
    let names: BTreeSet<String> = witnesses(&[(&live, &roads)], &id("web"), 443).into_iter().map(|r| r.host).collect();
    for name in ["shop.example.com", "any.shop.example.com", "api.example.com", "ec.example.com", "stale.example.com"] {
        assert!(names.contains(name), "{names:?}");
    }
    assert!(witnesses(&[(&live, &roads)], &id("web"), 81).is_empty());
}
