"""What is known of one address, and the law: its suppressions are a pure function of the *set* of what is known.

A ``History`` joins with another like sets do: any order, any repetition, any grouping gives the same result. These
facts make that hold although old strikes are dropped:

* what is forgotten (by a release or a delivery) is a *prefix*: everything older than a mark that only rises. What a
  release forgets beyond that by name (``reach``) are few strikes, all of the hour after it;
* what is kept for want of room are always the *newest*, with some to spare for those that a release may name, so what
  was dropped once would be dropped again;
* the same strike seen with two times keeps the later copy, whole, so a strike only ever moves up. Copies that differ in
  both times that a strike of SES's list has are kept side by side, and count as one.

The clock plays no part: what is stored never depends on when it was stored. Only ``covering`` asks what the time is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeVar

from ses_feedback.domain import events as ev
from ses_feedback.domain.policy import ENVIRONMENT, STREAM, Policy, Scope, Tier, bound
from ses_feedback.domain.reach import AHEAD, SPARE, Name, Reach, widen
from ses_feedback.domain.times import DAY, HOUR, SECOND

K = TypeVar("K")
V = TypeVar("V")

EVERY_STREAM: Final = "*"
# Kept this long after it could last matter: late duplicates of SES and SNS (weeks at most) still find it.
AFTERLIFE: Final = 120 * DAY
# SES's account list may be a while behind a release: mail sent within the hour may still be refused because of it.
LIST_LAG: Final = HOUR
# So many operators' decisions of an address are kept; all of them are in the archive.
TRAIL: Final = 10


class Strike(NamedTuple):
    """One event that counts against an address. Times in ms; ``sent`` is the mail's, never later than ``at``."""

    class_: str
    stream: str
    at: int
    sent: int
    message_id: str | None = None
    identity: str | None = None
    status: str | None = None
    diagnostic: str | None = None
    detail: str | None = None


class Known(NamedTuple):
    """What was known when somebody decided: it explains the decision, and decides nothing.

    ``reason`` to ``until`` are those of the suppression that held in the decision's scope (``stream`` is ``*`` for
    every one); all are ``None`` where none did. ``strikes`` is how many there were, ``delivered`` the newest delivery
    that was known of (ms). ``mail`` is what the domain's DNS said, one of ``mail_hosts``' words, where it was asked.
    """

    strikes: int
    reason: str | None = None
    stream: str | None = None
    since: int | None = None
    until: int | None = None
    delivered: int | None = None
    mail: str | None = None


class Ruling(NamedTuple):
    """An operator's decision (or an import's, or SES's list's): when, until when (``None``: without end), why, by whom.

    For a release, ``until`` is ``None`` and ``reason`` is ``operator``. ``by`` is empty where nobody knows, ``known``
    ``None`` where nobody wrote it down. A release that was shown strikes from the future is dated after them, but
    forgets only what is older than ``made``, AWS's clock, and those strikes, by name (``lifts``).
    """

    at: int
    until: int | None
    reason: str
    why: str
    by: str = ""
    known: Known | None = None
    made: int | None = None
    lifts: tuple[Name, ...] = ()


class Past(NamedTuple):
    """A decision that does not hold any more: a newer one came, or a release lifted it."""

    scope: str
    released: bool
    ruling: Ruling


