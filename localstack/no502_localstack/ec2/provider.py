"""LocalStack's EC2 provider with the one operation that needs to be judged before Moto does it."""

from __future__ import annotations

from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.services.ec2.provider import Ec2Provider
from localstack.services.moto import call_moto

from no502_localstack import network
from no502_localstack.ec2 import patches


class FaithfulEc2Provider(Ec2Provider):
    """API, DeleteSecurityGroup: `DependencyViolation` while in use, `CannotDelete` for default groups."""

    @handler("DeleteSecurityGroup", expand=False)
    def delete_security_group(  # type: ignore[override]  # the decorator says how it is called
        self, context: RequestContext, request: dict[str, Any]
    ) -> Any:
        backend = network.backend(context.account_id, context.region)
        if not request.get("DryRun"):
            patches.refuse_used_group(backend, request.get("GroupId"), request.get("GroupName"))
        return call_moto(context)
