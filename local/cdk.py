"""The pinned CDK command line, run against the embedded AWS and nothing else."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from local import lifeline
from local.cloud import ACCOUNT, PROXIES, Cloud
from local.state import ROOT, State

_NODE: Final = Path(sys.executable).parent / "node"
_CDK: Final = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
# What the documentation says, word for word; where the app lies, synthesised already, is in the environment.
DEPLOY: Final = ("deploy", "--all", "--concurrency", "4")
_SETTINGS: Final = {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DEFAULT_ACCOUNT": ACCOUNT,
    "PYTHON_COLORS": "0",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
}


class DeploymentError(Exception):
    """The deployment failed; ``str(error)`` is what the CDK or CloudFormation said, without stack traces."""


class Cdk:
    """Runs CDK commands, their output in the run's log. All raise ``DeploymentError``."""

    def __init__(self, cloud: Cloud, state: State) -> None:
        if not _CDK.exists():
            raise DeploymentError("the CDK command line is not installed; run `make install`")
        self._cloud = cloud
        self._state = state
        self._running: set[lifeline.Process] = set()
        self._lock = threading.Lock()
        self._interrupted = False

    def bootstrap(self) -> None:
        """Prepare the account, as everybody does once. Needs no app, so it runs where there is none."""
        where = f"aws://{ACCOUNT}/{self._cloud.region}"
        # The folder has no cdk.json to say so: a notice is fetched from the network.
        self._run(["bootstrap", where, "--no-notices"], cwd=self._state.folder)

    def synth(self, context: Mapping[str, str]) -> None:
        """Synthesise the app into the run's folder. The one step that may need the network, to install dependencies."""
        pairs = [part for name, value in context.items() for part in ("--context", f"{name}={value}")]
        proxies = {name: value for name, value in os.environ.items() if name.lower() in PROXIES}
        self._run(["synth", "--quiet", "--output", str(self._state.assembly), *pairs], environment=proxies)

    def deploy(self) -> dict[str, str]:
        """Deploy all stacks and return their outputs, flat."""
        self._run(DEPLOY, environment={"CDK_APP": str(self._state.assembly)})
        artifacts = json.loads((self._state.assembly / "manifest.json").read_text())["artifacts"]
        ours = {name for name, artifact in artifacts.items() if artifact["type"] == "aws:cloudformation:stack"}
        pages = self._cloud.client("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = (stack for page in pages for stack in page["Stacks"] if stack["StackName"] in ours)
        return {output["OutputKey"]: output["OutputValue"] for stack in stacks for output in stack.get("Outputs", ())}

    def interrupt(self) -> None:
        """End what runs, and let nothing else begin."""
        with self._lock:
            self._interrupted = True
            running = list(self._running)
        for process in running:
            lifeline.stop(process, grace=1.0)

    def _run(self, arguments: Sequence[str], *, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> None:
        whole = {**self._cloud.environment(), **_SETTINGS, "CDK_DEFAULT_REGION": self._cloud.region}
        command = [str(_NODE), str(_CDK), *arguments]
        with self._lock:
            if self._interrupted:
                raise DeploymentError("interrupted")
            process = lifeline.spawn_guarded(
                command, env={**whole, **(environment or {})}, cwd=cwd, stdout=lifeline.PIPE
            )
            self._running.add(process)
        try:
            output = process.stdout.read() if process.stdout else ""
            code = process.wait()
        finally:
            lifeline.stop(process)
            with self._lock:
                self._running.discard(process)
            if process.stdout:
                process.stdout.close()
        with self._state.cdk_log.open("a") as log:
            log.write(f"$ cdk {' '.join(arguments)}\n{output}\n")
        if code != 0:
            raise DeploymentError(meaningful(output) or f"cdk {arguments[0]} ended with exit code {code}")


_NOISE: Final = re.compile(
    r"^\s*(at |File |Traceback|\^|~|raise |return |self\.|jsii|javascript|node:|npm |Require stack|During handling)"
    r"|^\s*$|Source Location: |no user code in|The above exception|Subprocess exited"
)


def meaningful(output: str, most: int = 12) -> str:
    """Return what a failed command tells a person: what the CDK marks as the failure, else how it ended.

    No stack traces, no progress, nothing twice.
    """
    lines = output.splitlines()
    failure = next((number for number, line in enumerate(lines) if line.lstrip().startswith("❌")), 0)
    telling = dict.fromkeys(line.rstrip() for line in lines[failure:] if not _NOISE.search(line))
    return "\n".join(list(telling)[:most] if failure else list(telling)[-most:])
