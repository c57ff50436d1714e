//! No edge is decoration: without the edges of one reason, and with each step that waited run as early as it may,
//! something breaks that the table names. A reason that the table does not know fails as well.

use std::collections::{BTreeMap, BTreeSet};

use no502::cloud::{Facts, Snapshot};
use no502::model::kind::{Conditions, Rule};
use no502::model::tag::ID_TAG;
use no502::model::{Id, Spec};
use no502::plan::Plan;

use super::world::{planned, read, secrets};
use super::zero::{Between, Wrong, certificate_mut, without_wrong};
use super::{account, laws};

/// What breaks without an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Breaks {
    /// AWS refuses a step.
    Refused,
    /// A request is lost.
    Lost,
    /// A redirect leads nowhere.
    DeadEnd,
    /// A mark says what is not so.
    Marked,
    /// There is no room for a rule.
    Crowded,
    /// Requests go to targets that are not known to be healthy.
    Unready,
    /// Requests under way are cut off.
    Cut,
    /// A gate never opens.
    Stuck,
    /// A health check decides unproven.
    Unproven,
    /// A group that stays is gone for a while.
    Missing,
}

/// Every reason for an edge, and what breaks without it.
const EDGES: &[(&str, Breaks)] = &[
    ("it needs the id that step creates", Breaks::Refused),
    ("a resource is marked only once it is in sync", Breaks::Marked),
    ("targets leave only once the declared ones are registered and healthy", Breaks::Lost),
    ("targets leave only once the requests that they got go elsewhere", Breaks::Lost),
    ("one write at a time to a resource, each checked against what was planned", Breaks::Refused),
    ("the network closes last: what still uses it would answer 504", Breaks::Lost),
    ("what takes its requests is there first", Breaks::Lost),
    ("AWS deletes a target group only once nothing forwards to it", Breaks::Refused),
    ("AWS deletes a security group only once nothing uses it", Breaks::Refused),
    ("a target that cannot be reached fails its health checks and answers 504", Breaks::Lost),
    ("a rule sends requests to a group only once it is set up and its targets are registered", Breaks::Stuck),
    ("a listener needs a certificate that is issued", Breaks::Lost),
    ("priorities are free only once the rules that held them have moved", Breaks::Refused),
    ("a redirect to a name whose certificate is not there yet fails in the handshake", Breaks::DeadEnd),
    ("a redirect to a listener that is not there yet sends clients into a refused connection", Breaks::DeadEnd),
    ("AWS takes a login only on a listener that speaks HTTPS", Breaks::Refused),
    ("AWS refuses plain HTTP as long as a rule has a login", Breaks::Refused),
    ("a request must not fall through to another rule that goes", Breaks::Lost),
    ("AWS takes 100 rules on a load balancer: there is no room before one goes", Breaks::Crowded),
    ("requests go to a group only once its targets are known to be ready", Breaks::Unready),
    ("requests under way may end only while the old group is attached", Breaks::Cut),
    ("targets leave once no new request comes to them", Breaks::Lost),
    ("a group is deleted once its targets have left it", Breaks::Stuck),
    ("the old group goes once the new one is there", Breaks::Missing),
    ("a health check that fails on healthy targets takes them out of service", Breaks::Unproven),
    ("the copy goes once it has proven the health check", Breaks::Unproven),
    ("in another order some requests would for a while meet neither the old rule nor the new one", Breaks::Lost),
    (
        "in another order some requests would for a while pass neither the old security groups nor the new ones",
        Breaks::Lost,
    ),
];

/// A live view and a file that lead to a plan with some edges.
struct Case {
    live: String,
    wanted: String,
    bend: fn(&mut Snapshot),
}

const HEAD: &str = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\n";
const TLS: &str = "protocol: https, ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06";
const LOGIN: &str =
    "authenticate: { jwt: { issuer: \"https://id.example.com/\", jwks_endpoint: \"https://id.example.com/keys\" } }";

fn case(live: impl Into<String>, wanted: impl Into<String>) -> Case {
    Case { live: live.into(), wanted: wanted.into(), bend: |_| {} }
}

/// A load balancer with these listeners and more fields.
fn balancer(more: &str, listeners: &str) -> String {
    let subnets = "subnets: [subnet-0a1b2c30, subnet-0a1b2c31]";
    format!("load_balancers: {{ web: {{ {subnets}{more}, listeners: {{ {listeners} }} }} }}\n")
}

