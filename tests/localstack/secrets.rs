//! Marked secrets are sent to AWS and appear nowhere else: not on either stream, not in a saved plan, not in the
//! journal, not in the most talkative log.

use std::path::Path;

use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::wait_for;

const HEADER: &str = "m4rked-0rigin-secret";
/// What stands in AWS instead of the declared value; as secret as the other.
const LIVE: &str = "m4rked-live-secret";

/// The client's secret before logins, by its variable.
const CLIENT: &str = "m4rked-client-secret";
const LOGIN: &str = r#"authenticate: { oidc: { issuer: "https://id.example.com", authorization_endpoint: "https://id.example.com/authorize", token_endpoint: "https://id.example.com/token", user_info_endpoint: "https://id.example.com/me", client_id: shop, client_secret: { env: CLIENT_SECRET } } }"#;

/// A stack with a secret header value, logins before a rule and a default, and an imported key, and the texts that must
/// not be seen.
fn prepared() -> (Stack, Vec<String>) {
    let stack = Stack::prepared();
    let answer = r#"fixed_response: { status: 404, content_type: text/plain, body: "no such site" }"#;
    stack.edit(answer, &format!("{LOGIN}, {answer}"));
    stack.edit("            forward: picky", &format!("            {LOGIN}\n            forward: picky"));
    stack.edit("header: { X-Origin: [ \"cdn\" ] }", "header: { X-Origin: [ { env: ORIGIN_SECRET } ] }");
    let key = std::fs::read_to_string(stack.account.path().join("app.key")).unwrap();
    let mut secrets: Vec<String> =
        key.lines().filter(|l| !l.starts_with("-----")).map(|l| l[..40.min(l.len())].to_owned()).collect();
    assert!(!secrets.is_empty() && secrets.iter().all(|line| line.len() >= 20));
    secrets.extend([HEADER.to_owned(), LIVE.to_owned(), CLIENT.to_owned()]);
    (stack, secrets)
}

