"""Rule conditions: what each kind accepts, and how it is read back.

Source: API, RuleCondition; user guide, "Condition types for listener rules" and "Quotas". The legacy top-level
`Values` form is accepted for host-header and path-pattern; both forms are read back, as AWS shows them.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Callable

from no502_localstack.elbv2 import limits
from no502_localstack.elbv2.errors import validation
from no502_localstack.elbv2.store import Store

Json = dict[str, Any]
CONFIG = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_ONCE = ("host-header", "path-pattern", "http-request-method", "source-ip")
_LEGACY = ("host-header", "path-pattern")
_REGEX_FIELDS = ("host-header", "path-pattern", "http-header")
_HOST = re.compile(r"[A-Za-z0-9\-.*?_]+\Z")
_PATH = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*? ]+\Z")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_METHOD = re.compile(r"[A-Z\-_]+\Z")
# User guide, "Regex matching": no lookaround, backreferences, atomic groups, possessive quantifiers, subroutines,
# recursion or Unicode classes.
_UNSUPPORTED_REGEX = re.compile(r"\(\?[=!<>&PR0-9|(]|\\[1-9kKgpPX]|[*+?}]\+|\(\*")


def normalise(store: Store, conditions: list[Json], listener_kind: str = "application") -> list[Json]:
    """The conditions in read-back form; raises on the first that AWS would refuse."""
    if not conditions:
        raise validation("A condition must be specified")
    shown = [_one(condition) for condition in conditions]
    for field in _ONCE:
        if sum(c["Field"] == field for c in shown) > 1:
            raise validation(f"Rule cannot have more than one '{field}' condition")
    if listener_kind == "network" and any(c["Field"] != "source-ip" for c in shown):
        raise validation("Only 'source-ip' conditions are supported on rules of Network Load Balancers")
    _count(store, shown)
    return shown


def _count(store: Store, shown: list[Json]) -> None:
    values = [value for condition in shown for value in _texts(condition)]
    most = limits.limit(store, "condition-values-per-alb-rule")
    if len(values) > most:
        raise validation(f"Rules can have at most '{most}' condition values")
    wildcards = sum(_wildcards(value) for condition in shown if "RegexValues" not in _config(condition)
                    for value in _texts(condition))
    most = limits.limit(store, "condition-wildcards-per-alb-rule")
    if wildcards > most:
        raise validation(f"Rules can have at most '{most}' wildcards in their condition values")


def _wildcards(value: str) -> int:
    return len(re.findall(r"(?<!\\)[*?]", value))


def _config(condition: Json) -> Json:
    return condition.get(CONFIG[condition["Field"]]) or {}


def _texts(condition: Json) -> list[str]:
    config = _config(condition)
    values = config.get("RegexValues") or config.get("Values") or []
    return [v if isinstance(v, str) else f"{v.get('Key', '')}{v.get('Value', '')}" for v in values]


def _one(condition: Json) -> Json:
    field = condition.get("Field")
    if not field:
        raise validation("A condition field must be specified")
    if field not in CONFIG:
        raise validation(f"Condition field '{field}' must be one of [{', '.join(CONFIG)}]")
    name = CONFIG[field]
    others = [key for key in CONFIG.values() if key != name and condition.get(key)]
    if others:
        raise validation(f"Condition field '{field}' cannot be used with '{others[0]}'")
    config = _given_config(field, name, condition)
    checked = _CHECKS[field](config)
    shown: Json = {"Field": field, name: checked}
    if field in _LEGACY:
        for key in ("Values", "RegexValues"):
            if checked.get(key):
                shown[key] = list(checked[key])
    return shown


def _given_config(field: str, name: str, condition: Json) -> Json:
    top = {key: condition[key] for key in ("Values", "RegexValues") if condition.get(key)}
    config = dict(condition.get(name) or {})
    if top and config:
        # A client that sends back what it read has both forms; that is accepted when they agree.
        if any(config.get(key) != value for key, value in top.items()):
            raise validation(f"You cannot specify both 'Values' and '{name}' for condition field '{field}'")
        return config
    if top:
        if field not in _LEGACY:
            raise validation(f"Condition field '{field}' must be specified with '{name}'")
        if len(top.get("Values", [])) > 1:
            raise validation(f"The '{field}' field must contain exactly one value; use '{name}' for more")
        return top
    if not config:
        raise validation(f"A condition value must be specified for condition field '{field}'")
    return config


def _values(field: str, config: Json, check: Callable[[str], None]) -> Json:
    values, regexes = config.get("Values") or [], config.get("RegexValues") or []
    if values and regexes:
        raise validation(f"You can specify either values or regex values for condition field '{field}', but not both")
    if not values and not regexes:
        raise validation(f"A condition value must be specified for condition field '{field}'")
    for text in [*values, *regexes]:
        if not text:
            raise validation(f"Condition values for field '{field}' cannot be empty")
        if len(text) > 128:
            raise validation(f"Condition value '{text}' cannot be longer than '128' characters")
    for text in regexes:
        _check_regex(text)
    for text in values:
        check(text)
    return {"RegexValues": list(regexes)} if regexes else {"Values": list(values)}


def _check_regex(text: str) -> None:
    try:
        re.compile(text)
    except re.error as cause:
        raise validation(f"Regex value '{text}' is not a valid regular expression") from cause
    if _UNSUPPORTED_REGEX.search(text):
        raise validation(f"Regex value '{text}' uses an unsupported construct")


def _host_header(config: Json) -> Json:
    def check(text: str) -> None:
        if not _HOST.match(text):
            raise validation(f"The value '{text}' contains invalid characters for condition field 'host-header'")
        _, dot, last = text.rpartition(".")
        if not dot:
            raise validation(f"Condition value '{text}' must contain at least one '.'")
        if not re.fullmatch(r"[A-Za-z*?]+", last):
            raise validation(f"Condition value '{text}' may only contain letters after the last '.'")

    return _values("host-header", config, check)


def _path_pattern(config: Json) -> Json:
    def check(text: str) -> None:
        if not _PATH.match(text):
            raise validation(f"The value '{text}' contains invalid characters for condition field 'path-pattern'")

    return _values("path-pattern", config, check)


def _http_header(config: Json) -> Json:
    name = config.get("HttpHeaderName")
    if not name:
        raise validation("A header name must be specified for condition field 'http-header'")
    if len(name) > 40:
        raise validation(f"Header name '{name}' cannot be longer than '40' characters")
    if not _TOKEN.match(name) or "*" in name:
        raise validation(f"Header name '{name}' contains invalid characters")
    if name.lower() == "host":
        raise validation("Use condition field 'host-header' to match the 'Host' header")
    return {"HttpHeaderName": name, **_values("http-header", config, _visible)}


def _visible(text: str) -> None:
    if not all(32 <= ord(c) <= 126 for c in text):
        raise validation(f"Condition value '{text}' contains invalid characters")


def _method(config: Json) -> Json:
    def check(text: str) -> None:
        if len(text) > 40:
            raise validation(f"Condition value '{text}' cannot be longer than '40' characters")
        if not _METHOD.match(text):
            raise validation(f"HTTP request method '{text}' contains invalid characters")

    return _values("http-request-method", {"Values": config.get("Values")}, check)


def _query_string(config: Json) -> Json:
    pairs = config.get("Values") or []
    if not pairs:
        raise validation("A condition value must be specified for condition field 'query-string'")
    shown = []
    for pair in pairs:
        if not pair.get("Value"):
            raise validation("A value must be specified for each 'query-string' condition value")
        for key in ("Key", "Value"):
            if len(pair.get(key) or "") > 128:
                raise validation(f"Query string {key.lower()} '{pair[key]}' cannot be longer than '128' characters")
            _visible(pair.get(key) or "")
        shown.append({key: pair[key] for key in ("Key", "Value") if pair.get(key)})
    return {"Values": shown}


def _source_ip(config: Json) -> Json:
    values = config.get("Values") or []
    if config.get("IpAddressType") and not values:
        return {"IpAddressType": config["IpAddressType"]}
    if not values:
        raise validation("A condition value must be specified for condition field 'source-ip'")
    if len(values) > 5:
        raise validation("Condition field 'source-ip' can have at most '5' values")
    for text in values:
        try:
            if "/" not in text:
                raise ValueError(text)
            ipaddress.ip_network(text, strict=False)
        except ValueError as cause:
            raise validation(f"'{text}' is not a valid CIDR block") from cause
    return {"Values": list(values)}


_CHECKS: dict[str, Callable[[Json], Json]] = {
    "host-header": _host_header,
    "path-pattern": _path_pattern,
    "http-header": _http_header,
    "http-request-method": _method,
    "query-string": _query_string,
    "source-ip": _source_ip,
}
