"""Memory that a round frees is used again."""

from __future__ import annotations

import subprocess
import sys

_FREED = """
import resource
import numpy as np
from paperround.process.memory import keep_freed_blocks

keep_freed_blocks()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    arrays = [np.ones(1 << 17) for _ in range(8)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_arrays_of_a_megabyte_get_the_memory_of_those_before() -> None:
    done = subprocess.run([sys.executable, "-c", _FREED], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 10_000, "pages; all arrays together have 40,960"