/// Every file under a folder that holds one of the texts.
fn holding(folder: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            if path.file_name().is_some_and(|n| n != "app.key") && leaks(&text, secrets) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Whether a text holds a secret, plain or as it is written in a URL or in base64.
fn leaks(text: &str, secrets: &[String]) -> bool {
    secrets.iter().any(|secret| {
        let encoded = secret.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        text.contains(secret) || text.contains(&encoded)
    })
}

#[test]
fn secrets_are_sent_and_not_shown() {
    let (stack, secrets) = prepared();
    let proxy = proxy();
    let run = |args: &[&str]| {
        let program = stack.account.behind(&proxy).env("ORIGIN_SECRET", HEADER).env("CLIENT_SECRET", CLIENT);
        program.env("NO502_LOG", "trace").env("RUST_LOG", "trace").args(args).run()
    };
    let mut outputs = vec![
        run(&["validate", "-vvv"]).exits(0),
        run(&["plan"]).exits(0),
        run(&["plan", "--format", "json", "-vvv"]).exits(0),
        run(&["plan", "--out", "first.json"]).exits(0),
        run(&["show", "first.json", "-v"]).exits(0),
        run(&["show", "first.json", "--format", "json"]).exits(0),
        run(&["apply", "first.json", "-vvv"]).exits(0),
    ];
    let sent: String = proxy.calls().into_iter().map(|call| call.body).collect();
    assert!(sent.contains(HEADER), "the header's secret was not sent, so nothing was tested");
    assert_eq!(sent.matches(CLIENT).count(), 2, "the client's secret was not sent with both logins");
    assert!(proxy.count("ImportCertificate") == 1 && stack.plan_with(HEADER).code == 0);
    drift(&stack);
    outputs.push(run(&["plan", "--detailed-exitcode"]).exits(3));
    outputs.push(run(&["plan", "--format", "json"]).exits(0));
    outputs.push(run(&["check", "--format", "json", "-vv"]));
    assert!(matches!(outputs.last().unwrap().code, 2 | 3));
    outputs.push(run(&["plan", "--out", "second.json"]).exits(0));
    outputs.push(run(&["show", "second.json"]).exits(0));
    outputs.push(run(&["apply", "--yes", "--format", "json", "-vvv"]).exits(0));
    outputs.push(run(&["apply", "second.json"]));
    outputs.push(run(&["plan", "--detailed-exitcode", "-vvv"]).exits(0));
    proxy.calm();
    for address in ["rule/web:443/picky", "listener/web:443", "rule/web:443/api", "certificate/app"] {
        let plan = run(&["plan", "--rotate", address, "-v"]).exits(0);
        assert!(plan.stdout.contains("sent again") && plan.stdout.contains("1 difference"), "{}", plan.all());
        outputs.push(plan);
        outputs.push(run(&["apply", "--yes", "--rotate", address, "-vvv"]).exits(0));
    }
    let sent: String = proxy.calls().into_iter().map(|call| call.body).collect();
    assert!(sent.matches(CLIENT).count() == 2 && sent.contains(HEADER), "not every secret was sent again");
    outputs.push(run(&["plan", "--rotate", "target_group/django"]).exits(1).says("rule/web:443/picky"));
    let leaking: Vec<String> = outputs.iter().filter(|o| leaks(&o.all(), &secrets)).map(|o| o.all()).collect();
    assert!(leaking.is_empty(), "\n{}\n", leaking.join("\n=====\n"));
    assert_eq!(holding(stack.account.path(), &secrets), Vec::<String>::new());
}

impl Stack {
    /// A plan with the header's secret.
    fn plan_with(&self, secret: &str) -> crate::support::program::Run {
        self.account.program().env("ORIGIN_SECRET", secret).args(["plan", "--detailed-exitcode"]).run()
    }
}

/// Puts another value into the rule's header condition.
fn drift(stack: &Stack) {
    use aws_sdk_elasticloadbalancingv2::types::{
        HostHeaderConditionConfig as Host, HttpHeaderConditionConfig as Header, PathPatternConditionConfig as Path,
        RuleCondition as Condition,
    };
    let live = super::fields::live::Live::of(stack);
    let conditions = [
        Condition::builder()
            .field("host-header")
            .host_header_config(Host::builder().values("shop.example.com").build()),
        Condition::builder().field("path-pattern").path_pattern_config(Path::builder().values("/api/*").build()),
        Condition::builder()
            .field("http-header")
            .http_header_config(Header::builder().http_header_name("X-Origin").values(LIVE).build()),
    ];
    live.rule("10", |r| r.set_conditions(Some(conditions.map(|c| c.build()).to_vec())));
}

#[test]
fn a_secret_that_is_not_set_is_an_error_with_its_name() {
    let (stack, _) = prepared();
    stack.account.run(&["plan"]).exits(1).says("ORIGIN_SECRET");
}

#[test]
fn a_secret_that_is_sent_and_not_set_stops_apply_before_it_begins() {
    let (stack, _) = prepared();
    let proxy = proxy();
    let program = stack.account.behind(&proxy).env("ORIGIN_SECRET", HEADER).args(["apply", "--yes"]);
    let run = program.run().exits(1);
    assert!(run.stderr.contains("CLIENT_SECRET"), "{}", run.all());
    assert_eq!(proxy.writes(), Vec::<String>::new());
}

#[test]
fn a_changed_secret_is_a_difference_without_its_value() {
    let (stack, secrets) = prepared();
    let apply = stack.account.program().env("ORIGIN_SECRET", HEADER).env("CLIENT_SECRET", CLIENT);
    let apply = apply.args(["apply", "--yes"]);
    apply.run().exits(0);
    let plan = stack.plan_with(LIVE).exits(3);
    assert!(plan.stdout.contains("when.header"), "{}", plan.all());
    assert!(!leaks(&plan.all(), &secrets), "{}", plan.all());
    let rules = wait_for(
        stack.account.elb.describe_rules().listener_arn(&super::fields::live::Live::of(&stack).listeners[&443]).send(),
    );
    assert!(format!("{:?}", rules.unwrap()).contains(HEADER), "the value on AWS is not the declared one");
}
