//! What a probe saw, check by check, joined with what the rules say of it.
//!
//! A check is what was expected beside what was observed; the finding that rests on it says what that means. Text,
//! JSON and JUnit are made from these values.

use crate::model::value::{CodeMatcher, ProtocolVersion};
use crate::model::{Address, TargetHealth};
use crate::probe::observation::{
    Exchange, Handshake, KeepAlive, Observations, Outcome, Part, ReuseEnd, SizedRequest, Vantage,
};
use crate::probe::{Subject, Versions};
use crate::rules::{Accepted, Finding, Severity};

/// What a report on a probe is made from.
#[derive(Clone, Debug)]
pub struct Probing<'a> {
    /// The targets that were looked at.
    pub targets: Vec<Looked<'a>>,
    /// What the rules say of them, worst first.
    pub findings: &'a [Finding],
    /// What the files accept of that.
    pub accepted: &'a [Accepted],
    /// The targets that were not, because nobody knows their address.
    pub skipped: &'a [Address],
    /// The targets that AWS sees otherwise than they are seen from here.
    pub contradicted: Vec<Contradicted>,
}

/// A target of which nothing is concluded: AWS's own health checks reach it, or fail otherwise.
#[derive(Clone, Debug)]
pub struct Contradicted {
    /// The target.
    pub target: Address,
    /// How the health check went from here.
    pub observed: String,
    /// What AWS reports.
    pub reported: String,
}

impl Probing<'_> {
    /// Whether a check failed.
    pub fn has_failed(&self) -> bool {
        self.targets.iter().flat_map(|target| &target.checks).any(|check| check.verdict == Verdict::Failed)
    }
}

/// A target that was looked at.
#[derive(Clone, Debug)]
pub struct Looked<'a> {
    /// The target.
    pub address: Address,
    /// What was seen.
    pub saw: &'a Observations,
    /// What AWS reports of it, where it was asked.
    pub reported: Option<&'a TargetHealth>,
    /// Whether AWS's health checks fail where this one passes: what differs is the way there.
    pub cut_off: bool,
    /// What cannot be said, and why.
    pub doubts: Vec<&'static str>,
    /// Check by check.
    pub checks: Vec<Check<'a>>,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    /// Its name, stable.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was expected.
    pub expected: String,
    /// What was observed.
    pub observed: String,
    /// What AWS calls it.
    pub reason_code: Option<String>,
    /// The status that it was answered with.
    pub answered: Option<u16>,
    /// What it means.
    pub findings: Vec<&'a Finding>,
}

/// How a check went, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should.
    Ok,
    /// Otherwise, and worth a look.
    Doubtful,
    /// Otherwise, and clients can see errors because of it.
    Failed,
}

/// The rules that rest on each check.
const RULES: [(&str, &[&str]); 7] = [
    ("request", &["E701", "E702", "E703", "E707", "E806"]),
    ("keep_alive", &["E301", "E302"]),
    ("connection_reuse", &["E306"]),
    ("large_body", &["E308"]),
    ("forms", &["E815"]),
    ("silent_neighbour", &["E312"]),
    ("request_size", &["E706"]),
];

