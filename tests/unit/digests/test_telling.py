"""TELL: at most one message in five minutes, nothing lost whatever breaks, and bounded however much comes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ses_feedback.domain.canary import recipient
from ses_feedback.domain.digests import DETAILED, MOST_DOMAINS
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import MINUTE, SECOND
from ses_feedback.usecases.digests import GAP, HIDDEN, MOST, Recipient
from tests.fakes import CRASH_BEFORE, THROTTLE, TIMEOUT, Crash
from tests.unit.digests.fakes import PEOPLE, RUN, TEAM, World
from tests.unit.usecases import mail
from tests.unit.usecases.mail import NOW


@pytest.fixture
def world() -> World:
    return World()


def texts(world: World) -> str:
    return "\n".join(text for *_, text in world.published)


def test_what_waits_becomes_one_message_and_is_deleted(world: World) -> None:
    world.put(*(mail.bounce(f"m{n}", [f"jane{n}@example.net"]) for n in range(23)))
    told = world.run()
    assert not told.problems
    ((_, team, key, subject, text),) = world.published
    assert (team, key, subject) == (TEAM, "mail", "[production] Mail from example.com: 23 bounces")
    assert all(f"jane{n}@example.net" in text for n in range(23))
    assert world.waiting[TEAM] == {}
    assert told.counts["notifications"] == world.deleted == 23


def test_nothing_waits_nothing_is_written(world: World) -> None:
    """A quiet minute costs a read and a receive: no turn is taken."""
    assert not world.run().problems
    assert world.calls == ["last", "look"]


def test_one_message_in_five_minutes(world: World) -> None:
    """A bounce each second for an hour, the function each minute: five minutes between any two messages."""
    for second in range(3_600):
        world.now = NOW + second * SECOND
        world.put(mail.bounce(f"m{second}", at=world.now))
        if second % 60 == 0:
            assert not world.run().problems
    times = [at for at, *_ in world.published]
    assert 9 <= len(times) <= 12
    assert min(b - a for a, b in pairwise(times)) >= 5 * MINUTE


def test_the_first_news_after_a_quiet_time_comes_at_once(world: World) -> None:
    world.put(mail.bounce("m1"))
    world.run()
    world.now += GAP
    world.put(mail.bounce("m2"))
    world.run()
    assert len(world.published) == 2


def test_a_run_that_was_invoked_twice_tells_once(world: World) -> None:
    """The second run begins while the first is receiving, with messages of its own: it gives them back, for later."""
    world.put(mail.bounce("m1"))
    queue_drain = world.call

    def meanwhile(name: str, effect: object) -> object:
        if name == "drain" and world.calls.count("drain") == 0:
            world.call = queue_drain  # type: ignore[method-assign]
            world.put(mail.bounce("m2", ["late@example.net"]))
            world.now += SECOND
            assert not world.run().problems
        return queue_drain(name, effect)  # type: ignore[arg-type]

    world.call = meanwhile  # type: ignore[assignment]
    assert not world.run().problems
    assert len(world.published) == 1
    world.now += GAP
    world.run()
    assert "late@example.net" in texts(world)
    assert world.waiting[TEAM] == {}


def test_two_runs_that_look_at_the_same_time(world: World) -> None:
    """Both read that the team's turn has come; one of them gets it, the other shows again what it received."""
    world.last = lambda teams: {}  # type: ignore[method-assign]
    world.put(mail.bounce("m1"))
    world.run()
    world.put(mail.bounce("m2"))
    world.now += SECOND
    told = world.run()
    assert told.counts["taken"] == 1
    assert not told.problems
    assert len(world.published) == 1
    assert world.calls[-1] == "show_again"
    assert len(world.waiting[TEAM]) == 1


def test_a_run_that_lost_its_turn_publishes_nothing(world: World) -> None:
    """It outlived its time, which Lambda does not allow: still nobody is told twice, and what it took comes back."""
    world.put(mail.bounce("m1"))
    run = world.newsroom()
    real = world.take
    takes: list[str] = []

    def take(team: str, before: int | None, now: int) -> bool:
        takes.append(team)
        if len(takes) == 2:
            world.told_at[team] = now + 1  # somebody else's
        return real(team, before, now)

    world.take = take  # type: ignore[method-assign]
    assert run.tell(PEOPLE, world.now + RUN).counts["taken"] == 1
    assert not world.published
    assert world.hidden == {}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [Crash(), RetryableError("throttled")], ids=["crash", "error"])
