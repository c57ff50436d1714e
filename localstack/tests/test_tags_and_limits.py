"""Tags, account limits, waiters, and the whole surface at the end."""

from __future__ import annotations

from typing import Any

from tests.support import Case, client, internal


class Tags(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.lb = cls.balancer()
        cls.web = cls.listener(cls.lb)
        cls.arns = [cls.lb, cls.web, cls.rule(cls.web, 1), cls.target_group()]

    def tags(self, arn: str) -> dict[str, str]:
        shown = self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
        return {tag["Key"]: tag["Value"] for tag in shown}

    def test_every_kind(self) -> None:
        """API: AddTags: load balancers, groups, listeners and rules; values are overwritten."""
        for arn in self.arns:
            self.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
            self.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "a", "Value": "3"}])
            self.assertEqual({"a": "3", "b": "2"}, self.tags(arn))
            self.elb.remove_tags(ResourceArns=[arn], TagKeys=["a", "b", "absent"])
            self.assertEqual({}, self.tags(arn))

    def test_mixed_kinds(self) -> None:
        """API: DescribeTags over several resources."""
        shown = self.elb.describe_tags(ResourceArns=self.arns)["TagDescriptions"]
        self.assertEqual(self.arns, [entry["ResourceArn"] for entry in shown])

    def test_more_than_20(self) -> None:
        """API: DescribeTags: up to 20 resources."""
        self.refused("ValidationError", self.elb.describe_tags, ResourceArns=[self.lb] * 21)

    def test_fifty(self) -> None:
        """User guide, "Tags": 50 per resource (TooManyTags); all or nothing."""
        arn = self.target_group()
        many = [{"Key": f"k{n}", "Value": "v"} for n in range(50)]
        self.elb.add_tags(ResourceArns=[arn], Tags=many)
        self.refused("TooManyTags", self.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": "one-more", "Value": ""}])
        self.assertEqual(50, len(self.tags(arn)))

    def test_duplicates(self) -> None:
        """API: AddTags, DuplicateTagKeys."""
        self.refused("DuplicateTagKeys", self.elb.add_tags, ResourceArns=[self.lb], Tags=[{"Key": "a"}, {"Key": "a"}])

    def test_characters(self) -> None:
        """API: Tag: letters, spaces, digits and _ . : / = + - @."""
        self.elb.add_tags(ResourceArns=[self.lb], Tags=[{"Key": "größe _.:/=+-@", "Value": "x y"}])
        self.refused("ValidationError", self.elb.add_tags, ResourceArns=[self.lb], Tags=[{"Key": "a#b", "Value": ""}])
        self.elb.remove_tags(ResourceArns=[self.lb], TagKeys=["größe _.:/=+-@"])

    def test_unknown(self) -> None:
        """API: AddTags: the code names the kind."""
        codes = ("LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound")
        for arn, code in zip(self.arns, codes):
            self.refused(code, self.elb.describe_tags, ResourceArns=[arn[:-4] + "beef"])
            self.refused(code, self.elb.add_tags, ResourceArns=[arn[:-4] + "beef"], Tags=[{"Key": "a"}])
            self.refused(code, self.elb.remove_tags, ResourceArns=[arn[:-4] + "beef"], TagKeys=["a"])
        self.refused("ValidationError", self.elb.describe_tags, ResourceArns=["arn:aws:s3:::bucket"])


class Limits(Case):
    def test_defaults(self) -> None:
        """User guide, "Quotas for your Application Load Balancers"."""
        shown = {entry["Name"]: entry["Max"] for entry in self.elb.describe_account_limits()["Limits"]}
        expected = {"application-load-balancers": "50", "listeners-per-application-load-balancer": "50",
                    "rules-per-application-load-balancer": "100", "target-groups": "3000",
                    "target-groups-per-action-on-application-load-balancer": "5",
                    "certificates-per-application-load-balancer": "25", "targets-per-target-group": "1000"}
        self.assertEqual(expected, {name: shown.get(name) for name in expected})

    def test_lowered_by_the_switch(self) -> None:
        """The internal route lowers a quota of one account; DescribeAccountLimits shows it."""
        internal("PUT", "quotas", {"account": self.account, "region": "eu-west-1", "quotas": {"target-groups": 7}})
        shown = {entry["Name"]: entry["Max"] for entry in self.elb.describe_account_limits()["Limits"]}
        self.assertEqual("7", shown["target-groups"])
        other = client("elbv2", "000000000042").describe_account_limits()["Limits"]
        self.assertIn({"Name": "target-groups", "Max": "3000"}, other)

    def test_pages(self) -> None:
        """API: DescribeAccountLimits, PageSize."""
        pages: list[Any] = list(self.elb.get_paginator("describe_account_limits").paginate(
            PaginationConfig={"PageSize": 10}))
        self.assertGreater(len(pages), 1)


class Waiters(Case):
    """The waiters of boto3 return (delays shortened, as they only pace the polling)."""

    def wait(self, name: str, **kwargs: Any) -> None:
        self.elb.get_waiter(name).wait(WaiterConfig={"Delay": 1, "MaxAttempts": 20}, **kwargs)

    def test_load_balancers(self) -> None:
        """API waiters: LoadBalancerExists, LoadBalancerAvailable, LoadBalancersDeleted."""
        arn = self.balancer()
        self.wait("load_balancer_exists", LoadBalancerArns=[arn])
        self.wait("load_balancer_available", LoadBalancerArns=[arn])
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.wait("load_balancers_deleted", LoadBalancerArns=[arn])

    def test_targets(self) -> None:
        """API waiters: TargetInService, TargetDeregistered."""
        group = self.target_group()
        self.listener(self.balancer(), actions=[{"Type": "forward", "TargetGroupArn": group}])
        target = [{"Id": "10.0.1.10", "Port": 8000}]
        self.elb.register_targets(TargetGroupArn=group, Targets=target)
        self.wait("target_in_service", TargetGroupArn=group, Targets=target)
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[
            {"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
        self.elb.deregister_targets(TargetGroupArn=group, Targets=target)
        self.wait("target_deregistered", TargetGroupArn=group, Targets=target)
