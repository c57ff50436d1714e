"""What the environment decides: the time scale and the identity of the installed package.

Nothing else in the package reads the environment.
"""

from __future__ import annotations

import os

TIME_SCALE: float = float(os.environ.get("NO502_LS_TIME_SCALE") or "1")
PACKAGE: str = os.environ.get("NO502_LS_PACKAGE", "")


def scaled(seconds: float) -> float:
    """A server-side wait of AWS's length, shortened by the time scale."""
    return seconds / TIME_SCALE
