"""Drops everything of one account: our stores, scripts and target maps, and Moto's backends."""

from __future__ import annotations

from typing import Any

from no502_localstack.acm import store as certificates
from no502_localstack.elbv2 import checker, outcomes, store

# The services of Moto that hold state which a test of load balancers leaves behind.
_MOTO = ("ec2", "iam", "route53")


def account(name: str) -> None:
    if not name:
        raise ValueError("an account must be given")
    store.forget(name)
    certificates.forget(name)
    outcomes.forget(name)
    checker.forget(name)
    for service in _MOTO:
        _reset_moto(service, name)


def _reset_moto(service: str, name: str) -> None:
    from moto import backends as moto_backends

    find: Any = moto_backends.get_backend
    backends = find(service)
    if name in backends:
        del backends[name]
