"""How many cores this process may use.

Knows what the system tells of its processors. Does not know what they are used for.
"""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of version 2; what an older one allows is not read
_SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def count_cores() -> int:
    """Return how many physical cores this process may use, at least 1.

    By its affinity, and by the quota of its container where that is a control group of version 2; on
    systems without affinity (macOS), all processors that there are.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    # Two hyperthreads share the arithmetic of one core: using both is no faster.
    cores = {_read(Path(_SIBLINGS.format(cpu))) or str(cpu) for cpu in os.sched_getaffinity(0)}
    quota, _, period = _read(_QUOTA).partition(" ")  # "200000 100000" or "max 100000"
    if quota.isdigit() and period.isdigit() and int(period):
        return max(1, min(len(cores), int(quota) // int(period)))
    return len(cores)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # another system, or hidden in this container
        return ""
