"""Many accounts at once: no cross-talk, no error, bounded memory; and what a read costs.

Sixteen accounts hold stacks of the same names. NO502_LOAD_CALLS is the number of calls per account (2,000 is the
acceptance figure; the default keeps an ordinary run short).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support import CASES, Case, client, fixed, forward, fresh_account, internal, path

ACCOUNTS, PROCESSES = 16, 4
CALLS = int(os.environ.get("NO502_LOAD_CALLS") or "150")
MOST_MB = 800


def _work(account: str) -> tuple[int, list[str]]:
    """Runs one account's calls; answers with their number and what went wrong."""
    problems: list[str] = []
    elb, ec2 = client("elbv2", account), client("ec2", account)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")["Subnet"]
               ["SubnetId"] for n, z in ((1, "a"), (2, "b"))]
    balancer = elb.create_load_balancer(Name="same", Subnets=subnets, Tags=[{"Key": "account", "Value": account}])
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(Name="same", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    group = group["TargetGroups"][0]["TargetGroupArn"]
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[forward(group)])
    listener = listener["Listeners"][0]["ListenerArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.10"}])
    made = 8

    def check(what: str, condition: bool) -> None:
        if not condition:
            problems.append(f"{account}: {what}")

    while made < CALLS:
        number = made % 40000 + 1
        rule = elb.create_rule(ListenerArn=listener, Priority=number, Conditions=[path(f"/{account}")], Actions=[fixed()])
        rule = rule["Rules"][0]["RuleArn"]
        rules = elb.describe_rules(ListenerArn=listener)["Rules"]
        check("rules", [r["RuleArn"] for r in rules][0] == rule and len(rules) == 2)
        shown = elb.describe_load_balancers()["LoadBalancers"]
        check("load balancers", [b["LoadBalancerArn"] for b in shown] == [balancer])
        tags = elb.describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"]
        check("tags", tags == [{"Key": "account", "Value": account}])
        value = str(number % 4000 + 1)
        change = [{"Key": "idle_timeout.timeout_seconds", "Value": value}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=change)
        read = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
        check("attributes", change[0] in read)
        groups = elb.describe_target_groups()["TargetGroups"]
        check("groups", [(g["TargetGroupArn"], g["LoadBalancerArns"]) for g in groups] == [(group, [balancer])])
        health = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        check("health", [h["Target"]["Id"] for h in health] == ["10.0.1.10"])
        elb.delete_rule(RuleArn=rule)
        made += 9
    return made, problems


def _safely(account: str) -> tuple[int, list[str]]:
    try:
        return _work(account)
    except Exception as cause:  # reported by the parent, which knows all accounts
        return 0, [f"{account}: {type(cause).__name__}: {cause}"]


def _process(accounts: list[str]) -> list[tuple[int, list[str]]]:
    with ThreadPoolExecutor(max_workers=len(accounts)) as pool:
        return list(pool.map(_safely, accounts))


class ParallelAccounts(unittest.TestCase):
    def test_sixteen_accounts(self) -> None:
        """Sixteen accounts in parallel: no cross-talk, no error, less than 800 MB."""
        CASES.append(self.id())
        accounts = [fresh_account() for _ in range(ACCOUNTS)]
        started = time.monotonic()
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            results = [each for part in pool.map(_process, [accounts[n::PROCESSES] for n in range(PROCESSES)])
                       for each in part]
        seconds = time.monotonic() - started
        for account in accounts:
            internal("POST", "reset", {"account": account})
        calls, problems = sum(made for made, _ in results), [text for _, texts in results for text in texts]
        peak = internal("GET", "ready")["peak_mb"]
        print(f"load: {ACCOUNTS} accounts, {calls} calls in {seconds:.1f} s = {calls / seconds:.0f} calls/s, "
              f"server peak {peak} MB", file=sys.stderr)
        self.assertEqual([], problems[:10])
        self.assertLess(peak, MOST_MB)


class CostOfARead(Case):
    def test_reads_cost_what_routing_costs(self) -> None:
        """A read is compared with STS GetCallerIdentity, which does nothing but be routed."""
        balancer = self.balancer()
        listener = self.listener(balancer)
        for priority in range(1, 21):
            self.rule(listener, priority)
        sts = client("sts", self.account)
        calls: list[tuple[str, Any, dict[str, Any]]] = [
            ("sts GetCallerIdentity", sts.get_caller_identity, {}),
            ("DescribeLoadBalancers", self.elb.describe_load_balancers, {}),
            ("DescribeLoadBalancerAttributes", self.elb.describe_load_balancer_attributes, {"LoadBalancerArn": balancer}),
            ("DescribeRules (21)", self.elb.describe_rules, {"ListenerArn": listener}),
        ]
        costs = {}
        for name, call, arguments in calls:
            call(**arguments)
            times = []
            for _ in range(100):
                started = time.perf_counter()
                call(**arguments)
                times.append(time.perf_counter() - started)
            costs[name] = sorted(times)[len(times) // 2] * 1000
        print("cost of a read (median): " + ", ".join(f"{n} {ms:.1f} ms" for n, ms in costs.items()), file=sys.stderr)
        self.assertLess(costs["DescribeLoadBalancers"], costs["sts GetCallerIdentity"] * 3 + 5)
