"""Every attribute key of load balancers, target groups and listeners: default, what is accepted, what is refused."""

from __future__ import annotations

from typing import Any

from tests.support import Case, generate

# key, default on an internet-facing ALB, accepted values, refused values
LOAD_BALANCER: list[tuple[str, str, list[str], list[str]]] = [
    ("deletion_protection.enabled", "false", ["true", "false"], ["yes"]),
    ("load_balancing.cross_zone.enabled", "true", ["true"], ["maybe"]),
    ("access_logs.s3.enabled", "false", ["false"], ["on"]),
    ("access_logs.s3.bucket", "", ["logs"], []),
    ("access_logs.s3.prefix", "", ["alb"], []),
    ("ipv6.deny_all_igw_traffic", "false", ["true"], ["1"]),
    ("zonal_shift.config.enabled", "false", ["true", "false"], [""]),
    ("idle_timeout.timeout_seconds", "60", ["1", "4000"], ["0", "4001", "x", "-1"]),
    ("client_keep_alive.seconds", "3600", ["60", "604800"], ["59", "604801"]),
    ("connection_logs.s3.enabled", "false", ["false"], ["x"]),
    ("connection_logs.s3.bucket", "", ["logs"], []),
    ("connection_logs.s3.prefix", "", ["p"], []),
    ("health_check_logs.s3.enabled", "false", ["false"], ["x"]),
    ("health_check_logs.s3.bucket", "", ["logs"], []),
    ("health_check_logs.s3.prefix", "", ["p"], []),
    ("routing.http.desync_mitigation_mode", "defensive", ["monitor", "strictest", "defensive"], ["off"]),
    ("routing.http.drop_invalid_header_fields.enabled", "false", ["true"], ["x"]),
    ("routing.http.preserve_host_header.enabled", "false", ["true"], ["x"]),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", ["true"], ["x"]),
    ("routing.http.xff_client_port.enabled", "false", ["true"], ["x"]),
    ("routing.http.xff_header_processing.mode", "append", ["preserve", "remove", "append"], ["drop"]),
    ("routing.http2.enabled", "true", ["false"], ["x"]),
    ("waf.fail_open.enabled", "false", ["true"], ["x"]),
]
_FLOOR = "target_group_health"
TARGET_GROUP: list[tuple[str, str, list[str], list[str]]] = [
    ("deregistration_delay.timeout_seconds", "300", ["0", "3600"], ["3601", "-1"]),
    ("stickiness.enabled", "false", ["true", "false"], ["x"]),
    ("stickiness.type", "lb_cookie", ["lb_cookie", "app_cookie"], ["cookie"]),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration", ["true", "false"], ["x"]),
    (f"{_FLOOR}.dns_failover.minimum_healthy_targets.count", "1", ["2", "off"], ["0", "x"]),
    (f"{_FLOOR}.dns_failover.minimum_healthy_targets.percentage", "off", ["1", "100", "off"], ["0", "101"]),
    (f"{_FLOOR}.unhealthy_state_routing.minimum_healthy_targets.count", "1", ["2"], ["off", "0"]),
    (f"{_FLOOR}.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", ["50", "off"], ["0", "101"]),
    ("load_balancing.algorithm.type", "round_robin", ["least_outstanding_requests", "weighted_random"], ["random"]),
    ("load_balancing.algorithm.anomaly_mitigation", "off", ["off"], ["x"]),
    ("slow_start.duration_seconds", "0", ["0", "30", "900", "0"], ["29", "901"]),
    ("stickiness.lb_cookie.duration_seconds", "86400", ["1", "604800"], ["0", "604801"]),
    ("stickiness.app_cookie.cookie_name", "", ["session"], ["AWSALB", "AWSALBAPP-1", "AWSALBTG"]),
    ("stickiness.app_cookie.duration_seconds", "86400", ["1", "604800"], ["0", "604801"]),
]
_REQUEST, _RESPONSE = "routing.http.request.", "routing.http.response."
LISTENER: list[tuple[str, str, list[str], list[str]]] = [
    *((f"{_REQUEST}x_amzn_{name}.header_name", "", ["X-Renamed", ""], ['"quoted"', "two words"]) for name in (
        "mtls_clientcert_serial_number", "mtls_clientcert_issuer", "mtls_clientcert_subject",
        "mtls_clientcert_validity", "mtls_clientcert_leaf", "mtls_clientcert", "tls_version", "tls_cipher_suite")),
    (f"{_RESPONSE}server.enabled", "true", ["false", "true"], ["x"]),
    (f"{_RESPONSE}strict_transport_security.header_value", "", ["max-age=31536000; includeSubDomains; preload", ""],
     ['"max-age=1"']),
    (f"{_RESPONSE}access_control_allow_origin.header_value", "", ["*", "https://example.com"], ["example.com"]),
    (f"{_RESPONSE}access_control_allow_methods.header_value", "", ["GET,POST", "GET, HEAD"], ["FETCH"]),
    (f"{_RESPONSE}access_control_allow_headers.header_value", "", ["*", "X-A,X-B"], ["a b"]),
    (f"{_RESPONSE}access_control_allow_credentials.header_value", "", ["true"], ["false"]),
    (f"{_RESPONSE}access_control_expose_headers.header_value", "", ["*", "X-A"], ["a b"]),
    (f"{_RESPONSE}access_control_max_age.header_value", "", ["0", "86400"], ["86401", "x"]),
    (f"{_RESPONSE}content_security_policy.header_value", "", ["default-src 'self'"], ['"x"']),
    (f"{_RESPONSE}x_content_type_options.header_value", "", ["nosniff"], ["sniff"]),
    (f"{_RESPONSE}x_frame_options.header_value", "", ["DENY", "SAMEORIGIN", "ALLOW-FROM https://a.example"], ["NO"]),
]


