"""The health check of a target group: defaults by kind, ranges, cross-field checks.

Source: API, CreateTargetGroup and ModifyTargetGroup; user guide, "Health checks for Application Load Balancer target
groups". The model's prose and real answers disagree on two defaults (the timeout of HTTP groups is 5 seconds, the
unhealthy threshold of Lambda groups is 2); the real answers are taken.
"""

from __future__ import annotations

import re
from typing import Any

from no502_localstack.elbv2.errors import invalid_configuration, validation

Json = dict[str, Any]
_HTTP = ("HTTP", "HTTPS")
_FIELDS = (
    "HealthCheckEnabled", "HealthCheckProtocol", "HealthCheckPort", "HealthCheckPath", "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount", "Matcher",
)
# kind of group -> protocol, port, interval, timeout, healthy and unhealthy thresholds, codes
_DEFAULTS: dict[str, tuple[str | None, str | None, int, int, int, int, str]] = {
    "http": ("HTTP", "traffic-port", 30, 5, 5, 2, "200"),
    "lambda": (None, None, 35, 30, 5, 2, "200"),
    "stream": ("TCP", "traffic-port", 30, 10, 5, 2, "200-399"),
    "alb": ("HTTP", "traffic-port", 30, 6, 5, 2, "200-399"),
    "geneve": ("TCP", "80", 10, 5, 5, 2, "200-399"),
}
_HTTP_CODES = {"http": (200, 499), "lambda": (200, 499), "stream": (200, 599), "alb": (200, 599), "geneve": (200, 399)}


def kind_of(target_type: str, protocol: str | None) -> str:
    if target_type in ("lambda", "alb"):
        return target_type
    if protocol in _HTTP:
        return "http"
    return "geneve" if protocol == "GENEVE" else "stream"


def created(target_type: str, protocol: str | None, version: str | None, request: Json) -> Json:
    """The health check of a new group: what was asked for over the defaults of its kind."""
    kind = kind_of(target_type, protocol)
    check_protocol, port, interval, timeout, healthy, unhealthy, codes = _DEFAULTS[kind]
    base: Json = {
        "HealthCheckEnabled": kind != "lambda", "HealthCheckProtocol": check_protocol, "HealthCheckPort": port,
        "HealthCheckIntervalSeconds": interval, "HealthCheckTimeoutSeconds": timeout,
        "HealthyThresholdCount": healthy, "UnhealthyThresholdCount": unhealthy,
    }
    wanted = request.get("HealthCheckProtocol") or check_protocol
    if kind == "lambda" or wanted in _HTTP:
        base["HealthCheckPath"] = "/AWS.ALB/healthcheck" if version == "GRPC" else "/"
        base["Matcher"] = {"GrpcCode": "12"} if version == "GRPC" else {"HttpCode": codes}
    return changed(target_type, protocol, version, base, request)


def changed(target_type: str, protocol: str | None, version: str | None, current: Json, request: Json) -> Json:
    """The health check after a request; raises if AWS would refuse it. Nothing is changed in place."""
    kind = kind_of(target_type, protocol)
    given = {key: request[key] for key in _FIELDS if request.get(key) is not None}
    if kind == "lambda":
        for key in ("HealthCheckProtocol", "HealthCheckPort"):
            if key in given:
                raise validation(f"'{key}' cannot be specified for target groups with target type 'lambda'")
    result = {**current, **given}
    if kind != "lambda":
        _check_protocol(kind, protocol, given, result)
        _check_port(result["HealthCheckPort"])
        if result["HealthCheckEnabled"] is False:
            raise invalid_configuration(
                f"Health check enabled must be true for target groups with target type '{target_type}'"
            )
    _check_path(version, result)
    _check_matcher(kind, version, given, result)
    _check_timeout(kind, result)
    return result


def _check_protocol(kind: str, protocol: str | None, given: Json, result: Json) -> None:
    chosen = result["HealthCheckProtocol"]
    if chosen not in (*_HTTP, "TCP"):
        raise validation(f"Health check protocol '{chosen}' must be one of 'HTTP, HTTPS, TCP'")
    if kind in ("http", "alb") and chosen == "TCP":
        raise invalid_configuration(
            f"Health check protocol 'TCP' is not supported for target groups with protocol '{protocol}'"
        )
    if chosen == "TCP":
        for key in ("HealthCheckPath", "Matcher"):
            if key in given:
                raise invalid_configuration(f"'{key}' is not supported for health checks with protocol 'TCP'")
            result.pop(key, None)
    else:
        result.setdefault("HealthCheckPath", "/")
        result.setdefault("Matcher", {"HttpCode": _DEFAULTS[kind][-1]})


def _check_port(port: str) -> None:
    if port != "traffic-port" and not (re.fullmatch(r"\d{1,5}", port) and 1 <= int(port) <= 65535):
        raise validation(f"Health check port '{port}' must be 'traffic-port' or in the range 1-65535")


def _check_path(version: str | None, result: Json) -> None:
    path = result.get("HealthCheckPath")
    if path is None:
        return
    if not path.startswith("/"):
        raise validation(f"Health check path '{path}' must begin with a '/' character")
    if not re.fullmatch(r"[!-~]+", path):
        raise validation(f"Health check path '{path}' contains invalid characters")
    if version == "GRPC" and not re.fullmatch(r"/[^/]+/[^/]+", path):
        raise validation(f"Health check path '{path}' must have the form '/package.service/method'")


def _check_matcher(kind: str, version: str | None, given: Json, result: Json) -> None:
    matcher = result.get("Matcher")
    if matcher is None:
        return
    codes, grpc = matcher.get("HttpCode"), matcher.get("GrpcCode")
    if bool(codes) == bool(grpc):
        raise validation("Exactly one of 'HttpCode' and 'GrpcCode' must be specified in a matcher")
    if version == "GRPC" and codes:
        raise validation("'GrpcCode' must be specified in the matcher of target groups with protocol version 'GRPC'")
    if version != "GRPC" and grpc:
        raise validation("'GrpcCode' can be specified only for target groups with protocol version 'GRPC'")
    low, high = (0, 99) if grpc else _HTTP_CODES[kind]
    for first, last in code_ranges(grpc or codes):
        if not low <= first <= last <= high:
            raise validation(
                f"Health check matcher {'gRPC' if grpc else 'HTTP'} code '{grpc or codes}' must be within '{low}-{high}'"
            )


def code_ranges(text: str) -> list[tuple[int, int]]:
    """'200,202' and '200-299' and, as the server also accepts, mixed lists."""
    ranges = []
    for part in text.split(","):
        if not re.fullmatch(r"\d{1,3}(-\d{1,3})?", part):
            raise validation(f"Health check matcher code '{text}' is not valid")
        first, _, last = part.partition("-")
        ranges.append((int(first), int(last or first)))
    return ranges


def _check_timeout(kind: str, result: Json) -> None:
    timeout, interval = result["HealthCheckTimeoutSeconds"], result["HealthCheckIntervalSeconds"]
    if kind in ("http", "lambda"):
        if timeout >= interval:
            raise validation(f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'")
    elif timeout > interval:
        raise validation(
            f"Health check timeout '{timeout}' must be smaller than or equal to the interval '{interval}'"
        )
