"""What exists in one account and region: plain records, their links, and the lock that makes calls atomic.

Records hold what the API shows, already normalised to AWS's read-back form. Nothing here validates; the operation
modules do, before they write, so that a refused call leaves no trace.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Iterator

Json = dict[str, Any]


def now_utc() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Rule:
    arn: str
    priority: int | None  # None is the default rule
    conditions: list[Json]
    actions: list[Json]
    transforms: list[Json] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Listener:
    arn: str
    load_balancer_arn: str
    protocol: str | None
    port: int | None
    ssl_policy: str | None
    certificate: str | None
    extra_certificates: list[str]
    alpn_policy: list[str]
    mutual_authentication: Json | None
    default_rule: Rule
    attributes: dict[str, str]
    rules: dict[str, Rule] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def all_rules(self) -> list[Rule]:
        """By priority; the default rule last, as DescribeRules lists them."""
        ordered = sorted(self.rules.values(), key=lambda rule: rule.priority or 0)
        return [*ordered, self.default_rule]


@dataclass
class LoadBalancer:
    arn: str
    name: str
    kind: str
    scheme: str
    vpc_id: str
    dns_name: str
    hosted_zone_id: str
    created: datetime
    active_at: float
    zones: list[Json]
    security_groups: list[str]
    ip_address_type: str
    attributes: dict[str, str]
    tags: dict[str, str]
    customer_owned_ipv4_pool: str | None = None
    ipam_pool_id: str | None = None
    enforce_private_link_rules: str | None = None
    prefix_for_ipv6_source_nat: str | None = None
    capacity: Any = None
    interfaces: list[str] = field(default_factory=list)
    listeners: dict[str, Listener] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return time.time() >= self.active_at


@dataclass
class Target:
    id: str
    port: int | None
    zone: str | None
    registered_at: float
    quic_server_id: str | None = None
    deregistered_at: float | None = None
    drains_until: float = 0.0


@dataclass
class TargetGroup:
    arn: str
    name: str
    target_type: str
    protocol: str | None
    protocol_version: str | None
    port: int | None
    vpc_id: str | None
    ip_address_type: str | None
    target_control_port: int | None
    health_check: Json
    attributes: dict[str, str]
    tags: dict[str, str]
    targets: dict[tuple[str, int | None], Target] = field(default_factory=dict)
    attached_at: float | None = None


@dataclass
class TrustStore:
    arn: str
    name: str
    bundle: bytes
    certificates: int
    active_at: float
    tags: dict[str, str]
    revocations: dict[int, Json] = field(default_factory=dict)
    next_revocation: int = 1
    policy: str | None = None


class Store:
    """All ELBv2 resources of one account in one region."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.lock = threading.RLock()
        self.load_balancers: dict[str, LoadBalancer] = {}
        self.target_groups: dict[str, TargetGroup] = {}
        self.trust_stores: dict[str, TrustStore] = {}
        self.quotas: dict[str, int] = {}
        self.capacity_failure: str | None = None
        self.capacity_held = False
        self.health_unavailable = False
        self.unsupported_zones: set[str] = set()
        self.scripted_states: dict[str, Json] = {}  # load balancer name -> LoadBalancerState
        self.endpoint = ""  # where the last caller reached this server; pre-signed URLs begin with it
        # target group ARN -> load balancer ARN; rebuilt by relink() after every change of an action
        self.attachments: dict[str, str] = {}

    def listeners(self) -> Iterator[Listener]:
        for balancer in self.load_balancers.values():
            yield from balancer.listeners.values()

    def listener(self, arn: str) -> Listener | None:
        for balancer in self.load_balancers.values():
            if arn in balancer.listeners:
                return balancer.listeners[arn]
        return None

    def rule(self, arn: str) -> tuple[Listener, Rule] | None:
        for listener in self.listeners():
            if arn in listener.rules:
                return listener, listener.rules[arn]
            if listener.default_rule.arn == arn:
                return listener, listener.default_rule
        return None

    def relink(self) -> None:
        """Notes which group belongs to which load balancer, and since when: health checks start then."""
        linked: dict[str, str] = {}
        for balancer in self.load_balancers.values():
            for listener in balancer.listeners.values():
                for rule in listener.all_rules():
                    for arn in groups_of(rule.actions):
                        linked[arn] = balancer.arn
        for arn, group in self.target_groups.items():
            if arn not in linked:
                group.attached_at = None
            elif group.attached_at is None:
                group.attached_at = time.time()
        self.attachments = linked

    def taggable(self, arn: str) -> dict[str, str] | None:
        """The tags of any taggable resource, for reading and writing, or None if there is no such resource."""
        for table in (self.load_balancers, self.target_groups, self.trust_stores):
            if arn in table:
                return table[arn].tags
        listener = self.listener(arn)
        if listener is not None:
            return listener.tags
        found = self.rule(arn)
        return found[1].tags if found else None


def groups_of(actions: list[Json]) -> list[str]:
    """The target groups that a list of actions (in read-back form) forwards to, a weight of zero included."""
    arns: list[str] = []
    for action in actions:
        for entry in action.get("ForwardConfig", {}).get("TargetGroups", []):
            arns.append(entry["TargetGroupArn"])
    return arns


_stores: dict[tuple[str, str], Store] = {}
_stores_lock = threading.Lock()


def store_for(account: str, region: str) -> Store:
    key = (account, region)
    store = _stores.get(key)
    if store is None:
        with _stores_lock:
            store = _stores.setdefault(key, Store(account, region))
    return store


def all_stores() -> list[Store]:
    with _stores_lock:
        return list(_stores.values())


def stores_of(account: str) -> list[Store]:
    return [store for store in all_stores() if store.account == account]


def forget(account: str) -> None:
    """Drops everything of an account, in every region."""
    with _stores_lock:
        for key in [key for key in _stores if key[0] == account]:
            del _stores[key]
