"""What follows from an event for an address that nothing was known about, and how to say so.

What follows for a known address is the history's affair; the rules are the same tiers.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.events import Event, Fault, Setup
from ses_feedback.domain.policy import ENVIRONMENT, Policy, Scope, Tier
from ses_feedback.domain.times import format_duration, format_time

SUPPRESS: Final = "suppress"
STRIKE: Final = "strike"
CLEAR_STRIKES: Final = "clear_strikes"
NONE: Final = "none"
QUARANTINE: Final = "quarantine"
Action = Literal["suppress", "strike", "clear_strikes", "none", "quarantine"]

# Why a class without tiers changes nothing.
_MEANINGS: Final = {
    ev.DELAY: "SES is still trying",
    ev.REJECT: "SES refused the mail itself, which says nothing about the recipient",
    ev.RENDERING_FAILURE: "the template could not be filled in, which says nothing about the recipient",
    ev.SEND: "the mail is on its way",
    ev.OPEN: "somebody opened the mail",
    ev.CLICK: "somebody followed a link",
    ev.SUBSCRIPTION: "the recipient still wants some of the mail",
    ev.NOT_SPAM: "the recipient says it is not spam",
    ev.MESSAGE_FAULT: "the fault is the message's, not the recipient's",
    ev.AUTO_REPLY: "somebody is out of office",
}


class Decision(NamedTuple):
    """What to do. ``scope`` and ``until`` (ms since 1970, ``None``: no end) belong to ``suppress`` alone."""

    action: Action
    scope: Scope | None
    until: int | None
    why: str


# What decides about an event apart from its time: class, status, detail.
_gist: Final[Callable[[Event], tuple[str, str | None, str | None]]] = itemgetter(
    Event._fields.index("class_"), Event._fields.index("status"), Event._fields.index("detail")
)
# By gist: the tiers it was made for, the decision with no end, and how long that suppresses.
_made: Final[dict[tuple[str, str | None, str | None], tuple[object, Decision, int | None]]] = {}
_REMEMBERED: Final = 1_024


def decide(event: Event, policy: Policy) -> Decision:
    """Return what an event means for an address without a history."""
    tiers = policy.get(event.class_, ())
    made = _made.get(_gist(event))
    if made is None or made[0] is not tiers:
        made = _make(_gist(event), tiers)
    _, decision, suppress_for = made
    if suppress_for is None:
        return decision
    return Decision(decision.action, decision.scope, event.occurred_at + suppress_for, decision.why)


def _make(gist: tuple[str, str | None, str | None], tiers: tuple[Tier, ...]) -> tuple[object, Decision, int | None]:
    class_, status, detail = gist
    action, tier, why = _meaning(class_, tiers)
    evidence = ", ".join(text for text in (f"status {status}" if status else None, detail) if text)
    why = f"{class_}: {why} ({evidence})" if evidence else f"{class_}: {why}"
    scope, suppress_for = (None, None) if tier is None else (tier.scope, tier.suppress_for)
    if len(_made) >= _REMEMBERED:
        _made.clear()
    made = _made[gist] = tiers, Decision(action, scope, None, why), suppress_for
    return made


def _meaning(class_: str, tiers: tuple[Tier, ...]) -> tuple[Action, Tier | None, str]:
    if class_ == ev.DELIVERY:
        return CLEAR_STRIKES, None, "soft bounces before it, and blocks of its stream, are forgotten"
    if not tiers:
        return NONE, None, _MEANINGS.get(class_, "the policy has no tier for it")
    at_once = [tier for tier in tiers if tier.count == 1]
    if at_once:
        tier = max(at_once, key=_strength)
        return SUPPRESS, tier, f"1 strike suppresses {_effect(tier)}"
    tier = min(tiers, key=lambda t: (t.count, t.within or 0))
    within = f" within {format_duration(tier.within)}" if tier.within is not None else ""
    return STRIKE, None, f"strike 1 of {tier.count}{within}; {tier.count} suppress {_effect(tier)}"


def _strength(tier: Tier) -> tuple[bool, int, bool]:
    """Order tiers as a question does: the one that ends last, then the widest."""
    return tier.suppress_for is None, tier.suppress_for or 0, tier.scope == ENVIRONMENT


def _effect(tier: Tier) -> str:
    length = "for ever" if tier.suppress_for is None else f"for {format_duration(tier.suppress_for)}"
    return f"{length} in the {tier.scope}"


def explain_event(event: Event, decision: Decision) -> dict[str, Any]:
    """Return the ``explain`` object of an event: the keys of DESIGN section 9, times as SES writes them."""
    return {
        "kind": event.kind,
        "class": event.class_,
        "recipient": event.recipient,
        "identity": event.identity,
        "environment": event.environment,
        "stream": event.stream,
        "message_id": event.message_id,
        "occurred_at": format_time(event.occurred_at),
        "counts_as_bounce": event.counts_as_bounce,
        "counts_as_complaint": event.counts_as_complaint,
        "action": decision.action,
        "scope": decision.scope,
        "until": None if decision.until is None else format_time(decision.until),
        "why": decision.why,
    }


def explain_canary(event: Event) -> dict[str, Any]:
    """Return the ``explain`` object of an event of one of the deployment's own canaries: it counts for nothing."""
    why = "canary: the deployment's own test mail to SES's simulator, left out of all counts and lists"
    uncounted = event._replace(counts_as_bounce=False, counts_as_complaint=False)
    return explain_event(uncounted, Decision(NONE, None, None, why))


def explain_fault(fault: Fault) -> dict[str, Any]:
    """Return the ``explain`` object of what is quarantined: ``class`` is null, and so is all that is not known."""
    return _explanation(
        kind=fault.kind,
        recipient=fault.recipient,
        identity=fault.identity,
        environment=fault.environment,
        stream=fault.stream,
        message_id=fault.message_id,
        occurred_at=None if fault.occurred_at is None else format_time(fault.occurred_at),
        action=QUARANTINE,
        why=fault.why,
    )


def explain_setup(setup: Setup) -> dict[str, Any]:
    """Return the ``explain`` object of a setup message: nothing follows from it."""
    known = {"class": ev.SETUP, "counts_as_bounce": False, "counts_as_complaint": False}
    return _explanation(kind=ev.SETUP, action=NONE, why=f"setup: {setup.why}") | known


def _explanation(**known: Any) -> dict[str, Any]:
    keys = (
        *("kind", "class", "recipient", "identity", "environment", "stream", "message_id", "occurred_at"),
        *("counts_as_bounce", "counts_as_complaint", "action", "scope", "until", "why"),
    )
    return {key: known.get(key) for key in keys}
