"""The CNAME that proves control of a domain, and whether it stands in Route 53.

User guide, "DNS validation": one record per name; a wildcard shares the record of its base name. The same name gives
the same record within an account, so that renewals and repeated requests need no new one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Cname:
    name: str
    value: str


def record_for(account: str, domain: str) -> Cname:
    base = domain.removeprefix("*.").lower()
    left = hashlib.md5(f"{account}/{base}/name".encode(), usedforsecurity=False).hexdigest()
    right = hashlib.md5(f"{account}/{base}/value".encode(), usedforsecurity=False).hexdigest()
    return Cname(f"_{left}.{base}.", f"_{right}.{left[:10]}.acm-validations.aws.")


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def stands(account: str, record: Cname) -> bool:
    """Whether any hosted zone of the account has the record (the account's zones stand for the public DNS)."""
    from moto.route53.models import route53_backends

    for zone in list(route53_backends[account]["aws"].zones.values()):
        if not _plain(record.name).endswith(_plain(zone.name)):
            continue
        for rrset in list(zone.rrsets):
            if rrset.type_ == "CNAME" and _plain(rrset.name) == _plain(record.name):
                if any(_plain(_value(entry)) == _plain(record.value) for entry in rrset.records):
                    return True
    return False


def _value(entry: object) -> str:
    return str(entry.get("Value", "")) if isinstance(entry, dict) else str(entry)
