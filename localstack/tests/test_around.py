"""What stands around load balancers: network interfaces, security groups, tags across services, accounts, reset."""

from __future__ import annotations

import time
from typing import Any

from tests.support import Case, client, fresh_account, internal, path, until


class Metrics(Case):
    def test_numbers_that_were_put(self) -> None:
        """API: PutMetricData, GetMetricData: values are added up by all of their dimensions, each account has its own."""
        dimensions = [{"Name": "LoadBalancer", "Value": "app/web/50dc6c495c0c9188"}]
        metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_ELB_502_Count", "Dimensions": dimensions}
        now = time.time()
        datum = {"MetricName": metric["MetricName"], "Dimensions": dimensions, "Timestamp": now - 90, "Value": 7}
        mine, other = (client("cloudwatch", account) for account in (self.account, fresh_account()))
        mine.put_metric_data(Namespace=metric["Namespace"], MetricData=[datum, datum | {"Timestamp": now - 1000}])
        of_group = [*dimensions, {"Name": "TargetGroup", "Value": "targetgroup/django/73e2d6bc24d8a067"}]
        mine.put_metric_data(Namespace=metric["Namespace"], MetricData=[datum | {"Dimensions": of_group}])
        query = {"Id": "m0", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
        asked = {"MetricDataQueries": [query], "StartTime": now - 3600, "EndTime": now}
        values = [sum(api.get_metric_data(**asked)["MetricDataResults"][0]["Values"]) for api in (mine, other)]
        self.assertEqual([14, 0], values)


class Network(Case):
    def interfaces(self, *filters: tuple[str, str]) -> list[dict[str, Any]]:
        return self.ec2.describe_network_interfaces(
            Filters=[{"Name": name, "Values": [value]} for name, value in filters])["NetworkInterfaces"]

    def test_interfaces_of_a_load_balancer(self) -> None:
        """EC2 user guide, "Requester-managed network interfaces": ELB app/<name>/<id>, one per subnet."""
        arn = self.balancer()
        what = "ELB " + arn.split(":loadbalancer/")[1]
        found = self.interfaces(("description", what), ("attachment.instance-owner-id", "amazon-elb"))
        self.assertEqual(set(self.subnets[:2]), {eni["SubnetId"] for eni in found})
        for eni in found:
            self.assertEqual((True, "in-use", [self.security_group]), (
                eni["RequesterManaged"], eni["Status"], [group["GroupId"] for group in eni["Groups"]]))

    def test_they_follow_the_load_balancer(self) -> None:
        """SetSubnets and SetSecurityGroups move the interfaces."""
        arn = self.balancer()
        what = "ELB " + arn.split(":loadbalancer/")[1]
        other = self.ec2.create_security_group(GroupName="follow", Description="x", VpcId=self.vpc)["GroupId"]
        self.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
        self.elb.set_subnets(LoadBalancerArn=arn, Subnets=self.subnets[1:])
        self.assertTrue(until(lambda: {e["SubnetId"] for e in self.interfaces(("description", what))}
                              == set(self.subnets[1:])))
        self.assertEqual({other}, {g["GroupId"] for e in self.interfaces(("description", what)) for g in e["Groups"]})

    def test_they_linger_and_hold_the_group(self) -> None:
        """API: DeleteSecurityGroup, DependencyViolation until the interfaces are gone."""
        group = self.ec2.create_security_group(GroupName="hold", Description="x", VpcId=self.vpc)["GroupId"]
        arn = self.balancer(SecurityGroups=[group])
        self.refused("DependencyViolation", self.ec2.delete_security_group, GroupId=group)
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        what = "ELB " + arn.split(":loadbalancer/")[1]
        self.assertTrue(until(lambda: not self.interfaces(("description", what))))
        self.ec2.delete_security_group(GroupId=group)

    def test_they_cannot_be_deleted(self) -> None:
        """EC2 user guide: a requester-managed interface belongs to the service."""
        self.balancer()
        eni = self.interfaces(("description", "ELB app/*"))[0]["NetworkInterfaceId"]
        self.refused("InvalidParameterValue", self.ec2.delete_network_interface, NetworkInterfaceId=eni)

    def test_referenced_group(self) -> None:
        """API: DeleteSecurityGroup, DependencyViolation while another group refers to it."""
        make = self.ec2.create_security_group
        one = make(GroupName="one", Description="x", VpcId=self.vpc)["GroupId"]
        two = make(GroupName="two", Description="x", VpcId=self.vpc)["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": one}]}
        self.ec2.authorize_security_group_ingress(GroupId=two, IpPermissions=[permission])
        self.refused("DependencyViolation", self.ec2.delete_security_group, GroupId=one)
        self.ec2.revoke_security_group_ingress(GroupId=two, IpPermissions=[permission])
        self.ec2.delete_security_group(GroupId=one)

    def test_default_group(self) -> None:
        """API: DeleteSecurityGroup, CannotDelete."""
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]},
                                                            {"Name": "group-name", "Values": ["default"]}])
        self.refused("CannotDelete", self.ec2.delete_security_group, GroupId=groups["SecurityGroups"][0]["GroupId"])

    def test_subnet_in_use(self) -> None:
        """API: DeleteSubnet, DependencyViolation."""
        self.balancer()
        self.refused("DependencyViolation", self.ec2.delete_subnet, SubnetId=self.subnets[0])

    def test_security_group_rules_and_their_tags(self) -> None:
        """API: DescribeSecurityGroupRules, TagSpecifications security-group-rule."""
        group = self.ec2.create_security_group(GroupName="tagged", Description="x", VpcId=self.vpc)["GroupId"]
        made = self.ec2.authorize_security_group_ingress(
            GroupId=group, TagSpecifications=[{"ResourceType": "security-group-rule",
                                               "Tags": [{"Key": "owner", "Value": "me"}]}],
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                            "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]}])["SecurityGroupRules"][0]
        found = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        rule = next(r for r in found["SecurityGroupRules"] if not r["IsEgress"])
        self.assertEqual((made["SecurityGroupRuleId"], "tcp", 443, "0.0.0.0/0", [{"Key": "owner", "Value": "me"}]),
                         (rule["SecurityGroupRuleId"], rule["IpProtocol"], rule["FromPort"], rule["CidrIpv4"],
                          rule["Tags"]))
        by_tag = self.ec2.describe_security_group_rules(Filters=[{"Name": "tag:owner", "Values": ["me"]}])
        self.assertEqual([rule["SecurityGroupRuleId"]],
                         [each["SecurityGroupRuleId"] for each in by_tag["SecurityGroupRules"]])
        self.refused("InvalidPermission.Duplicate", self.ec2.authorize_security_group_ingress, GroupId=group,
                     IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                                     "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])

    def test_rules_change_in_place(self) -> None:
        """API: ModifySecurityGroupRules keeps the id."""
        group = self.ec2.create_security_group(GroupName="inplace", Description="x", VpcId=self.vpc)["GroupId"]
        made = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{
            "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
        rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        self.ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{
            "SecurityGroupRuleId": rule, "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81,
                                                               "CidrIpv4": "10.0.0.0/8"}}])
        shown = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0]
        self.assertEqual(81, shown["FromPort"])
        self.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])

    def test_interfaces_by_address(self) -> None:
        """API: DescribeNetworkInterfaces, addresses.private-ip-address."""
        self.ec2.create_network_interface(SubnetId=self.subnets[0], PrivateIpAddress="10.0.1.77",
                                          Groups=[self.security_group])
        found = self.interfaces(("addresses.private-ip-address", "10.0.1.77"))
        self.assertEqual([[self.security_group]], [[g["GroupId"] for g in eni["Groups"]] for eni in found])