class Suppression(NamedTuple):
    """ "Do not send to this address": for ``stream``, or for every stream where ``scope`` is ``environment``."""

    scope: Scope
    stream: str | None
    reason: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of one address in one environment.

    ``strikes`` by ``copy_key``; ``deliveries`` the newest clearing delivery by stream; ``releases`` the latest by scope
    (``*`` or a stream); ``rulings`` the newest decision to suppress by (scope, reason). ``past`` are operators'
    decisions before those, as far as they are among the newest ``TRAIL``: nothing follows from them. ``erased`` is when
    the person was forgotten, 0 for never: from then on no text stays, whatever else is learned. ``reaches`` says what
    all releases of a scope forget together, where that is more than the latest forgets.
    """

    strikes: Mapping[str, Strike] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)
    releases: Mapping[str, Ruling] = field(default_factory=dict)
    rulings: Mapping[tuple[str, str], Ruling] = field(default_factory=dict)
    erased: int = 0
    past: frozenset[Past] = frozenset()
    reaches: Mapping[str, Reach] = field(default_factory=dict)

    def newest_evidence(self) -> int:
        """Return the time of the newest thing in here, 0 where there is nothing."""
        times = [strike.at for strike in self.strikes.values()]
        times += self.deliveries.values()
        times += [ruling.at for ruling in self.releases.values()]
        times += [ruling.at for ruling in self.rulings.values()]
        return max(times, default=0)


def strike_of(event: ev.Event) -> Strike:
    """Return the strike an event is, provided that the policy has tiers for its class."""
    sent = event.occurred_at
    if event.class_ == ev.ALREADY_SUPPRESSED and event.sent_at is not None:
        sent = min(event.sent_at, event.occurred_at)
    return Strike(
        event.class_,
        event.stream,
        event.occurred_at,
        sent,
        _storable(event.message_id),
        event.identity,
        _storable(event.status),
        _storable(event.diagnostic),
        _storable(event.detail),
    )


def copy_key(message: str, strike: Strike) -> str:
    """Return the key under which a strike is kept; ``message`` is ``Keys.strike``'s.

    One message strikes a recipient at most once in a stream. Copies of a strike of SES's list that differ in when the
    mail was sent are kept apart: a release forgets by that time, and may forget one and not the other.
    """
    key = f"{message}/{strike.stream}"
    return f"{key}/{strike.sent}" if strike.class_ == ev.ALREADY_SUPPRESSED else key


def message_of(key: str) -> str:
    """Return what all copies of one strike share of their keys."""
    return "/".join(key.split("/", 2)[:2])


def reach(history: History, scope: str) -> Reach:
    """Return what the releases of a scope (``*`` or a stream) forget of strikes."""
    if scope in history.reaches:
        return history.reaches[scope]
    ruling = history.releases.get(scope)
    return Reach() if ruling is None else _own_reach(ruling)


def _own_reach(release: Ruling) -> Reach:
    return widen(Reach(release.at if release.made is None else release.made, release.lifts), Reach())


def _storable(text: str | None) -> str | None:
    """Return a text without the lone surrogates that hostile JSON can hold and no store can keep."""
    return text if text is None or text.isascii() else text.encode("utf-8", "replace").decode()


def join(one: History, other: History, policy: Policy) -> History:
    """Return what both know together, settled. Commutative, associative and idempotent."""
    return settle(
        History(
            strikes=_join(one.strikes, other.strikes, join_strikes),
            deliveries=_join(one.deliveries, other.deliveries, max),
            releases=_join(one.releases, other.releases, _later_ruling),
            rulings=_join(one.rulings, other.rulings, _later_ruling),
            erased=max(one.erased, other.erased),
            past=one.past | other.past | _decided(one) | _decided(other),
            reaches={
                scope: widen(reach(one, scope), reach(other, scope))
                for scope in {*one.releases, *other.releases, *one.reaches, *other.reaches}
            },
        ),
        policy,
    )


def _join(one: Mapping[K, V], other: Mapping[K, V], choose: Callable[[V, V], V]) -> dict[K, V]:
    joined = dict(one)
    for key, value in other.items():
        joined[key] = choose(joined[key], value) if key in joined else value
    return joined


def join_strikes(one: Strike, other: Strike) -> Strike:
    """Return what one strike is that was seen twice: the later copy, whole, whichever is seen first."""
    return max(one, other, key=_strike_rank)


def _strike_rank(strike: Strike) -> tuple[int, int, tuple[str, ...]]:
    texts = (strike.stream, strike.identity, strike.status, strike.diagnostic, strike.detail, strike.message_id)
    return strike.at, strike.sent, tuple(text or "" for text in texts)


def _later_ruling(one: Ruling, other: Ruling) -> Ruling:
    return max(one, other, key=_ruling_rank)


def _ruling_rank(ruling: Ruling) -> tuple[int, float, tuple[str, ...], tuple[str, ...]]:
    """Order decisions; by what an erasure drops last, so that it changes no order."""
    facts = (ruling.reason, *(str(fact) for fact in ruling.known or ()), str(ruling.made), str(ruling.lifts))
    return ruling.at, _end(ruling.until), facts, (ruling.why, ruling.by)


def every_decision(history: History) -> frozenset[Past]:
    """Return all decisions of a history, those that hold and those that do not any more, whoever made them."""
    return history.past.union(_standing(history))


def _standing(history: History) -> Iterator[Past]:
    yield from (Past(scope, True, ruling) for scope, ruling in history.releases.items())
    yield from (Past(scope, False, ruling) for (scope, _), ruling in history.rulings.items())


def _decided(history: History) -> frozenset[Past]:
    """Return the operators' decisions that hold."""
    return frozenset(past for past in _standing(history) if past.ruling.reason == ev.OPERATOR)