def _as_map(answer: dict[str, Any]) -> dict[str, str]:
    return {entry["Key"]: entry["Value"] for entry in answer["Attributes"]}


def _one_key(self: Any, key: str, default: str, accepted: list[str], refused: list[str]) -> None:
    self.assertEqual(default, self.fresh()[key])
    for value in accepted:
        self.assertEqual(value, self.change({key: value})[key])
        self.assertEqual(value, self.read()[key])
    before = self.read()
    for value in refused:
        self.refused("ValidationError", self.change, changes={key: value})
    self.assertEqual(before, self.read())


class LoadBalancerAttributes(Case):
    """API: LoadBalancerAttribute."""

    @classmethod
    def prepare(cls) -> None:
        cls.arn, cls.untouched = cls.balancer(), cls.balancer()

    def fresh(self) -> dict[str, str]:
        return _as_map(self.elb.describe_load_balancer_attributes(LoadBalancerArn=self.untouched))

    def read(self) -> dict[str, str]:
        return _as_map(self.elb.describe_load_balancer_attributes(LoadBalancerArn=self.arn))

    def change(self, changes: dict[str, str]) -> dict[str, str]:
        entries = [{"Key": k, "Value": v} for k, v in changes.items()]
        return _as_map(self.elb.modify_load_balancer_attributes(LoadBalancerArn=self.arn, Attributes=entries))

    def test_exactly_these_keys(self) -> None:
        """API: LoadBalancerAttribute: the keys of an ALB."""
        self.assertEqual({row[0] for row in LOAD_BALANCER}, set(self.fresh()))

    def test_internal_denies_ipv6_traffic(self) -> None:
        """API: ipv6.deny_all_igw_traffic is true for internal load balancers."""
        arn = self.balancer(Scheme="internal")
        shown = _as_map(self.elb.describe_load_balancer_attributes(LoadBalancerArn=arn))
        self.assertEqual("true", shown["ipv6.deny_all_igw_traffic"])

    def test_unknown_key(self) -> None:
        """API: ModifyLoadBalancerAttributes: "attribute key 'K' is not recognized"."""
        self.refused("ValidationError", self.change, "not recognized", changes={"no.such.key": "1"})

    def test_key_of_another_kind(self) -> None:
        """API: InvalidConfigurationRequest for keys of network load balancers."""
        key = "dns_record.client_routing_policy"
        self.refused("InvalidConfigurationRequest", self.change, "type 'application'",
                     changes={key: "availability_zone_affinity"})

    def test_all_or_nothing(self) -> None:
        """API: ModifyLoadBalancerAttributes: "If any of the specified attributes can't be modified …, the call fails"."""
        before = self.read()
        self.refused("ValidationError", self.change,
                     changes={"idle_timeout.timeout_seconds": "77", "client_keep_alive.seconds": "1"})
        self.assertEqual(before, self.read())

    def test_a_key_twice(self) -> None:
        """API: ModifyLoadBalancerAttributes."""
        entries = [{"Key": "waf.fail_open.enabled", "Value": v} for v in ("true", "false")]
        self.refused("ValidationError", self.elb.modify_load_balancer_attributes, LoadBalancerArn=self.arn,
                     Attributes=entries)

    def test_logs_need_a_bucket(self) -> None:
        """User guide, "Access logs": the bucket is required when enabled."""
        for log in ("access_logs", "connection_logs", "health_check_logs"):
            self.change({f"{log}.s3.bucket": ""})
            self.refused("InvalidConfigurationRequest", self.change, changes={f"{log}.s3.enabled": "true"})
            shown = self.change({f"{log}.s3.enabled": "true", f"{log}.s3.bucket": "b", f"{log}.s3.prefix": "p"})
            self.assertEqual("true", shown[f"{log}.s3.enabled"])
            self.change({f"{log}.s3.enabled": "false"})

    def test_cross_zone_stays_on(self) -> None:
        """API: load_balancing.cross_zone.enabled: cannot be changed on an ALB."""
        self.refused("InvalidConfigurationRequest", self.change, changes={"load_balancing.cross_zone.enabled": "false"})

    def test_more_than_20(self) -> None:
        """API: ModifyLoadBalancerAttributes, Attributes: at most 20 items in the model."""
        entries = [{"Key": row[0], "Value": row[1]} for row in LOAD_BALANCER[:21]]
        self.refused("ValidationError", self.elb.modify_load_balancer_attributes, LoadBalancerArn=self.arn,
                     Attributes=entries)

    def test_unknown_load_balancer(self) -> None:
        """API: LoadBalancerNotFound."""
        gone = self.arn[:-4] + "beef"
        self.refused("LoadBalancerNotFound", self.elb.describe_load_balancer_attributes, LoadBalancerArn=gone)
        self.refused("LoadBalancerNotFound", self.elb.modify_load_balancer_attributes, LoadBalancerArn=gone,
                     Attributes=[{"Key": "waf.fail_open.enabled", "Value": "true"}])


