//! E807: a login cannot work: the load balancer does not reach the provider, or was given other settings.

use std::collections::BTreeSet;

use super::super::traffic::starting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, drift};
use crate::desired::Part;
use crate::model::kind::{Authenticate, LoadBalancer, Peer};
use crate::model::value::IpAddressType;
use crate::model::{Address, FieldChange, Kind};

/// Settings of a login without which it fails.
const VITAL: &[&str] = &[
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "user_info_endpoint",
    "client_id",
    "user_pool_arn",
    "user_pool_client_id",
    "user_pool_domain",
];

const STACK: &str = r#"
certificates:
  app: { domain: shop.example.com, validation: dns }
security_groups:
  alb:
    vpc: main
    description: front
    ingress: [ { from: 0.0.0.0/0, ports: [443] } ]
    egress: [ { to: 10.0.0.0/16, ports: [8000] }, { to: 0.0.0.0/0, ports: [443] } ]
    exclusive: [ egress ]
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [alb]
    ip_address_type: dualstack
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default:
          authenticate: { cognito: { user_pool_arn: "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_1", user_pool_client_id: shop, user_pool_domain: shop } }
          forward: django
"#;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E807",
    name: "oidc-failing",
    severity: Severity::High,
    needs: &[],
    also: &[Need::Live, Need::Logs],
    summary: "a login cannot work: the provider is out of reach, or its settings drifted",
    explain: EXPLAIN,
    bad: Situation {
        text: "public IPv4 addresses were saved on: the load balancer reaches no provider any more",
        desired: STACK,
        live: "
load_balancers:
  web:
    ip_address_type: dualstack-without-public-ipv4
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the load balancer reaches the provider on port 443", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
To log a user in, the load balancer itself calls the provider's token endpoint and user-info endpoint over HTTPS; for
signed tokens it fetches the keys. It needs a way there: port 443 in the outbound rules of its security groups, and a
public IPv4 address or a NAT gateway, since these calls use IPv4.

What clients see: users without a session get 500 after their login when an endpoint cannot be reached or answers later
than 5 s, 561 when the provider refuses: a wrong secret, a wrong client. Users with a session are served until it ends,
so the failures begin slowly.

How to tell: metrics ELBAuthError and ELBAuthFailure; the access log's `error_reason` begins with Auth. The rule looks
at outbound rules, the address type and, where a file declares the login, at endpoints and client. Outbound rules to
some networks only are left out: the provider may be there. So is the client's secret, which AWS never tells.

How to mend it: let a security group of the load balancer reach TCP 443; give it public IPv4 addresses or NAT again; set
the declared endpoints and client.

Sources: ELB user guide \"Authenticate users using an Application Load Balancer\", \"Troubleshoot your Application Load
Balancers\" (HTTP 500, HTTP 561), \"Access logs\"; API AuthenticateOidcActionConfig.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let mut found: Vec<Finding> = evidence.load_balancers().flat_map(|(lb, spec)| reach(evidence, lb, spec)).collect();
    let places = evidence.listeners().map(|(a, _)| a).chain(evidence.rules().map(|(a, _)| a));
    found.extend(places.filter_map(|address| settings(evidence, address)));
    found.extend(logged(evidence));
    found
}

/// Where a load balancer asks for a login.
fn logins<'e>(evidence: &'e Evidence, lb: &Address) -> BTreeSet<&'e Address> {
    let asks = |login: &Option<Authenticate>| login.as_ref().is_some_and(|login| *login != Authenticate::None);
    let listeners = evidence.listeners_of(lb).collect::<Vec<_>>();
    let mut places = BTreeSet::new();
    for (address, listener) in listeners {
        if asks(&listener.authenticate) {
            places.insert(address);
        }
        places.extend(
            evidence.rules_of(address).into_iter().filter(|(_, rule)| asks(&rule.authenticate)).map(|(a, _)| a),
        );
    }
    places
}

