"""Trust stores for mutual TLS: CA bundles from S3, their associations and policies.

API: CreateTrustStore, ModifyTrustStore, DeleteTrustStore, DescribeTrustStores, DescribeTrustStoreAssociations,
GetTrustStoreCaCertificatesBundle, GetResourcePolicy, DeleteSharedTrustStoreAssociation; user guide, "Mutual
authentication with TLS".
"""

from __future__ import annotations

import time
from typing import Any

from cryptography import x509

from no502_localstack import bundles, choices, settings
from no502_localstack.elbv2 import limits, names, s3_objects, tags
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Store, TrustStore

Json = dict[str, Any]


def require(store: Store, arn: str) -> TrustStore:
    names.check_arn("trust store", arn)
    trust_store = store.trust_stores.get(arn)
    if trust_store is None:
        raise names.not_found("trust store", arn)
    return trust_store


def _bundle(store: Store, request: Json) -> tuple[bytes, int]:
    """The bundle and the number of its certificates."""
    bucket, key = request["CaCertificatesBundleS3Bucket"], request["CaCertificatesBundleS3Key"]
    content = s3_objects.read(store, bucket, key, request.get("CaCertificatesBundleS3ObjectVersion"))
    if content is None:
        raise error("CaCertificatesBundleNotFound", f"The CA certificates bundle 's3://{bucket}/{key}' was not found")
    try:
        certificates = x509.load_pem_x509_certificates(content)
    except ValueError as cause:
        raise error("InvalidCaCertificatesBundle", "The CA certificates bundle is not valid PEM") from cause
    if len(certificates) > limits.limit(store, "trust-store-ca-certificates"):
        raise error("InvalidCaCertificatesBundle", "The CA certificates bundle has too many certificates")
    for certificate in certificates:
        try:
            authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            authority = False
        if not authority:
            raise error("InvalidCaCertificatesBundle", "The CA certificates bundle contains a certificate that is no CA")
    return content, len(certificates)


def create_trust_store(store: Store, request: Json) -> Json:
    name = request["Name"]
    if any(existing.name == name for existing in store.trust_stores.values()):
        raise error("DuplicateTrustStoreName", f"A trust store with the name '{name}' already exists")
    limits.require(store, "trust-stores", len(store.trust_stores) + 1, "TooManyTrustStores",
                   "The maximum number of trust stores has been reached")
    new_tags = tags.parse(store, request.get("Tags"))
    content, count = _bundle(store, request)
    trust_store = TrustStore(
        arn=names.trust_store_arn(store, name), name=name, bundle=content, certificates=count,
        active_at=time.time() + settings.scaled(choices.TRUST_STORE_SECONDS), tags=new_tags,
    )
    store.trust_stores[trust_store.arn] = trust_store
    return {"TrustStores": [shown(trust_store)]}


def modify_trust_store(store: Store, request: Json) -> Json:
    trust_store = require(store, request["TrustStoreArn"])
    trust_store.bundle, trust_store.certificates = _bundle(store, request)
    return {"TrustStores": [shown(trust_store)]}


def delete_trust_store(store: Store, request: Json) -> Json:
    trust_store = require(store, request["TrustStoreArn"])
    if associations(store, trust_store.arn):
        raise error("TrustStoreInUse", f"Trust store '{trust_store.arn}' is currently in use by a listener")
    del store.trust_stores[trust_store.arn]
    return {}


def describe_trust_stores(store: Store, request: Json) -> Json:
    arns, wanted = request.get("TrustStoreArns"), request.get("Names")
    if arns and wanted:
        raise validation("Trust store ARNs and names cannot be specified at the same time")
    found = list(store.trust_stores.values())
    if arns:
        found = [require(store, arn) for arn in dict.fromkeys(arns)]
    elif wanted:
        by_name = {trust_store.name: trust_store for trust_store in found}
        for name in wanted:
            if name not in by_name:
                raise error("TrustStoreNotFound", f"Trust store '{name}' not found")
        found = [by_name[name] for name in dict.fromkeys(wanted)]
    return paged("TrustStores", [shown(each) for each in found], request, "trust-stores")


def associations(store: Store, arn: str) -> list[str]:
    """The load balancers with a listener that verifies against this trust store."""
    return [
        balancer.arn for balancer in store.load_balancers.values()
        if any((listener.mutual_authentication or {}).get("TrustStoreArn") == arn
               for listener in balancer.listeners.values())
    ]


def describe_trust_store_associations(store: Store, request: Json) -> Json:
    trust_store = require(store, request["TrustStoreArn"])
    found = [{"ResourceArn": arn} for arn in associations(store, trust_store.arn)]
    return paged("TrustStoreAssociations", found, request, f"associations {trust_store.arn}")


def get_trust_store_ca_certificates_bundle(store: Store, request: Json) -> Json:
    return {"Location": bundles.publish(store.endpoint, require(store, request["TrustStoreArn"]).bundle)}


def get_resource_policy(store: Store, request: Json) -> Json:
    arn = request["ResourceArn"]
    names.check_arn("trust store", arn)
    trust_store = store.trust_stores.get(arn)
    if trust_store is None or trust_store.policy is None:
        raise error("ResourceNotFound", f"Resource '{arn}' has no resource policy")
    return {"Policy": trust_store.policy}


def delete_shared_trust_store_association(store: Store, request: Json) -> Json:
    """Only associations of other accounts can be deleted so; sharing (AWS RAM) does not exist here."""
    trust_store = require(store, request["TrustStoreArn"])
    if request["ResourceArn"] in associations(store, trust_store.arn):
        raise error("DeleteAssociationSameAccount", "The association is with a resource of the same account")
    raise error("AssociationNotFound", f"The association with '{request['ResourceArn']}' was not found")


def shown(trust_store: TrustStore) -> Json:
    return {
        "Name": trust_store.name, "TrustStoreArn": trust_store.arn,
        "Status": "ACTIVE" if time.time() >= trust_store.active_at else "CREATING",
        "NumberOfCaCertificates": trust_store.certificates,
        "TotalRevokedEntries": sum(entry["NumberOfRevokedEntries"] for entry in trust_store.revocations.values()),
    }
