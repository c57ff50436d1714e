"""DescribeTargetHealth: the state of each target at the moment of asking.

Source: API, TargetHealth (states, reasons and when a description is given); user guide, "Target health status".
States that follow from configuration and time are computed here; what a target answers comes from `outcomes`.
"""

from __future__ import annotations

import time
from typing import Any

from no502_localstack import choices, network, settings
from no502_localstack.elbv2 import outcomes, reach
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.store import LoadBalancer, Store, Target, TargetGroup
from no502_localstack.elbv2.target_groups import require

Json = dict[str, Any]


def describe_target_health(store: Store, request: Json) -> Json:
    group = require(store, request["TargetGroupArn"])
    if store.health_unavailable:
        raise error("HealthUnavailable", "The health of the specified targets could not be retrieved due to an internal "
                    "error")
    forget_drained(group)
    asked = request.get("Targets") or []
    if asked:
        shown = [_asked_for(store, group, entry) for entry in asked]
    else:
        shown = [_described(store, group, target) for target in group.targets.values()]
    include = request.get("Include") or []
    for entry in include:
        if entry not in ("AnomalyDetection", "All"):
            raise validation(f"'{entry}' is not a valid value for 'Include'")
    if include:
        for description in shown:
            description["AnomalyDetection"] = {"Result": "normal", "MitigationInEffect": "no"}
    return {"TargetHealthDescriptions": shown}


def forget_drained(group: TargetGroup) -> None:
    now = time.time()
    for key in [k for k, t in group.targets.items() if t.deregistered_at is not None and now >= t.drains_until]:
        del group.targets[key]


def _asked_for(store: Store, group: TargetGroup, entry: Json) -> Json:
    port = None if group.target_type == "lambda" else entry.get("Port") or group.port
    target = group.targets.get((entry["Id"], port))
    if target is not None:
        return _described(store, group, target)
    description: Json = {"Id": entry["Id"]} | ({"Port": port} if port else {})
    return {
        "Target": description,
        "TargetHealth": _state("unused", "Target.NotRegistered", "Target is not registered to the target group"),
    } | _check_port(group, port)


def _described(store: Store, group: TargetGroup, target: Target) -> Json:
    shown: Json = {"Id": target.id}
    if target.port:
        shown["Port"] = target.port
    if target.zone:
        shown["AvailabilityZone"] = target.zone
    if target.quic_server_id:
        shown["QuicServerId"] = target.quic_server_id
    answer: Json = {"Target": shown, "TargetHealth": state_of(store, group, target)} | _check_port(group, target.port)
    balancer = store.load_balancers.get(store.attachments.get(group.arn) or "")
    if balancer is not None and balancer.attributes.get("zonal_shift.config.enabled") == "true":
        answer["AdministrativeOverride"] = {
            "State": "no_override", "Reason": "AdministrativeOverride.NoOverride",
            "Description": "No override is currently active on target",
        }
    return answer


def _check_port(group: TargetGroup, port: int | None) -> Json:
    checked = check_port(group, port)
    return {"HealthCheckPort": str(checked)} if checked else {}


def check_port(group: TargetGroup, port: int | None) -> int | None:
    configured = group.health_check.get("HealthCheckPort")
    if configured and configured != "traffic-port":
        return int(configured)
    return port


def _state(state: str, reason: str | None = None, description: str | None = None) -> Json:
    full = {"State": state, "Reason": reason, "Description": description}
    return {key: value for key, value in full.items() if value}


def state_of(store: Store, group: TargetGroup, target: Target) -> Json:
    if target.deregistered_at is not None:
        return _state("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    balancer = store.load_balancers.get(store.attachments.get(group.arn) or "")
    if balancer is None or group.attached_at is None:
        return _state("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load "
                      "balancer")
    if group.target_type == "lambda" and not group.health_check["HealthCheckEnabled"]:
        return _state("unavailable", "Target.HealthCheckDisabled", "Health checks are not enabled for this target")
    unusable = _unusable(store, group, target, balancer)
    if unusable:
        return unusable
    return _checked(store, group, target, balancer)


def _unusable(store: Store, group: TargetGroup, target: Target, balancer: LoadBalancer) -> Json | None:
    zone = target.zone
    if group.target_type == "instance":
        instance = network.instance(store.account, store.region, target.id)
        if instance is None or instance.state != "running":
            state = instance.state if instance else "terminated"
            return _state("unused", "Target.InvalidState", f"Target is in the {state} state")
        zone = instance.zone
    if group.target_type == "ip" and _owned_by_a_load_balancer(store, target.id):
        return _state("unused", "Target.IpUnusable", "The target IP address is in use by a load balancer")
    if zone not in (None, "all") and zone not in {each["ZoneName"] for each in balancer.zones}:
        return _state("unused", "Target.NotInUse", "Target is in an Availability Zone that is not enabled for the load "
                      "balancer")
    return None


def _owned_by_a_load_balancer(store: Store, address: str) -> bool:
    enis = network.backend(store.account, store.region).enis
    mine = (enis.get(eni_id) for balancer in store.load_balancers.values() for eni_id in balancer.interfaces)
    return any(eni is not None and eni.private_ip_address == address for eni in mine)


def _checked(store: Store, group: TargetGroup, target: Target, balancer: LoadBalancer) -> Json:
    started = max(target.registered_at, group.attached_at or 0.0, balancer.active_at)
    outcome = outcomes.TIMEOUT if reach.blocked(store, balancer, group, target) else outcomes.of(store, group, target)
    if outcome is not None and not outcome.waits:
        return _state(outcome.state, outcome.reason, outcome.description)
    age = time.time() - started
    if age < settings.scaled(choices.REGISTRATION_SECONDS):
        return _state("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
    if age < settings.scaled(choices.REGISTRATION_SECONDS + choices.INITIAL_SECONDS):
        return _state("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
    if outcome is not None:
        return _state(outcome.state, outcome.reason, outcome.description)
    return _state("healthy")
