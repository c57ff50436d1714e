//! Load balancers: SDK shape ⇄ spec, and the calls for one.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{self as sdk, LoadBalancerAttribute};

use super::budget::Category;
use super::call::Call;
use super::error::{incomplete, present};
use super::execute::{arn, arns};
use super::session::Session;
use super::tags;
use crate::cloud::{CloudError, CloudErrorKind, LoadBalancerFacts, Output};
use crate::model::kind::{IpamPool, LoadBalancer};
use crate::model::value::{IpAddressType, Scheme};
use crate::model::{Id, Link};

const PAGE: i32 = 400;

/// The type of load balancer that no502 speaks of.
pub(super) const APPLICATION: &str = "application";

/// The spec and the facts; reserved capacity, attributes and tags are read apart. `None` for an answer without ARN or name.
pub(super) fn from_sdk(lb: sdk::LoadBalancer) -> Option<(Id, LoadBalancer, LoadBalancerFacts)> {
    let id = Id(lb.load_balancer_arn?);
    let zones = lb.availability_zones.unwrap_or_default();
    let subnets = zones.iter().filter_map(|zone| zone.subnet_id.clone()).map(link).collect();
    let state = lb.state;
    let facts = LoadBalancerFacts {
        state: state.as_ref().and_then(|s| s.code.as_ref()).map(|c| c.as_str().to_owned()).unwrap_or_default(),
        reason: state.and_then(|s| s.reason).filter(|reason| !reason.is_empty()),
        dns_name: lb.dns_name,
        vpc: lb.vpc_id.map(Id),
        zones: zones.into_iter().filter_map(|zone| zone.zone_name).collect(),
        capacity_pending: false,
    };
    let ipam_pool = lb.ipam_pools.and_then(|pools| pools.ipv4_ipam_pool_id).filter(|pool| !pool.is_empty());
    let spec = LoadBalancer {
        name: lb.load_balancer_name?,
        scheme: lb.scheme.and_then(|s| Scheme::from_aws(s.as_str())),
        ip_address_type: lb.ip_address_type.and_then(|t| IpAddressType::from_aws(t.as_str())),
        subnets: Some(subnets),
        security_groups: Some(lb.security_groups.unwrap_or_default().into_iter().map(link).collect()),
        ipam_pool: Some(ipam_pool.map_or(IpamPool::None, |pool| IpamPool::Pool(Id(pool)))),
        customer_owned_ipv4_pool: lb.customer_owned_ipv4_pool.filter(|pool| !pool.is_empty()),
        minimum_capacity: None,
        attributes: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    Some((id, spec, facts))
}

fn link(id: String) -> Link {
    Link::Id(Id(id))
}

/// The pools to set; `None` for none.
fn pools(pool: &IpamPool) -> Option<sdk::IpamPools> {
    match pool {
        IpamPool::None => None,
        IpamPool::Pool(id) => Some(sdk::IpamPools::builder().ipv4_ipam_pool_id(id.as_str()).build()),
    }
}

/// The name of an Application Load Balancer; `None` for one of another type.
pub(super) fn application_name(lb: sdk::LoadBalancer) -> Option<String> {
    let is_application = lb.r#type.as_ref().is_none_or(|t| t.as_str() == APPLICATION);
    lb.load_balancer_name.filter(|_| is_application)
}

impl Session {
    /// Every load balancer of the account, whatever its type.
    pub(super) async fn list_load_balancers(&self) -> Result<Vec<sdk::LoadBalancer>, CloudError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request = self.elb.describe_load_balancers().page_size(PAGE).set_marker(marker.take());
            let page = self.calls.run(Call::elb("DescribeLoadBalancers"), || request.clone().send()).await?;
            found.extend(present("DescribeLoadBalancers", page.load_balancers)?);
            marker = page.next_marker.filter(|next| !next.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// One load balancer, if it is there.
    pub(super) async fn load_balancer(&self, id: &Id) -> Result<Option<sdk::LoadBalancer>, CloudError> {
        let request = self.elb.describe_load_balancers().load_balancer_arns(id.as_str());
        match self.calls.run(Call::elb("DescribeLoadBalancers"), || request.clone().send()).await {
            Ok(answer) => {
                let mut found = present("DescribeLoadBalancers", answer.load_balancers)?.into_iter();
                Ok(found.find(|lb| lb.load_balancer_arn.as_deref() == Some(id.as_str())))
            }
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The load balancer of this name, if it is there.
    pub(super) async fn load_balancer_named(&self, name: &str) -> Result<Option<Id>, CloudError> {
        let request = self.elb.describe_load_balancers().names(name);
        match self.calls.run(Call::elb("DescribeLoadBalancers"), || request.clone().send()).await {
            Ok(answer) => {
                let found = present("DescribeLoadBalancers", answer.load_balancers)?;
                Ok(found.into_iter().find_map(|found| found.load_balancer_arn).map(Id))
            }
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Its attributes; unset ones are empty texts.
    pub(super) async fn load_balancer_attributes(&self, id: &Id) -> Result<BTreeMap<String, String>, CloudError> {
        let request = self.elb.describe_load_balancer_attributes().load_balancer_arn(id.as_str());
        let answer = self.calls.run(Call::elb("DescribeLoadBalancerAttributes"), || request.clone().send()).await?;
        let entry = |a: LoadBalancerAttribute| Some((a.key?, a.value.unwrap_or_default()));
        Ok(present("DescribeLoadBalancerAttributes", answer.attributes)?.into_iter().filter_map(entry).collect())
    }

    /// `CreateLoadBalancer`.
    pub(super) async fn create_load_balancer(&self, spec: &LoadBalancer) -> Result<Output, CloudError> {
        const CALL: Call = Call::new("CreateLoadBalancer", Category::ElbHeavy);
        let LoadBalancer {
            name,
            scheme,
            ip_address_type,
            subnets,
            security_groups,
            ipam_pool,
            customer_owned_ipv4_pool,
            minimum_capacity: _,
            attributes: _,
            tags,
        } = spec;
        let request = self
            .elb
            .create_load_balancer()
            .name(name)
            .r#type(APPLICATION.into())
            .set_scheme(scheme.map(|s| s.aws().into()))
            .set_ip_address_type(ip_address_type.map(|t| t.aws().into()))
            .set_subnets(subnets.as_ref().map(|set| arns(CALL.name, set)).transpose()?)
            .set_security_groups(security_groups.as_ref().map(|set| arns(CALL.name, set)).transpose()?)
            .set_ipam_pools(ipam_pool.as_ref().and_then(pools))
            .set_customer_owned_ipv4_pool(customer_owned_ipv4_pool.clone())
            .set_tags(tags::elb(tags));
        let answer = self.calls.run(CALL, || request.clone().send()).await?;
        let lb = answer.load_balancers.into_iter().flatten().next();
        let lb = lb.ok_or_else(|| incomplete(CALL.name, "load balancer"))?;
        let id = lb.load_balancer_arn.ok_or_else(|| incomplete(CALL.name, "ARN"))?;
        Ok(Output { id: Some(Id(id)), dns_name: lb.dns_name })
    }

    /// Its reserved capacity as it was asked for, 0 for none; and whether AWS is still providing it.
    pub(super) async fn capacity(&self, id: &Id) -> Result<(u32, bool), CloudError> {
        let request = self.elb.describe_capacity_reservation().load_balancer_arn(id.as_str());
        let answer = self.calls.run(Call::elb("DescribeCapacityReservation"), || request.clone().send()).await?;
        let units = answer.minimum_load_balancer_capacity.and_then(|capacity| capacity.capacity_units);
        self.watch_capacity(id);
        let zones = answer.capacity_reservation_state.unwrap_or_default();
        let codes = zones.into_iter().filter_map(|zone| zone.state?.code);
        let is_pending = codes.into_iter().any(|code| code == sdk::CapacityReservationStateEnum::Pending);
        Ok((units.and_then(|units| u32::try_from(units).ok()).unwrap_or(0), is_pending))
    }

    /// `ModifyIpPools`.
    pub(super) async fn modify_ip_pools(&self, load_balancer: &Link, to: &IpamPool) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyIpPools");
        let set = pools(to);
        let removed = set.is_none().then(|| vec![sdk::RemoveIpamPoolEnum::Ipv4]);
        let request = self
            .elb
            .modify_ip_pools()
            .load_balancer_arn(arn(CALL.name, load_balancer)?)
            .set_ipam_pools(set)
            .set_remove_ipam_pools(removed);
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `ModifyCapacityReservation`.
    pub(super) async fn modify_capacity_reservation(&self, balancer: &Link, units: u32) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyCapacityReservation");
        let wanted = i32::try_from(units).ok().filter(|units| *units > 0);
        let capacity = wanted.map(|n| sdk::MinimumLoadBalancerCapacity::builder().capacity_units(n).build());
        let request = self
            .elb
            .modify_capacity_reservation()
            .load_balancer_arn(arn(CALL.name, balancer)?)
            .set_reset_capacity_reservation(capacity.is_none().then_some(true))
            .set_minimum_load_balancer_capacity(capacity);
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `ModifyLoadBalancerAttributes`.
    pub(super) async fn modify_load_balancer_attributes(
        &self,
        load_balancer: &Link,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyLoadBalancerAttributes");
        let one = |(key, value): (&String, &String)| LoadBalancerAttribute::builder().key(key).value(value).build();
        let request = self
            .elb
            .modify_load_balancer_attributes()
            .load_balancer_arn(arn(CALL.name, load_balancer)?)
            .set_attributes(Some(attributes.iter().map(one).collect()));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `SetSecurityGroups`.
    pub(super) async fn set_security_groups(&self, load_balancer: &Link, groups: &[Link]) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("SetSecurityGroups");
        let request = self
            .elb
            .set_security_groups()
            .load_balancer_arn(arn(CALL.name, load_balancer)?)
            .set_security_groups(Some(arns(CALL.name, groups)?));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `SetSubnets`.
    pub(super) async fn set_subnets(&self, load_balancer: &Link, subnets: &[Link]) -> Result<(), CloudError> {
        const CALL: Call = Call::new("SetSubnets", Category::ElbHeavy);
        let request = self
            .elb
            .set_subnets()
            .load_balancer_arn(arn(CALL.name, load_balancer)?)
            .set_subnets(Some(arns(CALL.name, subnets)?));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `SetIpAddressType`.
    pub(super) async fn set_ip_address_type(&self, load_balancer: &Link, to: IpAddressType) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("SetIpAddressType");
        let request = self
            .elb
            .set_ip_address_type()
            .load_balancer_arn(arn(CALL.name, load_balancer)?)
            .ip_address_type(to.aws().into());
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }
}
