"""The certificates of one account and region, and how a pending one becomes issued.

Nothing runs in the background: whoever reads a certificate first lets it catch up with the clock and with Route 53.
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from no502_localstack import choices, settings
from no502_localstack.acm import dns, material

_VALIDATION_SECONDS = 72 * 3600  # user guide, "DNS validation": a request times out after 72 hours


def now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Certificate:
    arn: str
    kind: str  # AMAZON_ISSUED, IMPORTED, PRIVATE
    names: list[str]  # the domain name first
    key_algorithm: str
    status: str
    created: datetime
    tags: dict[str, str]
    validation_method: str | None = None
    validation_domains: dict[str, str] = field(default_factory=dict)
    records: dict[str, dns.Cname] = field(default_factory=dict)
    validated: set[str] = field(default_factory=set)
    proven_at: float | None = None
    issued: datetime | None = None
    failure_reason: str | None = None
    renewal_status: str | None = None
    not_after_override: datetime | None = None
    authority: str | None = None
    export: str = "DISABLED"
    transparency: str = "ENABLED"
    managed_by: str | None = None
    body: str | None = None
    chain: str | None = None
    key: str | None = None
    leaf: Any = None  # cryptography's certificate object
    unusable: bool = False  # by switch: freshly issued certificates are sometimes refused by listeners for a while
    signature: tuple[Any, ...] | None = None  # what an idempotency token stands for

    @property
    def domain(self) -> str:
        return self.names[0] if self.names else ""

    @property
    def usable(self) -> bool:
        """ALB user guide, "SSL certificates": issued, and with a domain name (a domain-less import is refused)."""
        return self.status == "ISSUED" and bool(self.names) and not self.unusable


class AcmStore:
    """All certificates of one account in one region."""

    def __init__(self, account: str, region: str) -> None:
        self.account, self.region = account, region
        self.lock = threading.RLock()
        self.certificates: dict[str, Certificate] = {}
        self.tokens: dict[str, tuple[str, float]] = {}
        self.switches: dict[str, dict[str, Any]] = {}  # by ARN or domain name
        self.days_before_expiry = 45

    def fresh_arn(self) -> str:
        return f"arn:aws:acm:{self.region}:{self.account}:certificate/{uuid.uuid4()}"

    def get(self, arn: str) -> Certificate | None:
        certificate = self.certificates.get(arn)
        if certificate is not None:
            self._catch_up(certificate)
        return certificate

    def all(self) -> list[Certificate]:
        for certificate in self.certificates.values():
            self._catch_up(certificate)
        return list(self.certificates.values())

    def _catch_up(self, certificate: Certificate) -> None:
        self._apply_switch(certificate)
        if certificate.status == "PENDING_VALIDATION":
            self._validate(certificate)
        expires = certificate.not_after_override or (certificate.leaf and certificate.leaf.not_valid_after_utc)
        if certificate.status == "ISSUED" and expires and expires < now():
            certificate.status = "EXPIRED"

    def _apply_switch(self, certificate: Certificate) -> None:
        """What PUT /_no502/certificates asked for, by ARN or by domain name."""
        switch = self.switches.get(certificate.arn) or self.switches.get(certificate.domain)
        if not switch:
            return
        certificate.unusable = bool(switch.get("unusable"))
        certificate.failure_reason = switch.get("failure_reason", certificate.failure_reason)
        certificate.renewal_status = switch.get("renewal_status", certificate.renewal_status)
        if switch.get("not_after"):
            moment = datetime.fromisoformat(switch["not_after"].replace("Z", "+00:00"))
            certificate.not_after_override = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        wanted = switch.get("status") or ("FAILED" if switch.get("failure_reason") else None)
        if wanted == "ISSUED" and certificate.body is None:
            self.issue(certificate)
        elif wanted:
            certificate.status = wanted

    def _validate(self, certificate: Certificate) -> None:
        if certificate.validation_method == "DNS":
            for name, record in certificate.records.items():
                if name not in certificate.validated and dns.stands(self.account, record):
                    certificate.validated.add(name)
            if len(certificate.validated) == len(certificate.records):
                if certificate.proven_at is None:
                    certificate.proven_at = time.time()
                if time.time() >= certificate.proven_at + settings.scaled(choices.ACM_ISSUE_SECONDS):
                    self.issue(certificate)
                return
        if now() > certificate.created + timedelta(seconds=settings.scaled(_VALIDATION_SECONDS)):
            certificate.status = "VALIDATION_TIMED_OUT"

    def issue(self, certificate: Certificate) -> None:
        made = material.issue(certificate.names, certificate.key_algorithm)
        certificate.body, certificate.chain, certificate.key, certificate.leaf = made
        certificate.status, certificate.issued = "ISSUED", now()
        certificate.validated = set(certificate.records)


_stores: dict[tuple[str, str], AcmStore] = {}
_lock = threading.Lock()


def store_for(account: str, region: str) -> AcmStore:
    with _lock:
        return _stores.setdefault((account, region), AcmStore(account, region))


def forget(account: str) -> None:
    with _lock:
        for key in [key for key in _stores if key[0] == account]:
            del _stores[key]
