//! Health checks of target groups.
//!
//! Source: API `CreateTargetGroup`, `Matcher`

use super::super::check::seconds;
use super::super::node::Node;
use super::super::problem::{Level, Problem};
use super::super::reader::Reader;
use super::super::shape::{Complaint, Field, MapRule, Shape, TextRule, field};
use crate::model::Span;
use crate::model::kind::HealthCheck;
use crate::model::value::{CodeMatcher, Protocol, ProtocolVersion, TargetType};

const PATH: TextRule = TextRule { noun: "a path", min: 1, max: 1024, pattern: "^/[!-~]*$", check: path };
const CODES: TextRule = TextRule {
    noun: "success codes such as \"200\", \"200,202\" or \"200-299\"",
    min: 1,
    max: 1024,
    pattern: "^ *([0-9]{1,2}|[2-4][0-9]{2})( *- *([0-9]{1,2}|[2-4][0-9]{2}))?( *, *([0-9]{1,2}|[2-4][0-9]{2})( *- *([0-9]{1,2}|[2-4][0-9]{2}))?)* *$",
    check: |text| match text.parse::<CodeMatcher>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Complaint::must("must be a list of codes").hint("e.g. \"200\", \"200,202\" or \"200-299\"")),
    },
};

const FIELDS: &[Field] = &[
    field("enabled", "Whether targets are checked; only Lambda groups can turn it off.", Shape::Bool)
        .default("true; false for a Lambda function"),
    field("protocol", "The protocol of the check; may differ from the group's.", Shape::Words(Protocol::WORDS))
        .default("http")
        .source("API CreateTargetGroup.HealthCheckProtocol"),
    field(
        "port",
        "`traffic-port`, or a fixed port.",
        Shape::AnyOf(&[Shape::Words(&["traffic-port"]), Shape::Number(1, 65535)]),
    )
    .default("traffic-port")
    .source("API CreateTargetGroup.HealthCheckPort"),
    field(
        "path",
        "The path that is asked for; it must answer with a success code, without a redirect.",
        Shape::Text(&PATH),
    )
    .default("/, for gRPC /AWS.ALB/healthcheck")
    .example("/api/health/")
    .source("API CreateTargetGroup.HealthCheckPath"),
    field(
        "success_codes",
        "The codes that count as success: 200 to 499, for gRPC 0 to 99.",
        Shape::AnyOf(&[Shape::Text(&CODES), Shape::Number(0, 999)]),
    )
    .default("200, for gRPC 12")
    .example("200")
    .source("API Matcher"),
    field("interval", "Time between two checks of a target.", Shape::Seconds(5, 300))
        .default("30s; 35s for a Lambda function")
        .example("15s")
        .source("API CreateTargetGroup.HealthCheckIntervalSeconds"),
    field("timeout", "Time after which a check has failed; less than the interval.", Shape::Seconds(2, 120))
        .default("5s; 30s for a Lambda function")
        .example("5s")
        .source("API CreateTargetGroup.HealthCheckTimeoutSeconds"),
    field("healthy_threshold", "Passes in a row after which a target is healthy.", Shape::Number(2, 10))
        .default("5")
        .source("API CreateTargetGroup.HealthyThresholdCount"),
    field("unhealthy_threshold", "Failures in a row after which a target is unhealthy.", Shape::Number(2, 10))
        .default("2")
        .source("API CreateTargetGroup.UnhealthyThresholdCount"),
];
/// `health_check:`.
pub(super) const RULE: MapRule = MapRule { noun: "a health check", fields: FIELDS };

fn path(text: &str) -> Result<(), Complaint> {
    if text.contains("://") {
        return Err(Complaint::must("must be a path, not a URL")
            .hint("the host is the target's own address; write the part from the `/` on"));
    }
    if !text.starts_with('/') {
        return Err(Complaint::must("must begin with `/`").hint(format!("write /{text}")));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Err(Complaint::must("must hold visible ASCII characters only").hint("percent-encode the others"));
    }
    Ok(())
}

/// What of its group a check depends on.
pub(super) struct Group {
    pub target_type: Option<TargetType>,
    pub version: Option<ProtocolVersion>,
    pub existing: bool,
}

