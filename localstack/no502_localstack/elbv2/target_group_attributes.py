"""DescribeTargetGroupAttributes and ModifyTargetGroupAttributes.

Source: API, TargetGroupAttribute; user guide, "Edit target group attributes for your Application Load Balancer".
Which keys a group has depends on its target type and protocol; Describe shows only those.
"""

from __future__ import annotations

from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2 import attributes, names
from no502_localstack.elbv2.attributes import Attribute, Check, between, boolean, one_of, text
from no502_localstack.elbv2.errors import invalid_configuration, validation
from no502_localstack.elbv2.store import Store, TargetGroup

ALB, LAMBDA, NLB, GWLB = "alb", "lambda", "nlb", "gwlb"
_ALL, _NOT_LAMBDA = frozenset({ALB, LAMBDA, NLB, GWLB}), frozenset({ALB, NLB, GWLB})
_HEALTH, _ALB, _LAMBDA = frozenset({ALB, LAMBDA, NLB}), frozenset({ALB}), frozenset({LAMBDA})
_NLB, _GWLB = frozenset({NLB}), frozenset({GWLB})
_STICKY = {
    ALB: ("lb_cookie", "app_cookie"), NLB: ("source_ip",), GWLB: ("source_ip_dest_ip", "source_ip_dest_ip_proto"),
}
_RESERVED_COOKIES = ("AWSALB", "AWSALBAPP", "AWSALBTG")
_MOST_TARGETS = 1000


def _slow_start(key: str, value: str) -> None:
    if value != "0":
        between(30, 900)(key, value)


def _cookie(key: str, value: str) -> None:
    text(0, 256)(key, value)
    if any(value.upper().startswith(prefix) for prefix in _RESERVED_COOKIES):
        raise validation(f"The value of '{key}' cannot begin with the reserved prefix 'AWSALB'")


_ANY_STICKY: Check = one_of(*(kind for kinds in _STICKY.values() for kind in kinds))
_FLOOR = "target_group_health"
_TABLE_TEXT: tuple[tuple[str, str, Check, frozenset[str]], ...] = (
    ("deregistration_delay.timeout_seconds", "300", between(0, 3600), _NOT_LAMBDA),
    ("stickiness.enabled", "false", boolean, _NOT_LAMBDA),
    ("stickiness.type", "lb_cookie", _ANY_STICKY, _NOT_LAMBDA),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration",
     one_of("true", "false", "use_load_balancer_configuration"), _HEALTH),
    (f"{_FLOOR}.dns_failover.minimum_healthy_targets.count", "1", between(1, _MOST_TARGETS, "off"), _HEALTH),
    (f"{_FLOOR}.dns_failover.minimum_healthy_targets.percentage", "off", between(1, 100, "off"), _HEALTH),
    (f"{_FLOOR}.unhealthy_state_routing.minimum_healthy_targets.count", "1", between(1, _MOST_TARGETS), _HEALTH),
    (f"{_FLOOR}.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", between(1, 100, "off"), _HEALTH),
    ("load_balancing.algorithm.type", "round_robin",
     one_of("round_robin", "least_outstanding_requests", "weighted_random"), _ALB),
    ("load_balancing.algorithm.anomaly_mitigation", "off", one_of("on", "off"), _ALB),
    ("slow_start.duration_seconds", "0", _slow_start, _ALB),
    ("stickiness.lb_cookie.duration_seconds", "86400", between(1, 604800), _ALB),
    ("stickiness.app_cookie.cookie_name", "", _cookie, _ALB),
    ("stickiness.app_cookie.duration_seconds", "86400", between(1, 604800), _ALB),
    ("lambda.multi_value_headers.enabled", "false", boolean, _LAMBDA),
    ("deregistration_delay.connection_termination.enabled", "false", boolean, _NLB),
    ("preserve_client_ip.enabled", "true", boolean, _NLB),
    ("proxy_protocol_v2.enabled", "false", boolean, _NLB),
    ("target_health_state.unhealthy.connection_termination.enabled", "true", boolean, _NLB),
    ("target_health_state.unhealthy.draining_interval_seconds", "0", between(0, 360000), _NLB),
    ("target_failover.on_deregistration", "no_rebalance", one_of("rebalance", "no_rebalance"), _GWLB),
    ("target_failover.on_unhealthy", "no_rebalance", one_of("rebalance", "no_rebalance"), _GWLB),
    ("send_tcp_reset.on_unhealthy.enabled", "false", boolean, _GWLB),
    ("send_tcp_reset.on_deregistration.enabled", "false", boolean, _GWLB),
)
TABLE: tuple[Attribute, ...] = tuple(Attribute(*row) for row in _TABLE_TEXT)


