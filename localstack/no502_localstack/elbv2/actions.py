"""Actions of rules and of listeners' default rules: checks, and the form in which AWS reads them back.

Source: API, Action; user guide, "Action types for listener rules": at most one authentication action, then exactly
one routing action, which is last. AWS fills in what was left out: the other form of a single-group forward, the
`#{…}` placeholders of a redirect, an order.
"""

from __future__ import annotations

import re
from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2 import auth_actions, limits, names
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.store import LoadBalancer, Store, TargetGroup, groups_of

Json = dict[str, Any]
ROUTING = ("forward", "redirect", "fixed-response")
_CONFIG = {
    "forward": "ForwardConfig",
    "redirect": "RedirectConfig",
    "fixed-response": "FixedResponseConfig",
    "authenticate-oidc": "AuthenticateOidcConfig",
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "jwt-validation": "JwtValidationConfig",
}
_CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_HTTP_GROUPS, _STREAM_GROUPS = ("HTTP", "HTTPS"), ("TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC")


def normalise(
    store: Store, balancer: LoadBalancer, protocol: str | None, actions: list[Json],
    previous: list[Json] | None = None,
) -> list[Json]:
    """The actions in read-back form. `previous` are those they replace, for UseExistingClientSecret."""
    if not actions:
        raise validation("An action must be specified")
    ordered = _ordered(actions)
    shown = [_one(store, balancer, protocol, action, order, previous or [])
             for order, action in enumerate(ordered, start=1)]
    _check_sequence(shown)
    check_association(store, balancer, shown)
    return shown


def _ordered(actions: list[Json]) -> list[Json]:
    if len(actions) == 1:
        return actions
    orders = [action.get("Order") for action in actions]
    if None in orders:
        raise validation("An action order must be specified when there is more than one action")
    if len(set(orders)) < len(orders):
        raise validation("Action orders must be unique")
    return sorted(actions, key=lambda action: action["Order"])


def _check_sequence(shown: list[Json]) -> None:
    kinds = [action["Type"] for action in shown]
    if sum(kind in ROUTING for kind in kinds) > 1:
        raise error("TooManyActions", "Only one action of type 'forward', 'redirect' or 'fixed-response' is allowed")
    if sum(kind not in ROUTING for kind in kinds) > 1:
        raise error("TooManyActions", "Only one authentication action is allowed")
    if kinds[-1] not in ROUTING:
        raise error(
            "InvalidLoadBalancerAction",
            "The last action must be of type 'forward', 'redirect' or 'fixed-response'",
        )


def _one(
    store: Store, balancer: LoadBalancer, protocol: str | None, action: Json, order: int, previous: list[Json]
) -> Json:
    kind = action["Type"]
    for other, config in _CONFIG.items():
        if other != kind and action.get(config) is not None:
            raise error("InvalidLoadBalancerAction", f"'{config}' cannot be specified for actions with type '{kind}'")
    if action.get("TargetGroupArn") and kind != "forward":
        raise error("InvalidLoadBalancerAction", f"A target group cannot be specified for actions with type '{kind}'")
    if balancer.kind != "application" and kind != "forward":
        raise error(
            "InvalidLoadBalancerAction",
            f"Actions with type '{kind}' are not supported on load balancers with type '{balancer.kind}'",
        )
    shown: Json = {"Type": kind}
    if kind == "forward":
        shown |= _forward(store, balancer, action)
    elif kind == "redirect":
        shown["RedirectConfig"] = _redirect(protocol, action.get("RedirectConfig"))
    elif kind == "fixed-response":
        shown["FixedResponseConfig"] = _fixed_response(action.get("FixedResponseConfig"))
    else:
        if protocol != "HTTPS":
            raise error("UnsupportedProtocol", f"Actions with type '{kind}' are supported only on HTTPS listeners")
        shown[_CONFIG[kind]] = auth_actions.normalise(kind, action.get(_CONFIG[kind]), previous)
    given = action.get("Order")
    return shown | ({"Order": given or order} if given or choices.SINGLE_ACTION_SHOWS_ORDER else {})


def _forward(store: Store, balancer: LoadBalancer, action: Json) -> Json:
    config, single = action.get("ForwardConfig") or {}, action.get("TargetGroupArn")
    entries = config.get("TargetGroups") or []
    if single and entries and [e.get("TargetGroupArn") for e in entries] != [single]:
        raise validation("You cannot specify both a target group ARN and a forward config with other target groups")
    if not entries:
        entries = [{"TargetGroupArn": single}]
    arns = [entry.get("TargetGroupArn") for entry in entries]
    if None in arns or "" in arns:
        raise validation("A target group ARN must be specified")
    if len(set(arns)) < len(arns):
        raise validation("A target group cannot be specified more than once in an action")
    quota = f"target-groups-per-action-on-{balancer.kind}-load-balancer"
    limits.require(store, quota if quota in limits.DEFAULTS else "target-groups-per-action-on-network-load-balancer",
                   len(arns), "TooManyTargetGroups", "The maximum number of target groups per action has been reached")
    shown = [
        {"TargetGroupArn": _group(store, balancer, entry["TargetGroupArn"]).arn, "Weight": _weight(entry)}
        for entry in entries
    ]
    stickiness = _stickiness(config.get("TargetGroupStickinessConfig") or {})
    answer: Json = {"ForwardConfig": {"TargetGroups": shown, "TargetGroupStickinessConfig": stickiness}}
    return ({"TargetGroupArn": arns[0]} if len(arns) == 1 else {}) | answer


