"""What follows for an address without a history, in which words, and the objects that `explain` prints."""

from __future__ import annotations

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.decide import decide, explain_event, explain_fault, explain_setup
from ses_feedback.domain.events import KINDS, Event, Fault, Setup
from ses_feedback.domain.policy import DEFAULT_POLICY, ENVIRONMENT, STREAM, Policy, Tier
from ses_feedback.domain.times import DAY
from tests.unit.domain.payloads import OWN_MS, bounce, reading

KEYS = [
    *("kind", "class", "recipient", "identity", "environment", "stream", "message_id", "occurred_at"),
    *("counts_as_bounce", "counts_as_complaint", "action", "scope", "until", "why"),
]


def event(class_: str, kind: str = ev.BOUNCE, status: str | None = None, detail: str | None = None) -> Event:
    fields = ("production", "transactional", "id-1", OWN_MS, None, False, False, True)
    return Event(kind, class_, "jane@example.org", "example.com", *fields, status, None, detail)


@pytest.mark.parametrize(
    ("class_", "action", "scope", "lasts"),
    [
        (ev.HARD_BOUNCE, "suppress", "environment", None),
        (ev.COMPLAINT, "suppress", "stream", None),
        (ev.UNSUBSCRIBE, "suppress", "stream", None),
        (ev.ALREADY_SUPPRESSED, "suppress", "environment", 30 * DAY),
        (ev.SOFT_BOUNCE, "strike", None, None),
        (ev.BLOCKED, "strike", None, None),
        (ev.DELIVERY, "clear_strikes", None, None),
        *[
            (c, "none", None, None)
            for c in (ev.MESSAGE_FAULT, ev.AUTO_REPLY, ev.NOT_SPAM, ev.DELAY, ev.REJECT, ev.SEND)
        ],
        *[(c, "none", None, None) for c in (ev.OPEN, ev.CLICK, ev.SUBSCRIPTION, ev.RENDERING_FAILURE)],
    ],
)
def test_the_default_policy(class_: str, action: str, scope: str | None, lasts: int | None) -> None:
    """Scope and end belong to a suppression alone, and the end counts from the event's own time."""
    decision = decide(event(class_), DEFAULT_POLICY)
    until = None if lasts is None else OWN_MS + lasts
    assert decision[:3] == (action, scope, until)
    assert decision.why.startswith(f"{class_}: ")


def test_the_reason_is_a_sentence_with_the_evidence() -> None:
    """For people: what it takes, what follows, and what the receiver said."""
    why = [
        decide(event(ev.HARD_BOUNCE, status="5.1.1", detail="Permanent/General"), DEFAULT_POLICY).why,
        decide(event(ev.SOFT_BOUNCE, detail="Transient/General"), DEFAULT_POLICY).why,
        decide(event(ev.BLOCKED, status="5.7.1"), DEFAULT_POLICY).why,
        decide(event(ev.COMPLAINT), DEFAULT_POLICY).why,
        decide(event(ev.MESSAGE_FAULT), {ev.MESSAGE_FAULT: ()}).why,
        decide(event(ev.SOFT_BOUNCE), {}).why,
    ]
    assert why == [
        "hard_bounce: 1 strike suppresses for ever in the environment (status 5.1.1, Permanent/General)",
        "soft_bounce: strike 1 of 5 within 14d; 5 suppress for 30d in the environment (Transient/General)",
        "blocked: strike 1 of 5 within 14d; 5 suppress for 7d in the stream (status 5.7.1)",
        "complaint: 1 strike suppresses for ever in the stream",
        "message_fault: the fault is the message's, not the recipient's",
        "soft_bounce: the policy has no tier for it",
    ]


@pytest.mark.parametrize(
    ("tiers", "scope", "lasts"),
    [
        ((Tier(1, None, 30 * DAY, ENVIRONMENT), Tier(2, None, None, ENVIRONMENT)), "environment", 30 * DAY),
        ((Tier(1, None, 30 * DAY, ENVIRONMENT), Tier(1, None, 60 * DAY, STREAM)), "stream", 60 * DAY),
        ((Tier(1, None, 30 * DAY, STREAM), Tier(1, None, 30 * DAY, ENVIRONMENT)), "environment", 30 * DAY),
        ((Tier(1, None, None, STREAM), Tier(1, None, 30 * DAY, ENVIRONMENT)), "stream", None),
    ],
)
def test_of_several_tiers_the_one_that_ends_last_then_the_widest(
    tiers: tuple[Tier, ...], scope: str, lasts: int | None
) -> None:
    """As a question would be answered; tiers for later strikes do not apply yet."""
    decision = decide(event(ev.HARD_BOUNCE), {ev.HARD_BOUNCE: tiers})
    assert decision[:3] == ("suppress", scope, None if lasts is None else OWN_MS + lasts)


def test_a_policy_is_not_remembered_for_another() -> None:
    """The same event under another policy is decided anew."""
    policies: list[Policy] = [DEFAULT_POLICY, {}, {ev.HARD_BOUNCE: (Tier(3, DAY, DAY, STREAM),)}, DEFAULT_POLICY]
    actions = [decide(event(ev.HARD_BOUNCE), policy).action for policy in policies]
    assert actions == ["suppress", "none", "strike", "suppress"]
    for number in range(3_000):
        assert decide(event(ev.HARD_BOUNCE, detail=str(number)), DEFAULT_POLICY).why.endswith(f"({number})")


def test_an_event_explained() -> None:
    """Precisely the keys of the contract, in order, with times as SES writes them."""
    made = reading(bounce()).events[0]
    explained = explain_event(made, decide(made, DEFAULT_POLICY))
    assert list(explained) == KEYS
    assert explained == {
        "kind": "bounce",
        "class": "hard_bounce",
        "recipient": "jane@example.org",
        "identity": "example.com",
        "environment": "production",
        "stream": "transactional",
        "message_id": "id-1",
        "occurred_at": "2026-01-27T14:59:44.101Z",
        "counts_as_bounce": True,
        "counts_as_complaint": False,
        "action": "suppress",
        "scope": "environment",
        "until": None,
        "why": "hard_bounce: 1 strike suppresses for ever in the environment (status 5.1.1, Permanent/General)",
    }
    listed = event(ev.ALREADY_SUPPRESSED)
    assert explain_event(listed, decide(listed, DEFAULT_POLICY))["until"] == "2026-02-26T14:59:44.101Z"


def test_a_fault_explained() -> None:
    """All that is known, null where nothing is, and never a class."""
    assert list(explain_fault(Fault("x", "no JSON"))) == KEYS
    assert {k: v for k, v in explain_fault(Fault("x", "no JSON")).items() if v is not None} == {
        "action": "quarantine",
        "why": "no JSON",
    }
    explained = explain_fault(reading(bounce("nonsense")).faults[0])
    assert explained["class"] is None
    assert [explained[key] for key in ("kind", "identity", "environment", "stream", "message_id", "occurred_at")] == [
        *("bounce", "example.com", "production", "transactional", "id-1", "2026-01-27T14:59:44.101Z")
    ]


def test_a_setup_message_explained() -> None:
    """A kind and a class of its own, and nothing follows."""
    explained = explain_setup(Setup(None, "the topic works"))
    assert list(explained) == KEYS
    assert (explained["kind"], explained["class"], explained["action"]) == ("setup", "setup", "none")
    assert explained["kind"] in KINDS
    assert explained["why"] == "setup: the topic works"
