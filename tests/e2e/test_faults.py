"""Whatever breaks between the functions and their store, every address is right in the end.

The really deployed loop, with a proxy in front of DynamoDB and S3 that throttles, fails, dawdles, hangs up and goes
away; functions that are killed in the middle of a batch; and an outage so long that everything ends in the dead
letters. The pauses between tries pass 60 times as fast as on AWS (``local/README.md``).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.loop import until
from ses_feedback import naming
from tests.e2e.conftest import Stage
from tests.e2e.proxy import Proxy
from tests.e2e.rig import PATIENCE_S, Rig, behind
from tests.e2e.storm import SHOP, Notice, Storm, undisturbed

# What a killed function leaves behind stays hidden this long, not an hour: longer than the function may run.
VISIBILITY_S = "120"
DOWN = {"service": "dynamodb", "error": {"code": "InternalServerError", "status": 500}}


@pytest.fixture(scope="module")
def proxied(stage: Stage) -> Iterator[Rig]:
    """The deployed loop behind the proxy, for this module."""
    proxy = Proxy(stage.loop.cloud, stage.state.folder)
    try:
        with behind(stage.loop, proxy):
            made = Rig(stage.loop, proxy)
            with (
                made.queue(made.retry, VisibilityTimeout=VISIBILITY_S),
                made.queue(made.tally, VisibilityTimeout=VISIBILITY_S),
            ):
                yield made
    finally:
        proxy.close()


@pytest.fixture
def rig(proxied: Rig) -> Rig:
    """The same, quiet, and counting from here."""
    until("quiet", proxied.loop.drained, seconds=PATIENCE_S)
    proxied.begin()
    return proxied


THROTTLED = ({"service": "dynamodb", "probability": 0.5, "error": {"code": "ProvisionedThroughputExceededException"}},)
FAILING = ({"service": "dynamodb", "probability": 0.5, "error": {"code": "InternalServerError", "status": 500}},)
SLOW = (
    {"service": "dynamodb", "probability": 0.1, "timeout_ms": 200},
    {"service": "dynamodb", "probability": 0.6, "latency": {"min": 20, "max": 200}},
)
# It took effect, and nobody heard of it: the connection breaks, or the answer ends early.
ANSWERS_LOST = (
    {"service": "dynamodb", "probability": 0.3, "response": {"abort_frac": 0.5}},
    {"service": "dynamodb", "probability": 0.3, "response": {"truncate_frac": 0.5}},
)


def assert_right(rig: Rig, storm: Storm) -> None:
    """Every address of a storm is as if nothing had ever broken, and nothing is left anywhere."""
    expected = undisturbed(storm.notices, rig.rules, rig.keys)
    assert {address for (_, address), state in expected.items() if state.suppressions} == storm.suppressed
    assert rig.stored(list(expected)) == expected
    assert rig.loop.drained()
    assert rig.dead_letters() == {}


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(THROTTLED, id="throttled"),
        pytest.param(FAILING, id="failing"),
        pytest.param(SLOW, id="slow"),
        pytest.param(ANSWERS_LOST, id="answers-lost"),
    ],
)
def test_every_address_is_right_although_the_table_is(
    rig: Rig, rules: tuple[dict[str, object], ...], request: pytest.FixtureRequest
) -> None:
    """Half of the calls go wrong all the time: no strike is lost, none counts twice, and no dead letter is left.

    The deliveries come again at the end, as the next mails would: one that overtook its soft bounce forgave nothing
    (the one limit of the law).
    """
    storm = Storm(request.node.callspec.id, 7, seed=7)
    with rig.proxy.weather(*rules):
        rig.throw(storm.everything())
        rig.settle()
        rig.throw(storm.deliveries)
        rig.settle()
    assert_right(rig, storm)


def test_every_address_is_right_after_the_table_was_out_of_reach(rig: Rig) -> None:
    """Connections are reset, then refused; what came meanwhile waits in its queues, and is recorded afterwards."""
    storm = Storm("unreachable", 7, seed=8)
    first, second = storm.everything(), storm.everything()
    patient = rig.receives(rig.tally, rig.tally_dead, 100)  # two hours would be twenty seconds here
    with patient:
        _be_out_of_reach(rig, first, second)
        rig.throw(storm.deliveries)
        rig.settle()
    assert_right(rig, storm)


def _be_out_of_reach(rig: Rig, first: list[Notice], second: list[Notice]) -> None:
    with rig.proxy.weather({"service": "dynamodb", "reset": True}):
        rig.throw(first[: len(first) // 3])
        until("the first to wait in the retry queue", lambda: rig.postponed, seconds=PATIENCE_S)
    rig.proxy.stop()
    rig.throw(first[len(first) // 3 :])
    seen = rig.postponed
    until("more to wait in the retry queue", lambda: rig.postponed > seen, seconds=PATIENCE_S)
    rig.proxy.start()
    rig.throw(second)
    rig.settle()


def held(rig: Rig, address: str) -> dict[str, object]:
    """A rule that holds the write of one address for longer than anybody waits."""
    return {
        "service": "dynamodb",
        "operation": "PutItem",
        "body": f"Item.address.S == '{address}'",
        "timeout_ms": 60_000,
    }


def test_every_address_is_right_after_retry_feedback_was_killed_in_mid_batch(rig: Rig) -> None:
    """It dies with some addresses of its batches written and some not: the batches come back, and repeat harmlessly.

    The backlog comes through the subscriptions' own redrive: SNS may not invoke record_feedback, and sends what it had
    to the retry queue.
    """
    storm = Storm("killed", 8, seed=9)
    victim = "killed-7@example.net"
    with rig.uninvited(), rig.paused(naming.RETRY_FEEDBACK):
        rig.throw(storm.strikes)
        until("the backlog", rig.acted_or_postponed, seconds=PATIENCE_S)
        rig.proxy.obey(held(rig, victim))
        before = rig.proxy.broken()
    until("the write that hangs", lambda: rig.proxy.broken() > before, seconds=PATIENCE_S)
    assert rig.kill(naming.RETRY_FEEDBACK)
    rig.proxy.obey()
    rig.settle()
    rig.throw(storm.deliveries)
    rig.settle()
    assert_right(rig, storm)


def test_every_address_is_right_after_tally_feedback_was_killed_in_mid_batch(rig: Rig) -> None:
    """It dies with some strikes cleared and some not, and nothing counted: the batch comes back and clears the rest."""
    storm = Storm("tallied", 10, seed=10)
    victim = "tallied-9@example.net"
    rig.throw(storm.strikes)
    rig.settle()
    rig.proxy.obey(held(rig, victim))
    before = rig.proxy.broken()
    rig.throw(storm.deliveries)
    until("the write that hangs", lambda: rig.proxy.broken() > before, seconds=PATIENCE_S)
    assert rig.kill(naming.TALLY_FEEDBACK)
    rig.proxy.obey()
    rig.settle()
    assert_right(rig, storm)


def test_total_outage_ends_in_the_dead_letters_and_one_redrive_completes_it(rig: Rig) -> None:
    """Nothing can be stored, not even in quarantine, for longer than anything is tried; then one command mends all."""
    storm = Storm("outage", 5, seed=11)
    unreadable = [Notice("bounce", SHOP, '{"notificationType":"Bounce","mail":"outage, cut off')]
    everywhere = {"service": "s3", "error": {"code": "InternalError", "status": 500}}
    with (
        rig.proxy.weather(DOWN, everywhere),
        rig.receives(rig.retry, rig.dead, 2),
        rig.receives(rig.tally, rig.tally_dead, 2),
    ):
        rig.throw(storm.strikes + unreadable)
        rig.throw(storm.deliveries)
        rig.settle()
        assert rig.dead_letters().keys() == {rig.dead, rig.tally_dead}
    assert not any("outage" in found["raw"] for found in rig.loop.quarantined())
    redriven = rig.loop.ask("redrive", "--rate", "1000")
    assert [(way["moved"], way["left"]) for way in redriven] == [(way["found"], 0) for way in redriven]
    assert {way["queue"] for way in redriven if way["moved"]} == {rig.dead, rig.tally_dead}
    rig.settle()
    rig.throw(storm.deliveries)
    rig.settle()
    assert_right(rig, storm)
    assert len([found for found in rig.loop.quarantined() if "outage" in found["raw"]]) == 1
