//! One way out: every call to AWS takes a token, is counted, and is repeated only where that is safe.
//!
//! The SDK's own retries are off, because they would neither take tokens nor be counted, and because
//! they repeat quota errors (acm `LimitExceededException`) and creates that are not idempotent.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Options;
use super::budget::{Budget, Category, Service};
use super::error::{After, classify};
use crate::cloud::{ApiCalls, CloudError, CloudErrorKind};

/// Attempts in all.
const ATTEMPTS: u32 = 5;
/// Attempts where no connection comes about: waiting longer helps nobody.
const CONNECT_ATTEMPTS: u32 = 3;
/// Calls in flight at once.
const IN_FLIGHT: usize = 32;

/// An API operation: its name, what it draws on, and whether it does no harm twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) name: &'static str,
    category: Category,
    idempotent: bool,
}

impl Call {
    /// A call that does no harm twice.
    pub(super) const fn new(name: &'static str, category: Category) -> Self {
        Self { name, category, idempotent: true }
    }
    /// A call that must not be repeated once it may have had its effect.
    pub(super) const fn once(name: &'static str, category: Category) -> Self {
        Self { name, category, idempotent: false }
    }
    /// An ELB `Describe*`.
    pub(super) const fn elb(name: &'static str) -> Self {
        Self::new(name, Category::ElbRead)
    }
    /// An ELB call that changes something and does no harm twice.
    pub(super) const fn elb_write(name: &'static str) -> Self {
        Self::new(name, Category::ElbWrite)
    }
}

/// Remembers the host that a client's requests go to, for error messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(Arc<Mutex<BTreeMap<Service, String>>>);

impl Hosts {
    fn of(&self, service: Service) -> String {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&service).cloned().unwrap_or_else(|| "the endpoint".to_owned())
    }
    /// What a client of this service must carry.
    pub(super) fn watch(&self, service: Service) -> HostWatch {
        HostWatch { hosts: self.clone(), service }
    }
}

/// Sees where requests go.
#[derive(Debug)]
pub(super) struct HostWatch {
    hosts: Hosts,
    service: Service,
}

#[dyn_dispatch_hint]
impl Intercept for HostWatch {
    fn name(&self) -> &'static str {
        "HostWatch"
    }
    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = context.request().uri();
        let host = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let host = host.split(['/', '?']).next().unwrap_or(host);
        let mut hosts = self.hosts.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.insert(self.service, host.to_owned());
        Ok(())
    }
}

/// Makes calls.
#[derive(Debug)]
pub(super) struct Caller {
    budget: Budget,
    hosts: Hosts,
    counts: Mutex<ApiCalls>,
    jitter: Mutex<u64>,
    in_flight: Semaphore,
    /// What pauses between attempts are multiplied by: 1, and less in tests.
    pub(super) pace: f64,
    /// The profile that was asked for by name.
    profile: Option<String>,
}

impl Caller {
    pub(super) fn new(options: &Options, hosts: Hosts) -> Self {
        Self {
            budget: Budget::new(options.max_rps),
            hosts,
            counts: Mutex::default(),
            jitter: Mutex::new(options.seed),
            in_flight: Semaphore::new(IN_FLIGHT),
            pace: 1.0,
            profile: options.profile.clone(),
        }
    }

    /// The calls made so far.
    pub(super) fn counts(&self) -> ApiCalls {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a call, again where that is safe and may help.
    pub(super) async fn run<T, E, F, Fut>(&self, call: Call, send: F) -> Result<T, CloudError>
    where
        F: Fn() -> Fut + Send,
        Fut: Future<Output = Result<T, SdkError<E, Response>>> + Send,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        T: Send,
    {
        let mut attempt = 1;
        loop {
            self.budget.take(call.category).await;
            self.count(call.name);
            let answer = {
                let _permit = self.in_flight.acquire().await;
                send().await
            };
            let failure = match answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => classify(call.name, &self.hosts.of(call.category.service()), &failure),
            };
            let (again, base) = match failure.after {
                After::Stop => (false, Duration::ZERO),
                After::Throttled => {
                    self.budget.throttled(call.category);
                    (attempt < ATTEMPTS, Duration::from_millis(800))
                }
                After::Unsent => (attempt < CONNECT_ATTEMPTS, Duration::from_millis(100)),
                After::Unclear => (attempt < ATTEMPTS && call.idempotent, Duration::from_millis(200)),
            };
            if !again {
                return Err(self.with_profile(failure.error));
            }
            tracing::debug!(operation = call.name, attempt, error = %failure.error, "trying again");
            tokio::time::sleep(self.backoff(base, attempt)).await;
            attempt += 1;
        }
    }

    /// Names the profile where credentials are the trouble.
    fn with_profile(&self, mut error: CloudError) -> CloudError {
        if let (CloudErrorKind::Credentials, Some(profile)) = (error.kind, &self.profile) {
            error.message = format!("profile {profile}: {}", error.message);
        }
        error
    }

    fn count(&self, operation: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.by_operation.entry(operation.to_owned()).or_default() += 1;
    }

    /// Half of it fixed, half of it random, doubling each time.
    fn backoff(&self, base: Duration, attempt: u32) -> Duration {
        let whole = base * 2_u32.saturating_pow(attempt - 1);
        whole.mul_f64((0.5 + self.random() / 2.0) * self.pace)
    }

    /// The next number of the jitter's sequence in 0..1 (splitmix64, seeded by the caller).
    fn random(&self) -> f64 {
        let mut state = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        f64::from(u32::try_from(z >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }
}

/// A failure that concerns this call only stays a value; one that concerns all ends the work.
pub(super) fn soft<T>(result: Result<T, CloudError>) -> Result<Result<T, CloudError>, CloudError> {
    match result {
        Err(error) if error.kind.is_fatal() => Err(error),
        other => Ok(other),
    }
}

/// Work on many items at once, results in the items' order.
///
/// # Errors
/// The first fatal failure; the rest is then given up.
pub(super) async fn each<K, T, F, Fut>(items: Vec<K>, work: F) -> Result<Vec<(K, Result<T, CloudError>)>, CloudError>
where
    K: Clone + Send + 'static,
    T: Send + 'static,
    F: Fn(K) -> Fut,
    Fut: Future<Output = Result<T, CloudError>> + Send + 'static,
{
    let mut set = JoinSet::new();
    let mut results: Vec<Option<Result<T, CloudError>>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let work = work(item.clone());
        results.push(None);
        set.spawn(async move { (index, work.await) });
    }
    while let Some(joined) = set.join_next().await {
        match joined {
            Ok((index, result)) => {
                let result = soft(result)?;
                if let Some(slot) = results.get_mut(index) {
                    *slot = Some(result);
                }
            }
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => {}
        }
    }
    Ok(items.into_iter().zip(results).filter_map(|(item, result)| Some((item, result?))).collect())
}
