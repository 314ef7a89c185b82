"""One urgent event, warm: what acting on a bounce costs the function, against one bare ``put_item`` of the same item.

The handler is called as Lambda calls it and talks HTTP to a stand-in for DynamoDB in another process; the peer is
botocore's client as everybody makes it. They take turns, event by event; CPU time of this process alone.
``python -m benchmarks.urgent`` also tells calls, bytes and milliseconds of the other paths, with ``--profile`` where
the time goes.
"""

from __future__ import annotations

import cProfile
import gc
import json
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import botocore.session

from benchmarks import corpus, dynamodb
from benchmarks.coldstart import notification
from benchmarks.figure import Figure
from benchmarks.functions import TABLE, Functions, loaded, sns_event, sqs_event
from ses_feedback import naming
from ses_feedback.domain.times import HOUR, MINUTE, format_time, parse_time

TARGET: Final = 1.2
RUNS: Final = 600
WARM_UP: Final = 50
_BATCH: Final = 1_000
_TOPIC: Final = f"arn:aws:sns:us-east-1:{corpus.ACCOUNT}:ses-feedback_bounce_example-com_a379a6f6"


class Path(NamedTuple):
    """What one event of a kind takes: CPU and wall milliseconds (medians), calls, and bytes both ways."""

    name: str
    cpu_ms: float
    wall_ms: float
    calls: float
    out: float
    back: float


def bounce(number: int, message: int = 0) -> str:
    """Return SNS's message about the ``message``-th hard bounce of the ``number``-th address."""
    found = json.loads(notification().replace("jane@", f"jane.{number}@"))
    found["mail"]["messageId"] = f"0100018f2b1c4d5e-{abs(number):08x}-{message:04x}-4a1b-8c2d-1234567890ab-000000"
    found["bounce"]["timestamp"] = format_time(parse_time(found["bounce"]["timestamp"]) - HOUR + message * MINUTE)
    return _envelope(found)


def delivery(number: int) -> str:
    """Return SNS's message about a delivery to the ``number``-th address."""
    found = json.loads(bounce(number))
    mail = json.loads(found["Message"])["mail"]
    own = {"timestamp": mail["timestamp"], "recipients": mail["destination"], "smtpResponse": "250 ok"}
    return _envelope({"notificationType": "Delivery", "mail": mail, "delivery": own})


def _envelope(found: dict[str, Any]) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "00000000-0000-0000-0000-000000000000",
            "TopicArn": _TOPIC,
            "Message": json.dumps(found),
        }
    )


def measure() -> list[Figure]:
    """Take turns between the handler and the bare client; return the handler's CPU time in units of the client's."""
    with loaded(naming.RECORD_FEEDBACK) as functions:
        handler = functions.handlers[naming.RECORD_FEEDBACK]
        client = botocore.session.get_session().create_client("dynamodb")
        item = _item(functions, handler)
        events = [sns_event(bounce(number)) for number in range(RUNS + WARM_UP)]
        ours: list[float] = []
        bare: list[float] = []

        def put(key: str) -> None:
            client.put_item(TableName=TABLE, Item=item | {naming.ATTRIBUTE_KEY: {"S": key}})

        gc.collect()
        for number, event in enumerate(events):
            mine, _ = _spent(lambda event=event: handler(event, None))
            theirs, _ = _spent(lambda number=number: put(f"bare-{number}"))
            if number >= WARM_UP:
                ours.append(mine)
                bare.append(theirs)
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    return [
        Figure(
            "one urgent event in record_feedback, warm",
            f"{statistics.median(ours):.2f} ms CPU",
            f"{statistics.median(bare):.2f} ms: one bare put_item of botocore's client, the same item",
            ratio,
            TARGET,
        )
    ]


def _item(functions: Functions, handler: Callable[..., Any]) -> dict[str, Any]:
    """Return the item that the handler writes for a new hard bounce."""
    sent: list[dict[str, Any]] = []
    wire = handler.__globals__["runtime"].store._client  # what goes out is what is compared
    real = wire.put_item

    def put_item(**request: Any) -> Any:
        sent.append(request["Item"])
        return real(**request)

    wire.put_item = put_item
    try:
        handler(sns_event(bounce(-1)), None)
    finally:
        wire.put_item = real
    assert dynamodb.meter(functions.url)["PutItem"] == len(sent) == 1
    return sent[0]


def _spent(call: Callable[[], object]) -> tuple[float, float]:
    """Return CPU and wall milliseconds of a call."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    call()
    return (time.process_time_ns() - cpu) / 1e6, (time.perf_counter_ns() - wall) / 1e6


def paths() -> list[Path]:
    """Return what each kind of event takes."""
    numbers = range(RUNS // 2)
    with loaded(naming.RECORD_FEEDBACK, naming.TALLY_FEEDBACK) as functions:
        record = functions.handlers[naming.RECORD_FEEDBACK]
        tally = functions.handlers[naming.TALLY_FEEDBACK]
        for number in range(WARM_UP):
            record(sns_event(bounce(1_000_000 + number)), None)
        tally(sqs_event([delivery(2_000_000 + number) for number in range(_BATCH)]), None)
        rounds: list[tuple[str, Callable[..., Any], Sequence[dict[str, Any]], int]] = [
            ("new address", record, [sns_event(bounce(n)) for n in numbers], 1),
            ("known address", record, [sns_event(bounce(n, 1)) for n in numbers], 1),
            ("duplicate", record, [sns_event(bounce(n, 1)) for n in numbers], 1),
            (
                f"delivery, in batches of {_BATCH:,}",
                tally,
                [sqs_event([delivery(3_000_000 + r * _BATCH + n) for n in range(_BATCH)]) for r in range(5)],
                _BATCH,
            ),
        ]
        return [_path(name, handler, events, size, functions.url) for name, handler, events, size in rounds]


def _path(name: str, handler: Callable[..., Any], events: Sequence[dict[str, Any]], size: int, url: str) -> Path:
    before = dynamodb.meter(url)
    spent = [_spent(lambda event=event: handler(event, None)) for event in events]
    counted = dynamodb.meter(url) - before
    handled = len(events) * size
    calls = sum(counted[operation] for operation in ("PutItem", "BatchGetItem", "UpdateItem"))
    cpu, wall = (statistics.median(values) / size for values in zip(*spent, strict=True))
    return Path(name, cpu, wall, calls / handled, counted["bytes out"] / handled, counted["bytes in"] / handled)


def profile() -> None:
    """Print where the CPU time of new addresses goes."""
    with loaded(naming.RECORD_FEEDBACK) as functions:
        handler = functions.handlers[naming.RECORD_FEEDBACK]
        events = [sns_event(bounce(number)) for number in range(RUNS)]
        for event in events[:WARM_UP]:
            handler(event, None)
        profiler = cProfile.Profile()
        profiler.enable()
        for event in events[WARM_UP:]:
            handler(event, None)
        profiler.disable()
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)


def main(arguments: Sequence[str]) -> None:
    """Print the figure and the paths."""
    if "--profile" in arguments:
        profile()
        return
    for figure in measure():
        print(f"{figure.name}: {figure.measured} against {figure.reference}")
        print(f"ratio {figure.ratio:.2f}, target {figure.bound}\n")
    print(f"{'per event':<32}{'CPU ms':>8}{'wall ms':>9}{'calls':>7}{'bytes out':>11}{'bytes back':>12}")
    for path in paths():
        print(
            f"{path.name:<32}{path.cpu_ms:>8.3f}{path.wall_ms:>9.3f}{path.calls:>7.2f}{path.out:>11,.0f}{path.back:>12,.0f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
