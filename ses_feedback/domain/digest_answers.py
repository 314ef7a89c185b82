"""What was done about an address, from what is stored of it: the truth of the moment, in words."""

from __future__ import annotations

from typing import NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.digest_words import NOTHING
from ses_feedback.domain.events import Event
from ses_feedback.domain.history import EVERY_STREAM, History, Suppression, copy_key, covering, message_of, strike_of
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.plain_words import end, length, moment, scope
from ses_feedback.domain.policy import STREAM, Policy, Tier


class Known(NamedTuple):
    """What the table says of an address in an environment."""

    history: History
    suppressions: tuple[Suppression, ...]


def what_was_done(event: Event, known: Known | None, policy: Policy, keys: Keys, now: int) -> str:
    """Return what follows from an event, by what is stored at ``now`` (ms); ``known`` is ``None`` where nothing is."""
    holds = covering(known.suppressions, event.stream, now) if known else None
    if holds is not None:
        why = "" if holds.reason == event.class_ else f" (since {moment(holds.since)}, by {holds.reason})"
        where = scope(holds.stream, event.environment)
        return f"Suppressed {end(holds.until, now)} in {where}{why}: it is not to be mailed."
    tiers = policy.get(event.class_, ())
    if not tiers:
        return f"Nothing: {NOTHING.get(event.class_, 'nothing follows from this')}."
    message = message_of(copy_key(keys.strike(event), strike_of(event)))
    if known is None or message not in map(message_of, known.history.strikes):
        return _forgotten(event, known) or "Not recorded yet. Look again in some minutes."
    tier, strikes = _nearest(event, known.history, tiers, now)
    if strikes >= tier.count:
        return "Not suppressed: a suppression because of it is over."
    within = "" if tier.within is None else f" within {length(tier.within)}"
    lasts = "for ever" if tier.suppress_for is None else f"for {length(tier.suppress_for)}"
    where = scope(event.stream if tier.scope == STREAM else None, event.environment)
    enough = f"{tier.count} suppress the address {lasts} in {where}"
    return f"Not suppressed: strike {strikes} of {tier.count}{within}; {enough}."


def _forgotten(event: Event, known: Known | None) -> str | None:
    """Return why the strike of an event is gone, if it was forgotten."""
    if known is None:
        return None
    releases = known.history.releases
    released = [releases[scope_].at for scope_ in (EVERY_STREAM, event.stream) if scope_ in releases]
    if released and max(released) >= event.occurred_at:
        return f"Not suppressed: an operator released the address on {moment(max(released))}."
    deliveries = known.history.deliveries
    delivered = deliveries.values() if event.class_ == ev.SOFT_BOUNCE else [deliveries.get(event.stream, 0)]
    if event.class_ in (ev.SOFT_BOUNCE, ev.BLOCKED) and max(delivered, default=0) > event.occurred_at:
        return f"Not suppressed: mail was delivered to it since, on {moment(max(delivered))}."
    return None


def _nearest(event: Event, history: History, tiers: tuple[Tier, ...], now: int) -> tuple[Tier, int]:
    """Return the tier that the fewest strikes are missing for, and how many there are."""

    def strikes(tier: Tier) -> int:
        return sum(
            strike.class_ == event.class_
            and (tier.scope != STREAM or strike.stream == event.stream)
            and (tier.within is None or strike.at >= now - tier.within)
            for strike in history.strikes.values()
        )

    counted = [(tier, strikes(tier)) for tier in tiers]
    return min(counted, key=lambda pair: (pair[1] >= pair[0].count, pair[0].count - pair[1]))
