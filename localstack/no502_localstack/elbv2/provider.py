"""The dispatch table of the ELBv2 service: operation name to function, under validation and the store's lock."""

from __future__ import annotations

from typing import Any, Callable

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service

from no502_localstack.elbv2 import (
    capacity,
    certificates,
    health,
    limits,
    listener_attributes,
    listeners,
    load_balancer_attributes,
    load_balancers,
    revocations,
    rules,
    shapes,
    ssl_policies,
    tags,
    target_group_attributes,
    target_groups,
    targets,
    trust_stores,
)
from no502_localstack.elbv2.store import Store, store_for

Operation = Callable[[Store, dict[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "AddListenerCertificates": certificates.add_listener_certificates,
    "AddTags": tags.add_tags,
    "AddTrustStoreRevocations": revocations.add_trust_store_revocations,
    "CreateListener": listeners.create_listener,
    "CreateLoadBalancer": load_balancers.create_load_balancer,
    "CreateRule": rules.create_rule,
    "CreateTargetGroup": target_groups.create_target_group,
    "CreateTrustStore": trust_stores.create_trust_store,
    "DeleteListener": listeners.delete_listener,
    "DeleteLoadBalancer": load_balancers.delete_load_balancer,
    "DeleteRule": rules.delete_rule,
    "DeleteSharedTrustStoreAssociation": trust_stores.delete_shared_trust_store_association,
    "DeleteTargetGroup": target_groups.delete_target_group,
    "DeleteTrustStore": trust_stores.delete_trust_store,
    "DeregisterTargets": targets.deregister_targets,
    "DescribeAccountLimits": limits.describe_account_limits,
    "DescribeCapacityReservation": capacity.describe_capacity_reservation,
    "DescribeListenerAttributes": listener_attributes.describe_listener_attributes,
    "DescribeListenerCertificates": certificates.describe_listener_certificates,
    "DescribeListeners": listeners.describe_listeners,
    "DescribeLoadBalancerAttributes": load_balancer_attributes.describe_load_balancer_attributes,
    "DescribeLoadBalancers": load_balancers.describe_load_balancers,
    "DescribeRules": rules.describe_rules,
    "DescribeSSLPolicies": ssl_policies.describe_ssl_policies,
    "DescribeTags": tags.describe_tags,
    "DescribeTargetGroupAttributes": target_group_attributes.describe_target_group_attributes,
    "DescribeTargetGroups": target_groups.describe_target_groups,
    "DescribeTargetHealth": health.describe_target_health,
    "DescribeTrustStoreAssociations": trust_stores.describe_trust_store_associations,
    "DescribeTrustStoreRevocations": revocations.describe_trust_store_revocations,
    "DescribeTrustStores": trust_stores.describe_trust_stores,
    "GetResourcePolicy": trust_stores.get_resource_policy,
    "GetTrustStoreCaCertificatesBundle": trust_stores.get_trust_store_ca_certificates_bundle,
    "GetTrustStoreRevocationContent": revocations.get_trust_store_revocation_content,
    "ModifyCapacityReservation": capacity.modify_capacity_reservation,
    "ModifyIpPools": load_balancers.modify_ip_pools,
    "ModifyListener": listeners.modify_listener,
    "ModifyListenerAttributes": listener_attributes.modify_listener_attributes,
    "ModifyLoadBalancerAttributes": load_balancer_attributes.modify_load_balancer_attributes,
    "ModifyRule": rules.modify_rule,
    "ModifyTargetGroup": target_groups.modify_target_group,
    "ModifyTargetGroupAttributes": target_group_attributes.modify_target_group_attributes,
    "ModifyTrustStore": trust_stores.modify_trust_store,
    "RegisterTargets": targets.register_targets,
    "RemoveListenerCertificates": certificates.remove_listener_certificates,
    "RemoveTags": tags.remove_tags,
    "RemoveTrustStoreRevocations": revocations.remove_trust_store_revocations,
    "SetIpAddressType": load_balancers.set_ip_address_type,
    "SetRulePriorities": rules.set_rule_priorities,
    "SetSecurityGroups": load_balancers.set_security_groups,
    "SetSubnets": load_balancers.set_subnets,
}


def dispatch_table() -> DispatchTable:
    model = load_service("elbv2")

    def handler(name: str, operation: Operation) -> Any:
        shape = model.operation_model(name).input_shape

        def handle(context: RequestContext, request: dict[str, Any] | None) -> dict[str, Any]:
            given = request or {}
            shapes.check(shape, given)
            store = store_for(context.account_id, context.region)
            with store.lock:
                store.endpoint = context.request.host_url
                return operation(store, given)

        return handle

    return {name: handler(name, operation) for name, operation in OPERATIONS.items()}
