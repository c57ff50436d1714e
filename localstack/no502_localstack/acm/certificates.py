"""The operations on certificates: request, import, describe, list, delete, options, export.

API pages of the same names. Renewal and revocation change nothing that a load balancer sees, so they only check their
arguments and keep the state that a switch gave.
"""

from __future__ import annotations

import time
from typing import Any

from no502_localstack import choices
from no502_localstack.acm import dns, material, tags
from no502_localstack.acm.errors import error, invalid_parameter, not_found, validation
from no502_localstack.acm.shown import detail, in_use_by, summary
from no502_localstack.acm.store import AcmStore, Certificate, now

Json = dict[str, Any]
_REQUESTABLE = ("RSA_2048", "EC_prime256v1", "EC_secp384r1")
_NAMES_PER_CERTIFICATE = 10  # user guide, "Quotas"
_TOKEN_SECONDS = 3600.0  # API, RequestCertificate: "IdempotencyToken … valid for one hour"


def require(store: AcmStore, request: Json) -> Certificate:
    certificate = store.get(request["CertificateArn"])
    if certificate is None:
        raise not_found(request["CertificateArn"])
    return certificate


def request_certificate(store: AcmStore, request: Json) -> Json:
    names = list(dict.fromkeys([request["DomainName"], *(request.get("SubjectAlternativeNames") or [])]))
    algorithm = request.get("KeyAlgorithm") or "RSA_2048"
    if algorithm not in _REQUESTABLE:
        raise validation(f"Key algorithm {algorithm} cannot be requested; it can only be imported")
    if len(request["DomainName"]) > 64:
        raise invalid_parameter("The first domain name cannot be longer than 64 characters")
    for name in names:
        if any(len(label) > 63 for label in name.split(".")):
            raise invalid_parameter(f"A label of the domain name {name} is longer than 63 characters")
    if len(names) > _NAMES_PER_CERTIFICATE:
        raise error("LimitExceededException", "Error: the number of domain names exceeds the limit of "
                    f"{_NAMES_PER_CERTIFICATE}")
    method = request.get("ValidationMethod") or choices.ACM_DEFAULT_VALIDATION
    if method == "HTTP" and request.get("ManagedBy") != "CLOUDFRONT":
        raise invalid_parameter("HTTP validation is available only for certificates managed by CloudFront")
    domains = _validation_domains(names, request.get("DomainValidationOptions") or [])
    new_tags = tags.parse(request.get("Tags"))
    authority, options = request.get("CertificateAuthorityArn"), request.get("Options") or {}
    signature = (tuple(names), algorithm, method, authority)
    known = _by_token(store, request.get("IdempotencyToken"), signature)
    if known:
        return {"CertificateArn": known}
    certificate = Certificate(
        arn=store.fresh_arn(), kind="PRIVATE" if authority else "AMAZON_ISSUED", names=names,
        key_algorithm=algorithm, status="PENDING_VALIDATION", created=now(), tags=new_tags,
        validation_method=None if authority else method, validation_domains=domains, authority=authority,
        export=options.get("Export", "DISABLED"), managed_by=request.get("ManagedBy"),
        transparency=options.get("CertificateTransparencyLoggingPreference", "ENABLED"), signature=signature,
    )
    if method == "DNS" and not authority:
        certificate.records = {name: dns.record_for(store.account, name) for name in names}
    if authority:
        store.issue(certificate)
    store.certificates[certificate.arn] = certificate
    if request.get("IdempotencyToken"):
        store.tokens[request["IdempotencyToken"]] = (certificate.arn, time.time())
    return {"CertificateArn": certificate.arn}


def _validation_domains(names: list[str], options: list[Json]) -> dict[str, str]:
    domains = {}
    for option in options:
        name, domain = option["DomainName"], option["ValidationDomain"]
        if name not in names or not (name == domain or name.endswith(f".{domain}")):
            raise error("InvalidDomainValidationOptionsException",
                        f"The validation domain {domain} must be the domain name {name} or a superdomain of it")
        domains[name] = domain
    return domains


def _by_token(store: AcmStore, token: str | None, signature: tuple[Any, ...]) -> str | None:
    arn, since = store.tokens.get(token or "", ("", 0.0))
    certificate = store.certificates.get(arn)
    if certificate is None or time.time() - since > _TOKEN_SECONDS or certificate.signature != signature:
        return None
    return arn


def import_certificate(store: AcmStore, request: Json) -> Json:
    arn = request.get("CertificateArn")
    if arn and request.get("Tags"):
        raise invalid_parameter("Tagging is not permitted on re-import.")
    current = require(store, request) if arn else None
    if current is not None and current.kind != "IMPORTED":
        raise validation(f"Certificate {arn} is not an imported certificate and cannot be re-imported")
    body, chain, key, leaf, algorithm = material.imported(
        request["Certificate"], request["PrivateKey"], request.get("CertificateChain")
    )
    if current is not None:
        if choices.ACM_REIMPORT_KEEPS_KEY_TYPE and current.key_algorithm != algorithm:
            raise validation("The key type and size of a re-imported certificate must match the original")
        certificate = current
        certificate.status = "ISSUED"
    else:
        certificate = Certificate(
            arn=store.fresh_arn(), kind="IMPORTED", names=[], key_algorithm=algorithm, status="ISSUED", created=now(),
            tags=tags.parse(request.get("Tags")),
        )
    certificate.body, certificate.chain, certificate.key, certificate.leaf = body, chain, key, leaf
    certificate.names, certificate.key_algorithm, certificate.issued = material.names_of(leaf), algorithm, now()
    store.certificates[certificate.arn] = certificate
    return {"CertificateArn": certificate.arn}


