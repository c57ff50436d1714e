"""A load balancer's network interface as EC2 shows it.

EC2 user guide, "Requester-managed network interfaces"; ELB user guides, on finding a load balancer's addresses by the
interface description `ELB app/<name>/<id>` and the attachment owner `amazon-elb`. After DeleteLoadBalancer the
interfaces stay for a while and keep their security groups in use.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface


@dataclass
class LoadBalancerAttachment:
    """What EC2 says of the instance that a customer cannot see."""

    attachment_id: str
    instance_owner_id: str
    attach_time: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    delete_on_termination: bool = False
    device_index: int = 1
    network_card_index: int = 0
    instance_id: str | None = None
    status: str = "attached"


class LoadBalancerInterface(NetworkInterface):
    """Attached to nothing that Moto knows, and not deletable by the customer."""

    def __init__(self, backend: Any, subnet: Any, address: str, owner: str, **kwargs: Any) -> None:
        super().__init__(backend, subnet, address, **kwargs)
        self.requester_managed = True
        self.requester_id = owner
        self.status = "in-use"
        self.gone_at: float | None = None
        self._attached = LoadBalancerAttachment(self.id.replace("eni-", "ela-attach-"), owner)

    @property
    def attachment(self) -> Any:
        return self._attached

    @property
    def gone(self) -> bool:
        return self.gone_at is not None and time.time() >= self.gone_at

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        own = {
            "attachment.instance-owner-id": self._attached.instance_owner_id,
            "attachment.status": "attached", "attachment.attachment-id": self._attached.attachment_id,
            "requester-managed": "true", "requester-id": self.requester_id,
        }
        return own[filter_name] if filter_name in own else super().get_filter_value(filter_name, method_name)


def forget_gone(backend: Any) -> None:
    """Drops the interfaces whose time has come."""
    gone = [key for key, eni in backend.enis.items() if isinstance(eni, LoadBalancerInterface) and eni.gone]
    for key in gone:
        backend.enis.pop(key, None)
