"""How many examples Hypothesis tries: all of them in `make test`, a few in `make unit`, which is to take seconds."""

from __future__ import annotations

import os

FEW = bool(os.environ.get("FEW_EXAMPLES"))


def examples(full: int) -> int:
    """The number to try where `make test` tries `full`."""
    return max(3, full // 20) if FEW else full
