"""Load balancers: create, describe, delete, and the Set* calls that move them.

API: CreateLoadBalancer (idempotent for identical settings), DescribeLoadBalancers, DeleteLoadBalancer, SetSubnets,
SetSecurityGroups, SetIpAddressType, ModifyIpPools.
"""

from __future__ import annotations

import time
from typing import Any

from no502_localstack import choices, interfaces, network, settings
from no502_localstack.elbv2 import limits, load_balancer_attributes, names, placement, tags
from no502_localstack.elbv2.errors import error, invalid_configuration, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import LoadBalancer, Store, now_utc

_QUOTA = {
    "application": "application-load-balancers",
    "network": "network-load-balancers",
    "gateway": "gateway-load-balancers",
}
require = load_balancer_attributes.require


def create_load_balancer(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    name, kind = request["Name"], request.get("Type") or "application"
    names.check_name("Load balancer", name)
    scheme = _scheme(kind, request.get("Scheme"))
    vpc_id, zones = placement.zones(store, kind, placement.mappings(request))
    groups = placement.security_groups(store, kind, vpc_id, request.get("SecurityGroups"))
    address_type = placement.address_type(store, kind, request.get("IpAddressType") or "ipv4", zones)
    _alb_only(kind, request)
    if choices.REQUIRE_INTERNET_GATEWAY and scheme == "internet-facing":
        if not network.has_internet_gateway(store.account, store.region, vpc_id):
            raise error("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")
    new_tags = tags.parse(store, request.get("Tags"))
    existing = next((b for b in store.load_balancers.values() if b.name.lower() == name.lower()), None)
    if existing is not None:
        same = _same_or_refuse(existing, kind, scheme, zones, groups, address_type, request)
        return {"LoadBalancers": [shown(store, same)]}
    limits.require(store, _QUOTA[kind], sum(b.kind == kind for b in store.load_balancers.values()) + 1,
                   "TooManyLoadBalancers", "The maximum number of load balancers has been reached")
    balancer = LoadBalancer(
        arn=names.load_balancer_arn(store, kind, name), name=name, kind=kind, scheme=scheme, vpc_id=vpc_id,
        dns_name=names.dns_name(store, kind, scheme, name), hosted_zone_id=names.hosted_zone(store.region),
        created=now_utc(), active_at=time.time() + settings.scaled(choices.PROVISIONING_SECONDS),
        zones=zones, security_groups=groups, ip_address_type=address_type,
        attributes=load_balancer_attributes.defaults(kind, scheme), tags=new_tags,
        customer_owned_ipv4_pool=request.get("CustomerOwnedIpv4Pool"),
        ipam_pool_id=(request.get("IpamPools") or {}).get("Ipv4IpamPoolId"),
        enforce_private_link_rules="on" if kind == "network" and groups else None,
        prefix_for_ipv6_source_nat=(request.get("EnablePrefixForIpv6SourceNat") or "off") if kind == "network" else None,
    )
    interfaces.place(store, balancer)
    store.load_balancers[balancer.arn] = balancer
    return {"LoadBalancers": [shown(store, balancer)]}


def _scheme(kind: str, scheme: str | None) -> str:
    if kind == "gateway":
        if scheme:
            raise error("InvalidScheme", "Scheme is not supported for load balancers with type 'gateway'")
        return "internal"
    return scheme or "internet-facing"


def _alb_only(kind: str, request: dict[str, Any]) -> None:
    for key in ("CustomerOwnedIpv4Pool", "IpamPools"):
        if request.get(key) and kind != "application":
            raise invalid_configuration(f"'{key}' is not supported for load balancers with type '{kind}'")
    if request.get("EnablePrefixForIpv6SourceNat") and kind != "network":
        raise invalid_configuration(
            f"'EnablePrefixForIpv6SourceNat' is not supported for load balancers with type '{kind}'"
        )


def _same_or_refuse(
    existing: LoadBalancer, kind: str, scheme: str, zones: list[dict[str, Any]], groups: list[str],
    address_type: str, request: dict[str, Any],
) -> LoadBalancer:
    """API, CreateLoadBalancer: "This operation is idempotent": identical settings succeed, others are refused."""
    same = (
        existing.kind == kind
        and existing.scheme == scheme
        and [z["SubnetId"] for z in existing.zones] == [z["SubnetId"] for z in zones]
        and set(existing.security_groups) == set(groups)
        and existing.ip_address_type == address_type
        and existing.customer_owned_ipv4_pool == request.get("CustomerOwnedIpv4Pool")
        and existing.ipam_pool_id == (request.get("IpamPools") or {}).get("Ipv4IpamPoolId")
    )
    if choices.TAGS_COUNT_AS_SETTINGS:
        same = same and existing.tags == {tag["Key"]: tag.get("Value") or "" for tag in request.get("Tags") or []}
    if not same:
        raise error(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{existing.name}' exists, but with different settings",
        )
    return existing


def describe_load_balancers(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    arns, wanted = request.get("LoadBalancerArns"), request.get("Names")
    if arns and wanted:
        raise validation("Load balancer ARNs and names cannot be specified at the same time")
    if len(arns or wanted or []) > choices.MAX_DESCRIBED_BY_ID:
        raise validation(f"You cannot describe more than '{choices.MAX_DESCRIBED_BY_ID}' load balancers at a time")
    if arns:
        found = [require(store, arn) for arn in dict.fromkeys(arns)]
    elif wanted:
        by_name = {b.name.lower(): b for b in store.load_balancers.values()}
        missing = [name for name in wanted if name.lower() not in by_name]
        if missing:
            raise error("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
        found = [by_name[name.lower()] for name in dict.fromkeys(wanted)]
    else:
        found = list(store.load_balancers.values())
    return paged("LoadBalancers", [shown(store, b) for b in found], request, "load-balancers")


def delete_load_balancer(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["LoadBalancerArn"]
    names.check_arn("load balancer", arn)
    balancer = store.load_balancers.get(arn)
    if balancer is None:
        return {}  # API, DeleteLoadBalancer: "If the load balancer does not exist …, the call succeeds."
    if balancer.attributes["deletion_protection.enabled"] == "true":
        raise error(
            "OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )
    if any(target.id == arn for group in store.target_groups.values() for target in group.targets.values()):
        raise error("ResourceInUse", f"Load balancer '{arn}' is currently registered as a target")
    interfaces.remove(store, balancer)
    del store.load_balancers[arn]
    store.relink()
    return {}


def set_subnets(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    balancer = require(store, request["LoadBalancerArn"])
    vpc_id, zones = placement.zones(store, balancer.kind, placement.mappings(request))
    if vpc_id != balancer.vpc_id:
        raise error("InvalidSubnet", f"The subnets do not belong to VPC '{balancer.vpc_id}'")
    if balancer.kind == "gateway" and not _ids(balancer.zones) <= _ids(zones):
        raise invalid_configuration("Subnets cannot be removed from load balancers with type 'gateway'")
    if balancer.capacity is not None and balancer.capacity.pending(store):
        raise error("CapacityReservationPending", "There is a pending capacity reservation")
    wanted = request.get("IpAddressType") or balancer.ip_address_type
    address_type = placement.address_type(store, balancer.kind, wanted, zones)
    balancer.zones, balancer.ip_address_type = zones, address_type
    if balancer.kind == "network" and request.get("EnablePrefixForIpv6SourceNat"):
        balancer.prefix_for_ipv6_source_nat = request["EnablePrefixForIpv6SourceNat"]
    interfaces.place(store, balancer)
    answer: dict[str, Any] = {"AvailabilityZones": zones, "IpAddressType": address_type}
    if balancer.kind == "network":
        answer["EnablePrefixForIpv6SourceNat"] = balancer.prefix_for_ipv6_source_nat
    return answer


def _ids(zones: list[dict[str, Any]]) -> set[str]:
    return {zone["SubnetId"] for zone in zones}


def set_security_groups(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    balancer = require(store, request["LoadBalancerArn"])
    if balancer.kind == "network" and not balancer.security_groups:
        raise invalid_configuration("You cannot set security groups on a Network Load Balancer created without any")
    if not request["SecurityGroups"]:
        raise validation("At least one security group must be specified")
    balancer.security_groups = placement.security_groups(
        store, balancer.kind, balancer.vpc_id, request["SecurityGroups"]
    )
    enforce = request.get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic")
    if enforce:
        if balancer.kind != "network":
            raise invalid_configuration("PrivateLink rules are not supported for load balancers with this type")
        balancer.enforce_private_link_rules = enforce
    interfaces.place(store, balancer)
    answer: dict[str, Any] = {"SecurityGroupIds": list(balancer.security_groups)}
    if balancer.enforce_private_link_rules:
        answer["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] = balancer.enforce_private_link_rules
    return answer


def set_ip_address_type(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    balancer = require(store, request["LoadBalancerArn"])
    balancer.ip_address_type = placement.address_type(store, balancer.kind, request["IpAddressType"], balancer.zones)
    return {"IpAddressType": balancer.ip_address_type}


def modify_ip_pools(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    balancer = require(store, request["LoadBalancerArn"])
    if balancer.kind != "application":
        raise invalid_configuration(f"IPAM pools are not supported for load balancers with type '{balancer.kind}'")
    pool, removed = (request.get("IpamPools") or {}).get("Ipv4IpamPoolId"), request.get("RemoveIpamPools") or []
    if bool(pool) == bool(removed):
        raise validation("You must specify either IPAM pools to set or IPAM pools to remove")
    balancer.ipam_pool_id = pool or None
    return {"IpamPools": {"Ipv4IpamPoolId": pool} if pool else {}}


def shown(store: Store, balancer: LoadBalancer) -> dict[str, Any]:
    state = {"Code": "active" if balancer.active else "provisioning"}
    answer: dict[str, Any] = {
        "LoadBalancerArn": balancer.arn, "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": balancer.hosted_zone_id, "CreatedTime": balancer.created,
        "LoadBalancerName": balancer.name, "Scheme": balancer.scheme, "VpcId": balancer.vpc_id,
        "State": store.scripted_states.get(balancer.name, state), "Type": balancer.kind,
        "AvailabilityZones": balancer.zones, "IpAddressType": balancer.ip_address_type,
    }
    if balancer.kind != "gateway":
        answer["SecurityGroups"] = list(balancer.security_groups)
    optional = {
        "CustomerOwnedIpv4Pool": balancer.customer_owned_ipv4_pool,
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": balancer.enforce_private_link_rules,
        "EnablePrefixForIpv6SourceNat": balancer.prefix_for_ipv6_source_nat,
        "IpamPools": {"Ipv4IpamPoolId": balancer.ipam_pool_id} if balancer.ipam_pool_id else None,
    }
    return answer | {key: value for key, value in optional.items() if value is not None}
