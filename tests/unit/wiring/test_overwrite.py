"""What somebody else set: an error that names it, or replaced, remembered and given back."""

from __future__ import annotations

import pytest

from ses_feedback import naming
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.settings import Settings, SetTopic, Wish, after
from ses_feedback.usecases.wiring_ports import FOREIGN, WIRED, ForeignSetting, FormerSet, TopicRejected
from tests.unit.wiring.fakes import (
    IDENTITY,
    OURS,
    WISH,
    FakeMemory,
    FakeSes,
    Faults,
    settings,
    topic,
    topics,
    wiring,
)

CAREFUL = Wish(OURS)
THEIRS = topic("theirs")
WIRED_SETTINGS = settings(*OURS.values(), headers=["Bounce", "Complaint"], forwarding=False)


def theirs(ses: FakeSes, type_: str, arn: str = THEIRS) -> None:
    ses.state = after(ses.state, SetTopic(type_, arn))


@pytest.mark.parametrize("type_", ["Bounce", "Complaint", "Delivery"])
def test_a_foreign_topic_is_an_error_that_names_it(type_: str) -> None:
    """One line with identity, kind, topic and both ways out; SES is only read, and nothing is remembered."""
    ses, memory = FakeSes(), FakeMemory()
    theirs(ses, type_)
    work = wiring(ses, memory)
    with pytest.raises(ForeignSetting) as caught:
        work.wire_or_undo(IDENTITY, CAREFUL, work)
    assert str(caught.value) == (
        "example.com has settings in SES that this deployment did not make: remove them there, or put overwrite = true "
        f"under [deployment] to have them replaced, and given back on removal: {type_} topic {THEIRS}"
    )
    assert isinstance(caught.value, PermanentError)
    assert ses.writes == []
    assert memory.records == {}


def test_all_that_is_foreign_is_named_at_once() -> None:
    """Nobody has to deploy once for each of them; the default configuration set is one of them."""
    ses = FakeSes(state=settings(THEIRS, topic("others")), default_set="former-set")
    with pytest.raises(ForeignSetting) as caught:
        wiring(ses, FakeMemory()).wire(IDENTITY, Wish(OURS, "set-a"))
    said = str(caught.value)
    named = f"Bounce topic {THEIRS}, Complaint topic {topic('others')}, default configuration set former-set"
    assert said.endswith(f": {named}")
    assert len(said) < 1_000


def test_a_default_configuration_set_is_nobodys_business_where_none_is_wished() -> None:
    """An identity without a set of ours keeps whatever it has, unasked."""
    ses = FakeSes(default_set="former-set")
    assert wiring(ses, FakeMemory()).wire(IDENTITY, CAREFUL).status == WIRED
    assert ses.default_set == "former-set"


def test_what_is_replaced_is_remembered_and_comes_back() -> None:
    """With the switch, topic and set give way to ours, and Delete puts them back, with headers and forwarding."""
    former = settings(THEIRS, topic("others"), headers=["Bounce"], forwarding=False)
    ses, memory = FakeSes(state=former, default_set="former-set"), FakeMemory()
    wish = Wish(OURS, "set-a", overwrite=True)
    assert wiring(ses, memory).wire(IDENTITY, wish).status == WIRED
    assert (ses.state, ses.default_set) == (WIRED_SETTINGS, "set-a")
    wiring(ses, memory).unwire(IDENTITY)
    assert (ses.state, ses.default_set) == (former, "former-set")


def test_ours_are_not_foreign_when_the_memory_is_lost() -> None:
    """Topics and set as wished are ours, though nothing is remembered of them."""
    ses = FakeSes(state=WIRED_SETTINGS, default_set="set-a")
    assert wiring(ses, FakeMemory()).wire(IDENTITY, Wish(OURS, "set-a")).status == WIRED
    assert ses.writes == []


def test_a_topic_of_our_name_is_not_foreign() -> None:
    """So is a topic that this deployment named for this identity, of whatever kind; it is no former topic either."""
    named = {t: topic(naming.topic_name("mail", t.lower(), IDENTITY)) for t in OURS}
    ses, memory = FakeSes(), FakeMemory()
    theirs(ses, "Bounce", topic(naming.topic_name("mail", "send", IDENTITY)))
    wiring(ses, memory).wire(IDENTITY, Wish(named))
    assert ses.state.topics == named
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == Settings()


