"""Dead letters go back to work: received, sent to where they once failed, and only then deleted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ses_feedback.usecases.ports import Letter, LetterSource, LetterTarget
from ses_feedback.usecases.rate import Rate

# Longer than a batch takes at the slowest rate of one a second.
HIDDEN_S: Final = 60
_PATIENCE: Final = 3  # steps in which nothing could be moved
SAMPLE: Final = 10
SAMPLE_HIDDEN_S: Final = 10
_OUR_ERRORS: Final = ("RetryableError", "PermanentError")
_ATTRIBUTE_ERROR: Final = "ErrorCode"  # what SNS adds to what a subscription did not take
ATTRIBUTE_FIREHOSE: Final = "FirehoseErrorCode"  # why Firehose put something aside

Advance = Callable[[int], None]


def _ignore(number: int) -> None:
    """Show no progress."""


@dataclass(slots=True)
class Moved:
    """What became of a redrive; ``found`` is always ``moved + left``.

    ``expected`` is what the queue said it held before; ``repeated`` of those left were sent all the same, and only
    not deleted: they will be handled twice. ``problems`` says why messages were left, other than by a limit or an
    interruption.
    """

    expected: int = 0
    received: int = 0
    moved: int = 0
    repeated: int = 0
    emptied: bool = False
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def found(self) -> int:
        """How many there were: as many as the queue told, or as came."""
        return max(self.expected, self.received)

    @property
    def left(self) -> int:
        """How many are still there."""
        return self.found - self.moved


class DeadLetter(NamedTuple):
    """One dead letter without anything personal: when it was sent (ms), how often received, why it failed, topic."""

    sent_at: int
    receives: int
    why: str
    topic: str | None


def redrive(
    source: LetterSource,
    target: LetterTarget,
    *,
    rate: Rate,
    limit: int | None,
    into: Moved,
    advance: Advance = _ignore,
) -> None:
    """Move messages from one queue to another, and count into ``into``, which is right at any time.

    Each is sent before it is deleted: whatever breaks in between leaves it in both queues, never in none. What cannot
    be moved stays hidden, so that the rest are seen, until the end.
    """
    hidden: dict[str, Letter] = {}
    idle = 0
    try:
        while idle < _PATIENCE and (limit is None or into.moved < limit):
            most = rate.step if limit is None else min(rate.step, limit - into.moved)
            if not rate.wait(most):
                return
            letters = source.receive(most, HIDDEN_S)
            if not letters:
                into.emptied = True
                return
            before = into.moved
            fresh = [letter for letter in letters if letter.id not in hidden]
            hidden.update({letter.id: letter for letter in letters})
            into.received += len(fresh)
            for id_ in _move(source, target, fresh, into):
                del hidden[id_]
            idle = 0 if into.moved > before else idle + 1
            advance(into.moved - before)
    finally:
        source.show_again(list(hidden.values()))


def _move(source: LetterSource, target: LetterTarget, letters: Sequence[Letter], into: Moved) -> list[str]:
    """Move some messages; return the ids of those that are gone from the source."""
    if not letters:
        return []
    refused = target.send(letters)
    into.problems.update(refused.values())
    sent = [letter for letter in letters if letter.id not in refused]
    if not sent:
        return []
    into.repeated += len(sent)
    stayed = source.delete(sent)
    into.problems.update(stayed.values())
    gone = [letter.id for letter in sent if letter.id not in stayed]
    into.repeated -= len(gone)
    into.moved += len(gone)
    return gone


def sample(source: LetterSource) -> list[DeadLetter]:
    """Return some dead letters, oldest first, and let them lie."""
    letters = source.receive(SAMPLE, SAMPLE_HIDDEN_S)
    source.show_again(letters)
    return sorted(_describe(letter) for letter in letters)


def _describe(letter: Letter) -> DeadLetter:
    body = _object(letter.body)
    why = _why(body) or _why_of_service(letter.attributes) or "unknown; the function's log says more"
    return DeadLetter(letter.sent_at, letter.receives, why, _topic(body))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _why(body: dict[str, Any]) -> str | None:
    """Return why Lambda gave up (`Capturing records of Lambda asynchronous invocations`).

    The texts of foreign errors may quote their input, which holds addresses: of those the type alone is told.
    """
    answer, context = body.get("responsePayload"), body.get("requestContext")
    if isinstance(answer, dict) and isinstance(answer.get("errorType"), str):
        kind = answer["errorType"]
        text = answer.get("errorMessage")
        return f"{kind}: {text}" if kind in _OUR_ERRORS and isinstance(text, str) else str(kind)
    if isinstance(context, dict) and isinstance(context.get("condition"), str):
        return str(context["condition"])
    return None


def _why_of_service(attributes: Mapping[str, Any]) -> str | None:
    for name, service in ((_ATTRIBUTE_ERROR, "SNS"), (ATTRIBUTE_FIREHOSE, "Firehose")):
        value = attributes.get(name)
        text = value.get("StringValue") if isinstance(value, Mapping) else None
        if isinstance(text, str):
            return f"{service} could not deliver it: {text}"
    return None


def _topic(body: dict[str, Any]) -> str | None:
    """Return the topic's ARN of an SNS envelope, or of the one in an on-failure record."""
    payload = body.get("requestPayload")
    records = payload.get("Records") if isinstance(payload, dict) else None
    first = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else {}
    envelope = first.get("Sns") if isinstance(first.get("Sns"), dict) else body
    topic = envelope.get("TopicArn") if isinstance(envelope, dict) else None
    return topic if isinstance(topic, str) else None