generate(LoadBalancerAttributes, "LoadBalancerAttribute", LOAD_BALANCER, _one_key)


class TargetGroupAttributes(Case):
    """API: TargetGroupAttribute."""

    @classmethod
    def prepare(cls) -> None:
        cls.untouched = cls.target_group()

    def setUp(self) -> None:
        super().setUp()
        self.arn = self.target_group()

    def fresh(self) -> dict[str, str]:
        return _as_map(self.elb.describe_target_group_attributes(TargetGroupArn=self.untouched))

    def read(self) -> dict[str, str]:
        return _as_map(self.elb.describe_target_group_attributes(TargetGroupArn=self.arn))

    def change(self, changes: dict[str, str]) -> dict[str, str]:
        entries = [{"Key": k, "Value": v} for k, v in changes.items()]
        return _as_map(self.elb.modify_target_group_attributes(TargetGroupArn=self.arn, Attributes=entries))

    def test_exactly_these_keys(self) -> None:
        """API: TargetGroupAttribute: the keys of an HTTP group."""
        self.assertEqual({row[0] for row in TARGET_GROUP}, set(self.fresh()))

    def test_lambda_keys(self) -> None:
        """API: TargetGroupAttribute: lambda.multi_value_headers.enabled, and no deregistration delay."""
        arn = self.target_group(TargetType="lambda", Protocol=None, Port=None, VpcId=None)
        shown = _as_map(self.elb.describe_target_group_attributes(TargetGroupArn=arn))
        self.assertEqual("false", shown["lambda.multi_value_headers.enabled"])
        self.assertNotIn("deregistration_delay.timeout_seconds", shown)
        self.refused("InvalidConfigurationRequest", self.elb.modify_target_group_attributes, TargetGroupArn=arn,
                     Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}])

    def test_network_keys(self) -> None:
        """API: TargetGroupAttribute: the keys of a TCP group of addresses."""
        arn = self.target_group(Protocol="TCP")
        shown = _as_map(self.elb.describe_target_group_attributes(TargetGroupArn=arn))
        self.assertEqual(("source_ip", "false", "false"), (
            shown["stickiness.type"], shown["preserve_client_ip.enabled"], shown["proxy_protocol_v2.enabled"]))
        self.refused("InvalidConfigurationRequest", self.change, changes={"proxy_protocol_v2.enabled": "true"})

    def test_unknown_key(self) -> None:
        """API: ModifyTargetGroupAttributes."""
        self.refused("ValidationError", self.change, changes={"no.such.key": "1"})

    def test_anomaly_mitigation_needs_weighted_random(self) -> None:
        """API: load_balancing.algorithm.anomaly_mitigation: only with weighted_random."""
        on = {"load_balancing.algorithm.anomaly_mitigation": "on"}
        self.refused("InvalidConfigurationRequest", self.change, changes=on)
        self.change({**on, "load_balancing.algorithm.type": "weighted_random"})

    def test_slow_start_excludes_algorithms(self) -> None:
        """User guide, "Slow start mode": not with least outstanding requests or weighted random."""
        self.change({"slow_start.duration_seconds": "60"})
        for algorithm in ("least_outstanding_requests", "weighted_random"):
            self.refused("InvalidConfigurationRequest", self.change, "slow start",
                         changes={"load_balancing.algorithm.type": algorithm})

    def test_app_cookie_needs_a_name(self) -> None:
        """User guide, "Application-based stickiness"."""
        app = {"stickiness.enabled": "true", "stickiness.type": "app_cookie"}
        self.refused("InvalidConfigurationRequest", self.change, changes=app)
        self.change({**app, "stickiness.app_cookie.cookie_name": "sid"})

    def test_stickiness_of_another_kind(self) -> None:
        """API: stickiness.type: source_ip is for network load balancers."""
        self.refused("InvalidConfigurationRequest", self.change, changes={"stickiness.type": "source_ip"})

    def test_all_or_nothing(self) -> None:
        """API: ModifyTargetGroupAttributes."""
        before = self.read()
        self.refused("ValidationError", self.change,
                     changes={"deregistration_delay.timeout_seconds": "5", "stickiness.enabled": "x"})
        self.assertEqual(before, self.read())

    def test_unknown_group(self) -> None:
        """API: TargetGroupNotFound."""
        gone = self.arn[:-4] + "beef"
        self.refused("TargetGroupNotFound", self.elb.describe_target_group_attributes, TargetGroupArn=gone)
        self.refused("TargetGroupNotFound", self.elb.modify_target_group_attributes, TargetGroupArn=gone,
                     Attributes=[{"Key": "stickiness.enabled", "Value": "true"}])


