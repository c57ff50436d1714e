"""What LocalStack's CloudWatch lets through: a question about some dimensions also counts values that have more.

API: GetMetricData, GetMetricStatistics ("a metric is unique by its name, namespace and dimensions"; values are found only
with the dimensions that they were put with). A load balancer's requests would hold those of its target groups twice.
"""

from __future__ import annotations

from typing import Any, Callable

from localstack.services.cloudwatch.cloudwatch_database_helper import CloudwatchDatabase
from localstack.utils import patch as patching

_applied = False
patch: Callable[..., Callable[..., Any]] = patching.patch


def apply() -> None:
    """Idempotent."""
    global _applied
    if _applied:
        return
    _applied = True
    patch(CloudwatchDatabase.get_metric_data_stat)(_get_metric_data_stat)


def _get_metric_data_stat(original: Callable[..., Any], database: CloudwatchDatabase, *args: Any, **kwargs: Any) -> Any:
    return original(_Exact(database), *args, **kwargs)


class _Exact:
    """The database, whose search for dimensions finds those alone."""

    def __init__(self, database: CloudwatchDatabase) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def _get_ordered_dimensions_with_separator(self, dims: Any, for_search: bool = False) -> Any:
        return self._database._get_ordered_dimensions_with_separator(dims)