def test_whatever_breaks_everything_is_told(when: str, error: BaseException) -> None:
    """At each call in turn: what broke is told by a later run, no run breaks the five minutes, nothing stays behind."""
    calls = _calls_of_a_run()
    assert calls == ["last", "look", "take", "drain", "drain", "take", "publish", "delete"]
    for number in range(1, len(calls) + 1):
        world = World()
        messages = [mail.bounce(f"m{n}", [f"jane{n}@example.net"]) for n in range(12)]
        world.put(*messages)
        world.troubles = {number: (when, error)}
        for _ in range(20):
            world.run()
            world.now += MINUTE
        assert not world.waiting[TEAM], (number, calls[number - 1])
        for n in range(12):
            assert f"jane{n}@example.net" in texts(world)
        times = [at for at, *_ in world.published]
        assert all(b - a >= 5 * MINUTE for a, b in pairwise(times))


def _calls_of_a_run() -> list[str]:
    world = World()
    world.put(*(mail.bounce(f"m{n}", [f"jane{n}@example.net"]) for n in range(12)))
    world.run()
    return world.calls


@pytest.mark.parametrize("trouble", [THROTTLE, TIMEOUT, CRASH_BEFORE])
def test_the_table_does_not_answer(world: World, trouble: str) -> None:
    """Nobody is told something untrue: the message waits until the table answers."""
    world.put(mail.bounce())
    world.store.troubles = [trouble]
    world.run()
    assert not world.published
    world.now += HIDDEN
    assert not world.run().problems
    assert len(world.published) == 1


def test_a_storm_is_bounded(world: World) -> None:
    """A hundred thousand bounces: one short message, some in detail, all counted; the rest of the storm in the next."""
    messages = [
        mail.sns_body(mail.bounce(f"m{n}", [f"jane{n}@d{n % 3_000}.example.net"])) for n in range(2_000)
    ]  # rendering each of them would take longer than telling
    world.waiting[TEAM] = {}
    for n in range(MOST + 5_000):
        body = messages[n % 2_000].replace(f"m{n % 2_000}\\", f"n{n}\\")
        receipt = f"r{n}"
        world.waiting[TEAM][receipt] = _Lean(body, receipt)
    told = world.run()
    assert not told.problems
    assert told.counts["notifications"] == MOST
    ((*_, subject, text),) = world.published
    assert subject == "[production] Mail from example.com: 100,000 bounces"
    assert text.count("Look closer") == DETAILED
    assert f"These are {DETAILED} of 100,000." in text
    assert "More notifications wait" in text
    assert len(text.encode()) < 60_000
    assert len(world.waiting[TEAM]) == 5_000
    world.now += GAP
    world.run()
    assert world.published[-1][3] == "[production] Mail from example.com: 5,000 bounces"
    assert world.waiting[TEAM] == {}


class _Lean(tuple):  # type: ignore[type-arg]
    """A waiting message without a dictionary, for many of them."""

    __slots__ = ()

    def __new__(cls, body: str, receipt: str) -> _Lean:
        return super().__new__(cls, (body, receipt))

    body = property(lambda self: self[0])
    receipt = property(lambda self: self[1])


def test_receiving_leaves_time_to_delete(world: World) -> None:
    """A slow queue: after less than half of its time the run stops receiving, tells, and deletes what it told."""
    world.put(*(mail.bounce(f"m{n}") for n in range(5_000)))
    real = world.call

    def slow(name: str, effect: object) -> object:
        world.now += 20 * SECOND if name == "drain" else 0
        return real(name, effect)  # type: ignore[arg-type]

    world.call = slow  # type: ignore[assignment]
    begun = world.now
    world.run()
    assert world.now - begun < RUN / 2 + 20 * SECOND
    assert "More notifications wait" in texts(world)
    assert world.deleted == len(world.hidden) > 0


def test_a_storm_of_one_team_leaves_time_for_another(world: World) -> None:
    world.put(*(mail.bounce(f"m{n}") for n in range(5_000)), team="a-storm")
    world.put(mail.bounce("m"), team="quiet")
    real = world.call

    def slow(name: str, effect: object) -> object:
        world.now += 20 * SECOND if name == "drain" else 0
        return real(name, effect)  # type: ignore[arg-type]

    world.call = slow  # type: ignore[assignment]
    begun = world.now
    world.run({"a-storm": PEOPLE[TEAM], "quiet": PEOPLE[TEAM], "nothing": PEOPLE[TEAM]})
    assert {team for _, team, *_ in world.published} == {"a-storm", "quiet"}
    assert world.now - begun < RUN