/// Reads the health check and judges its fields against each other.
pub(super) fn read(group: &Reader<'_, '_>, of: &Group) -> HealthCheck {
    let Some(r) = group.sub("health_check") else { return HealthCheck::default() };
    let check = HealthCheck {
        enabled: r.bool("enabled"),
        protocol: r.word("protocol"),
        port: r.word("port"),
        path: r.text("path"),
        interval: r.seconds("interval"),
        timeout: r.seconds("timeout"),
        healthy_threshold: r.number("healthy_threshold"),
        unhealthy_threshold: r.number("unhealthy_threshold"),
        success_codes: r.word("success_codes"),
    };
    times(&r, &check, of);
    codes(&r, &check, of);
    let lambda = of.target_type == Some(TargetType::Lambda);
    if check.enabled == Some(false) && of.target_type.is_some_and(|t| t != TargetType::Lambda) {
        r.error(
            Problem::error(r.value_span("enabled"), "the health check cannot be turned off")
                .label("only for groups of a Lambda function")
                .hint("AWS checks instances and addresses always"),
        );
    }
    if lambda && !of.existing && check.enabled != Some(true) && r.has("enabled").is_none() {
        r.error(
            Problem::warning(r.at, "this check is off")
                .label("`enabled: true` is missing")
                .hint("AWS checks a Lambda function only if told to (API CreateTargetGroup.HealthCheckEnabled)"),
        );
    }
    if lambda {
        for key in ["protocol", "port"] {
            super::forbid(
                &r,
                key,
                &format!("`{key}` does not go with a Lambda function"),
                "AWS calls the function itself",
                None,
            );
        }
    }
    if of.version == Some(ProtocolVersion::Grpc)
        && let Some(path) = &check.path
        && path != "/AWS.ALB/healthcheck"
        && path.trim_start_matches('/').split('/').count() != 2
    {
        r.error(
            Problem::warning(r.value_span("path"), "a gRPC check usually names a method")
                .hint("/package.service/method, or AWS's default /AWS.ALB/healthcheck"),
        );
    }
    check
}

fn times(r: &Reader<'_, '_>, check: &HealthCheck, of: &Group) {
    let at = |key: &str| r.has(key).map(|_| r.value_span(key));
    let lambda = of.target_type == Some(TargetType::Lambda);
    let default = if lambda { 35 } else { 30 };
    let (interval, known) = match (check.interval, r.has("interval")) {
        (Some(interval), _) => (interval, true),
        (None, None) => (default, false),
        (None, Some(_)) => return,
    };
    let Some(timeout) = check.timeout else {
        // AWS fills in 5 s; its own pages disagree about it, so this only warns
        if let (None, Some(place)) = (r.has("timeout"), at("interval"))
            && known
            && interval <= 5
            && !lambda
        {
            r.error(
                Problem::warning(
                    place,
                    format!("an interval of {} leaves no room for AWS's default timeout of 5s", seconds(interval)),
                )
                .hint("declare `timeout` as well, e.g. timeout: 2s"),
            );
        }
        return;
    };
    let too_long = if lambda { timeout > interval } else { timeout >= interval };
    let Some(place) = at("timeout").filter(|_| too_long) else { return };
    let message = format!("the timeout of {} is not less than the interval of {}", seconds(timeout), seconds(interval));
    let hint = "a check must have failed before the next one begins (API: `Health check timeout must be smaller than the interval`)";
    let problem = |level| Problem { level, ..Problem::error(place, message.clone()) };
    match at("interval") {
        Some(interval) => r.error(
            problem(Level::Error).label("must be less than the interval").also(interval, "the interval").hint(hint),
        ),
        None => {
            // an existing group keeps its own interval, which the files do not know
            let level = if of.existing { Level::Warning } else { Level::Error };
            r.error(
                problem(level)
                    .label(format!("AWS's default interval is {}", seconds(interval)))
                    .hint("declare `interval` as well"),
            );
        }
    }
}

fn codes(r: &Reader<'_, '_>, check: &HealthCheck, of: &Group) {
    let Some(codes) = &check.success_codes else { return };
    let written = r.node("success_codes").and_then(Node::text).unwrap_or_default();
    if written.contains(',') && written.contains('-') {
        r.error(
            Problem::warning(r.value_span("success_codes"), "AWS may refuse codes and ranges in one list")
                .hint("API Matcher knows one code, a list of codes, or one range"),
        );
    }
    let (low, high) = codes.bounds();
    let place: Span = r.value_span("success_codes");
    let grpc = of.version == Some(ProtocolVersion::Grpc);
    let undecided = of.version.is_none() && of.existing;
    let (from, to, what) = if grpc { (0, 99, "gRPC") } else { (200, 499, "HTTP") };
    if (low < from || high > to) && !(undecided && high <= 99) {
        let hint = match (grpc, low >= 200, high <= 99) {
            (true, true, _) => "gRPC status codes are not HTTP's: 0 is OK, 12 unimplemented (API Matcher.GrpcCode)",
            (false, _, true) => "codes below 100 are gRPC's; `protocol_version: grpc` is not set (API Matcher)",
            _ => "an Application Load Balancer takes 200 to 499 (API Matcher.HttpCode)",
        };
        r.error(
            Problem::error(place, format!("`success_codes` is out of range: {codes}"))
                .label(format!("allowed for {what}: {from} to {to}"))
                .hint(hint),
        );
    }
}