class Tagging(Case):
    def test_everything_with_a_tag(self) -> None:
        """API: GetResources sees load balancers, listeners, rules, groups, certificates and EC2."""
        tags = [{"Key": "stack", "Value": "blue"}]
        balancer = self.balancer(Tags=tags)
        listener = self.listener(balancer, Tags=tags)
        arns = {balancer, listener, self.rule(listener, 1, Tags=tags), self.target_group(Tags=tags)}
        certificate = self.certificate("tag.example.com")
        self.acm.add_tags_to_certificate(CertificateArn=certificate, Tags=tags)
        self.ec2.create_tags(Resources=[self.security_group], Tags=tags)
        api = client("resourcegroupstaggingapi", self.account)
        blue = [{"Key": "stack", "Values": ["blue"]}]
        group = f"arn:aws:ec2:eu-west-1:{self.account}:security-group/{self.security_group}"

        def found(*types: str) -> set[str]:
            answer = api.get_resources(TagFilters=blue, **({"ResourceTypeFilters": list(types)} if types else {}))
            return {entry["ResourceARN"] for entry in answer["ResourceTagMappingList"]}

        self.assertEqual({*arns, certificate, group}, found())
        self.assertEqual(arns, found("elasticloadbalancing"))
        self.assertEqual({balancer}, found("elasticloadbalancing:loadbalancer"))
        self.assertEqual({listener}, found("elasticloadbalancing:listener"))
        self.assertEqual({certificate, group}, found("acm", "ec2:security-group"))
        self.assertEqual([], api.get_resources(TagFilters=[{"Key": "stack", "Values": ["red"]}])
                         ["ResourceTagMappingList"])
        pages = list(api.get_paginator("get_resources").paginate(TagFilters=blue, ResourcesPerPage=2))
        self.assertEqual(6, sum(len(page["ResourceTagMappingList"]) for page in pages))

    def test_tagging_through_it(self) -> None:
        """API: TagResources, UntagResources, GetTagKeys, GetTagValues."""
        api, arn = client("resourcegroupstaggingapi", self.account), self.target_group()
        gone = arn[:-4] + "beef"
        failed = api.tag_resources(ResourceARNList=[arn, gone], Tags={"team": "a"})["FailedResourcesMap"]
        self.assertEqual([gone], list(failed))
        self.assertIn("team", api.get_tag_keys()["TagKeys"])
        self.assertEqual(["a"], api.get_tag_values(Key="team")["TagValues"])
        api.untag_resources(ResourceARNList=[arn], TagKeys=["team"])
        self.assertEqual([], self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


class Accounts(Case):
    def test_reset_drops_one_account_only(self) -> None:
        """POST /_no502/reset."""
        other = fresh_account()
        theirs = client("ec2", other).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        mine = fresh_account()
        ec2, elb = client("ec2", mine), client("elbv2", mine)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        elb.create_target_group(Name="a", Protocol="HTTP", Port=80, VpcId=vpc)
        internal("POST", "reset", {"account": mine})
        self.assertEqual([], elb.describe_target_groups()["TargetGroups"])
        self.assertEqual([], ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Vpcs"])
        self.assertEqual(1, len(client("ec2", other).describe_vpcs(VpcIds=[theirs])["Vpcs"]))

    def test_ready_says_what_is_loaded(self) -> None:
        """GET /_no502/ready."""
        answer = internal("GET", "ready")
        self.assertEqual({"loaded"}, set(answer["providers"].values()))

    def test_a_client_of_motos(self) -> None:
        """A script that worked against Moto's ELBv2 works: legacy conditions, IAM-less HTTP stack, single-form forwards."""
        group = self.target_group()
        balancer = self.elb.create_load_balancer(
            Name="my-lb", Subnets=self.subnets[:2], SecurityGroups=[self.security_group], Scheme="internal",
            Tags=[{"Key": "key_name", "Value": "a_value"}])["LoadBalancers"][0]
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]
        rule = self.elb.create_rule(
            ListenerArn=listener["ListenerArn"], Priority=100,
            Conditions=[{"Field": "host-header", "Values": ["xxx.example.com"]},
                        {"Field": "path-pattern", "Values": ["/abc"]}],
            Actions=[{"TargetGroupArn": group, "Type": "forward"}])["Rules"][0]
        self.elb.modify_rule(RuleArn=rule["RuleArn"], Conditions=[path("/xyz")])
        self.assertEqual("100", self.elb.describe_rules(RuleArns=[rule["RuleArn"]])["Rules"][0]["Priority"])
