"""GetResources, GetTagKeys, GetTagValues, TagResources, UntagResources.

Load balancers, certificates and EC2 are served from here; a call that names other services as well goes on to Moto
for those. API, GetResources: 100 resources per page at most, tag filters are ANDed, values of one filter are ORed.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext, handler
from localstack.aws.skeleton import DispatchTable, create_dispatch_table
from localstack.services.moto import call_moto_with_request

from no502_localstack.tagging import resources
from no502_localstack.tagging.resources import SERVICES, Resource, Tags

Json = dict[str, Any]


def _refuse(message: str) -> CommonServiceException:
    return CommonServiceException("InvalidParameterException", message, sender_fault=True)


class TaggingProvider:
    """One method per operation; the decorator names it."""

    @handler("GetResources", expand=False)
    def get_resources(self, context: RequestContext, request: Json) -> Json:
        types = request.get("ResourceTypeFilters") or []
        arns = request.get("ResourceARNList") or []
        if arns and (types or request.get("TagFilters")):
            raise _refuse("ResourceARNList cannot be combined with tag or resource type filters")
        found = resources.tagged(context.account_id, context.region, types)
        shown = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for _, arn, tags in found
            if (not arns or arn in arns) and _wanted(tags, request.get("TagFilters") or [])
        ]
        shown += _others(context, request, types)
        return _page(request, shown)

    @handler("GetTagKeys", expand=False)
    def get_tag_keys(self, context: RequestContext, request: Json) -> Json:
        keys = {key for _, _, tags in self._all(context) for key in tags}
        return {"TagKeys": sorted(keys), "PaginationToken": ""}

    @handler("GetTagValues", expand=False)
    def get_tag_values(self, context: RequestContext, request: Json) -> Json:
        values = {tags[request["Key"]] for _, _, tags in self._all(context) if request["Key"] in tags}
        return {"TagValues": sorted(values), "PaginationToken": ""}

    @handler("TagResources", expand=False)
    def tag_resources(self, context: RequestContext, request: Json) -> Json:
        return self._change(context, request, lambda tags: tags.update(request["Tags"]))

    @handler("UntagResources", expand=False)
    def untag_resources(self, context: RequestContext, request: Json) -> Json:
        def remove(tags: Tags) -> None:
            for key in request["TagKeys"]:
                tags.pop(key, None)

        return self._change(context, request, remove)

    def _all(self, context: RequestContext) -> list[Resource]:
        return resources.tagged(context.account_id, context.region, [])

    def _change(self, context: RequestContext, request: Json, change: Any) -> Json:
        failed: Json = {}
        for arn in request["ResourceARNList"]:
            tags = resources.tags_of(context.account_id, context.region, arn)
            if tags is None:
                failed[arn] = {"StatusCode": 400, "ErrorCode": "InvalidParameterException",
                               "ErrorMessage": f"The resource {arn} does not exist"}
            else:
                change(tags)
        return {"FailedResourcesMap": failed}


def _wanted(tags: Tags, filters: list[Json]) -> bool:
    for each in filters:
        key, values = each.get("Key"), each.get("Values") or []
        if key not in tags or (values and tags[key] not in values):
            return False
    return True


def _others(context: RequestContext, request: Json, types: list[str]) -> list[Json]:
    """What Moto knows of services that are not ours; it is asked only when they are named."""
    foreign = [each for each in types if each.split(":")[0] not in SERVICES]
    if not foreign or request.get("PaginationToken"):
        return []
    asked: Any = {"ResourceTypeFilters": foreign, "ResourcesPerPage": 100} | (
        {"TagFilters": request["TagFilters"]} if request.get("TagFilters") else {}
    )
    return list(call_moto_with_request(context, asked).get("ResourceTagMappingList") or [])


def _page(request: Json, shown: list[Json]) -> Json:
    size = request.get("ResourcesPerPage") or 100
    if not 1 <= size <= 100:
        raise _refuse("ResourcesPerPage must be between 1 and 100")
    start = _position(request.get("PaginationToken"))
    following = start + size
    token = base64.b64encode(json.dumps(following).encode()).decode() if following < len(shown) else ""
    return {"ResourceTagMappingList": shown[start:following], "PaginationToken": token}


def _position(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.b64decode(token)))
    except ValueError as cause:
        raise CommonServiceException(
            "PaginationTokenExpiredException", "The pagination token is not valid", sender_fault=True
        ) from cause


def dispatch_table() -> DispatchTable:
    return create_dispatch_table(TaggingProvider())
