//! The clients of one account and region, and what they share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use tokio::sync::watch;
use tokio::time::Instant;

use super::budget::{Category, Service};
use super::call::{Call, Caller, Hosts};
use super::error::{incomplete, refused};
use super::metrics::{self, GetMetricData};
use super::{AccessKey, Options, Resolver, endpoint};
use crate::cloud::{CloudError, CloudErrorKind, Identity};
use crate::model::Id;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long AWS may take to find what it has just created.
const FRESH: Duration = Duration::from_secs(120);

/// Clients, budget, and what this process created.
pub(super) struct Session {
    pub(super) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) acm: aws_sdk_acm::Client,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) tagging: aws_sdk_resourcegroupstagging::Client,
    pub(super) get_metric_data: GetMetricData,
    sts: aws_sdk_sts::Client,
    pub(super) calls: Caller,
    pub(super) region: String,
    pub(super) secrets: Resolver,
    created: Mutex<BTreeMap<Id, Instant>>,
    capacities: Mutex<BTreeSet<Id>>,
    /// Turns true once the user no longer wants to wait.
    stop: Mutex<Option<watch::Receiver<bool>>>,
}

impl Session {
    /// Finds configuration and credentials.
    pub(super) async fn connect(options: Options, secrets: Resolver) -> Result<Self, CloudError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(AccessKey { id, secret }) = &options.access_key {
            let keys = aws_sdk_sts::config::Credentials::new(id, secret, None, None, "access_key");
            loader = loader.credentials_provider(keys);
        }
        let found = loader.load().await;
        endpoint::check(&found)?;
        let Some(region) = found.region().map(ToString::to_string).filter(|region| !region.trim().is_empty()) else {
            return Err(refused("configuration", "no region: name one with --region or AWS_REGION"));
        };
        let found = with_profile(found, &options);
        let config = with_role(found, &options).await.into_builder().retry_config(RetryConfig::disabled()).build();
        Ok(Self::new(&config, region, &options, secrets))
    }

    fn new(config: &SdkConfig, region: String, options: &Options, secrets: Resolver) -> Self {
        let hosts = Hosts::default();
        let elb = aws_sdk_elasticloadbalancingv2::config::Builder::from(config).interceptor(hosts.watch(Service::Elb));
        let acm = aws_sdk_acm::config::Builder::from(config).interceptor(hosts.watch(Service::Acm));
        let ec2 = aws_sdk_ec2::config::Builder::from(config).interceptor(hosts.watch(Service::Ec2));
        let sts = aws_sdk_sts::config::Builder::from(config).interceptor(hosts.watch(Service::Sts));
        let tagging = aws_sdk_resourcegroupstagging::config::Builder::from(config);
        let tagging = tagging.interceptor(hosts.watch(Service::Tagging));
        Self {
            elb: aws_sdk_elasticloadbalancingv2::Client::from_conf(elb.build()),
            acm: aws_sdk_acm::Client::from_conf(acm.build()),
            ec2: aws_sdk_ec2::Client::from_conf(ec2.build()),
            tagging: aws_sdk_resourcegroupstagging::Client::from_conf(tagging.build()),
            get_metric_data: metrics::call(config, &region, &hosts),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            calls: Caller::new(options, hosts),
            region,
            secrets,
            created: Mutex::default(),
            capacities: Mutex::default(),
            stop: Mutex::default(),
        }
    }

    /// From now on, waits end when this turns true.
    pub(super) fn heed(&self, stop: watch::Receiver<bool>) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
    }

    /// Waits before another attempt, because of what AWS said to the last one.
    pub(super) async fn wait(&self, pause: Duration, last: CloudError) -> Result<(), CloudError> {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stopped = async {
            let is_stopped = match stop {
                Some(mut stop) => stop.wait_for(|stop| *stop).await.is_ok(),
                None => false,
            };
            // where nobody can interrupt, the time passes
            if !is_stopped {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = stopped => Err(CloudError { kind: CloudErrorKind::Interrupted, ..last }),
        }
    }

    /// Who is calling.
    pub(super) async fn identity(&self) -> Result<Identity, CloudError> {
        const CALL: Call = Call::new("GetCallerIdentity", Category::Sts);
        let answer = self.calls.run(CALL, || self.sts.get_caller_identity().send()).await?;
        Ok(Identity {
            account: answer.account.ok_or_else(|| incomplete(CALL.name, "account"))?,
            region: self.region.clone(),
            arn: answer.arn.unwrap_or_default(),
        })
    }

    /// Remembers what was created, for a while.
    pub(super) fn remember(&self, id: &Id) {
        let mut created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        created.retain(|_, at| at.elapsed() < FRESH);
        created.insert(id.clone(), Instant::now());
    }

    /// Remembers that a load balancer's reserved capacity is of interest.
    pub(super) fn watch_capacity(&self, id: &Id) {
        self.capacities.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
    }

    /// Whether a load balancer's reserved capacity was read before.
    pub(super) fn watches_capacity(&self, id: &Id) -> bool {
        self.capacities.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Whether it was created moments ago, so that AWS may not find it everywhere yet.
    pub(super) fn is_fresh(&self, id: &Id) -> bool {
        let created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        created.get(id).is_some_and(|at| at.elapsed() < FRESH)
    }
}

/// The same configuration, with the credentials of the profile that was asked for by name: it wins over
/// keys in the environment, as with other tools.
fn with_profile(config: SdkConfig, options: &Options) -> SdkConfig {
    let Some(profile) = &options.profile else { return config };
    let surroundings = ProviderConfig::without_region().with_region(config.region().cloned());
    let provider = ProfileFileCredentialsProvider::builder().configure(&surroundings).profile_name(profile).build();
    let provider = aws_sdk_sts::config::SharedCredentialsProvider::new(provider);
    config.into_builder().credentials_provider(provider).build()
}

/// The same configuration, with the credentials of the role to assume.
async fn with_role(config: SdkConfig, options: &Options) -> SdkConfig {
    let Some(role) = &options.assume_role else { return config };
    let mut provider = AssumeRoleProvider::builder(role).configure(&config).session_name("no502");
    if let Some(id) = &options.external_id {
        provider = provider.external_id(id);
    }
    let Some(base) = config.credentials_provider() else { return config };
    let provider = provider.build_from_provider(base).await;
    let provider = aws_sdk_sts::config::SharedCredentialsProvider::new(provider);
    config.into_builder().credentials_provider(provider).build()
}

#[cfg(test)]
impl Session {
    /// A session of the account 000000000000 on an endpoint, whatever this machine is configured for.
    pub(super) fn for_test(endpoint: &str, secrets: Resolver) -> Self {
        let keys = aws_sdk_sts::config::Credentials::new("000000000000", "test", None, None, "test");
        let keys = aws_sdk_sts::config::SharedCredentialsProvider::new(keys);
        let config = Self::test_config(endpoint).into_builder().credentials_provider(keys).build();
        let options = Options { max_rps: Some(1000.0), ..Options::default() };
        let mut session = Self::new(&config, "eu-west-1".to_owned(), &options, secrets);
        session.calls.pace = 0.001;
        session
    }

    /// A session that finds no credentials.
    pub(super) fn without_credentials(endpoint: &str) -> Self {
        let profile = ProfileFileCredentialsProvider::builder().profile_name("none-of-no502");
        let chain = aws_config::meta::credentials::CredentialsProviderChain::first_try("Profile", profile.build());
        let chain = aws_sdk_sts::config::SharedCredentialsProvider::new(chain);
        let config = Self::test_config(endpoint).into_builder().credentials_provider(chain).build();
        let secrets: Resolver = std::sync::Arc::new(|_| Err("none".to_owned()));
        Self::new(&config, "eu-west-1".to_owned(), &Options::default(), secrets)
    }

    fn test_config(endpoint: &str) -> SdkConfig {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(endpoint)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .build()
    }
}
