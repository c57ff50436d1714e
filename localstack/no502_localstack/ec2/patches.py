"""What Moto's EC2 lets through and AWS refuses.

API: DeleteSecurityGroup (`DependencyViolation` while an interface uses the group or another group refers to it,
`CannotDelete` for the default group), DeleteSubnet (`DependencyViolation` while interfaces are in it),
DeleteNetworkInterface (requester-managed ones belong to AWS), DescribeNetworkInterfaces
(`addresses.private-ip-address` matches secondary addresses too).
"""

from __future__ import annotations

from typing import Any, Callable

from localstack.aws.api import CommonServiceException
from localstack.utils import patch as patching
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.subnets import SubnetBackend

from no502_localstack.ec2.eni import LoadBalancerInterface, forget_gone

_applied = False
patch: Callable[..., Callable[..., Any]] = patching.patch


def apply() -> None:
    """Idempotent: LocalStack may create the service more than once."""
    global _applied
    if _applied:
        return
    _applied = True
    patch(SubnetBackend.delete_subnet)(_delete_subnet)
    patch(NetworkInterfaceBackend.delete_network_interface)(_delete_network_interface)
    patch(NetworkInterfaceBackend.get_all_network_interfaces)(_get_all_network_interfaces)
    patch(NetworkInterface.get_filter_value)(_get_filter_value)


def _groups(backend: Any) -> list[Any]:
    return [group for groups in list(backend.groups.values()) for group in list(groups.values())]


def refuse_used_group(backend: Any, group_id: str | None, name: str | None) -> None:
    """Raises if a customer may not delete the group now. Moto itself deletes default groups, with their VPC."""
    forget_gone(backend)
    found = next((g for g in _groups(backend) if g.id == group_id or (not group_id and g.name == name)), None)
    if found is None:
        return
    if found.name == "default":
        raise CommonServiceException(
            "CannotDelete", f"the specified group: \"{found.id}\" name: \"default\" cannot be deleted by a user"
        )
    on_interfaces = any(found.id in {g.id for g in eni.group_set} for eni in list(backend.enis.values()))
    referenced = any(
        (rule.source_group or {}).get("GroupId") == found.id
        for group in _groups(backend) if group.id != found.id
        for rule in [*group.ingress_rules, *group.egress_rules]
    )
    if on_interfaces or referenced:
        raise CommonServiceException("DependencyViolation", f"resource {found.id} has a dependent object")


def _delete_subnet(original: Callable[..., Any], self: Any, subnet_id: str) -> Any:
    forget_gone(self)
    if any(eni.subnet.id == subnet_id and isinstance(eni, LoadBalancerInterface) for eni in list(self.enis.values())):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return original(self, subnet_id)


def _delete_network_interface(original: Callable[..., Any], self: Any, eni_id: str) -> Any:
    if isinstance(self.enis.get(eni_id), LoadBalancerInterface):
        raise EC2ClientError("InvalidParameterValue", f"Network interface '{eni_id}' is currently in use.")
    return original(self, eni_id)


def _get_all_network_interfaces(original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any) -> Any:
    forget_gone(self)
    return original(self, *args, **kwargs)


def _get_filter_value(
    original: Callable[..., Any], self: Any, filter_name: str, method_name: str | None = None
) -> Any:
    if filter_name == "addresses.private-ip-address":
        return [address.get("PrivateIpAddress") for address in self.private_ip_addresses]
    return original(self, filter_name, method_name)
