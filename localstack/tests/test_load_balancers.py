"""CreateLoadBalancer, DescribeLoadBalancers, DeleteLoadBalancer and the Set* calls."""

from __future__ import annotations

from tests.support import Case, client, generate, internal, until


class CreateLoadBalancer(Case):
    def test_defaults(self) -> None:
        """API: CreateLoadBalancer (Scheme internet-facing, Type application, IpAddressType ipv4)."""
        made = self.elb.create_load_balancer(Name="defaults", Subnets=self.subnets[:2])["LoadBalancers"][0]
        self.assertEqual(("internet-facing", "application", "ipv4"),
                         (made["Scheme"], made["Type"], made["IpAddressType"]))
        self.assertEqual(self.vpc, made["VpcId"])
        self.assertRegex(made["LoadBalancerArn"], r":loadbalancer/app/defaults/[0-9a-f]{16}$")
        self.assertRegex(made["DNSName"], r"^defaults-\d+\.eu-west-1\.elb\.amazonaws\.com$")
        self.assertEqual(["eu-west-1a", "eu-west-1b"], [z["ZoneName"] for z in made["AvailabilityZones"]])

    def test_default_security_group(self) -> None:
        """API: CreateLoadBalancer, SecurityGroups: the VPC's default group when none is given."""
        made = self.elb.create_load_balancer(Name="default-sg", Subnets=self.subnets[:2])["LoadBalancers"][0]
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]},
                                                            {"Name": "group-name", "Values": ["default"]}])
        self.assertEqual([groups["SecurityGroups"][0]["GroupId"]], made["SecurityGroups"])

    def test_internal_dns_name(self) -> None:
        """User guide, "Create an ALB": internal load balancers' DNS names begin with internal-."""
        made = self.elb.create_load_balancer(Name="inside", Scheme="internal", Subnets=self.subnets[:2])
        self.assertTrue(made["LoadBalancers"][0]["DNSName"].startswith("internal-inside-"))

    def test_provisioning_then_active(self) -> None:
        """API: LoadBalancerState."""
        arn = self.balancer()
        states = []

        def active() -> bool:
            states.append(self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]["State"]["Code"])
            return states[-1] == "active"

        self.assertTrue(until(active))
        self.assertEqual("provisioning", states[0])

    def test_idempotent(self) -> None:
        """API: CreateLoadBalancer is idempotent for identical settings."""
        self.assertEqual(self.balancer("again"), self.balancer("again"))

    def test_idempotent_whatever_the_order_of_subnets(self) -> None:
        """API: CreateLoadBalancer is idempotent."""
        self.assertEqual(self.balancer("order"), self.balancer("order", Subnets=self.subnets[1::-1]))

    def test_names_are_unique_without_regard_to_case(self) -> None:
        """API: CreateLoadBalancer, Name: unique within the Region for the account."""
        self.balancer("Shout")
        self.refused("DuplicateLoadBalancerName", self.balancer, "different settings", name="shout", Scheme="internal")

    def test_tag_on_create(self) -> None:
        """API: CreateLoadBalancer, Tags."""
        arn = self.balancer(Tags=[{"Key": "a", "Value": "b"}])
        shown = self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        self.assertEqual([{"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}], shown)

    def test_subnet_mappings(self) -> None:
        """API: CreateLoadBalancer, SubnetMappings instead of Subnets."""
        arn = self.elb.create_load_balancer(
            Name="mapped", SubnetMappings=[{"SubnetId": s} for s in self.subnets[:2]]
        )["LoadBalancers"][0]["LoadBalancerArn"]
        self.assertIn("/mapped/", arn)

    def test_network_load_balancer_takes_one_zone(self) -> None:
        """API: CreateLoadBalancer: network load balancers need one zone, ALBs two."""
        made = self.elb.create_load_balancer(Name="nlb", Type="network", Subnets=self.subnets[:1])["LoadBalancers"][0]
        self.assertIn(":loadbalancer/net/nlb/", made["LoadBalancerArn"])

    def test_ipam_pool(self) -> None:
        """API: CreateLoadBalancer, IpamPools; ModifyIpPools sets and removes."""
        arn = self.balancer(IpamPools={"Ipv4IpamPoolId": "ipam-pool-0123456789abcdef0"})
        shown = self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
        self.assertEqual("ipam-pool-0123456789abcdef0", shown["IpamPools"]["Ipv4IpamPoolId"])
        self.elb.modify_ip_pools(LoadBalancerArn=arn, IpamPools={"Ipv4IpamPoolId": "ipam-pool-1"})
        self.elb.modify_ip_pools(LoadBalancerArn=arn, RemoveIpamPools=["ipv4"])
        self.assertNotIn("IpamPools", self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0])

    def test_ipam_pools_are_set_or_removed(self) -> None:
        """API: ModifyIpPools."""
        self.refused("ValidationError", self.elb.modify_ip_pools, LoadBalancerArn=self.balancer())

    def test_foreign_subnet(self) -> None:
        """API: CreateLoadBalancer, all subnets belong to one VPC (InvalidSubnet)."""
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        other = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone="eu-west-1b")
        self.refused("InvalidSubnet", self.balancer, Subnets=[self.subnets[0], other["Subnet"]["SubnetId"]])

    def test_foreign_security_group(self) -> None:
        """API: CreateLoadBalancer, InvalidSecurityGroup."""
        vpc = self.ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        group = self.ec2.create_security_group(GroupName="other", Description="x", VpcId=vpc)["GroupId"]
        self.refused("InvalidSecurityGroup", self.balancer, SecurityGroups=[group])

    def test_one_zone_twice(self) -> None:
        """API: CreateLoadBalancer, "one subnet per Availability Zone"."""
        twin = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.77.0/24", AvailabilityZone="eu-west-1a")
        self.refused("InvalidConfigurationRequest", self.balancer, "same Availability Zone",
                     Subnets=[self.subnets[0], twin["Subnet"]["SubnetId"]])

    def test_states_by_switch(self) -> None:
        """API: LoadBalancerState: active_impaired and failed."""
        where = {"account": self.account, "region": "eu-west-1"}
        self.balancer("sick")
        internal("PUT", "load-balancers", {**where, "states": {"sick": {"Code": "failed", "Reason": "no addresses"}}})
        shown = self.elb.describe_load_balancers(Names=["sick"])["LoadBalancers"][0]
        self.assertEqual({"Code": "failed", "Reason": "no addresses"}, shown["State"])
        internal("PUT", "load-balancers", {**where, "states": {"sick": None}})

    def test_unsupported_zone_by_switch(self) -> None:
        """API: AvailabilityZoneNotSupported."""
        where = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "load-balancers", {**where, "unsupported_zones": ["eu-west-1c"]})
        self.refused("AvailabilityZoneNotSupported", self.balancer, Subnets=self.subnets[1:])
        internal("PUT", "load-balancers", {**where, "unsupported_zones": []})

    def test_quota(self) -> None:
        """User guide, "Quotas": load balancers per Region (TooManyLoadBalancers)."""
        other = type(self)
        shown = self.elb.describe_load_balancers()["LoadBalancers"]
        count = sum(balancer["Type"] == "application" for balancer in shown)
        quota = {"account": self.account, "region": "eu-west-1"}
        internal("PUT", "quotas", {**quota, "quotas": {"application-load-balancers": count}})
        try:
            self.refused("TooManyLoadBalancers", other.balancer)
        finally:
            internal("PUT", "quotas", {**quota, "quotas": {"application-load-balancers": None}})


