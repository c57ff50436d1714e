"""CreateRule, ModifyRule, DeleteRule, DescribeRules, SetRulePriorities, and transforms."""

from __future__ import annotations

from typing import Any

from tests.support import Case, client, fixed, forward, generate, host, internal, path

Json = dict[str, Any]


def rewrite(kind: str = "url-rewrite", regex: str = "^/a/(.*)$", replace: str = "/b/$1") -> Json:
    config = "UrlRewriteConfig" if kind == "url-rewrite" else "HostHeaderRewriteConfig"
    return {"Type": kind, config: {"Rewrites": [{"Regex": regex, "Replace": replace}]}}


class RuleOrder(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lb = self.balancer()
        self.arn = self.listener(self.lb)
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerArn=self.lb)

    def priorities(self) -> dict[str, str]:
        return {r["RuleArn"]: r["Priority"] for r in self.elb.describe_rules(ListenerArn=self.arn)["Rules"]}

    def set(self, *pairs: tuple[str, int]) -> list[Json]:
        return self.elb.set_rule_priorities(
            RulePriorities=[{"RuleArn": arn, "Priority": priority} for arn, priority in pairs])["Rules"]

    def test_default_rule(self) -> None:
        """API: Rule: the default rule is last, has priority "default" and no conditions."""
        self.rule(self.arn, 50000)
        rules = self.elb.describe_rules(ListenerArn=self.arn)["Rules"]
        self.assertEqual(("default", True, []), tuple(rules[-1][k] for k in ("Priority", "IsDefault", "Conditions")))
        self.assertRegex(rules[0]["RuleArn"], r":listener-rule/app/lb-\d+/[0-9a-f]{16}/[0-9a-f]{16}/[0-9a-f]{16}$")

    def test_lowest_first(self) -> None:
        """User guide, "Rule priority"."""
        for priority in (30, 10, 20):
            self.rule(self.arn, priority)
        self.assertEqual(["10", "20", "30", "default"], list(self.priorities().values()))

    def test_priority_in_use(self) -> None:
        """API: CreateRule, PriorityInUse; not idempotent."""
        self.rule(self.arn, 1)
        self.refused("PriorityInUse", self.rule, listener=self.arn, priority=1)

    def test_priority_range(self) -> None:
        """API: RulePriority 1 to 50000."""
        raw = client("elbv2", self.account, validate=False)
        for priority in (0, 50001):
            self.refused("ValidationError", raw.create_rule, ListenerArn=self.arn, Priority=priority,
                         Conditions=[path("/x")], Actions=[fixed()])

    def test_swap(self) -> None:
        """API: SetRulePriorities is judged on the resulting order, so a swap fits one call."""
        one, two = self.rule(self.arn, 1), self.rule(self.arn, 2)
        answer = self.set((one, 2), (two, 1))
        self.assertEqual({one: "2", two: "1"}, {r["RuleArn"]: r["Priority"] for r in answer})

    def test_rotation(self) -> None:
        """API: SetRulePriorities: a rotation of three."""
        arns = [self.rule(self.arn, n) for n in (1, 2, 3)]
        self.set((arns[0], 2), (arns[1], 3), (arns[2], 1))
        self.assertEqual(["2", "3", "1"], [self.priorities()[arn] for arn in arns])

    def test_clash_with_an_unlisted_rule(self) -> None:
        """API: SetRulePriorities, PriorityInUse; nothing moves."""
        one, two, three = (self.rule(self.arn, n) for n in (1, 2, 3))
        self.refused("PriorityInUse", self.elb.set_rule_priorities, RulePriorities=[
            {"RuleArn": one, "Priority": 5}, {"RuleArn": two, "Priority": 3}])
        self.assertEqual(["1", "2", "3"], [self.priorities()[arn] for arn in (one, two, three)])

    def test_same_priority_twice(self) -> None:
        """API: SetRulePriorities, PriorityInUse within one request."""
        one, two = self.rule(self.arn, 1), self.rule(self.arn, 2)
        self.refused("PriorityInUse", self.set_all, pairs=[(one, 9), (two, 9)])

    def set_all(self, pairs: list[tuple[str, int]]) -> None:
        self.set(*pairs)

    def test_default_rule_cannot_move(self) -> None:
        """API: OperationNotPermitted for the default rule on every rule call."""
        default = list(self.priorities())[-1]
        self.refused("OperationNotPermitted", self.set_all, pairs=[(default, 1)])
        self.refused("OperationNotPermitted", self.elb.delete_rule, RuleArn=default)
        self.refused("OperationNotPermitted", self.elb.modify_rule, RuleArn=default, Actions=[fixed()])

    def test_unknown_rule(self) -> None:
        """API: RuleNotFound."""
        gone = self.rule(self.arn, 1)
        self.elb.delete_rule(RuleArn=gone)
        self.refused("RuleNotFound", self.elb.delete_rule, RuleArn=gone)
        self.refused("RuleNotFound", self.elb.modify_rule, RuleArn=gone, Actions=[fixed()])
        self.refused("RuleNotFound", self.elb.describe_rules, RuleArns=[gone])
        self.refused("RuleNotFound", self.set_all, pairs=[(gone, 1)])

    def test_unknown_listener(self) -> None:
        """API: CreateRule and DescribeRules, ListenerNotFound."""
        self.refused("ListenerNotFound", self.rule, listener=self.arn[:-4] + "beef", priority=1)
        self.refused("ListenerNotFound", self.elb.describe_rules, ListenerArn=self.arn[:-4] + "beef")

    def test_rules_of_two_listeners(self) -> None:
        """API: SetRulePriorities: one listener per call."""
        one, two = self.rule(self.arn, 1), self.rule(self.listener(self.lb, 81), 1)
        self.refused("ValidationError", self.set_all, pairs=[(one, 2), (two, 3)])

    def test_quota(self) -> None:
        """User guide, "Quotas": rules per ALB, default rules excluded."""
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"rules-per-application-load-balancer": 1}})
        try:
            self.rule(self.arn, 1)
            self.refused("TooManyRules", self.rule, listener=self.arn, priority=2)
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"rules-per-application-load-balancer": None}})

    def test_describe_one_of_two(self) -> None:
        """API: DescribeRules: listener or rules, one required."""
        arn = self.rule(self.arn, 1)
        self.refused("ValidationError", self.elb.describe_rules)
        self.refused("ValidationError", self.elb.describe_rules, ListenerArn=self.arn, RuleArns=[arn])

    def test_pages(self) -> None:
        """API: DescribeRules, PageSize; the default rule counts."""
        for priority in range(1, 5):
            self.rule(self.arn, priority)
        pages = self.elb.get_paginator("describe_rules").paginate(ListenerArn=self.arn,
                                                                 PaginationConfig={"PageSize": 2})
        self.assertEqual([2, 2, 1], [len(page["Rules"]) for page in pages])

    def test_modify_keeps_what_is_omitted(self) -> None:
        """API: ModifyRule: "Any existing properties that you do not modify retain their current values"."""
        arn = self.rule(self.arn, 1, Conditions=[host("a.example.com")], Transforms=[rewrite()])
        shown = self.elb.modify_rule(RuleArn=arn, Actions=[fixed("503")])["Rules"][0]
        self.assertEqual(("1", "host-header", "url-rewrite"), (
            shown["Priority"], shown["Conditions"][0]["Field"], shown["Transforms"][0]["Type"]))
        self.assertEqual("503", shown["Actions"][0]["FixedResponseConfig"]["StatusCode"])

    def test_modify_replaces_lists_whole(self) -> None:
        """API: ModifyRule."""
        arn = self.rule(self.arn, 1, Conditions=[host("a.example.com"), path("/a")])
        shown = self.elb.modify_rule(RuleArn=arn, Conditions=[path("/b")])["Rules"][0]
        self.assertEqual(["path-pattern"], [c["Field"] for c in shown["Conditions"]])

    def test_modify_nothing(self) -> None:
        """API: ModifyRule needs conditions, actions or transforms."""
        self.refused("ValidationError", self.elb.modify_rule, RuleArn=self.rule(self.arn, 1))

    def test_modify_is_all_or_nothing(self) -> None:
        """API: ModifyRule."""
        arn = self.rule(self.arn, 1)
        before = self.elb.describe_rules(RuleArns=[arn])["Rules"]
        self.refused("TargetGroupNotFound", self.elb.modify_rule, RuleArn=arn, Conditions=[path("/new")],
                     Actions=[forward(self.target_group()[:-4] + "beef")])
        self.assertEqual(before, self.elb.describe_rules(RuleArns=[arn])["Rules"])

    def test_transforms(self) -> None:
        """API: RuleTransform: one of each kind; ResetTransforms clears them."""
        both = [rewrite(), rewrite("host-header-rewrite", "^a\\.(.*)$", "b.$1")]
        arn = self.rule(self.arn, 1, Transforms=both)
        self.assertEqual(both, self.elb.describe_rules(RuleArns=[arn])["Rules"][0]["Transforms"])
        self.refused("ValidationError", self.elb.modify_rule, RuleArn=arn, Transforms=both, ResetTransforms=True)
        self.elb.modify_rule(RuleArn=arn, ResetTransforms=True)
        self.assertFalse(self.elb.describe_rules(RuleArns=[arn])["Rules"][0].get("Transforms"))

    def test_tag_on_create(self) -> None:
        """API: CreateRule, Tags."""
        arn = self.rule(self.arn, 1, Tags=[{"Key": "a", "Value": "b"}])
        shown = self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]
        self.assertEqual([{"Key": "a", "Value": "b"}], shown["Tags"])


def _transform_refused(self: RuleOrder, _: str, *transforms: Json) -> None:
    raw = client("elbv2", self.account, validate=False)
    self.refused("ValidationError", raw.create_rule, ListenerArn=self.arn, Priority=1, Conditions=[path("/a/*")],
                 Actions=[fixed()], Transforms=list(transforms))


generate(RuleOrder, "RuleTransform_refuses", [
    ("two of a kind", rewrite(), rewrite()),
    ("an unknown type", {"Type": "header-rewrite"}),
    ("no config", {"Type": "url-rewrite"}),
    ("a config of the other kind", {**rewrite(), "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "a", "Replace": "b"}]}}),
    ("a broken regex", rewrite(regex="(")),
    ("a missing group", rewrite(replace="/$2")),
    ("a regex of 1025 characters", rewrite(regex="a" * 1025)),
], _transform_refused)
