"""The state machine that replays a large archive on AWS, as an operator starts and follows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ses_feedback import naming
from ses_feedback.adapters.archive_texts import hours_of
from ses_feedback.usecases.replay_reading import ALWAYS, Window
from ses_feedback.usecases.replay_steps import Counts, add

RUNNING: Final = "RUNNING"
SUCCEEDED: Final = "SUCCEEDED"


class Progress(NamedTuple):
    """How far an execution is: its status, and objects done and found in all steps so far, in batches."""

    status: str
    done: int
    found: int


class ReplayMachine:
    """Needs ``states:StartExecution`` on the machine, ``states:DescribeExecution``, ``ListMapRuns`` and
    ``DescribeMapRun`` on its executions, and ``s3:GetObject`` on the results.
    """

    def __init__(self, states: Any, s3: Any, *, machine: str) -> None:
        self._states = states
        self._s3 = s3
        self._machine = machine

    def start(self, window: Window, per_second: int) -> str:
        """Start a replay of a window that writes so many addresses a second at most; return its execution."""
        hours = hours_of(window)
        # Only what the first and the last hour have in common is listed.
        common = naming.ARCHIVE_FEEDBACK + "/"
        if window != ALWAYS:
            for one, other in zip(hours.first, hours.last, strict=True):
                if one != other:
                    break
                common += one
        settings = {
            "since": window.since,
            "until": window.until,
            "rate": max(per_second // naming.REPLAY_CONCURRENCY, 1),
            "prefix": common,
        }
        started = self._states.start_execution(stateMachineArn=self._machine, input=json.dumps(settings))
        return str(started["executionArn"])

    def progress(self, execution: str) -> Progress:
        """Return how far an execution is."""
        status = str(self._states.describe_execution(executionArn=execution)["status"])
        done = found = 0
        for run in self._states.list_map_runs(executionArn=execution).get("mapRuns", ()):
            counts = self._states.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
            done += counts["succeeded"] + counts["failed"]
            found += counts["total"]
        return Progress(status, done, found)

    def outcome(self, execution: str) -> tuple[str, Counts, Counts]:
        """Return why an execution failed (empty where it did not), and what each step counted."""
        found = self._states.describe_execution(executionArn=execution)
        if found["status"] != SUCCEEDED:
            parts = (str(found.get(name) or "") for name in ("status", "error", "cause"))
            return ": ".join(part for part in parts if part), {}, {}
        output = json.loads(found.get("output") or "{}")
        first, second = (self._sum(output.get(step)) for step in naming.REPLAY_STEPS)
        return "", first, second

    def _sum(self, step: Any) -> Counts:
        total: Counts = {}
        for counts in step if isinstance(step, list) else self._results(step):
            total = add(total, counts)
        return total

    def _results(self, step: Any) -> Iterator[Counts]:
        """Yield what each function returned, from where Step Functions wrote it ("ResultWriter")."""
        details = step.get("ResultWriterDetails") if isinstance(step, dict) else None
        if not details:
            return
        bucket = details["Bucket"]
        manifest = self._json(bucket, details["Key"])
        for file in manifest.get("ResultFiles", {}).get("SUCCEEDED", ()):
            for child in self._json(bucket, file["Key"]):
                yield json.loads(child["Output"])

    def _json(self, bucket: str, key: str) -> Any:
        return json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
