"""Content behind pre-signed URLs: CA bundles and revocation lists, readable for ten minutes.

API, GetTrustStoreCaCertificatesBundle: "The pre-signed S3 URI … active for ten minutes". Ours point at this server.
"""

from __future__ import annotations

import secrets
import threading
import time

_TEN_MINUTES = 600.0
_published: dict[str, tuple[float, bytes]] = {}
_lock = threading.Lock()


def publish(endpoint: str, content: bytes) -> str:
    token = secrets.token_urlsafe(16)
    with _lock:
        for key in [key for key, (until, _) in _published.items() if until < time.time()]:
            del _published[key]
        _published[token] = (time.time() + _TEN_MINUTES, content)
    return f"{endpoint.rstrip('/')}/_no502/bundles/{token}"


def read(token: str) -> bytes | None:
    until, content = _published.get(token, (0.0, b""))
    return content if time.time() < until else None
