//! CloudWatch: `GetMetricData`, the one call that no SDK crate makes.
//!
//! CloudWatch's crate brings a second HTTP stack for the sake of one read. So the call is put together here and made by
//! the runtime that makes all others: credentials, signature, connections, time limits. It speaks AWS's JSON protocol
//! 1.0, one of the three that the service's model names (API: CloudWatch 2010-08-01, GetMetricData).

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_runtime_api::http::{Request, Response};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use serde::Deserialize;
use serde_json::{Value, json};

use super::budget::{Category, Service};
use super::call::{Call, Hosts};
use super::session::Session;
use crate::cloud::CloudError;
use crate::cloud::metric::{Question, Span, Statistic};

const SPACE: &str = "AWS/ApplicationELB";
/// Questions that one call takes.
const AT_ONCE: usize = 500;
/// Values of a question that are asked for at most, roughly.
const VALUES: i64 = 180;
/// What CloudWatch adds values up over, in seconds; it keeps minutes for 15 days.
const PERIODS: [i64; 3] = [60, 300, 3_600];

/// The call, ready to be made.
pub(super) type GetMetricData = Operation<String, Answer, ErrorMetadata>;

/// What CloudWatch answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    #[serde(default)]
    metric_data_results: Vec<Series>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Series {
    id: String,
    #[serde(default)]
    values: Vec<f64>,
}

/// An error's body; the kind may come with its namespace before it.
#[derive(Debug, Default, Deserialize)]
struct Fault {
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// The call for an account and region.
pub(super) fn call(config: &SdkConfig, region: &str, hosts: &Hosts) -> GetMetricData {
    let signing = SigV4OperationSigningConfig {
        region: Some(Region::new(region.to_owned()).into()),
        name: Some("monitoring".into()),
        ..SigV4OperationSigningConfig::default()
    };
    let mut layer = Layer::new("GetMetricData");
    layer.store_put(signing);
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    let mut components = RuntimeComponentsBuilder::new("GetMetricData");
    components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
    let schemes = SharedAuthSchemeOptionResolver::new(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]));
    components.set_auth_scheme_option_resolver(Some(schemes));
    let cache = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
    components.set_identity_cache(Some(cache));
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    let plugin = StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
    let mut operation = Operation::builder()
        .service_name("CloudWatch")
        .operation_name("GetMetricData")
        .endpoint_url(&endpoint(config, region))
        .no_retry()
        .interceptor(hosts.watch(Service::CloudWatch))
        .runtime_plugin(plugin)
        .serializer(request)
        .deserializer(answer);
    if let Some(behavior) = config.behavior_version() {
        operation = operation.behavior_version(behavior);
    }
    if let Some(timeouts) = config.timeout_config() {
        operation = operation.timeout_config(timeouts.clone());
    }
    if let Some(client) = config.http_client() {
        operation = operation.http_client(client);
    }
    operation.build()
}

/// Where CloudWatch is: what the configuration says, in the SDK's order, else AWS's name for the region.
fn endpoint(config: &SdkConfig, region: &str) -> String {
    super::endpoint::of(config, "CloudWatch").unwrap_or_else(|| {
        let name = if config.use_fips() == Some(true) { "monitoring-fips" } else { "monitoring" };
        let domain = match (region.starts_with("cn-"), config.use_dual_stack() == Some(true)) {
            (false, false) => "amazonaws.com",
            (false, true) => "api.aws",
            (true, false) => "amazonaws.com.cn",
            (true, true) => "api.amazonwebservices.com.cn",
        };
        format!("https://{name}.{region}.{domain}")
    })
}

fn request(body: String) -> Result<Request, BoxError> {
    let length = body.len().to_string();
    let mut request = Request::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    headers.insert("content-length", length);
    headers.insert("x-amz-target", "GraniteServiceVersion20100801.GetMetricData");
    Ok(request)
}

fn answer(response: &Response) -> Result<Answer, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return serde_json::from_slice(body).map_err(OrchestratorError::other);
    }
    let fault: Fault = serde_json::from_slice(body).unwrap_or_default();
    let mut metadata = ErrorMetadata::builder();
    if let Some(kind) = &fault.kind {
        metadata = metadata.code(kind.rsplit('#').next().unwrap_or(kind));
    }
    if let Some(message) = fault.message {
        metadata = metadata.message(message);
    }
    Err(OrchestratorError::operation(metadata.build()))
}

