//! AWS on the wire: which operation a request is, whose it is, and how each service says that something went wrong.

use crate::support::http::Message;

/// One call that went through the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The service's signing name, such as `elasticloadbalancing`.
    pub service: String,
    /// The operation, such as `DescribeRules`.
    pub operation: String,
    /// The access key: on LocalStack the account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The request's body.
    pub body: String,
}

/// How a service writes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// The query protocol: form in, XML out.
    Query,
    /// EC2's dialect of it, with other errors.
    Ec2,
    /// JSON both ways.
    Json,
}

/// Error codes by service, with the HTTP status each comes with.
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Call {
    /// The call that a request makes; `None` if it is no AWS call (LocalStack's internal routes).
    pub fn of(request: &Message) -> Option<Self> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let operation = match request.header("x-amz-target") {
            Some(target) => target.rsplit('.').next()?.to_owned(),
            None => form_value(&body, "Action")?.to_owned(),
        };
        let scope = request.header("authorization").and_then(|value| {
            let credential = value.split("Credential=").nth(1)?;
            credential.split([',', ' ']).next()
        });
        let mut parts = scope.unwrap_or_default().split('/');
        let account = parts.next().unwrap_or_default().to_owned();
        let region = parts.nth(1).unwrap_or_default().to_owned();
        let service = parts.next().unwrap_or_default().to_owned();
        Some(Self { service, operation, account, region, body })
    }

    /// How this service answers.
    pub fn wire(&self) -> Wire {
        match self.service.as_str() {
            "elasticloadbalancing" | "sts" | "iam" => Wire::Query,
            "ec2" => Wire::Ec2,
            _ => Wire::Json,
        }
    }

    /// Whether it only reads.
    pub fn is_read(&self) -> bool {
        ["Describe", "Get", "List", "Search"].iter().any(|verb| self.operation.starts_with(verb))
    }

    /// Whether it writes the stack's lock.
    pub fn is_lock(&self) -> bool {
        !self.is_read() && self.body.contains("no502%3Alock")
    }

    /// What the service says to a caller without permission.
    pub fn denied(&self) -> Refusal {
        let (status, code) = match self.wire() {
            Wire::Query => (403, "AccessDenied"),
            Wire::Ec2 => (403, "UnauthorizedOperation"),
            Wire::Json => (400, "AccessDeniedException"),
        };
        let message = format!("User is not authorized to perform: {}:{}", self.service, self.operation);
        Refusal { status, code, message }
    }

    /// What the service says to a caller that asks too often.
    pub fn throttled(&self) -> Refusal {
        let (status, code) = match self.wire() {
            Wire::Query => (400, "Throttling"),
            Wire::Ec2 => (503, "RequestLimitExceeded"),
            Wire::Json => (400, "ThrottlingException"),
        };
        Refusal { status, code, message: "Rate exceeded".to_owned() }
    }

    /// An empty success in the service's own format.
    pub fn accepted(&self) -> Message {
        let name = &self.operation;
        match self.wire() {
            Wire::Query | Wire::Ec2 => {
                let body = format!("<{name}Response><{name}Result></{name}Result></{name}Response>");
                Message::response(200, "text/xml", body)
            }
            Wire::Json => Message::response(200, "application/x-amz-json-1.1", "{}"),
        }
    }

    /// An error in the service's own format.
    pub fn refuse(&self, status: u16, code: &str, message: &str) -> Message {
        let message = message.replace('&', "&amp;").replace('<', "&lt;");
        match self.wire() {
            Wire::Query => {
                let kind = if status < 500 { "Sender" } else { "Receiver" };
                let body = format!(
                    "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>by-the-proxy</RequestId></ErrorResponse>"
                );
                Message::response(status, "text/xml", body)
            }
            Wire::Ec2 => {
                let body = format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                     <RequestID>by-the-proxy</RequestID></Response>"
                );
                Message::response(status, "text/xml;charset=UTF-8", body)
            }
            Wire::Json => {
                let body = serde_json::json!({ "__type": code, "message": message }).to_string();
                let mut answer = Message::response(status, "application/x-amz-json-1.1", body);
                answer.headers.push(("x-amzn-errortype".to_owned(), code.to_owned()));
                answer
            }
        }
    }

    /// A success that is none: the page of something in between, or JSON that breaks off.
    ///
    /// XML that breaks off would not do: the SDK takes the lists of EC2 for complete wherever they end.
    pub fn malformed(&self) -> Message {
        match self.wire() {
            Wire::Query | Wire::Ec2 => {
                Message::response(200, "text/xml", "<html><body>Welcome to the hotel</body></html>")
            }
            Wire::Json => Message::response(200, "application/x-amz-json-1.1", "{\"Certificate\": {\"Status\""),
        }
    }
}

fn form_value<'a>(body: &'a str, key: &str) -> Option<&'a str> {
    body.split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &str) -> Message {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Message { start: "POST / HTTP/1.1".to_owned(), headers, body: body.into() }
    }

    #[test]
    fn both_protocols_name_their_operation() {
        let signed = "AWS4-HMAC-SHA256 Credential=000000000042/20260101/eu-west-1/elasticloadbalancing/aws4_request, S";
        let call =
            Call::of(&request(&[("Authorization", signed)], "Version=2015-12-01&Action=DescribeRules&X=1")).unwrap();
        assert_eq!((&*call.operation, &*call.account, &*call.region), ("DescribeRules", "000000000042", "eu-west-1"));
        assert_eq!(call.wire(), Wire::Query);
        let signed = "AWS4-HMAC-SHA256 Credential=1/20260101/eu-west-1/acm/aws4_request";
        let target = ("X-Amz-Target", "CertificateManager.ImportCertificate");
        let call = Call::of(&request(&[("Authorization", signed), target], "{}")).unwrap();
        assert_eq!((&*call.operation, call.wire(), call.is_read()), ("ImportCertificate", Wire::Json, false));
    }

    #[test]
    fn other_requests_are_no_calls() {
        assert_eq!(Call::of(&request(&[], "{\"account\": \"1\"}")), None);
    }
}
