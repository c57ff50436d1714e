"""Certificates of listeners: look-up in ACM and IAM, the default one, and the SNI list.

Source: API, AddListenerCertificates, RemoveListenerCertificates, DescribeListenerCertificates (the default is listed
with IsDefault=true; a certificate in both places is listed twice); user guide, "SSL certificates for your ALB".
"""

from __future__ import annotations

from typing import Any

from no502_localstack.elbv2 import limits, names
from no502_localstack.elbv2.errors import error, invalid_configuration, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Listener, Store

Json = dict[str, Any]
SECURE = ("HTTPS", "TLS")


def require_listener(store: Store, arn: str) -> Listener:
    names.check_arn("listener", arn)
    listener = store.listener(arn)
    if listener is None:
        raise names.not_found("listener")
    return listener


def check_usable(store: Store, arn: str) -> str:
    """A certificate that is not there is CertificateNotFound; one that is not issued is UnsupportedCertificate."""
    if ":acm:" in arn:
        _check_acm(store, arn)
    elif ":iam:" in arn and ":server-certificate/" in arn:
        _check_iam(store, arn)
    else:
        raise validation(f"Certificate ARN '{arn}' is not valid")
    return arn


def _check_acm(store: Store, arn: str) -> None:
    from no502_localstack.acm.store import store_for as certificates_of

    # User guide: "The certificate must be in the same Region as the load balancer", so only that store is asked. Its
    # lock is not taken: ACM asks this service for `InUseBy` under its own.
    certificate = certificates_of(store.account, store.region).get(arn)
    if certificate is None:
        raise error("CertificateNotFound", f"Certificate '{arn}' not found")
    if not certificate.usable:
        raise _unsupported(arn)


def _unsupported(arn: str) -> Exception:
    return error(
        "UnsupportedCertificate",
        f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported "
        "key size.",
    )


def _check_iam(store: Store, arn: str) -> None:
    from moto.iam.models import iam_backends

    backend = iam_backends[store.account]["aws"]
    if not any(certificate.arn == arn for certificate in backend.certificates.values()):
        raise error("CertificateNotFound", f"Certificate '{arn}' not found")


def default_from(store: Store, entries: list[Json] | None) -> str | None:
    """The one certificate that CreateListener and ModifyListener take."""
    if not entries:
        return None
    if len(entries) > 1:
        raise error("TooManyCertificates", "You can specify only one certificate, the default certificate")
    return check_usable(store, _arn(entries[0]))


def _arn(entry: Json) -> str:
    if entry.get("IsDefault") is not None:
        raise validation("You cannot set the 'IsDefault' flag of a certificate")
    if not entry.get("CertificateArn"):
        raise validation("A certificate ARN must be specified")
    return entry["CertificateArn"]


def _require_secure(store: Store, request: Json) -> tuple[Listener, list[str]]:
    listener = require_listener(store, request["ListenerArn"])
    if listener.protocol not in SECURE:
        raise invalid_configuration(f"Certificates cannot be used on listeners with protocol '{listener.protocol}'")
    entries = request["Certificates"]
    if len(entries) != 1:
        raise error("TooManyCertificates", "You can specify only one certificate per call") if entries else \
            validation("A certificate must be specified")
    return listener, [_arn(entry) for entry in entries]


def add_listener_certificates(store: Store, request: Json) -> Json:
    listener, arns = _require_secure(store, request)
    for arn in arns:
        check_usable(store, arn)
    balancer = store.load_balancers[listener.load_balancer_arn]
    new = [arn for arn in arns if arn not in listener.extra_certificates]
    carried = sum(len(other.extra_certificates) for other in balancer.listeners.values()) + len(new)
    limits.require(store, f"certificates-per-{'network' if balancer.kind == 'network' else 'application'}-load-balancer",
                   carried, "TooManyCertificates",
                   f"The maximum number of certificates on load balancer '{balancer.arn}' has been reached")
    listener.extra_certificates.extend(new)
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in arns]}


def remove_listener_certificates(store: Store, request: Json) -> Json:
    listener, arns = _require_secure(store, request)
    for arn in arns:
        if arn in listener.extra_certificates:
            continue
        if arn == listener.certificate:
            raise error("OperationNotPermitted", f"The default certificate '{arn}' cannot be removed from a listener")
    listener.extra_certificates[:] = [arn for arn in listener.extra_certificates if arn not in arns]
    return {}


def describe_listener_certificates(store: Store, request: Json) -> Json:
    listener = require_listener(store, request["ListenerArn"])
    shown: list[Json] = []
    if listener.certificate:
        shown.append({"CertificateArn": listener.certificate, "IsDefault": True})
    shown += [{"CertificateArn": arn, "IsDefault": False} for arn in listener.extra_certificates]
    return paged("Certificates", shown, request, f"certificates {listener.arn}")


def in_use_by(store: Store, certificate: str) -> list[str]:
    """The load balancers that use a certificate (API, ACM CertificateDetail.InUseBy)."""
    return [
        balancer.arn
        for balancer in store.load_balancers.values()
        if any(certificate in (listener.certificate, *listener.extra_certificates)
               for listener in balancer.listeners.values())
    ]
