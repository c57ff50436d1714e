"""Whether security groups let a health check through.

A target whose address belongs to a known network interface is reached only if one of the interface's security groups
admits the load balancer on the checked port: by one of its security groups, or by a network that holds its subnets
(user guide, "Security groups for your Application Load Balancer"). What security groups drop shows as Target.Timeout.
Targets without a known interface are not judged.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from no502_localstack import network
from no502_localstack.elbv2.store import LoadBalancer, Store, Target, TargetGroup


def blocked(store: Store, balancer: LoadBalancer, group: TargetGroup, target: Target) -> bool:
    groups = _groups_of(store, target.id) if group.target_type == "ip" else []
    configured = group.health_check.get("HealthCheckPort")
    port = int(configured) if configured and configured != "traffic-port" else target.port
    if not groups or port is None:
        return False
    rules = [rule for each in groups for rule in each.ingress_rules]
    return not any(_covers(rule, port) and _admits(store, balancer, rule) for rule in rules)


def _groups_of(store: Store, address: str) -> list[Any]:
    backend = network.backend(store.account, store.region)
    ids = {
        group.id for eni in list(backend.enis.values()) if eni.private_ip_address == address for group in eni.group_set
    }
    return [group for groups in list(backend.groups.values()) for group in groups.values() if group.id in ids]


def _covers(rule: Any, port: int) -> bool:
    if rule.ip_protocol == "-1":
        return True
    return rule.ip_protocol in ("tcp", "6") and int(rule.from_port) <= port <= int(rule.to_port)


def _admits(store: Store, balancer: LoadBalancer, rule: Any) -> bool:
    if any(source.get("GroupId") in balancer.security_groups for source in rule.source_groups):
        return True
    subnets = [network.subnet(store.account, store.region, zone["SubnetId"]) for zone in balancer.zones]
    networks = [ipaddress.ip_network(subnet.cidr) for subnet in subnets if subnet is not None]
    return any(_holds(source.get("CidrIp"), each) for source in rule.ip_ranges for each in networks)


def _holds(cidr: str | None, inner: Any) -> bool:
    outer = ipaddress.ip_network(cidr, strict=False) if cidr else None
    return outer is not None and outer.version == inner.version and inner.subnet_of(outer)
