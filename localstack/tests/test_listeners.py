"""CreateListener, ModifyListener, DescribeListeners, DeleteListener, and listeners' certificates."""

from __future__ import annotations

from typing import Any

from tests.support import Case, certificate_pem, client, fixed, forward, generate, internal, path, redirect


def https(certificate: str, **kwargs: Any) -> dict[str, Any]:
    return {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}], **kwargs}


class Listeners(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.cert, cls.other_cert = cls.certificate("one.example.com"), cls.certificate("two.example.com")

    def shown(self, arn: str) -> dict[str, Any]:
        return self.elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]

    def test_http(self) -> None:
        """API: Listener."""
        balancer = self.balancer()
        shown = self.shown(self.listener(balancer))
        self.assertEqual((balancer, "HTTP", 80), (shown["LoadBalancerArn"], shown["Protocol"], shown["Port"]))
        self.assertNotIn("SslPolicy", shown)
        self.assertRegex(shown["ListenerArn"], r":listener/app/lb-\d+/[0-9a-f]{16}/[0-9a-f]{16}$")

    def test_https_defaults(self) -> None:
        """API: CreateListener: the default policy of the API is ELBSecurityPolicy-2016-08; mutual authentication is off."""
        shown = self.shown(self.listener(self.balancer(), 443, **https(self.cert)))
        self.assertEqual("ELBSecurityPolicy-2016-08", shown["SslPolicy"])
        self.assertEqual([{"CertificateArn": self.cert}], shown["Certificates"])
        self.assertEqual({"Mode": "off"}, shown["MutualAuthentication"])

    def test_idempotent(self) -> None:
        """API: CreateListener is idempotent for identical settings."""
        balancer = self.balancer()
        self.assertEqual(self.listener(balancer), self.listener(balancer))

    def test_duplicate(self) -> None:
        """API: DuplicateListener: same port, other settings."""
        balancer = self.balancer()
        self.listener(balancer)
        self.refused("DuplicateListener", self.listener, balancer=balancer, actions=[fixed("503")])

    def test_modify_port_to_a_taken_one(self) -> None:
        """API: ModifyListener, DuplicateListener."""
        balancer = self.balancer()
        self.listener(balancer)
        second = self.listener(balancer, 81)
        self.refused("DuplicateListener", self.elb.modify_listener, ListenerArn=second, Port=80)

    def test_omitted_properties_stay(self) -> None:
        """API: ModifyListener: "Any properties that you do not specify remain unchanged"."""
        arn = self.listener(self.balancer(), 443, **https(self.cert, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06"))
        before = self.shown(arn)
        after = self.elb.modify_listener(ListenerArn=arn, Port=8443)["Listeners"][0]
        self.assertEqual({**before, "Port": 8443}, after)

    def test_https_to_http_drops_policy_and_certificate(self) -> None:
        """API: ModifyListener: HTTPS to HTTP "removes the security policy and default certificate"."""
        arn = self.listener(self.balancer(), 443, **https(self.cert))
        self.elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": self.other_cert}])
        shown = self.elb.modify_listener(ListenerArn=arn, Protocol="HTTP")["Listeners"][0]
        for key in ("SslPolicy", "Certificates", "MutualAuthentication"):
            self.assertNotIn(key, shown)
        self.assertEqual([], self.elb.describe_listener_certificates(ListenerArn=arn)["Certificates"])

    def test_http_to_https_needs_a_certificate(self) -> None:
        """API: ModifyListener: "must specify a security policy and a server certificate"."""
        arn = self.listener(self.balancer())
        self.refused("ValidationError", self.elb.modify_listener, "certificate", ListenerArn=arn, Protocol="HTTPS")
        shown = self.elb.modify_listener(ListenerArn=arn, **https(self.cert))["Listeners"][0]
        self.assertEqual([{"CertificateArn": self.cert}], shown["Certificates"])

    def test_modify_is_all_or_nothing(self) -> None:
        """API: ModifyListener."""
        arn = self.listener(self.balancer())
        before = self.shown(arn)
        self.refused("TargetGroupNotFound", self.elb.modify_listener, ListenerArn=arn, Port=81,
                     DefaultActions=[forward(self.target_group()[:-4] + "beef")])
        self.assertEqual(before, self.shown(arn))

    def test_delete(self) -> None:
        """API: DeleteListener."""
        arn = self.listener(self.balancer())
        self.elb.delete_listener(ListenerArn=arn)
        self.refused("ListenerNotFound", self.elb.delete_listener, ListenerArn=arn)
        self.refused("ListenerNotFound", self.elb.modify_listener, ListenerArn=arn, Port=81)

    def test_describe_one_of_two(self) -> None:
        """API: DescribeListeners: load balancer or listeners, one required."""
        balancer = self.balancer()
        arn = self.listener(balancer)
        self.refused("ValidationError", self.elb.describe_listeners)
        self.refused("ValidationError", self.elb.describe_listeners, LoadBalancerArn=balancer, ListenerArns=[arn])

    def test_describe_pages(self) -> None:
        """API: DescribeListeners, PageSize."""
        balancer = self.balancer()
        for port in (80, 81, 82):
            self.listener(balancer, port)
        pages = list(self.elb.get_paginator("describe_listeners").paginate(
            LoadBalancerArn=balancer, PaginationConfig={"PageSize": 2}))
        self.assertEqual([2, 1], [len(page["Listeners"]) for page in pages])

    def test_quota(self) -> None:
        """User guide, "Quotas": listeners per ALB."""
        quota = {"account": self.account, "region": "eu-west-1"}
        balancer = self.balancer()
        self.listener(balancer)
        internal("PUT", "quotas", {**quota, "quotas": {"listeners-per-application-load-balancer": 1}})
        try:
            self.refused("TooManyListeners", self.listener, balancer=balancer, port=81)
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"listeners-per-application-load-balancer": None}})

    def test_alpn_on_tls(self) -> None:
        """API: CreateListener, AlpnPolicy: TLS listeners; None clears."""
        group = self.target_group(Protocol="TCP")
        balancer = self.balancer(Type="network")
        tls = {"Protocol": "TLS", "Certificates": [{"CertificateArn": self.cert}], "actions": [forward(group)]}
        arn = self.listener(balancer, 443, AlpnPolicy=["HTTP2Preferred"], **tls)
        self.assertEqual(["HTTP2Preferred"], self.shown(arn)["AlpnPolicy"])
        self.elb.modify_listener(ListenerArn=arn, AlpnPolicy=["None"])
        self.assertNotIn("AlpnPolicy", self.shown(arn))
        self.refused("ALPNPolicyNotFound", self.elb.modify_listener, ListenerArn=arn, AlpnPolicy=["h3"])

    def test_authentication_pins_https(self) -> None:
        """API: Action: authentication actions are for HTTPS listeners, so it cannot become HTTP under them."""
        oidc = {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": {
            "JwksEndpoint": "https://a.example/jwks", "Issuer": "https://a.example"}}
        arn = self.listener(self.balancer(), 443, [oidc, {**fixed(), "Order": 2}], **https(self.cert))
        self.refused("UnsupportedProtocol", self.elb.modify_listener, ListenerArn=arn, Protocol="HTTP")


