"""Listeners: create, describe, modify, delete.

API: CreateListener (idempotent for identical settings), ModifyListener ("Any properties that you do not specify
remain unchanged"; HTTPS to HTTP drops policy and certificate, HTTP to HTTPS needs a certificate), DescribeListeners.
"""

from __future__ import annotations

from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2 import (
    actions,
    auth_actions,
    certificates,
    limits,
    listener_attributes,
    load_balancers,
    mutual_tls,
    names,
    ssl_policies,
    tags,
)
from no502_localstack.elbv2.errors import error, invalid_configuration, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Listener, LoadBalancer, Rule, Store

Json = dict[str, Any]
_PROTOCOLS = {
    "application": ("HTTP", "HTTPS"),
    "network": ("TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"),
    "gateway": (),
}
_ALPN = ("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None")
require = certificates.require_listener


def create_listener(store: Store, request: Json) -> Json:
    balancer = load_balancers.require(store, request["LoadBalancerArn"])
    protocol, port = _protocol_and_port(balancer, request.get("Protocol"), request.get("Port"))
    settings = _settings(store, balancer, None, protocol, request, {})
    default_actions = actions.normalise(store, balancer, protocol, request["DefaultActions"])
    new_tags = tags.parse(store, request.get("Tags"))
    existing = next((other for other in balancer.listeners.values() if other.port == port), None)
    if existing is not None:
        if _same(existing, protocol, settings, default_actions):
            return {"Listeners": [shown(existing)]}
        raise error("DuplicateListener", "A listener already exists on this port for this load balancer "
                    f"'{balancer.arn}'")
    kind = "network" if balancer.kind == "network" else "application"
    limits.require(store, f"listeners-per-{kind}-load-balancer", len(balancer.listeners) + 1, "TooManyListeners",
                   f"The maximum number of listeners on load balancer '{balancer.arn}' has been reached")
    arn = names.listener_arn(balancer.arn)
    listener = Listener(
        arn=arn, load_balancer_arn=balancer.arn, protocol=protocol, port=port, extra_certificates=[],
        default_rule=Rule(names.rule_arn(arn), None, [], default_actions),
        attributes=listener_attributes.defaults(protocol), tags=new_tags, **settings,
    )
    balancer.listeners[arn] = listener
    store.relink()
    return {"Listeners": [shown(listener)]}


def _same(existing: Listener, protocol: str | None, settings: Json, default_actions: list[Json]) -> bool:
    return (
        existing.protocol == protocol
        and existing.default_rule.actions == default_actions
        and all(getattr(existing, key) == value for key, value in settings.items())
    )


def _protocol_and_port(balancer: LoadBalancer, protocol: str | None, port: int | None) -> tuple[str | None, int | None]:
    allowed = _PROTOCOLS[balancer.kind]
    if balancer.kind == "gateway":
        if protocol or port:
            raise validation("A protocol and a port cannot be specified for Gateway Load Balancer listeners")
        return None, None
    if not protocol:
        raise validation("A listener protocol must be specified")
    if not port:
        raise validation("A listener port must be specified")
    if protocol not in allowed:
        raise validation(f"Listener protocol '{protocol}' must be one of '{', '.join(allowed)}'")
    return protocol, port


def _settings(
    store: Store, balancer: LoadBalancer, listener_arn: str | None, protocol: str | None, request: Json, current: Json
) -> Json:
    """Policy, certificate, ALPN and mutual authentication after the request, `current` filling what it omits."""
    if protocol in certificates.SECURE:
        return _secure_settings(store, balancer, listener_arn, protocol, request, current)
    for key in ("SslPolicy", "Certificates", "AlpnPolicy"):
        if request.get(key):
            raise invalid_configuration(f"'{key}' cannot be specified for listeners with protocol '{protocol}'")
    mutual = request.get("MutualAuthentication")
    if mutual and (mutual.get("Mode") or "off") != "off":
        raise invalid_configuration(
            f"Mutual authentication cannot be specified for listeners with protocol '{protocol}'"
        )
    return {"ssl_policy": None, "certificate": None, "alpn_policy": [], "mutual_authentication": None}


def _secure_settings(
    store: Store, balancer: LoadBalancer, listener_arn: str | None, protocol: str, request: Json, current: Json
) -> Json:
    policy = request.get("SslPolicy") or current.get("ssl_policy") or ssl_policies.DEFAULT
    ssl_policies.check(policy)
    certificate = certificates.default_from(store, request.get("Certificates")) or current.get("certificate")
    if not certificate:
        raise validation(f"A certificate must be specified for {protocol} listeners")
    mutual: Json | None = None
    if protocol == "HTTPS":
        mutual = current.get("mutual_authentication") or mutual_tls.OFF
        if request.get("MutualAuthentication"):
            mutual = mutual_tls.normalise(store, balancer, listener_arn, request["MutualAuthentication"])
    return {
        "ssl_policy": policy, "certificate": certificate, "mutual_authentication": mutual,
        "alpn_policy": _alpn(protocol, request.get("AlpnPolicy"), current.get("alpn_policy") or []),
    }