/// Its listener on port 80 with this default and these rules.
fn plain(default: &str, rules: &str) -> String {
    balancer("", &format!("80: {{ protocol: http, default: {{ {default} }}, rules: {{ {rules} }} }}"))
}

fn secure(more: &str, rules: &str) -> String {
    let arn = account::CERTIFICATE;
    let default = "default: { fixed_response: { status: 404 } }";
    balancer("", &format!("443: {{ {TLS}, certificate: \"{arn}\", {default}, rules: {{ {rules} }}{more} }}"))
}

/// Two groups with these targets.
fn groups(blue: &str, green: &str) -> String {
    let one = |name: &str, targets: &str| {
        format!("  {name}: {{ target_type: ip, protocol: http, port: 80, vpc: vpc-0a1b2c3d, targets: [{targets}] }}\n")
    };
    format!("target_groups:\n{}{}", one("blue", blue), one("green", green))
}

fn doors(a: &str, b: &str) -> String {
    let head = "vpc: vpc-0a1b2c3d, exclusive: [ingress]";
    format!("security_groups:\n  a: {{ {head}, description: a{a} }}\n  b: {{ {head}, description: b{b} }}\n")
}

const NOT_FOUND: &str = "fixed_response: { status: 404 }";
const OK: &str = "fixed_response: { status: 200 }";

const ANSWER: &str = "80: { protocol: http, default: { fixed_response: { status: 200 } } }";

fn rule(name: &str, more: &str, path: &str, action: &str) -> String {
    format!("{name}: {{ {more}when: {{ path: \"{path}\" }}, {action} }}")
}

fn of_rules() -> Vec<Case> {
    let many = |list: &[String]| plain(NOT_FOUND, &list.join(", "));
    let hundred: Vec<String> = (1..=100).map(|n| rule(&format!("r{n}"), "", &format!("/{n}"), OK)).collect();
    let mut other = hundred.clone();
    other[99] = rule("r101", "", "/101", OK);
    vec![
        // a rule under another name
        case(many(&[rule("old", "priority: 1, ", "/x", OK)]), many(&[rule("new", "priority: 2, ", "/x*", OK)])),
        // a place that another rule leaves
        case(
            many(&[rule("a", "priority: 1, ", "/a", OK)]),
            many(&[rule("b", "priority: 1, ", "/b", OK), rule("a", "priority: 2, ", "/a", OK)]),
        ),
        // the second answers 503 to what the first takes, the default in the end serves it
        case(
            plain(OK, &[rule("a", "", "/x", OK), rule("b", "", "/*", "fixed_response: { status: 503 }")].join(", ")),
            plain(OK, ""),
        ),
        case(many(&hundred), many(&other)),
        // the default stops serving what a rule will serve
        case(
            plain(OK, &rule("other", "", "/y", OK)),
            plain(NOT_FOUND, &[rule("other", "", "/y", OK), rule("x", "", "/x", OK)].join(", ")),
        ),
        case(secure("", &rule("a", "", "/x", &format!("{LOGIN}, {OK}"))), {
            let rules = rule("a", "", "/x", &format!("authenticate: none, {OK}"));
            balancer("", &format!("443: {{ protocol: http, default: {{ {NOT_FOUND} }}, rules: {{ {rules} }} }}"))
        }),
        case(
            balancer(
                "",
                &format!(
                    "443: {{ protocol: http, default: {{ {NOT_FOUND} }}, rules: {{ {} }} }}",
                    rule("a", "", "/x", OK)
                ),
            ),
            secure("", &rule("a", "", "/x", &format!("{LOGIN}, {OK}"))),
        ),
    ]
}

/// Groups that take each other's place, and a health check that changes.
fn of_replacements() -> Vec<Case> {
    let healthy = |live: String, wanted: String| Case { bend: all_healthy, ..case(live, wanted) };
    let other = |groups: &str| groups.replacen("port: 80", "port: 81", 1);
    let one = groups("10.0.1.10, 10.0.1.11", "");
    let rule = |action: &str| plain(NOT_FOUND, &rule("a", "", "/x", action));
    let sticky = "forward: { to: { blue: 1 }, stickiness: 10m }";
    let lone = |name: &str| {
        format!(
            "target_groups: {{ {name}: {{ {}, port: 80, targets: [10.0.1.10] }} }}\n",
            "target_type: ip, protocol: http, vpc: vpc-0a1b2c3d"
        )
    };
    let check = |path: &str| one.replacen("port: 80", &format!("port: 80, health_check: {{ path: {path} }}"), 1);
    vec![
        healthy(one.clone() + &rule("forward: blue"), other(&one) + &rule("forward: blue")),
        // nobody's requests go there
        healthy(one.clone() + &rule(OK), other(&one) + &rule(OK)),
        // there is no new group
        healthy(lone("blue") + &rule("forward: blue"), rule(OK)),
        // clients stick to it, and are sent elsewhere
        healthy(lone("blue") + &rule(sticky), rule(OK)),
        healthy(one.clone() + &rule(sticky), other(&one) + &rule(sticky)),
        healthy(check("/a") + &rule("forward: blue"), check("/b") + &rule("forward: blue")),
        // a run was stopped that was about to drain it, and now its listener goes as well
        Case { bend: staged, ..case(lone("blue") + &rule("forward: blue"), balancer("", "")) },
    ]
}

