"""CertificateDetail and CertificateSummary as the API gives them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from no502_localstack import choices, settings
from no502_localstack.acm import material
from no502_localstack.acm.store import AcmStore, Certificate, now

Json = dict[str, Any]
_VALIDATION = {"ISSUED": "SUCCESS", "PENDING_VALIDATION": "PENDING_VALIDATION"}
_USAGES = [{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}]
_EXTENDED = [
    {"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"},
    {"Name": "TLS_WEB_CLIENT_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.2"},
]


def in_use_by(store: AcmStore, arn: str) -> list[str]:
    from no502_localstack.elbv2 import certificates
    from no502_localstack.elbv2.store import store_for

    balancers = store_for(store.account, store.region)
    with balancers.lock:
        return certificates.in_use_by(balancers, arn)


def detail(store: AcmStore, certificate: Certificate) -> Json:
    used = in_use_by(store, certificate.arn)
    shown: Json = {
        "CertificateArn": certificate.arn, "DomainName": certificate.domain,
        "SubjectAlternativeNames": list(certificate.names), "Status": certificate.status, "Type": certificate.kind,
        "KeyAlgorithm": material.spelled(certificate.key_algorithm), "InUseBy": used,
        "RenewalEligibility": _eligibility(certificate, used), "Subject": f"CN={certificate.domain}",
        "Options": {
            "CertificateTransparencyLoggingPreference": certificate.transparency, "Export": certificate.export,
        },
        "KeyUsages": _USAGES if certificate.body else [], "ExtendedKeyUsages": _EXTENDED if certificate.body else [],
        "SignatureAlgorithm": "SHA256WITHRSA",
        **_dates(certificate),
    }
    if certificate.leaf is not None:
        shown["Serial"] = _serial(certificate)
        shown["Issuer"] = _issuer(certificate)
        shown["SignatureAlgorithm"] = _signature_algorithm(certificate)
    elif certificate.kind == "AMAZON_ISSUED":
        shown["Issuer"] = "Amazon"
    if certificate.validation_method:
        shown["DomainValidationOptions"] = [_validation(certificate, name) for name in certificate.names]
    optional = {"FailureReason": certificate.failure_reason if certificate.status == "FAILED" else None,
                "CertificateAuthorityArn": certificate.authority, "ManagedBy": certificate.managed_by}
    shown |= {key: value for key, value in optional.items() if value}
    if certificate.renewal_status:
        shown["RenewalSummary"] = {
            "RenewalStatus": certificate.renewal_status, "UpdatedAt": now(),
            "DomainValidationOptions": shown.get("DomainValidationOptions") or [],
        }
    return shown


def _eligibility(certificate: Certificate, used: list[str]) -> str:
    renewable = certificate.kind != "IMPORTED" and certificate.status == "ISSUED"
    return "ELIGIBLE" if renewable and (used or certificate.export == "ENABLED") else "INELIGIBLE"


def _dates(certificate: Certificate) -> Json:
    imported = certificate.kind == "IMPORTED"
    dates: Json = {"CreatedAt": certificate.created, "ImportedAt": certificate.issued if imported else None,
                   "IssuedAt": None if imported else certificate.issued}
    if certificate.leaf is not None:
        dates["NotBefore"] = certificate.leaf.not_valid_before_utc
        dates["NotAfter"] = certificate.not_after_override or certificate.leaf.not_valid_after_utc
    return {key: value for key, value in dates.items() if value is not None}


def _serial(certificate: Certificate) -> str:
    digits = f"{certificate.leaf.serial_number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))


def _issuer(certificate: Certificate) -> str:
    from cryptography.x509.oid import NameOID

    issuer = certificate.leaf.issuer
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for attribute in issuer.get_attributes_for_oid(oid):
            return str(attribute.value)
    return issuer.rfc4514_string()


def _signature_algorithm(certificate: Certificate) -> str:
    digest = certificate.leaf.signature_hash_algorithm
    family = "ECDSA" if "ecdsa" in certificate.leaf.signature_algorithm_oid._name.lower() else "RSA"
    return f"{digest.name.upper() if digest else 'NONE'}WITH{family}"


def _validation(certificate: Certificate, name: str) -> Json:
    status = "SUCCESS" if name in certificate.validated else _VALIDATION.get(certificate.status, "FAILED")
    shown: Json = {
        "DomainName": name, "ValidationDomain": certificate.validation_domains.get(name, name),
        "ValidationStatus": status, "ValidationMethod": certificate.validation_method,
    }
    visible_from = certificate.created + timedelta(seconds=settings.scaled(choices.ACM_RECORD_SECONDS))
    record = certificate.records.get(name)
    if record is not None and now() >= visible_from:
        shown["ResourceRecord"] = {"Name": record.name, "Type": "CNAME", "Value": record.value}
    if certificate.validation_method == "EMAIL":
        domain = shown["ValidationDomain"].removeprefix("*.")
        local_parts = ("administrator", "hostmaster", "postmaster", "webmaster", "admin")
        shown["ValidationEmails"] = [f"{part}@{domain}" for part in local_parts]
    return shown


def summary(store: AcmStore, certificate: Certificate) -> Json:
    used = in_use_by(store, certificate.arn)
    shown: Json = {
        "CertificateArn": certificate.arn, "DomainName": certificate.domain,
        "SubjectAlternativeNameSummaries": certificate.names[:100],
        "HasAdditionalSubjectAlternativeNames": len(certificate.names) > 100, "Status": certificate.status,
        "Type": certificate.kind, "KeyAlgorithm": material.spelled(certificate.key_algorithm), "InUse": bool(used),
        "KeyUsages": [usage["Name"] for usage in _USAGES] if certificate.body else [],
        "ExtendedKeyUsages": [usage["Name"] for usage in _EXTENDED] if certificate.body else [],
        "RenewalEligibility": _eligibility(certificate, used), "ExportOption": certificate.export,
        **_dates(certificate),
    }
    if certificate.managed_by:
        shown["ManagedBy"] = certificate.managed_by
    return shown
