"""Looks up subnets, security groups, VPCs and instances in Moto's EC2, which LocalStack serves.

Reads Moto's records directly instead of calling EC2, because every CreateLoadBalancer would otherwise cost half a
dozen HTTP round trips through the same server.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Subnet:
    id: str
    vpc_id: str
    zone: str
    cidr: str
    has_ipv6: bool


def backend(account: str, region: str) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[account][region]


def subnet(account: str, region: str, subnet_id: str) -> Subnet | None:
    for subnets in backend(account, region).subnets.values():
        if subnet_id in subnets:
            return _subnet(subnets[subnet_id])
    return None


def _subnet(record: Any) -> Subnet:
    return Subnet(
        id=record.id, vpc_id=record.vpc_id, zone=record.availability_zone, cidr=record.cidr_block,
        has_ipv6=bool(record.ipv6_cidr_block_associations),
    )


def vpc_exists(account: str, region: str, vpc_id: str) -> bool:
    return vpc_id in backend(account, region).vpcs


def vpc_networks(account: str, region: str, vpc_id: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    record = backend(account, region).vpcs[vpc_id]
    blocks = [a["cidr_block"] for a in record.get_cidr_block_association_set()]
    blocks += [a["cidr_block"] for a in record.get_cidr_block_association_set(ipv6=True)]
    return [ipaddress.ip_network(block, strict=False) for block in blocks if block]


def zone_of_address(account: str, region: str, vpc_id: str, address: str) -> str | None:
    """The zone of the VPC's subnet that holds the address (targets inside the VPC are placed automatically)."""
    wanted = ipaddress.ip_address(address)
    for subnets in backend(account, region).subnets.values():
        for record in subnets.values():
            if record.vpc_id != vpc_id:
                continue
            if wanted.version == 4 and wanted in ipaddress.ip_network(record.cidr_block, strict=False):
                return record.availability_zone
    return None


def has_internet_gateway(account: str, region: str, vpc_id: str) -> bool:
    gateways = backend(account, region).internet_gateways.values()
    return any(gateway.vpc is not None and gateway.vpc.id == vpc_id for gateway in gateways)


def address_exists(account: str, region: str, allocation_id: str) -> bool:
    return any(address.allocation_id == allocation_id for address in backend(account, region).addresses)


def security_group_vpc(account: str, region: str, group_id: str) -> str | None:
    """The VPC of a security group, or None if there is no such group."""
    for vpc_id, groups in backend(account, region).groups.items():
        if group_id in groups:
            return vpc_id
    return None


def default_security_group(account: str, region: str, vpc_id: str) -> str | None:
    for group in backend(account, region).groups.get(vpc_id, {}).values():
        if group.name == "default":
            return group.id
    return None


@dataclass(frozen=True)
class Instance:
    id: str
    state: str
    vpc_id: str | None
    zone: str | None
    address: str | None


def instance(account: str, region: str, instance_id: str) -> Instance | None:
    for record in backend(account, region).all_instances():
        if record.id == instance_id:
            return Instance(
                id=record.id, state=record.state, vpc_id=record.vpc_id,
                zone=getattr(record, "availability_zone", None) or record.placement, address=record.private_ip,
            )
    return None
