"""Tags: AddTags, RemoveTags, DescribeTags, and the tags that creates carry.

API: AddTags (overwrites values), RemoveTags, DescribeTags (at most 20 resources per call).
"""

from __future__ import annotations

from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2 import limits, names
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.store import Store

Tags = dict[str, str]


def parse(store: Store, entries: list[dict[str, str]] | None, existing: Tags | None = None) -> Tags:
    """The tags as a map, checked as AWS does (API: Tag; "Tag your AWS resources": `aws:` is reserved)."""
    parsed: Tags = {}
    for entry in entries or []:
        key = entry["Key"]
        if key in parsed:
            raise error("DuplicateTagKeys", f"The tag key '{key}' was specified more than once")
        if key.lower().startswith("aws:"):
            raise validation(f"Tag keys cannot begin with 'aws:': '{key}'")
        parsed[key] = entry.get("Value") or ""
    merged = {**(existing or {}), **parsed}
    limits.require(store, "tags-per-resource", len(merged), "TooManyTags",
                   "You've reached the limit on the number of tags per resource")
    return parsed


def shown(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _resources(store: Store, arns: list[str]) -> list[tuple[str, Tags]]:
    found = []
    for arn in arns:
        kind = names.kind_of_arn(arn)
        tags = store.taggable(arn)
        if tags is None:
            raise names.not_found(kind, arn)
        found.append((arn, tags))
    return found


def add_tags(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    changes = [(tags, parse(store, request["Tags"], tags)) for _, tags in _resources(store, request["ResourceArns"])]
    for tags, added in changes:
        tags.update(added)
    return {}


def remove_tags(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    for _, tags in _resources(store, request["ResourceArns"]):
        for key in request["TagKeys"]:
            tags.pop(key, None)
    return {}


def describe_tags(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    arns = request["ResourceArns"]
    if len(arns) > 20:
        raise validation("You cannot describe tags for more than '20' resources at a time")
    if not choices.MIXED_KINDS_IN_DESCRIBE_TAGS and len({names.kind_of_arn(arn) for arn in arns}) > 1:
        raise validation("The resources must be of the same type")
    return {
        "TagDescriptions": [
            {"ResourceArn": arn, "Tags": shown(tags)} for arn, tags in _resources(store, arns)
        ]
    }