def describe_certificate(store: AcmStore, request: Json) -> Json:
    return {"Certificate": detail(store, require(store, request))}


def get_certificate(store: AcmStore, request: Json) -> Json:
    certificate = require(store, request)
    if certificate.status == "PENDING_VALIDATION" or certificate.body is None:
        raise error("RequestInProgressException", f"Certificate {certificate.arn} is not issued yet")
    return {"Certificate": certificate.body} | (
        {"CertificateChain": certificate.chain} if certificate.chain else {}
    )


def export_certificate(store: AcmStore, request: Json) -> Json:
    from cryptography.hazmat.primitives import serialization

    certificate = require(store, request)
    if certificate.kind != "PRIVATE" and certificate.export != "ENABLED":
        raise validation(f"Certificate ARN: {certificate.arn} is not a private certificate")
    if certificate.body is None or certificate.key is None:
        raise error("RequestInProgressException", f"Certificate {certificate.arn} is not issued yet")
    key = serialization.load_pem_private_key(certificate.key.encode(), password=None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(request["Passphrase"]),
    )
    return {"Certificate": certificate.body, "CertificateChain": certificate.chain or "",
            "PrivateKey": encrypted.decode()}


def list_certificates(store: AcmStore, request: Json) -> Json:
    statuses, includes = request.get("CertificateStatuses"), request.get("Includes") or {}
    key_types = includes.get("keyTypes") or choices.ACM_DEFAULT_KEY_TYPES
    found = [
        certificate for certificate in store.all()
        if (not statuses or certificate.status in statuses) and certificate.key_algorithm in key_types
        and includes.get("exportOption") in (None, certificate.export)
        and includes.get("managedBy") in (None, certificate.managed_by)
    ]
    if request.get("SortBy") or request.get("SortOrder"):
        if not (request.get("SortBy") and request.get("SortOrder")):
            raise validation("SortBy and SortOrder must be specified together")
        found.sort(key=lambda certificate: certificate.created, reverse=request["SortOrder"] == "DESCENDING")
    token = request.get("NextToken")
    if token is not None and not token.isdigit():
        raise error("InvalidArgsException", "The next token is not valid")
    start, size = int(token or 0), request.get("MaxItems") or 1000
    answer: Json = {"CertificateSummaryList": [summary(store, each) for each in found[start : start + size]]}
    if start + size < len(found):
        answer["NextToken"] = str(start + size)
    return answer


def delete_certificate(store: AcmStore, request: Json) -> Json:
    certificate = require(store, request)
    if in_use_by(store, certificate.arn):
        raise error("ResourceInUseException",
                    f"Certificate {certificate.arn} in account {store.account} is in use.")
    del store.certificates[certificate.arn]
    return {}


def update_certificate_options(store: AcmStore, request: Json) -> Json:
    certificate, options = require(store, request), request["Options"]
    if certificate.kind == "IMPORTED":
        raise error("InvalidStateException", "The options of imported certificates cannot be changed")
    certificate.export = options.get("Export", certificate.export)
    certificate.transparency = options.get("CertificateTransparencyLoggingPreference", certificate.transparency)
    return {}


def resend_validation_email(store: AcmStore, request: Json) -> Json:
    certificate = require(store, request)
    if certificate.validation_method != "EMAIL" or certificate.status != "PENDING_VALIDATION":
        raise error("InvalidStateException", "The certificate is not pending e-mail validation")
    if request["Domain"] not in certificate.names:
        raise error("InvalidDomainValidationOptionsException", f"{request['Domain']} is not a name of the certificate")
    return {}


def renew_certificate(store: AcmStore, request: Json) -> Json:
    certificate = require(store, request)
    if certificate.kind == "IMPORTED":
        raise validation("Imported certificates cannot be renewed by ACM")
    if certificate.status == "ISSUED" and certificate.renewal_status is None:
        store.issue(certificate)
    return {}


def revoke_certificate(store: AcmStore, request: Json) -> Json:
    certificate = require(store, request)
    if certificate.status != "ISSUED" or certificate.kind == "IMPORTED":
        raise error("ConflictException", "Only issued certificates of ACM can be revoked")
    if in_use_by(store, certificate.arn):
        raise error("ResourceInUseException",
                    f"Certificate {certificate.arn} in account {store.account} is in use.")
    certificate.status = "REVOKED"
    return {"CertificateArn": certificate.arn}


def get_account_configuration(store: AcmStore, request: Json) -> Json:
    return {"ExpiryEvents": {"DaysBeforeExpiry": store.days_before_expiry}}


def put_account_configuration(store: AcmStore, request: Json) -> Json:
    days = (request.get("ExpiryEvents") or {}).get("DaysBeforeExpiry")
    if days is not None:
        if not 1 <= days <= 90:
            raise validation("DaysBeforeExpiry must be between 1 and 90")
        store.days_before_expiry = days
    return {}

