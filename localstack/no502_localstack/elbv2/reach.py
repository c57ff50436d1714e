"""Whether security groups let a health check through.

A target whose address belongs to a known network interface is reached only if one of the interface's security groups
admits the load balancer on the checked port, by one of its security groups or by networks that hold its subnets, and
one of the load balancer's groups lets it out (user guide, "Security groups for your Application Load Balancer"). What
security groups drop shows as Target.Timeout. Targets without a known interface are not judged.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable

from no502_localstack import network
from no502_localstack.elbv2.store import LoadBalancer, Store, Target, TargetGroup


def blocked(store: Store, balancer: LoadBalancer, group: TargetGroup, target: Target) -> bool:
    groups = _groups_of(store, target.id) if group.target_type == "ip" else []
    configured = group.health_check.get("HealthCheckPort")
    port = int(configured) if configured and configured != "traffic-port" else target.port
    if not groups or port is None:
        return False
    own = [each for each in _all_groups(store) if each.id in balancer.security_groups]
    subnets = [network.subnet(store.account, store.region, zone["SubnetId"]) for zone in balancer.zones]
    sources = [subnet.cidr for subnet in subnets if subnet is not None]
    admitted = _allowed((rule for each in groups for rule in each.ingress_rules), port, sources, own)
    let_out = _allowed((rule for each in own for rule in each.egress_rules), port, [target.id], groups)
    return not (admitted and let_out)


def _all_groups(store: Store) -> list[Any]:
    return [each for groups in list(network.backend(store.account, store.region).groups.values())
            for each in list(groups.values())]


def _groups_of(store: Store, address: str) -> list[Any]:
    enis = list(network.backend(store.account, store.region).enis.values())
    holders = [eni for eni in enis if address in [a.get("PrivateIpAddress") for a in eni.private_ip_addresses]]
    return [group for eni in holders for group in eni.group_set]


def _allowed(rules: Iterable[Any], port: int, peers: list[str], peer_groups: list[Any]) -> bool:
    """Security groups only allow, so one rule is enough; every peer network must be covered by some rule."""
    covering = [rule for rule in rules if _covers(rule, port)]
    ids = {group.id for group in peer_groups}
    if any((rule.source_group or {}).get("GroupId") in ids for rule in covering):
        return True
    ranges = [rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6") for rule in covering if rule.ip_range]
    return all(any(_holds(text, peer) for text in ranges) for peer in peers)


def _covers(rule: Any, port: int) -> bool:
    if rule.ip_protocol == "-1":
        return True
    return rule.ip_protocol in ("tcp", "6") and int(rule.from_port) <= port <= int(rule.to_port)


def _holds(text: str | None, peer: str) -> bool:
    if not text:
        return False
    outer, inner = ipaddress.ip_network(text, strict=False), ipaddress.ip_network(peer, strict=False)
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]
