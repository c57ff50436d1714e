"""What the conformance tests share: clients per account, a stack to start from, and generated cases.

Every test class works in an account of its own, so that all can run side by side on one server. Each case names the
fact it checks by the AWS page it comes from. What was called and which errors came back is recorded, so that the last
module can say whether every operation and every provocable error was exercised.
"""

from __future__ import annotations

import json
import os
import random
import time
import unittest
import urllib.request
from typing import Any, Callable, Iterable

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
REGION = "eu-west-1"
OPERATIONS: set[tuple[str, str]] = set()
ERRORS: set[tuple[str, str]] = set()
CASES: list[str] = []
Json = dict[str, Any]


def client(service: str, account: str, region: str = REGION, validate: bool = True) -> Any:
    made = boto3.client(
        service, endpoint_url=ENDPOINT, region_name=region, aws_access_key_id=account, aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=validate),
    )

    def record(http_response: Any, parsed: Json, model: Any, **_: Any) -> None:
        OPERATIONS.add((service, model.name))
        if "Error" in parsed:
            ERRORS.add((service, parsed["Error"].get("Code", "")))

    made.meta.events.register(f"after-call.{service}", record)
    made.meta.events.register(f"after-call.{made.meta.service_model.service_id.hyphenize()}", record)
    return made


def internal(method: str, path: str, body: Json | None = None) -> Json:
    request = urllib.request.Request(
        f"{ENDPOINT}/_no502/{path}", method=method, data=json.dumps(body or {}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


SCALE = float(internal("GET", "ready")["time_scale"])


def fresh_account() -> str:
    return f"{random.randrange(10**11, 10**12)}"


def until(check: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Waits for something that the server does in time; returns its first true value."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.02)


class Case(unittest.TestCase):
    """One account with a VPC of three zones, a security group, a load balancer and two target groups."""

    maxDiff = None
    account: str
    balancer_kind = "application"

    @classmethod
    def setUpClass(cls) -> None:
        cls.account = fresh_account()
        cls.elb, cls.ec2 = client("elbv2", cls.account), client("ec2", cls.account)
        cls.acm = client("acm", cls.account)
        cls.vpc = cls.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        cls.subnets = [
            cls.ec2.create_subnet(VpcId=cls.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")
            ["Subnet"]["SubnetId"] for n, zone in enumerate("abc", start=1)
        ]
        cls.security_group = cls.ec2.create_security_group(GroupName="lb", Description="lb", VpcId=cls.vpc)["GroupId"]
        cls.prepare()

    @classmethod
    def tearDownClass(cls) -> None:
        internal("POST", "reset", {"account": cls.account})

    @classmethod
    def prepare(cls) -> None:
        """For subclasses: what all cases of the class start from."""

    def setUp(self) -> None:
        CASES.append(self.id())

    @classmethod
    def balancer(cls, name: str = "", **kwargs: Any) -> str:
        request: Json = {"Name": name or unique("lb"), "Subnets": cls.subnets[:2], "SecurityGroups": [cls.security_group]}
        return cls.elb.create_load_balancer(**{**request, **kwargs})["LoadBalancers"][0]["LoadBalancerArn"]

    @classmethod
    def target_group(cls, name: str = "", **kwargs: Any) -> str:
        request: Json = {"Name": name or unique("tg"), "Protocol": "HTTP", "Port": 8000, "VpcId": cls.vpc,
                         "TargetType": "ip"}
        request = {key: value for key, value in {**request, **kwargs}.items() if value is not None}
        return cls.elb.create_target_group(**request)["TargetGroups"][0]["TargetGroupArn"]

    @classmethod
    def listener(cls, balancer: str, port: int = 80, actions: list[Json] | None = None, **kwargs: Any) -> str:
        request: Json = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port,
                         "DefaultActions": actions or [fixed()]}
        return cls.elb.create_listener(**{**request, **kwargs})["Listeners"][0]["ListenerArn"]

    @classmethod
    def rule(cls, listener: str, priority: int, **kwargs: Any) -> str:
        request: Json = {"ListenerArn": listener, "Priority": priority, "Conditions": [path("/x")],
                         "Actions": [fixed()]}
        return cls.elb.create_rule(**{**request, **kwargs})["Rules"][0]["RuleArn"]

    @classmethod
    def certificate(cls, *names: str) -> str:
        body, key = certificate_pem(*(names or ("example.com",)))
        return cls.acm.import_certificate(Certificate=body, PrivateKey=key)["CertificateArn"]

    def health(self, group: str, **kwargs: Any) -> list[Json]:
        return self.elb.describe_target_health(TargetGroupArn=group, **kwargs)["TargetHealthDescriptions"]

    def refused(self, code: str, call: Callable[..., Any], *words: str, **kwargs: Any) -> str:
        """The call must fail with this code; every word must stand in its message."""
        with self.assertRaises(ClientError) as caught:
            call(**kwargs)
        answer = caught.exception.response["Error"]
        self.assertEqual(code, answer["Code"], answer["Message"])
        for word in words:
            self.assertIn(word, answer["Message"])
        return answer["Message"]


_count = 0


def unique(prefix: str) -> str:
    global _count
    _count += 1
    return f"{prefix}-{_count}"


def fixed(code: str = "404") -> Json:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": code}}


def forward(*groups: str) -> Json:
    if len(groups) == 1:
        return {"Type": "forward", "TargetGroupArn": groups[0]}
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn} for arn in groups]}}


def redirect(**kwargs: str) -> Json:
    config = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"} if not kwargs else kwargs
    return {"Type": "redirect", "RedirectConfig": config}


def path(*values: str) -> Json:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def host(*values: str) -> Json:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values)}}


def certificate_pem(*names: str, days: tuple[int, int] = (-1, 90), key_size: int = 2048, curve: Any = None,
                    authority: Any = None, ca: bool = False) -> tuple[bytes, bytes]:
    """A certificate and its key; self-signed unless an authority (certificate, key) is given."""
    from datetime import datetime, timedelta, timezone

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

    key: Any = ec.generate_private_key(curve) if curve else rsa.generate_private_key(65537, key_size)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])] if names else
                        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Nobody")])
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(authority[0].subject if authority else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
    )
    if names and not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = builder.sign(authority[1] if authority else key, hashes.SHA256())
    return (
        signed.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def generate(cls: type, prefix: str, table: Iterable[tuple[Any, ...]], body: Callable[..., None]) -> None:
    """One test method per row of a table: `body(self, *row)`. The first column names the case."""
    for number, row in enumerate(table):
        name = "".join(c if c.isalnum() else "_" for c in f"test_{prefix}_{number:02}_{row[0]}")[:110]

        def test(self: Any, row: tuple[Any, ...] = row) -> None:
            body(self, *row)

        test.__doc__ = f"{prefix}: {row[0]}"
        setattr(cls, name, test)
