"""What this machine is, without saying whose: processor, cores, memory, kernel, versions."""

import os
import platform
import sqlite3
import time
from importlib.metadata import version
from pathlib import Path


def today() -> str:
    """The date of a run, UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def facts() -> dict[str, str]:
    """Name → value, in the order to print them."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("granian", "Flask", "SQLAlchemy", "Authlib", "joserfc")},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )
