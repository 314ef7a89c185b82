"""Parse and decide, against the floor of two ``json.loads`` and dictionary access: ``python -m benchmarks.parse``.

Everyone reads the same SNS messages as text and gives one event per recipient. CPU time of this process, peers
interleaved slice by slice in changing order, so that a noisy second falls on all of them; ratios are taken within a
repeat. With django-anymail installed (it is no dependency of ours) its webhook view is measured too.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import corpus
from ses_feedback.domain.decide import decide
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.reading import read

FLOOR: Final = "floor: two json.loads and dictionary access"
OURS: Final = "ses-feedback: read and decide"
OURS_READ: Final = "ses-feedback: read alone"
TARGET: Final = 0.8
_SLICE: Final = 200

Run = Callable[[Sequence[str]], int]


@dataclass(slots=True)
class _Row:
    """What the floor makes of a recipient: the fields everybody needs, as they come, nothing checked or normalised."""

    kind: str
    recipient: str
    time: str
    message_id: str
    source: str
    feedback_id: str | None
    bounce_type: str | None
    bounce_sub_type: str | None
    status: str | None
    diagnostic: str | None
    envelope_id: str


_FIELDS: Final = {
    "Bounce": ("bounce", "bouncedRecipients"),
    "Complaint": ("complaint", "complainedRecipients"),
    "Delivery": ("delivery", "recipients"),
    "DeliveryDelay": ("deliveryDelay", "delayedRecipients"),
    "Rendering Failure": ("failure", None),
    "Send": ("send", None),
    "Open": ("open", None),
    "Click": ("click", None),
    "Reject": ("reject", None),
    "Subscription": ("subscription", None),
}


def floor(messages: Sequence[str]) -> int:
    """Return how many rows the messages give: the least that a reader with the standard library's JSON must do."""
    count = 0
    for message in messages:
        envelope = json.loads(message)
        count += len(_rows(json.loads(envelope["Message"]), envelope["MessageId"]))
    return count


def _rows(notification: dict[str, Any], envelope_id: str) -> list[_Row]:
    mail = notification["mail"]
    kind = notification.get("eventType") or notification["notificationType"]
    field, listed = _FIELDS[kind]
    own = notification[field]
    common = (own.get("timestamp") or mail["timestamp"], mail["messageId"], mail["source"], own.get("feedbackId"))
    types = (own.get("bounceType"), own.get("bounceSubType"))
    rows = []
    for entry in own[listed] if listed else mail["destination"]:
        if isinstance(entry, str):
            rows.append(_Row(kind, entry, *common, *types, None, None, envelope_id))
        else:
            evidence = (entry.get("status"), entry.get("diagnosticCode"))
            rows.append(_Row(kind, entry["emailAddress"], *common, *types, *evidence, envelope_id))
    return rows


def ours() -> dict[str, Run]:
    """Return what is measured of ours, by name."""
    places = [Place(identity, *where) for identity, where in corpus.IDENTITIES.items()]
    directory = Directory(places, {})

    def read_and_decide(messages: Sequence[str]) -> int:
        count = 0
        for message in messages:
            for event in read(message, directory, corpus.NOW).events:
                decide(event, DEFAULT_POLICY)
                count += 1
        return count

    def read_alone(messages: Sequence[str]) -> int:
        return sum(len(read(message, directory, corpus.NOW).events) for message in messages)

    return {OURS: read_and_decide, OURS_READ: read_alone}


def anymail() -> dict[str, Run]:
    """Return django-anymail's tracking webhook, the whole view with one receiver; nothing where it is not installed."""
    try:
        import django
        from anymail.signals import tracking
        from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
        from django.conf import settings
    except ImportError:
        return {}
    settings.configure(SECRET_KEY="x", INSTALLED_APPS=["anymail"], ANYMAIL={"WEBHOOK_SECRET": "a:b"}, USE_TZ=True)
    django.setup()
    from django.test import RequestFactory

    view, factory, seen = AmazonSESTrackingWebhookView.as_view(), RequestFactory(), [0]

    def receive(**_: object) -> None:
        seen[0] += 1

    tracking.connect(receive, weak=False)
    headers = {"HTTP_AUTHORIZATION": "Basic YTpi", "HTTP_X_AMZ_SNS_MESSAGE_TYPE": "Notification"}

    def run(messages: Sequence[str]) -> int:
        before = seen[0]
        for message in messages:
            # The view compares this header with the body; finding it by hand is cheaper than a parse.
            message_id = message.split('"MessageId":"', 1)[1].split('"', 1)[0]
            request = factory.post("/", message, "text/plain", HTTP_X_AMZ_SNS_MESSAGE_ID=message_id, **headers)
            if view(request).status_code != 200:
                raise SystemExit("django-anymail refused a message")
        return seen[0] - before

    return {"django-anymail: its webhook view": run}


def measure(peers: dict[str, Run], messages: Sequence[str], repeats: int) -> dict[str, list[float]]:
    """Return messages per CPU-second of each peer and repeat. A first repeat warms up and is dropped."""
    order = random.Random(1)
    rates: dict[str, list[float]] = {name: [] for name in peers}
    names = list(peers)
    gc.collect()
    gc.freeze()
    for repeat in range(repeats + 1):
        spent = dict.fromkeys(peers, 0.0)
        for start in range(0, len(messages), _SLICE):
            part = messages[start : start + _SLICE]
            order.shuffle(names)
            for name in names:
                begun = time.process_time()
                peers[name](part)
                spent[name] += time.process_time() - begun
        if repeat:
            for name, seconds in spent.items():
                rates[name].append(len(messages) / seconds)
    return rates


def ratios(rates: dict[str, list[float]], name: str, base: str = FLOOR) -> list[float]:
    """Return how fast a peer was in units of another, repeat by repeat."""
    return [mine / theirs for mine, theirs in zip(rates[name], rates[base], strict=True)]


def table(rates: dict[str, list[float]]) -> str:
    """Return the result as text: median messages a CPU-second, and median, lowest and highest ratio to the floor."""
    lines = [f"{'':<46}{'messages/s':>11}{'x floor':>9}   lowest..highest"]
    for name, speeds in rates.items():
        ratio = ratios(rates, name)
        lines.append(
            f"{name:<46}{statistics.median(speeds):>11,.0f}{statistics.median(ratio):>9.2f}   "
            f"{min(ratio):.2f}..{max(ratio):.2f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit 1 where ours is slower than the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--messages", type=int, default=corpus.SIZE)
    options = parser.parse_args(arguments)
    messages = corpus.envelopes(options.messages)
    peers: dict[str, Run] = {FLOOR: floor, **ours(), **anymail()}
    count = {name: run(messages) for name, run in peers.items()}
    if count[FLOOR] != count[OURS]:
        print(f"the floor made {count[FLOOR]} events and ours {count[OURS]}: not the same work", file=sys.stderr)
        return 2
    size = sum(map(len, messages)) / len(messages) / 1_000
    print(
        f"{len(messages):,} SNS messages of {size:.1f} kB on average, {count[OURS]:,} events, "
        f"Python {sys.version.split()[0]}"
    )
    rates = measure(peers, messages, options.repeats)
    print(table(rates))
    ratio = statistics.median(ratios(rates, OURS))
    print(f"target: {OURS} at least {TARGET} x floor: {'met' if ratio >= TARGET else 'MISSED'} ({ratio:.2f})")
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
