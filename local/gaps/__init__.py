"""What the embedded AWS lacks, filled: each module one service, each gap listed in ``local/README.md``.

The modules replace functions of ``ministack`` inside the emulator's own process, at its start and nowhere else.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

_MODULES: Final = (
    "athena",
    "cloudformation",
    "cloudwatch",
    "confirmations",
    "deliveries",
    "firehose",
    "invocations",
    "logs",
    "names",  # after cloudformation: it knows composite alarms only then
    "queues",
    "replacements",
    "schedules",
    "ses",
    "workers",
    "signatures",  # last: it imports all of the emulator
)


def install() -> None:
    """Fill every gap. Call once, in the emulator's process, before the first request."""
    for name in _MODULES:
        # Only now: ministack reads its environment when it is imported.
        import_module(f"local.gaps.{name}").install()