def _end(until: int | None) -> float:
    return float("inf") if until is None else until


def settle(history: History, policy: Policy) -> History:
    """Drop what a release or a delivery forgot, and the strikes beyond what the tiers can need."""
    groups: dict[tuple[str, str], list[tuple[str, Strike]]] = {}
    for key, strike in history.strikes.items():
        groups.setdefault((strike.class_, strike.stream), []).append((key, strike))
    strikes: dict[str, Strike] = {}
    for (class_, stream), members in groups.items():
        tiers = policy.get(class_, ())
        if not tiers:
            continue
        widest: Scope = ENVIRONMENT if any(tier.scope == ENVIRONMENT for tier in tiers) else STREAM
        forgotten = _forgotten(history, class_, stream, widest)
        live = [(key, strike) for key, strike in members if not _is_forgotten(key, strike, forgotten)]
        strikes.update(_newest(live, max(bound(tier) for tier in tiers), _spare(class_)))
    rulings = {
        (scope, reason): ruling
        for (scope, reason), ruling in history.rulings.items()
        if ruling.at >= _released_before(history, scope)
    }
    reaches = {
        scope: found
        for scope, found in history.reaches.items()
        if scope not in history.releases or found != _own_reach(history.releases[scope])
    }
    settled = History(strikes, history.deliveries, history.releases, rulings, history.erased, reaches=reaches)
    if history.erased:
        return without_texts(settled)
    every = history.past | _decided(history)
    if not every:
        return settled
    trail = sorted(every, key=lambda past: (_ruling_rank(past.ruling), past.scope, past.released))[-TRAIL:]
    return replace(settled, past=frozenset(trail) - _decided(settled))


def without_texts(history: History) -> History:
    """Return what an erasure leaves: times, classes, streams and keys; no message id, no identity, no name, no words.

    Nothing that is dropped decides anything: neither which suppressions follow, nor what a later event joins with.
    """
    return replace(
        history,
        strikes={key: Strike(s.class_, s.stream, s.at, s.sent) for key, s in history.strikes.items()},
        releases={scope: ruling._replace(why="", by="") for scope, ruling in history.releases.items()},
        rulings={which: ruling._replace(why="", by="") for which, ruling in history.rulings.items()},
        past=frozenset(),
    )


def _mark(strike: Strike) -> int:
    """Return the time that decides whether a strike is forgotten: SES's own list goes by when the mail was sent."""
    return strike.sent if strike.class_ == ev.ALREADY_SUPPRESSED else strike.at


def _released_before(history: History, scope: str) -> int:
    """Return the time before which releases forget what holds in a scope (``*`` or a stream); 0 for never."""
    times = [history.releases[s].at for s in {EVERY_STREAM, scope} if s in history.releases]
    return max(times, default=0)


def _forgotten(history: History, class_: str, stream: str, scope: Scope) -> Reach:
    """Return what is forgotten of the strikes of a class and stream, for tiers of a scope."""
    found = reach(history, EVERY_STREAM)
    mark, named = found.before, found.named
    if scope == STREAM and stream != EVERY_STREAM:
        own = reach(history, stream)
        mark, named = max(mark, own.before), named + own.named
    if class_ == ev.ALREADY_SUPPRESSED:
        return Reach(mark + LIST_LAG + 1 if mark else 0, named)
    if class_ == ev.SOFT_BOUNCE:
        mark = max(mark, *history.deliveries.values(), 0)
    elif class_ == ev.BLOCKED:
        mark = max(mark, history.deliveries.get(stream, 0))
    return Reach(mark, named)


def _is_forgotten(key: str, strike: Strike, forgotten: Reach) -> bool:
    if _mark(strike) < forgotten.before:
        return True
    return any(message_of(key) == message and strike.at <= at for message, at in forgotten.named)


def _spare(class_: str) -> int:
    """Return how many of the newest strikes of a class a release may yet forget by name, and not the older ones."""
    return 0 if class_ == ev.ALREADY_SUPPRESSED else SPARE