def _refused(self: CreateLoadBalancer, _: str, code: str, change: dict) -> None:
    request = {"Name": "refused", "Subnets": self.subnets[:2], "SecurityGroups": [self.security_group]}
    request = {k: v for k, v in {**request, **change}.items() if v is not None}
    self.refused(code, client("elbv2", self.account, validate=False).create_load_balancer, **request)


generate(CreateLoadBalancer, "CreateLoadBalancer_refuses", [
    ("a name of 33 characters", "ValidationError", {"Name": "a" * 33}),
    ("a leading hyphen", "ValidationError", {"Name": "-a"}),
    ("a trailing hyphen", "ValidationError", {"Name": "a-"}),
    ("an underscore", "ValidationError", {"Name": "a_b"}),
    ("an internal- prefix", "ValidationError", {"Name": "internal-a"}),
    ("no name", "ValidationError", {"Name": None}),
    ("no subnets", "ValidationError", {"Subnets": None}),
    ("an unknown subnet", "SubnetNotFound", {"Subnets": ["subnet-1", "subnet-2"]}),
    ("an unknown security group", "InvalidSecurityGroup", {"SecurityGroups": ["sg-0123"]}),
    ("an unknown scheme", "ValidationError", {"Scheme": "public"}),
    ("an unknown type", "ValidationError", {"Type": "classic"}),
    ("a scheme on a gateway", "InvalidScheme", {"Type": "gateway", "Scheme": "internal", "SecurityGroups": None}),
    ("an unknown address type", "ValidationError", {"IpAddressType": "ipv6"}),
    ("dualstack without IPv6 subnets", "InvalidSubnet", {"IpAddressType": "dualstack"}),
    ("a tag value of 257 characters", "ValidationError", {"Tags": [{"Key": "k", "Value": "v" * 257}]}),
    ("duplicate tags", "DuplicateTagKeys", {"Tags": [{"Key": "a"}, {"Key": "a"}]}),
    ("a reserved tag", "ValidationError", {"Tags": [{"Key": "aws:a", "Value": "b"}]}),
    ("a tag key of 129 characters", "ValidationError", {"Tags": [{"Key": "k" * 129}]}),
    ("51 tags", "TooManyTags", {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}),
    ("a bad COIP pool", "ValidationError", {"CustomerOwnedIpv4Pool": "pool"}),
    ("a bad IPAM pool", "ValidationError", {"IpamPools": {"Ipv4IpamPoolId": "pool"}}),
    ("source NAT prefixes on an ALB", "InvalidConfigurationRequest", {"EnablePrefixForIpv6SourceNat": "on"}),
], _refused)


