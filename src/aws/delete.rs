//! Taking away: deletes, revokes, detaches, tags removed. That something is gone already is the caller's to judge.

use std::time::Duration;

use super::budget::Category;
use super::call::Call;
use super::error::refused;
use super::execute::arn;
use super::security_group::to_permissions;
use super::session::Session;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::model::kind::{Direction, TrafficRule};
use crate::model::{Kind, Link};

/// How long what has just been detached may still count as in use.
pub(super) const IN_USE: Duration = Duration::from_secs(20);
/// Between two attempts to delete it.
pub(super) const IN_USE_PAUSE: Duration = Duration::from_secs(2);

/// Whether AWS says that something still uses what shall be deleted.
pub(super) fn is_in_use(error: &CloudError) -> bool {
    matches!(error.code.as_deref(), Some("ResourceInUse" | "DependencyViolation"))
}

fn is_gone(error: &CloudError) -> bool {
    error.kind == CloudErrorKind::NotFound
}

impl Session {
    /// Deletes a resource with what lives in it.
    pub(super) async fn delete(&self, resource: &Link, kind: Kind) -> Result<(), CloudError> {
        const BALANCER: Call = Call::elb_write("DeleteLoadBalancer");
        const LISTENER: Call = Call::elb_write("DeleteListener");
        const RULE: Call = Call::elb_write("DeleteRule");
        const TARGET_GROUP: Call = Call::elb_write("DeleteTargetGroup");
        const SECURITY_GROUP: Call = Call::new("DeleteSecurityGroup", Category::Ec2Write);
        let id = arn("Delete", resource)?;
        match kind {
            Kind::LoadBalancer => {
                let request = self.elb.delete_load_balancer().load_balancer_arn(id);
                self.calls.run(BALANCER, || request.clone().send()).await.map(drop)
            }
            Kind::Listener => {
                let request = self.elb.delete_listener().listener_arn(id);
                self.calls.run(LISTENER, || request.clone().send()).await.map(drop)
            }
            Kind::Rule => {
                let request = self.elb.delete_rule().rule_arn(id);
                self.calls.run(RULE, || request.clone().send()).await.map(drop)
            }
            Kind::TargetGroup => {
                let request = self.elb.delete_target_group().target_group_arn(id);
                self.calls.run(TARGET_GROUP, || request.clone().send()).await.map(drop)
            }
            Kind::SecurityGroup => {
                let request = self.ec2.delete_security_group().group_id(id);
                self.calls.run(SECURITY_GROUP, || request.clone().send()).await.map(drop)
            }
            Kind::Certificate => Err(refused("Delete", "certificates are detached, never deleted")),
            Kind::Target => Err(refused("Delete", "targets are deregistered")),
        }
    }

    /// `RevokeSecurityGroupIngress` or `RevokeSecurityGroupEgress`. Where one of several rules is gone, AWS revokes
    /// none of them (API: `InvalidPermission.NotFound`): then each goes by itself.
    pub(super) async fn revoke(
        &self,
        direction: Direction,
        group: &Link,
        rules: &[TrafficRule],
    ) -> Result<(), CloudError> {
        let mut result = self.revoke_together(direction, group, rules).await;
        if rules.len() > 1 && result.as_ref().is_err_and(is_gone) {
            for rule in rules {
                match self.revoke_together(direction, group, std::slice::from_ref(rule)).await {
                    Err(error) if !is_gone(&error) => return Err(error),
                    Ok(()) => result = Ok(()),
                    Err(_) => {}
                }
            }
        }
        result
    }

    async fn revoke_together(
        &self,
        direction: Direction,
        group: &Link,
        rules: &[TrafficRule],
    ) -> Result<(), CloudError> {
        const IN: Call = Call::new("RevokeSecurityGroupIngress", Category::Ec2Write);
        const OUT: Call = Call::new("RevokeSecurityGroupEgress", Category::Ec2Write);
        match direction {
            Direction::Ingress => {
                let request = self.ec2.revoke_security_group_ingress().group_id(arn(IN.name, group)?);
                let request = request.set_ip_permissions(Some(to_permissions(IN.name, rules)?));
                self.calls.run(IN, || request.clone().send()).await.map(drop)
            }
            Direction::Egress => {
                let request = self.ec2.revoke_security_group_egress().group_id(arn(OUT.name, group)?);
                let request = request.set_ip_permissions(Some(to_permissions(OUT.name, rules)?));
                self.calls.run(OUT, || request.clone().send()).await.map(drop)
            }
        }
    }

    /// `RemoveListenerCertificates`.
    pub(super) async fn remove_listener_certificate(&self, listener: &Link, link: &Link) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("RemoveListenerCertificates");
        let request = self
            .elb
            .remove_listener_certificates()
            .listener_arn(arn(CALL.name, listener)?)
            .certificates(super::listener::certificate(CALL.name, link)?);
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `RemoveTags`, acm `RemoveTagsFromCertificate` or EC2 `DeleteTags`.
    pub(super) async fn remove_tags(&self, resource: &Link, kind: Kind, keys: &[String]) -> Result<(), CloudError> {
        const ELB: Call = Call::elb_write("RemoveTags");
        const ACM: Call = Call::new("RemoveTagsFromCertificate", Category::AcmWrite);
        const EC2: Call = Call::new("DeleteTags", Category::Ec2Write);
        let id = arn("RemoveTags", resource)?;
        match kind {
            Kind::Certificate => {
                let request = self.acm.remove_tags_from_certificate().certificate_arn(id);
                let request = request.set_tags(Some(super::certificate::keys_to_sdk(ACM.name, keys)?));
                self.calls.run(ACM, || request.clone().send()).await.map(drop)
            }
            Kind::SecurityGroup => {
                let tag = |key: &String| aws_sdk_ec2::types::Tag::builder().key(key).build();
                let request = self.ec2.delete_tags().resources(id).set_tags(Some(keys.iter().map(tag).collect()));
                self.calls.run(EC2, || request.clone().send()).await.map(drop)
            }
            Kind::LoadBalancer | Kind::Listener | Kind::Rule | Kind::TargetGroup => {
                let request = self.elb.remove_tags().resource_arns(id).set_tag_keys(Some(keys.to_vec()));
                self.calls.run(ELB, || request.clone().send()).await.map(drop)
            }
            Kind::Target => Err(refused("RemoveTags", "targets have no tags")),
        }
    }
}