@pytest.mark.parametrize(
    "foreign",
    [
        topic(naming.topic_name("mail-2", "bounce", IDENTITY)),
        topic(naming.topic_name("mail", "bounce", "other.example.com")),
        topic(naming.topic_name("mail", "bounce", IDENTITY), account="444455556666"),
        topic(naming.topic_name("mail", "bounce", IDENTITY), region="us-east-2"),
    ],
)
def test_a_topic_of_nearly_our_name_is_foreign(foreign: str) -> None:
    """Another deployment's, another identity's, another account's and another region's are not ours."""
    named = {t: topic(naming.topic_name("mail", t.lower(), IDENTITY)) for t in OURS}
    ses = FakeSes()
    theirs(ses, "Bounce", foreign)
    with pytest.raises(ForeignSetting, match=foreign):
        wiring(ses, FakeMemory()).wire(IDENTITY, Wish(named))


def test_an_interrupted_run_goes_on() -> None:
    """Half of our topics are set and the rest are not: nothing of that is foreign."""
    ses, memory = FakeSes(), FakeMemory()
    ses.faults = Faults(4, late=True, error=lambda: PermanentError("gone"))
    with pytest.raises(PermanentError):
        wiring(ses, memory).wire(IDENTITY, CAREFUL)
    assert wiring(ses, memory).wire(IDENTITY, CAREFUL).status == WIRED


def test_other_topics_of_an_update_are_not_foreign() -> None:
    """Topics and sets that were ours before an Update are remembered as ours, there and back."""
    ses, memory = FakeSes(), FakeMemory()
    renamed = Wish(topics("renamed"), "set-b")
    for wish in (Wish(OURS, "set-a"), renamed, Wish(OURS, "set-a")):
        assert wiring(ses, memory).wire(IDENTITY, wish).status == WIRED
        assert (ses.state.topics, ses.default_set) == (wish.topics, wish.configuration_set)


def test_former_settings_that_came_back_are_foreign_again() -> None:
    """Somebody set the former topic again: replacing it silently would be a fight nobody knows of."""
    former = settings(THEIRS, topic("others"), forwarding=False)
    ses, memory = FakeSes(state=former), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, WISH)
    theirs(ses, "Bounce")
    with pytest.raises(ForeignSetting, match=THEIRS):
        wiring(ses, memory).wire(IDENTITY, CAREFUL)
    wiring(ses, memory).wire(IDENTITY, WISH)
    assert ses.state.topics == OURS
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state == former


def test_what_somebody_set_since_is_what_comes_back() -> None:
    """Replaced a second time, it is the newer foreign setting that Delete gives back, not the first one."""
    ses, memory = FakeSes(state=settings(topic("old_bounce")), default_set="former-set"), FakeMemory()
    wish = Wish(OURS, "set-a", overwrite=True)
    wiring(ses, memory).wire(IDENTITY, wish)
    theirs(ses, "Bounce")
    theirs(ses, "Complaint")
    ses.default_set = "set-b"
    wiring(ses, memory).wire(IDENTITY, wish)
    assert (ses.state, ses.default_set) == (WIRED_SETTINGS, "set-a")
    assert memory.records[IDENTITY].former_set == FormerSet("set-b", frozenset({"set-a"}))
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state.topics == {"Bounce": THEIRS, "Complaint": THEIRS, "Delivery": None}
    assert not ses.state.forwarding
    assert ses.default_set == "set-b"


def test_a_pending_identity_with_a_foreign_topic_is_an_error_too() -> None:
    """It would be one once it is verified; better to hear of it now."""
    ses = FakeSes(status="Pending", state=settings(THEIRS))
    with pytest.raises(ForeignSetting):
        wiring(ses, FakeMemory()).wire(IDENTITY, CAREFUL)


# --- rollback ---------------------------------------------------------------------------------------------------------


