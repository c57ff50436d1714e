"""Target groups: create, describe, modify, delete.

API: CreateTargetGroup (idempotent for identical settings), DescribeTargetGroups, ModifyTargetGroup (health check
only; everything else is fixed at creation), DeleteTargetGroup (refused while an action refers to the group).
"""

from __future__ import annotations

from typing import Any

from no502_localstack import choices, network
from no502_localstack.elbv2 import health_checks, limits, names, tags, target_group_attributes
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Store, TargetGroup

Json = dict[str, Any]
_HTTP = ("HTTP", "HTTPS")
_VERSIONS = ("HTTP1", "HTTP2", "GRPC")
require = target_group_attributes.require


def create_target_group(store: Store, request: Json) -> Json:
    name, target_type = request["Name"], request.get("TargetType") or "instance"
    names.check_name("Target group", name)
    wanted = _identity(store, target_type, request)
    health_check = health_checks.created(target_type, wanted["protocol"], wanted["protocol_version"], request)
    new_tags = tags.parse(store, request.get("Tags"))
    existing = next((g for g in store.target_groups.values() if g.name.lower() == name.lower()), None)
    if existing is not None:
        same = all(getattr(existing, key) == value for key, value in wanted.items())
        if choices.TAGS_COUNT_AS_SETTINGS:
            same = same and existing.tags == new_tags
        if not same or existing.health_check != health_check:
            raise error(
                "DuplicateTargetGroupName",
                f"A target group with the same name '{name}' exists, but with different settings",
            )
        return {"TargetGroups": [shown(store, existing)]}
    limits.require(store, "target-groups", len(store.target_groups) + 1, "TooManyTargetGroups",
                   "The maximum number of target groups has been reached")
    group = TargetGroup(
        arn=names.target_group_arn(store, name), name=name, health_check=health_check, tags=new_tags,
        attributes=target_group_attributes.defaults(target_type, wanted["protocol"]), **wanted,
    )
    store.target_groups[group.arn] = group
    return {"TargetGroups": [shown(store, group)]}


def _identity(store: Store, target_type: str, request: Json) -> Json:
    """What a group is for as long as it lives."""
    protocol, port, vpc_id = request.get("Protocol"), request.get("Port"), request.get("VpcId")
    if target_type == "lambda":
        for key in ("Protocol", "Port", "VpcId", "ProtocolVersion", "IpAddressType", "TargetControlPort"):
            if request.get(key):
                raise validation(f"'{key}' cannot be specified for target groups with target type 'lambda'")
        return {"target_type": target_type, "protocol": None, "protocol_version": None, "port": None, "vpc_id": None,
                "ip_address_type": None, "target_control_port": None}
    if not protocol:
        raise validation("A protocol must be specified")
    if not port:
        raise validation("A port must be specified")
    if not vpc_id:
        raise validation("A VPC ID must be specified")
    if not network.vpc_exists(store.account, store.region, vpc_id):
        raise validation(f"The VPC ID '{vpc_id}' is not found")
    if protocol == "GENEVE" and port != 6081:
        raise validation("Port must be '6081' for target groups with protocol 'GENEVE'")
    if target_type == "alb" and protocol != "TCP":
        raise validation(f"Protocol '{protocol}' is not supported with target groups with target type 'alb'")
    if request.get("TargetControlPort") and protocol not in _HTTP:
        raise validation("A target control port can be specified only for HTTP and HTTPS target groups")
    return {
        "target_type": target_type, "protocol": protocol, "protocol_version": _version(protocol, request), "port": port,
        "vpc_id": vpc_id, "ip_address_type": request.get("IpAddressType") or "ipv4",
        "target_control_port": request.get("TargetControlPort"),
    }


def _version(protocol: str, request: Json) -> str | None:
    version = request.get("ProtocolVersion")
    if protocol not in _HTTP:
        if version:
            raise validation(f"A protocol version cannot be specified for target groups with protocol '{protocol}'")
        return None
    if version and version.upper() not in _VERSIONS:
        raise validation(f"Protocol version '{version}' must be one of '{', '.join(_VERSIONS)}'")
    return (version or "HTTP1").upper()


def describe_target_groups(store: Store, request: Json) -> Json:
    balancer_arn, arns, wanted = (request.get(k) for k in ("LoadBalancerArn", "TargetGroupArns", "Names"))
    if sum(map(bool, (balancer_arn, arns, wanted))) > 1:
        raise validation("You can specify only one of a load balancer ARN, target group ARNs or target group names")
    if len(arns or wanted or []) > choices.MAX_DESCRIBED_BY_ID:
        raise validation(f"You cannot describe more than '{choices.MAX_DESCRIBED_BY_ID}' target groups at a time")
    if balancer_arn:
        names.check_arn("load balancer", balancer_arn)
        if balancer_arn not in store.load_balancers:
            raise names.not_found("load balancer", balancer_arn)
        found = [store.target_groups[arn] for arn, owner in store.attachments.items() if owner == balancer_arn]
    elif arns:
        found = [require(store, arn) for arn in dict.fromkeys(arns)]
    elif wanted:
        by_name = {g.name.lower(): g for g in store.target_groups.values()}
        if any(name.lower() not in by_name for name in wanted):
            raise error("TargetGroupNotFound", "One or more target groups not found")
        found = [by_name[name.lower()] for name in dict.fromkeys(wanted)]
    else:
        found = list(store.target_groups.values())
    return paged("TargetGroups", [shown(store, g) for g in found], request, f"target-groups {balancer_arn or ''}")


def modify_target_group(store: Store, request: Json) -> Json:
    group = require(store, request["TargetGroupArn"])
    group.health_check = health_checks.changed(
        group.target_type, group.protocol, group.protocol_version, group.health_check, request
    )
    return {"TargetGroups": [shown(store, group)]}


def delete_target_group(store: Store, request: Json) -> Json:
    arn = request["TargetGroupArn"]
    names.check_arn("target group", arn)
    if arn in store.attachments:
        raise error("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    if arn not in store.target_groups and not choices.DELETE_ABSENT_TARGET_GROUP_SUCCEEDS:
        raise names.not_found("target group")
    store.target_groups.pop(arn, None)
    return {}


def shown(store: Store, group: TargetGroup) -> Json:
    owner = store.attachments.get(group.arn)
    answer = {
        "TargetGroupArn": group.arn, "TargetGroupName": group.name, "Protocol": group.protocol, "Port": group.port,
        "VpcId": group.vpc_id, **group.health_check, "LoadBalancerArns": [owner] if owner else [],
        "TargetType": group.target_type, "ProtocolVersion": group.protocol_version,
        "IpAddressType": group.ip_address_type, "TargetControlPort": group.target_control_port,
    }
    return {key: value for key, value in answer.items() if value is not None}