def _alpn(protocol: str, given: list[str] | None, current: list[str]) -> list[str]:
    if given is None:
        return current
    if protocol != "TLS" and given not in ([], ["None"]):
        raise invalid_configuration(f"An ALPN policy cannot be specified for listeners with protocol '{protocol}'")
    for policy in given:
        if policy not in _ALPN:
            raise error("ALPNPolicyNotFound", f"ALPN policy '{policy}' not found")
    if len(given) > 1:
        raise validation("You can specify only one ALPN policy")
    return [policy for policy in given if policy != "None"]


def modify_listener(store: Store, request: Json) -> Json:
    listener = require(store, request["ListenerArn"])
    balancer = store.load_balancers[listener.load_balancer_arn]
    protocol, port = _protocol_and_port(
        balancer, request.get("Protocol") or listener.protocol, request.get("Port") or listener.port
    )
    if any(other.port == port for other in balancer.listeners.values() if other is not listener):
        raise error("DuplicateListener", "A listener already exists on this port for this load balancer "
                    f"'{balancer.arn}'")
    current = {
        "ssl_policy": listener.ssl_policy, "certificate": listener.certificate,
        "alpn_policy": listener.alpn_policy if protocol == listener.protocol else [],
        "mutual_authentication": listener.mutual_authentication,
    }
    settings = _settings(store, balancer, listener.arn, protocol, request, current)
    default_actions = listener.default_rule.actions
    if request.get("DefaultActions"):
        default_actions = actions.normalise(
            store, balancer, protocol, request["DefaultActions"], listener.default_rule.actions
        )
    if protocol != "HTTPS":
        _refuse_authentication(listener, default_actions)
    if protocol not in certificates.SECURE:
        listener.extra_certificates = []
    _replace_default(listener, settings["certificate"])
    listener.protocol, listener.port = protocol, port
    for key, value in settings.items():
        setattr(listener, key, value)
    listener.default_rule.actions = default_actions
    listener.attributes = listener_attributes.carried_over(protocol, listener.attributes)
    store.relink()
    return {"Listeners": [shown(listener)]}


def _refuse_authentication(listener: Listener, default_actions: list[Json]) -> None:
    """Authentication actions work on HTTPS listeners only, so the protocol cannot leave HTTPS under them."""
    lists = [default_actions, *(rule.actions for rule in listener.rules.values())]
    for kinds in ([action["Type"] for action in each] for each in lists):
        for kind in kinds:
            if kind not in actions.ROUTING:
                raise error("UnsupportedProtocol", f"Actions with type '{kind}' are supported only on HTTPS listeners")


def _replace_default(listener: Listener, certificate: str | None) -> None:
    old = listener.certificate
    if choices.OLD_DEFAULT_CERTIFICATE_STAYS and old and old != certificate and certificate:
        if old not in listener.extra_certificates:
            listener.extra_certificates.append(old)


def describe_listeners(store: Store, request: Json) -> Json:
    balancer_arn, arns = request.get("LoadBalancerArn"), request.get("ListenerArns")
    if bool(balancer_arn) == bool(arns):
        raise validation("You must specify either listener ARNs or a load balancer ARN")
    if arns:
        if len(arns) > choices.MAX_DESCRIBED_BY_ID:
            raise validation(f"You cannot describe more than '{choices.MAX_DESCRIBED_BY_ID}' listeners at a time")
        found = [require(store, arn) for arn in dict.fromkeys(arns)]
        listing = "listeners"
    else:
        found = list(load_balancers.require(store, str(balancer_arn)).listeners.values())
        listing = f"listeners {balancer_arn}"
    return paged("Listeners", [shown(listener) for listener in found], request, listing)


def delete_listener(store: Store, request: Json) -> Json:
    listener = require(store, request["ListenerArn"])
    del store.load_balancers[listener.load_balancer_arn].listeners[listener.arn]
    store.relink()
    return {}


def shown(listener: Listener) -> Json:
    answer: Json = {
        "ListenerArn": listener.arn, "LoadBalancerArn": listener.load_balancer_arn,
        "DefaultActions": auth_actions.visible(listener.default_rule.actions),
    }
    if listener.protocol:
        answer |= {"Port": listener.port, "Protocol": listener.protocol}
    if listener.protocol in certificates.SECURE:
        answer["SslPolicy"] = listener.ssl_policy
        answer["Certificates"] = [{"CertificateArn": listener.certificate}]
        if listener.alpn_policy:
            answer["AlpnPolicy"] = list(listener.alpn_policy)
    if listener.mutual_authentication:
        answer["MutualAuthentication"] = dict(listener.mutual_authentication)
    return answer