/// The load balancer cannot reach any provider.
fn reach(evidence: &Evidence, lb: &Address, spec: &LoadBalancer) -> Vec<Finding> {
    let places = logins(evidence, lb);
    let Some(first) = places.first() else { return Vec::new() };
    let mut found = Vec::new();
    let login = format!("{}authenticate", if first.kind == Kind::Listener { "default." } else { "" });
    let detail = "Users who log in get 500; those who are logged in are served until their session ends.";
    if spec.ip_address_type == Some(IpAddressType::DualstackWithoutPublicIpv4) {
        let finding = RULE
            .finding(Severity::High, lb, "ip_address_type")
            .titled(format!("{} has no public IPv4 address to reach a login's provider with", lb.name))
            .detailed(detail)
            .evident(lb, "ip_address_type", spec.ip_address_type)
            .evident(first, &login, true)
            .mended_by("declare ip_address_type: dualstack, or give its subnets a NAT gateway")
            .declaring(lb, "ip_address_type", IpAddressType::Dualstack);
        found.push(finding);
    }
    let groups = spec.security_groups.iter().flatten();
    let shut: Option<Vec<&Address>> =
        groups.map(|link| link.address().filter(|group| is_shut(evidence, group))).collect();
    if let Some((door, _)) = shut.as_deref().and_then(<[_]>::split_first) {
        let mut finding = RULE
            .finding(Severity::High, door, "egress")
            .titled(format!("{} may not reach TCP 443 outside, and a login needs it", lb.name))
            .detailed(detail)
            .evident(first, &login, true)
            .mended_by(format!("let security group {} reach TCP 443 of the provider", door.name));
        for group in shut.iter().flatten() {
            let rules = evidence.security_group(group).and_then(|group| group.egress.as_ref());
            let rules: Vec<String> = rules.into_iter().flatten().map(ToString::to_string).collect();
            finding = finding.evident(group, "egress", rules);
        }
        found.push(finding);
    }
    found
}

/// Whether a group lets nothing out on TCP 443 but to other groups. What the files say of outbound rules is all there
/// is only if they say so.
fn is_shut(evidence: &Evidence, group: &Address) -> bool {
    let whole =
        evidence.has(Need::Live) || evidence.desired.is_some_and(|desired| desired.is_exclusive(group, Part::Egress));
    let rules = evidence.security_group(group).and_then(|group| group.egress.as_ref()).filter(|_| whole);
    let leads_out = |peer: &Peer| match peer {
        Peer::Cidr(_) | Peer::PrefixList(_) => true,
        Peer::Group(_) => false,
    };
    rules.is_some_and(|rules| !rules.iter().any(|rule| rule.admits_tcp(443) && leads_out(&rule.peer)))
}

/// The login is not the declared one in what it needs to work.
fn settings(evidence: &Evidence, address: &Address) -> Option<Finding> {
    let vital = |change: &FieldChange| {
        let path = change.path.as_str();
        // what a wrong token gets is 401, no 5xx
        path.contains("authenticate.")
            && !path.contains(".jwt.")
            && path.rsplit('.').next().is_some_and(|leaf| VITAL.contains(&leaf))
    };
    let fields: Vec<FieldChange> = drift::fields(evidence, address).into_iter().filter(vital).collect();
    let first = fields.first().filter(|_| !evidence.pending.contains(address))?;
    let leaf = first.path.as_str().rsplit('.').next().unwrap_or_default();
    let mut finding = RULE
        .finding(Severity::High, address, first.path.as_str())
        .titled(format!("the login's {leaf} is not the file's"))
        .detailed("Users who log in get 561 or 500; those who are logged in are served until their session ends.")
        .mended_by("set the login's settings as in the file")
        .declaring(address, first.path.as_str(), &first.desired);
    for field in &fields {
        finding = finding.evident(address, field.path.as_str(), &field.live);
    }
    Some(finding)
}

