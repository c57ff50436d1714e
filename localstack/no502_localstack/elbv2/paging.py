"""Marker and PageSize (API: "Marker", "PageSize", 1 to 400).

The marker is opaque to clients. It carries the position and a fingerprint of what was asked, so that one of another
listing is refused, as AWS does.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Sequence, TypeVar

from no502_localstack import choices
from no502_localstack.elbv2.errors import validation

T = TypeVar("T")


def page(items: Sequence[T], request: dict[str, Any], listing: str) -> tuple[list[T], str | None]:
    """The asked-for slice and the marker of the next one, or None on the last page."""
    start = _position(request.get("Marker"), listing)
    size = request.get("PageSize") or choices.DEFAULT_PAGE_SIZE
    slice_ = list(items[start : start + size])
    following = start + size
    return slice_, _marker(following, listing) if following < len(items) else None


def paged(key: str, items: Sequence[Any], request: dict[str, Any], listing: str) -> dict[str, Any]:
    shown, marker = page(items, request, listing)
    answer: dict[str, Any] = {key: shown}
    if marker:
        answer["NextMarker"] = marker
    return answer


def _marker(position: int, listing: str) -> str:
    return base64.urlsafe_b64encode(f"{listing}:{position}".encode()).decode()


def _position(marker: str | None, listing: str) -> int:
    if not marker:
        return 0
    try:
        name, _, number = base64.urlsafe_b64decode(marker.encode()).decode().rpartition(":")
        if name != listing:
            raise ValueError(name)
        return int(number)
    except (ValueError, binascii.Error, UnicodeDecodeError) as cause:
        raise validation(f"Invalid marker '{marker}'") from cause
