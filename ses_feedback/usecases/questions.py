"""What senders and operators ask and decide: may I send, why not, never send, send again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from ses_feedback.domain import events as ev
from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import PermanentError, UnknownStream
from ses_feedback.domain.history import (
    EVERY_STREAM,
    History,
    Known,
    Ruling,
    Suppression,
    covering,
    message_of,
    strongest,
)
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.reach import AHEAD
from ses_feedback.usecases.merging import merge, merge_into
from ses_feedback.usecases.ports import AccountLists, Listed, QuestionStore, Stored

AT_ONCE = 100
NO_OTHERS: Mapping[str, Iterable[str]] = {}


class Places(Protocol):
    """The environments and streams of a configuration."""

    def environments(self) -> tuple[str, ...]:
        """Return the environments, sorted."""

    def streams(self, environment: str) -> tuple[str, ...]:
        """Return the streams of an environment, sorted."""


class Answer(NamedTuple):
    """What holds for an address, now: ``suppression`` is ``None`` where nothing stands against mailing it."""

    address: str | None
    suppression: Suppression | None


class Decided(NamedTuple):
    """What became of a decision: when it counts from, what holds for the address since, and SES's lists by region.

    ``known`` is what was known when it was made. ``lists`` maps a region to ``None`` (the address is not on its list
    any more) or to what went wrong.
    """

    at: int
    answer: Answer
    changed: bool
    lists: Mapping[str, str | None]
    known: Known


class Verified(NamedTuple):
    """What was found out before a release: a word of ``mail_hosts``, and the newest delivery the archive has (ms)."""

    mail: str | None = None
    delivered: int | None = None


NOT_VERIFIED = Verified()


def choose_environment(places: Places, environment: str | None) -> str:
    """Return the environment that is meant: the one named, else the only one. Raises ``UnknownStream``."""
    return _choose("environment", "", places.environments(), environment)


def choose_stream(places: Places, environment: str, stream: str | None) -> str:
    """Return the stream a question is about: the one named, else ``default``, else the only one.

    Raises ``UnknownStream``, which names the streams there are.
    """
    streams = places.streams(environment)
    if stream is None and ev.DEFAULT_STREAM in streams:
        return ev.DEFAULT_STREAM
    return _choose("stream", f' in environment "{environment}"', streams, stream)


def _choose(what: str, where: str, known: tuple[str, ...], named: str | None) -> str:
    if named is not None:
        if named in known:
            return named
        raise UnknownStream(f'--{what}: no {what} "{named}"{where}; known: {", ".join(known)}')
    if len(known) == 1:
        return known[0]
    raise UnknownStream(f"--{what}: say which {what}{where}; known: {', '.join(known)}")


def check(
    store: QuestionStore,
    environment: str,
    stream: str,
    addresses: Sequence[str],
    now: int,
    others: Mapping[str, Iterable[str]] = NO_OTHERS,
) -> list[Answer]:
    """Answer for each normalised address, in order, whether something stands against mailing it in a stream.

    ``others`` are mailboxes that an address, as it was spelled, may reach besides: they are asked about with it.
    """
    found: dict[tuple[str, str], Stored] = {}
    if len(addresses) == 1 and not others.get(addresses[0]):
        stored, _ = store.get(environment, addresses[0])
        if stored is not None:
            found[environment, addresses[0]] = stored
    else:
        store.verify()
        every = (mailbox for address in addresses for mailbox in (address, *others.get(address, ())))
        wanted = list(dict.fromkeys((environment, mailbox) for mailbox in every))
        for start in range(0, len(wanted), AT_ONCE):
            found.update(store.get_many(wanted[start : start + AT_ONCE]))
    answers = []
    for address in addresses:
        known = [found.get((environment, mailbox)) for mailbox in (address, *others.get(address, ()))]
        held = [suppression for stored in known if stored for suppression in stored.suppressions]
        answers.append(Answer(address, covering(held, stream, now)))
    return answers


def suppress(
    store: QuestionStore,
    policy: Policy,
    *,
    environment: str,
    address: str,
    scope: str,
    duration: int | None,
    why: str,
    by: str = "",
    reason: str = ev.OPERATOR,
) -> Decided:
    """Decide not to mail an address in a scope (``*`` or a stream) for ``duration`` ms (``None``: ever).

    ``by`` says who decides, in their own words or AWS's; empty where nobody knows.
    """
    stored, clock = store.get(environment, address)
    at = _decided_at(stored, clock)
    ruling = Ruling(at, None if duration is None else at + duration, reason, why, by, _known(stored, scope, at))
    learned = History(rulings={(scope, reason): ruling})
    return _decide(store, policy, environment, address, stored, learned, ruling, scope, {})


def release(
    store: QuestionStore,
    policy: Policy,
    lists: AccountLists,
    *,
    environment: str,
    address: str,
    scope: str,
    why: str,
    by: str = "",
    verified: Verified = NOT_VERIFIED,
    former: str | None = None,
) -> Decided:
    """Lift what holds in a scope (``*``: everything), for good: feedback from before, however late, changes nothing.

    Takes the address off SES's own lists as well, first: where that is refused, our table says so to nobody yet.
    What earlier versions stored under another form of the address (``former``) is moved to it, and lifted in both.
    """
    if former is not None:
        move(store, policy, environment, former, address)
        there, now = store.get(environment, former)
        if there is not None:
            at = _decided_at(there, now)
            lifted = Ruling(at, None, ev.OPERATOR, why, by, _known(there, scope, at, verified))
            merge_into(store, there, History(releases={scope: lifted}), policy)
    stored, clock = store.get(environment, address)
    at = _decided_at(stored, clock)
    ruling = Ruling(at, None, ev.OPERATOR, why, by, _known(stored, scope, at, verified))
    learned = History(releases={scope: _naming(ruling, stored, scope, clock)})
    removed = lists.remove(address)
    return _decide(store, policy, environment, address, stored, learned, ruling, scope, removed)


def _known(stored: Stored | None, scope: str, at: int, verified: Verified = NOT_VERIFIED) -> Known:
    """Return what whoever decides about a scope can know: what held in it, and what else was there."""
    history = stored.history if stored else History()
    live = [s for s in (stored.suppressions if stored else ()) if s.until is None or s.until > at]
    held = strongest(live) if scope == EVERY_STREAM else covering(live, scope, at)
    delivered = max((*history.deliveries.values(), verified.delivered or 0), default=0) or None
    known = Known(len(history.strikes), delivered=delivered, mail=verified.mail)
    if held is None:
        return known
    return known._replace(reason=held.reason, stream=held.stream or EVERY_STREAM, since=held.since, until=held.until)


def _decided_at(stored: Stored | None, clock: int) -> int:
    """Return the time of a decision: AWS's clock, but later than the evidence it was shown."""
    return clock if stored is None else max(clock, stored.history.newest_evidence() + 1)


