//! CloudWatch, which is called by hand: what is sent, what pages and errors become.

use super::*;
use crate::cloud::metric::{Question, Span, Statistic};

const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-1:000000000000";

fn questions(count: usize) -> Vec<Question> {
    let of_group = |at: usize| (at % 2 == 1).then(|| Id(format!("{ELB}:targetgroup/django/73e2")));
    let question = |at: usize| Question {
        metric: "RequestCount",
        statistic: if at == 0 { Statistic::Maximum } else { Statistic::Sum },
        load_balancer: Id(format!("{ELB}:loadbalancer/app/web/50dc")),
        target_group: of_group(at),
    };
    (0..count).map(question).collect()
}

fn hour() -> Span {
    Span::last(3_600, "2026-11-23T09:30:40Z".parse().unwrap())
}

fn page(values: &str, token: &str) -> Reply {
    Reply::Http(200, format!("{{ \"MetricDataResults\": [{values}]{token} }}"))
}

async fn asked(
    count: usize,
    script: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> Result<Vec<Option<f64>>, CloudError> {
    connect(&serve(script).await).await.metrics(&questions(count), hour()).await
}

#[tokio::test]
async fn pages_and_values_become_one_answer_each() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let answers = asked(3, move |request| {
        requests.lock().unwrap().push(request.to_owned());
        if request.contains("NextToken") {
            page(r#"{ "Id": "m0", "Values": [2, 9] }, { "Id": "m1", "Values": [0.5] }"#, "")
        } else {
            page(
                r#"{ "Id": "m0", "Values": [7] }, { "Id": "m1", "Values": [1, 2] }, { "Id": "x" }"#,
                r#", "NextToken": "more""#,
            )
        }
    });
    assert_eq!(answers.await.unwrap(), [Some(9.0), Some(3.5), None]);
    let requests = seen.lock().unwrap();
    assert_eq!(requests.len(), 2);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    for part in [
        "post / http/1.1",
        "x-amz-target: graniteserviceversion20100801.getmetricdata",
        "content-type: application/x-amz-json-1.0",
        "/eu-west-1/monitoring/aws4_request",
    ] {
        assert!(head.contains(part), "{part}\n{head}");
    }
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(
        (&body["StartTime"], &body["EndTime"]),
        (&at("2026-11-23T08:30:00Z").into(), &at("2026-11-23T09:30:40Z").into())
    );
    let stat = &body["MetricDataQueries"][1]["MetricStat"];
    assert_eq!((&stat["Period"], &stat["Stat"]), (&60.into(), &"Sum".into()));
    let dimensions = stat["Metric"]["Dimensions"].to_string();
    assert!(dimensions.contains("app/web/50dc") && dimensions.contains("targetgroup/django/73e2"), "{dimensions}");
    assert_eq!(body["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn five_hundred_questions_go_into_a_call() {
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let answers = asked(501, move |_| {
        *counted.lock().unwrap() += 1;
        page(r#"{ "Id": "m0", "Values": [4] }, { "Id": "m1", "Values": [5] }"#, "")
    });
    let answers = answers.await.unwrap();
    assert_eq!((answers[0], answers[1], answers[2], answers[500]), (Some(4.0), Some(5.0), None, Some(4.0)));
    assert_eq!((answers.len(), *calls.lock().unwrap()), (501, 2));
}

#[tokio::test]
async fn errors_are_sorted_as_those_of_other_services() {
    let fault =
        |status, kind: &str| Reply::Http(status, format!("{{ \"__type\": \"{kind}\", \"message\": \"because\" }}"));
    for (reply, kind, code) in [
        (
            fault(400, "com.amazonaws.cloudwatch#AccessDeniedException"),
            CloudErrorKind::Denied,
            Some("AccessDeniedException"),
        ),
        (fault(400, "ThrottlingException"), CloudErrorKind::Throttled, Some("ThrottlingException")),
        (fault(400, "InvalidParameterValue"), CloudErrorKind::Refused, Some("InvalidParameterValue")),
        (Reply::Http(403, "<html>Proxy says no</html>".into()), CloudErrorKind::Malformed, None),
        (Reply::Http(200, "<html>Welcome</html>".into()), CloudErrorKind::Malformed, None),
        (Reply::Close, CloudErrorKind::TimedOut, None),
    ] {
        let error = asked(1, move |_| reply.clone()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.code.as_deref(), error.operation.as_str()),
            (kind, code, "GetMetricData"),
            "{error}"
        );
        if code.is_some() {
            assert_eq!(error.message, "because");
        }
    }
}
