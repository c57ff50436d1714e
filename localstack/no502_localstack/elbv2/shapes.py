"""Checks a request against the service model: required members, enums, ranges, lengths, patterns, list sizes.

LocalStack parses a request but does not validate it, and other clients than botocore do not validate either, so the
server has to. The wording is AWS's ("1 validation error detected: Value '…' at '…' failed to satisfy constraint: …").
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Callable

from botocore.model import ListShape, Shape, StructureShape

from no502_localstack import choices
from no502_localstack.elbv2.errors import validation


def check(
    shape: Shape | None, request: dict[str, Any], refuse: Callable[[str], Exception] = validation
) -> None:
    """Raises one validation error that lists everything the model forbids in the request."""
    if shape is None:
        return
    problems: list[str] = []
    _visit(shape, request, "", problems)
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise refuse(f"{len(problems)} validation {noun} detected: " + "; ".join(problems))


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _visit(shape: Shape, value: Any, path: str, problems: list[str]) -> None:
    if isinstance(shape, StructureShape):
        _visit_structure(shape, value, path, problems)
    elif isinstance(shape, ListShape):
        _list_size(shape, value, path, problems)
        for index, item in enumerate(value, start=1):
            _visit(shape.member, item, f"{path}.{index}.member", problems)
    else:
        _visit_scalar(shape, value, path, problems)


def _visit_structure(shape: StructureShape, value: dict[str, Any], path: str, problems: list[str]) -> None:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            problems.append(
                f"Value null at '{prefix}{_lower(name)}' failed to satisfy constraint: Member must not be null"
            )
    for name, member in shape.members.items():
        if value.get(name) is not None:
            _visit(member, value[name], prefix + _lower(name), problems)


def _list_size(shape: ListShape, value: list[Any], path: str, problems: list[str]) -> None:
    if not choices.ENFORCE_MODEL_LIST_LIMITS:
        return
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        problems.append(_problem(value, path, f"Member must have length greater than or equal to {low}"))
    if high is not None and len(value) > high:
        problems.append(_problem(value, path, f"Member must have length less than or equal to {high}"))


def _visit_scalar(shape: Shape, value: Any, path: str, problems: list[str]) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    allowed = getattr(shape, "enum", None) or []
    if shape.type_name == "string":
        _visit_string(shape, str(value), path, allowed, low, high, problems)
    elif shape.type_name in ("integer", "long"):
        if low is not None and value < low:
            problems.append(_problem(value, path, f"Member must have value greater than or equal to {low}"))
        if high is not None and value > high:
            problems.append(_problem(value, path, f"Member must have value less than or equal to {high}"))


def _visit_string(
    shape: Shape, value: str, path: str, allowed: list[str], low: Any, high: Any, problems: list[str]
) -> None:
    if allowed and value not in allowed:
        problems.append(_problem(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]"))
    if low is not None and len(value) < low:
        problems.append(_problem(value, path, f"Member must have length greater than or equal to {low}"))
    if high is not None and len(value) > high:
        problems.append(_problem(value, path, f"Member must have length less than or equal to {high}"))
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).match(value):
        problems.append(_problem(value, path, f"Member must satisfy regular expression pattern: {pattern}"))


def _problem(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The model's patterns are Java's; its letter, space and number classes stand inside brackets only."""
    translated = pattern.replace(r"\p{L}", r"\w").replace(r"\p{Z}", r" ").replace(r"\p{N}", r"\d")
    return re.compile(rf"(?:{translated})\Z")