def _naming(release: Ruling, stored: Stored | None, scope: str, clock: int) -> Ruling:
    """Return a release that names the strikes from the future it was shown: others of that time stay evidence.

    (Those of SES's own list need no name: a release reaches an hour further for them.)
    """
    if release.at <= clock:
        return release
    shown = stored.history.strikes.items() if stored else ()
    ahead = sorted(
        (message_of(key), strike.at)
        for key, strike in shown
        if strike.at >= clock and strike.class_ != ev.ALREADY_SUPPRESSED and scope in (EVERY_STREAM, strike.stream)
    )
    made = max(clock, *(at - AHEAD for _, at in ahead), 0)
    return release._replace(made=made, lifts=tuple((message, at) for message, at in ahead if at >= made))


def _decide(
    store: QuestionStore,
    policy: Policy,
    environment: str,
    address: str,
    stored: Stored | None,
    learned: History,
    ruling: Ruling,
    scope: str,
    lists: Mapping[str, str | None],
) -> Decided:
    if stored is None:
        changed = merge(store, environment, address, learned, policy)
    else:
        changed = merge_into(store, stored, learned, policy)
    after, clock = store.get(environment, address)
    now = max(ruling.at, clock)
    found = after.suppressions if after else ()
    holds = [
        suppression
        for suppression in (covering(found, stream, now) for stream in _streams_of(found, scope))
        if suppression is not None
    ]
    known = ruling.known or Known(0)
    return Decided(ruling.at, Answer(address, holds[0] if holds else None), changed, lists, known)