generate(TargetGroupAttributes, "TargetGroupAttribute", TARGET_GROUP, _one_key)


class ListenerAttributes(Case):
    """API: ListenerAttribute; user guide, "HTTP header modification"."""

    @classmethod
    def prepare(cls) -> None:
        balancer, certificate = cls.balancer(), cls.certificate()
        secure = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}]}
        cls.arn = cls.listener(balancer, 443, **secure)
        cls.untouched = cls.listener(balancer, 444, **secure)
        cls.plain = cls.listener(balancer, 80)

    def fresh(self) -> dict[str, str]:
        return _as_map(self.elb.describe_listener_attributes(ListenerArn=self.untouched))

    def read(self) -> dict[str, str]:
        return _as_map(self.elb.describe_listener_attributes(ListenerArn=self.arn))

    def change(self, changes: dict[str, str]) -> dict[str, str]:
        entries = [{"Key": k, "Value": v} for k, v in changes.items()]
        return _as_map(self.elb.modify_listener_attributes(ListenerArn=self.arn, Attributes=entries))

    def test_exactly_these_keys(self) -> None:
        """API: ListenerAttribute: the keys of an HTTPS listener."""
        self.assertEqual({row[0] for row in LISTENER}, set(self.fresh()))

    def test_http_has_no_tls_headers(self) -> None:
        """API: ListenerAttribute: TLS and mTLS headers exist on HTTPS listeners."""
        shown = _as_map(self.elb.describe_listener_attributes(ListenerArn=self.plain))
        self.assertEqual({row[0] for row in LISTENER if "request" not in row[0]}, set(shown))
        key = "routing.http.request.x_amzn_tls_version.header_name"
        self.refused("InvalidConfigurationRequest", self.elb.modify_listener_attributes, ListenerArn=self.plain,
                     Attributes=[{"Key": key, "Value": "X"}])

    def test_tcp_idle_timeout_is_for_network_load_balancers(self) -> None:
        """API: tcp.idle_timeout.seconds."""
        self.refused("InvalidConfigurationRequest", self.change, changes={"tcp.idle_timeout.seconds": "60"})

    def test_unknown_listener(self) -> None:
        """API: ListenerNotFound."""
        gone = self.arn[:-4] + "beef"
        self.refused("ListenerNotFound", self.elb.describe_listener_attributes, ListenerArn=gone)
        self.refused("ListenerNotFound", self.elb.modify_listener_attributes, ListenerArn=gone,
                     Attributes=[{"Key": f"{_RESPONSE}server.enabled", "Value": "true"}])


