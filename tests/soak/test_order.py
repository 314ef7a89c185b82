"""Order, exhaustively: every order of a few whole notifications, cut into batches in every way, by the handlers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters.items import from_item
from ses_feedback.domain import events as ev
from ses_feedback.domain.history import Strike
from ses_feedback.domain.policy import ENVIRONMENT, STREAM, Policy, Tier
from ses_feedback.domain.times import HOUR, MINUTE
from ses_feedback.usecases.ports import Stored
from tests.property.model import Delivered, Fact, Seen
from tests.soak.cloud import Cloud
from tests.soak.functions import Container, Handler, calm_cloud, loaded
from tests.soak.verdict import META, answers
from tests.unit.usecases import mail
from tests.unit.usecases.mail import NOW, sns_body, sns_event, sqs_event

POLICY: Policy = {
    ev.SOFT_BOUNCE: (Tier(2, 3 * HOUR, 9 * HOUR, ENVIRONMENT),),
    ev.BLOCKED: (Tier(1, None, 2 * HOUR, STREAM),),
    ev.COMPLAINT: (Tier(1, None, None, STREAM),),
    ev.HARD_BOUNCE: (Tier(1, None, 5 * HOUR, ENVIRONMENT), Tier(2, None, None, ENVIRONMENT)),
}
JANE, JOE = "jane@example.net", "joe@example.net"
BOTH = (JANE, JOE)
T = NOW - 20 * HOUR
Part = tuple[dict[str, Any], dict[str, Fact]]


def strike(class_: str, message: str, at: int, stream: str = "default") -> Seen:
    return Seen(f"{message} {class_}", Strike(class_, stream, at, at, message))


# Each notification, and what it says about whom. The fourth is the first again, through SES's other channel, later.
SOFT_1: Part = (
    mail.soft_bounce("m1", BOTH, at=T),
    {a: strike(ev.SOFT_BOUNCE, "m1", T) for a in BOTH},
)
SOFT_2: Part = (mail.soft_bounce("m2", at=T + HOUR), {JANE: strike(ev.SOFT_BOUNCE, "m2", T + HOUR)})
HARD: Part = (mail.bounce("m3", BOTH, at=T + 2 * HOUR), {a: strike(ev.HARD_BOUNCE, "m3", T + 2 * HOUR) for a in BOTH})
AGAIN: Part = (
    mail.soft_bounce("m1", BOTH, at=T + MINUTE),
    {a: strike(ev.SOFT_BOUNCE, "m1", T + MINUTE) for a in BOTH},
)
COMPLAINT: Part = (
    mail.complaint("m4", (JOE,), at=T, source="news@example.com"),
    {JOE: strike(ev.COMPLAINT, "m4", T, "marketing")},
)
DELIVERY: Part = (mail.delivery("m5", BOTH, at=T + HOUR), {a: Delivered("default", T + HOUR) for a in BOTH})
LATER: Part = (mail.delivery("m6", at=T + 2 * HOUR), {JANE: Delivered("default", T + 2 * HOUR)})


@pytest.fixture(scope="module")
def handlers() -> Iterator[dict[str, Handler]]:
    with loaded() as found:
        yield dict(found)


def cuts(parts: Sequence[Part]) -> Iterator[list[Sequence[Part]]]:
    """Yield every way to cut a sequence into batches."""
    for number in range(len(parts)):
        for places in itertools.combinations(range(1, len(parts)), number):
            ends = [0, *places, len(parts)]
            yield [parts[start:end] for start, end in itertools.pairwise(ends)]


def plans(parts: Sequence[Part]) -> Iterator[tuple[int, list[Sequence[Part]]]]:
    """Yield, numbered, every order of all but the last in every cut, and every order of all, one by one or as one."""
    for order in itertools.permutations(parts[:-1]):
        yield from enumerate(cuts(order))
    for order in itertools.permutations(parts):
        yield 0, [order]
        yield 1, [[part] for part in order]


def facts(parts: Sequence[Part], address: str) -> list[Fact]:
    return [said[address] for _, said in parts if address in said]


def stored(cloud: Cloud) -> dict[str, Stored]:
    items = [from_item(dict(item)) for key, item in cloud.dynamo.items.items() if key != META]
    return {found.address: found._replace(version="") for found in items}


def assert_by_the_letter(found: dict[str, Stored], address: str, known: Sequence[Fact]) -> None:
    differences = list(answers(("production", address), found[address], known, POLICY))
    assert not differences, differences[0]


def test_every_order_and_every_batch_of_feedback_gives_the_same(handlers: dict[str, Handler]) -> None:
    """Five notifications, two of them one message's, by SNS or by the retry queue: always the very same histories."""
    parts = [SOFT_1, SOFT_2, AGAIN, HARD, COMPLAINT]
    expected: dict[int, dict[str, Stored]] = {}
    for number, batches in plans(parts):
        container = Container(calm_cloud(NOW), mail.rules(POLICY))
        for batch in batches:
            texts = [message for message, _ in batch]
            if number % 2:
                container.invoke(handlers[naming.RECORD_FEEDBACK], sns_event(*texts))
            else:
                bodies = [sns_body(text) for text in texts]
                answer = container.invoke(handlers[naming.RETRY_FEEDBACK], sqs_event(*bodies))
                assert answer == {"batchItemFailures": []}
        found, size = stored(container.cloud), sum(map(len, batches))
        if size not in expected:
            expected[size] = found
            for address in BOTH:
                assert_by_the_letter(found, address, facts(parts[:size], address))
        assert found == expected[size]
    assert expected.keys() == {4, 5}


def test_every_order_of_feedback_and_deliveries_keeps_the_law(handlers: dict[str, Handler]) -> None:
    """Feedback and deliveries: at once by what was recorded, and after a replay of the deliveries by everything,
    whatever the order was.
    """
    parts = [SOFT_1, SOFT_2, DELIVERY, LATER, AGAIN]
    deliveries = [sns_body(message) for message, _ in (DELIVERY, LATER)]
    for _, batches in plans(parts):
        container = Container(calm_cloud(NOW), mail.rules(POLICY))
        for batch in batches:
            feedback = [message for message, _ in batch if message["notificationType"] != "Delivery"]
            if feedback:
                container.invoke(handlers[naming.RECORD_FEEDBACK], sns_event(*feedback))
            bodies = [sns_body(message) for message, _ in batch]
            container.invoke(handlers[naming.TALLY_FEEDBACK], sqs_event(*bodies))
        found, known = stored(container.cloud), parts[: sum(map(len, batches))]
        for address in BOTH:
            said = [fact for fact in facts(known, address) if isinstance(fact, Seen)]
            recorded = [Delivered(stream, at) for stream, at in found[address].history.deliveries.items()]
            assert set(recorded) <= set(facts(known, address))
            assert_by_the_letter(found, address, [*said, *recorded])
        container.invoke(handlers[naming.TALLY_FEEDBACK], sqs_event(*deliveries))
        found = stored(container.cloud)
        for address in BOTH:
            assert_by_the_letter(found, address, facts(known, address))
