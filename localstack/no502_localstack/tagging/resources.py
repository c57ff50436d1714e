"""The tagged resources of an account and region, and how to change their tags.

API, GetResources: "Returns all the tagged or previously tagged resources"; here only tagged ones. A resource type
filter is `service` or `service:type`, as in "elasticloadbalancing:listener-rule/app" or "ec2:security-group-rule".
"""

from __future__ import annotations

from typing import Callable, Iterator

from no502_localstack import network
from no502_localstack.acm.store import store_for as certificates_of
from no502_localstack.elbv2.store import Store, store_for

Tags = dict[str, str]
Resource = tuple[str, str, Tags]  # type, ARN, tags
SERVICES = ("elasticloadbalancing", "acm", "ec2")

# EC2 ids by prefix; a longer prefix wins (sgr- is a rule, sg- a group).
_EC2_KINDS = {
    "sgr": "security-group-rule", "sg": "security-group", "subnet": "subnet", "vpc": "vpc", "eni": "network-interface",
    "i": "instance", "rtb": "route-table", "acl": "network-acl", "igw": "internet-gateway", "vol": "volume",
    "eipalloc": "elastic-ip", "nat": "natgateway", "pl": "prefix-list", "ami": "image", "lt": "launch-template",
}


def load_balancing(account: str, region: str) -> Iterator[Resource]:
    store = store_for(account, region)
    with store.lock:
        found = list(_load_balancing(store))
    yield from found


def _load_balancing(store: Store) -> Iterator[Resource]:
    def named(arn: str, tags: Tags) -> Resource:
        kind = arn.split(":", 5)[5].split("/")
        # listeners and rules carry the load balancer's kind in their type ("listener/app", "listener-rule/app")
        text = "/".join(kind[:2]) if kind[0] in ("loadbalancer", "listener", "listener-rule") else kind[0]
        return f"elasticloadbalancing:{text}", arn, dict(tags)

    for balancer in store.load_balancers.values():
        yield named(balancer.arn, balancer.tags)
        for listener in balancer.listeners.values():
            yield named(listener.arn, listener.tags)
            for rule in listener.all_rules():
                yield named(rule.arn, rule.tags)
    for group in store.target_groups.values():
        yield named(group.arn, group.tags)
    for trust_store in store.trust_stores.values():
        yield named(trust_store.arn, trust_store.tags)


def certificates(account: str, region: str) -> Iterator[Resource]:
    store = certificates_of(account, region)
    with store.lock:
        found = [("acm:certificate", c.arn, dict(c.tags)) for c in store.certificates.values()]
    yield from found


def computing(account: str, region: str) -> Iterator[Resource]:
    for id_, tags in list(network.backend(account, region).tags.items()):
        kind = _EC2_KINDS.get(id_.split("-")[0])
        if kind is not None:
            yield f"ec2:{kind}", f"arn:aws:ec2:{region}:{account}:{kind}/{id_}", dict(tags)


_SOURCES: dict[str, Callable[[str, str], Iterator[Resource]]] = {
    "elasticloadbalancing": load_balancing, "acm": certificates, "ec2": computing,
}


def tagged(account: str, region: str, types: list[str]) -> list[Resource]:
    """Every tagged resource whose type one of the filters names; no filter names all."""
    found = []
    for service, source in _SOURCES.items():
        if types and not any(each.split(":")[0] == service for each in types):
            continue
        found += [each for each in source(account, region) if each[2] and _matches(each[0], types)]
    return sorted(found, key=lambda each: each[1])


def _matches(kind: str, types: list[str]) -> bool:
    return not types or any(kind == each or kind.startswith((f"{each}:", f"{each}/")) for each in types)


def tags_of(account: str, region: str, arn: str) -> Tags | None:
    """The tags of one resource for writing, or None if it does not exist."""
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service == "elasticloadbalancing":
        return store_for(account, region).taggable(arn)
    if service == "acm":
        certificate = certificates_of(account, region).certificates.get(arn)
        return certificate.tags if certificate else None
    if service == "ec2":
        backend = network.backend(account, region)
        id_ = arn.rsplit("/", 1)[-1]
        return backend.tags[id_]
    return None