generate(ListenerAttributes, "ListenerAttribute", LISTENER, _one_key)


class NetworkAttributes(Case):
    """API: LoadBalancerAttribute, ListenerAttribute: what network load balancers add."""

    def test_listener_idle_timeout(self) -> None:
        """API: tcp.idle_timeout.seconds: default 350, 60 to 6000."""
        arn = self.balancer(Type="network")
        group = self.target_group(Protocol="TCP")
        listener = self.listener(arn, 80, [{"Type": "forward", "TargetGroupArn": group}], Protocol="TCP")
        shown = _as_map(self.elb.describe_listener_attributes(ListenerArn=listener))
        self.assertEqual({"tcp.idle_timeout.seconds": "350"}, shown)
        self.refused("ValidationError", self.elb.modify_listener_attributes, ListenerArn=listener,
                     Attributes=[{"Key": "tcp.idle_timeout.seconds", "Value": "59"}])

    def test_secondary_addresses_never_decrease(self) -> None:
        """API: secondary_ips.auto_assigned.per_subnet: cannot be decreased."""
        arn = self.balancer(Type="network")
        key = "secondary_ips.auto_assigned.per_subnet"
        change = self.elb.modify_load_balancer_attributes
        change(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "3"}])
        self.refused("InvalidConfigurationRequest", change, LoadBalancerArn=arn,
                     Attributes=[{"Key": key, "Value": "2"}])
