//! What a probed target's failing health check, or its failing requests, are put down to.
//!
//! Several rules could explain one failure. [`cause`] decides for one of them; the rules that know no more than the
//! answer's code (E101, E102) and the reason code (E103, E105) keep what it leaves open.

use super::checked::Checked;
use crate::model::Address;
use crate::model::kind::Target;
use crate::model::value::{Protocol, ProtocolVersion};
use crate::probe::observation::{Answer, Exchange, Handshake, Outcome, Preface};
use crate::probe::{Observations, Server};

/// gRPC's code for a method that a server does not have.
pub(super) const UNIMPLEMENTED: u16 = 12;

/// What a failure is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// E106: it is answered, later than the check waits.
    Late,
    /// E108: redirected.
    Redirected,
    /// E109: the Host header is refused.
    Host,
    /// E110: a login is asked for.
    Login,
    /// E111: only the check's path fails, not the server.
    Dependency,
    /// E118: nothing there speaks HTTP.
    NoHttp,
    /// E201 or E202: group and target disagree on TLS.
    Protocol,
    /// E203 or E204: group and target disagree on the version of HTTP, or the target on gRPC.
    Version,
    /// E204: the target has no such method.
    Method,
    /// E208: the target speaks TLS 1.3 only.
    Tls13,
    /// E209: the target wants a server name.
    ServerName,
    /// E210: the target wants a client certificate.
    ClientCertificate,
    /// E211: the target waits for the PROXY protocol.
    ProxyProtocol,
    /// E701 or E702: the answer is malformed, or its headers are too large.
    Malformed,
    /// E707: a proxy on the target answers for the application on this path only.
    Inner,
    /// E510: the target listens on loopback only.
    Loopback,
    /// No rule's: the target speaks an older TLS than a probe can.
    OlderTls,
}

/// The cause that a probe gives for a target's failing health check; nothing where it passes, was not probed, or
/// the answer's code says all there is to say.
pub(super) fn cause(group: &Checked<'_>, address: &Address, target: &Target) -> Option<Cause> {
    let saw = group.evidence.probed.get(address)?;
    let codes = group.codes();
    let check = saw.health_check(codes.as_ref()).filter(|check| !check.passes(codes.as_ref()))?;
    let passes = |other: &Option<Exchange>| other.as_ref().is_some_and(|one| one.passes(codes.as_ref()));
    let late = check.outcome == Outcome::TimedOut;
    if passes(&saw.again) || saw.health_checks.iter().any(|check| check.passes(codes.as_ref())) {
        // now and then: what else passed meanwhile proves nothing
        return late.then_some(Cause::Late);
    }
    if group.group.protocol_version.is_some_and(|version| version != ProtocolVersion::Http1)
        && speaks_other(group, saw, check)
    {
        return of_protocol(group, saw, check);
    }
    if let Some(version) = of_version(group, saw, check) {
        return Some(version);
    }
    if passes(&saw.proxy_protocol) {
        return Some(Cause::ProxyProtocol);
    }
    if passes(&saw.public_host) {
        return Some(Cause::Host);
    }
    if is_of_check_protocol(group, saw, check) {
        return None;
    }
    let protocol = of_protocol(group, saw, check);
    match &check.outcome {
        Outcome::Answer(answer) if answer.is_malformed() => Some(Cause::Malformed),
        Outcome::Answer(answer) => of_answer(group, answer.status, check, saw).or(protocol),
        Outcome::Refused => of_refusal(group, target, saw),
        Outcome::Endless => Some(Cause::Malformed),
        Outcome::Unreachable(_) | Outcome::Unconnected => Some(Cause::NoHttp),
        Outcome::TlsFailed(_) => of_tls(group, saw).or(protocol).or(Some(Cause::NoHttp)),
        Outcome::Garbage(_) => protocol.or(Some(Cause::NoHttp)),
        Outcome::Reset | Outcome::Closed | Outcome::TimedOut => {
            let other = match (answers(saw.root.as_ref()), late && passes(&saw.patient)) {
                (true, _) => Cause::Dependency,
                (false, true) => Cause::Late,
                (false, false) => Cause::NoHttp,
            };
            demands_certificate(group, saw).then_some(Cause::ClientCertificate).or(protocol).or(Some(other))
        }
    }
}

