"""What the deployment's own endpoint costs at its start: its asset's size, and the CPU time to its first answer."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.asset import sizes
from benchmarks.assets import built
from benchmarks.figure import Figure, NotMeasured

LIMIT_MB: Final = 23.0
LIMIT_MS: Final = 250.0
RUNS: Final = 9
# As in `coldstart`: what Lambda's bootstrap has imported does not count.
_SCRIPT: Final = """
import sys, os, time, json, logging, traceback, decimal, http.client, importlib, datetime, types, functools
sys.path[:0] = sys.argv[1:]
event = {"headers": {"content-type": "text/plain"}, "requestContext": {"http": {"method": "POST"}}, "body": "{}"}
cpu = time.process_time()
from lambdas.receive_posts import handler
answer = handler(event, None)
cpu = time.process_time() - cpu
assert answer["statusCode"] == 400
print(cpu)
"""


def cold_start(asset: Path) -> float:
    """Return the CPU seconds of one cold start, from the first import to the answer to a post that is none."""
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "SES_FEEDBACK_TABLE": "bench-suppressions",
        "SES_FEEDBACK_ADDRESS_KEY": "0123456789abcdef0123456789abcdef",
        "SES_FEEDBACK_QUARANTINE_BUCKET": "bench-quarantine",
    }
    site = next(path for path in sys.path if path.endswith("site-packages"))
    command = [sys.executable, "-S", "-s", "-c", _SCRIPT, str(asset), site]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMeasured(f"a cold start failed: {(done.stderr.strip() or 'it said nothing').splitlines()[-1]}")
    return float(done.stdout.split()[-1])


def measure() -> list[Figure]:
    """Weigh the asset for Lambda; start that of this machine some times."""
    with built(local=False, posts=True) as folder:
        found = sizes(folder)
    megabytes = found.total() / 1e6
    largest = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in found.most_common(2))
    with built(local=True, posts=True) as folder:
        cold_start(folder)  # fills caches of files
        spent = statistics.median(cold_start(folder) for _ in range(RUNS)) * 1_000
    return [
        Figure(
            "asset of receive_posts, unpacked",
            f"{megabytes:.1f} MB ({largest})",
            f"{LIMIT_MB:g} MB",
            megabytes / LIMIT_MB,
            1,
        ),
        Figure(
            "cold start of receive_posts, import to first answer",
            f"{spent:.0f} ms CPU",
            f"{LIMIT_MS:g} ms CPU",
            spent / LIMIT_MS,
            1,
        ),
    ]
