"""Identities that the deployment creates where SES does not know them."""

from __future__ import annotations

import pytest

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.settings import Settings, Wish
from ses_feedback.usecases.wiring_ports import CREATED, PENDING, RESTORED, WIRED, Record, Rejected
from tests.unit.wiring.fakes import DKIM, IDENTITY, OURS, FakeMemory, FakeSes, Faults, settings, topic, wiring

CREATE = Wish(OURS, create=True)
ADDRESS = "dev@example.com"


@pytest.mark.parametrize("knows_none", [True, False])
@pytest.mark.parametrize("configuration_set", [None, "set-a"])
def test_a_missing_domain_is_created_and_pending(knows_none: bool, configuration_set: str | None) -> None:
    """However SES says that it knows none: it is created, and what must be published comes with the answer."""
    ses, memory = FakeSes(status=None, knows_none=knows_none), FakeMemory()
    outcome = wiring(ses, memory).wire(IDENTITY, CREATE._replace(configuration_set=configuration_set))
    assert (outcome.status, outcome.dkim) == (PENDING, DKIM)
    assert outcome.why == "created just now, to be verified"
    assert ses.writes == ["create"]
    assert ses.status == "Pending"


def test_a_missing_address_is_created_and_has_no_records() -> None:
    """SES mails the address; there is nothing to publish, and no call for it."""
    ses = FakeSes(status=None)
    outcome = wiring(ses, FakeMemory()).wire(ADDRESS, CREATE)
    assert (outcome.status, outcome.dkim) == (PENDING, ())
    assert ses.calls == ["read settings", "read verification", "create"]


def test_nothing_is_created_unasked() -> None:
    """Without the switch a missing identity is pending, and why says that letters count."""
    ses = FakeSes(status=None)
    outcome = wiring(ses, FakeMemory()).wire(ADDRESS, Wish(OURS))
    assert (outcome.status, outcome.why) == (PENDING, "SES knows no dev@example.com, in these very letters")
    assert ses.writes == []


@pytest.mark.parametrize("status", ["Pending", "Success"])
def test_an_identity_that_is_there_is_not_created(status: str) -> None:
    """Its records are told all the same, so that the outputs hold."""
    ses = FakeSes(status=status)
    outcome = wiring(ses, FakeMemory()).wire(IDENTITY, CREATE)
    assert outcome.status == (WIRED if status == "Success" else PENDING)
    assert outcome.dkim == DKIM
    assert "create" not in ses.calls


def test_the_same_again_says_the_same_and_creates_nothing() -> None:
    """A repeated Create after a lost answer, and every later one: the same records, no second mail to the address."""
    ses, memory = FakeSes(status=None), FakeMemory()
    first = wiring(ses, memory).wire(IDENTITY, CREATE)
    again = wiring(ses, memory).wire(IDENTITY, CREATE)
    assert (again.status, again.dkim) == (first.status, first.dkim)
    ses.status = "Success"
    wired = wiring(ses, memory).wire(IDENTITY, CREATE)
    assert (wired.status, wired.dkim) == (WIRED, DKIM)
    assert ses.calls.count("create") == 1


def test_what_was_created_stays_on_delete() -> None:
    """Mail may depend on it: Delete gives its settings back and leaves the identity, verified or not."""
    for verified in (False, True):
        ses, memory = FakeSes(status=None), FakeMemory()
        wiring(ses, memory).wire(IDENTITY, CREATE)
        if verified:
            ses.status = "Success"
            wiring(ses, memory).wire(IDENTITY, CREATE)
        assert wiring(ses, memory).unwire(IDENTITY).status == RESTORED
        assert "delete" not in ses.calls
        assert (ses.status, ses.state) == ("Success" if verified else "Pending", Settings())
        assert memory.records == {}


def test_a_create_that_fails_after_creating_deletes_it_again() -> None:
    """It is a minute old and unverified: nobody has sent from it."""
    ses, memory = FakeSes(status=None), FakeMemory()
    ses.faults = Faults(3, error=lambda: PermanentError("denied"))
    work = wiring(ses, memory)
    with pytest.raises(PermanentError, match="denied"):
        work.wire_or_undo(IDENTITY, CREATE, work)
    assert ses.calls == ["read settings", "read DKIM", "create", "read DKIM", "read verification", "delete"]
    assert (ses.status, memory.records) == (None, {})


def test_undo_leaves_an_identity_that_was_verified_meanwhile() -> None:
    """There may be mail from it already."""
    ses, memory = FakeSes(), FakeMemory({IDENTITY: Record(status=CREATED)})
    assert wiring(ses, memory).undo(IDENTITY).changes == ()
    assert ses.writes == []
    assert memory.records == {}


def test_undo_deletes_nothing_that_was_there_before() -> None:
    """An unverified identity that somebody else created is not ours to delete."""
    ses, memory = FakeSes(status="Pending"), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, CREATE)
    wiring(ses, memory).undo(IDENTITY)
    assert ses.writes == []


def test_what_cannot_be_created_is_the_reason() -> None:
    """The limit of identities, a name that SES does not take: an error, and nothing is remembered."""
    ses, memory = FakeSes(status=None), FakeMemory()
    ses.faults = Faults(2, error=lambda: Rejected("limit exceeded"))
    work = wiring(ses, memory)
    with pytest.raises(Rejected, match="limit exceeded"):
        work.wire_or_undo(IDENTITY, CREATE, work)
    assert (ses.status, memory.records) == (None, {})


def test_an_identity_that_vanished_is_created_afresh() -> None:
    """Former settings of the vanished one do not come back to the one created under its name."""
    ses, memory = FakeSes(state=settings(topic("old_bounce"))), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, CREATE._replace(overwrite=True))
    ses.status = None
    assert wiring(ses, memory).wire(IDENTITY, CREATE).status == PENDING
    ses.status = "Success"
    wiring(ses, memory).wire(IDENTITY, CREATE)
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == Settings()
