//! The API budget: token buckets on tokio's clock, one set per process.
//!
//! AWS throttles an account and region as a whole: what we take, people and controllers lose. All ELB
//! actions share one bucket (40, refilled 10/s); we default to 8/s with a burst of 30. Sources: user
//! guide "Request throttling for the ELB API", EC2 and ACM quotas.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Our default rate for all ELB calls together, per second.
const ELB_RATE: f64 = 8.0;
/// How many ELB calls may go out at once before the rate holds.
const ELB_BURST: f64 = 30.0;

/// One of the buckets that AWS keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    Elb,
    ElbWrite,
    ElbRegister,
    ElbHeavy,
    AcmDescribe,
    AcmList,
    AcmTags,
    AcmWrite,
    AcmImport,
    Ec2Read,
    Ec2Write,
    Tagging,
    Metrics,
    Sts,
}

impl Bucket {
    const ALL: [Self; 14] = [
        Self::Elb,
        Self::ElbWrite,
        Self::ElbRegister,
        Self::ElbHeavy,
        Self::AcmDescribe,
        Self::AcmList,
        Self::AcmTags,
        Self::AcmWrite,
        Self::AcmImport,
        Self::Ec2Read,
        Self::Ec2Write,
        Self::Tagging,
        Self::Metrics,
        Self::Sts,
    ];

    /// Rate per second and burst.
    const fn limits(self) -> (f64, f64) {
        match self {
            Self::Elb => (ELB_RATE, ELB_BURST),
            Self::ElbWrite => (3.0, 20.0),
            Self::ElbRegister => (4.0, 20.0),
            Self::ElbHeavy => (0.2, 10.0),
            Self::AcmDescribe | Self::AcmTags => (10.0, 10.0),
            Self::AcmList => (8.0, 8.0),
            Self::AcmWrite => (5.0, 5.0),
            Self::AcmImport => (1.0, 1.0),
            Self::Ec2Read => (20.0, 100.0),
            Self::Ec2Write => (5.0, 50.0),
            // tagging API: GetResources takes 15 a second
            Self::Tagging => (10.0, 15.0),
            // CloudWatch: GetMetricData takes 50 a second
            Self::Metrics => (10.0, 20.0),
            Self::Sts => (10.0, 50.0),
        }
    }
}

/// What kind of call it is: which buckets it draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// ELB `Describe*`.
    ElbRead,
    /// ELB calls that change something.
    ElbWrite,
    /// `RegisterTargets`, `DeregisterTargets`.
    ElbRegister,
    /// `CreateLoadBalancer`, `SetSubnets`.
    ElbHeavy,
    /// ACM `DescribeCertificate`.
    AcmDescribe,
    /// ACM `ListCertificates`.
    AcmList,
    /// ACM `ListTagsForCertificate`.
    AcmTags,
    /// ACM `RequestCertificate`, `AddTagsToCertificate`.
    AcmWrite,
    /// ACM `ImportCertificate`.
    AcmImport,
    /// EC2 `Describe*` with a filter or a page size.
    Ec2Read,
    /// EC2 calls that change something.
    Ec2Write,
    /// Tagging API `GetResources`.
    Tagging,
    /// CloudWatch `GetMetricData`.
    Metrics,
    /// STS.
    Sts,
}

/// The service behind an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// Elastic Load Balancing v2.
    Elb,
    /// Certificate Manager.
    Acm,
    /// EC2.
    Ec2,
    /// Resource Groups Tagging API.
    Tagging,
    /// CloudWatch.
    CloudWatch,
    /// Security Token Service.
    Sts,
}

impl Category {
    const fn buckets(self) -> &'static [Bucket] {
        match self {
            Self::ElbRead => &[Bucket::Elb],
            Self::ElbWrite => &[Bucket::Elb, Bucket::ElbWrite],
            Self::ElbRegister => &[Bucket::Elb, Bucket::ElbRegister],
            Self::ElbHeavy => &[Bucket::Elb, Bucket::ElbHeavy],
            Self::AcmDescribe => &[Bucket::AcmDescribe],
            Self::AcmList => &[Bucket::AcmList],
            Self::AcmTags => &[Bucket::AcmTags],
            Self::AcmWrite => &[Bucket::AcmWrite],
            Self::AcmImport => &[Bucket::AcmImport],
            Self::Ec2Read => &[Bucket::Ec2Read],
            Self::Ec2Write => &[Bucket::Ec2Write],
            Self::Tagging => &[Bucket::Tagging],
            Self::Metrics => &[Bucket::Metrics],
            Self::Sts => &[Bucket::Sts],
        }
    }

    /// The service that is called.
    pub(super) const fn service(self) -> Service {
        match self {
            Self::ElbRead | Self::ElbWrite | Self::ElbRegister | Self::ElbHeavy => Service::Elb,
            Self::AcmDescribe | Self::AcmList | Self::AcmTags | Self::AcmWrite | Self::AcmImport => Service::Acm,
            Self::Ec2Read | Self::Ec2Write => Service::Ec2,
            Self::Tagging => Service::Tagging,
            Self::Metrics => Service::CloudWatch,
            Self::Sts => Service::Sts,
        }
    }
}

