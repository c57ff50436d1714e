"""Rule transforms: host-header-rewrite and url-rewrite (API: RuleTransform; user guide, "Transforms for listener
rules"): at most one of each kind, a regex and a replacement of at most 1,024 characters."""

from __future__ import annotations

import re
from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2.errors import validation

Json = dict[str, Any]
_CONFIG = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}


def normalise(transforms: list[Json]) -> list[Json]:
    shown = [_one(transform) for transform in transforms]
    kinds = [transform["Type"] for transform in shown]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise validation(f"A rule cannot have more than one transform with type '{kind}'")
    return shown


def _one(transform: Json) -> Json:
    kind = transform["Type"]
    name = _CONFIG[kind]
    others = [other for other in _CONFIG.values() if other != name and transform.get(other)]
    rewrites = (transform.get(name) or {}).get("Rewrites") or []
    if others or not rewrites:
        raise validation(f"A transform with type '{kind}' must be specified with '{name}' only")
    if len(rewrites) > choices.REWRITES_PER_TRANSFORM:
        raise validation(f"A transform with type '{kind}' can have at most '{choices.REWRITES_PER_TRANSFORM}' rewrite")
    return {"Type": kind, name: {"Rewrites": [_rewrite(rewrite) for rewrite in rewrites]}}


def _rewrite(rewrite: Json) -> Json:
    regex, replace = rewrite.get("Regex"), rewrite.get("Replace")
    if not regex or replace is None:
        raise validation("A rewrite must have a regex and a replacement")
    if len(regex) > 1024 or len(replace) > 1024:
        raise validation("The regex and the replacement of a rewrite cannot be longer than '1024' characters")
    try:
        groups = re.compile(regex).groups
    except re.error as cause:
        raise validation(f"Regex value '{regex}' is not a valid regular expression") from cause
    for reference in re.findall(r"\$(\d)", replace):
        if int(reference) > groups:
            raise validation(f"Replacement '{replace}' refers to group '{reference}', which the regex does not have")
    return {"Regex": regex, "Replace": replace}