def _newest(members: list[tuple[str, Strike]], room: int, spare: int) -> list[tuple[str, Strike]]:
    """Keep the members that fewer than ``room`` other messages are newer than.

    Newer means later in both times a strike has. For most classes they are one and the same, and exactly the newest
    ``room`` stay. A strike of SES's own list may be older by its mail and newer by its bounce: then both are needed,
    because a release forgets by the one and a suppression ends by the other.

    ``spare`` of those that are newer by at most ``AHEAD`` do not count: a release from before both may name them.
    """
    if len(members) <= (room if spare else 1):
        return members
    ordered = sorted(members, key=lambda member: (member[1].at, _mark(member[1]), member[0]), reverse=True)
    kept: list[tuple[str, Strike]] = []
    before: list[tuple[tuple[int, int, str], str]] = []
    for key, strike in ordered:
        own, message = (_mark(strike), strike.at, key), message_of(key)
        newer = {other: theirs[0] for theirs, other in before if theirs > own}
        far = sum(at > own[0] + AHEAD for at in newer.values())
        near = len(newer) - far
        if message not in newer and far + max(0, near - spare) < room:
            kept.append((key, strike))
            before.append((own, message))
    return kept


def suppressions(history: History, policy: Policy) -> list[Suppression]:
    """Return every suppression that holds by the evidence, each by its own tier or ruling, over or not by now."""
    found = [
        suppression
        for class_, tiers in policy.items()
        for tier in tiers
        for suppression in _by_tier(history, class_, tier)
    ]
    for (scope, reason), ruling in history.rulings.items():
        everywhere = scope == EVERY_STREAM
        found.append(
            Suppression(
                ENVIRONMENT if everywhere else STREAM, None if everywhere else scope, reason, ruling.at, ruling.until
            )
        )
    return sorted(set(found), key=_rank, reverse=True)


def _by_tier(history: History, class_: str, tier: Tier) -> Iterable[Suppression]:
    groups: dict[str | None, dict[str, int]] = {}
    forgotten: dict[str, Reach] = {}
    for key, strike in history.strikes.items():
        if strike.class_ != class_:
            continue
        stream = strike.stream
        if stream not in forgotten:
            forgotten[stream] = _forgotten(history, class_, stream, tier.scope)
        if not _is_forgotten(key, strike, forgotten[stream]):
            times_of = groups.setdefault(stream if tier.scope == STREAM else None, {})
            message = message_of(key)
            times_of[message] = max(strike.at, times_of.get(message, 0))
    for group, found in groups.items():
        times = sorted(found.values())
        for last in range(len(times) - 1, tier.count - 2, -1):
            if tier.within is None or times[last] - times[last - tier.count + 1] <= tier.within:
                since = times[last]
                until = None if tier.suppress_for is None else since + tier.suppress_for
                yield Suppression(tier.scope, group, class_, since, until)
                break


def _rank(suppression: Suppression) -> tuple[float, bool, int, str, str]:
    """Order suppressions: ends last, then widest, then newest; then by name, so that the order is total."""
    return (
        _end(suppression.until),
        suppression.scope == ENVIRONMENT,
        suppression.since,
        suppression.reason,
        suppression.stream or "",
    )


def strongest(found: Iterable[Suppression]) -> Suppression | None:
    """Return the suppression that ends last (then the widest, then the newest), whatever its scope."""
    return max(found, key=_rank, default=None)


def covering(found: Iterable[Suppression], stream: str, now: int) -> Suppression | None:
    """Return the suppression that answers "may I send to this address in this stream, now?"; ``None``: you may."""
    return strongest(
        suppression
        for suppression in found
        if (suppression.stream is None or suppression.stream == stream)
        and (suppression.until is None or suppression.until > now)
    )


def clears(history: History, stream: str, at: int) -> bool:
    """Return whether a delivery in ``stream`` at ``at`` forgets a strike: only then is it worth a write."""
    return any(
        strike.at < at
        and (strike.class_ == ev.SOFT_BOUNCE or (strike.class_ == ev.BLOCKED and strike.stream == stream))
        for strike in history.strikes.values()
    )


def expires_at(history: History, found: Iterable[Suppression], policy: Policy) -> int | None:
    """Return when this history may be forgotten as a whole, in *seconds* since 1970 (DynamoDB's TTL); ``None``: never.

    A release stays for good, so that feedback from before it, however late, changes nothing. So does an end that a list
    brought, or an older list without that end would suppress again. Operators' decisions come late from an archive
    alone, which has the newer one, too.
    """
    if history.releases or any(reason != ev.OPERATOR for _, reason in history.rulings):
        return None
    ends: list[int] = []
    for suppression in found:
        if suppression.until is None:
            return None
        ends.append(suppression.until)
    longest = max((tier.within or 0 for tiers in policy.values() for tier in tiers), default=0)
    for strike in history.strikes.values():
        if any(tier.suppress_for is None for tier in policy.get(strike.class_, ())):
            return None
        ends.append(strike.at + longest)
    ends += (at + longest for at in history.deliveries.values())
    return (max(ends, default=0) + AFTERLIFE) // SECOND
