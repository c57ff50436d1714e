"""The network interfaces of load balancers, made visible in EC2.

AWS puts one requester-managed interface per subnet, described `ELB app/<name>/<id>`, into the customer's VPC; they
carry the load balancer's security groups, which is why those cannot be deleted (EC2 user guide, "Requester-managed
network interfaces").
"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Any

from no502_localstack import choices, network, settings
from no502_localstack.elbv2.errors import error

if TYPE_CHECKING:
    from no502_localstack.elbv2.store import LoadBalancer, Store

_OWNER = {"application": "amazon-elb", "network": "amazon-aws", "gateway": "amazon-aws"}


def description(balancer: LoadBalancer) -> str:
    return "ELB " + balancer.arn.split(":loadbalancer/")[1]


def place(store: Store, balancer: LoadBalancer) -> None:
    """Makes the interfaces match the load balancer's subnets and security groups."""
    backend = network.backend(store.account, store.region)
    wanted = [zone["SubnetId"] for zone in balancer.zones]
    groups = [backend.get_security_group_from_id(group) for group in balancer.security_groups]
    kept: dict[str, Any] = {}
    for eni_id in balancer.interfaces:
        eni = backend.enis.get(eni_id)
        if eni is not None and eni.subnet.id in wanted:
            kept[eni.subnet.id] = eni
        elif eni is not None:
            _let_go(eni)
    for subnet_id in wanted:
        if subnet_id not in kept:
            kept[subnet_id] = _create(backend, subnet_id, balancer)
        kept[subnet_id]._group_set = list(groups)
    balancer.interfaces = [eni.id for eni in kept.values()]


def remove(store: Store, balancer: LoadBalancer) -> None:
    backend = network.backend(store.account, store.region)
    for eni_id in balancer.interfaces:
        if eni_id in backend.enis:
            _let_go(backend.enis[eni_id])
    balancer.interfaces = []


def _create(backend: Any, subnet_id: str, balancer: LoadBalancer) -> Any:
    from no502_localstack.ec2.eni import LoadBalancerInterface

    subnet = backend.get_subnet(subnet_id)
    eni = LoadBalancerInterface(  # type: ignore[abstract]  # what is abstract belongs to CloudFormation
        backend, subnet, _free_address(backend, subnet), _OWNER[balancer.kind],
        group_ids=list(balancer.security_groups), description=description(balancer),
    )
    backend.enis[eni.id] = eni
    return eni


def _let_go(eni: Any) -> None:
    """The interface goes away some time after the load balancer, as on AWS."""
    eni.gone_at = time.time() + settings.scaled(choices.INTERFACE_LINGERS_SECONDS)


def _free_address(backend: Any, subnet: Any) -> str:
    """From the top of the subnet downwards: callers who number their own interfaces start at the bottom."""
    block = ipaddress.ip_network(subnet.cidr_block, strict=False)
    taken = {
        address["PrivateIpAddress"]
        for eni in list(backend.enis.values()) if eni.subnet.id == subnet.id
        for address in eni.private_ip_addresses
    }
    for offset in range(2, block.num_addresses - 4):
        candidate = str(block[-offset])
        if candidate not in taken and candidate not in subnet._subnet_ips:
            return candidate
    raise error("InvalidSubnet", f"Not enough IP space available in {subnet.id}. ELB requires at least 8 free IP "
                "addresses in each subnet.")
