//! SDK errors → [`CloudError`], sorted by what to do about them.
//!
//! Messages are AWS's own, or the root cause of a transport failure with the host it concerns. Nothing
//! of a request is ever printed: inputs may hold secrets.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::cloud::{CloudError, CloudErrorKind};

/// The longest message that is passed on.
const LONGEST: usize = 400;

/// What a failed attempt allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing: another attempt would end alike.
    Stop,
    /// Any call may be repeated: AWS refused to look at it.
    Throttled,
    /// Any call may be repeated: it was never sent.
    Unsent,
    /// A call that does no harm twice may be repeated: this one may have had its effect.
    Unclear,
}

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    /// What to report.
    pub(super) error: CloudError,
    /// Whether to go on.
    pub(super) after: After,
}

/// Sorts an SDK error.
pub(super) fn classify<E>(operation: &str, host: &str, failure: &SdkError<E, Response>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, code, message, after) = match failure {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            let status = context.raw().status().as_u16();
            let (kind, after) = of_answer(meta.code(), status);
            let message = match (meta.code(), meta.message()) {
                (_, Some(message)) => message.to_owned(),
                (Some(_), None) => format!("HTTP {status}"),
                (None, None) => format!("{host} answered HTTP {status}, and not as AWS does"),
            };
            (kind, meta.code().map(str::to_owned), message, after)
        }
        SdkError::TimeoutError(_) => {
            (CloudErrorKind::TimedOut, None, format!("no answer from {host} in time"), After::Unclear)
        }
        SdkError::DispatchFailure(dispatch) => {
            let chain = chain_of(dispatch.as_connector_error());
            let timed_out = dispatch.is_timeout();
            let (kind, message, after) = of_transport(host, &chain, timed_out);
            (kind, None, message, after)
        }
        SdkError::ResponseError(context) => {
            let chain = chain_of(Some(failure));
            let status = context.raw().status().as_u16();
            let cut = is_cut(&chain);
            let what = if cut { "an answer that ends too early" } else { "an answer that is not AWS's" };
            let message = format!("{host} sent {what} (HTTP {status}): {}", root(&chain));
            (CloudErrorKind::Malformed, None, message, if cut { After::Unclear } else { After::Stop })
        }
        SdkError::ConstructionFailure(_) | _ => {
            let chain = chain_of(Some(failure));
            let kind = if is_about_credentials(&chain) { CloudErrorKind::Credentials } else { CloudErrorKind::Refused };
            (kind, None, format!("the request could not be made: {}", root(&chain)), After::Stop)
        }
    };
    Failure { error: CloudError { kind, operation: operation.to_owned(), code, message: shorten(&message) }, after }
}

/// An error of our own making.
pub(super) fn refused(operation: &str, message: impl Into<String>) -> CloudError {
    CloudError { kind: CloudErrorKind::Refused, operation: operation.to_owned(), code: None, message: message.into() }
}

/// The list that an answer must hold: AWS says an empty one, and silence is not absence.
pub(super) fn present<T>(operation: &str, list: Option<Vec<T>>) -> Result<Vec<T>, CloudError> {
    list.ok_or_else(|| incomplete(operation, "list"))
}

/// An answer that lacks what it must hold.
pub(super) fn incomplete(operation: &str, what: &str) -> CloudError {
    CloudError {
        kind: CloudErrorKind::Malformed,
        operation: operation.to_owned(),
        code: None,
        message: format!("the answer has no {what}"),
    }
}

const THROTTLES: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
const BAD_CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
const DENIALS: &[&str] =
    &["AccessDenied", "AccessDeniedException", "OptInRequired", "UnauthorizedAccess", "UnauthorizedOperation"];
const TIMEOUTS: &[&str] = &["RequestTimeout", "RequestTimeoutException"];
/// Codes that end in `NotFound` and mean a bad value.
const NAMES_NOT_FOUND: &[&str] = &["ALPNPolicyNotFound", "SSLPolicyNotFound"];

fn of_answer(code: Option<&str>, status: u16) -> (CloudErrorKind, After) {
    match code {
        Some(code) if THROTTLES.contains(&code) => (CloudErrorKind::Throttled, After::Throttled),
        Some(code) if BAD_CREDENTIALS.contains(&code) => (CloudErrorKind::Credentials, After::Stop),
        Some(code) if DENIALS.contains(&code) => (CloudErrorKind::Denied, After::Stop),
        Some(code) if TIMEOUTS.contains(&code) => (CloudErrorKind::TimedOut, After::Unclear),
        Some(code) if code.contains("NotFound") && !NAMES_NOT_FOUND.contains(&code) => {
            (CloudErrorKind::NotFound, After::Stop)
        }
        _ if status == 429 => (CloudErrorKind::Throttled, After::Throttled),
        _ if matches!(status, 500 | 502 | 503 | 504) => (CloudErrorKind::Service, After::Unclear),
        _ if status >= 500 => (CloudErrorKind::Service, After::Stop),
        Some(_) => (CloudErrorKind::Refused, After::Stop),
        None => (CloudErrorKind::Malformed, After::Stop),
    }
}

fn of_transport(host: &str, chain: &[String], timed_out: bool) -> (CloudErrorKind, String, After) {
    let has = |needle: &str| chain.iter().any(|text| text.to_ascii_lowercase().contains(needle));
    let root = root(chain);
    if is_about_credentials(chain) {
        return (CloudErrorKind::Credentials, credentials_message(chain), After::Stop);
    }
    let connecting = has("(connect)") || has("connect timeout") || has("dns error");
    if !connecting {
        let message = if timed_out { "no answer in time" } else { "the connection was closed before the answer" };
        return (CloudErrorKind::TimedOut, format!("{host}: {message} ({root})"), After::Unclear);
    }
    let message = if timed_out || has("timed out") {
        format!("no connection to {host} in time")
    } else if has("connection refused") {
        format!("{host} refuses connections")
    } else if has("dns error") || has("lookup address") {
        format!("no such host {host}")
    } else if has("certificate") || has("tls") || has("handshake") || has("corrupt message") || has("alert") {
        format!("TLS with {host} failed: {root}")
    } else {
        format!("no connection to {host}: {root}")
    };
    (CloudErrorKind::Unreachable, message, After::Unsent)
}

fn is_about_credentials(chain: &[String]) -> bool {
    let words = ["credential", "identity resolver", "failed to load identity", "access token"];
    chain.iter().any(|text| words.iter().any(|word| text.to_ascii_lowercase().contains(word)))
}

/// Names what stands in the way of credentials. The chain's own words for "nothing configured" are many.
fn credentials_message(chain: &[String]) -> String {
    let root = root(chain);
    if root.contains("not enabled") || root.contains("no providers in chain") {
        return "no credentials found: no environment variables, profile, SSO session or instance role".to_owned();
    }
    if root.contains("IMDS") || root.contains("metadata") {
        return format!("no credentials found; the last place asked, instance metadata, says: {root}");
    }
    root.to_owned()
}

/// Whether the body ended before its declared length.
fn is_cut(chain: &[String]) -> bool {
    let words = ["end of file before message length", "incomplete message", "unexpected eof", "error reading a body"];
    chain.iter().any(|text| words.iter().any(|word| text.to_ascii_lowercase().contains(word)))
}

/// The texts of an error and its causes, outermost first.
fn chain_of<E: Error>(error: Option<&E>) -> Vec<String> {
    let Some(error) = error else { return Vec::new() };
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts
}

fn root(chain: &[String]) -> &str {
    chain.last().map_or("no cause given", String::as_str)
}

/// One line, not too long.
fn shorten(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
