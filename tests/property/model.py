"""The policy by the letter of DESIGN section 5, slow and plain: all facts kept, nothing bounded, nothing pruned.

Written without a look at ``ses_feedback.domain.history``, so that both can only agree by being right. It takes *facts*,
what was ever learned of one address: a strike that was seen, a delivery that was recorded, a decision of an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ses_feedback.domain.history import History, Known, Ruling, Strike, Suppression, copy_key
from ses_feedback.domain.policy import Policy

HOUR = 60 * 60 * 1000


class Seen(NamedTuple):
    """A copy of the strike of a message: ``key`` stands for (messageId, kind, recipient, class)."""

    key: str
    strike: Strike

    def learn(self) -> History:
        return History(strikes={copy_key(self.key, self.strike): self.strike})


class Delivered(NamedTuple):
    """A delivery that was recorded."""

    stream: str
    at: int

    def learn(self) -> History:
        return History(deliveries={self.stream: self.at})


class Released(NamedTuple):
    """An operator's release of a scope, ``*`` or a stream."""

    scope: str
    at: int
    why: str = "asked"
    by: str = ""
    known: Known | None = None
    ahead: tuple[Seen, ...] = ()
    """Strikes from the future that the operator was shown; ``at`` is the time of the decision all the same."""
    date: int = 0

    @property
    def dated(self) -> int:
        """The date it gets, "never earlier than the evidence they were shown": decisions before it are undone."""
        return max(self.at, self.date, *(seen.strike.at + 1 for seen in self.ahead))

    def learn(self) -> History:
        ruling = Ruling(self.dated, None, "operator", self.why, self.by, self.known)
        if self.dated > self.at:
            names = sorted((f"{seen.key}/{seen.strike.stream}", seen.strike.at) for seen in self.ahead)
            ruling = ruling._replace(made=self.at, lifts=tuple(names))
        return History(releases={self.scope: ruling})


class Ruled(NamedTuple):
    """A decision to suppress a scope, ``*`` or a stream, by an operator, an import or SES's list."""

    scope: str
    reason: str
    at: int
    until: int | None
    why: str = "asked"
    by: str = ""
    known: Known | None = None

    def learn(self) -> History:
        ruling = Ruling(self.at, self.until, self.reason, self.why, self.by, self.known)
        return History(rulings={(self.scope, self.reason): ruling})


Fact = Seen | Delivered | Released | Ruled


class Facts:
    """What is known of one address, sorted by what it is."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        listed = list(facts)
        self.deliveries = [fact for fact in listed if isinstance(fact, Delivered)]
        self.releases = [fact for fact in listed if isinstance(fact, Released)]
        self.rulings = [fact for fact in listed if isinstance(fact, Ruled)]
        self.copies = [fact for fact in listed if isinstance(fact, Seen)]

    @property
    def strikes(self) -> dict[tuple[str, str], Strike]:
        """Return the strikes there ever were, forgotten or not."""
        return self._strikes(self.copies)

    def _strikes(self, copies: Iterable[Seen]) -> dict[tuple[str, str], Strike]:
        """ "One message gives a recipient at most one strike of a class in a stream … Of two copies the better one
        stays, whole." The better one is the later one, of those that nothing has forgotten.
        """
        found: dict[tuple[str, str], Strike] = {}
        for seen in copies:
            which = seen.key, seen.strike.stream
            if which not in found or seen.strike.at > found[which].at:
                found[which] = seen.strike
        return found

    def suppressions(self, policy: Policy) -> set[Suppression]:
        """Return every suppression that ever followed and is not forgotten, each nth strike making its own."""
        found = set()
        for class_, tiers in policy.items():
            for tier in tiers:
                for stream in self._streams() if tier.scope == "stream" else [None]:
                    live = self._strikes(copy for copy in self.copies if not self._forgotten(copy, tier.scope))
                    times = sorted(
                        strike.at
                        for strike in live.values()
                        if strike.class_ == class_ and stream in (None, strike.stream)
                    )
                    for nth in times_of_nth(times, tier.count, tier.within):
                        until = None if tier.suppress_for is None else nth + tier.suppress_for
                        found.add(Suppression(tier.scope, stream, class_, nth, until))
        for ruling in self.rulings:
            if not self._overruled(ruling):
                everywhere = ruling.scope == "*"
                found.add(
                    Suppression(
                        "environment" if everywhere else "stream",
                        None if everywhere else ruling.scope,
                        ruling.reason,
                        ruling.at,
                        ruling.until,
                    )
                )
        return found

    def answer(self, policy: Policy, stream: str, now: int) -> Suppression | None:
        """Return what covers a stream now."""
        return best(self.suppressions(policy), stream, now)

    def _streams(self) -> set[str]:
        return {seen.strike.stream for seen in self.copies}

    def _forgotten(self, copy: Seen, scope: str) -> bool:
        strike = copy.strike
        for release in self.releases:
            # "`*`: all; a stream: what holds in that stream alone"
            if release.scope == "*" or (scope == "stream" and release.scope == strike.stream):
                if strike.at < release.at and strike.class_ != "already_suppressed":
                    return True
                # What it was shown, and older copies of that: "never earlier than the evidence they were shown".
                if any(
                    (shown.key, shown.strike.stream) == (copy.key, strike.stream) and strike.at <= shown.strike.at
                    for shown in release.ahead
                ):
                    return True
                # "and forgets `already_suppressed` of mail sent up to an hour later"
                if strike.class_ == "already_suppressed" and strike.sent <= release.at + HOUR:
                    return True
        for delivery in self.deliveries:
            own = strike.class_ == "blocked" and delivery.stream == strike.stream
            if (strike.class_ == "soft_bounce" or own) and strike.at < delivery.at:
                return True
        return False

    def _overruled(self, ruling: Ruled) -> bool:
        if any(release.scope in ("*", ruling.scope) and ruling.at < release.dated for release in self.releases):
            return True
        # "a newer operator's replaces an older one of its scope"; at the same moment the longer stays.
        return any(
            (other.scope, other.reason) == (ruling.scope, ruling.reason)
            and (other.at, end(other.until)) > (ruling.at, end(ruling.until))
            for other in self.rulings
        )


def times_of_nth(times: Sequence[int], count: int, within: int | None) -> Iterable[int]:
    """Yield the time of each strike that is the ``count``-th within a window; ``times`` sorted."""
    for last, at in enumerate(times):
        in_window = [t for t in times[: last + 1] if within is None or at - t <= within]
        if len(in_window) >= count:
            yield at


def end(until: int | None) -> float:
    return float("inf") if until is None else until


def best(found: Iterable[Suppression], stream: str, now: int) -> Suppression | None:
    """Return the covering suppression that ends last, then the widest, then the newest."""
    covering = [s for s in found if s.stream in (None, stream) and end(s.until) > now]
    if not covering:
        return None
    last = max(end(s.until) for s in covering)
    covering = [s for s in covering if end(s.until) == last]
    widest = [s for s in covering if s.scope == "environment"] or covering
    newest = max(s.since for s in widest)
    # Where even that is a draw, any answer says the same but for its reason: the last by name.
    return max((s for s in widest if s.since == newest), key=lambda s: (s.reason, s.stream or ""))


def instants(facts: Iterable[Fact], policy: Policy) -> list[int]:
    """Return the times at which an answer can change: the last moment before each, and each."""
    known = Facts(facts)
    times = {0, max((strike.at for strike in known.strikes.values()), default=0)}
    for suppression in known.suppressions(policy):
        times.add(suppression.since if suppression.until is None else suppression.until)
    return sorted({t + shift for t in times for shift in (-1, 0)})
