//! What good files mean.

use std::path::PathBuf;

use no502::desired::{Inputs, Limit, load, schema};
use no502::model::kind::{Action, Peer};
use no502::model::{Address, FieldPath, Fingerprint, SecretRef, Spec, Text};
use serde_json::{Value, json};

use super::{HEAD, files, good, lines, said, secrets, stdin, with};

fn spec(resolved: &no502::desired::Resolved, address: &str) -> Spec {
    resolved.specs.get(&address.parse().unwrap()).unwrap_or_else(|| panic!("no {address}")).clone()
}

fn json(resolved: &no502::desired::Resolved, address: &str) -> Value {
    let value = serde_json::to_value(spec(resolved, address)).unwrap();
    value.as_object().unwrap().values().next().unwrap().clone()
}

#[test]
fn the_example_is_good_and_every_field_has_its_place() {
    let inputs = Inputs {
        paths: vec![PathBuf::from("desired")],
        stdin: None,
        variables: Default::default(),
        secrets: &secrets,
        now: None,
    };
    let (resolved, warnings) = load(&inputs).unwrap_or_else(|p| panic!("{:#?}", lines(&p)));
    assert_eq!(lines(&warnings), Vec::<String>::new());
    let place = |address: &str, path: &str| {
        let place = resolved.place(&address.parse().unwrap(), &FieldPath::from(path)).unwrap();
        let line = resolved.files.files[0].text.lines().nth(place.line as usize - 1).unwrap();
        line.chars().skip(place.column as usize - 1).take(8).collect::<String>()
    };
    assert_eq!(place("target_group/django", ""), "django: ");
    assert_eq!(place("target_group/django", "health_check.path"), "path: /a");
    assert_eq!(place("listener/web:80", "default.redirect.host"), "redirect");
    assert_eq!(place("rule/web:443/checkout", "forward"), "forward:");
    assert_eq!(place("target/django/10.0.2.10:8000", ""), "\"10.0.2.");
    assert_eq!(place("listener/web:443", "tags.team"), "team: sh");
    assert!(resolved.specs.contains_key(&Address::target("django", "10.0.1.10", Some(8000))));
    assert_eq!(resolved.backends[&Address::target_group("django")].keep_alive, Some(75));
}