def _streams_of(found: Iterable[Suppression], scope: str) -> list[str]:
    if scope != EVERY_STREAM:
        return [scope]
    return [EVERY_STREAM, *sorted({s.stream for s in found if s.stream is not None})]


def show(store: QuestionStore, environment: str, address: str, former: str | None = None) -> Stored | None:
    """Return all that is known of a normalised address; ``None`` where nothing is.

    Where nothing is, what earlier versions stored under another form of it (``former``).
    """
    found = store.get(environment, address)[0]
    return store.get(environment, former)[0] if found is None and former is not None else found


def move(store: QuestionStore, policy: Policy, environment: str, former: str, address: str) -> bool:
    """Add what is stored under the former form of an address to what is known of it; return whether that is new.

    What is there stays: it answers for who asks in that form, until it expires. Doing it again changes nothing.
    """
    there, _ = store.get(environment, former)
    return there is not None and merge(store, environment, address, there.history, policy)


def respell(
    store: QuestionStore, policy: Policy, environment: str, now: int, *, dry_run: bool = False
) -> Iterator[tuple[str, str]]:
    """Move the suppressed of an environment that are stored under a former form; yield that form and the address.

    Only quotes made a difference. Who was erased is stored without an address, and found by who asks in the old form.
    """
    store.verify()
    for entry in store.listing(environment, ev.REASONS, 0, now):
        if entry.address is not None and '"' in entry.address:
            address = normalise(entry.address)
            if address != entry.address and (dry_run or move(store, policy, environment, entry.address, address)):
                yield entry.address, address


def listing(
    store: QuestionStore,
    environment: str,
    *,
    stream: str | None,
    reason: str | None,
    since: int,
    limit: int,
    now: int,
) -> Iterator[Answer]:
    """Yield at most ``limit`` suppressed addresses of an environment, the newest suppression first.

    Each by its strongest suppression; with ``stream``, by the one that answers for that stream. What is over by now is
    left out. ``since`` in ms, 0 for all; ``reason`` one of ``events.REASONS``. Raises ``PermanentError`` for another.
    """
    if reason is not None and reason not in ev.REASONS:
        raise PermanentError(f'--reason: no reason "{reason}"; known: {", ".join(ev.REASONS)}')
    reasons = ev.REASONS if reason is None or stream is not None else (reason,)
    store.verify()
    entries = store.listing(environment, reasons, since, now)
    live = (e for e in entries if e.suppression.until is None or e.suppression.until > now)
    if stream is None:
        yield from islice((Answer(entry.address, entry.suppression) for entry in live), limit)
        return
    yield from islice(_of_stream(store, environment, live, stream, reason, since, now), limit)


def _of_stream(
    store: QuestionStore,
    environment: str,
    live: Iterator[Listed],
    stream: str,
    reason: str | None,
    since: int,
    now: int,
) -> Iterator[Answer]:
    while page := list(islice(live, AT_ONCE)):
        addresses = list(dict.fromkeys(entry.address for entry in page if entry.address is not None))
        known = store.get_many([(environment, address) for address in addresses]) if addresses else {}
        for address in addresses:
            stored = known.get((environment, address))
            answer = covering(stored.suppressions, stream, now) if stored else None
            if answer is not None and (reason is None or answer.reason == reason) and answer.since >= since:
                yield Answer(address, answer)
