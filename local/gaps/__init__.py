"""What the embedded AWS lacks, filled: each module one service, each gap listed in ``local/README.md``.

The modules replace functions of ``ministack`` inside the emulator's own process, at its start and nowhere else.
"""

from __future__ import annotations


def install() -> None:
    """Fill every gap. Call once, in the emulator's process, before the first request."""
    # ministack reads its environment when it is imported.
    from local.gaps import (  # noqa: PLC0415
        cloudformation,
        cloudwatch,
        confirmations,
        deliveries,
        invocations,
        queues,
        schedules,
        ses,
        workers,
    )

    for module in (
        cloudformation,
        cloudwatch,
        confirmations,
        deliveries,
        invocations,
        queues,
        schedules,
        ses,
        workers,
    ):
        module.install()