class ElasticAddresses(Case):
    def test_not_on_an_alb(self) -> None:
        """API: SubnetMapping.AllocationId: not for ALBs."""
        mappings = [{"SubnetId": s, "AllocationId": "eipalloc-1"} for s in self.subnets[:2]]
        self.refused("InvalidConfigurationRequest", self.elb.create_load_balancer, Name="eip", SubnetMappings=mappings)

    def test_unknown_on_an_nlb(self) -> None:
        """API: CreateLoadBalancer, AllocationIdNotFound."""
        mappings = [{"SubnetId": self.subnets[0], "AllocationId": "eipalloc-1"}]
        self.refused("AllocationIdNotFound", self.elb.create_load_balancer, Name="eip", Type="network",
                     SubnetMappings=mappings)


class DescribeLoadBalancers(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.arns = [cls.balancer(f"page-{n}") for n in range(5)]

    def test_all(self) -> None:
        """API: DescribeLoadBalancers."""
        self.assertEqual(5, len(self.elb.describe_load_balancers()["LoadBalancers"]))

    def test_pages(self) -> None:
        """API: DescribeLoadBalancers, PageSize and Marker."""
        pages = list(self.elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2}))
        self.assertEqual([2, 2, 1], [len(page["LoadBalancers"]) for page in pages])
        self.assertEqual(5, len({b["LoadBalancerArn"] for page in pages for b in page["LoadBalancers"]}))
        self.assertNotIn("NextMarker", pages[-1])

    def test_by_name(self) -> None:
        """API: DescribeLoadBalancers, Names."""
        found = self.elb.describe_load_balancers(Names=["page-1", "page-3"])["LoadBalancers"]
        self.assertEqual(["page-1", "page-3"], [b["LoadBalancerName"] for b in found])

    def test_unknown_name(self) -> None:
        """API: DescribeLoadBalancers, LoadBalancerNotFound; the whole call fails."""
        self.refused("LoadBalancerNotFound", self.elb.describe_load_balancers, Names=["page-1", "nobody"])

    def test_unknown_arn(self) -> None:
        """API: DescribeLoadBalancers, LoadBalancerNotFound."""
        self.refused("LoadBalancerNotFound", self.elb.describe_load_balancers, LoadBalancerArns=[self.arns[0][:-4] + "beef"])

    def test_no_arn(self) -> None:
        """API: a string that is no ARN is a ValidationError."""
        self.refused("ValidationError", self.elb.describe_load_balancers, LoadBalancerArns=["x"])

    def test_more_than_20(self) -> None:
        """API: DescribeLoadBalancers: up to 20 load balancers in a single call."""
        self.refused("ValidationError", self.elb.describe_load_balancers, "20", LoadBalancerArns=[self.arns[0]] * 21)

    def test_arns_and_names(self) -> None:
        """API: DescribeLoadBalancers: by ARN or by name."""
        self.refused("ValidationError", self.elb.describe_load_balancers, LoadBalancerArns=self.arns, Names=["page-1"])

    def test_page_size_range(self) -> None:
        """API: PageSize 1 to 400."""
        raw = client("elbv2", self.account, validate=False)
        self.refused("ValidationError", raw.describe_load_balancers, PageSize=401)
        self.refused("ValidationError", raw.describe_load_balancers, PageSize=0)

    def test_bad_marker(self) -> None:
        """API: Marker is opaque; a stranger's is refused."""
        self.refused("ValidationError", self.elb.describe_load_balancers, Marker="bm9wZQ==")

    def test_accounts_and_regions_are_apart(self) -> None:
        """An account sees its own Region only."""
        elsewhere = client("elbv2", self.account, region="us-east-1")
        self.assertEqual([], elsewhere.describe_load_balancers()["LoadBalancers"])


