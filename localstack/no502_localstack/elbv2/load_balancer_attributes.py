"""DescribeLoadBalancerAttributes and ModifyLoadBalancerAttributes.

Source: API, LoadBalancerAttribute; user guide, "Edit attributes for your Application Load Balancer".
"""

from __future__ import annotations

from typing import Any

from no502_localstack.elbv2 import attributes, names
from no502_localstack.elbv2.attributes import Attribute, between, boolean, one_of, text
from no502_localstack.elbv2.errors import invalid_configuration
from no502_localstack.elbv2.store import LoadBalancer, Store

ALB, NLB, GWLB = "application", "network", "gateway"
_ALL, _ALB_NLB, _ALB, _NLB = frozenset({ALB, NLB, GWLB}), frozenset({ALB, NLB}), frozenset({ALB}), frozenset({NLB})

TABLE: tuple[Attribute, ...] = (
    Attribute("access_logs.s3.enabled", "false", boolean, _ALB_NLB),
    Attribute("access_logs.s3.bucket", "", text(), _ALB_NLB),
    Attribute("access_logs.s3.prefix", "", text(), _ALB_NLB),
    Attribute("health_check_logs.s3.enabled", "false", boolean, _ALB),
    Attribute("health_check_logs.s3.bucket", "", text(), _ALB),
    Attribute("health_check_logs.s3.prefix", "", text(), _ALB),
    Attribute("idle_timeout.timeout_seconds", "60", between(1, 4000), _ALB),
    Attribute("deletion_protection.enabled", "false", boolean, _ALL),
    Attribute("routing.http2.enabled", "true", boolean, _ALB),
    Attribute("routing.http.drop_invalid_header_fields.enabled", "false", boolean, _ALB),
    Attribute("routing.http.xff_client_port.enabled", "false", boolean, _ALB),
    Attribute("routing.http.preserve_host_header.enabled", "false", boolean, _ALB),
    Attribute("routing.http.xff_header_processing.mode", "append", one_of("append", "preserve", "remove"), _ALB),
    Attribute("load_balancing.cross_zone.enabled", "true", boolean, _ALL),
    Attribute("routing.http.desync_mitigation_mode", "defensive", one_of("monitor", "defensive", "strictest"), _ALB),
    Attribute("client_keep_alive.seconds", "3600", between(60, 604800), _ALB),
    Attribute("waf.fail_open.enabled", "false", boolean, _ALB),
    Attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", boolean, _ALB),
    Attribute("zonal_shift.config.enabled", "false", boolean, _ALB_NLB),
    Attribute("connection_logs.s3.enabled", "false", boolean, _ALB),
    Attribute("connection_logs.s3.bucket", "", text(), _ALB),
    Attribute("connection_logs.s3.prefix", "", text(), _ALB),
    Attribute("ipv6.deny_all_igw_traffic", "false", boolean, _ALB_NLB),
    Attribute(
        "dns_record.client_routing_policy", "any_availability_zone",
        one_of("availability_zone_affinity", "partial_availability_zone_affinity", "any_availability_zone"), _NLB,
    ),
    Attribute("secondary_ips.auto_assigned.per_subnet", "0", between(0, 7), _NLB),
)


def defaults(kind: str, scheme: str) -> dict[str, str]:
    """Two defaults depend on the load balancer: cross-zone (ALB on, others off) and IPv6 traffic (internal: denied)."""
    values = attributes.defaults(TABLE, kind)
    if kind != ALB:
        values["load_balancing.cross_zone.enabled"] = "false"
    if scheme == "internal" and "ipv6.deny_all_igw_traffic" in values:
        values["ipv6.deny_all_igw_traffic"] = "true"
    return values


def require(store: Store, arn: str) -> LoadBalancer:
    names.check_arn("load balancer", arn)
    balancer = store.load_balancers.get(arn)
    if balancer is None:
        raise names.not_found("load balancer", arn)
    return balancer


def describe_load_balancer_attributes(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    return {"Attributes": attributes.shown(require(store, request["LoadBalancerArn"]).attributes)}


def modify_load_balancer_attributes(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    balancer = require(store, request["LoadBalancerArn"])
    changed = attributes.modified(
        TABLE, "Load balancer", balancer.kind, f"load balancers with type '{balancer.kind}'",
        balancer.attributes, request["Attributes"],
    )
    _check_together(balancer, changed)
    balancer.attributes = changed
    return {"Attributes": attributes.shown(changed)}


def _check_together(balancer: LoadBalancer, changed: dict[str, str]) -> None:
    for log in ("access_logs", "connection_logs", "health_check_logs"):
        if changed.get(f"{log}.s3.enabled") == "true" and not changed.get(f"{log}.s3.bucket"):
            raise invalid_configuration(f"The value of '{log}.s3.bucket' cannot be empty")
    if balancer.kind == ALB and changed["load_balancing.cross_zone.enabled"] != "true":
        raise invalid_configuration(
            "Load balancer attribute key 'load_balancing.cross_zone.enabled' cannot be disabled on load balancers "
            "with type 'application'"
        )
    per_subnet = "secondary_ips.auto_assigned.per_subnet"
    if per_subnet in changed and int(changed[per_subnet]) < int(balancer.attributes[per_subnet]):
        raise invalid_configuration(f"The value of '{per_subnet}' cannot be decreased")
