"""The demo's stack on LocalStack: deployed as desired/shop.yaml describes it, then edited by hand.

`deploy` makes it with plain AWS calls; `drift` is what happens on a bad night. Nothing here knows no502.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from typing import Any

import boto3

REGION = "eu-west-1"
ACCOUNT = "000000000000"
ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
NAME = "shop.example.com"
POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
TARGETS = {"django": ["10.0.1.10", "10.0.2.10"], "canary": ["10.0.1.20"], "frontend": ["10.0.1.30", "10.0.2.30"]}
SUBNET_OF = {"10.0.1": 0, "10.0.2": 1}
TAGS = [{"Key": "team", "Value": "shop"}]


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


elb, ec2, acm, route53 = client("elbv2"), client("ec2"), client("acm"), client("route53")


def internal(method: str, path: str, body: Any) -> None:
    """A route of our LocalStack package: not AWS."""
    request = urllib.request.Request(
        f"{ENDPOINT}/_no502/{path}", json.dumps(body).encode(), {"content-type": "application/json"}, method=method,
    )
    urllib.request.urlopen(request, timeout=30).read()


def tagged(kind: str, name: str, **more: str) -> list[dict[str, Any]]:
    tags = {"Name": name, **more}
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def answers(group: str) -> dict[str, Any]:
    """How the applications answer, whatever the health check asks for."""
    if group == "frontend":
        return {"port": 80, "protocol": "HTTP", "answers": {"*": 200}}
    return {"port": 8000, "protocol": "HTTP", "answers": {"/api/health/": 200, "/api/health": 301, "*": 404}}


def deploy() -> None:
    internal("POST", "reset", {"account": ACCOUNT})
    scripts = {address: answers(group) for group, addresses in TARGETS.items() for address in addresses}
    internal("PUT", "health", {"account": ACCOUNT, "region": REGION, "targets": scripts})
    vpc, subnets = network()
    front, app = security_groups(vpc)
    for addresses in TARGETS.values():
        for address in addresses:
            subnet = subnets[SUBNET_OF[address.rsplit(".", 1)[0]]]
            ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Groups=[app])
    groups = {name: target_group(name, vpc) for name in TARGETS}
    balancer = load_balancer(subnets, front)
    rules(listeners(balancer, groups, certificate(NAME)), groups)
    print("   1 load balancer, 2 listeners, 4 rules, 3 target groups, 5 targets, 2 security groups, 1 certificate")


def network() -> tuple[str, list[str]]:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", "main"))["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnets = []
    for index, zone in enumerate(("a", "b")):
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{index + 1}.0/24", AvailabilityZone=REGION + zone,
            TagSpecifications=tagged("subnet", f"public-{zone}", tier="public"),
        )
        subnets.append(made["Subnet"]["SubnetId"])
    return vpc, subnets


def security_groups(vpc: str) -> tuple[str, str]:
    def group(name: str, description: str) -> str:
        made = ec2.create_security_group(
            GroupName=name, Description=description, VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": TAGS}],
        )
        return str(made["GroupId"])

    front, app = group("alb", "shop: front door"), group("app", "shop: containers")
    for port in (80, 443):
        anyone = [{"CidrIp": "0.0.0.0/0", "Description": "the internet"}]
        ec2.authorize_security_group_ingress(GroupId=front, IpPermissions=[permission(port, IpRanges=anyone)])
    for port in (80, 8000):
        ec2.authorize_security_group_ingress(GroupId=app, IpPermissions=[from_front(port, front)])
    return front, app


def permission(port: int, **source: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}


def from_front(port: int, front: str) -> dict[str, Any]:
    return permission(port, UserIdGroupPairs=[{"GroupId": front, "Description": "from the load balancer"}])


def certificate(name: str) -> str:
    """Requests a certificate and puts its validation record into DNS; ACM then issues it."""
    arn = str(acm.request_certificate(
        DomainName=name, SubjectAlternativeNames=[f"*.{name}"], ValidationMethod="DNS", Tags=TAGS,
    )["CertificateArn"])
    zone = route53.create_hosted_zone(Name=name, CallerReference=f"{name}-{time.time()}")["HostedZone"]["Id"]
    record = validation_record(arn)
    change = {"Name": record["Name"], "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": record["Value"]}]}
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": change}]},
    )
    for _ in range(100):
        if acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED":
            return arn
        time.sleep(0.1)
    raise SystemExit(f"the certificate for {name} was not issued")


def validation_record(arn: str) -> dict[str, str]:
    """ACM names the record some seconds after the request."""
    for _ in range(300):
        options = acm.describe_certificate(CertificateArn=arn)["Certificate"].get("DomainValidationOptions", [])
        if options and "ResourceRecord" in options[0]:
            return dict(options[0]["ResourceRecord"])
        time.sleep(0.1)
    raise SystemExit(f"ACM names no validation record for {arn}")


def target_group(name: str, vpc: str) -> str:
    api = name != "frontend"
    thresholds = {"HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2} if name == "django" else {}
    made = elb.create_target_group(
        Name=name, Protocol="HTTP", Port=8000 if api else 80, VpcId=vpc, TargetType="ip",
        HealthCheckPath="/api/health/" if api else "/", HealthCheckIntervalSeconds=15, HealthCheckTimeoutSeconds=5,
        Matcher={"HttpCode": "200"}, Tags=TAGS, **thresholds,
    )
    arn = str(made["TargetGroups"][0]["TargetGroupArn"])
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "30" if api else "10"}
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": address} for address in TARGETS[name]])
    return arn


def load_balancer(subnets: list[str], front: str) -> str:
    made = elb.create_load_balancer(Name="web", Subnets=subnets, SecurityGroups=[front], Tags=TAGS)
    arn = str(made["LoadBalancers"][0]["LoadBalancerArn"])
    strict = {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"}
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[strict])
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn], WaiterConfig={"Delay": 1})
    return arn


def listeners(balancer: str, groups: dict[str, str], certificate_arn: str) -> str:
    to_https = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[to_https], Tags=TAGS)
    made = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTPS", Port=443, SslPolicy=POLICY, Tags=TAGS,
        Certificates=[{"CertificateArn": certificate_arn}], DefaultActions=[forward(groups["frontend"])],
    )
    return str(made["Listeners"][0]["ListenerArn"])


def forward(group: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": group}


def weighted(shares: dict[str, int]) -> dict[str, Any]:
    targets = [{"TargetGroupArn": group, "Weight": weight} for group, weight in shares.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": targets}}


def host(*values: str) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values)}}


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def rules(listener: str, groups: dict[str, str]) -> None:
    def rule(priority: int, conditions: list[dict[str, Any]], action: dict[str, Any]) -> None:
        elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[action], Tags=TAGS)

    closed = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "back in a minute"}
    rule(5, [host(f"maintenance.{NAME}")], {"Type": "fixed-response", "FixedResponseConfig": closed})
    moved = {"Path": "/new/#{path}", "StatusCode": "HTTP_302"}
    rule(10, [path("/old/*")], {"Type": "redirect", "RedirectConfig": moved})
    rule(20, [host(NAME), path("/api/checkout/*")], weighted({groups["django"]: 95, groups["canary"]: 5}))
    rule(30, [host(NAME), path("/api/*")], forward(groups["django"]))


def drift() -> None:
    """What hands did in the console, one call each."""
    balancer = elb.describe_load_balancers(Names=["web"])["LoadBalancers"][0]
    arn = balancer["LoadBalancerArn"]
    groups = {group["TargetGroupName"]: group["TargetGroupArn"] for group in elb.describe_target_groups()["TargetGroups"]}
    found = {each["Port"]: each["ListenerArn"] for each in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]}
    by_priority = {rule["Priority"]: rule["RuleArn"] for rule in elb.describe_rules(ListenerArn=found[443])["Rules"]}
    app = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["app"]}])["SecurityGroups"][0]

    edit("the health check of django asks for /health")
    elb.modify_target_group(TargetGroupArn=groups["django"], HealthCheckPath="/health")
    edit("the health check of canary speaks HTTPS to a plain HTTP port")
    elb.modify_target_group(TargetGroupArn=groups["canary"], HealthCheckProtocol="HTTPS")
    edit("the security group of the targets no longer lets the load balancer in on port 80")
    opened = from_front(80, balancer["SecurityGroups"][0])
    ec2.revoke_security_group_ingress(GroupId=app["GroupId"], IpPermissions=[opened])
    edit("deregistration delay of django: 5 s; idle timeout of the load balancer: 120 s; bad headers are let through")
    short = {"Key": "deregistration_delay.timeout_seconds", "Value": "5"}
    elb.modify_target_group_attributes(TargetGroupArn=groups["django"], Attributes=[short])
    long_idle = {"Key": "idle_timeout.timeout_seconds", "Value": "120"}
    lax = {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[long_idle, lax])
    edit("port 80 serves the application instead of redirecting")
    elb.modify_listener(ListenerArn=found[80], DefaultActions=[forward(groups["frontend"])])
    edit("port 443 shows the certificate of another name, under a policy of 2016")
    other = certificate("old-shop.example.net")
    policy = "ELBSecurityPolicy-2016-08"
    elb.modify_listener(ListenerArn=found[443], SslPolicy=policy, Certificates=[{"CertificateArn": other}])
    edit("all of the checkout goes to the canary; the API's rule takes /api/v1 only; the redirect moved behind it")
    everything = weighted({groups["django"]: 0, groups["canary"]: 100})
    elb.modify_rule(RuleArn=by_priority["20"], Actions=[everything])
    elb.modify_rule(RuleArn=by_priority["30"], Conditions=[host(NAME), path("/api/v1/*")])
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": by_priority["10"], "Priority": 40}])
    edit("one django target is gone, a stranger is registered")
    elb.deregister_targets(TargetGroupArn=groups["django"], Targets=[{"Id": "10.0.2.10", "Port": 8000}])
    elb.register_targets(TargetGroupArn=groups["django"], Targets=[{"Id": "10.0.2.99"}])


def edit(what: str) -> None:
    print(f"   - {what}")


if __name__ == "__main__":
    {"deploy": deploy, "drift": drift}[sys.argv[1]]()
