"""CreateTargetGroup, DescribeTargetGroups, ModifyTargetGroup, DeleteTargetGroup, and the health check fields."""

from __future__ import annotations

from typing import Any

from tests.support import Case, client, forward, generate, internal

CHECK = ("HealthCheckEnabled", "HealthCheckProtocol", "HealthCheckPort", "HealthCheckPath",
         "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount")
_LAMBDA = {"TargetType": "lambda", "Protocol": None, "Port": None, "VpcId": None}


class TargetGroups(Case):
    def shown(self, arn: str) -> dict[str, Any]:
        return self.elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]

    def test_identity(self) -> None:
        """API: TargetGroup."""
        shown = self.shown(self.target_group("identity"))
        self.assertEqual(("identity", "HTTP", 8000, self.vpc, "ip", "HTTP1", "ipv4", []), tuple(shown[key] for key in (
            "TargetGroupName", "Protocol", "Port", "VpcId", "TargetType", "ProtocolVersion", "IpAddressType",
            "LoadBalancerArns")))
        self.assertRegex(shown["TargetGroupArn"], r":targetgroup/identity/[0-9a-f]{16}$")

    def test_instance_is_the_default_type(self) -> None:
        """API: CreateTargetGroup, TargetType."""
        self.assertEqual("instance", self.shown(self.target_group(TargetType=None))["TargetType"])

    def test_idempotent(self) -> None:
        """API: CreateTargetGroup is idempotent for identical settings."""
        self.assertEqual(self.target_group("again"), self.target_group("again"))

    def test_target_control_port(self) -> None:
        """API: CreateTargetGroup, TargetControlPort."""
        self.assertEqual(3000, self.shown(self.target_group(TargetControlPort=3000))["TargetControlPort"])

    def test_modify_changes_only_what_is_sent(self) -> None:
        """API: ModifyTargetGroup."""
        arn = self.target_group()
        before = self.shown(arn)
        after = self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckPath="/up")["TargetGroups"][0]
        self.assertEqual({**before, "HealthCheckPath": "/up"}, after)

    def test_modify_is_all_or_nothing(self) -> None:
        """API: ModifyTargetGroup."""
        arn = self.target_group()
        before = self.shown(arn)
        self.refused("ValidationError", self.elb.modify_target_group, TargetGroupArn=arn, HealthCheckPath="/new",
                     HealthCheckTimeoutSeconds=60)
        self.assertEqual(before, self.shown(arn))

    def test_protocol_of_the_check_is_mutable(self) -> None:
        """API: ModifyTargetGroup, HealthCheckProtocol."""
        arn = self.target_group()
        after = self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckProtocol="HTTPS")["TargetGroups"][0]
        self.assertEqual(("HTTP", "HTTPS"), (after["Protocol"], after["HealthCheckProtocol"]))

    def test_in_use(self) -> None:
        """API: DeleteTargetGroup, ResourceInUse while an action refers to it, weight 0 included."""
        arn, other = self.target_group(), self.target_group()
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": other, "Weight": 1}, {"TargetGroupArn": arn, "Weight": 0}]}}]
        listener = self.listener(self.balancer(), actions=actions)
        self.refused("ResourceInUse", self.elb.delete_target_group, TargetGroupArn=arn)
        self.elb.modify_listener(ListenerArn=listener, DefaultActions=[forward(other)])
        self.elb.delete_target_group(TargetGroupArn=arn)

    def test_delete_absent(self) -> None:
        """API: DeleteTargetGroup declares no TargetGroupNotFound."""
        arn = self.target_group()
        self.elb.delete_target_group(TargetGroupArn=arn)
        self.elb.delete_target_group(TargetGroupArn=arn)

    def test_describe_by_load_balancer(self) -> None:
        """API: DescribeTargetGroups, LoadBalancerArn; TargetGroup.LoadBalancerArns."""
        arn, balancer = self.target_group(), self.balancer()
        self.listener(balancer, actions=[forward(arn)])
        found = self.elb.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"]
        self.assertEqual([(arn, [balancer])], [(g["TargetGroupArn"], g["LoadBalancerArns"]) for g in found])

    def test_describe_exclusive(self) -> None:
        """API: DescribeTargetGroups: one of the three."""
        arn = self.target_group()
        self.refused("ValidationError", self.elb.describe_target_groups, TargetGroupArns=[arn], Names=["x"])

    def test_describe_unknown(self) -> None:
        """API: DescribeTargetGroups, TargetGroupNotFound and LoadBalancerNotFound."""
        self.refused("TargetGroupNotFound", self.elb.describe_target_groups, Names=["nobody"])
        gone = self.target_group()[:-4] + "beef"
        self.refused("TargetGroupNotFound", self.elb.describe_target_groups, TargetGroupArns=[gone])
        self.refused("TargetGroupNotFound", self.elb.modify_target_group, TargetGroupArn=gone)
        balancer = self.balancer()[:-4] + "beef"
        self.refused("LoadBalancerNotFound", self.elb.describe_target_groups, LoadBalancerArn=balancer)

    def test_describe_more_than_20(self) -> None:
        """API: "You cannot describe more than '20' target groups at a time"."""
        self.refused("ValidationError", self.elb.describe_target_groups, "'20' target groups",
                     Names=[f"n{n}" for n in range(21)])

    def test_quota(self) -> None:
        """User guide, "Quotas": target groups per Region."""
        count = len(self.elb.describe_target_groups()["TargetGroups"])
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"target-groups": count}})
        try:
            self.refused("TooManyTargetGroups", self.target_group)
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"target-groups": None}})

    def test_unknown_vpc(self) -> None:
        """API: CreateTargetGroup: the VPC must exist."""
        self.refused("ValidationError", self.target_group, "not found", VpcId="vpc-0")


