"""How long synth takes: of the example by ``cdk synth``, and of a thousand identities with either kind of alarms.

Dependencies are at hand, and every asset is made anew. CPU seconds are those of Python, Node and all they start.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.assets import ROOT
from benchmarks.figure import Figure, NotMeasured

LIMIT_S: Final = 10.0
RUNS: Final = 3
MANY: Final = 1_000
MANY_LIMIT_S: Final = 60.0
MOST_RESOURCES: Final = 450
_MANY: Final = """
[deployment]
alarms = "{alarms}"
[on_call]
page = [{{ email = "oncall@example.com" }}]
[teams.all]
notify = [{{ email = "team@example.com" }}, {{ https = "https://crm.example.com/hooks/ses" }}]
"""


class Run(NamedTuple):
    """One synth: seconds by the clock, CPU seconds, and the resources of its largest stack."""

    wall: float
    cpu: float
    largest: int


def measure() -> list[Figure]:
    """Synthesise into fresh folders; the first run of the example fills caches and is not counted."""
    with tempfile.TemporaryDirectory(prefix="ses-feedback-bench-") as folder:
        example = [_run(Path(folder) / f"example-{n}", ROOT / "feedback.toml") for n in range(RUNS + 1)][1:]
        seconds = statistics.median(run.wall for run in example)
        figures = [Figure("cdk synth of the example", f"{seconds:.1f} s", f"{LIMIT_S:g} s", seconds / LIMIT_S, 1)]
        for alarms in ("identity", "environment"):
            run = _run(Path(folder) / alarms, _many(Path(folder), alarms))
            each = f"cdk synth of {MANY:,} identities, alarms per {alarms}"
            figures += [
                Figure(
                    each,
                    f"{run.wall:.1f} s ({run.cpu:.1f} s of CPU)",
                    f"{MANY_LIMIT_S:g} s",
                    run.wall / MANY_LIMIT_S,
                    1,
                ),
                Figure(
                    f"{each}: largest stack",
                    f"{run.largest} resources",
                    f"{MOST_RESOURCES} resources",
                    run.largest / MOST_RESOURCES,
                    1,
                ),
            ]
    return figures


def _many(folder: Path, alarms: str) -> Path:
    path = folder / f"{alarms}.toml"
    identities = (
        f'[identities."d{n:04d}.example.com"]\nteam = "all"\nenvironment = "{("production", "staging")[n % 2]}"\n'
        for n in range(MANY)
    )
    path.write_text(_MANY.format(alarms=alarms) + "".join(identities))
    return path


def _run(folder: Path, config: Path) -> Run:
    """Run ``cdk synth`` as a user does, with an output folder and a lock file of its own."""
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    environment = {**os.environ, "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
    command = [str(cdk), "synth", "--quiet", "--output", f"{folder}/out"]
    command += ["--context", f"config={config}", "--context", f"lock={folder}/lock.json"]
    folder.mkdir()
    before, begun = _children_cpu(), time.perf_counter()
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotMeasured(f"{cdk}: {error.strerror}; `make install` puts it there") from None
    wall, cpu = time.perf_counter() - begun, _children_cpu() - before
    if done.returncode:
        raise NotMeasured(f"synth failed: {(done.stderr.strip() or 'it said nothing').splitlines()[-1]}")
    sizes = (len(json.loads(path.read_text()).get("Resources", {})) for path in folder.glob("out/*.template.json"))
    return Run(wall, cpu, max(sizes))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
