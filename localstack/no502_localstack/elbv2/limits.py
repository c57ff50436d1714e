"""Quotas of an account: their AWS defaults, lowered by a switch, checked by the operations.

Names as DescribeAccountLimits gives them; defaults from the user guide, "Quotas for your Application Load Balancers".
"""

from __future__ import annotations

from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2.errors import error
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Store

DEFAULTS: dict[str, int] = {
    "target-groups": 3000,
    "targets-per-application-load-balancer": 1000,
    "listeners-per-application-load-balancer": 50,
    "rules-per-application-load-balancer": 100,
    "network-load-balancers": 50,
    "targets-per-network-load-balancer": 3000,
    "targets-per-availability-zone-per-network-load-balancer": 500,
    "listeners-per-network-load-balancer": 50,
    "condition-values-per-alb-rule": choices.CONDITION_VALUES_PER_RULE,
    "condition-wildcards-per-alb-rule": choices.CONDITION_WILDCARDS_PER_RULE,
    "target-groups-per-application-load-balancer": 100,
    "target-groups-per-action-on-application-load-balancer": 5,
    "target-groups-per-action-on-network-load-balancer": 1,
    "certificates-per-application-load-balancer": 25,
    "certificates-per-network-load-balancer": 25,
    "targets-per-target-group": 1000,
    "target-id-registrations-per-application-load-balancer": 1000,
    "network-load-balancer-enis-per-vpc": 1200,
    "application-load-balancers": 50,
    "gateway-load-balancers": 100,
    "gateway-load-balancers-per-vpc": 100,
    "geneve-target-groups": 100,
    "targets-per-availability-zone-per-gateway-load-balancer": 300,
    "trust-stores": 20,
    "trust-stores-per-listener": 1,
    "trust-store-ca-certificates": 25,
    "trust-store-revocation-lists": 30,
    "revocation-entries-per-trust-store": 500000,
    "mutual-auth-verify-listeners-per-application-load-balancer": 2,
    # Not listed by DescribeAccountLimits but enforced: tags per resource, capacity units, daily decreases.
    "tags-per-resource": 50,
    "capacity-units-per-application-load-balancer": 1500,
    "capacity-decreases-per-day": 2,
}
_UNLISTED = {"tags-per-resource", "capacity-units-per-application-load-balancer", "capacity-decreases-per-day"}


def limit(store: Store, name: str) -> int:
    return store.quotas.get(name, DEFAULTS[name])


def require(store: Store, name: str, wanted: int, code: str, message: str) -> None:
    """Refuses with `code` if `wanted` of something is more than the account may have."""
    if wanted > limit(store, name):
        raise error(code, message)


def describe_account_limits(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    listed = [
        {"Name": name, "Max": str(limit(store, name))} for name in DEFAULTS if name not in _UNLISTED
    ]
    return paged("Limits", listed, request, "account-limits")
