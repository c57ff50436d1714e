//! What a probe saw, check by check, joined with what the rules say of it.
//!
//! A check is what was expected beside what was observed; the finding that rests on it says what that means. Text,
//! JSON and JUnit are made from these values.

use crate::model::value::CodeMatcher;
use crate::model::{Address, TargetHealth};
use crate::probe::observation::{Exchange, Handshake, KeepAlive, Observations, Part, ReuseEnd, SizedRequest, Vantage};
use crate::probe::{Subject, Versions};
use crate::rules::{Finding, Severity};

/// What a report on a probe is made from.
#[derive(Clone, Debug)]
pub struct Probing<'a> {
    /// The targets that were looked at.
    pub targets: Vec<Looked<'a>>,
    /// What the rules say of them, worst first.
    pub findings: &'a [Finding],
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
    /// What it means.
    pub findings: Vec<&'a Finding>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Ok,
    /// Otherwise, and clients can see errors because of it.
    Failed,
    /// Otherwise, and worth a look.
    Doubtful,
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
    let check = |name: &'static str, passes: bool, expected: String, observed: String| {
        let findings = of(name);
        let worst = findings.iter().map(|finding| finding.severity).max();
        let verdict = match worst {
            Some(Severity::Critical | Severity::High) => Verdict::Failed,
            // however sure the rule is of the cause
            _ if !passes => Verdict::Failed,
            Some(Severity::Medium | Severity::Low) => Verdict::Doubtful,
            Some(Severity::Info) | None => Verdict::Ok,
        };
        Check { name, verdict, expected, observed, reason_code: None, findings }
    };
    let mut checks = Vec::new();
    let mut cut_off = false;
    if let Some(exchange) = saw.health_check(Some(&subject.codes)) {
        let passes = exchange.passes(Some(&subject.codes));
        cut_off = passes && reported.is_some_and(TargetHealth::is_unhealthy);
        let one = check("health_check", passes, answer_in(&subject.codes, subject), timed(exchange));
        checks.push(Check { reason_code: exchange.health(Some(&subject.codes)).reason, ..one });
    }
    if let Some(exchange) = saw.request.as_ref().filter(|_| saw.request_counts(subject)) {
        let fine = exchange.status().is_some_and(|status| status < 500);
        checks.push(check("request", fine, "an answer below 500 that is not sent back".to_owned(), timed(exchange)));
    }
    if let Some(tls) = &saw.tls {
        let done = |shake: &Option<Handshake>| shake.as_ref().is_some_and(Handshake::is_done);
        let (fine, most) = match subject.tls {
            Versions::UpTo12 => (done(&tls.up_to_12), "1.2"),
            Versions::UpTo13 => (done(&tls.up_to_12) || done(&tls.up_to_13), "1.3"),
        };
        let expected = format!("a handshake without a server name, up to TLS {most}");
        checks.push(check("tls", fine, expected, tls_words(saw)));
    }
    checks.extend(measured(subject, saw, &check));
    explain(&mut checks);
    Looked { address: target.clone(), saw, reported, cut_off, checks }
}

/// Lets a failed check that no finding is about share those of the first failed one that has some: one cause fails both.
fn explain(checks: &mut [Check<'_>]) {
    let is_bare = |check: &Check<'_>| check.verdict == Verdict::Failed && check.findings.is_empty();
    let known = checks.iter().find(|check| check.verdict == Verdict::Failed && !check.findings.is_empty());
    let Some(known) = known.map(|check| check.findings.clone()) else { return };
    for check in checks.iter_mut().filter(|check| is_bare(check)) {
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
    check: &impl Fn(&'static str, bool, String, String) -> Check<'a>,
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
            true,
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
        checks.push(check("connection_reuse", true, "no end, or an announced one".to_owned(), observed));
    }
    if let Some(exchange) = &saw.large_body {
        checks.push(check("large_body", true, "an answer that can be read".to_owned(), timed(exchange)));
    }
    if let Some(forms) = &saw.forms {
        let observed = format!("{} from https, {} from http", forms.from_https.in_words(), forms.from_http.in_words());
        checks.push(check("forms", true, "a page's https counts as https".to_owned(), observed));
    }
    if let Some(exchange) = &saw.beside_idle {
        checks.push(check("silent_neighbour", true, answer_in(&subject.codes, subject), timed(exchange)));
    }
    if !saw.sizes.is_empty() {
        checks.push(check("request_size", true, "lines and headers of up to 16 K".to_owned(), sizes(saw)));
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
    let refused = |one: &&SizedRequest| matches!(one.status, None | Some(400 | 413 | 414 | 431));
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
    let asks = if tls.asks_certificate { "; asks for a client certificate" } else { "" };
    format!(
        "up to 1.2: {}; up to 1.3: {}{asks}{}",
        shake(&tls.up_to_12),
        shake(&tls.up_to_13),
        chain.unwrap_or_default()
    )
}

/// What cannot be said from where the probe stood.
pub fn doubts(saw: &Observations) -> Option<&'static str> {
    match saw.vantage {
        Vantage::SameHost => Some(
            "unverified, because it was asked from the target's own machine or through a tunnel: who can reach the \
             port, whose X-Forwarded headers are believed, and host names that are only allowed locally",
        ),
        Vantage::Network => None,
    }
}