def test_a_refused_update_rolls_back() -> None:
    """The Update back from the refused properties leaves the foreign topic, mends the rest, and succeeds as foreign."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, CAREFUL)
    theirs(ses, "Bounce")
    ses.state = after(ses.state, SetTopic("Delivery", None))
    with pytest.raises(ForeignSetting):
        wiring(ses, memory).update(IDENTITY, CAREFUL, properties="new", former_properties="old")
    for _ in range(2):  # its answer may be lost
        outcome = wiring(ses, memory).update(IDENTITY, CAREFUL, properties="old", former_properties="new")
        assert outcome.status == FOREIGN
        assert outcome.left == (f"Bounce topic {THEIRS} is not ours and stays",)
        assert ses.state.topics == {**OURS, "Bounce": THEIRS}
    assert memory.records[IDENTITY].status == FOREIGN


def test_a_foreign_configuration_set_survives_a_rollback_and_so_does_the_memory() -> None:
    """The set stays, and what was there before ours is still known."""
    ses, memory = FakeSes(), FakeMemory()
    wish = Wish(OURS, "set-a")
    wiring(ses, memory).wire(IDENTITY, wish)
    ses.default_set = "former-set"
    with pytest.raises(ForeignSetting):
        wiring(ses, memory).update(IDENTITY, wish, properties="new", former_properties="old")
    assert wiring(ses, memory).update(IDENTITY, wish, properties="old", former_properties="new").status == FOREIGN
    assert ses.default_set == "former-set"
    assert memory.records[IDENTITY].former_set == FormerSet(None, frozenset({"set-a"}))


def test_the_next_deployment_is_refused_again() -> None:
    """Only the way back is lenient: who tries again without having mended it hears of it again."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, CAREFUL)
    theirs(ses, "Bounce")
    for properties in ("new", "newer"):
        with pytest.raises(ForeignSetting):
            wiring(ses, memory).update(IDENTITY, CAREFUL, properties=properties, former_properties="old")
        wiring(ses, memory).update(IDENTITY, CAREFUL, properties="old", former_properties=properties)
    theirs(ses, "Bounce", OURS["Bounce"])
    wiring(ses, memory).update(IDENTITY, CAREFUL, properties="newer", former_properties="old")
    assert memory.records[IDENTITY].refused is None
    assert memory.records[IDENTITY].status == WIRED


def test_an_overwriting_update_that_fails_half_way_rolls_back() -> None:
    """It had replaced one of two topics: the way back, without the switch, leaves the other."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, CAREFUL)
    theirs(ses, "Bounce")
    theirs(ses, "Complaint")
    ses.gone_topics = frozenset({OURS["Complaint"]})
    with pytest.raises(TopicRejected):
        wiring(ses, memory).update(IDENTITY, WISH, properties="new", former_properties="old")
    ses.gone_topics = frozenset()
    outcome = wiring(ses, memory).update(IDENTITY, CAREFUL, properties="old", former_properties="new")
    assert outcome.status == FOREIGN
    assert ses.state.topics == {**OURS, "Complaint": THEIRS}
    wiring(ses, memory).unwire(IDENTITY)
    assert ses.state.topics == {"Bounce": THEIRS, "Complaint": THEIRS, "Delivery": None}


def test_a_failure_that_cannot_be_noted_says_so() -> None:
    """The first error stays the reason."""
    ses, memory = FakeSes(), FakeMemory()
    theirs(ses, "Bounce")
    memory.faults = Faults(2, error=lambda: PermanentError("denied"))
    with pytest.raises(ForeignSetting) as caught:
        wiring(ses, memory).update(IDENTITY, CAREFUL, properties="new", former_properties="old")
    assert caught.value.__notes__ == ["noting the failure failed too: denied"]


def test_an_update_without_trouble_reads_once_and_writes_nothing() -> None:
    """Nothing of all that costs a deployment as usual anything."""
    ses, memory = FakeSes(), FakeMemory()
    wiring(ses, memory).wire(IDENTITY, CAREFUL)
    ses.calls.clear()
    memory.writes = 0
    wiring(ses, memory).update(IDENTITY, CAREFUL, properties="new", former_properties="old")
    assert (ses.calls, memory.writes) == (["read settings"], 0)