def _listener_refused(self: Listeners, _: str, code: str, change: dict[str, Any]) -> None:
    request = {"LoadBalancerArn": self.balancer(), "Protocol": "HTTP", "Port": 80, "DefaultActions": [fixed()], **change}
    if request["Protocol"] == "HTTPS" and "Certificates" not in change:
        request["Certificates"] = [{"CertificateArn": self.cert}]
    request = {key: value for key, value in request.items() if value is not None}
    self.refused(code, client("elbv2", self.account, validate=False).create_listener, **request)


_ACM = "arn:aws:acm:{}:000000000000:certificate/12345678-1234-1234-1234-123456789012"
generate(Listeners, "CreateListener_refuses", [
    ("no protocol", "ValidationError", {"Protocol": None}),
    ("no port", "ValidationError", {"Port": None}),
    ("port 0", "ValidationError", {"Port": 0}),
    ("port 65536", "ValidationError", {"Port": 65536}),
    ("TCP on an ALB", "ValidationError", {"Protocol": "TCP"}),
    ("no actions", "ValidationError", {"DefaultActions": None}),
    ("HTTPS without a certificate", "ValidationError", {"Protocol": "HTTPS", "Certificates": None}),
    ("an unknown policy", "SSLPolicyNotFound", {"Protocol": "HTTPS", "SslPolicy": "ELBSecurityPolicy-None"}),
    ("a policy on HTTP", "InvalidConfigurationRequest", {"SslPolicy": "ELBSecurityPolicy-2016-08"}),
    ("an unknown certificate", "CertificateNotFound",
     {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": _ACM.format("eu-west-1")}]}),
    ("a certificate of another Region", "CertificateNotFound",
     {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": _ACM.format("us-east-1")}]}),
    ("an unknown server certificate", "CertificateNotFound", {"Protocol": "HTTPS", "Certificates": [
        {"CertificateArn": "arn:aws:iam::000000000000:server-certificate/none"}]}),
    ("a bad certificate ARN", "ValidationError", {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "x"}]}),
    ("two certificates", "TooManyCertificates", {"Protocol": "HTTPS", "Certificates": [
        {"CertificateArn": _ACM.format("eu-west-1")}, {"CertificateArn": _ACM.format("eu-west-1")}]}),
    ("IsDefault", "ValidationError", {"Protocol": "HTTPS", "Certificates": [
        {"CertificateArn": _ACM.format("eu-west-1"), "IsDefault": True}]}),
    ("ALPN on HTTPS", "InvalidConfigurationRequest", {"Protocol": "HTTPS", "AlpnPolicy": ["HTTP2Only"]}),
    ("mutual TLS on HTTP", "InvalidConfigurationRequest", {"MutualAuthentication": {"Mode": "passthrough"}}),
    ("a bad mutual TLS mode", "ValidationError", {"Protocol": "HTTPS", "MutualAuthentication": {"Mode": "on"}}),
    ("verify without a trust store", "ValidationError", {"Protocol": "HTTPS", "MutualAuthentication": {"Mode": "verify"}}),
    ("expiry settings without verify", "ValidationError", {"Protocol": "HTTPS", "MutualAuthentication": {
        "Mode": "passthrough", "IgnoreClientCertificateExpiry": True}}),
    ("an unknown trust store", "TrustStoreNotFound", {"Protocol": "HTTPS", "MutualAuthentication": {
        "Mode": "verify",
        "TrustStoreArn": "arn:aws:elasticloadbalancing:eu-west-1:000000000000:truststore/x/0123456789abcdef"}}),
    ("51 tags", "TooManyTags", {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}),
], _listener_refused)


class Certificates(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.default, cls.extra = cls.certificate("a.example.com"), cls.certificate("b.example.com")
        cls.lb = cls.balancer()
        cls.arn = cls.listener(cls.lb, 443, **https(cls.default))

    def listed(self) -> list[tuple[str, bool]]:
        answer = self.elb.describe_listener_certificates(ListenerArn=self.arn)
        return [(entry["CertificateArn"], entry["IsDefault"]) for entry in answer["Certificates"]]

    def setUp(self) -> None:
        super().setUp()
        for arn, is_default in self.listed():
            if not is_default:
                self.elb.remove_listener_certificates(ListenerArn=self.arn, Certificates=[{"CertificateArn": arn}])
        self.elb.modify_listener(ListenerArn=self.arn, Certificates=[{"CertificateArn": self.default}])

    def add(self, arn: str) -> None:
        self.elb.add_listener_certificates(ListenerArn=self.arn, Certificates=[{"CertificateArn": arn}])

    def test_default_is_listed(self) -> None:
        """API: DescribeListenerCertificates: the default with IsDefault=true."""
        self.assertEqual([(self.default, True)], self.listed())

    def test_sni_list(self) -> None:
        """API: AddListenerCertificates."""
        self.add(self.extra)
        self.assertEqual([(self.default, True), (self.extra, False)], self.listed())

    def test_adding_twice_succeeds(self) -> None:
        """API: AddListenerCertificates: a present certificate succeeds."""
        self.add(self.extra)
        self.add(self.extra)
        self.assertEqual(2, len(self.listed()))

    def test_default_in_both_places_is_listed_twice(self) -> None:
        """API: DescribeListenerCertificates: "it appears twice"."""
        self.add(self.default)
        self.assertEqual([(self.default, True), (self.default, False)], self.listed())

    def test_default_cannot_be_removed(self) -> None:
        """API: RemoveListenerCertificates, OperationNotPermitted."""
        self.refused("OperationNotPermitted", self.elb.remove_listener_certificates, ListenerArn=self.arn,
                     Certificates=[{"CertificateArn": self.default}])

    def test_one_per_call(self) -> None:
        """API: AddListenerCertificates: one certificate per call."""
        both = [{"CertificateArn": self.default}, {"CertificateArn": self.extra}]
        self.refused("TooManyCertificates", self.elb.add_listener_certificates, ListenerArn=self.arn, Certificates=both)

    def test_rotation_covers_every_step(self) -> None:
        """User guide, "Update your HTTPS listener": add, make default, remove."""
        self.add(self.extra)
        self.elb.modify_listener(ListenerArn=self.arn, Certificates=[{"CertificateArn": self.extra}])
        self.assertIn((self.extra, True), self.listed())
        self.elb.remove_listener_certificates(ListenerArn=self.arn, Certificates=[{"CertificateArn": self.extra}])
        self.assertEqual([(self.extra, True)], self.listed())

    def test_not_on_http(self) -> None:
        """API: AddListenerCertificates: secure listeners only."""
        plain = self.listener(self.lb, 80)
        self.refused("InvalidConfigurationRequest", self.elb.add_listener_certificates, ListenerArn=plain,
                     Certificates=[{"CertificateArn": self.extra}])

    def test_unknown_certificate(self) -> None:
        """API: AddListenerCertificates, CertificateNotFound."""
        self.refused("CertificateNotFound", self.add, arn=_ACM.format("eu-west-1"))

    def test_pending_certificate(self) -> None:
        """AWS answers UnsupportedCertificate for a certificate that is not issued."""
        arn = self.acm.request_certificate(DomainName="pending.example.com", ValidationMethod="DNS")["CertificateArn"]
        self.refused("UnsupportedCertificate", self.add, "fully-qualified domain name", arn=arn)

    def test_freshly_issued_certificate_by_switch(self) -> None:
        """AWS answers UnsupportedCertificate for some seconds after issue; here by switch."""
        where = {"account": self.account, "region": "eu-west-1", "certificate": self.extra}
        internal("PUT", "certificates", {**where, "unusable": True})
        self.refused("UnsupportedCertificate", self.add, arn=self.extra)
        internal("PUT", "certificates", {**where, "unusable": False})
        self.add(self.extra)

    def test_certificate_without_a_domain(self) -> None:
        """AWS answers UnsupportedCertificate for a domain-less import, for ever."""
        body, key = certificate_pem()
        arn = self.acm.import_certificate(Certificate=body, PrivateKey=key)["CertificateArn"]
        self.refused("UnsupportedCertificate", self.add, arn=arn)

    def test_quota(self) -> None:
        """User guide, "Quotas": certificates per ALB, default certificates excluded."""
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"certificates-per-application-load-balancer": 0}})
        try:
            self.refused("TooManyCertificates", self.add, arn=self.extra)
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"certificates-per-application-load-balancer": None}})

    def test_unknown_listener(self) -> None:
        """API: ListenerNotFound."""
        gone = self.arn[:-4] + "beef"
        entries = [{"CertificateArn": self.extra}]
        self.refused("ListenerNotFound", self.elb.describe_listener_certificates, ListenerArn=gone)
        self.refused("ListenerNotFound", self.elb.add_listener_certificates, ListenerArn=gone, Certificates=entries)
        self.refused("ListenerNotFound", self.elb.remove_listener_certificates, ListenerArn=gone, Certificates=entries)

    def test_iam_server_certificate(self) -> None:
        """User guide, "SSL certificates": an IAM server certificate works as well."""
        body, key = certificate_pem("iam.example.com")
        iam = client("iam", self.account)
        uploaded = iam.upload_server_certificate(
            ServerCertificateName="web", CertificateBody=body.decode(), PrivateKey=key.decode())
        self.add(uploaded["ServerCertificateMetadata"]["Arn"])
        self.assertEqual(2, len(self.listed()))


