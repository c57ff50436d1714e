"""Names, ids and ARNs: how AWS forms them and what it accepts."""

from __future__ import annotations

import re
import secrets

from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.store import Store

_NAME = re.compile(r"[A-Za-z0-9-]+\Z")
_KIND_SEGMENT = {"application": "app", "network": "net", "gateway": "gwy"}

# The hosted zones that Route 53 aliases of ALBs name ("Elastic Load Balancing endpoints and quotas", AWS General
# Reference).
_HOSTED_ZONES = {
    "us-east-1": "Z35SXDOTRQ7X7K", "us-east-2": "Z3AADJGX6KTTL2", "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5", "eu-west-1": "Z32O12XQLNTSW2", "eu-west-2": "ZHURV8PSTC4K8",
    "eu-west-3": "Z3Q77PNBQS71R4", "eu-central-1": "Z215JYRZR1TBD5", "eu-north-1": "Z23TAZ6LKFMNIO",
    "ap-southeast-1": "Z1LMS91P8CMLE5", "ap-southeast-2": "Z1GM3OXH4ZPM65", "ap-northeast-1": "Z14GRHDCWA56QT",
    "ap-northeast-2": "ZWKZPGTI48KDX", "ap-south-1": "ZP97RAFLXTNZK", "ca-central-1": "ZQSVJUPU6J1EY",
    "sa-east-1": "Z2P70J7HTTTPLU",
}


def check_name(what: str, name: str) -> None:
    """User guide, "Create an Application Load Balancer": 1 to 32 letters, digits and hyphens, none at the ends."""
    if len(name) > 32:
        raise validation(f"{what} name '{name}' cannot be longer than '32' characters")
    if not _NAME.match(name):
        raise validation(
            f"{what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )
    if name.startswith("-") or name.endswith("-"):
        raise validation(f"{what} name '{name}' cannot begin or end with '-'")
    if what == "Load balancer" and name.startswith("internal-"):
        raise validation(f"{what} name '{name}' cannot begin with 'internal-'")


def fresh_id() -> str:
    return secrets.token_hex(8)


def _prefix(store: Store) -> str:
    partition = "aws-cn" if store.region.startswith("cn-") else "aws"
    if store.region.startswith("us-gov-"):
        partition = "aws-us-gov"
    return f"arn:{partition}:elasticloadbalancing:{store.region}:{store.account}:"


def load_balancer_arn(store: Store, kind: str, name: str) -> str:
    return f"{_prefix(store)}loadbalancer/{_KIND_SEGMENT[kind]}/{name}/{fresh_id()}"


def target_group_arn(store: Store, name: str) -> str:
    return f"{_prefix(store)}targetgroup/{name}/{fresh_id()}"


def trust_store_arn(store: Store, name: str) -> str:
    return f"{_prefix(store)}truststore/{name}/{fresh_id()}"


def listener_arn(load_balancer: str) -> str:
    return f"{load_balancer.replace(':loadbalancer/', ':listener/')}/{fresh_id()}"


def rule_arn(listener: str) -> str:
    return f"{listener.replace(':listener/', ':listener-rule/')}/{fresh_id()}"


def dns_name(store: Store, kind: str, scheme: str, name: str) -> str:
    prefix = "internal-" if scheme == "internal" else ""
    if kind == "network":
        return f"{prefix}{name}-{fresh_id()}.elb.{store.region}.amazonaws.com"
    number = 10**8 + secrets.randbelow(2 * 10**9)
    return f"{prefix}{name}-{number}.{store.region}.elb.amazonaws.com"


def hosted_zone(region: str) -> str:
    return _HOSTED_ZONES.get(region, "Z35SXDOTRQ7X7K")


_ARN_KINDS = {
    "load balancer": (":loadbalancer/", "LoadBalancerNotFound"),
    "listener": (":listener/", "ListenerNotFound"),
    "listener rule": (":listener-rule/", "RuleNotFound"),
    "target group": (":targetgroup/", "TargetGroupNotFound"),
    "trust store": (":truststore/", "TrustStoreNotFound"),
}


def check_arn(kind: str, arn: str) -> None:
    """A string that is no ARN of this kind is a ValidationError; a well-formed stranger is "not found" later."""
    if not arn.startswith("arn:") or _ARN_KINDS[kind][0] not in arn:
        raise validation(f"'{arn}' is not a valid {kind} ARN")


def kind_of_arn(arn: str) -> str:
    for kind, (marker, _) in _ARN_KINDS.items():
        if arn.startswith("arn:") and marker in arn:
            return kind
    raise validation(f"'{arn}' is not a valid ARN")


def not_found(kind: str, arn: str = "") -> Exception:
    if kind == "load balancer":
        return error("LoadBalancerNotFound", f"Load balancer '{arn}' not found" if arn else
                     "One or more load balancers not found")
    plural = {"listener": "listeners", "listener rule": "rules", "target group": "target groups"}
    if kind in plural:
        return error(_ARN_KINDS[kind][1], f"One or more {plural[kind]} not found")
    return error(_ARN_KINDS[kind][1], f"Trust store '{arn}' not found")
