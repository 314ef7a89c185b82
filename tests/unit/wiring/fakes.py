"""Fakes of SES's identity settings, of the wiring table and of time, with the rules of the real ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.domain.settings import NOTIFICATION_TYPES, SetForwarding, SetHeaders, Settings, SetTopic, Wish, after
from ses_feedback.usecases.pacing import Pacer, Throttled
from ses_feedback.usecases.wiring import Wiring
from ses_feedback.usecases.wiring_ports import (
    ConfigurationSetRejected,
    DkimRecord,
    FormerSet,
    IdentityRejected,
    NotPermitted,
    Record,
    Rejected,
    TopicRejected,
)

REGION = "us-east-1"
ACCOUNT = "111122223333"
IDENTITY = "example.com"
FAR = 10**12


def topic(name: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:sns:{region}:{account}:{name}"


def topics(prefix: str) -> dict[str, str]:
    return {t: topic(f"{prefix}_{t.lower()}") for t in NOTIFICATION_TYPES}


def ours(identity: str) -> dict[str, str]:
    """Return the topics that the deployment makes for an identity."""
    return {t: topic(naming.topic_name("ses-feedback", t.lower(), identity)) for t in NOTIFICATION_TYPES}


OURS = ours(IDENTITY)
OWN_SET = naming.configuration_set_name("ses-feedback", IDENTITY)
# What most tests wish; without `overwrite`, what was there before would be an error and not former settings.
WISH = Wish(OURS, overwrite=True)
DKIM = tuple(DkimRecord(f"t{n}._domainkey.{IDENTITY}", f"t{n}.dkim.amazonses.com") for n in (1, 2, 3))


def settings(
    bounce: str | None = None,
    complaint: str | None = None,
    delivery: str | None = None,
    *,
    headers: Collection[str] = (),
    forwarding: bool = True,
) -> Settings:
    return Settings(
        topics=dict(zip(NOTIFICATION_TYPES, (bounce, complaint, delivery), strict=True)),
        headers={t: t in headers for t in NOTIFICATION_TYPES},
        forwarding=forwarding,
    )


def denial() -> ClientError:
    """Return what botocore raises while a key or table is denied."""
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": "KMS key access denied"}}, "GetItem")


class Crash(BaseException):
    """The function is gone: no ``except`` of it runs any more."""


@dataclass
class Faults:
    """Lets the nth call from now (0 is the next) fail, before or after it took effect."""

    at: int | None = None
    late: bool = False
    error: Callable[[], BaseException] = Crash

    @contextmanager
    def call(self) -> Iterator[None]:
        mine = self.at == 0
        if self.at is not None:
            self.at = self.at - 1 if self.at > 0 else None
        if mine and not self.late:
            raise self.error()
        yield
        if mine:
            raise self.error()


class Time:
    """A clock whose sleepers wake at once."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.present = now
        self.slept: list[int] = []

    def now(self) -> int:
        return self.present

    def sleep(self, ms: int) -> None:
        assert ms >= 0
        self.slept.append(ms)
        self.present += ms


class FakeSlots:
    """Slots of one process."""

    def __init__(self) -> None:
        self.next_at = 0
        self.taken: list[int] = []

    def take(self, now: int, interval: int, latest: int) -> int | None:
        slot = max(now, self.next_at)
        if slot > latest:
            return None
        self.next_at = slot + interval
        self.taken.append(slot)
        return slot