def _weight(entry: Json) -> int:
    weight = entry.get("Weight")
    if weight is None:
        return 1
    if not 0 <= weight <= 999:
        raise validation(f"Target group weight '{weight}' must be between '0' and '999' inclusive")
    return weight


def _stickiness(config: Json) -> Json:
    enabled, seconds = bool(config.get("Enabled")), config.get("DurationSeconds")
    if seconds is not None and not 1 <= seconds <= 604800:
        raise validation(f"Target group stickiness duration '{seconds}' must be between '1' and '604800' inclusive")
    if enabled and seconds is None:
        raise validation("Target group stickiness duration must be specified when stickiness is enabled")
    return {"Enabled": enabled} | ({"DurationSeconds": seconds} if seconds is not None else {})


def _group(store: Store, balancer: LoadBalancer, arn: str) -> TargetGroup:
    names.check_arn("target group", arn)
    group = store.target_groups.get(arn)
    if group is None:
        raise error("TargetGroupNotFound", f"Target groups '{arn}' not found")
    allowed = {"application": (*_HTTP_GROUPS, None), "network": _STREAM_GROUPS, "gateway": ("GENEVE",)}[balancer.kind]
    if group.protocol not in allowed:
        raise error(
            "IncompatibleProtocols",
            f"The target group '{arn}' with protocol '{group.protocol}' is not compatible with load balancers with "
            f"type '{balancer.kind}'",
        )
    if group.vpc_id and group.vpc_id != balancer.vpc_id:
        raise validation(
            f"The following target groups are not in the same VPC '{balancer.vpc_id}' as the load balancer: {arn}"
        )
    return group


def check_association(store: Store, balancer: LoadBalancer, shown: list[Json]) -> None:
    """User guide, "Target groups": a group belongs to one load balancer at most; quotas on what one carries."""
    arns = set(groups_of(shown))
    for arn in sorted(arns):
        owner = store.attachments.get(arn)
        if owner is not None and owner != balancer.arn:
            raise error(
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn}",
            )
    if balancer.kind != "application":
        return
    linked = arns | {arn for arn, owner in store.attachments.items() if owner == balancer.arn}
    limits.require(
        store, "target-groups-per-application-load-balancer", len(linked),
        "TooManyUniqueTargetGroupsPerLoadBalancer",
        f"The maximum number of unique target groups on load balancer '{balancer.arn}' has been reached",
    )
    registered = [t.id for arn in linked for t in store.target_groups[arn].targets.values() if not t.deregistered_at]
    limits.require(store, "targets-per-application-load-balancer", len(registered), "TooManyTargets",
                   f"The maximum number of targets on load balancer '{balancer.arn}' has been reached")
    most = max((registered.count(id_) for id_ in set(registered)), default=0)
    limits.require(
        store, "target-id-registrations-per-application-load-balancer", most, "TooManyRegistrationsForTargetId",
        f"The maximum number of registrations of a target on load balancer '{balancer.arn}' has been reached",
    )


_KEYWORD = re.compile(r"#\{([^}]*)\}")
_DEFAULTS = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
_ALLOWED_KEYWORDS = {
    "Host": {"host"}, "Path": {"host", "path", "port"}, "Query": {"protocol", "host", "port", "path", "query"},
}


def _redirect(protocol: str | None, config: Json | None) -> Json:
    if not config:
        raise validation("A redirect config must be specified for actions with type 'redirect'")
    shown: Json = {**_DEFAULTS, **{key: config[key] for key in _DEFAULTS if config.get(key) is not None}}
    shown["StatusCode"] = config["StatusCode"]
    port, path, query = shown["Port"], shown["Path"], shown["Query"]
    if port != "#{port}" and not (re.fullmatch(r"\d{1,5}", port) and 1 <= int(port) <= 65535):
        raise validation(f"Redirect port '{port}' must be between '1' and '65535' or '#{{port}}'")
    if not path.startswith("/"):
        raise validation(f"Redirect path '{path}' must begin with '/'")
    if query.startswith("?"):
        raise validation(f"Redirect query '{query}' must not begin with '?'")
    for part, keywords in _ALLOWED_KEYWORDS.items():
        for keyword in _KEYWORD.findall(shown[part]):
            if keyword not in keywords:
                raise validation(f"Redirect {part.lower()} cannot contain the keyword '#{{{keyword}}}'")
    if all(shown[part] == _DEFAULTS[part] for part in ("Protocol", "Port", "Host", "Path")):
        # API, RedirectActionConfig: "you must modify at least one of …: protocol, port, hostname or path".
        raise error(
            "InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop."
        )
    if protocol == "HTTPS" and shown["Protocol"] == "HTTP":
        raise error("InvalidLoadBalancerAction", "You cannot redirect HTTPS to HTTP")
    return shown


def _fixed_response(config: Json | None) -> Json:
    if not config:
        raise validation("A fixed response config must be specified for actions with type 'fixed-response'")
    kind = config.get("ContentType")
    if kind and kind not in _CONTENT_TYPES:
        raise validation(f"Fixed response content type '{kind}' must be one of [{', '.join(_CONTENT_TYPES)}]")
    return {key: config[key] for key in ("MessageBody", "StatusCode", "ContentType") if config.get(key) is not None}
