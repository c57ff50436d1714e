"""Real health checks of mapped targets: who is checked, how often, and what the counts say.

A target map (set through the internal routes) says at which loopback address a target like 10.0.1.10:8000 really
listens. Only mapped targets of attached groups are dialled. Interval, timeout and both thresholds are honoured; time
is divided by the time scale. User guide, "Health checks": a new target needs one passed check, a failing one
UnhealthyThresholdCount in a row, a recovering one HealthyThresholdCount in a row.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from no502_localstack import settings
from no502_localstack.elbv2 import prober
from no502_localstack.elbv2.outcomes import ANY, FAILED, HEALTHY, Outcome
from no502_localstack.elbv2.store import Store, Target, TargetGroup, all_stores

LOG = logging.getLogger(__name__)
Address = tuple[str, int]
_TICK = 0.02
_WORKERS = 8
_PENDING = Outcome("initial", "Elb.InitialHealthChecking", "Initial health checks in progress", waits=False)


@dataclass
class Record:
    """The counts of one target in one group."""

    registered_at: float
    verdict: Outcome = _PENDING
    good: int = 0
    bad: int = 0
    due: float = 0.0
    running: bool = False

    def note(self, outcome: Outcome, healthy_after: int, unhealthy_after: int) -> None:
        if outcome is HEALTHY:
            self.good, self.bad = self.good + 1, 0
            if self.verdict is _PENDING or self.good >= healthy_after:
                self.verdict = HEALTHY
            return
        self.good, self.bad = 0, self.bad + 1
        if self.bad >= unhealthy_after or self.verdict.state == "unhealthy":
            self.verdict = Outcome(outcome.state, outcome.reason, outcome.description, waits=False)


_maps: dict[tuple[str, str], dict[str, Address]] = {}
_records: dict[tuple[str, str, int | None], Record] = {}
_lock = threading.Lock()
_thread: threading.Thread | None = None
_pool = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="no502-check")


def set_map(account: str, region: str, targets: dict[str, str | None]) -> None:
    """Adds to or replaces the map of an account ("*" is every account); None removes an entry."""
    parsed = {name: _loopback(address) if address else None for name, address in targets.items()}
    with _lock:
        table = _maps.setdefault((account, region), {})
        for name, address in parsed.items():
            if address is None:
                table.pop(name, None)
            else:
                table[name] = address
    _start()


def _loopback(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if host not in ("127.0.0.1", "[::1]", "localhost") or not port.isdigit():
        raise ValueError(f"'{text}' is not a loopback address with a port")
    return host.strip("[]"), int(port)


def forget(account: str) -> None:
    with _lock:
        for key in [key for key in _maps if key[0] == account]:
            del _maps[key]


def _tables(store: Store) -> list[dict[str, Address]]:
    keys = [(account, region) for account in (store.account, ANY) for region in (store.region, ANY)]
    return [_maps[key] for key in keys if key in _maps]


def _mapped(store: Store, target: Target) -> bool:
    names = (f"{target.id}:{target.port}", target.id)
    return any(name in table for table in _tables(store) for name in names)


def _address(store: Store, target: Target, port: int) -> Address | None:
    for table in _tables(store):
        for name in (f"{target.id}:{port}", target.id):
            if name in table:
                return table[name]
    return None


def outcome(store: Store, group: TargetGroup, target: Target) -> Outcome | None:
    """The verdict on a mapped target, or None if the target is not mapped."""
    if not _maps or not _mapped(store, target):
        return None
    record = _records.get((group.arn, target.id, target.port))
    return record.verdict if record is not None and record.registered_at == target.registered_at else _PENDING


def _start() -> None:
    global _thread
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="no502-health", daemon=True)
            _thread.start()


def _run() -> None:
    while True:
        try:
            _sweep()
        except Exception:  # one broken record must not end all health checks
            LOG.exception("health check sweep failed")
        time.sleep(_TICK)


def _sweep() -> None:
    now, seen = time.time(), set()
    for store in all_stores():
        if not _tables(store):
            continue
        with store.lock:
            work = [
                (store.target_groups[arn], target)
                for arn, owner in store.attachments.items() if store.load_balancers[owner].active
                for target in store.target_groups[arn].targets.values()
                if target.deregistered_at is None and _mapped(store, target)
            ]
        for group, target in work:
            key = (group.arn, target.id, target.port)
            seen.add(key)
            record = _records.get(key)
            if record is None or record.registered_at != target.registered_at:
                record = _records[key] = Record(target.registered_at)
            if not record.running and now >= record.due:
                record.running = True
                record.due = now + settings.scaled(group.health_check["HealthCheckIntervalSeconds"])
                _pool.submit(_check, store, group, target, record)
    for key in [key for key in _records if key not in seen]:
        del _records[key]


def _check(store: Store, group: TargetGroup, target: Target, record: Record) -> None:
    try:
        check: dict[str, Any] = dict(group.health_check)
        configured = check.get("HealthCheckPort")
        port = int(configured) if configured and configured != "traffic-port" else target.port or 80
        address = _address(store, target, port)
        # Loopback needs some real time to answer, however fast the emulated clock runs.
        timeout = max(settings.scaled(check["HealthCheckTimeoutSeconds"]), 0.25)
        result = FAILED if address is None else prober.probe(
            address, check, group.protocol_version, target.id, port, timeout
        )
        record.note(result, check["HealthyThresholdCount"], check["UnhealthyThresholdCount"])
    finally:
        record.running = False