/// Joins what was seen of a target with the findings that rest on it.
pub fn looked<'a>(
    target: &Address,
    subject: &Subject,
    saw: &'a Observations,
    reported: Option<&'a TargetHealth>,
    findings: &'a [Finding],
) -> Looked<'a> {
    let mine: Vec<&Finding> =
        findings.iter().filter(|finding| finding.evidence.iter().any(|e| e.address == *target)).collect();
    let of = |name: &str| {
        let listed = |finding: &&&Finding| match RULES.iter().find(|(_, rules)| rules.contains(&&*finding.rule)) {
            Some((check, _)) => *check == name,
            None if finding.evidence.iter().any(|e| e.address == *target && e.field.0 == "probe.request") => {
                name == "request"
            }
            // everything else is about the health check
            None => name == "health_check",
        };
        mine.iter().filter(listed).copied().collect::<Vec<_>>()
    };
    let check = |name: &'static str, seen: Verdict, expected: String, observed: String| {
        let findings = of(name);
        let judged = match findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Critical | Severity::High) => Verdict::Failed,
            Some(Severity::Medium | Severity::Low) => Verdict::Doubtful,
            Some(Severity::Info) | None => Verdict::Ok,
        };
        // however sure the rule is of the cause
        Check { name, verdict: seen.max(judged), expected, observed, reason_code: None, answered: None, findings }
    };
    let mut checks = Vec::new();
    let mut cut_off = false;
    let health = saw.health_check(Some(&subject.codes));
    let passes = health.is_some_and(|exchange| exchange.passes(Some(&subject.codes)));
    if let Some(exchange) = health {
        cut_off = passes && reported.is_some_and(TargetHealth::is_unhealthy);
        let again = saw.again.as_ref().filter(|again| !passes && again.passes(Some(&subject.codes)));
        let again = again.map(|again| format!("; asked again: {}", again.in_words())).unwrap_or_default();
        let observed = format!("{}{again}", timed(exchange));
        let seen = health_verdict(exchange, saw, passes);
        let one = check("health_check", seen, answer_in(&subject.codes, subject), observed);
        let reason_code = exchange.health(Some(&subject.codes)).reason;
        checks.push(Check { reason_code, answered: exchange.status(), ..one });
    }
    if let Some(exchange) = saw.request.as_ref().filter(|_| saw.request_counts(subject)) {
        let (seen, note) = request_verdict(exchange, subject, saw, passes);
        let expected = "an answer below 500 that is no redirect to itself".to_owned();
        let one = check("request", seen, expected, format!("{}{note}", timed(exchange)));
        checks.push(Check { answered: exchange.status(), ..one });
    }
    if let Some(tls) = &saw.tls {
        let done = |shake: &Option<Handshake>| shake.as_ref().is_some_and(Handshake::is_done);
        let (fine, most) = match subject.tls {
            Versions::UpTo12 => (done(&tls.up_to_12), "1.2"),
            Versions::UpTo13 => (done(&tls.up_to_12) || done(&tls.up_to_13), "1.3"),
        };
        let expected = format!("a handshake without a server name, up to TLS {most}");
        let otherwise = if saw.speaks_older_tls() { Verdict::Doubtful } else { Verdict::Failed };
        checks.push(check("tls", if fine { Verdict::Ok } else { otherwise }, expected, tls_words(saw)));
    }
    checks.extend(measured(subject, saw, &check));
    if let Some(last) = saw.again.as_ref().filter(|last| passes && !last.passes(Some(&subject.codes))) {
        checks.push(check("afterwards", Verdict::Failed, answer_in(&subject.codes, subject), timed(last)));
    }
    explain(&mut checks);
    Looked { address: target.clone(), saw, reported, cut_off, doubts: doubts(subject, saw), checks }
}

fn health_verdict(check: &Exchange, saw: &Observations, passes: bool) -> Verdict {
    let unspoken = matches!(check.outcome, Outcome::TlsFailed(_)) && saw.speaks_older_tls();
    match (passes, unspoken) {
        (true, _) => Verdict::Ok,
        (false, true) => Verdict::Doubtful,
        (false, false) => Verdict::Failed,
    }
}

/// How a client's request went, and what there is to say beside it. `passes`: the health check does.
fn request_verdict(request: &Exchange, subject: &Subject, saw: &Observations, passes: bool) -> (Verdict, String) {
    let nothing = String::new();
    let idle = subject.idle_timeout;
    match (request.status(), &request.outcome) {
        (Some(500..), _) => (Verdict::Failed, nothing),
        (Some(400 | 421), _) if passes => (Verdict::Doubtful, format!(", asked as {}", request.host)),
        (Some(_), _) => (Verdict::Ok, nothing),
        (None, Outcome::TlsFailed(_)) if saw.speaks_older_tls() => (Verdict::Doubtful, nothing),
        (None, Outcome::TimedOut) if u128::from(request.millis) < idle.as_millis() => {
            (Verdict::Doubtful, format!("; the load balancer waits for {} s", idle.as_secs()))
        }
        (None, Outcome::Closed | Outcome::Reset) if passes && subject.public_host.is_none() => {
            (Verdict::Doubtful, "; no name is known that clients ask for (--host gives one)".to_owned())
        }
        (None, _) => (Verdict::Failed, nothing),
    }
}