class DeleteLoadBalancer(Case):
    def test_takes_listeners_but_not_groups(self) -> None:
        """API: DeleteLoadBalancer deletes listeners and rules, not target groups."""
        arn, group = self.balancer(), self.target_group()
        listener = self.listener(arn, actions=[{"Type": "forward", "TargetGroupArn": group}])
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.refused("ListenerNotFound", self.elb.describe_listeners, ListenerArns=[listener])
        shown = self.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
        self.assertEqual([], shown["LoadBalancerArns"])

    def test_absent_succeeds(self) -> None:
        """API: DeleteLoadBalancer: "If the load balancer does not exist …, the call succeeds"."""
        arn = self.balancer()
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.elb.delete_load_balancer(LoadBalancerArn=arn)

    def test_protected(self) -> None:
        """User guide, "Deletion protection": OperationNotPermitted."""
        arn = self.balancer()
        key = "deletion_protection.enabled"
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "true"}])
        self.refused("OperationNotPermitted", self.elb.delete_load_balancer, LoadBalancerArn=arn)


class Placement(Case):
    def test_set_subnets_replaces(self) -> None:
        """API: SetSubnets replaces the set and answers with the zones."""
        arn = self.balancer()
        answer = self.elb.set_subnets(LoadBalancerArn=arn, Subnets=self.subnets[1:])
        self.assertEqual(self.subnets[1:], [z["SubnetId"] for z in answer["AvailabilityZones"]])
        self.assertEqual("ipv4", answer["IpAddressType"])

    def test_set_subnets_needs_two_zones(self) -> None:
        """API: SetSubnets: at least two zones on an ALB; nothing changes on refusal."""
        arn = self.balancer()
        self.refused("ValidationError", self.elb.set_subnets, "two", LoadBalancerArn=arn, Subnets=self.subnets[:1])
        shown = self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
        self.assertEqual(2, len(shown["AvailabilityZones"]))

    def test_set_subnets_not_both(self) -> None:
        """API: SetSubnets: subnets or mappings."""
        self.refused("ValidationError", self.elb.set_subnets, LoadBalancerArn=self.balancer(),
                     Subnets=self.subnets[:2], SubnetMappings=[{"SubnetId": self.subnets[0]}])

    def test_set_security_groups(self) -> None:
        """API: SetSecurityGroups replaces the set."""
        arn = self.balancer()
        other = self.ec2.create_security_group(GroupName="other", Description="x", VpcId=self.vpc)["GroupId"]
        answer = self.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
        self.assertEqual([other], answer["SecurityGroupIds"])

    def test_set_security_groups_unknown(self) -> None:
        """API: SetSecurityGroups, InvalidSecurityGroup."""
        self.refused("InvalidSecurityGroup", self.elb.set_security_groups, LoadBalancerArn=self.balancer(),
                     SecurityGroups=["sg-0"])

    def test_set_ip_address_type(self) -> None:
        """API: SetIpAddressType needs IPv6 CIDR blocks on the subnets."""
        arn = self.balancer()
        self.refused("InvalidSubnet", self.elb.set_ip_address_type, LoadBalancerArn=arn, IpAddressType="dualstack")
        answer = self.elb.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="ipv4")
        self.assertEqual("ipv4", answer["IpAddressType"])

    def test_dualstack(self) -> None:
        """API: SetIpAddressType dualstack and dualstack-without-public-ipv4."""
        vpc = self.ec2.create_vpc(CidrBlock="10.5.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].split("/")[0]
        subnets = [
            self.ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=f"10.5.{n}.0/24", AvailabilityZone=f"eu-west-1{z}",
                                   Ipv6CidrBlock=block.replace("00::", f"0{n}::") + "/64")["Subnet"]["SubnetId"]
            for n, z in ((1, "a"), (2, "b"))
        ]
        arn = self.elb.create_load_balancer(Name="dual", Subnets=subnets, IpAddressType="dualstack")
        arn = arn["LoadBalancers"][0]["LoadBalancerArn"]
        answer = self.elb.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="dualstack-without-public-ipv4")
        self.assertEqual("dualstack-without-public-ipv4", answer["IpAddressType"])

    def test_unknown_load_balancer(self) -> None:
        """API: LoadBalancerNotFound on every Set* call."""
        gone = self.balancer()
        self.elb.delete_load_balancer(LoadBalancerArn=gone)
        self.refused("LoadBalancerNotFound", self.elb.set_subnets, LoadBalancerArn=gone, Subnets=self.subnets[:2])
        self.refused("LoadBalancerNotFound", self.elb.set_security_groups, LoadBalancerArn=gone,
                     SecurityGroups=[self.security_group])
        self.refused("LoadBalancerNotFound", self.elb.set_ip_address_type, LoadBalancerArn=gone, IpAddressType="ipv4")
