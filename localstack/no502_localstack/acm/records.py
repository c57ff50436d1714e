"""Reads Moto's certificate records: whether a load balancer can use one."""

from __future__ import annotations

from typing import Any


def usable(account: str, region: str, record: Any) -> bool:
    """User guide, "SSL certificates": only an issued certificate can be attached to a listener."""
    return record.status == "ISSUED"