/// Lets a failed check that no finding is about share those of the first failed one that has some and was answered
/// likewise: one cause fails both.
fn explain(checks: &mut [Check<'_>]) {
    let is_bare = |check: &Check<'_>| check.verdict == Verdict::Failed && check.findings.is_empty();
    let known = checks.iter().find(|check| check.verdict == Verdict::Failed && !check.findings.is_empty());
    let Some((answered, known)) = known.map(|check| (check.answered, check.findings.clone())) else { return };
    for check in checks.iter_mut().filter(|check| is_bare(check) && check.answered == answered) {
        check.findings.clone_from(&known);
    }
}

impl Observations {
    /// Whether the request tells something new: where nobody answers the health check, nobody answers it either.
    fn request_counts(&self, subject: &Subject) -> bool {
        let same = subject.port == subject.check_port && subject.protocol == subject.check_protocol;
        let answers = |exchange: &Exchange| exchange.answer().is_some();
        !same || self.health_checks.iter().all(answers) || self.request.as_ref().is_some_and(answers)
    }
}

fn measured<'a>(
    subject: &Subject,
    saw: &Observations,
    check: &impl Fn(&'static str, Verdict, String, String) -> Check<'a>,
) -> Vec<Check<'a>> {
    let mut checks = Vec::new();
    if let Some(keep) = saw.keep_alive {
        let observed = match keep {
            KeepAlive::ClosedAfter(millis) => format!("closed after {}", seconds(millis)),
            KeepAlive::OpenAfter(millis) => format!("still open after {}", seconds(millis)),
            KeepAlive::None => "closes after every answer and says so".to_owned(),
        };
        let idle = subject.idle_timeout.as_secs();
        checks.push(check(
            "keep_alive",
            Verdict::Ok,
            format!("open for {} s: the idle timeout of {idle} s and 5 s", idle + 5),
            observed,
        ));
    }
    if let Some(reuse) = saw.reuse {
        let end = match reuse.end {
            ReuseEnd::Announced => "then an announced end",
            ReuseEnd::Unannounced => "then closed without a word",
            ReuseEnd::Open => "and still open",
        };
        let observed = format!("{} answered, {end}", reuse.requests);
        checks.push(check("connection_reuse", Verdict::Ok, "no end, or an announced one".to_owned(), observed));
    }
    if let Some(exchange) = &saw.large_body {
        let seen = if exchange.answer().is_some() { Verdict::Ok } else { Verdict::Doubtful };
        checks.push(check("large_body", seen, "an answer that can be read".to_owned(), timed(exchange)));
    }
    if let Some(forms) = &saw.forms {
        let observed = format!("{} from https, {} from http", forms.from_https.in_words(), forms.from_http.in_words());
        checks.push(check("forms", Verdict::Ok, "a page's https counts as https".to_owned(), observed));
    }
    if let Some(exchange) = &saw.beside_idle {
        let seen = if exchange.passes(Some(&subject.codes)) { Verdict::Ok } else { Verdict::Doubtful };
        checks.push(check("silent_neighbour", seen, answer_in(&subject.codes, subject), timed(exchange)));
    }
    if !saw.sizes.is_empty() {
        checks.push(check("request_size", Verdict::Ok, "lines and headers of up to 16 K".to_owned(), sizes(saw)));
    }
    checks
}

fn answer_in(codes: &CodeMatcher, subject: &Subject) -> String {
    format!("{codes} within {} s", subject.timeout.as_secs())
}

fn timed(exchange: &Exchange) -> String {
    format!("{} after {} ms", exchange.in_words(), exchange.millis)
}

fn sizes(saw: &Observations) -> String {
    let refused = |one: &&SizedRequest| matches!(one.status, None | Some(400 | 413 | 414 | 431 | 500..));
    let part = |part| match part {
        Part::Line => "a line",
        Part::Header => "a header",
        Part::Headers => "headers",
    };
    match saw.sizes.iter().filter(refused).min_by_key(|one| one.bytes) {
        Some(one) => {
            let answer = one.status.map_or("the connection ends".to_owned(), |status| status.to_string());
            format!("{} of {} K: {answer}", part(one.part), one.bytes / 1024)
        }
        None => "all taken".to_owned(),
    }
}

fn seconds(millis: u64) -> String {
    format!("{:.1} s", millis as f64 / 1000.0)
}

fn tls_words(saw: &Observations) -> String {
    let Some(tls) = &saw.tls else { return String::new() };
    let shake = |shake: &Option<Handshake>| match shake {
        Some(Handshake::Done(version)) => version.clone(),
        Some(Handshake::Failed(why)) => format!("failed ({why})"),
        Some(Handshake::Closed) => "closed".to_owned(),
        Some(Handshake::TimedOut) => "not ended in time".to_owned(),
        None => "not tried".to_owned(),
    };
    let chain = tls.chain.first().map(|certificate| {
        let signed = if certificate.subject == certificate.issuer { "self-signed, " } else { "" };
        format!("; certificate {signed}until {}, which the load balancer does not validate", certificate.not_after)
    });
    let named = match &tls.named {
        Some(_) if tls.named != tls.up_to_13 => format!("; with a server name: {}", shake(&tls.named)),
        Some(_) | None => String::new(),
    };
    let asks = if tls.asks_certificate { "; asks for a client certificate" } else { "" };
    format!(
        "up to 1.2: {}; up to 1.3: {}{named}{asks}{}",
        shake(&tls.up_to_12),
        shake(&tls.up_to_13),
        chain.unwrap_or_default()
    )
}

/// What cannot be said of a target.
fn doubts(subject: &Subject, saw: &Observations) -> Vec<&'static str> {
    let same_host = saw.vantage == Vantage::SameHost;
    let reached = saw.health_check(None).is_some_and(|check| check.outcome != Outcome::Refused);
    let told = [
        (
            same_host && reached,
            "unverified, because it was asked from the target's own machine or through a tunnel: who can reach the port, \
             whose X-Forwarded headers are believed, and host names that are only allowed locally",
        ),
        (
            saw.speaks_older_tls(),
            "unverifiable, because the target speaks TLS, and none of what this probe speaks: 1.2 and 1.3 with modern \
             ciphers; a load balancer may offer older ones",
        ),
        (
            subject.version != ProtocolVersion::Http1,
            "not measured, because that is done over HTTP/1.1: keep-alive, connection reuse and sizes",
        ),
    ];
    told.into_iter().filter_map(|(holds, words)| holds.then_some(words)).collect()
}
