"""RegisterTargets, DeregisterTargets, DescribeTargetHealth, and scripted health."""

from __future__ import annotations

import time
from typing import Any

from tests.support import SCALE, Case, client, fixed, forward, internal, until

Json = dict[str, Any]


def states(descriptions: list[Json]) -> dict[tuple[str, int], tuple[str, str]]:
    return {(d["Target"]["Id"], d["Target"].get("Port", 0)):
            (d["TargetHealth"]["State"], d["TargetHealth"].get("Reason", "")) for d in descriptions}


class Targets(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.lb = cls.balancer()
        cls.web = cls.listener(cls.lb)
        cls.priority = 0

    def attached(self, **kwargs: Any) -> str:
        arn = self.target_group(**kwargs)
        type(self).priority += 1
        self.rule(self.web, self.priority, Actions=[forward(arn)])
        return arn

    def register(self, group: str, *targets: Json) -> None:
        self.elb.register_targets(TargetGroupArn=group, Targets=list(targets))

    def all_healthy(self, group: str) -> bool:
        shown = self.health(group)
        return bool(shown) and all(d["TargetHealth"]["State"] == "healthy" for d in shown)

    def test_unattached_is_unused(self) -> None:
        """User guide, "Target health status": unused, Target.NotInUse while no load balancer uses the group."""
        group = self.target_group()
        self.register(group, {"Id": "10.0.1.10"})
        self.assertEqual({("10.0.1.10", 8000): ("unused", "Target.NotInUse")}, states(self.health(group)))

    def test_initial_then_healthy(self) -> None:
        """User guide: initial (Elb.RegistrationInProgress or Elb.InitialHealthChecking), then healthy without a reason."""
        group = self.attached()
        seen: set[tuple[str, str]] = set()
        for port in range(8001, 8031):  # a busy machine may be slower than the fast clock: try with new targets
            self.register(group, {"Id": "10.0.1.10", "Port": port})
            seen |= set(states(self.health(group)).values())
            if len(seen) > 1:
                break
        initial = {("initial", "Elb.RegistrationInProgress"), ("initial", "Elb.InitialHealthChecking")}
        self.assertTrue(seen & initial, seen)
        self.assertEqual(set(), seen - initial - {("healthy", "")})
        self.assertTrue(until(lambda: self.all_healthy(group)))
        self.assertEqual({"State": "healthy"}, self.health(group)[0]["TargetHealth"])

    def test_weight_zero_is_checked(self) -> None:
        """A group with weight 0 belongs to the load balancer, so its targets are checked."""
        group, main = self.target_group(), self.attached()
        self.register(group, {"Id": "10.0.1.11"})
        type(self).priority += 1
        entries = [{"TargetGroupArn": main, "Weight": 1}, {"TargetGroupArn": group, "Weight": 0}]
        self.rule(self.web, self.priority, Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": entries}}])
        self.assertTrue(until(lambda: self.all_healthy(group)))

    def test_zone_that_is_not_enabled(self) -> None:
        """User guide: unused, Target.NotInUse in an Availability Zone that the load balancer does not have."""
        group = self.attached()
        self.register(group, {"Id": "10.0.3.10"})
        shown = self.health(group)[0]
        self.assertEqual("eu-west-1c", shown["Target"]["AvailabilityZone"])
        self.assertEqual(("unused", "Target.NotInUse"), states([shown])[("10.0.3.10", 8000)])

    def test_address_of_a_load_balancer(self) -> None:
        """User guide: unused, Target.IpUnusable for an address that a load balancer has."""
        eni = self.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/*"]}])
        address = eni["NetworkInterfaces"][0]["PrivateIpAddress"]
        group = self.attached()
        self.register(group, {"Id": address})
        self.assertEqual(("unused", "Target.IpUnusable"), states(self.health(group))[(address, 8000)])

    def test_same_address_on_two_ports(self) -> None:
        """API: RegisterTargets: the same target with several ports."""
        group = self.target_group()
        self.register(group, {"Id": "10.0.1.10", "Port": 1}, {"Id": "10.0.1.10", "Port": 2})
        self.assertEqual({("10.0.1.10", 1), ("10.0.1.10", 2)}, set(states(self.health(group))))

    def test_registering_again_is_fine(self) -> None:
        """API: RegisterTargets is additive."""
        group = self.target_group()
        for _ in range(2):
            self.register(group, {"Id": "10.0.1.10"})
        self.assertEqual(1, len(self.health(group)))

    def test_health_check_port(self) -> None:
        """API: TargetHealthDescription.HealthCheckPort: the configured or the target's port."""
        group = self.target_group(HealthCheckPort="9000")
        self.register(group, {"Id": "10.0.1.10"})
        self.assertEqual("9000", self.health(group)[0]["HealthCheckPort"])

    def test_not_registered(self) -> None:
        """User guide: unused, Target.NotRegistered only when asked for by id."""
        group = self.target_group()
        shown = self.health(group, Targets=[{"Id": "10.0.1.99"}])
        self.assertEqual({("10.0.1.99", 8000): ("unused", "Target.NotRegistered")}, states(shown))
        self.assertEqual([], self.health(group))

    def test_draining_for_the_delay(self) -> None:
        """User guide, "Deregistration delay": draining, Target.DeregistrationInProgress, then gone."""
        group = self.attached()
        delay = max(2, int(SCALE / 2))
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[
            {"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}])
        self.register(group, {"Id": "10.0.1.10"})
        self.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.10"}])
        self.assertEqual(("draining", "Target.DeregistrationInProgress"),
                         states(self.health(group))[("10.0.1.10", 8000)])
        started = time.monotonic()
        self.assertTrue(until(lambda: not self.health(group)))
        self.assertGreater(time.monotonic() - started, delay / SCALE * 0.5)

    def test_registering_a_draining_target(self) -> None:
        """User guide: a target may be registered again while it drains."""
        group = self.attached()
        self.register(group, {"Id": "10.0.1.10"})
        self.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.10"}])
        self.register(group, {"Id": "10.0.1.10"})
        self.assertTrue(until(lambda: self.all_healthy(group)))

    def test_deregister_without_the_port_does_nothing(self) -> None:
        """API: DeregisterTargets: a port override must be given again."""
        group = self.target_group()
        self.register(group, {"Id": "10.0.1.10", "Port": 9999})
        self.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.10"}])
        self.assertEqual(1, len(self.health(group)))

    def test_deregister_unknown_succeeds(self) -> None:
        """API: DeregisterTargets: "If the specified target does not exist, the action returns successfully"."""
        self.elb.deregister_targets(TargetGroupArn=self.target_group(), Targets=[{"Id": "10.0.1.10"}])

    def test_outside_the_vpc(self) -> None:
        """API: TargetDescription.AvailabilityZone: required outside the VPC."""
        group = self.target_group()
        self.refused("ValidationError", self.register_one, "Availability Zone", group=group, target={"Id": "10.99.0.1"})
        self.register(group, {"Id": "10.99.0.1", "AvailabilityZone": "all"})
        self.assertEqual("all", self.health(group)[0]["Target"]["AvailabilityZone"])

    def register_one(self, group: str, target: Json) -> None:
        self.register(group, target)

    def test_public_address(self) -> None:
        """User guide, "Target type": no publicly routable addresses."""
        self.refused("ValidationError", self.register_one, group=self.target_group(),
                     target={"Id": "8.8.8.8", "AvailabilityZone": "all"})

    def test_bad_address(self) -> None:
        """API: TargetDescription.Id of an ip group."""
        self.refused("ValidationError", self.register_one, group=self.target_group(), target={"Id": "host"})
        self.refused("ValidationError", self.register_one, group=self.target_group(), target={"Id": "2001:db8::1"})

    def test_bad_port(self) -> None:
        """API: TargetDescription.Port 1 to 65535."""
        raw = client("elbv2", self.account, validate=False)
        self.refused("ValidationError", raw.register_targets, TargetGroupArn=self.target_group(),
                     Targets=[{"Id": "10.0.1.1", "Port": 70000}])

    def test_targets_quota(self) -> None:
        """User guide, "Quotas": TooManyTargets and TooManyRegistrationsForTargetId."""
        quota = {"account": self.account, "region": "eu-west-1"}
        group = self.attached()
        names = {"targets-per-target-group": 1, "target-id-registrations-per-application-load-balancer": 1}
        internal("PUT", "quotas", {**quota, "quotas": {"targets-per-target-group": 1}})
        try:
            self.register(group, {"Id": "10.0.1.200"})
            self.refused("TooManyTargets", self.register_one, group=group, target={"Id": "10.0.1.201"})
            internal("PUT", "quotas", {**quota, "quotas": {**names, "targets-per-target-group": None}})
            self.refused("TooManyRegistrationsForTargetId", self.register_one, group=group,
                         target={"Id": "10.0.1.200", "Port": 1})
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {name: None for name in names}})

    def test_instances(self) -> None:
        """User guide: instances must run and be in the VPC; InvalidTarget otherwise; Target.InvalidState when stopped."""
        made = self.ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="t3.micro",
                                      SubnetId=self.subnets[0])["Instances"][0]["InstanceId"]
        group = self.attached(TargetType="instance")
        self.register(group, {"Id": made})
        self.assertTrue(until(lambda: self.all_healthy(group)))
        self.refused("InvalidTarget", self.register_one, group=group, target={"Id": "i-0123456789abcdef0"})
        self.ec2.stop_instances(InstanceIds=[made])
        self.assertEqual(("unused", "Target.InvalidState"), states(self.health(group))[(made, 8000)])
        self.refused("InvalidTarget", self.register_one, group=self.target_group(TargetType="instance"),
                     target={"Id": made})

    def test_lambda(self) -> None:
        """User guide, "Lambda functions as targets": one target, no port, unavailable while checks are disabled."""
        group = self.attached(TargetType="lambda", Protocol=None, Port=None, VpcId=None)
        function = "arn:aws:lambda:eu-west-1:000000000000:function:f"
        self.register(group, {"Id": function})
        self.assertEqual({(function, 0): ("unavailable", "Target.HealthCheckDisabled")}, states(self.health(group)))
        self.refused("TooManyTargets", self.register_one, group=group, target={"Id": function + "2"})
        self.elb.modify_target_group(TargetGroupArn=group, HealthCheckEnabled=True)
        self.assertTrue(until(lambda: self.all_healthy(group)))

    def test_a_load_balancer_as_target(self) -> None:
        """User guide (NLB), "Application Load Balancers as targets": it needs a listener on the group's port."""
        group = self.target_group(Protocol="TCP", Port=80, TargetType="alb")
        self.register(group, {"Id": self.lb})
        self.refused("InvalidTarget", self.register_one, target={"Id": self.lb},
                     group=self.target_group(Protocol="TCP", Port=81, TargetType="alb"))
        self.refused("ResourceInUse", self.elb.delete_load_balancer, LoadBalancerArn=self.lb)

    def test_anomaly_detection_on_request(self) -> None:
        """API: DescribeTargetHealth, Include."""
        group = self.target_group()
        self.register(group, {"Id": "10.0.1.10"})
        self.assertNotIn("AnomalyDetection", self.health(group)[0])
        self.assertEqual({"Result": "normal", "MitigationInEffect": "no"},
                         self.health(group, Include=["AnomalyDetection"])[0]["AnomalyDetection"])

    def test_health_unavailable_by_switch(self) -> None:
        """API: DescribeTargetHealth, HealthUnavailable (500)."""
        where = {"account": self.account, "region": "eu-west-1"}
        group = self.target_group()
        internal("PUT", "health", {**where, "unavailable": True})
        try:
            self.refused("HealthUnavailable", self.elb.describe_target_health, TargetGroupArn=group)
        finally:
            internal("PUT", "health", {**where, "unavailable": False})

    def test_unknown_group(self) -> None:
        """API: TargetGroupNotFound."""
        gone = self.target_group()[:-4] + "beef"
        targets = [{"Id": "10.0.1.10"}]
        for call in (self.elb.register_targets, self.elb.deregister_targets, self.elb.describe_target_health):
            self.refused("TargetGroupNotFound", call, TargetGroupArn=gone, Targets=targets)


class ScriptedHealth(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.lb = cls.balancer()
        cls.web = cls.listener(cls.lb)
        cls.priority = 0

    def group(self, **kwargs: Any) -> str:
        arn = self.target_group(**kwargs)
        type(self).priority += 1
        self.rule(self.web, self.priority, Actions=[forward(arn)])
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": self.ip}])
        return arn

    def setUp(self) -> None:
        super().setUp()
        self.ip = f"10.0.1.{20 + self.priority}"

    def script(self, script: Json | None) -> None:
        internal("PUT", "health", {"account": self.account, "region": "eu-west-1",
                                   "targets": {f"{self.ip}:8000": script}})

    def settled(self, group: str) -> Json:
        return until(lambda: next((d["TargetHealth"] for d in self.health(group)
                                   if d["TargetHealth"]["State"] != "initial"), None))

    def test_fixed_state(self) -> None:
        """A scripted state is shown as it is."""
        script = {"state": "unhealthy", "reason": "Target.ResponseCodeMismatch",
                  "description": "Health checks failed with these codes: [404]"}
        self.script(script)
        shown = self.settled(self.group())
        self.assertEqual(("unhealthy", script["reason"], script["description"]),
                         (shown["State"], shown["Reason"], shown["Description"]))

    def test_removed(self) -> None:
        """A removed script makes the target healthy."""
        self.script({"state": "unhealthy", "reason": "Target.Timeout"})
        group = self.group()
        self.assertEqual("unhealthy", self.settled(group)["State"])
        self.script(None)
        self.assertEqual("healthy", self.settled(group)["State"])

    def test_wrong_path_then_mended(self) -> None:
        """User guide, "Health check reason codes": Target.ResponseCodeMismatch names the code."""
        self.script({"answers": {"/api/health/": 200, "*": 404}, "protocol": "HTTP", "port": 8000})
        group = self.group(HealthCheckPath="/health")
        self.assertEqual({"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch",
                          "Description": "Health checks failed with these codes: [404]"}, self.settled(group))
        self.elb.modify_target_group(TargetGroupArn=group, HealthCheckPath="/api/health/")
        self.assertEqual({"State": "healthy"}, self.settled(group))

    def test_matcher(self) -> None:
        """API: Matcher: the answer's code counts if the matcher has it."""
        self.script({"answers": {"*": 301}})
        group = self.group()
        self.assertEqual("Health checks failed with these codes: [301]", self.settled(group)["Description"])
        self.elb.modify_target_group(TargetGroupArn=group, Matcher={"HttpCode": "200,301"})
        self.assertEqual("healthy", self.settled(group)["State"])

    def test_wrong_protocol(self) -> None:
        """User guide: Target.FailedHealthChecks: error establishing a connection or a malformed response."""
        self.script({"answers": {"*": 200}, "protocol": "HTTPS"})
        group = self.group()
        self.assertEqual(("unhealthy", "Target.FailedHealthChecks"),
                         tuple(self.settled(group)[key] for key in ("State", "Reason")))
        self.elb.modify_target_group(TargetGroupArn=group, HealthCheckProtocol="HTTPS")
        self.assertEqual("healthy", self.settled(group)["State"])

    def test_wrong_port(self) -> None:
        """User guide: a closed port is Target.FailedHealthChecks, a filtered one Target.Timeout."""
        self.script({"answers": {"*": 200}, "port": 9000})
        group = self.group()
        self.assertEqual("Target.FailedHealthChecks", self.settled(group)["Reason"])
        self.script({"answers": {"*": 200}, "port": 9000, "closed": "timeout"})
        self.assertEqual("Target.Timeout", self.settled(group)["Reason"])
        self.elb.modify_target_group(TargetGroupArn=group, HealthCheckPort="9000")
        self.assertEqual("healthy", self.settled(group)["State"])

    def test_slow_answer(self) -> None:
        """User guide: Target.Timeout."""
        self.script({"answers": {"/": "timeout"}})
        self.assertEqual({"State": "unhealthy", "Reason": "Target.Timeout", "Description": "Request timed out"},
                         self.settled(self.group()))

    def test_fail_open_is_visible(self) -> None:
        """User guide: all targets unhealthy: each is still listed as unhealthy, none as unused."""
        self.script({"state": "unhealthy", "reason": "Target.Timeout"})
        group = self.group()
        self.assertEqual({"unhealthy"}, {self.settled(group)["State"]})

    def test_security_groups(self) -> None:
        """User guide, "Security groups": what they drop shows as Target.Timeout; opening the port mends it."""
        inner = self.ec2.create_security_group(GroupName=f"t{self.priority}", Description="t", VpcId=self.vpc)["GroupId"]
        self.ec2.create_network_interface(SubnetId=self.subnets[0], PrivateIpAddress=self.ip, Groups=[inner])
        group = self.group()
        self.assertEqual("Target.Timeout", self.settled(group)["Reason"])
        permission = {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000,
                      "UserIdGroupPairs": [{"GroupId": self.security_group}]}
        self.ec2.authorize_security_group_ingress(GroupId=inner, IpPermissions=[permission])
        self.assertEqual("healthy", self.settled(group)["State"])
        self.elb.modify_target_group(TargetGroupArn=group, HealthCheckPort="9000")
        self.assertEqual("Target.Timeout", self.settled(group)["Reason"])
        self.ec2.authorize_security_group_ingress(GroupId=inner, IpPermissions=[{
            "IpProtocol": "tcp", "FromPort": 9000, "ToPort": 9000, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}])
        self.assertEqual("healthy", self.settled(group)["State"])

    def test_redirect_default_action(self) -> None:
        """A listener without a forward attaches no group."""
        arn = self.target_group()
        self.listener(self.balancer(), actions=[fixed()])
        self.assertEqual([], self.elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]["LoadBalancerArns"])
