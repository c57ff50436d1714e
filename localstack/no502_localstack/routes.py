"""Internal routes under /_no502: readiness, target map, scripted health, quotas, reset.

They belong to tests and demos, not to AWS: no SDK ever calls them.
"""

from __future__ import annotations

import json
import resource
from typing import Any, Callable

from localstack.http import Request, Resource, Response
from localstack.services.internal import get_internal_apis

from no502_localstack import __version__, bundles, network, reset, settings
from no502_localstack.acm.store import store_for as certificates_of
from no502_localstack.elbv2 import checker, limits, outcomes
from no502_localstack.elbv2.store import store_for

Json = dict[str, Any]
OUR_PROVIDERS = ("elbv2", "acm", "ec2", "resourcegroupstaggingapi")


def install() -> None:
    apis = get_internal_apis()
    apis.add(Resource("/_no502/ready", _Get(ready)))
    apis.add(Resource("/_no502/targets", _Put(put_targets)))
    apis.add(Resource("/_no502/health", _Put(put_health)))
    apis.add(Resource("/_no502/quotas", _Put(put_quotas)))
    apis.add(Resource("/_no502/certificates", _Put(put_certificates)))
    apis.add(Resource("/_no502/capacity", _Put(put_capacity)))
    apis.add(Resource("/_no502/load-balancers", _Put(put_load_balancers)))
    apis.add(Resource("/_no502/tags", _Put(put_tags)))
    apis.add(Resource("/_no502/bundles/<token>", _Bundle()))
    apis.add(Resource("/_no502/reset", _Post(post_reset)))


def _answer(function: Callable[[Json], Json], request: Request) -> Any:
    try:
        body = request.get_json(force=True, silent=True) or {}
        return function(body)
    except (KeyError, TypeError, ValueError) as cause:
        text = json.dumps({"error": f"{type(cause).__name__}: {cause}"})
        return Response(text, 400, mimetype="application/json")


class _Get:
    def __init__(self, function: Callable[[], Json]) -> None:
        self.function = function

    def on_get(self, request: Request) -> Any:
        return self.function()


class _Put:
    def __init__(self, function: Callable[[Json], Json]) -> None:
        self.function = function

    def on_put(self, request: Request) -> Any:
        return _answer(self.function, request)


class _Post:
    def __init__(self, function: Callable[[Json], Json]) -> None:
        self.function = function

    def on_post(self, request: Request) -> Any:
        return _answer(self.function, request)


class _Bundle:
    def on_get(self, request: Request, token: str) -> Response:
        content = bundles.read(token)
        if content is None:
            return Response("Request has expired", 403)
        return Response(content, 200, mimetype="application/x-pem-file")