#[test]
fn shorthands_become_the_one_internal_form() {
    let resolved = good(&format!(
        "{HEAD}tags: {{ team: shop }}
target_groups:
  a:
    protocol: http
    port: 80
    vpc: vpc-0123456789abcdef0
    target_type: ip
    tags: {{ team: other, x: y }}
    health_check: {{ interval: 1m, port: 8081, success_codes: \"200,201\" }}
    deregistration_delay: 5m
    stickiness: {{ type: app_cookie, duration: 1h, cookie_name: sid }}
    attributes: {{ slow_start.duration_seconds: 60, load_balancing.cross_zone.enabled: true }}
    targets: [\"10.0.0.1:81\", {{ id: 10.9.0.4, zone: all }}]
  b: {{ existing: true }}
load_balancers:
  web:
    existing: true
    listeners:
      443:
        existing: true
        default: {{ forward: {{ to: {{ a: 7 }} }} }}
        rules:
          two: {{ when: {{ path: /b }}, forward: {{ to: {{ a: 1, b: 0 }}, stickiness: 10m }} }}
          one: {{ when: {{ path: /a }}, redirect: {{ protocol: https, status: 302 }} }}
"
    ));
    let group = json(&resolved, "target_group/a");
    assert_eq!(group["vpc"], json!({ "id": "vpc-0123456789abcdef0" }));
    assert_eq!(group["tags"], json!({ "team": "other", "x": "y" }));
    assert_eq!(group["health_check"]["interval"], 60);
    assert_eq!(group["health_check"]["port"], "8081");
    assert_eq!(group["health_check"]["success_codes"], "200-201");
    assert_eq!(
        group["attributes"],
        json!({
            "deregistration_delay.timeout_seconds": "300",
            "load_balancing.cross_zone.enabled": "true",
            "slow_start.duration_seconds": "60",
            "stickiness.app_cookie.cookie_name": "sid",
            "stickiness.app_cookie.duration_seconds": "3600",
            "stickiness.enabled": "true",
            "stickiness.type": "app_cookie",
        })
    );
    assert_eq!(json(&resolved, "target/a/10.0.0.1:81")["port"], 81);
    assert_eq!(json(&resolved, "target/a/10.9.0.4:80")["zone"], "all");
    assert_eq!(json(&resolved, "target_group/b")["tags"], json!({}));
    let listener = spec(&resolved, "listener/web:443");
    let action = listener.listener().unwrap().default.clone().unwrap();
    assert_eq!(action.groups().map(|(g, w)| (g.to_string(), w)).collect::<Vec<_>>(), [("a".to_owned(), 1)]);
    let Some(Action::Redirect(redirect)) = spec(&resolved, "rule/web:443/one").rule().unwrap().action.clone() else {
        panic!("a redirect")
    };
    assert_eq!((redirect.protocol.as_str(), redirect.path.as_str(), redirect.status), ("HTTPS", "/#{path}", 302));
    let order: Vec<String> =
        resolved.rule_order[&Address::listener("web", 443)].iter().map(|a| a.leaf().to_owned()).collect();
    assert_eq!(order, ["two", "one"]);
    let existing: Vec<String> = resolved.existing.iter().map(ToString::to_string).collect();
    assert_eq!(existing, ["target_group/b", "load_balancer/web", "listener/web:443"]);
    assert!(resolved.membership.contains(&Address::target_group("a")));
    assert!(!resolved.membership.contains(&Address::target_group("b")));
    let path = |p: &str| resolved.sources.get(&Address::target_group("a"), p).is_some();
    assert!(path("slow_start") && path("stickiness.duration") && path("attributes.load_balancing.cross_zone.enabled"));
}

#[test]
fn ingress_becomes_one_rule_for_each_port_and_peer() {
    let text = format!(
        "{HEAD}security_groups:
  alb: {{ existing: true, id: sg-0123456789abcdef0, ingress: {{ from: [10.0.0.9/8, \"2001:db8::/32\"], ports: [80, \"90-99\"] }} }}
  app:
    vpc: {{ tags: {{ env: prod }} }}
    description: d
    ingress:
      - {{ from: [alb, self, pl-0123456789, sg-89abcdef], ports: 8000, description: x }}
      - {{ from: 0.0.0.0/0, protocol: all }}
"
    );
    let resolved = good(&text);
    let rules = |name: &str| -> Vec<String> {
        let group = spec(&resolved, name);
        group.security_group().unwrap().ingress.iter().flatten().map(ToString::to_string).collect()
    };
    assert_eq!(
        rules("security_group/alb"),
        ["tcp 80 10.0.0.0/8", "tcp 90-99 10.0.0.0/8", "tcp 80 2001:db8::/32", "tcp 90-99 2001:db8::/32"]
    );
    assert_eq!(
        rules("security_group/app"),
        ["tcp 8000 alb", "tcp 8000 app", "tcp 8000 pl-0123456789", "tcp 8000 sg-89abcdef", "all 0.0.0.0/0"]
    );
    let app = spec(&resolved, "security_group/app");
    assert!(
        matches!(&app.security_group().unwrap().ingress.as_ref().unwrap()[3].peer, Peer::Group(l) if l.id().is_some())
    );
    assert_eq!(resolved.pinned.len(), 1);
    assert_eq!(said(&text).len(), 1, "host bits are a warning");
}

#[test]
fn header_values_may_be_secrets_that_are_compared_by_value() {
    let text = format!(
        "{HEAD}target_groups: {{ a: {{ existing: true }} }}
load_balancers:
  web:
    existing: true
    listeners:
      443:
        existing: true
        rules:
          r:
            when:
              header: [{{ X-Origin-Verify: [{{ env: ORIGIN_SECRET }}] }}, {{ X-B: [a, {{ file: keys/../b.txt }}] }}]
              query: [{{ v: \"2\" }}, beta]
            forward: a
"
    );
    let resolved = good(&text);
    let when = spec(&resolved, "rule/web:443/r").rule().unwrap().when.clone().unwrap();
    let values: Vec<Text> = when.header.iter().flat_map(|h| h.values.iter().cloned()).collect();
    assert!(values.contains(&Text::Plain("a".to_owned())));
    let env = Text::Secret { source: None, fingerprint: Fingerprint::of("s3cret") };
    assert!(values.contains(&env));
    let file = SecretRef::File("b.txt".to_owned());
    assert!(values.iter().any(|v| matches!(v, Text::Secret { source: Some(s), fingerprint } if *s == file && *fingerprint == Fingerprint::default())));
    assert_eq!(when.count(), 5);
    assert!(!format!("{resolved:?}").contains("s3cret"));
}

#[test]
fn files_merge_by_key_and_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let platform = format!(
        "{HEAD}target_groups: {{ a: {{ existing: true }} }}\nload_balancers:\n  web:\n    existing: true\n    listeners:\n      443: {{ existing: true, rules: {{ one: {{ priority: 1, when: {{ path: /1 }}, forward: a }} }} }}\n"
    );
    let team = "version: 1\ntarget_groups: { b: { existing: true } }\nload_balancers:\n  web:\n    listeners:\n      443: { rules: { two: { priority: 2, when: { path: /2 }, forward: b } } }\n";
    let (resolved, _) = files(folder.path(), &[("a.yaml", &platform), ("teams/b.yml", team), (".hidden/c.yaml", "{")])
        .unwrap_or_else(|p| panic!("{:#?}", lines(&p)));
    let place = resolved.place(&"rule/web:443/two".parse().unwrap(), &FieldPath::root()).unwrap();
    assert!(place.file.ends_with("teams/b.yml"), "{place}");
    assert_eq!((place.line, place.column), (6, 23));
    assert_eq!(resolved.rule_order[&Address::listener("web", 443)].len(), 2);

    let again = "target_groups: { a: { existing: true } }\n";
    let said = lines(&files(folder.path(), &[("c.yaml", again)]).expect_err("said twice"));
    assert_eq!(
        said,
        [
            "1:23 error: `existing` is said in two places | said again here | also 5:23 first said here | hint: files merge by key, but each value has one place; keep one of the two"
        ]
    );
    let bare = "target_groups: { c: { existing: true } }\nload_balancers: { web: { listeners: { 443: { rules: { three: { when: { path: /3 }, forward: c } } } } } }\n";
    let said = lines(&files(folder.path(), &[("c.yaml", bare)]).expect_err("no priority"));
    assert!(said[0].starts_with("2:55 error: rule `three` has no priority"), "{said:?}");
}

#[test]
fn rules_of_several_files_need_priorities() {
    let folder = tempfile::tempdir().unwrap();
    let part = |head: &str, rule: &str, group: &str| {
        format!(
            "{head}target_groups: {{ {group}: {{ existing: true }} }}\nload_balancers: {{ web: {{ {e}listeners: {{ 443: {{ {e}rules: {{ {rule}: {{ when: {{ path: /{rule} }}, forward: {group} }} }} }} }} }} }}\n",
            e = if head.is_empty() { "" } else { "existing: true, " }
        )
    };
    let list = [("a.yaml", part(HEAD, "one", "a")), ("b.yaml", part("", "two", "b"))];
    let list: Vec<(&str, &str)> = list.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let said = lines(&files(folder.path(), &list).expect_err("no order"));
    assert!(said[0].contains("rule `two` needs a priority"), "{said:?}");
}

#[test]
fn numbers_and_addresses_have_the_spelling_of_aws() {
    let resolved = good(&format!(
        "{HEAD}target_groups:\n  a:\n    {{ protocol: http, port: 080, vpc: main, target_type: ip, ip_address_type: ipv6, \
         attributes: {{ deregistration_delay.timeout_seconds: 060 }}, targets: [\"2001:DB8:0::1\"] }}\n\
         load_balancers:\n  web:\n    subnets: [subnet-01234567, subnet-89abcdef]\n    listeners:\n      80:\n        \
         protocol: http\n        default: {{ redirect: {{ protocol: https, port: 0443, status: 301 }} }}\n"
    ));
    let group = json(&resolved, "target_group/a");
    assert_eq!(
        (&group["port"], &group["attributes"]["deregistration_delay.timeout_seconds"]),
        (&json!(80), &json!("60"))
    );
    assert_eq!(json(&resolved, "target/a/2001:db8::1:80")["id"], "2001:db8::1");
    assert_eq!(json(&resolved, "listener/web:80")["default"]["redirect"]["port"], "443");
}

#[test]
fn variables_stand_for_texts_and_numbers() {
    let text = format!(
        "{}variables: {{ port: 8000, n: blue }}\naccount: ${{account}}\nsecurity_groups: {{ s: {{ vpc: main, description: \"$${{x}} ${{n}}-${{port}}\" }} }}\ntarget_groups:\n  ${{n}}: {{ protocol: http, port: \"${{port}}\", vpc: main }}\n",
        HEAD.replace("account: \"000000000000\"\n", "")
    );
    let (resolved, warnings) = with(&text, &[("account", "000000000000"), ("port", "81"), ("prot", "1")])
        .unwrap_or_else(|p| panic!("{:#?}", lines(&p)));
    assert_eq!(resolved.account, "000000000000");
    let group = json(&resolved, "target_group/blue");
    let description = &json(&resolved, "security_group/s")["description"];
    assert_eq!((&group["port"], description), (&json!(81), &json!("${x} blue-81")));
    assert_eq!(lines(&warnings), ["warning: no file uses the variable `prot` | hint: did you mean `port`?"]);
}

#[test]
fn anchors_and_merge_keys_and_json_are_yaml() {
    let resolved = good(&format!(
        "{HEAD}target_groups:\n  a: &a {{ protocol: http, port: 80, vpc: main, health_check: &hc {{ path: /a, interval: 10s }} }}\n  b: {{ <<: *a, port: 81, health_check: {{ <<: *hc, path: /b }} }}\n"
    ));
    let b = json(&resolved, "target_group/b");
    assert_eq!(
        (&b["port"], &b["health_check"]["path"], &b["health_check"]["interval"]),
        (&json!(81), &json!("/b"), &json!(10))
    );
    let text = "{\n\t\"version\": 1, \"stack\": \"s\", \"account\": \"000000000000\",\n\t\"region\": \"eu-west-1\",\n\t\"limits\": { \"rules\": \"10%\", \"listeners\": 3 }\n}\n";
    let resolved = good(text);
    assert_eq!((resolved.limits.rules, resolved.limits.listeners), (Limit::Percent(10), Limit::Count(3)));
}

#[test]
fn an_imported_certificate_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params =
        rcgen::CertificateParams::new(vec!["shop.example.com".to_owned(), "*.shop.example.com".to_owned()]).unwrap();
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x0a, 0xbc]));
    let pem = params.self_signed(&key).unwrap().pem();
    let text = format!(
        "{HEAD}certificates:\n  p: {{ import: {{ certificate: certs/p.crt, private_key: {{ file: ./certs/p.key }} }} }}\n"
    );
    let (resolved, _) = files(folder.path(), &[("certs/p.crt", &pem), ("shop.yaml", &text)])
        .unwrap_or_else(|p| panic!("{:#?}", lines(&p)));
    let certificate = json(&resolved, "certificate/p");
    assert_eq!(certificate["names"], json!(["*.shop.example.com", "shop.example.com"]));
    assert_eq!((&certificate["serial"], &certificate["key_algorithm"]), (&json!("abc"), &json!("EC_prime256v1")));
    let file = folder.path().join("certs/p.key").display().to_string();
    assert_eq!(certificate["origin"]["import"]["private_key"], json!({ "file": file }));

    let both = format!("{pem}{}", key.serialize_pem());
    let said = lines(&files(folder.path(), &[("certs/p.crt", &both)]).expect_err("a key"));
    assert!(said[0].starts_with("6:31 error:") && said[0].contains("holds a private key"), "{said:?}");
}

/// The tests' clock stands at 2026-11-22.
#[test]
fn an_imported_certificate_is_within_its_dates() {
    let said = |from: (i32, u8, u8), until: (i32, u8, u8)| {
        let folder = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["shop.example.com".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        let text = format!(
            "{HEAD}certificates:\n  p: {{ import: {{ certificate: p.crt, private_key: {{ file: p.key }} }} }}\n"
        );
        match files(folder.path(), &[("p.crt", &pem), ("shop.yaml", &text)]) {
            Ok((_, warnings)) => lines(&warnings),
            Err(problems) => lines(&problems),
        }
    };
    assert_eq!(said((2026, 1, 1), (2027, 1, 1)), Vec::<String>::new());
    let expired = "6:31 error: the certificate expired on 2026-11-21 | ACM refuses to import it | \
                   hint: put a renewed certificate, and its key, in the place of the file";
    assert_eq!(said((2026, 1, 1), (2026, 11, 21)), [expired]);
    let early = "6:31 error: the certificate is not valid before 2026-11-23 | ACM refuses to import it | \
                 hint: use the present one until then; is this machine's clock right?";
    assert_eq!(said((2026, 11, 23), (2027, 1, 1)), [early]);
}

#[test]
fn the_schema_describes_every_key() {
    fn walk(value: &Value, path: &str, undocumented: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                if property.get("description").is_none() && !path.ends_with("attributes") {
                    undocumented.push(format!("{path}.{key}"));
                }
            }
        }
        match value {
            Value::Object(map) => {
                // what a schema excludes is described where it is allowed
                let said = map.iter().filter(|(k, _)| *k != "not" && *k != "allOf");
                said.for_each(|(k, v)| walk(v, &format!("{path}.{k}"), undocumented));
            }
            Value::Array(list) => list.iter().for_each(|v| walk(v, path, undocumented)),
            _ => {}
        }
    }
    let schema = schema();
    let mut undocumented = Vec::new();
    walk(&schema, "", &mut undocumented);
    assert_eq!(undocumented, Vec::<String>::new());
    assert_eq!(schema["properties"]["version"]["maximum"], 1);
    assert!(stdin("version: 1").is_err());
}
