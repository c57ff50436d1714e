"""The entry points that LocalStack loads: our service providers and the internal routes.

An import error in here makes a provider vanish without a word, so this module imports nothing of ours at its top; the
ready route reports what was loaded.
"""

from __future__ import annotations

from localstack.runtime import hooks
from localstack.services.plugins import Service, aws_provider


@aws_provider(api="elbv2", name="default")
def elbv2() -> Service:
    from localstack.aws.skeleton import Skeleton
    from localstack.aws.spec import load_service

    from no502_localstack.elbv2.provider import dispatch_table

    return Service("elbv2", skeleton=Skeleton(load_service("elbv2"), dispatch_table()))


@aws_provider(api="acm", name="no502")
def acm() -> Service:
    from localstack.aws.skeleton import Skeleton
    from localstack.aws.spec import load_service

    from no502_localstack.acm.provider import dispatch_table

    return Service("acm", skeleton=Skeleton(load_service("acm"), dispatch_table()))


@aws_provider(api="ec2", name="no502")
def ec2() -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    from no502_localstack.ec2 import patches
    from no502_localstack.ec2.provider import FaithfulEc2Provider

    patches.apply()
    return Service.for_provider(FaithfulEc2Provider(), dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="resourcegroupstaggingapi", name="no502")
def resourcegroupstaggingapi() -> Service:
    from localstack.aws.skeleton import Skeleton
    from localstack.aws.spec import load_service

    from no502_localstack.tagging.provider import dispatch_table

    return Service(
        "resourcegroupstaggingapi", skeleton=Skeleton(load_service("resourcegroupstaggingapi"), dispatch_table())
    )


@hooks.on_infra_start()
def exact_metrics() -> None:
    from no502_localstack.metrics import apply

    apply()


@hooks.on_infra_start()
def install_routes() -> None:
    from no502_localstack.routes import install

    install()