/// The cause that a probe gives for failing requests to a target that passes its health check.
pub(super) fn cause_of_request(group: &Checked<'_>, saw: &Observations) -> Option<Cause> {
    let codes = group.codes();
    saw.health_check(codes.as_ref()).filter(|check| check.passes(codes.as_ref()))?;
    let request = saw.request.as_ref()?;
    let protocol =
        saw.other_request.as_ref().is_some_and(|other| answers_otherwise(group.traffic_protocol(), request, other));
    let protocol = protocol.then_some(Cause::Protocol);
    match &request.outcome {
        Outcome::TlsFailed(_) => of_tls(group, saw).or(protocol),
        Outcome::Answer(answer) if answer.status != 400 => None,
        Outcome::Answer(_)
        | Outcome::Reset
        | Outcome::Closed
        | Outcome::TimedOut
        | Outcome::Garbage(_)
        | Outcome::Endless => protocol,
        Outcome::Refused | Outcome::Unreachable(_) | Outcome::Unconnected => None,
    }
}

fn answers(exchange: Option<&Exchange>) -> bool {
    exchange.is_some_and(|one| one.answer().is_some())
}

/// Whether what failed in this protocol is answered in the other one. Any answer within TLS proves TLS; a plain 400 may
/// be that of a port that speaks TLS, unless it answered the handshake in plain words.
fn answers_otherwise(protocol: Protocol, failed: &Exchange, other: &Exchange) -> bool {
    let spoke = failed.status().is_none_or(|status| status == 400);
    spoke
        && other.status().is_some_and(|status| match protocol {
            Protocol::Http => true,
            Protocol::Https => status != 400 || failed.is_no_tls(),
        })
}

/// The health check is answered in the other one of HTTP and HTTPS only.
fn speaks_other(group: &Checked<'_>, saw: &Observations, check: &Exchange) -> bool {
    saw.other_protocol.as_ref().is_some_and(|other| answers_otherwise(group.protocol(), check, other))
}

/// The health check's protocol is wrong, and the group's is not: that is E105.
fn is_of_check_protocol(group: &Checked<'_>, saw: &Observations, check: &Exchange) -> bool {
    group.speaks_otherwise() && speaks_other(group, saw, check)
}

/// The health check's protocol is wrong, and so is the group's.
fn of_protocol(group: &Checked<'_>, saw: &Observations, check: &Exchange) -> Option<Cause> {
    (!group.speaks_otherwise() && speaks_other(group, saw, check)).then_some(Cause::Protocol)
}

fn of_version(group: &Checked<'_>, saw: &Observations, check: &Exchange) -> Option<Cause> {
    let newer = matches!(group.group.protocol_version, Some(ProtocolVersion::Http2 | ProtocolVersion::Grpc));
    let old = matches!(saw.http2, Some(Preface::Http1(_) | Preface::Closed | Preface::Garbage(_) | Preface::TimedOut));
    let reached = match &check.outcome {
        Outcome::Refused | Outcome::Unconnected | Outcome::Unreachable(_) => false,
        // TLS is spoken, HTTP/2 within it is not (RFC 7301)
        Outcome::TlsFailed(why) => why.contains("NoApplicationProtocol"),
        Outcome::Answer(_)
        | Outcome::Reset
        | Outcome::Closed
        | Outcome::TimedOut
        | Outcome::Garbage(_)
        | Outcome::Endless => true,
    };
    let grpc = check.answer().filter(|_| group.grpc());
    match grpc.map(|answer| answer.grpc_status) {
        Some(None) => Some(Cause::Version),
        Some(Some(UNIMPLEMENTED)) => Some(Cause::Method),
        Some(Some(_)) => None,
        None => (newer && old && reached).then_some(Cause::Version),
    }
}

