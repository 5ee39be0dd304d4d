"""What a table has to say of the machine it was measured on."""

from __future__ import annotations

import os
import platform
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system."""
    return {"processor": _field("/proc/cpuinfo", "model name") or platform.processor(), "cores": os.cpu_count()} | {
        "memory": _field("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
    }


def in_words() -> str:
    """The machine in one line."""
    found = machine()
    memory = f", {int(found['memory'].split()[0]) / 2**20:.0f} GiB" if found["memory"] else ""
    return f"{found['processor']}, {found['cores']} cores{memory}, {found['system']}"


def _field(path: str, name: str) -> str:
    if not os.path.exists(path):  # not Linux
        return ""
    with open(path) as file:
        values = (line.partition(":")[2].strip() for line in file if line.startswith(name))
        return next(values, "")
