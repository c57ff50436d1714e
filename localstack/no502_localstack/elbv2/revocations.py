"""Revocation lists of trust stores (API: AddTrustStoreRevocations, RemoveTrustStoreRevocations,
DescribeTrustStoreRevocations, GetTrustStoreRevocationContent)."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from no502_localstack import bundles
from no502_localstack.elbv2 import limits, s3_objects
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Store, TrustStore
from no502_localstack.elbv2.trust_stores import require

Json = dict[str, Any]


def _content(store: Store, entry: Json) -> tuple[bytes, int]:
    bucket, key = entry.get("S3Bucket"), entry.get("S3Key")
    if not bucket or not key:
        raise validation("An S3 bucket and key must be specified for revocation contents")
    content = s3_objects.read(store, bucket, key, entry.get("S3ObjectVersion"))
    if content is None:
        raise error("RevocationContentNotFound", f"The revocation content 's3://{bucket}/{key}' was not found")
    try:
        pem = content.lstrip().startswith(b"-----BEGIN")
        revoked = x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
        return content, len(revoked)
    except ValueError as cause:
        raise error("InvalidRevocationContent", "The revocation content is not a valid CRL") from cause


def add_trust_store_revocations(store: Store, request: Json) -> Json:
    trust_store = require(store, request["TrustStoreArn"])
    entries = request.get("RevocationContents") or []
    if not entries:
        raise validation("At least one revocation content must be specified")
    contents = [_content(store, entry) for entry in entries]
    limits.require(
        store, "trust-store-revocation-lists", len(trust_store.revocations) + len(contents),
        "TooManyTrustStoreRevocationEntries", "The maximum number of revocation lists has been reached",
    )
    present = sum(each["NumberOfRevokedEntries"] for each in trust_store.revocations.values())
    limits.require(
        store, "revocation-entries-per-trust-store", present + sum(count for _, count in contents),
        "TooManyTrustStoreRevocationEntries", "The maximum number of revoked entries has been reached",
    )
    added = []
    for content, count in contents:
        number = trust_store.next_revocation
        trust_store.next_revocation += 1
        trust_store.revocations[number] = {"content": content, "NumberOfRevokedEntries": count}
        added.append(_shown(trust_store, number))
    return {"TrustStoreRevocations": added}


def _shown(trust_store: TrustStore, number: int) -> Json:
    return {
        "TrustStoreArn": trust_store.arn, "RevocationId": number, "RevocationType": "CRL",
        "NumberOfRevokedEntries": trust_store.revocations[number]["NumberOfRevokedEntries"],
    }


def _require_all(trust_store: TrustStore, numbers: list[int]) -> None:
    for number in numbers:
        if number not in trust_store.revocations:
            raise error("RevocationIdNotFound", f"Revocation '{number}' not found")


def remove_trust_store_revocations(store: Store, request: Json) -> Json:
    trust_store = require(store, request["TrustStoreArn"])
    _require_all(trust_store, request["RevocationIds"])
    for number in request["RevocationIds"]:
        trust_store.revocations.pop(number, None)
    return {}


def describe_trust_store_revocations(store: Store, request: Json) -> Json:
    trust_store = require(store, request["TrustStoreArn"])
    wanted = request.get("RevocationIds") or list(trust_store.revocations)
    _require_all(trust_store, wanted)
    found = [_shown(trust_store, number) for number in wanted]
    return paged("TrustStoreRevocations", found, request, f"revocations {trust_store.arn}")


def get_trust_store_revocation_content(store: Store, request: Json) -> Json:
    trust_store = require(store, request["TrustStoreArn"])
    _require_all(trust_store, [request["RevocationId"]])
    return {"Location": bundles.publish(store.endpoint, trust_store.revocations[request["RevocationId"]]["content"])}