fn of_answer(group: &Checked<'_>, status: u16, check: &Exchange, saw: &Observations) -> Option<Cause> {
    let answer = check.answer()?;
    let login = answer.location.as_deref().is_some_and(|to| leads_to_login(to, group.path()));
    let works = |one: &Exchange| one.status().is_some_and(|status| status < 500);
    match status {
        400 | 401 | 403 if demands_certificate(group, saw) && answer.authenticate.is_none() => {
            Some(Cause::ClientCertificate)
        }
        400 if refuses_every_host(group, check, saw) => Some(Cause::Host),
        401 | 403 | 407 => Some(Cause::Login),
        300..400 if login => Some(Cause::Login),
        300..400 if answer.location.is_some() => Some(Cause::Redirected),
        _ if answer.authenticate.is_some() => Some(Cause::Login),
        502 | 504 if is_of_proxy(answer) && saw.root.as_ref().is_some_and(works) => Some(Cause::Inner),
        500.. if saw.root.as_ref().is_some_and(works) => Some(Cause::Dependency),
        _ => None,
    }
}

/// Whether a proxy says that it made this answer itself.
pub(super) fn is_of_proxy(answer: &Answer) -> bool {
    answer.server.as_deref().and_then(|name| name.parse().ok()).is_some_and(Server::is_proxy)
}

/// Whether every path and every Host that was tried gets the same 400, and not for want of TLS: so answers Django with
/// empty ALLOWED_HOSTS, and behind a proxy that passes its own name on.
fn refuses_every_host(group: &Checked<'_>, check: &Exchange, saw: &Observations) -> bool {
    let refused = |one: &Exchange| one.status() == Some(400);
    let root = saw.root.as_ref().is_some_and(refused);
    root && saw.public_host.as_ref().is_none_or(refused) && !speaks_other(group, saw, check)
}

/// Whether a redirect from a path goes to a login page, and not to the same path or one that is as much of a login.
pub(super) fn leads_to_login(location: &str, path: &str) -> bool {
    let (location, path) = (location.to_ascii_lowercase(), path.to_ascii_lowercase());
    let words = ["login", "signin", "sign-in", "sign_in", "/auth", "oauth", "/sso", "saml", "openid"];
    words.iter().any(|word| location.contains(word) && !path.contains(word))
}

/// Nobody listens. On another port than the traffic's that is E103, unless the traffic port is dead as well.
fn of_refusal(group: &Checked<'_>, target: &Target, saw: &Observations) -> Option<Cause> {
    let bound = group.evidence.backend(group.address).and_then(|backend| backend.bind.as_deref());
    if answers(saw.loopback.as_ref()) || bound.is_some_and(is_loopback) {
        return Some(Cause::Loopback);
    }
    match group.off_port(target) {
        Some(_) if answers(saw.request.as_ref()) || group.other_port().is_some() => None,
        Some(_) | None => Some(Cause::NoHttp),
    }
}