class SslPolicies(Case):
    def test_known_names(self) -> None:
        """User guide, "Security policies": the TLS 1.3, FIPS and post-quantum families."""
        answer = self.elb.describe_ssl_policies(LoadBalancerType="application")["SslPolicies"]
        names = {policy["Name"].removeprefix("ELBSecurityPolicy-") for policy in answer}
        self.assertLessEqual({"2016-08", "TLS-1-2-Ext-2018-06", "FS-1-2-Res-2020-10", "TLS13-1-2-2021-06",
                              "TLS13-1-3-2021-06", "TLS13-1-2-Res-PQ-2025-09", "TLS13-1-2-FIPS-2023-04"}, names)

    def test_protocols_and_ciphers(self) -> None:
        """User guide, "Security policies": protocols and the order of ciphers."""
        policy = self.elb.describe_ssl_policies(Names=["ELBSecurityPolicy-TLS13-1-2-2021-06"])["SslPolicies"][0]
        self.assertEqual(["TLSv1.2", "TLSv1.3"], policy["SslProtocols"])
        self.assertEqual({"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1}, policy["Ciphers"][0])

    def test_old_default_allows_old_protocols(self) -> None:
        """User guide, "Security policies": ELBSecurityPolicy-2016-08 speaks TLS 1.0."""
        policy = self.elb.describe_ssl_policies(Names=["ELBSecurityPolicy-2016-08"])["SslPolicies"][0]
        self.assertEqual(["TLSv1", "TLSv1.1", "TLSv1.2"], policy["SslProtocols"])

    def test_unknown(self) -> None:
        """API: DescribeSSLPolicies, SSLPolicyNotFound."""
        self.refused("SSLPolicyNotFound", self.elb.describe_ssl_policies, Names=["nobody"])

    def test_pages(self) -> None:
        """API: DescribeSSLPolicies, PageSize."""
        first = self.elb.describe_ssl_policies(PageSize=5)
        second = self.elb.describe_ssl_policies(PageSize=5, Marker=first["NextMarker"])
        self.assertNotEqual(first["SslPolicies"][0], second["SslPolicies"][0])


class RedirectListener(Case):
    def test_redirect_listener(self) -> None:
        """API: RedirectActionConfig on a port-80 listener, with a rule beside it."""
        listener = self.listener(self.balancer(), actions=[redirect()])
        self.rule(listener, 1, Conditions=[path("/.well-known/*")])
        shown = self.elb.describe_rules(ListenerArn=listener)["Rules"]
        self.assertEqual(["1", "default"], [rule["Priority"] for rule in shown])
