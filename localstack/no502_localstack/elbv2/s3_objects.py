"""Reads objects from LocalStack's S3 as the caller's account: CA bundles and revocation lists."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from no502_localstack.elbv2.store import Store


def read(store: Store, bucket: str, key: str, version: str | None) -> bytes | None:
    """The object's bytes, or None if bucket, key or version are not there or may not be read."""
    from localstack.aws.connect import connect_to

    client = connect_to(aws_access_key_id=store.account, region_name=store.region).s3
    extra = {"VersionId": version} if version else {}
    try:
        return client.get_object(Bucket=bucket, Key=key, **extra)["Body"].read()
    except (ClientError, BotoCoreError):
        return None