def _defaults(self: TargetGroups, _: str, request: dict[str, Any], *expected: Any) -> None:
    shown = self.shown(self.target_group(**request))
    matcher = (shown.get("Matcher") or {})
    self.assertEqual(expected, (*(shown.get(key) for key in CHECK), matcher.get("HttpCode") or matcher.get("GrpcCode")))


generate(TargetGroups, "HealthCheckDefaults", [
    ("HTTP", {}, True, "HTTP", "traffic-port", "/", 30, 5, 5, 2, "200"),
    ("HTTPS", {"Protocol": "HTTPS"}, True, "HTTP", "traffic-port", "/", 30, 5, 5, 2, "200"),
    ("GRPC", {"ProtocolVersion": "GRPC"}, True, "HTTP", "traffic-port", "/AWS.ALB/healthcheck", 30, 5, 5, 2, "12"),
    ("lambda", _LAMBDA, False, None, None, "/", 35, 30, 5, 2, "200"),
    ("TCP", {"Protocol": "TCP"}, True, "TCP", "traffic-port", None, 30, 10, 5, 2, None),
    ("TCP checked by HTTP", {"Protocol": "TCP", "HealthCheckProtocol": "HTTP"}, True, "HTTP", "traffic-port", "/", 30,
     10, 5, 2, "200-399"),
    ("GENEVE", {"Protocol": "GENEVE", "Port": 6081}, True, "TCP", "80", None, 10, 5, 5, 2, None),
    ("alb", {"Protocol": "TCP", "TargetType": "alb"}, True, "HTTP", "traffic-port", "/", 30, 6, 5, 2, "200-399"),
], _defaults)


