"""Trust stores, revocations, mutual TLS, and capacity reservations."""

from __future__ import annotations

import urllib.request
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.support import Case, certificate_pem, client, fixed, internal, until

BUCKET = "trust-bundles"


def crl(ca: bytes, key: bytes, count: int) -> bytes:
    authority = x509.load_pem_x509_certificate(ca)
    now = datetime.now(timezone.utc)
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject).last_update(now)
    builder = builder.next_update(now + timedelta(days=1))
    for serial in range(1, count + 1):
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
    private: Any = serialization.load_pem_private_key(key, password=None)
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class TrustStores(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.s3, cls.cert, cls.lb = client("s3", cls.account), cls.certificate(), cls.balancer()
        cls.bucket = f"{BUCKET}-{cls.account}"
        cls.s3.create_bucket(Bucket=cls.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        cls.ca, cls.ca_key = certificate_pem("ca.example.com", ca=True)
        second, _ = certificate_pem("ca2.example.com", ca=True)
        leaf, _ = certificate_pem("leaf.example.com")
        objects = {"ca.pem": cls.ca, "two.pem": cls.ca + second, "leaf.pem": leaf, "bad.pem": b"nothing",
                   "crl.pem": crl(cls.ca, cls.ca_key, 3)}
        for key, body in objects.items():
            cls.s3.put_object(Bucket=cls.bucket, Key=key, Body=body)
        cls.count = 0

    def create(self, key: str = "ca.pem", name: str = "", **kwargs: Any) -> dict[str, Any]:
        type(self).count += 1
        return self.elb.create_trust_store(
            Name=name or f"store-{self.count}", CaCertificatesBundleS3Bucket=self.bucket, CaCertificatesBundleS3Key=key,
            **kwargs)["TrustStores"][0]

    def active(self, key: str = "ca.pem") -> str:
        arn = self.create(key)["TrustStoreArn"]
        self.assertTrue(until(lambda: self.shown(arn)["Status"] == "ACTIVE"))
        return arn

    def shown(self, arn: str) -> dict[str, Any]:
        return self.elb.describe_trust_stores(TrustStoreArns=[arn])["TrustStores"][0]

    def secure(self, trust_store: str, port: int = 443, balancer: str = "", **kwargs: Any) -> str:
        mutual = {"Mode": "verify", "TrustStoreArn": trust_store, **kwargs}
        return self.listener(balancer or self.balancer(), port, Protocol="HTTPS", MutualAuthentication=mutual,
                             Certificates=[{"CertificateArn": self.cert}])

    def test_create(self) -> None:
        """API: CreateTrustStore: CREATING, then ACTIVE."""
        made = self.create("two.pem", Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual(("CREATING", 2, 0), tuple(made[key] for key in (
            "Status", "NumberOfCaCertificates", "TotalRevokedEntries")))
        self.assertTrue(until(lambda: self.shown(made["TrustStoreArn"])["Status"] == "ACTIVE"))
        tags = self.elb.describe_tags(ResourceArns=[made["TrustStoreArn"]])["TagDescriptions"][0]["Tags"]
        self.assertEqual([{"Key": "a", "Value": "b"}], tags)

    def test_duplicate_name(self) -> None:
        """API: DuplicateTrustStoreName."""
        self.create(name="twice")
        self.refused("DuplicateTrustStoreName", self.create, name="twice")

    def test_bad_name(self) -> None:
        """API: TrustStoreName pattern."""
        for name in ("a_b", "-a", "a" * 33):
            self.refused("ValidationError", self.create, name=name)

    def test_missing_bundle(self) -> None:
        """API: CaCertificatesBundleNotFound."""
        self.refused("CaCertificatesBundleNotFound", self.create, key="none.pem")

    def test_invalid_bundle(self) -> None:
        """API: InvalidCaCertificatesBundle: no PEM, or no CA."""
        self.refused("InvalidCaCertificatesBundle", self.create, key="bad.pem")
        self.refused("InvalidCaCertificatesBundle", self.create, key="leaf.pem")

    def test_quota(self) -> None:
        """User guide, "Quotas": TooManyTrustStores."""
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"trust-stores": 0}})
        try:
            self.refused("TooManyTrustStores", self.create)
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"trust-stores": None}})

    def test_modify(self) -> None:
        """API: ModifyTrustStore replaces the bundle; it is read through a pre-signed URL."""
        arn = self.active()
        self.elb.modify_trust_store(TrustStoreArn=arn, CaCertificatesBundleS3Bucket=self.bucket,
                                    CaCertificatesBundleS3Key="two.pem")
        self.assertEqual(2, self.shown(arn)["NumberOfCaCertificates"])
        url = self.elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]
        with urllib.request.urlopen(url) as answer:
            self.assertTrue(answer.read().startswith(self.ca))

    def test_names(self) -> None:
        """API: DescribeTrustStores, Names."""
        name = self.create()["Name"]
        self.assertEqual([name], [s["Name"] for s in self.elb.describe_trust_stores(Names=[name])["TrustStores"]])
        self.refused("TrustStoreNotFound", self.elb.describe_trust_stores, Names=["nobody"])

    def test_revocations(self) -> None:
        """API: AddTrustStoreRevocations, DescribeTrustStoreRevocations, GetTrustStoreRevocationContent, Remove…."""
        arn = self.active()
        content = {"S3Bucket": self.bucket, "S3Key": "crl.pem", "RevocationType": "CRL"}
        added = self.elb.add_trust_store_revocations(TrustStoreArn=arn, RevocationContents=[content])
        self.assertEqual([(1, 3)], [(r["RevocationId"], r["NumberOfRevokedEntries"])
                                    for r in added["TrustStoreRevocations"]])
        self.assertEqual(3, self.shown(arn)["TotalRevokedEntries"])
        listed = self.elb.describe_trust_store_revocations(TrustStoreArn=arn)["TrustStoreRevocations"]
        self.assertEqual(1, len(listed))
        url = self.elb.get_trust_store_revocation_content(TrustStoreArn=arn, RevocationId=1)["Location"]
        with urllib.request.urlopen(url) as answer:
            self.assertIn(b"BEGIN X509 CRL", answer.read())
        self.elb.remove_trust_store_revocations(TrustStoreArn=arn, RevocationIds=[1])
        self.refused("RevocationIdNotFound", self.elb.remove_trust_store_revocations, TrustStoreArn=arn,
                     RevocationIds=[1])
        self.refused("RevocationIdNotFound", self.elb.get_trust_store_revocation_content, TrustStoreArn=arn,
                     RevocationId=1)

    def test_bad_revocations(self) -> None:
        """API: RevocationContentNotFound, InvalidRevocationContent, TooManyTrustStoreRevocationEntries."""
        arn = self.active()
        for key, code in (("none", "RevocationContentNotFound"), ("bad.pem", "InvalidRevocationContent")):
            self.refused(code, self.elb.add_trust_store_revocations, TrustStoreArn=arn,
                         RevocationContents=[{"S3Bucket": self.bucket, "S3Key": key}])
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"revocation-entries-per-trust-store": 2}})
        try:
            self.refused("TooManyTrustStoreRevocationEntries", self.elb.add_trust_store_revocations, TrustStoreArn=arn,
                         RevocationContents=[{"S3Bucket": self.bucket, "S3Key": "crl.pem"}])
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"revocation-entries-per-trust-store": None}})

    def test_in_use(self) -> None:
        """API: TrustStoreInUse; DescribeTrustStoreAssociations names the load balancer."""
        arn, balancer = self.active(), self.balancer()
        listener = self.secure(arn, balancer=balancer)
        found = self.elb.describe_trust_store_associations(TrustStoreArn=arn)["TrustStoreAssociations"]
        self.assertEqual([{"ResourceArn": balancer}], found)
        self.refused("TrustStoreInUse", self.elb.delete_trust_store, TrustStoreArn=arn)
        self.refused("DeleteAssociationSameAccount", self.elb.delete_shared_trust_store_association,
                     TrustStoreArn=arn, ResourceArn=balancer)
        self.elb.modify_listener(ListenerArn=listener, MutualAuthentication={"Mode": "off"})
        self.refused("AssociationNotFound", self.elb.delete_shared_trust_store_association, TrustStoreArn=arn,
                     ResourceArn=balancer)
        self.elb.delete_trust_store(TrustStoreArn=arn)
        self.refused("TrustStoreNotFound", self.elb.delete_trust_store, TrustStoreArn=arn)

    def test_verify_is_read_back(self) -> None:
        """API: MutualAuthenticationAttributes: the defaults of mode verify."""
        arn = self.active()
        shown = self.elb.describe_listeners(ListenerArns=[self.secure(arn)])["Listeners"][0]["MutualAuthentication"]
        self.assertEqual({"Mode": "verify", "TrustStoreArn": arn, "IgnoreClientCertificateExpiry": False,
                          "TrustStoreAssociationStatus": "active", "AdvertiseTrustStoreCaNames": "off"}, shown)

    def test_omitted_mutual_authentication_stays(self) -> None:
        """API: ModifyListener: what is omitted stays, mutual authentication too."""
        arn = self.active()
        listener = self.secure(arn, AdvertiseTrustStoreCaNames="on")
        shown = self.elb.modify_listener(ListenerArn=listener, DefaultActions=[fixed("503")])["Listeners"][0]
        self.assertEqual("on", shown["MutualAuthentication"]["AdvertiseTrustStoreCaNames"])

    def test_not_ready(self) -> None:
        """API: TrustStoreNotReady while CREATING."""
        self.refused("TrustStoreNotReady", self.secure, trust_store=self.create()["TrustStoreArn"], balancer=self.lb)

    def test_verify_listeners_quota(self) -> None:
        """User guide, "Quotas": two listeners per load balancer with mode verify."""
        arn, balancer = self.active(), self.balancer()
        self.secure(arn, 443, balancer)
        self.secure(arn, 444, balancer)
        self.refused("InvalidConfigurationRequest", self.secure, trust_store=arn, port=445, balancer=balancer)

    def test_no_policy(self) -> None:
        """API: GetResourcePolicy, ResourceNotFound: nothing is shared."""
        self.refused("ResourceNotFound", self.elb.get_resource_policy, ResourceArn=self.active())


