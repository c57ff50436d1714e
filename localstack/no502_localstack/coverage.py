"""Prints the README's table of operations: `python -m no502_localstack.coverage`.

Generated from the service models and from what our dispatch tables really hold, so that it cannot promise too much.
"""

from __future__ import annotations

import botocore.session

from no502_localstack.acm.provider import OPERATIONS as ACM
from no502_localstack.elbv2.provider import OPERATIONS as ELBV2
from no502_localstack.tagging.provider import dispatch_table

# What an operation does not do, where its answer could be mistaken for more.
LIMITS = {
    "elbv2.CreateLoadBalancer": "no internet gateway is demanded of the VPC",
    "elbv2.ModifyLoadBalancerAttributes": "log buckets are not checked, no logs are written",
    "elbv2.DescribeTargetHealth": "security groups are judged for addresses with a network interface",
    "elbv2.DeleteSharedTrustStoreAssociation": "nothing is ever shared, so it always refuses",
    "elbv2.GetResourcePolicy": "nothing is ever shared, so it always refuses",
    "acm.RequestCertificate": "DNS validation in the same account's Route 53; e-mail is never answered",
    "acm.RenewCertificate": "reissues at once; renewal states come from a switch",
    "resourcegroupstaggingapi.GetResources": "other services than ELB, ACM and EC2 come from Moto, if named",
    "resourcegroupstaggingapi.TagResources": "ELB, ACM and EC2 only",
    "resourcegroupstaggingapi.UntagResources": "ELB, ACM and EC2 only",
}


def table() -> str:
    served = {"elbv2": set(ELBV2), "acm": set(ACM), "resourcegroupstaggingapi": set(dispatch_table())}
    lines = ["| service | operation | status | limits |", "| --- | --- | --- | --- |"]
    for service, ours in served.items():
        for name in botocore.session.Session().get_service_model(service).operation_names:
            status = "served" if name in ours else "not served"
            lines.append(f"| {service} | {name} | {status} | {LIMITS.get(f'{service}.{name}', '')} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
