"""How long ``cdk synth`` of the example takes, with its dependencies at hand and every asset to be made anew."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.assets import ROOT
from benchmarks.figure import Figure, NotMeasured

LIMIT_S: Final = 10.0
RUNS: Final = 3


def measure() -> list[Figure]:
    """Synthesise into fresh folders; return the median of the wall-clock time. The first run fills caches."""
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    environment = {**os.environ, "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
    spent = []
    for repeat in range(RUNS + 1):
        with tempfile.TemporaryDirectory(prefix="ses-feedback-bench-") as folder:
            command = [
                str(cdk),
                "synth",
                "--quiet",
                "--output",
                f"{folder}/out",
                "--context",
                f"lock={folder}/lock.json",
            ]
            begun = time.perf_counter()
            try:
                done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            except OSError as error:
                raise NotMeasured(f"{cdk}: {error.strerror}; `make install` puts it there") from None
            if done.returncode:
                raise NotMeasured(f"synth failed: {(done.stderr.strip() or 'it said nothing').splitlines()[-1]}")
            if repeat:
                spent.append(time.perf_counter() - begun)
    seconds = statistics.median(spent)
    return [Figure("cdk synth of the example", f"{seconds:.1f} s", f"{LIMIT_S:g} s", seconds / LIMIT_S, 1)]