impl Session {
    /// The answers to questions, in their order; `None` where CloudWatch has no value.
    pub(super) async fn metrics(&self, questions: &[Question], span: Span) -> Result<Vec<Option<f64>>, CloudError> {
        const CALL: Call = Call::new("GetMetricData", Category::Metrics);
        let mut answers = vec![None; questions.len()];
        for (batch, some) in questions.chunks(AT_ONCE).enumerate() {
            let mut token = None;
            loop {
                let body = asked(some, span, token.as_deref()).to_string();
                let answer = self.calls.run(CALL, || self.get_metric_data.invoke(body.clone())).await?;
                for series in answer.metric_data_results {
                    let at = series.id.strip_prefix('m').and_then(|at| at.parse::<usize>().ok());
                    let question = at.and_then(|at| some.get(at));
                    let slot = at.and_then(|at| answers.get_mut(batch * AT_ONCE + at));
                    let (Some(question), Some(slot)) = (question, slot) else { continue };
                    *slot = joined(*slot, &series.values, question.statistic);
                }
                token = answer.next_token.filter(|token| !token.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(answers)
    }
}

/// One value of several, and of those that a page before had.
fn joined(before: Option<f64>, values: &[f64], statistic: Statistic) -> Option<f64> {
    let all = before.into_iter().chain(values.iter().copied());
    all.reduce(|a, b| match statistic {
        Statistic::Sum => a + b,
        Statistic::Maximum => a.max(b),
    })
}

fn asked(questions: &[Question], span: Span, token: Option<&str>) -> Value {
    let period = PERIODS.into_iter().find(|period| span.seconds() / period <= VALUES).unwrap_or(PERIODS[2]);
    let dimension = |name: &str, value: &str| json!({ "Name": name, "Value": value });
    let question = |(at, question): (usize, &Question)| {
        let mut dimensions = vec![dimension("LoadBalancer", balancer(question.load_balancer.as_str()))];
        dimensions
            .extend(question.target_group.iter().map(|group| dimension("TargetGroup", self::group(group.as_str()))));
        let metric = json!({ "Namespace": SPACE, "MetricName": question.metric, "Dimensions": dimensions });
        let stat = json!({ "Metric": metric, "Period": period, "Stat": question.statistic.aws() });
        json!({ "Id": format!("m{at}"), "MetricStat": stat })
    };
    let queries: Vec<Value> = questions.iter().enumerate().map(question).collect();
    let (from, to) = (span.from.as_second(), span.to.as_second());
    let mut asked = json!({ "MetricDataQueries": queries, "StartTime": from, "EndTime": to });
    if let (Some(token), Some(asked)) = (token, asked.as_object_mut()) {
        asked.insert("NextToken".to_owned(), token.into());
    }
    asked
}

/// The end of a load balancer's ARN: `app/web/50dc6c495c0c9188`.
fn balancer(arn: &str) -> &str {
    arn.split_once(":loadbalancer/").map_or(arn, |(_, name)| name)
}

/// The end of a target group's ARN: `targetgroup/django/73e2d6bc24d8a067`.
fn group(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_endpoint_it_is_aws_s_own() {
        for (region, fips, dual, host) in [
            ("eu-west-1", false, false, "monitoring.eu-west-1.amazonaws.com"),
            ("us-east-1", true, false, "monitoring-fips.us-east-1.amazonaws.com"),
            ("eu-west-1", false, true, "monitoring.eu-west-1.api.aws"),
            ("cn-north-1", false, false, "monitoring.cn-north-1.amazonaws.com.cn"),
        ] {
            let config = SdkConfig::builder().use_fips(fips).use_dual_stack(dual).build();
            assert_eq!(endpoint(&config, region), format!("https://{host}"));
            let said = config.into_builder().endpoint_url("http://127.0.0.1:4566").build();
            assert_eq!(endpoint(&said, region), "http://127.0.0.1:4566");
        }
    }

    #[test]
    fn longer_times_are_asked_for_in_larger_pieces() {
        let now: jiff::Timestamp = "2026-11-23T09:30:00Z".parse().unwrap();
        for (hours, period) in [(1, 60), (3, 60), (6, 300), (15, 300), (24, 3_600), (336, 3_600)] {
            let question = Question {
                metric: "RequestCount",
                statistic: Statistic::Sum,
                load_balancer: crate::model::Id("app/web/1".to_owned()),
                target_group: None,
            };
            let asked = asked(&[question], Span::last(hours * 3_600, now), None);
            assert_eq!(asked["MetricDataQueries"][0]["MetricStat"]["Period"], period, "{hours} h");
        }
    }
}
