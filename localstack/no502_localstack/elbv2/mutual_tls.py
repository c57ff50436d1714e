"""Mutual authentication of HTTPS listeners (API, MutualAuthenticationAttributes; user guide, "Mutual authentication
with TLS")."""

from __future__ import annotations

import time
from typing import Any

from no502_localstack.elbv2 import limits, names
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.store import LoadBalancer, Store

Json = dict[str, Any]
OFF: Json = {"Mode": "off"}
_MODES = ("off", "passthrough", "verify")


def normalise(store: Store, balancer: LoadBalancer, listener_arn: str | None, given: Json) -> Json:
    mode = given.get("Mode") or "off"
    if mode not in _MODES:
        raise validation(f"Mutual authentication mode '{mode}' must be one of [{', '.join(_MODES)}]")
    if mode != "verify":
        for key in ("TrustStoreArn", "IgnoreClientCertificateExpiry", "AdvertiseTrustStoreCaNames"):
            if given.get(key) is not None:
                raise validation(f"'{key}' cannot be specified for mutual authentication mode '{mode}'")
        return {"Mode": mode}
    arn = given.get("TrustStoreArn")
    if not arn:
        raise validation("A trust store ARN must be specified for mutual authentication mode 'verify'")
    names.check_arn("trust store", arn)
    trust_store = store.trust_stores.get(arn)
    if trust_store is None:
        raise error("TrustStoreNotFound", f"Trust store '{arn}' not found")
    if time.time() < trust_store.active_at:
        raise error("TrustStoreNotReady", f"Trust store '{arn}' is not active")
    verifying = sum(
        (listener.mutual_authentication or OFF)["Mode"] == "verify"
        for listener in balancer.listeners.values() if listener.arn != listener_arn
    )
    # User guide, "Quotas": not an ELB error code of its own, so the general one.
    limits.require(store, "mutual-auth-verify-listeners-per-application-load-balancer", verifying + 1,
                   "InvalidConfigurationRequest",
                   "The maximum number of listeners with mutual authentication mode 'verify' has been reached")
    return {
        "Mode": "verify", "TrustStoreArn": arn,
        "IgnoreClientCertificateExpiry": bool(given.get("IgnoreClientCertificateExpiry")),
        "TrustStoreAssociationStatus": "active",
        "AdvertiseTrustStoreCaNames": given.get("AdvertiseTrustStoreCaNames") or "off",
    }