/// One bucket's level. It may go below zero: then callers wait in the order they came.
#[derive(Debug)]
struct Level {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Level {
    fn refill(&mut self) {
        let now = Instant::now();
        self.tokens = self.burst.min((now - self.at).as_secs_f64().mul_add(self.rate, self.tokens));
        self.at = now;
    }
    fn take(&mut self) -> Duration {
        self.refill();
        self.tokens -= 1.0;
        if self.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.tokens / self.rate) }
    }
    fn empty(&mut self) {
        self.refill();
        self.tokens = self.tokens.min(0.0);
    }
}

/// All buckets.
#[derive(Debug)]
pub(super) struct Budget {
    levels: Mutex<BTreeMap<Bucket, Level>>,
}

impl Budget {
    /// A budget with this rate for all ELB calls together. Below our default it also caps the burst.
    /// Above it every other limit grows alike: for an emulator, or an account with raised limits.
    pub(super) fn new(max_rps: Option<f64>) -> Self {
        let elb_rate = max_rps.filter(|rps| rps.is_finite() && *rps > 0.0).unwrap_or(ELB_RATE);
        let growth = (elb_rate / ELB_RATE).max(1.0);
        let level = |bucket: Bucket| {
            let (rate, burst) = bucket.limits();
            let (rate, burst) = match bucket {
                Bucket::Elb if elb_rate < ELB_RATE => (elb_rate, elb_rate.max(1.0)),
                Bucket::Elb
                | Bucket::ElbWrite
                | Bucket::ElbRegister
                | Bucket::ElbHeavy
                | Bucket::AcmDescribe
                | Bucket::AcmList
                | Bucket::AcmTags
                | Bucket::AcmWrite
                | Bucket::AcmImport
                | Bucket::Ec2Read
                | Bucket::Ec2Write
                | Bucket::Tagging
                | Bucket::Metrics
                | Bucket::Sts => (rate * growth, burst * growth),
            };
            (bucket, Level { rate, burst, tokens: burst, at: Instant::now() })
        };
        Self { levels: Mutex::new(Bucket::ALL.into_iter().map(level).collect()) }
    }

    /// Waits for a token from each bucket the category draws on.
    pub(super) async fn take(&self, category: Category) {
        let wait = self.each(category, Level::take).into_iter().max().unwrap_or_default();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// AWS throttled a call: what we believed to have, others have used.
    pub(super) fn throttled(&self, category: Category) {
        self.each(category, Level::empty);
    }

    fn each<T>(&self, category: Category, f: impl Fn(&mut Level) -> T) -> Vec<T> {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        category.buckets().iter().filter_map(|bucket| Some(f(levels.get_mut(bucket)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn seconds_for(budget: &Budget, category: Category, calls: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..calls {
            budget.take(category).await;
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn the_burst_is_free_and_then_the_rate_holds() {
        let budget = Budget::new(None);
        assert!(seconds_for(&budget, Category::ElbRead, 30).await < 0.001);
        let took = seconds_for(&budget, Category::ElbRead, 80).await;
        assert!((9.9..10.2).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn writes_draw_on_the_shared_bucket_and_on_their_own() {
        let budget = Budget::new(None);
        seconds_for(&budget, Category::ElbWrite, 20).await;
        let took = seconds_for(&budget, Category::ElbWrite, 3).await;
        assert!((0.9..1.1).contains(&took), "{took}");
        assert!(seconds_for(&budget, Category::ElbRead, 10).await < 0.01, "reads have the rest");
    }

    #[tokio::test(start_paused = true)]
    async fn max_rps_lowers_rate_and_burst_and_lifts_all_limits() {
        let slow = Budget::new(Some(2.0));
        let took = seconds_for(&slow, Category::ElbRead, 12).await;
        assert!((4.9..5.1).contains(&took), "{took}");
        let fast = Budget::new(Some(800.0));
        assert!(seconds_for(&fast, Category::ElbWrite, 200).await < 0.1);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_wait_in_turn_and_throttling_empties_the_bucket() {
        let budget = std::sync::Arc::new(Budget::new(None));
        budget.throttled(Category::ElbRead);
        let took = seconds_for(&budget, Category::ElbRead, 8).await;
        assert!((0.9..1.1).contains(&took), "{took}");
        assert!(seconds_for(&budget, Category::Ec2Read, 100).await < 0.001, "services do not share");
    }
}
