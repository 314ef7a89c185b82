"""What a replay makes of an archive is what live feedback made of the same mail, however badly that went.

Live: notifications in any order, repeated, in both dialects, in batches that are throttled, cut off and tried again;
operators decide in between. The archive holds what SNS and the table's stream handed on, in another order, with
repetitions, in objects of any shape. Then an empty table is filled from it.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import EVERY_STREAM, History, Strike, Suppression
from ses_feedback.domain.mail_hosts import TAKES, UNCHECKED
from ses_feedback.domain.policy import DEFAULT_POLICY, ENVIRONMENT, STREAM, Policy, Tier
from ses_feedback.domain.reading import read
from ses_feedback.domain.times import HOUR
from ses_feedback.usecases.announcing import decisions
from ses_feedback.usecases.handling import Entry, Outcome
from ses_feedback.usecases.questions import Verified, release, suppress
from ses_feedback.usecases.record import learn, record
from ses_feedback.usecases.tally import tally
from tests.fakes import TROUBLES, Crash, FakeLists, FakeMeter, FakeQuarantine, FakeStore
from tests.property.model import Delivered, Fact, Facts, Released, Ruled, Seen
from tests.unit.replay.archives import Run, line, put
from tests.unit.usecases.mail import KEYS, NOW, bounce, complaint, delivery, rules, soft_bounce

# Few strikes suffice, so that windows, deliveries and releases meet.
POLICY: Policy = {
    **DEFAULT_POLICY,
    ev.SOFT_BOUNCE: (Tier(2, 4 * HOUR, 6 * HOUR, ENVIRONMENT), Tier(4, 9 * HOUR, 40 * HOUR, ENVIRONMENT)),
    ev.BLOCKED: (Tier(2, 4 * HOUR, 5 * HOUR, STREAM),),
}
FORGIVEN = (ev.SOFT_BOUNCE, ev.BLOCKED)
ADDRESSES = tuple(f"{name}@example.net" for name in ("ada", "grace", "alan"))
SOURCES = ("info@example.com", "news@example.com", "dev@example.com")
RULES = rules(POLICY)
Who = tuple[str, str]


class World:
    """A deployment that lives through some hours, and its archive."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.store = FakeStore(POLICY)
        self.lines: list[str] = []
        self.facts: dict[Who, list[Fact]] = {}
        self.messages = [self._message(f"m{number}") for number in range(self.chance.randrange(1, 40))]
        for message in self.messages:
            self.lines.append(line(message))
            self._learn(message)

    def _message(self, message_id: str) -> dict[str, Any]:
        chance = self.chance
        message_id = f"m{chance.randrange(30)}" if chance.random() < 0.2 else message_id
        to = chance.sample(ADDRESSES, chance.choice((1, 1, 1, 2)))
        at = NOW - 20 * HOUR + chance.randrange(40) * HOUR // 2 + chance.choice((0, 0, 1))
        source = chance.choice(SOURCES)
        make: Callable[[], dict[str, Any]] = chance.choice(
            (
                *[lambda: soft_bounce(message_id, to, at=at, source=source)] * 4,
                *[lambda: delivery(message_id, to, at=at, source=source)] * 3,
                *[lambda: self._blocked(message_id, to, at, source)] * 2,
                lambda: bounce(message_id, to, at=at, source=source),
                lambda: complaint(message_id, to, at=at, source=source),
                lambda: self._on_list(message_id, to, at, source),
            )
        )
        message = make()
        if chance.random() < 0.3:
            message["eventType"] = message.pop("notificationType")
        return message

    def _blocked(self, message_id: str, to: list[str], at: int, source: str) -> dict[str, Any]:
        return bounce(message_id, to, at=at, source=source, kind="Transient", status="5.7.1")

    def _on_list(self, message_id: str, to: list[str], at: int, source: str) -> dict[str, Any]:
        sent = at - self.chance.randrange(4) * HOUR
        return bounce(message_id, to, at=at, sent=sent, source=source, sub="OnAccountSuppressionList")

    def _learn(self, message: dict[str, Any]) -> None:
        for event in read(message, RULES.directory, NOW).events:
            facts = self.facts.setdefault((event.environment, event.recipient), [])
            if event.kind == ev.DELIVERY:
                facts.append(Delivered(event.stream, event.occurred_at))
                continue
            learned: dict[Who, Any] = {}
            learn(event, learned, KEYS, POLICY)
            facts += [
                Seen(key.partition("/")[0], strike) for strikes in learned.values() for key, strike in strikes.items()
            ]

    # --- live -------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Let everything happen: each message once at least, to both functions, in batches; decisions in between."""
        waiting = [(kind, message) for message in self.messages for kind in ("act", "count")]
        waiting += self.chance.sample(waiting, len(waiting) // 4)
        self.chance.shuffle(waiting)
        while waiting:
            size = self.chance.randrange(1, 6)
            batch, waiting = waiting[:size], waiting[size:]
            self.store.troubles = [self.chance.choice((*TROUBLES, "ok", "ok")) for _ in range(3)]
            for kind in ("act", "count"):
                failed = self._handle(kind, [message for own, message in batch if own == kind])
                for message in failed:
                    waiting.insert(self.chance.randrange(len(waiting) + 1), (kind, message))
            self.store.troubles = []
            if self.chance.random() < 0.15:
                self._decide()

    def _handle(self, kind: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the messages that come back."""
        entries = [Entry(str(number), message) for number, message in enumerate(messages)]
        known: dict[str, Any] = {"rules": RULES, "store": self.store, "quarantine": FakeQuarantine(), "now": NOW}
        try:
            outcome: Outcome = (
                record(entries, keys=KEYS, **known) if kind == "act" else tally(entries, meter=FakeMeter(), **known)
            )
        except Crash:
            return messages
        return [message for number, message in enumerate(messages) if str(number) in outcome.failed]

    def _decide(self) -> None:
        chance = self.chance
        environment, address = chance.choice(("production", "dev")), chance.choice(ADDRESSES)
        scope = chance.choice((EVERY_STREAM, "default", "marketing"))
        self.store.clock = NOW - chance.randrange(20) * HOUR
        facts = self.facts.setdefault((environment, address), [])
        where: dict[str, Any] = {"environment": environment, "address": address, "scope": scope, "why": "asked"}
        where["by"] = chance.choice(("", "jo", "sam"))
        before = self.store.history(environment, address) if (environment, address) in self.store.items else History()
        shown = [(tuple(key.split("/")), strike) for key, strike in before.strikes.items()]
        if chance.random() < 0.5:
            checked = Verified(chance.choice((None, TAKES, UNCHECKED)), chance.choice((None, NOW - 60 * HOUR)))
            at = release(self.store, POLICY, FakeLists(), verified=checked, **where).at
            facts.append(self._released(scope, at, shown))
        else:
            lasts = chance.choice((None, HOUR, 100 * HOUR))
            at = suppress(self.store, POLICY, duration=lasts, **where).at
            facts.append(Ruled(scope, "operator", at, None if lasts is None else at + lasts))
        # As the table's stream hands it on, and announce_changes takes it down.
        self.lines += decisions(before, self.store.items[environment, address], "key")

    def _released(self, scope: str, at: int, shown: list[tuple[tuple[str, ...], Strike]]) -> Released:
        """Return a release by its words: dated ``at``, made by the clock, or an hour before what it was shown."""
        clock = self.store.clock
        if at <= clock:
            return Released(scope, at)
        ahead = [
            Seen(key[0], strike)
            for key, strike in shown
            if scope in (EVERY_STREAM, strike.stream) and strike.class_ != ev.ALREADY_SUPPRESSED and strike.at >= clock
        ]
        made = max(clock, *(seen.strike.at - HOUR for seen in ahead), 0)
        return Released(scope, made, date=at, ahead=tuple(seen for seen in ahead if seen.strike.at >= made))

    def heal(self) -> None:
        """Let every delivery be seen once more, as the next one would be: live has counted too much until then."""
        for message in self.messages:
            assert not self._handle("count", [message])

    # --- archive ----------------------------------------------------------------------------------------

    def archived(self, folder: Path) -> None:
        """Write the archive: in any order, with repetitions, in objects of any shape."""
        lines = self.lines + self.chance.sample(self.lines, len(self.lines) // 3)
        self.chance.shuffle(lines)
        number = 0
        while lines:
            size = self.chance.randrange(1, 12)
            some, lines = lines[:size], lines[size:]
            name = f"feedback/2027/01/{self.chance.randrange(10, 20)}/{self.chance.randrange(24):02}/{number}"
            put(folder, name + self.chance.choice((".gz", "")), self.chance.choice(("\n", "")).join(some))
            number += 1


def found(store: FakeStore, who: Who) -> set[Suppression]:
    """Return the suppressions of an address."""
    return set(store.items[who].suppressions) if who in store.items else set()


def answers(facts: list[Fact]) -> set[Suppression]:
    """Return what follows by the letter of the law: of each tier, scope and stream the newest."""
    newest: dict[tuple[Any, ...], Suppression] = {}
    lengths = {}
    for suppression in Facts(facts).suppressions(POLICY):
        length = None if suppression.until is None else suppression.until - suppression.since
        key = (suppression.scope, suppression.stream, suppression.reason, length)
        lengths[key] = length
        if key not in newest or newest[key].since < suppression.since:
            newest[key] = suppression
    return set(newest.values())


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1))
def test_a_replay_into_an_empty_table_makes_the_suppressions_that_live_made(seed: int) -> None:
    """Of every address, by the letter of the law; live alone may count soft strikes too much, and never too little."""
    world = World(seed)
    world.live()
    store = FakeStore(POLICY)
    with tempfile.TemporaryDirectory() as folder:
        world.archived(Path(folder))
        run = Run(Path(folder), store, configuration=RULES)
        assert run.complete
        assert not run.skipped
        again = Run(Path(folder), store, configuration=RULES)
        assert again.result.written == 0
        for who in world.facts:
            assert found(store, who) == answers(world.facts[who])
            live = found(world.store, who)
            assert {s for s in live if s.reason not in FORGIVEN} == {
                s for s in found(store, who) if s.reason not in FORGIVEN
            }
            forgivable = {(s.reason, s.stream) for s in found(store, who) if s.reason in FORGIVEN}
            assert forgivable <= {(s.reason, s.stream) for s in live}
        world.heal()
        for who in world.facts:
            assert found(world.store, who) == found(store, who)
        assert store.items.keys() <= world.store.items.keys()
        before = {who: stored.history for who, stored in world.store.items.items()}
        into_live = Run(Path(folder), world.store, configuration=RULES)
        assert into_live.result.written == 0
        assert {who: stored.history for who, stored in world.store.items.items()} == before


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_a_replay_into_a_live_table_mends_it(seed: int) -> None:
    """Some was never handled, or too early: after the replay, the table says what an empty one would."""
    world = World(seed)
    lost = world.chance.sample(world.messages, len(world.messages) // 3)
    everything, world.messages = world.messages, [m for m in world.messages if m not in lost]
    world.live()
    world.messages = everything
    with tempfile.TemporaryDirectory() as folder:
        world.archived(Path(folder))
        dry = Run(Path(folder), world.store, configuration=RULES, dry_run=True)
        run = Run(Path(folder), world.store, configuration=RULES)
        assert run.result.written == len(dry.differences) == sum(run.result.differences.values())
        for who in world.facts:
            assert found(world.store, who) == answers(world.facts[who])
        for difference in dry.differences:
            after = found(world.store, (difference.environment, difference.address))
            live = {s for s in after if s.until is None or s.until > NOW}
            assert set(difference.after) == live


def test_lines_are_what_the_archive_holds() -> None:
    """The worlds above exercise what they are meant to: strikes that were forgotten, and decisions."""
    worlds = [World(seed) for seed in range(20)]
    for world in worlds:
        world.live()
    assert any("release" in text for world in worlds for text in world.lines)
    assert any(world.store.history(*who).deliveries for world in worlds for who in world.facts)
    assert all(json.loads(text)["v"] == 1 for world in worlds for text in world.lines)
    assert History() not in [stored.history for world in worlds for stored in world.store.items.values()]
