"""RegisterTargets and DeregisterTargets.

API: TargetDescription, RegisterTargets, DeregisterTargets; user guide, "Register targets": the same id may be
registered on several ports; deregistering an unknown target succeeds and does nothing.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any

from no502_localstack import network, settings
from no502_localstack.elbv2 import limits
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.store import Store, Target, TargetGroup
from no502_localstack.elbv2.target_groups import require

Json = dict[str, Any]
# User guide, "Target type": besides the VPC's own ranges, these and no public ones.
_PRIVATE = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]


def register_targets(store: Store, request: Json) -> Json:
    group = require(store, request["TargetGroupArn"])
    if not request["Targets"]:
        raise validation("At least one target must be specified")
    new = [_target(store, group, entry) for entry in request["Targets"]]
    _check_quotas(store, group, new)
    for target in new:
        present = group.targets.get((target.id, target.port))
        if present is not None and present.deregistered_at is None:
            present.zone = target.zone
        else:
            group.targets[(target.id, target.port)] = target
    return {}


def _target(store: Store, group: TargetGroup, entry: Json) -> Target:
    port, zone = entry.get("Port"), entry.get("AvailabilityZone")
    if group.target_type == "lambda":
        if port:
            raise validation("A port cannot be specified for targets of target groups with target type 'lambda'")
        port = None
    else:
        port = port or group.port
    if group.protocol == "GENEVE" and port != 6081:
        raise validation("Port must be '6081' for targets of target groups with protocol 'GENEVE'")
    quic = entry.get("QuicServerId")
    if (group.protocol in ("QUIC", "TCP_QUIC")) != bool(quic):
        raise validation("A QUIC server ID must be specified for QUIC and TCP_QUIC target groups, and only for them")
    check = {"instance": _instance, "ip": _address, "lambda": _function, "alb": _balancer}[group.target_type]
    return Target(id=entry["Id"], port=port, zone=check(store, group, entry["Id"], zone), registered_at=time.time(),
                  quic_server_id=quic)


def _instance(store: Store, group: TargetGroup, id_: str, zone: str | None) -> str | None:
    if zone:
        raise validation("An Availability Zone cannot be specified for targets with target type 'instance'")
    if not id_.startswith("i-"):
        raise validation(f"Instance ID '{id_}' is not valid")
    instance = network.instance(store.account, store.region, id_)
    if instance is None:
        raise error("InvalidTarget", f"The following targets are not valid instances: '{id_}'")
    if instance.state != "running":
        raise error("InvalidTarget", f"The following targets are not in a running state and cannot be registered: '{id_}'")
    if instance.vpc_id and instance.vpc_id != group.vpc_id:
        raise error("InvalidTarget", f"The following targets are not in the target group VPC '{group.vpc_id}': '{id_}'")
    return None


def _address(store: Store, group: TargetGroup, id_: str, zone: str | None) -> str | None:
    try:
        address = ipaddress.ip_address(id_)
    except ValueError as cause:
        raise validation(f"The IP address '{id_}' is not a valid IPv4 or IPv6 address") from cause
    if (address.version == 6) != (group.ip_address_type == "ipv6"):
        raise validation(f"The IP address '{id_}' does not match the target group's IP address type")
    networks = network.vpc_networks(store.account, store.region, group.vpc_id or "")
    if any(address in block for block in networks if block.version == address.version):
        return zone if zone == "all" else network.zone_of_address(store.account, store.region, group.vpc_id or "", id_)
    if address.version == 4 and not any(address in block for block in _PRIVATE):
        raise validation(
            f"The IP address '{id_}' is not within the VPC, RFC 1918 or RFC 6598 ranges and cannot be registered"
        )
    if not zone:
        raise validation(
            f"You must specify an Availability Zone or 'all' for the IP address '{id_}', which is outside the VPC"
        )
    return zone


def _function(store: Store, group: TargetGroup, id_: str, zone: str | None) -> str | None:
    if ":lambda:" not in id_:
        raise error("InvalidTarget", f"'{id_}' is not a valid Lambda function ARN")
    if zone not in (None, "all"):
        raise validation("Only the Availability Zone 'all' can be specified for targets with target type 'lambda'")
    return zone


def _balancer(store: Store, group: TargetGroup, id_: str, zone: str | None) -> str | None:
    if zone:
        raise validation("An Availability Zone cannot be specified for targets with target type 'alb'")
    balancer = store.load_balancers.get(id_)
    if balancer is None or balancer.kind != "application":
        raise error("InvalidTarget", f"The load balancer '{id_}' is not an Application Load Balancer of this account")
    if balancer.vpc_id != group.vpc_id:
        raise error("InvalidTarget", f"The load balancer '{id_}' is not in the target group VPC '{group.vpc_id}'")
    if not any(listener.port == group.port for listener in balancer.listeners.values()):
        raise error("InvalidTarget", f"The load balancer '{id_}' has no listener on port '{group.port}'")
    return None


def _check_quotas(store: Store, group: TargetGroup, new: list[Target]) -> None:
    live = {key for key, target in group.targets.items() if target.deregistered_at is None}
    after = live | {(target.id, target.port) for target in new}
    if group.target_type in ("lambda", "alb") and len(after) > 1:
        raise error("TooManyTargets", f"Target groups with target type '{group.target_type}' can have only one target")
    limits.require(store, "targets-per-target-group", len(after), "TooManyTargets",
                   f"The maximum number of targets in target group '{group.arn}' has been reached")
    owner = store.attachments.get(group.arn)
    balancer = store.load_balancers.get(owner or "")
    if balancer is None or balancer.kind != "application":
        return
    ids = [id_ for id_, _ in after]
    for arn, other_owner in store.attachments.items():
        if other_owner == owner and arn != group.arn:
            others = store.target_groups[arn].targets.values()
            ids += [target.id for target in others if target.deregistered_at is None]
    limits.require(store, "targets-per-application-load-balancer", len(ids), "TooManyTargets",
                   f"The maximum number of targets on load balancer '{owner}' has been reached")
    most = max(ids.count(target.id) for target in new)
    limits.require(
        store, "target-id-registrations-per-application-load-balancer", most, "TooManyRegistrationsForTargetId",
        f"The maximum number of registrations of a target on load balancer '{owner}' has been reached",
    )


def deregister_targets(store: Store, request: Json) -> Json:
    group = require(store, request["TargetGroupArn"])
    if not request["Targets"]:
        raise validation("At least one target must be specified")
    delay = settings.scaled(float(group.attributes.get("deregistration_delay.timeout_seconds", "0")))
    for entry in request["Targets"]:
        # A target registered with a port override and deregistered without a port is another target: nothing happens.
        port = None if group.target_type == "lambda" else entry.get("Port") or group.port
        target = group.targets.get((entry["Id"], port))
        if target is None or target.deregistered_at is not None:
            continue
        if group.arn not in store.attachments:
            del group.targets[(target.id, target.port)]  # unused targets do not drain
            continue
        target.deregistered_at = time.time()
        target.drains_until = target.deregistered_at + delay
    return {}