def scope(target_type: str, protocol: str | None) -> str:
    if target_type == "lambda":
        return LAMBDA
    if protocol in ("HTTP", "HTTPS"):
        return ALB
    return GWLB if protocol == "GENEVE" else NLB


def defaults(target_type: str, protocol: str | None) -> dict[str, str]:
    kind = scope(target_type, protocol)
    values = attributes.defaults(TABLE, kind)
    if kind in (NLB, GWLB):
        values["stickiness.type"] = _STICKY[kind][0]
    if kind == NLB:
        datagram = protocol in ("UDP", "TCP_UDP")
        values["deregistration_delay.connection_termination.enabled"] = "true" if datagram else "false"
        if target_type == "ip" and protocol in ("TCP", "TLS"):
            values["preserve_client_ip.enabled"] = "false"
    return values


def require(store: Store, arn: str) -> TargetGroup:
    names.check_arn("target group", arn)
    group = store.target_groups.get(arn)
    if group is None:
        raise names.not_found("target group")
    return group


def describe_target_group_attributes(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    return {"Attributes": attributes.shown(require(store, request["TargetGroupArn"]).attributes)}


def modify_target_group_attributes(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    group = require(store, request["TargetGroupArn"])
    kind = scope(group.target_type, group.protocol)
    what = f"target type '{group.target_type}'" if kind == LAMBDA else f"protocol '{group.protocol}'"
    changed = attributes.modified(
        TABLE, "Target group", kind, f"target groups with {what}", group.attributes, request["Attributes"]
    )
    _check_together(group, kind, changed)
    group.attributes = changed
    return {"Attributes": attributes.shown(changed)}


def _check_together(group: TargetGroup, kind: str, changed: dict[str, str]) -> None:
    sticky = changed.get("stickiness.enabled") == "true"
    if kind in _STICKY and changed["stickiness.type"] not in _STICKY[kind]:
        raise invalid_configuration(
            f"Stickiness type '{changed['stickiness.type']}' is not supported for target groups with the "
            f"{group.protocol} protocol"
        )
    if sticky and group.protocol == "TLS":
        raise invalid_configuration("Stickiness is not supported for target groups with the TLS protocol")
    if kind == ALB:
        _check_alb(changed, sticky)
    if kind == NLB:
        _check_nlb(group, changed)
    if kind == GWLB and changed["target_failover.on_deregistration"] != changed["target_failover.on_unhealthy"]:
        raise invalid_configuration(
            "The attributes 'target_failover.on_deregistration' and 'target_failover.on_unhealthy' must have the "
            "same value"
        )


def _check_alb(changed: dict[str, str], sticky: bool) -> None:
    algorithm = changed["load_balancing.algorithm.type"]
    slow = changed["slow_start.duration_seconds"] != "0"
    if slow and algorithm == "weighted_random":
        raise invalid_configuration(
            "You cannot enable both slow start and weighted random algorithm on the same target group"
        )
    if slow and algorithm == "least_outstanding_requests":
        raise invalid_configuration(
            "You cannot enable both slow start and least outstanding requests algorithm on the same target group"
        )
    if changed["load_balancing.algorithm.anomaly_mitigation"] == "on" and algorithm != "weighted_random":
        raise invalid_configuration("Anomaly mitigation can be enabled only with the weighted random algorithm")
    if sticky and algorithm == "weighted_random" and not choices.STICKINESS_WITH_WEIGHTED_RANDOM:
        raise invalid_configuration(
            "You cannot have both stickiness and weighted random algorithm enabled on the same target group"
        )
    app_cookie = changed["stickiness.type"] == "app_cookie"
    if sticky and app_cookie and not changed["stickiness.app_cookie.cookie_name"]:
        raise invalid_configuration("A cookie name must be specified for application-based stickiness")


def _check_nlb(group: TargetGroup, changed: dict[str, str]) -> None:
    if group.protocol in ("UDP", "TCP_UDP"):
        if changed["preserve_client_ip.enabled"] == "false":
            raise invalid_configuration(f"Client IP preservation cannot be disabled for protocol '{group.protocol}'")
    terminates = changed["target_health_state.unhealthy.connection_termination.enabled"] == "true"
    if terminates and changed["target_health_state.unhealthy.draining_interval_seconds"] != "0":
        raise invalid_configuration(
            "The draining interval can be set only when connection termination for unhealthy targets is disabled"
        )
