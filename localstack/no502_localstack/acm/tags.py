"""Tags of certificates (API: AddTagsToCertificate, RemoveTagsFromCertificate, ListTagsForCertificate)."""

from __future__ import annotations

from typing import Any

from no502_localstack.acm.errors import error, not_found
from no502_localstack.acm.store import AcmStore

Json = dict[str, Any]
_MOST = 50


def parse(entries: list[Json] | None, existing: dict[str, str] | None = None) -> dict[str, str]:
    tags = dict(existing or {})
    for entry in entries or []:
        if entry["Key"].lower().startswith("aws:"):
            raise error("InvalidTagException", f"Tag key {entry['Key']} uses the reserved prefix aws:")
        tags[entry["Key"]] = entry.get("Value") or ""
    if len(tags) > _MOST:
        raise error("TooManyTagsException", f"A certificate can have at most {_MOST} tags")
    return tags


def _tags(store: AcmStore, request: Json) -> dict[str, str]:
    certificate = store.get(request["CertificateArn"])
    if certificate is None:
        raise not_found(request["CertificateArn"])
    return certificate.tags


def add(store: AcmStore, request: Json) -> Json:
    tags = _tags(store, request)
    tags.update(parse(request["Tags"], tags))
    return {}


def remove(store: AcmStore, request: Json) -> Json:
    tags = _tags(store, request)
    for entry in request["Tags"]:
        # API: "If you specify a value, the tag is removed only if it is associated with that value."
        if entry.get("Value") in (None, tags.get(entry["Key"])):
            tags.pop(entry["Key"], None)
    return {}


def show(store: AcmStore, request: Json) -> Json:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tags(store, request).items()]}