/// Whether an address to listen on, `host:port`, is one that only its own machine reaches.
pub(super) fn is_loopback(bind: &str) -> bool {
    let host = bind.rsplit_once(':').map_or(bind, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn of_tls(group: &Checked<'_>, saw: &Observations) -> Option<Cause> {
    let tls = saw.tls.as_ref()?;
    let done = |handshake: &Option<Handshake>| handshake.as_ref().is_some_and(Handshake::is_done);
    let names = |handshake: &Option<Handshake>| {
        // the alert that says so (RFC 6066)
        matches!(handshake, Some(Handshake::Failed(why)) if why.contains("UnrecognisedName"))
    };
    match (done(&tls.up_to_12), done(&tls.up_to_13), done(&tls.named) || names(&tls.up_to_13)) {
        (false, true, _) => Some(Cause::Tls13),
        (false, false, true) => Some(Cause::ServerName),
        _ if demands_certificate(group, saw) => Some(Cause::ClientCertificate),
        _ if saw.speaks_older_tls() => Some(Cause::OlderTls),
        _ => None,
    }
}

/// Whether the target asks for a client certificate, and serves nobody who has none.
fn demands_certificate(group: &Checked<'_>, saw: &Observations) -> bool {
    let serves = |one: &Option<Exchange>| one.as_ref().and_then(Exchange::status).is_some_and(|status| status < 400);
    let checked = group.protocol() == Protocol::Https && (serves(&saw.root) || serves(&saw.public_host));
    let requested = group.traffic_protocol() == Protocol::Https && serves(&saw.request);
    saw.tls.as_ref().is_some_and(|tls| tls.asks_certificate) && !checked && !requested
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::testing::World;
    use super::*;

    const OK: &str = r#"{ "outcome": { "answer": { "status": 200 } } }"#;

    fn https(world: &mut World) {
        for group in [true, false] {
            let group = if group { world.group() } else { world.desired_group() };
            (group.protocol, group.health_check.protocol) = (Some(Protocol::Https), Some(Protocol::Https));
        }
    }

    #[test]
    fn a_login_is_what_the_path_was_not() {
        assert!(leads_to_login("/accounts/login/?next=/health/", "/health/"));
        assert!(!leads_to_login("/auth/health/", "/auth/health"), "the slash is missing");
        assert!(!leads_to_login("https://10.0.1.10/oauth/healthz", "/oauth/healthz"));
        assert!(leads_to_login("/auth/login", "/auth/health"));
    }

    #[test]
    fn what_passes_when_asked_again_was_not_refused() {
        let mut world = World::seed();
        let failed = r#"{ "host": "10.0.1.10:8000", "outcome": { "answer": { "status": 503 } } }"#;
        world.saw(&format!(r#"{{ "health_checks": [{OK}, {failed}], "public_host": {OK}, "proxy_protocol": {OK}, "root": {OK}, "again": {OK} }}"#));
        assert_eq!(world.only().rule, "E101", "the answer's code is all there is to say");
        world.saw(&format!(
            r#"{{ "health_checks": [{{ "outcome": "timed_out" }}], "public_host": {OK}, "again": {OK} }}"#
        ));
        assert_eq!(world.only().rule, "E106");
        world.saw(&format!(r#"{{ "health_checks": [{failed}], "public_host": {OK}, "again": {failed} }}"#));
        assert_eq!(world.only().rule, "E109");
    }

    #[test]
    fn an_answer_within_tls_proves_tls_whatever_it_says() {
        let refused = r#"{ "outcome": { "answer": { "status": 400 } } }"#;
        let no_tls = r#"{ "outcome": { "tls_failed": "what came back is no TLS" } }"#;
        let mut world = World::seed();
        world.saw(&format!(r#"{{ "health_checks": [{{ "outcome": "closed" }}], "other_protocol": {refused} }}"#));
        assert_eq!(world.only().rule, "E202");
        https(&mut world);
        world.saw(&format!(r#"{{ "health_checks": [{no_tls}], "other_protocol": {refused} }}"#));
        assert_eq!(world.only().rule, "E201");
    }

    #[test]
    fn requests_fail_for_causes_of_their_own() {
        let failing = |request: &str, other: &str| {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "health_checks": [{OK}], "request": {{ "outcome": {request} }}, "other_request": {other} }}"#
            ));
            world.judge()
        };
        let found = failing(r#"{ "answer": { "status": 400 } }"#, OK);
        assert_eq!((found[0].rule.as_str(), found[0].severity), ("E202", Severity::Critical), "{found:#?}");
        assert!(found[0].detail.starts_with("Clients get 400 for every request; the health check passes"));
        assert!(failing(r#"{ "answer": { "status": 400 } }"#, r#"{ "outcome": "closed" }"#).is_empty());
    }

    #[test]
    fn older_tls_cannot_be_verified_and_is_no_failure() {
        let mut world = World::seed();
        https(&mut world);
        let alert = "received fatal alert: HandshakeFailure";
        world.saw(&format!(
            r#"{{ "health_checks": [{{ "outcome": {{ "tls_failed": "{alert}" }} }}],
            "tls": {{ "up_to_12": {{ "failed": "{alert}" }}, "up_to_13": {{ "failed": "{alert}" }} }} }}"#
        ));
        world.expect(&[]);
    }

    #[test]
    fn a_certificate_that_is_only_asked_for_is_no_demand() {
        let mut world = World::seed();
        https(&mut world);
        let saw = |root: u16| {
            format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 403 }} }} }}],
                "root": {{ "outcome": {{ "answer": {{ "status": {root} }} }} }},
                "tls": {{ "up_to_12": {{ "done": "TLSv1_2" }}, "up_to_13": {{ "done": "TLSv1_3" }}, "asks_certificate": true }} }}"#
            )
        };
        world.saw(&saw(403));
        assert_eq!(world.only().rule, "E210");
        world.saw(&saw(200));
        assert_eq!(world.only().rule, "E110");
    }
}