class Capacity(Case):
    def setUp(self) -> None:
        super().setUp()
        self.arn = self.balancer()
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerArn=self.arn)

    def modify(self, units: int | None = None) -> dict[str, Any]:
        change = {"ResetCapacityReservation": True} if units is None else {
            "MinimumLoadBalancerCapacity": {"CapacityUnits": units}}
        return self.elb.modify_capacity_reservation(LoadBalancerArn=self.arn, **change)

    def describe(self) -> dict[str, Any]:
        return self.elb.describe_capacity_reservation(LoadBalancerArn=self.arn)

    def settle(self) -> None:
        self.assertTrue(until(lambda: {s["State"]["Code"] for s in self.describe().get("CapacityReservationState", [])}
                              <= {"provisioned"}))

    def test_none(self) -> None:
        """API: DescribeCapacityReservation without a reservation."""
        self.assertEqual(2, self.describe()["DecreaseRequestsRemaining"])
        self.assertNotIn("MinimumLoadBalancerCapacity", self.describe())

    def test_reserve(self) -> None:
        """API: ModifyCapacityReservation: pending, then provisioned in every zone."""
        shown = self.modify(200)
        self.assertEqual({"CapacityUnits": 200}, shown["MinimumLoadBalancerCapacity"])
        self.assertEqual({"pending"}, {s["State"]["Code"] for s in shown["CapacityReservationState"]})
        self.settle()
        self.assertEqual([100.0, 100.0], [s["EffectiveCapacityUnits"] for s in self.describe()["CapacityReservationState"]])

    def test_pending(self) -> None:
        """API: CapacityReservationPending, on SetSubnets too."""
        where = {"account": self.account, "region": "eu-west-1"}
        self.modify(200)
        internal("PUT", "capacity", {**where, "pending": True})
        self.refused("CapacityReservationPending", self.modify, units=300)
        self.refused("CapacityReservationPending", self.elb.set_subnets, LoadBalancerArn=self.arn,
                     Subnets=self.subnets[1:])
        internal("PUT", "capacity", {**where, "pending": False})
        self.settle()

    def test_decreases(self) -> None:
        """API: DecreaseRequestsRemaining, CapacityDecreaseRequestLimitExceeded."""
        for units in (400, 300, 200):
            self.modify(units)
            self.settle()
        self.assertEqual(0, self.describe()["DecreaseRequestsRemaining"])
        self.refused("CapacityDecreaseRequestLimitExceeded", self.modify)

    def test_limits(self) -> None:
        """API: CapacityUnitsLimitExceeded, and the minimum of 100."""
        self.refused("CapacityUnitsLimitExceeded", self.modify, units=10**6)
        self.refused("InvalidConfigurationRequest", self.modify, units=99)

    def test_one_of_two(self) -> None:
        """API: ModifyCapacityReservation: capacity or reset."""
        self.refused("ValidationError", self.elb.modify_capacity_reservation, LoadBalancerArn=self.arn)

    def test_failures_by_switch(self) -> None:
        """API: InsufficientCapacity (500) and PriorRequestNotComplete (429)."""
        where = {"account": self.account, "region": "eu-west-1"}
        for code in ("InsufficientCapacity", "PriorRequestNotComplete"):
            internal("PUT", "capacity", {**where, "fail": code})
            self.refused(code, self.modify, units=200)
        internal("PUT", "capacity", {**where, "fail": None})

    def test_gateway(self) -> None:
        """API: ModifyCapacityReservation, OperationNotPermitted."""
        self.arn = self.elb.create_load_balancer(Name="gw", Type="gateway", Subnets=self.subnets[:1])[
            "LoadBalancers"][0]["LoadBalancerArn"]
        self.refused("OperationNotPermitted", self.modify, units=200)
