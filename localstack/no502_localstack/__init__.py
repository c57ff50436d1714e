"""A faithful Elastic Load Balancing v2 for open-source LocalStack, and what stands around it.

Open-source LocalStack has no ELBv2. This package adds one with a store of its own, written from the AWS service model
and the public AWS documentation, for Application Load Balancers and everything an ALB user calls.
It does not proxy traffic: a load balancer here is its configuration, its targets' health and its side effects.
"""

__version__ = "0.1.0"
