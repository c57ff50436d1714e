"""ACM: requests and their validation, imports, listing, deletion in use, switches."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support import Case, certificate_pem, client, internal, until

Json = dict[str, Any]
_GONE = "arn:aws:acm:eu-west-1:000000000000:certificate/12345678-1234-1234-1234-123456789012"


class Requests(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.route53 = client("route53", cls.account)
        cls.zone = cls.route53.create_hosted_zone(Name="example.com", CallerReference=cls.account)["HostedZone"]["Id"]

    def request(self, name: str, **kwargs: Any) -> str:
        return self.acm.request_certificate(
            **{"DomainName": name, "ValidationMethod": "DNS", **kwargs})["CertificateArn"]

    def detail(self, arn: str) -> Json:
        return self.acm.describe_certificate(CertificateArn=arn)["Certificate"]

    def records(self, arn: str) -> list[Json]:
        def present() -> list[Json] | None:
            options = self.detail(arn)["DomainValidationOptions"]
            return [o["ResourceRecord"] for o in options] if all("ResourceRecord" in o for o in options) else None

        return until(present)

    def write(self, record: Json, action: str = "UPSERT") -> None:
        self.route53.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": [{
            "Action": action, "ResourceRecordSet": {"Name": record["Name"], "Type": record["Type"], "TTL": 60,
                                                    "ResourceRecords": [{"Value": record["Value"]}]}}]})

    def test_pending_until_the_cname_stands(self) -> None:
        """User guide, "DNS validation": PENDING_VALIDATION until every CNAME stands, then ISSUED."""
        arn = self.request("a.example.com", SubjectAlternativeNames=["b.example.com"])
        self.assertEqual("PENDING_VALIDATION", self.detail(arn)["Status"])
        records = self.records(arn)
        self.assertEqual(2, len(records))
        self.write(records[0])
        statuses = until(lambda: [o["ValidationStatus"] for o in self.detail(arn)["DomainValidationOptions"]]
                         if "SUCCESS" in [o["ValidationStatus"] for o in self.detail(arn)["DomainValidationOptions"]]
                         else None)
        self.assertEqual(["SUCCESS", "PENDING_VALIDATION"], statuses)
        self.assertEqual("PENDING_VALIDATION", self.detail(arn)["Status"])
        self.write(records[1])
        self.assertTrue(until(lambda: self.detail(arn)["Status"] == "ISSUED"))
        shown = self.detail(arn)
        self.assertEqual(("AMAZON_ISSUED", "RSA_2048", ["a.example.com", "b.example.com"]), (
            shown["Type"], shown["KeyAlgorithm"], shown["SubjectAlternativeNames"]))

    def test_a_wrong_value_proves_nothing(self) -> None:
        """User guide: the record's value counts."""
        arn = self.request("wrong.example.com")
        self.write({**self.records(arn)[0], "Value": "elsewhere.example.com."})
        self.assertEqual("PENDING_VALIDATION", self.detail(arn)["Status"])

    def test_wildcard_shares_the_record(self) -> None:
        """User guide: a wildcard and its base name share one CNAME."""
        arn = self.request("w.example.com", SubjectAlternativeNames=["*.w.example.com"])
        first, second = self.records(arn)
        self.assertEqual(first, second)

    def test_waiter(self) -> None:
        """API waiter: CertificateValidated."""
        arn = self.request("waited.example.com")
        self.write(self.records(arn)[0])
        self.acm.get_waiter("certificate_validated").wait(CertificateArn=arn,
                                                          WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    def test_idempotency_token(self) -> None:
        """API: RequestCertificate, IdempotencyToken: the same request gives the same certificate."""
        one = self.request("token.example.com", IdempotencyToken="abc")
        self.assertEqual(one, self.request("token.example.com", IdempotencyToken="abc"))
        self.assertNotEqual(one, self.request("token.example.com"))

    def test_email(self) -> None:
        """API: EMAIL validation: addresses instead of records; never issued by DNS."""
        arn = self.request("mail.example.com", ValidationMethod="EMAIL")
        option = self.detail(arn)["DomainValidationOptions"][0]
        self.assertIn("admin@mail.example.com", option["ValidationEmails"])
        self.assertNotIn("ResourceRecord", option)
        self.acm.resend_validation_email(CertificateArn=arn, Domain="mail.example.com", ValidationDomain="example.com")

    def test_key_algorithm(self) -> None:
        """API: RequestCertificate, KeyAlgorithm."""
        self.assertEqual("EC_prime256v1", self.detail(self.request("ec.example.com", KeyAlgorithm="EC_prime256v1"))
                         ["KeyAlgorithm"])
        self.refused("ValidationException", self.request, name="x.example.com", KeyAlgorithm="RSA_4096")

    def test_ten_names(self) -> None:
        """User guide, "Quotas": 10 names per certificate."""
        self.refused("LimitExceededException", self.request, name="n.example.com",
                     SubjectAlternativeNames=[f"n{n}.example.com" for n in range(10)])

    def test_bad_names(self) -> None:
        """API: DomainName pattern; 64 characters at most for the first name."""
        self.refused("ValidationException", self.request, name="no_dots")
        self.refused("InvalidParameterException", self.request, name="a." * 30 + "example.com")

    def test_http_validation(self) -> None:
        """API: HTTP validation is CloudFront's."""
        self.refused("InvalidParameterException", self.request, name="h.example.com", ValidationMethod="HTTP")

    def test_validation_domain(self) -> None:
        """API: InvalidDomainValidationOptionsException."""
        self.refused("InvalidDomainValidationOptionsException", self.request, name="v.example.com",
                     ValidationMethod="EMAIL",
                     DomainValidationOptions=[{"DomainName": "v.example.com", "ValidationDomain": "example.org"}])

    def test_failure_by_switch(self) -> None:
        """API: FailureReason, as CAA_ERROR."""
        internal("PUT", "certificates", {"account": self.account, "region": "eu-west-1",
                                         "certificate": "caa.example.com", "failure_reason": "CAA_ERROR"})
        shown = self.detail(self.request("caa.example.com"))
        self.assertEqual(("FAILED", "CAA_ERROR"), (shown["Status"], shown["FailureReason"]))

    def test_renewal_by_switch(self) -> None:
        """API: RenewalSummary."""
        arn = self.request("renew.example.com")
        where = {"account": self.account, "region": "eu-west-1", "certificate": arn}
        internal("PUT", "certificates", {**where, "status": "ISSUED", "renewal_status": "PENDING_VALIDATION",
                                         "not_after": "2030-01-01T00:00:00Z"})
        shown = self.detail(arn)
        self.assertEqual(("ISSUED", "PENDING_VALIDATION", 2030), (
            shown["Status"], shown["RenewalSummary"]["RenewalStatus"], shown["NotAfter"].year))

    def test_expired_by_switch(self) -> None:
        """API: CertificateStatus EXPIRED once NotAfter has passed."""
        arn = self.request("old.example.com")
        where = {"account": self.account, "region": "eu-west-1", "certificate": arn}
        internal("PUT", "certificates", {**where, "status": "ISSUED"})
        self.detail(arn)
        internal("PUT", "certificates", {**where, "not_after": "2020-01-01T00:00:00Z"})
        self.assertEqual("EXPIRED", self.detail(arn)["Status"])

    def test_not_issued_yet(self) -> None:
        """API: GetCertificate, RequestInProgressException."""
        self.refused("RequestInProgressException", self.acm.get_certificate, CertificateArn=self.request("g.example.com"))

    def test_options(self) -> None:
        """API: UpdateCertificateOptions, RenewCertificate, ExportCertificate, RevokeCertificate."""
        arn = self.request("opt.example.com", Options={"Export": "ENABLED"})
        internal("PUT", "certificates", {"account": self.account, "region": "eu-west-1", "certificate": arn,
                                         "status": "ISSUED"})
        self.detail(arn)
        exported = self.acm.export_certificate(CertificateArn=arn, Passphrase=b"secret")
        self.assertIn("ENCRYPTED PRIVATE KEY", exported["PrivateKey"])
        self.acm.update_certificate_options(CertificateArn=arn, Options={"Export": "DISABLED"})
        self.acm.renew_certificate(CertificateArn=arn)
        self.acm.revoke_certificate(CertificateArn=arn, RevocationReason="KEY_COMPROMISE")

    def test_account_configuration(self) -> None:
        """API: PutAccountConfiguration, GetAccountConfiguration."""
        self.acm.put_account_configuration(ExpiryEvents={"DaysBeforeExpiry": 30}, IdempotencyToken="a")
        self.assertEqual({"DaysBeforeExpiry": 30}, self.acm.get_account_configuration()["ExpiryEvents"])


class Imports(Case):
    def imported(self, body: bytes, key: bytes, **kwargs: Any) -> str:
        return self.acm.import_certificate(Certificate=body, PrivateKey=key, **kwargs)["CertificateArn"]

    def detail(self, arn: str) -> Json:
        return self.acm.describe_certificate(CertificateArn=arn)["Certificate"]

    def test_fields(self) -> None:
        """API: CertificateDetail of an import."""
        body, key = certificate_pem("i.example.com", "j.example.com")
        shown = self.detail(self.imported(body, key))
        leaf = x509.load_pem_x509_certificate(body)
        self.assertEqual(("IMPORTED", "ISSUED", "i.example.com", ["i.example.com", "j.example.com"], "INELIGIBLE"),
                         tuple(shown[k] for k in ("Type", "Status", "DomainName", "SubjectAlternativeNames",
                                                  "RenewalEligibility")))
        self.assertEqual(leaf.serial_number, int(shown["Serial"].replace(":", ""), 16))
        self.assertNotIn("DomainValidationOptions", shown)
        self.assertEqual(body.decode(), self.acm.get_certificate(CertificateArn=shown["CertificateArn"])["Certificate"])

    def test_chain(self) -> None:
        """User guide, "Prerequisites for importing": each certificate is signed by the next."""
        ca, ca_key = certificate_pem("ca.example.com", ca=True)
        authority = (x509.load_pem_x509_certificate(ca), serialization.load_pem_private_key(ca_key, None))
        body, key = certificate_pem("c.example.com", authority=authority)
        arn = self.imported(body, key, CertificateChain=ca)
        self.assertEqual(ca.decode(), self.acm.get_certificate(CertificateArn=arn)["CertificateChain"])
        stranger, _ = certificate_pem("stranger.example.com", ca=True)
        self.refused("ValidationException", self.imported, "chain", body=body, key=key, CertificateChain=stranger)

    def test_foreign_key(self) -> None:
        """User guide: the private key must match."""
        self.refused("ValidationException", self.imported, "match", body=certificate_pem("a.example.com")[0],
                     key=certificate_pem("b.example.com")[1])

    def test_dates(self) -> None:
        """API: ImportCertificate: now lies between NotBefore and NotAfter."""
        for days in ((-10, -1), (1, 10)):
            body, key = certificate_pem("d.example.com", days=days)
            self.refused("ValidationException", self.imported, body=body, key=key)

    def test_two_certificates_in_one_field(self) -> None:
        """API: ImportCertificate: one certificate in the field."""
        body, key = certificate_pem("t.example.com")
        self.refused("ValidationException", self.imported, "more than one", body=body + body, key=key)

    def test_no_pem(self) -> None:
        """API: ImportCertificate: PEM."""
        body, key = certificate_pem("p.example.com")
        self.refused("ValidationException", self.imported, body=b"x", key=key)
        self.refused("ValidationException", self.imported, body=body, key=b"x")

    def test_reimport_keeps_the_arn(self) -> None:
        """API: ImportCertificate with CertificateArn replaces the material; tags are refused."""
        arn = self.imported(*certificate_pem("r.example.com"), Tags=[{"Key": "a", "Value": "b"}])
        body, key = certificate_pem("r.example.com", "s.example.com")
        self.assertEqual(arn, self.imported(body, key, CertificateArn=arn))
        self.assertEqual(["r.example.com", "s.example.com"], self.detail(arn)["SubjectAlternativeNames"])
        self.refused("InvalidParameterException", self.imported, body=body, key=key, CertificateArn=arn,
                     Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual([{"Key": "a", "Value": "b"}],
                         self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"])

    def test_reimport_of_another_key_type(self) -> None:
        """User guide, "Reimport a certificate": the key type and size stay."""
        arn = self.imported(*certificate_pem("k.example.com"))
        body, key = certificate_pem("k.example.com", curve=ec.SECP256R1())
        self.refused("ValidationException", self.imported, body=body, key=key, CertificateArn=arn)

    def test_reimport_of_nothing(self) -> None:
        """API: ResourceNotFoundException."""
        body, key = certificate_pem("n.example.com")
        self.refused("ResourceNotFoundException", self.imported, body=body, key=key, CertificateArn=_GONE)


class ListingAndUse(Case):
    def test_default_filter_hides_ec(self) -> None:
        """API: ListCertificates, Filters.keyTypes: RSA_1024 and RSA_2048 when not given."""
        rsa = self.certificate("l.example.com")
        body, key = certificate_pem("e.example.com", curve=ec.SECP384R1())
        elliptic = self.acm.import_certificate(Certificate=body, PrivateKey=key)["CertificateArn"]
        self.assertEqual([rsa], [c["CertificateArn"] for c in self.acm.list_certificates()["CertificateSummaryList"]])
        every = self.acm.list_certificates(Includes={"keyTypes": ["RSA_2048", "EC_secp384r1"]})
        self.assertEqual({rsa, elliptic}, {c["CertificateArn"] for c in every["CertificateSummaryList"]})

    def test_pages(self) -> None:
        """API: ListCertificates, MaxItems and NextToken."""
        for n in range(3):
            self.certificate(f"p{n}.example.com")
        pages = list(self.acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 2}))
        self.assertGreaterEqual(len(pages), 2)

    def test_in_use(self) -> None:
        """API: InUseBy, ResourceInUseException; free again when the listener is gone."""
        arn, balancer = self.certificate("u.example.com"), self.balancer()
        listener = self.listener(balancer, 443, Protocol="HTTPS", Certificates=[{"CertificateArn": arn}])
        self.assertEqual([balancer], self.acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"])
        self.refused("ResourceInUseException", self.acm.delete_certificate, CertificateArn=arn)
        self.elb.delete_listener(ListenerArn=listener)
        self.acm.delete_certificate(CertificateArn=arn)
        self.refused("ResourceNotFoundException", self.acm.describe_certificate, CertificateArn=arn)

    def test_tags(self) -> None:
        """API: AddTagsToCertificate, RemoveTagsFromCertificate (a given value must match)."""
        arn = self.certificate("t.example.com")
        self.acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "1"}])
        self.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "2"}])
        self.assertEqual(1, len(self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]))
        self.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a"}])
        self.assertEqual([], self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"])
        self.refused("TooManyTagsException", self.acm_tags, arn=arn, count=51)
        self.refused("InvalidTagException", self.acm.add_tags_to_certificate, CertificateArn=arn,
                     Tags=[{"Key": "aws:a", "Value": ""}])

    def acm_tags(self, arn: str, count: int) -> None:
        for start in range(0, count, 30):
            self.acm.add_tags_to_certificate(CertificateArn=arn, Tags=[
                {"Key": f"k{n}", "Value": ""} for n in range(start, min(count, start + 30))])
