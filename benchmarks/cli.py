"""How long ``ses-feedback explain`` takes for one message, as the shell sees it: somebody is waiting."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.assets import EXAMPLE, ROOT
from benchmarks.coldstart import notification
from benchmarks.figure import Figure, NotMeasured

LIMIT_S: Final = 0.4
RUNS: Final = 11


def measure() -> list[Figure]:
    """Run it in fresh processes; return the median of the wall-clock time."""
    program = Path(sys.executable).with_name("ses-feedback")
    spent = []
    with tempfile.TemporaryDirectory(prefix="ses-feedback-bench-") as folder:
        message = Path(folder) / "bounce.json"
        message.write_text(notification(), encoding="utf-8")
        command = [str(program), "explain", str(message), "--json", "--config", str(EXAMPLE)]
        for repeat in range(RUNS + 1):
            begun = time.perf_counter()
            try:
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            except OSError as error:
                raise NotMeasured(f"{program}: {error.strerror}; `make install` puts it there") from None
            if done.returncode or '"action": "suppress"' not in done.stdout:
                raise NotMeasured(f"explain failed: {(done.stderr.strip() or 'it did not suppress').splitlines()[-1]}")
            if repeat:
                spent.append(time.perf_counter() - begun)
    seconds = statistics.median(spent)
    return [Figure("ses-feedback explain, one message", f"{seconds:.2f} s", f"{LIMIT_S:g} s", seconds / LIMIT_S, 1)]
