"""DescribeListenerAttributes and ModifyListenerAttributes.

Source: API, ListenerAttribute; user guide, "HTTP header modification for your Application Load Balancer".
"""

from __future__ import annotations

import re
from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2 import attributes
from no502_localstack.elbv2.attributes import Attribute, Check, between, boolean
from no502_localstack.elbv2.certificates import require_listener
from no502_localstack.elbv2.errors import validation
from no502_localstack.elbv2.store import Store

_HTTP = frozenset({"HTTP", "HTTPS"})
_HTTPS = frozenset({"HTTPS"})
_TCP = frozenset({"TCP"})
_GENEVE = frozenset({"GENEVE"})
_TOKEN = re.compile(r"[A-Za-z0-9\-_]+\Z")
_VALUE = re.compile(r"[a-zA-Z0-9 _:;.,\\/'?!(){}\[\]@<>=\-+*#&`|~^%$]*\Z")
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}


def _clearable(check: Check) -> Check:
    """An empty value turns the feature off."""

    def checked(key: str, value: str) -> None:
        if value == "" and choices.EMPTY_LISTENER_ATTRIBUTE_CLEARS:
            return
        if not _VALUE.match(value):
            raise validation(f"The value of '{key}' contains invalid characters")
        check(key, value)

    return checked


def _header_name(key: str, value: str) -> None:
    if not _TOKEN.match(value) or len(value) > 40:
        raise validation(f"The value of '{key}' contains invalid characters")


def _refuse(key: str, value: str) -> Exception:
    return validation(f"The value '{value}' of '{key}' is not valid")


def _origin(key: str, value: str) -> None:
    if value != "*" and not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+\Z", value):
        raise _refuse(key, value)


def _methods(key: str, value: str) -> None:
    if value != "*" and not {part.strip() for part in value.split(",")} <= _METHODS:
        raise _refuse(key, value)


def _header_list(key: str, value: str) -> None:
    if value != "*" and not all(_TOKEN.match(part.strip()) for part in value.split(",")):
        raise _refuse(key, value)


def _only(*allowed: str) -> Check:
    def check(key: str, value: str) -> None:
        if value not in allowed:
            raise _refuse(key, value)

    return check


def _frame(key: str, value: str) -> None:
    if value not in ("DENY", "SAMEORIGIN") and not re.match(r"ALLOW-FROM \S+\Z", value):
        raise _refuse(key, value)


def _free(key: str, value: str) -> None:
    if len(value) > 1024:
        raise validation(f"The value of '{key}' cannot be longer than '1024' characters")


_REQUEST = "routing.http.request."
_RESPONSE = "routing.http.response."
_RENAMED = (
    "x_amzn_mtls_clientcert_serial_number", "x_amzn_mtls_clientcert_issuer", "x_amzn_mtls_clientcert_subject",
    "x_amzn_mtls_clientcert_validity", "x_amzn_mtls_clientcert_leaf", "x_amzn_mtls_clientcert",
    "x_amzn_tls_version", "x_amzn_tls_cipher_suite",
)
_SET: dict[str, Check] = {
    "strict_transport_security": _free,
    "access_control_allow_origin": _origin,
    "access_control_allow_methods": _methods,
    "access_control_allow_headers": _header_list,
    "access_control_allow_credentials": _only("true"),
    "access_control_expose_headers": _header_list,
    "access_control_max_age": between(0, 86400),
    "content_security_policy": _free,
    "x_content_type_options": _only("nosniff"),
    "x_frame_options": _frame,
}
TABLE: tuple[Attribute, ...] = (
    *(Attribute(f"{_REQUEST}{name}.header_name", "", _clearable(_header_name), _HTTPS) for name in _RENAMED),
    Attribute(f"{_RESPONSE}server.enabled", "true", boolean, _HTTP),
    *(Attribute(f"{_RESPONSE}{name}.header_value", "", _clearable(check), _HTTP) for name, check in _SET.items()),
    Attribute("tcp.idle_timeout.seconds", "350", between(60, 6000), _TCP | _GENEVE),
    Attribute("send_tcp_reset.on_idle_timeout.enabled", "false", boolean, _GENEVE),
)


def defaults(protocol: str | None) -> dict[str, str]:
    return attributes.defaults(TABLE, protocol or "GENEVE")


def carried_over(protocol: str | None, values: dict[str, str]) -> dict[str, str]:
    """The attributes after a change of protocol: those of the new one, with the old values where they still exist."""
    fresh = defaults(protocol)
    return fresh | {key: value for key, value in values.items() if key in fresh}


def describe_listener_attributes(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    listener = require_listener(store, request["ListenerArn"])
    return {"Attributes": attributes.shown(listener.attributes)}


def modify_listener_attributes(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    listener = require_listener(store, request["ListenerArn"])
    protocol = listener.protocol or "GENEVE"
    listener.attributes = attributes.modified(
        TABLE, "Listener", protocol, f"listeners with protocol '{protocol}'", listener.attributes,
        request["Attributes"],
    )
    return {"Attributes": attributes.shown(listener.attributes)}