def ready() -> Json:
    """Loads each of our providers and says whether it is ours that was loaded."""
    from localstack.services.plugins import SERVICE_PLUGINS

    providers: dict[str, str] = {}
    for name in OUR_PROVIDERS:
        try:
            service = SERVICE_PLUGINS.require(name)
            providers[name] = "loaded" if _ours(name) and service is not None else "LocalStack's own"
        except Exception as cause:  # reported, not raised: the caller wants to know which one failed and why
            providers[name] = f"{type(cause).__name__}: {cause}"
    return {
        "version": __version__, "package": settings.PACKAGE, "time_scale": settings.TIME_SCALE, "providers": providers,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _ours(name: str) -> bool:
    """Whether the provider that LocalStack chose is the one of this package (an override may not have been set)."""
    from localstack.services.plugins import SERVICE_PLUGINS

    chosen = SERVICE_PLUGINS.plugin_manager.get_container(f"{name}:{SERVICE_PLUGINS.provider_config.get_provider(name)}")
    return chosen.plugin_spec is not None and "no502" in chosen.plugin_spec.factory.__module__


def put_targets(body: Json) -> Json:
    """{"account"?, "region"?, "targets": {"10.0.1.10:8000": "127.0.0.1:18000"}}, or the bare map for all accounts."""
    targets = body.get("targets", {k: v for k, v in body.items() if k not in ("account", "region")})
    checker.set_map(body.get("account", outcomes.ANY), body.get("region", outcomes.ANY), targets)
    return {"mapped": len(targets)}


def put_health(body: Json) -> Json:
    """{"account", "region"?, "targets": {"10.0.1.10:8000": {"state": …} or {"answers": …} or null}}, or
    {"account", "region", "unavailable": bool}, which makes DescribeTargetHealth answer HealthUnavailable."""
    if "unavailable" in body:
        store_for(body["account"], body["region"]).health_unavailable = bool(body["unavailable"])
    targets = body.get("targets", {})
    outcomes.set_scripts(body["account"], body.get("region", outcomes.ANY), targets)
    return {"scripted": len(targets)}


def put_quotas(body: Json) -> Json:
    """{"account", "region", "quotas": {"rules-per-application-load-balancer": 3, … or null for AWS's default}}."""
    store = store_for(body["account"], body["region"])
    unknown = set(body["quotas"]) - set(limits.DEFAULTS)
    if unknown:
        raise ValueError(f"no such quota: {', '.join(sorted(unknown))}")
    with store.lock:
        for name, value in body["quotas"].items():
            if value is None:
                store.quotas.pop(name, None)
            else:
                store.quotas[name] = int(value)
    return {"quotas": store.quotas}


_SWITCHES = ("status", "failure_reason", "renewal_status", "not_after", "unusable")


def put_certificates(body: Json) -> Json:
    """{"account", "region", "certificate": ARN or domain name, "status"?, "failure_reason"?, "renewal_status"?,
    "not_after"?, "unusable"?}: applies to that certificate, or to all present and future requests for that domain name."""
    switch = {key: body[key] for key in _SWITCHES if body.get(key) is not None}
    store = certificates_of(body["account"], body["region"])
    with store.lock:
        store.switches[body["certificate"]] = switch
    return {"certificate": body["certificate"], **switch}


def put_capacity(body: Json) -> Json:
    """{"account", "region", "fail"?: "InsufficientCapacity" | "PriorRequestNotComplete" | null, "pending"?: true}.

    While `pending` is true, reservations stay pending."""
    fail = body.get("fail")
    if fail not in (None, "InsufficientCapacity", "PriorRequestNotComplete"):
        raise ValueError(f"no such failure: {fail}")
    store = store_for(body["account"], body["region"])
    with store.lock:
        store.capacity_failure = fail
        store.capacity_held = bool(body.get("pending"))
    return {"fail": fail, "pending": store.capacity_held}


def put_load_balancers(body: Json) -> Json:
    """{"account", "region", "states"?: {NAME: {"Code", "Reason"?} or null}, "unsupported_zones"?: [ZONE, …]}."""
    store = store_for(body["account"], body["region"])
    with store.lock:
        for name, state in (body.get("states") or {}).items():
            if state is None:
                store.scripted_states.pop(name, None)
            else:
                store.scripted_states[name] = {key: state[key] for key in ("Code", "Reason") if key in state}
        if "unsupported_zones" in body:
            store.unsupported_zones = set(body["unsupported_zones"])
    return {"states": store.scripted_states, "unsupported_zones": sorted(store.unsupported_zones)}


def put_tags(body: Json) -> Json:
    """{"account", "region", "resource": ARN of ELB or id of EC2, "tags": {KEY: VALUE}}: tags that AWS alone may write."""
    account, region, resource_id = body["account"], body["region"], body["resource"]
    if resource_id.startswith("arn:"):
        tags = store_for(account, region).taggable(resource_id)
        if tags is None:
            raise ValueError(f"no such resource: {resource_id}")
        tags.update(body["tags"])
    else:
        network.backend(account, region).tags[resource_id].update(body["tags"])
    return {"resource": resource_id, "tags": body["tags"]}


def post_reset(body: Json) -> Json:
    """{"account"}: drops everything of that account, in all regions, in our stores and in Moto's."""
    reset.account(body["account"])
    return {"reset": body["account"]}
