"""The network interfaces of load balancers, made visible in EC2.

AWS puts one requester-managed interface per subnet, described `ELB app/<name>/<id>`, into the customer's VPC; they
carry the load balancer's security groups, which is why those cannot be deleted (EC2 user guide, "Requester-managed
network interfaces").
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from no502_localstack import network
from no502_localstack.elbv2.errors import error

if TYPE_CHECKING:
    from no502_localstack.elbv2.store import LoadBalancer, Store


def description(balancer: LoadBalancer) -> str:
    return "ELB " + balancer.arn.split(":loadbalancer/")[1]


def place(store: Store, balancer: LoadBalancer) -> None:
    """Makes the interfaces match the load balancer's subnets and security groups."""
    backend = network.backend(store.account, store.region)
    wanted = {zone["SubnetId"]: zone for zone in balancer.zones}
    kept: dict[str, Any] = {}
    for eni_id in balancer.interfaces:
        eni = backend.enis.get(eni_id)
        if eni is None:
            continue
        if eni.subnet.id in wanted:
            kept[eni.subnet.id] = eni
        else:
            _delete(backend, eni_id)
    for subnet_id in wanted:
        if subnet_id not in kept:
            kept[subnet_id] = _create(backend, subnet_id, balancer)
        kept[subnet_id]._group_set = [backend.get_security_group_from_id(g) for g in balancer.security_groups]
    balancer.interfaces = [eni.id for eni in kept.values()]


def remove(store: Store, balancer: LoadBalancer) -> None:
    backend = network.backend(store.account, store.region)
    for eni_id in balancer.interfaces:
        if eni_id in backend.enis:
            _delete(backend, eni_id)
    balancer.interfaces = []


def _create(backend: Any, subnet_id: str, balancer: LoadBalancer) -> Any:
    subnet = backend.get_subnet(subnet_id)
    eni = backend.create_network_interface(
        subnet, _free_address(backend, subnet), group_ids=list(balancer.security_groups),
        description=description(balancer),
    )
    eni.requester_managed = True
    eni.requester_id = "amazon-elb"
    eni.status = "in-use"
    eni.no502_load_balancer = balancer.arn
    return eni


def _free_address(backend: Any, subnet: Any) -> str:
    """From the top of the subnet downwards: callers who number their own interfaces start at the bottom."""
    block = ipaddress.ip_network(subnet.cidr_block, strict=False)
    taken = {
        address["PrivateIpAddress"]
        for eni in backend.enis.values() if eni.subnet.id == subnet.id
        for address in eni.private_ip_addresses
    }
    for offset in range(2, block.num_addresses - 4):
        candidate = str(block[-offset])
        if candidate not in taken and candidate not in subnet._subnet_ips:
            return candidate
    raise error("InvalidSubnet", f"Not enough IP space available in {subnet.id}. ELB requires at least 8 free IP "
                "addresses in each subnet.")


def _delete(backend: Any, eni_id: str) -> None:
    backend.enis.pop(eni_id, None)
