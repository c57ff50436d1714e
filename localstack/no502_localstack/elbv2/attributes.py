"""Attribute tables: one description per key, one way to read, check and write them for all three kinds of resource.

The tables live in load_balancer_attributes, target_group_attributes and listener_attributes. Modify calls are
all-or-nothing: every entry and every cross-field rule is judged on a copy, then the copy becomes the record's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Iterable

from no502_localstack.elbv2.errors import invalid_configuration, validation

Check = Callable[[str, str], None]


@dataclass(frozen=True)
class Attribute:
    """A key, its default, and what it accepts. `scope` names what has it (load balancer types and the like)."""

    key: str
    default: str
    check: Check
    scope: frozenset[str]


def boolean(key: str, value: str) -> None:
    if value not in ("true", "false"):
        raise validation(f"The value of '{key}' must be 'true' or 'false'")


def one_of(*allowed: str) -> Check:
    def check(key: str, value: str) -> None:
        if value not in allowed:
            raise validation(f"The value of '{key}' must be one of [{', '.join(allowed)}]")

    return check


def between(low: int, high: int, *words: str) -> Check:
    def check(key: str, value: str) -> None:
        if value in words:
            return
        if not re.fullmatch(r"\d+", value) or not low <= int(value) <= high:
            also = f" or '{words[0]}'" if words else ""
            raise validation(f"The value of '{key}' must be between '{low}' and '{high}' inclusive{also}")

    return check


def text(low: int = 0, high: int = 1024) -> Check:
    def check(key: str, value: str) -> None:
        if not low <= len(value) <= high:
            raise validation(f"The value of '{key}' must be between {low} and {high} characters long")

    return check


def defaults(table: Iterable[Attribute], scope: str) -> dict[str, str]:
    return {a.key: a.default for a in table if scope in a.scope}


def shown(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def modified(
    table: Iterable[Attribute], noun: str, scope: str, scope_text: str, current: dict[str, str],
    entries: list[dict[str, Any]],
) -> dict[str, str]:
    """The values after the change; raises on the first entry that is not acceptable."""
    known = {a.key: a for a in table}
    changed = dict(current)
    seen: set[str] = set()
    for entry in entries:
        key, value = entry.get("Key") or "", entry.get("Value")
        if key in seen:
            raise validation(f"{noun} attribute key '{key}' was specified more than once")
        seen.add(key)
        attribute = known.get(key)
        if attribute is None:
            raise validation(f"{noun} attribute key '{key}' is not recognized")
        if scope not in attribute.scope:
            raise invalid_configuration(f"{noun} attribute key '{key}' is not supported on {scope_text}")
        if value is None:
            raise validation(f"A value must be specified for {noun.lower()} attribute key '{key}'")
        attribute.check(key, value)
        changed[key] = value
    return changed
