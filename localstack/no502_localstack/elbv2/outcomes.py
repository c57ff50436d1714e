"""What the health checker sees of a target: scripted, really checked, or (None) simply fine.

A script is either a fixed state, or a description of how the target answers, from which the state follows as AWS would
derive it from the group's current health check: so that mending the path, protocol, port or matcher makes the target
healthy. Scripts and maps are set through the internal routes, per account and region.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from no502_localstack.elbv2 import health_checks
from no502_localstack.elbv2.store import Store, Target, TargetGroup

Json = dict[str, Any]
ANY = "*"


@dataclass(frozen=True)
class Outcome:
    state: str
    reason: str | None = None
    description: str | None = None
    waits: bool = True  # whether a new target shows `initial` first


HEALTHY = Outcome("healthy")
FAILED = Outcome("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
TIMEOUT = Outcome("unhealthy", "Target.Timeout", "Request timed out")


def mismatch(code: int) -> Outcome:
    return Outcome("unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]")


@dataclass
class Scripts:
    """Scripts of one account and region (or of all regions), by target: "10.0.1.10:8000" before "10.0.1.10"."""

    by_target: dict[str, Json] = field(default_factory=dict)


_scripts: dict[tuple[str, str], Scripts] = {}
_lock = threading.Lock()


def set_scripts(account: str, region: str, targets: dict[str, Json | None]) -> None:
    """Adds to or replaces the account's scripts; None removes one."""
    with _lock:
        table = _scripts.setdefault((account, region), Scripts()).by_target
        for target, script in targets.items():
            if script is None:
                table.pop(target, None)
            else:
                table[target] = script


def forget(account: str) -> None:
    with _lock:
        for key in [key for key in _scripts if key[0] == account]:
            del _scripts[key]


def script_for(store: Store, target: Target) -> Json | None:
    for region in (store.region, ANY):
        table = _scripts.get((store.account, region))
        if table is None:
            continue
        for name in (f"{target.id}:{target.port}", target.id):
            if name in table.by_target:
                return table.by_target[name]
    return None


def of(store: Store, group: TargetGroup, target: Target) -> Outcome | None:
    script = script_for(store, target)
    if script is not None:
        return scripted(group, target, script)
    from no502_localstack.elbv2 import checker

    return checker.outcome(store, group, target)


def scripted(group: TargetGroup, target: Target, script: Json) -> Outcome:
    if "state" in script:
        return Outcome(script["state"], script.get("reason"), script.get("description"), waits=False)
    check = group.health_check
    configured = check.get("HealthCheckPort")
    port = int(configured) if configured and configured != "traffic-port" else target.port
    if script.get("port") is not None and int(script["port"]) != port:
        return TIMEOUT if script.get("closed") == "timeout" else FAILED
    spoken = str(script.get("protocol") or "HTTP").upper()
    if check.get("HealthCheckProtocol") == "TCP":
        return HEALTHY
    if spoken != check.get("HealthCheckProtocol"):
        return FAILED
    return _answered(check, script.get("answers") or {})


def _answered(check: Json, answers: Json) -> Outcome:
    answer: Any = answers.get(check.get("HealthCheckPath") or "/", answers.get(ANY, 404))
    if answer == "timeout":
        return TIMEOUT
    if answer == "refused":
        return FAILED
    return judged(check, int(answer))


def judged(check: Json, code: int) -> Outcome:
    matcher = check.get("Matcher") or {"HttpCode": "200"}
    ranges = health_checks.code_ranges(matcher.get("GrpcCode") or matcher.get("HttpCode") or "200")
    return HEALTHY if any(first <= code <= last for first, last in ranges) else mismatch(code)
