"""Capacity reservations (API: ModifyCapacityReservation, DescribeCapacityReservation; user guide, "Capacity unit
reservations for your Application Load Balancer")."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from no502_localstack import choices, settings
from no502_localstack.elbv2 import limits
from no502_localstack.elbv2.errors import error, invalid_configuration, validation
from no502_localstack.elbv2.load_balancer_attributes import require
from no502_localstack.elbv2.store import LoadBalancer, Store, now_utc

Json = dict[str, Any]
_LEAST_UNITS = 100  # user guide: "the minimum reservation is 100 LCUs"
_DAY = 86400.0


@dataclass
class Reservation:
    units: int | None = None
    modified: datetime | None = None
    settled_at: float = 0.0
    decreases: list[float] = field(default_factory=list)

    def pending(self, store: Store) -> bool:
        return store.capacity_held or time.time() < self.settled_at

    def decreases_today(self) -> int:
        return sum(time.time() - moment < settings.scaled(_DAY) for moment in self.decreases)


def _reservation(balancer: LoadBalancer) -> Reservation:
    if balancer.capacity is None:
        balancer.capacity = Reservation()
    return balancer.capacity


def modify_capacity_reservation(store: Store, request: Json) -> Json:
    balancer = require(store, request["LoadBalancerArn"])
    if balancer.kind == "gateway":
        raise error("OperationNotPermitted", "Capacity reservations are not supported for type 'gateway'")
    units = (request.get("MinimumLoadBalancerCapacity") or {}).get("CapacityUnits")
    reset = bool(request.get("ResetCapacityReservation"))
    if reset == (units is not None):
        raise validation("You must specify either a minimum capacity or 'ResetCapacityReservation'")
    if store.capacity_failure:
        raise error(store.capacity_failure, "The capacity reservation could not be changed")
    reservation = _reservation(balancer)
    if reservation.pending(store):
        raise error("CapacityReservationPending", f"Load balancer '{balancer.arn}' has a pending capacity reservation")
    if units is not None:
        _check_units(store, units)
    decrease = reservation.units is not None and (units or 0) < reservation.units
    if decrease and reservation.decreases_today() >= limits.limit(store, "capacity-decreases-per-day"):
        raise error("CapacityDecreaseRequestLimitExceeded", "The maximum number of daily decreases has been reached")
    if decrease:
        reservation.decreases.append(time.time())
    reservation.units, reservation.modified = units, now_utc()
    reservation.settled_at = time.time() + settings.scaled(choices.CAPACITY_SECONDS)
    return _shown(store, balancer)


def _check_units(store: Store, units: int) -> None:
    if units < _LEAST_UNITS:
        raise invalid_configuration(f"The minimum capacity must be at least '{_LEAST_UNITS}' capacity units")
    limits.require(store, "capacity-units-per-application-load-balancer", units, "CapacityUnitsLimitExceeded",
                   "The maximum number of capacity units has been reached")


def describe_capacity_reservation(store: Store, request: Json) -> Json:
    return _shown(store, require(store, request["LoadBalancerArn"]))


def _shown(store: Store, balancer: LoadBalancer) -> Json:
    reservation = _reservation(balancer)
    left = max(0, limits.limit(store, "capacity-decreases-per-day") - reservation.decreases_today())
    answer: Json = {"DecreaseRequestsRemaining": left}
    if reservation.modified:
        answer["LastModifiedTime"] = reservation.modified
    if reservation.units is None:
        return answer
    code = "pending" if reservation.pending(store) else "provisioned"
    share = reservation.units / len(balancer.zones)
    answer["MinimumLoadBalancerCapacity"] = {"CapacityUnits": reservation.units}
    answer["CapacityReservationState"] = [
        {"State": {"Code": code}, "AvailabilityZone": zone["ZoneName"],
         "EffectiveCapacityUnits": 0.0 if code == "pending" else share}
        for zone in balancer.zones
    ]
    return answer
