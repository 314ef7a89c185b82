"""Lambda: an execution environment outlives an exception of its handler.

Only a timeout or the end of the process ends it (AWS Lambda Developer Guide, *Understanding the Lambda execution
environment lifecycle*). The emulator kills the interpreter after every error, so that a function whose store is
throttled pays a cold start for each failed try.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from ministack.core import lambda_runtime

_spared = threading.local()


def install() -> None:
    """Let a worker go on after its handler has raised."""
    invoke, signal, collect = lambda_runtime.Worker.invoke, lambda_runtime._signal, lambda_runtime._collect

    def invoke_and_keep(worker: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        _spared.processes = []
        try:
            response: dict[str, Any] = invoke(worker, *arguments, **options)
        finally:
            processes, _spared.processes = _spared.processes, None
        raised = "trace" in response  # the interpreter caught it, and waits for the next event
        for process in processes:
            if raised and process is not None and process.poll() is None:
                worker._proc = process
            else:
                signal(process)
                collect(process, time.monotonic() + lambda_runtime._REAP_GRACE)
        return response

    def signal_or_spare(process: Any) -> None:
        spared = getattr(_spared, "processes", None)
        if spared is None:
            signal(process)
        else:
            spared.append(process)

    def collect_or_spare(process: Any, deadline: float) -> None:
        if getattr(_spared, "processes", None) is None:
            collect(process, deadline)

    lambda_runtime.Worker.invoke = invoke_and_keep
    lambda_runtime._signal = signal_or_spare
    lambda_runtime._collect = collect_or_spare