/// What access logs say of it; nothing without them.
fn logged(evidence: &Evidence) -> Vec<Finding> {
    starting(evidence, Kind::LoadBalancer, &["Auth"])
        .map(|seen| {
            let calls = seen.reasons.iter().any(|reason| reason.contains("Ep"));
            let fix = if calls {
                "let the load balancer out to the provider on port 443, and check that its endpoints answer within 5 s"
            } else {
                "check the client secret and the redirect URL; `no502 apply --rotate RULE` sends the secret again"
            };
            seen.finding(&RULE, Severity::High)
                .titled(format!("{} failed: {}", seen.times("login"), seen.named()))
                .detailed("Some clients cannot log in and get 561, 500 or 401; sessions that exist go on.")
                .mended_by(fix)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::situation::Logged;
    use super::super::super::testing::{World, admits, at, cidr, link};
    use super::*;
    use crate::model::kind::{Cognito, Login};
    use crate::model::traffic::Shape;

    fn login(pool: &str) -> Authenticate {
        let (user_pool_client_id, user_pool_domain) = ("shop".to_owned(), "shop".to_owned());
        let login = Login::default();
        Authenticate::Cognito(Cognito { user_pool_arn: pool.to_owned(), user_pool_client_id, user_pool_domain, login })
    }

    fn world(egress: Vec<crate::model::kind::TrafficRule>) -> World {
        let mut world = World::seed();
        world.listener(443).authenticate = Some(login("a"));
        let Some(crate::model::Spec::SecurityGroup(group)) = world.live.get_mut(&at("security_group/alb")) else {
            panic!("no group")
        };
        group.egress = Some(egress);
        world
    }

    #[test]
    fn only_groups_that_let_nothing_out_on_443_are_shut() {
        let to_app = || admits(Peer::Group(link("security_group/app")), 443);
        for (rules, found) in [
            (vec![], 1),
            (vec![to_app()], 1),
            (vec![admits(cidr("0.0.0.0/0"), 8000)], 1),
            (vec![to_app(), admits(cidr("0.0.0.0/0"), 443)], 0),
            (vec![admits(cidr("192.0.2.0/24"), 443)], 0),
            (vec![admits(Peer::PrefixList("pl-1".to_owned()), 443)], 0),
        ] {
            let world = world(rules.clone());
            assert_eq!(world.judge().iter().filter(|f| f.rule == "E807").count(), found, "{rules:?}");
        }
        let mut without = world(vec![]);
        without.listener(443).authenticate = None;
        assert!(without.judge().iter().all(|f| f.rule != "E807"));
    }

    #[test]
    fn another_pool_than_declared_fails_logins() {
        let mut world = world(vec![admits(cidr("0.0.0.0/0"), 443)]);
        let mut declared = world.listener(443).clone();
        declared.authenticate = Some(login("b"));
        world.desired.specs.insert(at("listener/web:443"), declared.into());
        let finding = world.judge().into_iter().find(|f| f.rule == "E807").unwrap();
        assert_eq!(finding.title, "the login's user_pool_arn is not the file's");
        assert_eq!(finding.field.as_str(), "default.authenticate.cognito.user_pool_arn");
    }

    #[test]
    fn logins_that_failed_in_access_logs_tell_what_to_look_at() {
        for (at, reason, fix) in [
            ("load_balancer/web", "AuthTokenEpRequestTimeout", Some("let the load balancer out")),
            ("load_balancer/web", "AuthInvalidGrantError", Some("check the client secret")),
            ("load_balancer/web", "WAFConnectionTimeout", None),
            ("target_group/django", "AuthInvalidGrantError", None),
        ] {
            let mut world = World::seed();
            world.logged = vec![Logged { at, requests: 1_000, shape: Shape::Login, count: 31, reason }];
            let found: Vec<Finding> = world.judge().into_iter().filter(|f| f.rule == RULE.code).collect();
            assert_eq!(found.len(), usize::from(fix.is_some()), "{reason} {at}: {found:#?}");
            for (finding, fix) in found.iter().zip(fix) {
                assert_eq!(finding.title, format!("31 logins failed: {reason}"));
                assert!(finding.severity == Severity::High && finding.fix.text.starts_with(fix), "{finding:#?}");
                assert_eq!(finding.evidence[0].value, format!("31 of 1000 requests: {reason}"));
            }
        }
    }
}