/// A rule that no request matches keeps the group attached.
fn staged(live: &mut Snapshot) {
    all_healthy(live);
    let rule = live.rules().next().unwrap().1.clone();
    let tags = [(ID_TAG.to_owned(), "shop:rule/web:80/@stage-blue".to_owned())].into();
    let rule = Rule { priority: Some(50_000), when: Some(Conditions::of_nobody()), tags, ..rule };
    live.insert(
        Id("arn:aws:elasticloadbalancing:simulated:000000000000:listener-rule/staged".into()),
        rule,
        Facts::None,
    );
}

/// AWS has found every target healthy.
fn all_healthy(live: &mut Snapshot) {
    super::world::check_health(live, &[true]);
}

/// The new security groups do not let requests out to targets that the listener leaves.
fn of_doors() -> Case {
    let open = "ingress: [{ from: 0.0.0.0/0, ports: 80 }]";
    let one =
        |name: &str, more: &str| format!("  {name}: {{ vpc: vpc-0a1b2c3d, description: {name}, {open}{more} }}\n");
    let doors = format!("security_groups:\n{}{}", one("a", ""), one("b", ", exclusive: [egress], egress: []"));
    let web = |door: &str, default: &str| {
        let listener = format!("80: {{ protocol: http, default: {{ {default} }} }}");
        doors.clone() + &groups("10.0.1.10", "") + &balancer(&format!(", security_groups: [{door}]"), &listener)
    };
    case(web("a", "forward: blue"), web("b", OK))
}

fn of_groups() -> Vec<Case> {
    let to = |group: &str| plain(NOT_FOUND, &rule("a", "", "/x", &format!("forward: {group}")));
    vec![
        // the other group gets its targets in the same plan, and the first loses its own
        case(groups("10.0.1.10", "") + &to("blue"), groups("10.0.1.10", "10.0.1.11") + &to("green")),
        case(groups("10.0.1.10", "10.0.1.11") + &to("blue"), groups("", "10.0.1.11") + &to("green")),
        case(groups("10.0.1.10", "") + &to("blue"), groups("10.0.1.11", "") + &to("blue")),
        case(groups("10.0.1.10", "10.0.1.11") + &to("blue"), plain(NOT_FOUND, "")),
        // other doors
        case(
            doors(", ingress: [{ from: 0.0.0.0/0, ports: 80 }]", ", ingress: []")
                + &balancer(", security_groups: [a]", ANSWER),
            doors(", ingress: []", ", ingress: [{ from: 0.0.0.0/0, ports: 80 }]")
                + &balancer(", security_groups: [b]", ANSWER),
        ),
        case(
            doors("", "") + &balancer(", security_groups: [a, b]", ANSWER),
            "security_groups:\n  a: { vpc: vpc-0a1b2c3d, description: a }\n".to_owned()
                + &balancer(", security_groups: [a]", ANSWER),
        ),
    ]
}