def _create_refused(self: TargetGroups, _: str, code: str, change: dict[str, Any]) -> None:
    request = {"Name": "refused", "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, "TargetType": "ip", **change}
    request = {key: value for key, value in request.items() if value is not None}
    self.refused(code, client("elbv2", self.account, validate=False).create_target_group, **request)


generate(TargetGroups, "CreateTargetGroup_refuses", [
    ("a long name", "ValidationError", {"Name": "a" * 33}),
    ("a leading hyphen", "ValidationError", {"Name": "-a"}),
    ("a dot", "ValidationError", {"Name": "a.b"}),
    ("no protocol", "ValidationError", {"Protocol": None}),
    ("no port", "ValidationError", {"Port": None}),
    ("no vpc", "ValidationError", {"VpcId": None}),
    ("port 0", "ValidationError", {"Port": 0}),
    ("port 65536", "ValidationError", {"Port": 65536}),
    ("an unknown protocol", "ValidationError", {"Protocol": "SCTP"}),
    ("an unknown version", "ValidationError", {"ProtocolVersion": "HTTP3"}),
    ("a version on TCP", "ValidationError", {"Protocol": "TCP", "ProtocolVersion": "HTTP2"}),
    ("an unknown target type", "ValidationError", {"TargetType": "pod"}),
    ("a protocol for lambda", "ValidationError", {"TargetType": "lambda"}),
    ("GENEVE on another port", "ValidationError", {"Protocol": "GENEVE"}),
    ("HTTP for alb targets", "ValidationError", {"TargetType": "alb"}),
    ("a control port on TCP", "ValidationError", {"Protocol": "TCP", "TargetControlPort": 3000}),
    ("duplicate tags", "DuplicateTagKeys", {"Tags": [{"Key": "a"}, {"Key": "a"}]}),
    ("an interval of 4", "ValidationError", {"HealthCheckIntervalSeconds": 4}),
    ("an interval of 301", "ValidationError", {"HealthCheckIntervalSeconds": 301}),
    ("a timeout of 1", "ValidationError", {"HealthCheckTimeoutSeconds": 1}),
    ("a timeout of 121", "ValidationError", {"HealthCheckTimeoutSeconds": 121}),
    ("a threshold of 1", "ValidationError", {"HealthyThresholdCount": 1}),
    ("a threshold of 11", "ValidationError", {"UnhealthyThresholdCount": 11}),
    ("timeout equal to interval", "ValidationError", {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 10}),
    ("interval under the default timeout", "ValidationError", {"HealthCheckIntervalSeconds": 5}),
    ("a TCP check on HTTP", "InvalidConfigurationRequest", {"HealthCheckProtocol": "TCP"}),
    ("a GENEVE check", "ValidationError", {"HealthCheckProtocol": "GENEVE"}),
    ("a path without a slash", "ValidationError", {"HealthCheckPath": "up"}),
    ("a path of 1025 characters", "ValidationError", {"HealthCheckPath": "/" * 1025}),
    ("a bad port word", "ValidationError", {"HealthCheckPort": "http"}),
    ("check port 65536", "ValidationError", {"HealthCheckPort": "65536"}),
    ("a disabled check", "InvalidConfigurationRequest", {"HealthCheckEnabled": False}),
    ("code 199", "ValidationError", {"Matcher": {"HttpCode": "199"}}),
    ("code 500 on an ALB group", "ValidationError", {"Matcher": {"HttpCode": "500"}}),
    ("a backward range", "ValidationError", {"Matcher": {"HttpCode": "299-200"}}),
    ("words as codes", "ValidationError", {"Matcher": {"HttpCode": "ok"}}),
    ("gRPC codes on HTTP1", "ValidationError", {"Matcher": {"GrpcCode": "0"}}),
    ("HTTP codes on GRPC", "ValidationError", {"ProtocolVersion": "GRPC", "Matcher": {"HttpCode": "200"}}),
    ("gRPC code 100", "ValidationError", {"ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "100"}}),
    ("a path for TCP checks", "InvalidConfigurationRequest", {"Protocol": "TCP", "HealthCheckPath": "/"}),
    ("a matcher for TCP checks", "InvalidConfigurationRequest", {"Protocol": "TCP", "Matcher": {"HttpCode": "200"}}),
    ("timeout over the interval on TCP", "ValidationError",
     {"Protocol": "TCP", "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 11}),
], _create_refused)


def _duplicate(self: TargetGroups, what: str, change: dict[str, Any]) -> None:
    name = f"dup-{abs(hash(what)) % 10**8}"
    self.target_group(name)
    self.refused("DuplicateTargetGroupName", self.target_group, "different settings", name=name, **change)


generate(TargetGroups, "DuplicateTargetGroupName", [
    ("port", {"Port": 8001}), ("protocol", {"Protocol": "HTTPS"}), ("version", {"ProtocolVersion": "HTTP2"}),
    ("type", {"TargetType": "instance"}), ("check path", {"HealthCheckPath": "/other"}),
], _duplicate)


def _accepted(self: TargetGroups, _: str, request: dict[str, Any], field: str, value: Any) -> None:
    self.assertEqual(value, self.shown(self.target_group(**request))[field])


generate(TargetGroups, "CreateTargetGroup_accepts", [
    ("a mixed code list", {"Matcher": {"HttpCode": "200-299,304"}}, "Matcher", {"HttpCode": "200-299,304"}),
    ("a check port", {"HealthCheckPort": "9000"}, "HealthCheckPort", "9000"),
    ("equal timeout on TCP", {"Protocol": "TCP", "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 10},
     "HealthCheckTimeoutSeconds", 10),
    ("a gRPC method", {"ProtocolVersion": "GRPC", "HealthCheckPath": "/grpc.health.v1.Health/Check"},
     "HealthCheckPath", "/grpc.health.v1.Health/Check"),
    ("codes up to 599 on TCP", {"Protocol": "TCP", "HealthCheckProtocol": "HTTP", "Matcher": {"HttpCode": "200-599"}},
     "Matcher", {"HttpCode": "200-599"}),
    ("IPv6", {"IpAddressType": "ipv6"}, "IpAddressType", "ipv6"),
    ("HTTP2", {"ProtocolVersion": "HTTP2"}, "ProtocolVersion", "HTTP2"),
], _accepted)
