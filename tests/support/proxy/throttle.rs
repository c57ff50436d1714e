//! AWS's token buckets ("Request throttling for the ELB API"; EC2 and ACM likewise), so that a test sees the
//! throttling that AWS would do.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wire::Call;

/// The buckets of one account and region.
#[derive(Clone, Debug)]
pub struct Buckets {
    /// How much faster than AWS they fill, so that tests need not wait.
    speed: f64,
    levels: BTreeMap<(String, &'static str), (f64, Duration)>,
}

/// A bucket's name, what it holds, and how much flows in each second.
type Bucket = (&'static str, f64, f64);

const ELB_ALL: Bucket = ("elb", 40.0, 10.0);
const ELB_READ: Bucket = ("elb-describe", 40.0, 10.0);
const ELB_WRITE: Bucket = ("elb-mutate", 20.0, 3.0);
const ELB_REGISTER: Bucket = ("elb-register", 20.0, 4.0);
const ELB_HEAVY: Bucket = ("elb-heavy", 10.0, 0.2);
const EC2_READ: Bucket = ("ec2-describe", 50.0, 10.0);
const EC2_WRITE: Bucket = ("ec2-mutate", 50.0, 5.0);
const ACM_READ: Bucket = ("acm-describe", 10.0, 10.0);
const ACM_IMPORT: Bucket = ("acm-import", 1.0, 1.0);
const ACM_WRITE: Bucket = ("acm-mutate", 5.0, 5.0);

impl Buckets {
    /// AWS's own sizes and rates.
    pub const fn of_aws() -> Self {
        Self { speed: 1.0, levels: BTreeMap::new() }
    }

    /// The same, filling so many times faster.
    #[must_use]
    pub fn faster(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// Takes a token from every bucket that the call draws on; `false` if one is empty, and then none is taken.
    /// `now` is the time since any fixed point.
    pub fn take(&mut self, call: &Call, now: Duration) -> bool {
        let buckets = buckets_of(call);
        let owner = format!("{}/{}", call.account, call.region);
        let speed = self.speed;
        let level = |levels: &BTreeMap<_, (f64, Duration)>, (name, size, rate): Bucket| -> f64 {
            levels.get(&(owner.clone(), name)).map_or(size, |(level, at)| {
                let flowed = now.saturating_sub(*at).as_secs_f64() * rate * speed;
                (level + flowed).min(size)
            })
        };
        if buckets.iter().any(|bucket| level(&self.levels, *bucket) < 1.0) {
            return false;
        }
        for bucket in buckets {
            let left = level(&self.levels, bucket) - 1.0;
            self.levels.insert((owner.clone(), bucket.0), (left, now));
        }
        true
    }
}

fn buckets_of(call: &Call) -> Vec<Bucket> {
    match (call.service.as_str(), call.operation.as_str()) {
        ("elasticloadbalancing", "CreateLoadBalancer" | "SetSubnets") => vec![ELB_ALL, ELB_HEAVY],
        ("elasticloadbalancing", "RegisterTargets" | "DeregisterTargets") => vec![ELB_ALL, ELB_REGISTER],
        ("elasticloadbalancing", _) if call.is_read() => vec![ELB_ALL, ELB_READ],
        ("elasticloadbalancing", _) => vec![ELB_ALL, ELB_WRITE],
        ("ec2", _) if call.is_read() => vec![EC2_READ],
        ("ec2", _) => vec![EC2_WRITE],
        ("acm", "ImportCertificate") => vec![ACM_IMPORT],
        ("acm", _) if call.is_read() => vec![ACM_READ],
        ("acm", _) => vec![ACM_WRITE],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call {
        let text = |text: &str| text.to_owned();
        Call {
            service: text("elasticloadbalancing"),
            operation: text(operation),
            account: text("1"),
            region: text("eu-west-1"),
            body: String::new(),
        }
    }

    fn burst(buckets: &mut Buckets, operation: &str, now: Duration) -> usize {
        (0..1000).take_while(|_| buckets.take(&call(operation), now)).count()
    }

    #[test]
    fn buckets_hold_and_fill_as_aws_says() {
        let mut buckets = Buckets::of_aws();
        let start = Duration::from_secs(100);
        assert_eq!(burst(&mut buckets, "ModifyRule", start), 20);
        // the account's bucket holds 40 and 20 are gone, whatever the kind of call
        assert_eq!(burst(&mut buckets, "DescribeRules", start), 20);
        assert_eq!(burst(&mut buckets, "DescribeRules", start + Duration::from_secs(1)), 10);
        assert_eq!(burst(&mut buckets, "ModifyRule", start + Duration::from_secs(5)), 15);
        let mut heavy = Buckets::of_aws();
        assert_eq!(burst(&mut heavy, "SetSubnets", start), 10);
        assert_eq!(burst(&mut heavy, "SetSubnets", start + Duration::from_secs(9)), 1);
    }

    #[test]
    fn accounts_do_not_share_buckets_and_speed_fills_them_faster() {
        let mut buckets = Buckets::of_aws().faster(10.0);
        let start = Duration::from_secs(1);
        assert_eq!(burst(&mut buckets, "ModifyRule", start), 20);
        let other = Call { account: "2".to_owned(), ..call("ModifyRule") };
        assert!(buckets.take(&other, start));
        assert!(!buckets.take(&call("ModifyRule"), start));
        assert_eq!(burst(&mut buckets, "ModifyRule", start + Duration::from_millis(100)), 3);
    }
}
