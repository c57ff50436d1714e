//! The proxy itself, before a made-up endpoint: real SDK clients judge whether its answers are AWS's.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_acm::error::ProvideErrorMetadata;
use aws_sdk_elasticloadbalancingv2::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use std::time::Duration;

use super::*;

/// An endpoint that answers every call with the same empty success, in the format of the caller's service.
struct Endpoint {
    address: SocketAddr,
    served: Arc<AtomicU64>,
}

impl Endpoint {
    fn start() -> Self {
        let listener = wait_for(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&served);
        runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let Ok(Some(request)) = http::read(&mut stream, Side::Request).await else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let call = Call::of(&request).unwrap();
                let answer = match call.service.as_str() {
                    "acm" => Message::response(200, "application/x-amz-json-1.1", "{}"),
                    _ => {
                        let name = call.operation;
                        let body = format!("<{name}Response><{name}Result></{name}Result></{name}Response>");
                        Message::response(200, "text/xml", body)
                    }
                };
                let _ = stream.write_all(&answer.to_bytes(true)).await;
            }
        });
        Self { address, served }
    }
    fn proxy(&self) -> Proxy {
        Proxy::before(&format!("http://{}", self.address))
    }
    fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst)
    }
}

macro_rules! client {
    ($service:ident, $proxy:expr) => {{
        let config = $service::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("000000000007", "x", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url($proxy.endpoint());
        $service::Client::from_conf(config.build())
    }};
}

fn describe(proxy: &Proxy) -> Result<(), String> {
    let client = client!(aws_sdk_elasticloadbalancingv2, proxy);
    let answer = wait_for(client.describe_rules().listener_arn("arn").send());
    answer.map(drop).map_err(|e| e.code().unwrap_or("no code").to_owned())
}

fn modify(proxy: &Proxy) -> Result<(), String> {
    let client = client!(aws_sdk_elasticloadbalancingv2, proxy);
    let answer = wait_for(client.delete_rule().rule_arn("rule/b").send());
    answer.map(drop).map_err(|e| e.code().unwrap_or("no code").to_owned())
}

fn ec2(proxy: &Proxy) -> Result<(), String> {
    let answer = wait_for(client!(aws_sdk_ec2, proxy).describe_vpcs().send());
    answer.map(drop).map_err(|e| e.code().unwrap_or("no code").to_owned())
}

fn acm(proxy: &Proxy) -> Result<(), String> {
    let answer = wait_for(client!(aws_sdk_acm, proxy).list_certificates().send());
    answer.map(drop).map_err(|e| e.code().unwrap_or("no code").to_owned())
}

fn sts(proxy: &Proxy) -> Result<(), String> {
    let answer = wait_for(client!(aws_sdk_sts, proxy).get_caller_identity().send());
    answer.map(drop).map_err(|e| e.code().unwrap_or("no code").to_owned())
}

fn failed(code: &str) -> Result<(), String> {
    Err(code.to_owned())
}

#[test]
fn calls_pass_and_are_counted_by_operation_and_account() {
    let endpoint = Endpoint::start();
    let proxy = endpoint.proxy();
    assert_eq!([describe(&proxy), describe(&proxy), ec2(&proxy), acm(&proxy), sts(&proxy)], [const { Ok(()) }; 5]);
    let expected = [("DescribeRules", 2), ("DescribeVpcs", 1), ("GetCallerIdentity", 1), ("ListCertificates", 1)];
    let expected: BTreeMap<String, u64> = expected.map(|(name, n)| (name.to_owned(), n)).into();
    assert_eq!(proxy.counts(), expected);
    assert_eq!(proxy.counts_of("000000000007"), expected);
    assert!(proxy.counts_of("000000000008").is_empty());
    assert_eq!(endpoint.served(), 5);
    assert_eq!(proxy.calls()[0].region, "eu-west-1");
}

#[test]
fn one_client_keeps_its_connection() {
    let endpoint = Endpoint::start();
    let proxy = endpoint.proxy();
    let client = client!(aws_sdk_elasticloadbalancingv2, proxy);
    for _ in 0..20 {
        wait_for(client.describe_rules().listener_arn("arn").send()).unwrap();
    }
    assert_eq!(proxy.count("DescribeRules"), 20);
}

#[test]
fn the_nth_call_fails_and_no_other() {
    let endpoint = Endpoint::start();
    let proxy = endpoint.proxy();
    proxy.on("DescribeRules").only(2).answer(400, "ListenerNotFound", "gone & <away>");
    assert_eq!(describe(&proxy), Ok(()));
    assert_eq!(modify(&proxy), Ok(()));
    assert_eq!(describe(&proxy), failed("ListenerNotFound"));
    assert_eq!(describe(&proxy), Ok(()));
    assert_eq!((endpoint.served(), proxy.count("DescribeRules")), (3, 3));
}

#[test]
fn first_and_from_are_counted_from_now() {
    let proxy = Endpoint::start().proxy();
    assert_eq!(describe(&proxy), Ok(()));
    proxy.on("Describe*").first(1).answer(503, "ServiceUnavailable", "later");
    proxy.on("DescribeRules").from(3).answer(400, "ListenerNotFound", "gone");
    let seen: Vec<_> = (0..4).map(|_| describe(&proxy)).collect();
    assert_eq!(seen, [failed("ServiceUnavailable"), Ok(()), failed("ListenerNotFound"), failed("ListenerNotFound")]);
}

#[test]
fn a_rule_can_look_into_the_call() {
    let proxy = Endpoint::start().proxy();
    proxy.on("DeleteRule").holding("rule%2Fa").deny();
    assert_eq!(modify(&proxy), Ok(()));
    proxy.on("DeleteRule").holding("rule%2Fb").deny();
    assert_eq!(modify(&proxy), failed("AccessDenied"));
}

#[test]
fn each_service_denies_in_its_own_words() {
    let endpoint = Endpoint::start();
    let proxy = endpoint.proxy();
    proxy.on("*").deny();
    assert_eq!(describe(&proxy), failed("AccessDenied"));
    assert_eq!(sts(&proxy), failed("AccessDenied"));
    assert_eq!(ec2(&proxy), failed("UnauthorizedOperation"));
    assert_eq!(acm(&proxy), failed("AccessDeniedException"));
    assert_eq!(endpoint.served(), 0);
    proxy.calm();
    assert_eq!(acm(&proxy), Ok(()));
}

#[test]
fn each_service_throttles_in_its_own_words() {
    let proxy = Endpoint::start().proxy();
    proxy.throttle(Buckets::of_aws());
    let until_refused = |call: fn(&Proxy) -> Result<(), String>| (0..200).find_map(|_| call(&proxy).err());
    assert_eq!(until_refused(modify).as_deref(), Some("Throttling"));
    assert_eq!(until_refused(acm).as_deref(), Some("ThrottlingException"));
    assert_eq!(until_refused(ec2).as_deref(), Some("RequestLimitExceeded"));
}

#[test]
fn a_malformed_answer_is_no_success() {
    let endpoint = Endpoint::start();
    let proxy = endpoint.proxy();
    proxy.on("*").meets(Fault::Malformed);
    assert_eq!([describe(&proxy), ec2(&proxy), acm(&proxy)], [(); 3].map(|()| failed("no code")));
    assert_eq!(endpoint.served(), 0);
}

#[test]
fn a_dropped_call_has_no_effect_and_a_lost_answer_has() {
    let endpoint = Endpoint::start();
    let proxy = endpoint.proxy();
    proxy.on("DeleteRule").only(1).meets(Fault::Drop);
    assert_eq!(modify(&proxy), failed("no code"));
    assert_eq!(endpoint.served(), 0);
    proxy.on("DeleteRule").only(1).meets(Fault::LoseAnswer);
    assert_eq!(modify(&proxy), failed("no code"));
    assert_eq!(endpoint.served(), 1);
    assert_eq!(modify(&proxy), Ok(()));
}

#[test]
fn a_call_can_be_late() {
    let proxy = Endpoint::start().proxy();
    proxy.on("DescribeRules").meets(Fault::Delay(Duration::from_millis(300)));
    let start = Instant::now();
    assert_eq!(describe(&proxy), Ok(()));
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_call_waits_until_it_is_released() {
    let endpoint = Endpoint::start();
    let proxy = endpoint.proxy();
    let hold = Hold::new();
    proxy.on("DeleteRule").only(1).meets(Fault::Hold(hold.clone()));
    assert!(!hold.arrived(Duration::from_millis(10)));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| modify(&proxy));
        assert!(hold.arrived(Duration::from_secs(10)));
        assert!(!held.is_finished());
        assert_eq!(endpoint.served(), 0);
        hold.release();
        assert_eq!(held.join().unwrap(), Ok(()));
    });
    assert_eq!(endpoint.served(), 1);
}

#[test]
fn two_proxies_do_not_know_each_other() {
    let endpoint = Endpoint::start();
    let (a, b) = (endpoint.proxy(), endpoint.proxy());
    a.on("*").deny();
    assert_eq!(describe(&a), failed("AccessDenied"));
    assert_eq!(describe(&b), Ok(()));
    assert_eq!((a.count("DescribeRules"), b.count("DescribeRules")), (1, 1));
}

#[test]
fn an_endpoint_that_is_gone_cuts_the_connection() {
    let listener = wait_for(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(describe(&Proxy::before(&format!("http://{address}"))), failed("no code"));
}