def test_one_teams_trouble_is_not_anothers(world: World) -> None:
    world.put(mail.bounce("m1"), team="one")
    world.put(mail.bounce("m2"), team="two")
    world.troubles = {4: ("before", RetryableError("receiving: AccessDenied"))}  # the first one's turn
    told = world.run({"one": PEOPLE[TEAM], "two": PEOPLE[TEAM]})
    assert [team for _, team, *_ in world.published] == ["two"]
    assert dict(told.problems) == {"RetryableError: receiving: AccessDenied": 1}


def test_each_destination_gets_its_kinds(world: World) -> None:
    """A message each, of what it asked for; who asked for nothing of this hears nothing. Telephones get few words."""
    people = {
        TEAM: (
            Recipient("both", ("bounce", "complaint"), short=False),
            Recipient("all", ("bounce", "complaint", "delivery"), short=False),
            Recipient("phone", ("bounce", "complaint"), short=True),
            Recipient("clicks", ("click",), short=False),
        )
    }
    world.put(mail.bounce("m1"), mail.delivery("m2", ["bob@example.net"]))
    assert world.run(people).counts["messages"] == 3
    by_key = {key: (subject, text) for _, _, key, subject, text in world.published}
    assert by_key["both"][0] == "[production] Mail from example.com: 1 bounce"
    assert by_key["all"][0] == "[production] Mail from example.com: 1 bounce, 1 delivery"
    assert "bob@" not in by_key["both"][1]
    assert by_key["phone"][1] == "[production] Mail from example.com: 1 bounce"
    assert "clicks" not in by_key


def test_where_one_destination_fails_the_others_are_told_and_all_of_it_comes_again(world: World) -> None:
    people = {TEAM: (Recipient("one", ("bounce",), short=False), Recipient("two", ("bounce",), short=False))}
    world.put(mail.bounce("m1"))
    real = world.publish

    def publish(team: str, recipient: str, subject: str, text: str) -> None:
        if recipient == "one" and not world.published:
            raise RetryableError("publishing a digest: InternalError")
        real(team, recipient, subject, text)

    world.publish = publish  # type: ignore[method-assign]
    told = world.run(people)
    assert [key for _, _, key, *_ in world.published] == ["two"]
    assert "1 messages were not published" in next(iter(told.problems))
    assert len(world.waiting[TEAM]) == 1
    world.now += HIDDEN
    assert not world.run(people).problems
    assert [key for _, _, key, *_ in world.published] == ["two", "one", "two"]


def test_what_cannot_be_read_is_mentioned_and_holds_up_nobody(world: World) -> None:
    """Of kinds that are counted it is in quarantine already; of others it is put there, whole."""
    click = mail.bounce("m2") | {"notificationType": None, "eventType": "Click", "click": "no object"}
    world.put("what is this?", mail.bounce("m1"), click)
    told = world.run()
    assert "2 unreadable notifications" in world.published[0][3]
    assert "2 notifications could not be read" in texts(world)
    assert world.waiting[TEAM] == {}
    assert told.counts["quarantined"] == 1
    assert [fault.kind for fault in world.quarantine.kept.values()] == ["click"]


def test_what_could_not_be_kept_stays(world: World) -> None:
    world.put(mail.bounce("m2") | {"notificationType": None, "eventType": "Open", "open": 1})
    world.quarantine.troubles = [RetryableError("the bucket is gone")]
    assert world.run().problems
    assert len(world.waiting[TEAM]) == 1


def test_canaries_are_nobodys_news(world: World) -> None:
    """The deployment's own test mail is taken off the queue, and told to nobody."""
    world.put(mail.bounce("c1", [recipient("ses-feedback", "bounce", NOW)]))
    told = world.run()
    assert not told.problems
    assert world.published == []
    assert world.waiting[TEAM] == {}


def test_the_same_notification_counts_once(world: World) -> None:
    world.put(mail.bounce("m1"), mail.bounce("m1"), mail.bounce("m1", ["JANE@example.net"]))
    world.run()
    assert world.published[0][3] == "[production] Mail from example.com: 1 bounce"


def test_many_receiving_domains_are_counted_in_bounded_memory(world: World) -> None:
    world.put(mail.bounce("m1", [f"a@d{n}.example.net" for n in range(MOST_DOMAINS + 100)]))
    world.run()
    assert "  100  other domains" in texts(world)