@dataclass
class FakeSes:
    """SES as far as an identity's settings go.

    Headers are switched on only where there is a topic; forwarding is off only with both feedback topics; an identity
    that is not verified takes nothing; with ``clock``, two calls within a second are throttled. Where it is not known
    what SES does, a flag chooses: ``clearing_resets_headers``, ``headers_off_need_a_topic``, ``knows_none`` (whether an
    unknown identity is answered with nothing or with a new identity's settings).
    """

    state: Settings = field(default_factory=Settings)
    default_set: str | None = None
    status: str | None = "Success"
    faults: Faults = field(default_factory=Faults)
    gone_topics: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset({"former-set", "set-a", "set-b", OWN_SET})
    clearing_resets_headers: bool = False
    headers_off_need_a_topic: bool = True
    knows_none: bool = False
    clock: Time | None = None
    calls: list[str] = field(default_factory=list)
    last_call: int | None = None
    records: tuple[DkimRecord, ...] = DKIM

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("read")]

    def settings(self, identity: str) -> Settings | None:
        with self._call("read settings"):
            if self.status is None:
                return None if self.knows_none else Settings()
            return self.state

    def verification(self, identity: str) -> str | None:
        with self._call("read verification"):
            return self.status

    def set_topic(self, identity: str, type_: str, topic: str | None) -> None:
        step = SetTopic(type_, topic)
        with self._call(str(step)):
            self._must_be_verified(identity)
            if topic in self.gone_topics:
                raise TopicRejected(f"SES cannot use {topic}")
            if topic is None and type_ != "Delivery" and not self.state.forwarding:
                raise Rejected("forwarding is off")
            self.state = after(self.state, step)
            if topic is None and self.clearing_resets_headers:
                self.state = after(self.state, SetHeaders(type_, False))

    def set_headers(self, identity: str, type_: str, enabled: bool) -> None:
        step = SetHeaders(type_, enabled)
        with self._call(str(step)):
            self._must_be_verified(identity)
            if self.state.topics[type_] is None and (enabled or self.headers_off_need_a_topic):
                raise Rejected(f"{type_} has no topic")
            self.state = after(self.state, step)

    def set_forwarding(self, identity: str, enabled: bool) -> None:
        step = SetForwarding(enabled)
        with self._call(str(step)):
            self._must_be_verified(identity)
            if not enabled and not (self.state.topics["Bounce"] and self.state.topics["Complaint"]):
                raise Rejected("forwarding off needs both topics")
            self.state = after(self.state, step)

    def configuration_set(self, identity: str) -> str | None:
        with self._call("read configuration set"):
            self._must_be_known(identity)
            return self.default_set

    def set_configuration_set(self, identity: str, name: str | None) -> None:
        with self._call(f"configuration set {name}"):
            self._must_be_known(identity)
            if name is not None and name not in self.sets:
                raise ConfigurationSetRejected(f"no configuration set {name}")
            self.default_set = name

    def create(self, identity: str) -> None:
        with self._call("create"):
            if self.status is None:
                self.status, self.state, self.default_set = "Pending", Settings(), None

    def delete(self, identity: str) -> None:
        with self._call("delete"):
            self.status, self.state, self.default_set = None, Settings(), None

    def dkim(self, identity: str) -> tuple[DkimRecord, ...]:
        with self._call("read DKIM"):
            self._must_be_known(identity)
            return self.records

    def drop(self, type_: str) -> None:
        """Do what SES does after a failed publish: lose the topic, and forward by e-mail again."""
        self.state = replace(after(self.state, SetTopic(type_, None)), forwarding=True)

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        self.calls.append(name)
        if self.clock is not None:
            now = self.clock.now()
            if self.last_call is not None and now - self.last_call < 1_000:
                raise Throttled("Rate exceeded")
            self.last_call = now
        with self.faults.call():
            yield

    def _must_be_verified(self, identity: str) -> None:
        if self.status != "Success":
            raise IdentityRejected(f"{identity} is not verified")

    def _must_be_known(self, identity: str) -> None:
        if self.status is None:
            raise IdentityRejected(f"no identity {identity}")


@dataclass
class FakeMemory:
    """The wiring table's part that remembers."""

    records: dict[str, Record] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    writes: int = 0
    denied: int = 0  # how many reads more AWS denies

    def recall(self, identity: str) -> Record | None:
        if self.denied:
            self.denied -= 1
            raise NotPermitted("table ses-feedback-wiring: denied") from denial()
        with self.faults.call():
            return self.records.get(identity)

    def remember(self, identity: str, former: Settings, ours: Collection[str], *, again: bool = False) -> Record:
        def change(record: Record) -> Record:
            kept = None if again else record.former
            return replace(record, former=kept or former, ours=record.ours | frozenset(ours))

        return self._change(identity, change)

    def remember_set(self, identity: str, former: str | None, ours: str, *, again: bool = False) -> Record:
        def change(record: Record) -> Record:
            known = record.former_set or FormerSet(former, frozenset())
            name = former if again else known.name
            return replace(record, former_set=FormerSet(name, known.ours | {ours}))

        return self._change(identity, change)

    def forget_set(self, identity: str) -> None:
        self._change(identity, lambda record: replace(record, former_set=None))

    def note(self, identity: str, status: str) -> None:
        self._change(identity, lambda record: replace(record, status=status))

    def refuse(self, identity: str, properties: str | None) -> None:
        self._change(identity, lambda record: replace(record, refused=properties))

    def forget(self, identity: str) -> None:
        with self.faults.call():
            self.writes += 1
            self.records.pop(identity, None)

    def _change(self, identity: str, change: Callable[[Record], Record]) -> Record:
        with self.faults.call():
            self.writes += 1
            self.records[identity] = change(self.records.get(identity, Record()))
            return self.records[identity]


def wiring(
    ses: FakeSes, memory: FakeMemory, clock: Time | None = None, *, interval: int = 0, until: int = FAR
) -> Wiring:
    pacer = Pacer(FakeSlots(), clock or Time(), interval=interval, until=until, jitter=lambda: 0.5)
    return Wiring(ses, memory, pacer)
