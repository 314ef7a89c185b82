"""What a million notifications cost at list price in us-east-1: the calls of the real functions, counted.

A sample is replayed through ``record_feedback`` and ``tally_feedback`` against a stand-in for DynamoDB that meters
units; CPU time is measured and the log is counted. What follows time and not mail (metrics, alarms, keys, idle pollers)
is in ``infra/cost.py`` and ``docs/cost.md``. ``python -m benchmarks.cost`` prints the tables.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks import dynamodb, sample
from benchmarks.figure import Figure
from benchmarks.functions import Functions, loaded, sns_event, sqs_event
from ses_feedback import naming

MILLION: Final = 1_000_000

# AWS's list prices in us-east-1, in dollars, without free tiers, discounts or taxes. Pricing pages of Amazon SNS
# (requests of 64 KB; deliveries to Lambda and SQS are free), Amazon SQS (standard queues, requests of 64 KB), AWS
# Lambda (arm64), Amazon DynamoDB (on demand, class Standard) and Amazon CloudWatch (logs of the class Standard).
SNS_REQUEST: Final = 0.50 / MILLION
SQS_REQUEST: Final = 0.40 / MILLION
LAMBDA_REQUEST: Final = 0.20 / MILLION
LAMBDA_GB_SECOND: Final = 0.0000133334
WRITE_UNIT: Final = 0.625 / MILLION
READ_UNIT: Final = 0.125 / MILLION
LOG_BYTE: Final = 0.50 / 1e9

_CHUNK: Final = 65_536
_SQS_BATCH: Final = 10  # messages in one ReceiveMessage or DeleteMessageBatch, however large the function's batch
_LOG_EVENT: Final = 26  # bytes billed with every log event, as PutLogEvents counts them
_ID: Final = "8f2b1c4d-5e6f-4a1b-8c2d-1234567890ab"
# What Lambda itself writes for each invocation.
_PLATFORM: Final = (
    f"START RequestId: {_ID} Version: $LATEST\n",
    f"END RequestId: {_ID}\n",
    f"REPORT RequestId: {_ID}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 78 MB\t\n",
)
_PLATFORM_BYTES: Final = sum(len(line) + _LOG_EVENT for line in _PLATFORM)
# Assumed, since nothing here runs in Lambda: a core of this machine is as fast as a whole vCPU, of which a function has
# its memory's share; a call to DynamoDB takes 5 ms; the runtime around the handler takes 0.3 ms of CPU.
_WHOLE_VCPU_MB: Final = 1_769
_ROUND_TRIP_MS: Final = 5.0
_RUNTIME_CPU_MS: Final = 0.3
_CALLS: Final = ("PutItem", "UpdateItem", "BatchGetItem")


class Line(NamedTuple):
    """``count`` of something for a million notifications at ``each`` dollars; ``least`` of them nobody can avoid."""

    what: str
    count: float
    each: float
    least: float = 0.0

    @property
    def dollars(self) -> float:
        """Dollars for a million."""
        return self.count * self.each


class Run(NamedTuple):
    """What a function did with the sample: invocations, CPU ms of one (mean), calls to DynamoDB, bytes of log."""

    invocations: int
    cpu_ms: float
    calls: int
    log_bytes: int

    def gb_seconds(self, memory_mb: int) -> float:
        """Return what is billed: wall-clock time, in whole milliseconds an invocation."""
        cpu = (self.cpu_ms + _RUNTIME_CPU_MS) * max(1.0, _WHOLE_VCPU_MB / memory_mb)
        wall = cpu + _ROUND_TRIP_MS * self.calls / self.invocations
        return self.invocations * (wall + 0.5) / 1_000 * memory_mb / 1_024


class Measured(NamedTuple):
    """What the sample made the functions do."""

    messages: list[sample.Message]
    record: Run
    tally: Run
    meter: dict[str, int]


def replay(messages: list[sample.Message], batch: int) -> Measured:
    """Hand the sample to the functions: bounces and complaints one by one, everything in full batches."""
    with loaded(naming.RECORD_FEEDBACK, naming.TALLY_FEEDBACK) as functions:
        acts = [sns_event(message.envelope) for message in messages if message.acted_on]
        counts = [
            sqs_event([message.envelope for message in messages[start : start + batch]])
            for start in range(0, len(messages), batch)
        ]
        record = _run(functions, naming.RECORD_FEEDBACK, acts)
        tally = _run(functions, naming.TALLY_FEEDBACK, counts)
        return Measured(messages, record, tally, dict(dynamodb.meter(functions.url)))


def _run(functions: Functions, name: str, events: Sequence[dict[str, Any]]) -> Run:
    handler, log = functions.handlers[name], functions.log
    lines, written, before = log.lines, log.bytes, dynamodb.meter(functions.url)
    gc.collect()
    cpu = time.process_time_ns()
    for event in events:
        answer = handler(event, None)
        assert not (answer or {}).get("batchItemFailures"), answer
    spent = (time.process_time_ns() - cpu) / 1e6
    after = dynamodb.meter(functions.url)
    return Run(
        len(events),
        spent / len(events),
        sum(after[call] - before[call] for call in _CALLS),
        log.bytes - written + (log.lines - lines) * _LOG_EVENT + len(events) * _PLATFORM_BYTES,
    )


def bill(found: Measured, memory_mb: Callable[[str], int]) -> list[Line]:
    """Return what a million such notifications cost, line by line."""
    scale = MILLION / len(found.messages)
    bodies = [len(message.envelope.encode()) for message in found.messages]
    acted_on = sum(message.acted_on for message in found.messages)
    receives = sum(_chunks(sum(some)) for some in _tens(bodies))
    deletes = math.ceil(len(bodies) / _SQS_BATCH)
    seconds = found.record.gb_seconds(memory_mb(naming.RECORD_FEEDBACK))
    seconds += found.tally.gb_seconds(memory_mb(naming.TALLY_FEEDBACK))
    meter = found.meter
    counted: list[tuple[str, float, float, float]] = [
        ("SES publishes to SNS", sum(map(_chunks, bodies)), SNS_REQUEST, len(bodies)),
        ("SNS sends to the tally queue", sum(map(_chunks, bodies)), SQS_REQUEST, len(bodies)),
        ("Lambda receives from it, in tens", receives, SQS_REQUEST, deletes),
        ("Lambda deletes from it, in tens", deletes, SQS_REQUEST, deletes),
        ("record_feedback is invoked", found.record.invocations, LAMBDA_REQUEST, 0),
        ("tally_feedback is invoked", found.tally.invocations, LAMBDA_REQUEST, 0),
        ("Lambda GB-seconds", seconds, LAMBDA_GB_SECOND, 0),
        ("DynamoDB write units, table", meter["write units, table"], WRITE_UNIT, acted_on),
        ("DynamoDB write units, refused", meter.get("write units, refused", 0), WRITE_UNIT, 0),
        ("DynamoDB write units, index", meter["write units, index"], WRITE_UNIT, 0),
        ("DynamoDB read units", meter["read half units"] / 2, READ_UNIT, 0),
        ("log of record_feedback, bytes", found.record.log_bytes, LOG_BYTE, 0),
        ("log and metrics of tally_feedback, bytes", found.tally.log_bytes, LOG_BYTE, 0),
    ]
    return [Line(what, count * scale, each, least * scale * each) for what, count, each, least in counted]


def _chunks(size: int) -> int:
    return max(1, math.ceil(size / _CHUNK))


def _tens(sizes: Sequence[int]) -> Iterable[Sequence[int]]:
    return (sizes[start : start + _SQS_BATCH] for start in range(0, len(sizes), _SQS_BATCH))


def _deployed() -> tuple[int, Callable[[str], int]]:
    """Return the tally's batch and each function's memory in MB, as the stacks deploy them."""
    from infra.node import use_packaged_node

    use_packaged_node()  # before anything imports aws_cdk
    from infra.core_stack import TALLY_BATCH
    from infra.functions import SIZES

    return TALLY_BATCH, lambda function: SIZES[function].memory_mb


class Mix(NamedTuple):
    """What a million consists of: a name, whether other kinds than deliveries are among the rest, and the bound."""

    name: str
    others: bool
    target: float


# A delivery may have a soft bounce to forgive, and asking costs half a read unit: with nothing but deliveries that is
# $0.06, which is why the second mix has a bound of its own.
MIXES: Final = (
    Mix("deliveries, sends, opens, clicks …", True, 1.10),
    Mix("deliveries alone", False, 1.10),
)


def measured(mix: Mix, size: int = sample.SIZE) -> tuple[Measured, list[Line]]:
    """Return what a sample of a mix made the functions do, and what a million of it costs."""
    batch, memory_mb = _deployed()
    run = replay(sample.draw(size, others=mix.others), batch)
    return run, bill(run, memory_mb)


def totals(lines: Iterable[Line]) -> tuple[float, float]:
    """Return dollars in all, and of the floor."""
    found = list(lines)
    return sum(line.dollars for line in found), sum(line.least for line in found)


def measure() -> list[Figure]:
    """Return the price of a million notifications, 5% of them actionable."""
    figures = []
    for mix in MIXES:
        total, least = totals(measured(mix)[1])
        name = f"a million notifications, 5% actionable, the rest {mix.name}"
        reference = f"$1; floor ${least:.2f}: publish, queue, a write for each actionable"
        figures.append(Figure(name, f"${total:.3f}", reference, total, mix.target))
    return figures


def _table(mix: Mix, lines: Sequence[Line]) -> Table:
    title = f"A million notifications at list price: one in {sample.ACTIONABLE} is actionable, the rest {mix.name}"
    table = Table("what", title=title)
    for column in ("count", "$ a million", "$", "floor $"):
        table.add_column(column, justify="right")
    for line in lines:
        least = f"{line.least:.4f}" if line.least else ""
        table.add_row(line.what, f"{line.count:,.0f}", f"{line.each * MILLION:,.4g}", f"{line.dollars:.4f}", least)
    table.add_row("together", "", "", *(f"{total:.4f}" for total in totals(lines)))
    return table


def _notes(run: Measured) -> str:
    size = sum(len(message.envelope.encode()) for message in run.messages) / len(run.messages)
    record, tally, meter = run.record, run.tally, run.meter
    return (
        f"bytes: message {size:,.0f}, item {meter['bytes of items'] / meter['items put']:,.0f} (largest "
        f"{meter['largest item']:,}), log of an invocation {record.log_bytes / record.invocations:,.0f} (record) and "
        f"{tally.log_bytes / tally.invocations:,.0f} (tally)\n"
        f"CPU: {record.cpu_ms:.2f} ms a bounce or complaint, {tally.cpu_ms:.0f} ms a batch of the tally; assumed: "
        f"{_ROUND_TRIP_MS:g} ms a call to DynamoDB, {_WHOLE_VCPU_MB:,} MB are this machine's core"
    )


def main() -> None:
    """Print a table for each mix."""
    console = Console(highlight=False, width=110)
    for mix in MIXES:
        run, lines = measured(mix)
        console.print(_table(mix, lines))
        console.print(_notes(run))


if __name__ == "__main__":
    main()
