"""Pieces of what is known of an address, in few words."""

from __future__ import annotations

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import History, Ruling, Strike, copy_key, join
from ses_feedback.domain.policy import DEFAULT_POLICY, Policy

T0 = 1_800_000_000_000  # 2027-01-15T08:00:00Z


def struck(key: str, class_: str, at: int, *, stream: str = "default", sent: int | None = None) -> History:
    """One strike under a key."""
    strike = Strike(class_, stream, at, at if sent is None else sent, f"message-{key}")
    return History(strikes={copy_key(key, strike): strike})


def delivered(stream: str, at: int) -> History:
    """One recorded delivery."""
    return History(deliveries={stream: at})


def released(scope: str, at: int, why: str = "asked") -> History:
    """One release."""
    return History(releases={scope: Ruling(at, None, ev.OPERATOR, why)})


def ruled(scope: str, at: int, until: int | None, *, reason: str = ev.OPERATOR, why: str = "asked") -> History:
    """One decision to suppress."""
    return History(rulings={(scope, reason): Ruling(at, until, reason, why)})


def known(*parts: History, policy: Policy = DEFAULT_POLICY) -> History:
    """All parts, learned one after the other."""
    history = History()
    for part in parts:
        history = join(history, part, policy)
    return history


def event(
    class_: str,
    *,
    kind: str = ev.BOUNCE,
    recipient: str = "jane@example.com",
    identity: str = "example.com",
    environment: str = "production",
    stream: str = "default",
    message_id: str | None = "m1",
    occurred_at: int = T0,
    sent_at: int | None = T0,
    status: str | None = None,
    diagnostic: str | None = None,
    detail: str | None = None,
) -> ev.Event:
    """One event, by default of a bounce at ``T0``."""
    return ev.Event(
        kind=kind,
        class_=class_,
        recipient=recipient,
        identity=identity,
        environment=environment,
        stream=stream,
        message_id=message_id,
        occurred_at=occurred_at,
        sent_at=sent_at,
        counts_as_bounce=class_ == ev.HARD_BOUNCE,
        counts_as_complaint=class_ == ev.COMPLAINT,
        reports_complaints=True,
        status=status,
        diagnostic=diagnostic,
        detail=detail,
    )
