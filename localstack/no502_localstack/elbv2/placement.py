"""Where a load balancer stands: its subnets and zones, its security groups, its address type.

Judges what CreateLoadBalancer, SetSubnets, SetSecurityGroups and SetIpAddressType are given (API pages of the same
names; user guide, "Subnets for your load balancer").
"""

from __future__ import annotations

from typing import Any

from no502_localstack import network
from no502_localstack.elbv2.errors import error, invalid_configuration, validation
from no502_localstack.elbv2.store import Store

# Documented minimum of an ALB: two zones; network and gateway load balancers take one.
_TWO_ZONES = "At least two subnets in two different Availability Zones must be specified"


def mappings(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Subnets and SubnetMappings are alternatives; both become mappings."""
    subnets, given = request.get("Subnets"), request.get("SubnetMappings")
    if subnets and given:
        raise validation("You can specify either subnets or subnet mappings, but not both")
    return list(given or [{"SubnetId": subnet} for subnet in subnets or []])


def zones(store: Store, kind: str, requested: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The VPC and the zones as they are read back, sorted by zone name."""
    if not requested:
        raise validation(_TWO_ZONES if kind == "application" else "At least one subnet must be specified")
    found = []
    for mapping in requested:
        subnet = network.subnet(store.account, store.region, mapping.get("SubnetId") or "")
        if subnet is None:
            raise error("SubnetNotFound", f"The subnet ID '{mapping.get('SubnetId')}' does not exist")
        _check_addresses(store, kind, mapping)
        if subnet.zone in store.unsupported_zones:
            raise error("AvailabilityZoneNotSupported", f"The Availability Zone '{subnet.zone}' is not supported")
        found.append((subnet, mapping))
    vpcs = {subnet.vpc_id for subnet, _ in found}
    if len(vpcs) > 1:
        raise error("InvalidSubnet", f"All subnets must belong to the same VPC: '{', '.join(sorted(vpcs))}'")
    if len({subnet.zone for subnet, _ in found}) < len(found):
        raise invalid_configuration(
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        )
    if kind == "application" and len(found) < 2:
        raise validation(_TWO_ZONES)
    shown = [
        {"ZoneName": subnet.zone, "SubnetId": subnet.id, "LoadBalancerAddresses": _addresses(mapping)}
        for subnet, mapping in found
    ]
    return vpcs.pop(), sorted(shown, key=lambda zone: zone["ZoneName"])


def _check_addresses(store: Store, kind: str, mapping: dict[str, Any]) -> None:
    if kind == "network":
        allocation = mapping.get("AllocationId")
        if allocation and not network.address_exists(store.account, store.region, allocation):
            raise error("AllocationIdNotFound", f"The allocation ID '{allocation}' does not exist")
        return
    for key in ("AllocationId", "PrivateIPv4Address", "IPv6Address", "SourceNatIpv6Prefix"):
        if mapping.get(key):
            raise invalid_configuration(f"'{key}' is not supported for load balancers with type '{kind}'")


def _addresses(mapping: dict[str, Any]) -> list[dict[str, str]]:
    keys = ("AllocationId", "PrivateIPv4Address", "IPv6Address")
    address = {key: mapping[key] for key in keys if mapping.get(key)}
    return [address] if address else []


def security_groups(store: Store, kind: str, vpc_id: str, groups: list[str] | None) -> list[str]:
    if kind == "gateway":
        if groups:
            raise invalid_configuration("Security groups are not supported for load balancers with type 'gateway'")
        return []
    if not groups:
        # API, CreateLoadBalancer: an ALB without groups gets the VPC's default group.
        default = network.default_security_group(store.account, store.region, vpc_id)
        return [default] if default and kind == "application" else []
    unique = list(dict.fromkeys(groups))
    for group in unique:
        vpc = network.security_group_vpc(store.account, store.region, group)
        if vpc is None:
            raise error("InvalidSecurityGroup", f"The security group '{group}' does not exist")
        if vpc != vpc_id:
            raise error("InvalidSecurityGroup", f"The security group '{group}' does not belong to VPC '{vpc_id}'")
    if len(unique) > 5:
        raise invalid_configuration("A load balancer can have at most '5' security groups")
    return unique


def address_type(store: Store, kind: str, wanted: str, shown_zones: list[dict[str, Any]]) -> str:
    if wanted == "dualstack-without-public-ipv4" and kind != "application":
        raise invalid_configuration(f"IP address type '{wanted}' is not supported for type '{kind}'")
    if wanted != "ipv4":
        for zone in shown_zones:
            subnet = network.subnet(store.account, store.region, zone["SubnetId"])
            if subnet is not None and not subnet.has_ipv6:
                raise error(
                    "InvalidSubnet", f"The subnet '{subnet.id}' must have an associated IPv6 CIDR block"
                )
    return wanted
