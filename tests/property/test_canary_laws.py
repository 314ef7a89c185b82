"""Laws of canaries: whatever is said about one changes no suppression and no metric; and no other recipient is one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ses_feedback.domain import canary
from ses_feedback.domain import events as ev
from ses_feedback.domain.policy import Policy, Tier
from ses_feedback.usecases.handling import Entry
from ses_feedback.usecases.record import record
from ses_feedback.usecases.tally import tally
from tests.fakes import FakeMeter, FakeQuarantine, FakeStore
from tests.unit.usecases import mail
from tests.unit.usecases.mail import KEYS, NOW

# As hard as a policy can be: the first strike of any class suppresses for ever.
HARSH: Policy = {class_: (Tier(1, None, None, "environment"),) for class_ in ev.STRIKABLE}
NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?", fullmatch=True)
ROUNDS = st.integers(0, NOW)
OWN = st.builds(canary.recipient, st.just("ses-feedback"), st.sampled_from(list(canary.LOCAL_PARTS)), ROUNDS)
PEOPLE = st.sampled_from(["jane@example.net", "bounce@simulator.amazonses.com", "bounce+x@simulator.amazonses.com"])
KINDS = st.sampled_from(["Permanent", "Transient", "Undetermined"])
SUBS = st.sampled_from(["General", "NoEmail", "MailboxFull", "OnAccountSuppressionList", "UnsubscribedRecipient"])
STATUS = st.sampled_from([None, "5.1.1", "4.2.2", "5.7.1", "5.2.3"])
SOURCES = st.sampled_from(["info@example.com", "news@example.com", "dev@example.com"])
Message = dict[str, Any]


@st.composite
def messages(draw: st.DrawFn, recipients: st.SearchStrategy[str]) -> Message:
    """Return a notification of any kind about a recipient, in either dialect."""
    to, source = draw(recipients), draw(SOURCES)
    number = draw(st.integers(0, 9))
    kind = draw(st.integers(0, 2))
    if kind == 0:
        made = mail.bounce(
            f"m{number}", [to], source=source, kind=draw(KINDS), sub=draw(SUBS), status=draw(STATUS), diagnostic=None
        )
    else:
        made = (mail.complaint, mail.delivery)[kind - 1](f"m{number}", [to], source=source)
    if draw(st.booleans()):
        made["eventType"] = made.pop("notificationType")
    return made


def outcome(feedback: list[Message]) -> tuple[Any, Any]:
    """Return what is listed and what is measured after both ways have handled the feedback."""
    store, meter, quarantine = FakeStore(HARSH), FakeMeter(), FakeQuarantine()
    bodies = [Entry(f"e{n}", mail.sns_body(message)) for n, message in enumerate(feedback)]
    rules = mail.rules(HARSH)
    record(bodies, rules=rules, keys=KEYS, store=store, quarantine=quarantine, now=NOW)
    tally(bodies, rules=rules, store=store, quarantine=quarantine, meter=meter, now=NOW)
    assert not quarantine.kept
    return {who: stored.suppressions for who, stored in store.items.items()}, meter.documents


@given(st.lists(messages(PEOPLE), max_size=4), st.lists(messages(OWN), max_size=4), st.randoms(use_true_random=False))
def test_canaries_change_no_suppression_and_no_metric(ordinary: list[Message], own: list[Message], order: Any) -> None:
    """Wherever they stand among other feedback, and under the harshest of policies."""
    mixed = list(ordinary)
    for message in own:
        mixed.insert(order.randint(0, len(mixed)), message)
    assert outcome(mixed) == outcome(ordinary)


@given(NAMES, st.sampled_from(list(canary.LOCAL_PARTS)), ROUNDS)
def test_a_canary_is_known_by_its_own_deployment(name: str, asks: str, round_: int) -> None:
    assert canary.recognise(name, canary.recipient(name, asks, round_)) == canary.Canary(asks, round_)


@given(NAMES, NAMES, st.sampled_from(list(canary.LOCAL_PARTS)), ROUNDS)
def test_and_by_no_other(name: str, other: str, asks: str, round_: int) -> None:
    """Names that differ in case only are one: labels come back in lower case."""
    found = canary.recognise(other, canary.recipient(name, asks, round_))
    assert (found is not None) == (name.lower() == other.lower())


@given(st.text(max_size=80) | st.builds(json.dumps, st.text()))
def test_no_text_makes_it_fail(text: str) -> None:
    for address in (text, f"{text}@{canary.SIMULATOR}", f"bounce+ses-feedback-canary-{text}@{canary.SIMULATOR}"):
        canary.recognise("ses-feedback", address)
