"""The predefined security policies of load balancers, with their protocols and ciphers.

Source: user guide, "Security policies for your Application Load Balancer". A policy is described by its protocols and
by blocks of ciphers, from which the table that DescribeSSLPolicies gives is built.
"""

from __future__ import annotations

from typing import Any

from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Store

_T13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
_T13_FIPS = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]
_GCM = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
]
_CBC_SHA2 = [
    "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384",
]
_CBC_SHA1 = [
    "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA",
]
_RSA_SHA2 = ["AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"]
_RSA_SHA1 = ["AES128-SHA", "AES256-SHA"]
_EVERYTHING = _GCM + _CBC_SHA2 + _CBC_SHA1 + _RSA_SHA2 + _RSA_SHA1

_V10, _V11, _V12, _V13 = "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"
_OLD, _MID, _NEW = [_V10, _V11, _V12], [_V11, _V12], [_V12]
_ALL_TYPES = ["application", "network"]

_POLICIES: dict[str, tuple[list[str], list[str]]] = {
    "ELBSecurityPolicy-2016-08": (_OLD, _EVERYTHING),
    "ELBSecurityPolicy-TLS-1-1-2017-01": (_MID, _EVERYTHING),
    "ELBSecurityPolicy-TLS-1-2-2017-01": (_NEW, _GCM + _CBC_SHA2 + _RSA_SHA2),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": (_NEW, _EVERYTHING),
    "ELBSecurityPolicy-FS-2018-06": (_OLD, _GCM + _CBC_SHA2 + _CBC_SHA1),
    "ELBSecurityPolicy-FS-1-1-2019-08": (_MID, _GCM + _CBC_SHA2 + _CBC_SHA1),
    "ELBSecurityPolicy-FS-1-2-2019-08": (_NEW, _GCM + _CBC_SHA2 + _CBC_SHA1),
    "ELBSecurityPolicy-FS-1-2-Res-2019-08": (_NEW, _GCM + _CBC_SHA2),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": (_NEW, _GCM),
    "ELBSecurityPolicy-2015-05": (_OLD, _EVERYTHING),
}
_TLS13: dict[str, tuple[list[str], list[str]]] = {
    "1-0": (_OLD, _EVERYTHING),
    "1-1": (_MID, _EVERYTHING),
    "1-2": (_NEW, _GCM + _CBC_SHA2),
    "1-2-Res": (_NEW, _GCM),
    "1-2-Ext1": (_NEW, _GCM + _CBC_SHA2 + _RSA_SHA2),
    "1-2-Ext2": (_NEW, _EVERYTHING),
    "1-3": ([], []),
}
# The FIPS family adds Ext0, and has no RSA key exchange in 1-0.
_FIPS: dict[str, tuple[list[str], list[str]]] = {
    "1-0": (_OLD, _EVERYTHING),
    "1-1": (_MID, _EVERYTHING),
    "1-2": (_NEW, _GCM + _CBC_SHA2),
    "1-2-Res": (_NEW, _GCM),
    "1-2-Ext0": (_NEW, _GCM + _CBC_SHA2 + _CBC_SHA1),
    "1-2-Ext1": (_NEW, _GCM + _CBC_SHA2 + _RSA_SHA2),
    "1-2-Ext2": (_NEW, _EVERYTHING),
    "1-3": ([], []),
}
for _name, (_protocols, _ciphers) in _TLS13.items():
    _POLICIES[f"ELBSecurityPolicy-TLS13-{_name}-2021-06"] = ([*_protocols, _V13], _T13 + _ciphers)
    if _name != "1-1":
        _POLICIES[f"ELBSecurityPolicy-TLS13-{_name}-PQ-2025-09"] = ([*_protocols, _V13], _T13 + _ciphers)
for _name, (_protocols, _ciphers) in _FIPS.items():
    _POLICIES[f"ELBSecurityPolicy-TLS13-{_name}-FIPS-2023-04"] = ([*_protocols, _V13], _T13_FIPS + _ciphers)
    if _name != "1-1":
        _POLICIES[f"ELBSecurityPolicy-TLS13-{_name}-FIPS-PQ-2025-09"] = ([*_protocols, _V13], _T13_FIPS + _ciphers)

# API, CreateListener: the policy that HTTPS listeners get when none is named.
DEFAULT = "ELBSecurityPolicy-2016-08"


def check(name: str) -> None:
    if name not in _POLICIES:
        raise error("SSLPolicyNotFound", f"SSL policy '{name}' not found")


def _shown(name: str) -> dict[str, Any]:
    protocols, ciphers = _POLICIES[name]
    return {
        "Name": name,
        "SslProtocols": protocols,
        "Ciphers": [{"Name": cipher, "Priority": rank} for rank, cipher in enumerate(ciphers, start=1)],
        "SupportedLoadBalancerTypes": _ALL_TYPES,
    }


def describe_ssl_policies(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    wanted = request.get("Names") or list(_POLICIES)
    for name in wanted:
        check(name)
    kind = request.get("LoadBalancerType")
    if kind == "gateway":
        raise validation("SSL policies are not supported for load balancers with type 'gateway'")
    return paged("SslPolicies", [_shown(name) for name in wanted], request, "ssl-policies")