fn of_certificates() -> Vec<Case> {
    let app = "certificates:\n  app: { domain: shop.example.com, validation: dns }\n";
    let partner = |renewed: bool| {
        let (file, key) = (account::pem(renewed), "private_key: { env: PARTNER_KEY }");
        format!("certificates:\n  partner: {{ import: {{ certificate: \"{file}\", {key} }} }}\n")
    };
    let listener = |certificate: &str| {
        let arn = account::CERTIFICATE;
        let certificate = if certificate.is_empty() { arn } else { certificate };
        balancer("", &format!("443: {{ {TLS}, certificate: \"{certificate}\", default: {{ {OK} }} }}"))
    };
    let redirect = "redirect: { protocol: https, port: 443, status: 301 }";
    let both = |sni: &str, action: &str| {
        let of = |port: u16, more: &str| format!("{port}: {{ {more} }}");
        let shop = format!("shop: {{ when: {{ host: shop.example.com }}, {action} }}");
        let tls = format!("{TLS}, certificate: \"{}\"{sni}, default: {{ {OK} }}", account::CERTIFICATE);
        let http = format!("protocol: http, default: {{ {OK} }}, rules: {{ {shop} }}");
        balancer("", &format!("{}, {}", of(80, &http), of(443, &tls)))
    };
    let mut expired = case(partner(false) + &listener(""), partner(true) + &listener("partner"));
    expired.bend = |live| {
        if let Facts::Certificate(facts) = &mut certificate_mut(live, "partner.example.org").facts {
            facts.status = "EXPIRED".into();
        }
        if let Spec::Certificate(legacy) = &mut certificate_mut(live, "legacy.example.com").spec {
            legacy.names.as_mut().unwrap().insert("partner.example.org".into());
        }
    };
    vec![
        expired,
        case(both("", OK), app.to_owned() + &both(", sni_certificates: [app]", redirect)),
        // encryption comes, and a certificate by server name with it
        case(
            app.to_owned() + &balancer("", &format!("443: {{ protocol: http, default: {{ {OK} }} }}")),
            app.to_owned() + &secure(", sni_certificates: [app]", ""),
        ),
        case(plain(OK, ""), {
            let tls = format!("443: {{ {TLS}, certificate: \"{}\", default: {{ {OK} }} }}", account::CERTIFICATE);
            balancer("", &format!("80: {{ protocol: http, default: {{ {redirect} }} }}, {tls}"))
        }),
    ]
}

impl Case {
    fn plan(&self) -> (Snapshot, Plan) {
        let empty = account::empty();
        let desired = read(&format!("{HEAD}{}", self.live), &secrets());
        let mut before = laws::converges(&desired, &empty, &planned(&desired, &empty), 0).0;
        (self.bend)(&mut before);
        let desired = read(&format!("{HEAD}{}", self.wanted), &secrets());
        let plan = planned(&desired, &before);
        laws::sound(&plan);
        (before, plan)
    }
}

const fn breaks(wrong: &Wrong) -> Breaks {
    match wrong {
        Wrong::Refused(_) => Breaks::Refused,
        Wrong::Lost(_) => Breaks::Lost,
        Wrong::DeadEnd(_) => Breaks::DeadEnd,
        Wrong::Marked => Breaks::Marked,
        Wrong::Crowded => Breaks::Crowded,
        Wrong::Unready(_) => Breaks::Unready,
        Wrong::Cut(_) => Breaks::Cut,
        Wrong::Stuck(_) => Breaks::Stuck,
        Wrong::Unproven => Breaks::Unproven,
        Wrong::Missing(_) => Breaks::Missing,
    }
}

#[test]
fn every_edge_prevents_what_the_table_says() {
    let mut found: BTreeMap<String, BTreeSet<Breaks>> = BTreeMap::new();
    for case in
        of_rules().into_iter().chain(of_groups()).chain(of_certificates()).chain(of_replacements()).chain([of_doors()])
    {
        let (before, plan) = case.plan();
        let mut between = Between::of(&before, &plan);
        between.follows = true;
        let usual = between.wrong(&plan.steps, |_| 0);
        if let Some((step, wrong)) = usual {
            panic!("with all edges, after `{step}`: {wrong}\n{}", case.wanted);
        }
        let reasons: BTreeSet<&str> = plan.steps.iter().flat_map(|s| &s.after).map(|a| a.why.as_str()).collect();
        for why in reasons {
            found.entry(why.to_owned()).or_default().extend(without_wrong(&between, why).iter().map(breaks));
        }
    }
    let told = |why: &str| EDGES.iter().find(|(text, _)| *text == why);
    let unknown: Vec<_> = found.keys().filter(|why| told(why).is_none()).collect();
    assert!(unknown.is_empty(), "reasons that the table does not know: {unknown:#?}");
    let idle: Vec<_> =
        EDGES.iter().filter(|(why, how)| !found.get(*why).is_some_and(|all| all.contains(how))).collect();
    assert!(idle.is_empty(), "nothing of the kind breaks without these: {idle:#?}\n{found:#?}");
}

/// Every reason that a plan gives is in the table.
pub fn known(plan: &Plan) {
    for after in plan.steps.iter().flat_map(|step| &step.after) {
        assert!(EDGES.iter().any(|(why, _)| *why == after.why), "a reason that the table does not know: {}", after.why);
    }
}
