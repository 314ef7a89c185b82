"""The default configuration set of an identity: set, given back, left alone."""

from __future__ import annotations

import pytest

from ses_feedback.usecases.wiring_ports import ConfigurationSetRejected
from tests.unit.wiring.fakes import IDENTITY, WISH, FakeMemory, FakeSes, settings, topic, wiring

FORMER = settings(topic("old_bounce"), topic("old_complaint"), headers=["Complaint"], forwarding=False)


def test_configuration_set_becomes_default_and_former_returns() -> None:
    """The identity's own set becomes its default; dropping the property restores the former one."""
    ses, memory = FakeSes(default_set="former-set"), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH._replace(configuration_set="set-a"))
    assert ses.default_set == "set-a"
    wiring(ses, memory).wire(IDENTITY, WISH._replace(configuration_set="set-b"))
    assert ses.default_set == "set-b"
    ses.calls.clear()
    wiring(ses, memory).wire(IDENTITY, WISH)
    assert ses.default_set == "former-set"
    ses.calls.clear()
    wiring(ses, memory).wire(IDENTITY, WISH)
    assert ses.calls == ["read settings"]


def test_configuration_set_returns_on_delete_only_if_still_ours() -> None:
    """Delete restores the former default set, and leaves one that somebody has set since."""
    for since, expected in ((None, "former-set"), ("set-b", "set-b")):
        ses, memory = FakeSes(default_set="former-set"), FakeMemory()
        wish = WISH._replace(configuration_set="set-a")
        wiring(ses, memory).wire(IDENTITY, wish)
        ses.default_set = since or ses.default_set
        wiring(ses, memory).unwire(IDENTITY)
        assert ses.default_set == expected


def test_former_configuration_set_that_is_gone_becomes_none() -> None:
    """A default set that no longer exists would make every send fail: none is restored in its place."""
    ses, memory = FakeSes(default_set="former-set"), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH._replace(configuration_set="set-a"))
    ses.sets = frozenset({"set-a"})
    outcome = wiring(ses, memory).wire(IDENTITY, WISH)
    assert ses.default_set is None
    assert outcome.changes == ("default configuration set none (former-set is gone)",)


def test_missing_configuration_set_fails_create_and_undoes_it() -> None:
    """A set that does not exist is an error, after which the topics are as before."""
    ses, memory = FakeSes(state=FORMER), FakeMemory()
    work = wiring(ses, memory)
    with pytest.raises(ConfigurationSetRejected):
        work.wire_or_undo(IDENTITY, WISH._replace(configuration_set="nowhere"), work)
    assert ses.state == FORMER
    assert ses.default_set is None


def test_delete_of_a_gone_identity_with_a_configuration_set() -> None:
    """An identity that is gone has no default configuration set to give back: the Delete says so and succeeds."""
    ses, memory = FakeSes(), FakeMemory()
    wish = WISH._replace(configuration_set="set-a")
    wiring(ses, memory).wire(IDENTITY, wish)
    ses.status = None
    outcome = wiring(ses, memory).unwire(IDENTITY)
    assert outcome.left == ("no identity example.com",)
    assert memory.records == {}
