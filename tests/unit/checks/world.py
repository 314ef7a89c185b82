"""A deployment in an account, all as the file says, until a test spoils something."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ses_feedback import naming
from ses_feedback.config import Config, parse
from ses_feedback.config.loop import to_loop
from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.pauses import History
from ses_feedback.domain.settings import (
    FEEDBACK_TYPES,
    NOTIFICATION_TYPES,
    SetForwarding,
    SetHeaders,
    Settings,
    SetTopic,
    after,
)
from ses_feedback.usecases.checks.expected import Expected, ExpectedIdentity, expected
from ses_feedback.usecases.checks.live import (
    MOST_IDENTITIES,
    Account,
    Alarm,
    Concurrency,
    Dkim,
    EventDestination,
    Home,
    ListedIdentity,
    SetState,
    Stack,
    Subscription,
)
from ses_feedback.usecases.checks.sets import EVENT_TYPES
from ses_feedback.usecases.doctor import Inventory, Places
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.wiring import Wiring
from ses_feedback.usecases.wiring_ports import WIRED, DkimRecord, FormerSet, IdentityRejected, Record, TopicRejected
from tests.unit.wiring.fakes import FAR, FakeMemory, FakeSlots, Time

HOME = Home("aws", "us-east-1", "111122223333")
DOMAIN, ADDRESS = "example.com", "news@example.com"
ALARM = "ses-feedback example.com bounce page"
CONFIG = """
[deployment]
region = "us-east-1"
[on_call]
page = [{ email = "oncall@example.com" }]
[changes]
notify = [{ sqs = "arn:aws:sqs:us-east-1:444455556666:crm", types = ["released"] }]
[teams.developers]
notify = [
    { email_json = "dev@example.org", on = ["bounce", "reject"] },
    { email = "people@example.org", on = ["complaint"] },
]
[identities."example.com"]
team = "developers"
[identities."news@example.com"]
stream = "marketing"
team = "developers"
configuration_set = { events = ["reject"], tls = "require", suppress = ["bounce"] }
"""


@dataclass
class World:
    """SES and AWS. Implements all that doctor, routes and the hourly check read, and what wiring writes."""

    config: Config
    calls: list[str] = field(default_factory=list)
    refuse: dict[str, FeedbackError] = field(default_factory=dict)
    gone_topics: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        wanted = expected(self.config, HOME)
        name = wanted.deployment
        identities = wanted.identities.values()
        self.home_ = HOME
        self.statuses = dict.fromkeys(wanted.identities, "Success")
        self.live = {i.name: _as_wished(i) for i in identities}
        self.signed = {i.name: Dkim(True, "Success") for i in identities}
        self.defaults = {i.name: i.configuration_set for i in identities}
        self.others: list[ListedIdentity] = []
        self.account_ = Account(True, True, "HEALTHY", frozenset({"BOUNCE"}))
        self.sets = {
            i.configuration_set: SetState(True, True, i.tls, i.suppressed) for i in identities if i.configuration_set
        }
        self.destinations = {
            i.configuration_set: [
                EventDestination("cloudwatch", True, frozenset({"SEND"}), cloudwatch=True),
                *(EventDestination(k, True, frozenset({EVENT_TYPES[k]}), t) for k, t in i.set_topics.items()),
            ]
            for i in identities
            if i.configuration_set
        }
        self.topics: dict[str, list[Subscription]] = {
            feed.topic: [Subscription(s.protocol, s.endpoint, True) for s in feed.subscribers]
            for feed in wanted.feeds()
        }
        self.queues: dict[str, int | None] = {}
        self.concurrency_ = Concurrency(1_000, 0)
        self.shares: dict[str, int] = {}
        self.alarms_ = {ALARM: Alarm(True, "OK")}
        self.stacks_ = {
            naming.data_stack(name): Stack("CREATE_COMPLETE"),
            naming.overview_stack(name): Stack("CREATE_COMPLETE"),
            naming.core_stack(name): Stack(
                "UPDATE_COMPLETE", {naming.OUTPUT_CONFIGURATION: naming.digest(to_loop(self.config))}
            ),
            naming.cell_stack(name, 1): Stack(
                "CREATE_COMPLETE",
                resources={
                    "Custom::SesIdentityWiring": frozenset(wanted.identities),
                    "AWS::CloudWatch::Alarm": frozenset({ALARM}),
                },
            ),
        }
        self.quarantine: list[int] = [0]
        self.secret_problem: FeedbackError | None = None
        self.paused: dict[str, History] = {}
        self.memory = FakeMemory({i.name: _wired(i) for i in identities})
        self.clock = Time()

    @property
    def wanted(self) -> Expected:
        return expected(self.config, HOME)

    def _call(self, name: str, *about: Any) -> None:
        self.calls.append(" ".join([name, *map(str, about)]))
        if name in self.refuse:
            raise self.refuse[name]

    # --- SesReader ----------------------------------------------------------------------------------------------------

    def verifications(self, identities: Sequence[str]) -> Mapping[str, str]:
        assert 0 < len(identities) <= MOST_IDENTITIES
        self._call("verifications", len(identities))
        return {name: self.statuses[name] for name in identities if name in self.statuses}

    def all_settings(self, identities: Sequence[str]) -> Mapping[str, Settings]:
        assert 0 < len(identities) <= MOST_IDENTITIES
        self._call("settings", len(identities))
        return {name: self.live[name] for name in identities if name in self.live}

    def signing(self, identities: Sequence[str]) -> Mapping[str, Dkim]:
        assert 0 < len(identities) <= MOST_IDENTITIES
        self._call("dkim", len(identities))
        return {name: self.signed[name] for name in identities if name in self.signed}

    def default_set(self, identity: str) -> str | None:
        self._call("default_set", identity)
        if identity not in self.statuses:
            raise IdentityRejected(f"SES does not know {identity}")
        return self.defaults.get(identity)

    def listed(self, page: str | None) -> tuple[Sequence[ListedIdentity], str | None]:
        self._call("listed", page)
        mine = [ListedIdentity(name, status == "Success") for name, status in self.statuses.items()]
        return (mine, "2") if page is None else (self.others, None)

    def account(self) -> Account:
        self._call("account")
        return self.account_

    def set_state(self, name: str) -> SetState | None:
        self._call("set_state", name)
        return self.sets.get(name)

    def event_destinations(self, name: str) -> tuple[EventDestination, ...] | None:
        self._call("event_destinations", name)
        found = self.destinations.get(name)
        return None if found is None else tuple(found)

    def enable_destination(self, configuration_set: str, destination: str) -> None:
        self._call("enable_destination", configuration_set, destination)
        self.destinations[configuration_set] = [
            replace(d, enabled=True) if d.name == destination else d for d in self.destinations[configuration_set]
        ]

    # --- AwsReader ----------------------------------------------------------------------------------------------------

    def home(self) -> Home:
        self._call("home")
        return self.home_

    def subscriptions(self, topic: str) -> tuple[Subscription, ...] | None:
        self._call("subscriptions", topic.rpartition(":")[2])
        found = self.topics.get(topic)
        return None if found is None else tuple(found)

    def stacks(self) -> Mapping[str, Stack]:
        self._call("stacks")
        return self.stacks_

    def depth(self, queue: str) -> int | None:
        self._call("depth", queue)
        return self.queues.get(queue, 0)

    def concurrency(self) -> Concurrency:
        self._call("concurrency")
        return self.concurrency_

    def share(self, function: str) -> int:
        self._call("share", function)
        return self.shares.get(function, 0)

    def alarms(self) -> Mapping[str, Alarm]:
        self._call("alarms")
        return self.alarms_

    def enable_alarms(self, names: Sequence[str]) -> None:
        self._call("enable_alarms", *names)
        self.alarms_ |= {name: self.alarms_[name]._replace(acts=True) for name in names}

    # --- SesGateway ---------------------------------------------------------------------------------------------------

    def settings(self, identity: str) -> Settings | None:
        return self.live.get(identity)

    def verification(self, identity: str) -> str | None:
        return self.statuses.get(identity)

    def set_topic(self, identity: str, type_: str, topic: str | None) -> None:
        self._call("set_topic", identity, type_)
        if topic in self.gone_topics:
            raise TopicRejected(f"SES cannot use {topic}")
        self.live[identity] = after(self.live[identity], SetTopic(type_, topic))

    def set_headers(self, identity: str, type_: str, enabled: bool) -> None:
        self._call("set_headers", identity, type_)
        self.live[identity] = after(self.live[identity], SetHeaders(type_, enabled))

    def set_forwarding(self, identity: str, enabled: bool) -> None:
        self._call("set_forwarding", identity)
        self.live[identity] = after(self.live[identity], SetForwarding(enabled))

    def configuration_set(self, identity: str) -> str | None:
        return self.default_set(identity)

    def set_configuration_set(self, identity: str, name: str | None) -> None:
        self._call("set_configuration_set", identity, name)
        self.defaults[identity] = name

    def create(self, identity: str) -> None:
        raise AssertionError("a check creates nothing")

    def delete(self, identity: str) -> None:
        raise AssertionError("a check deletes nothing")

    def dkim(self, identity: str) -> tuple[DkimRecord, ...]:
        raise AssertionError("a check asks for no records to publish")

    # --- what the use cases take --------------------------------------------------------------------------------------

    def drop(self, identity: str, type_: str) -> None:
        """Do what SES does after a failed publish: lose the topic, and forward by e-mail again."""
        self.live[identity] = replace(after(self.live[identity], SetTopic(type_, None)), forwarding=True)

    def pacer(self, *, interval: int = 0, until: int = FAR) -> Pacer:
        return Pacer(FakeSlots(), self.clock, interval=interval, until=until, jitter=lambda: 0.5)

    def wiring(self, pacer: Pacer) -> Wiring:
        return Wiring(self, self.memory, pacer)

    @property
    def inventory(self) -> Inventory:
        pacer = self.pacer()
        return Inventory(self, self, pacer, self.wiring(pacer))

    @property
    def places(self) -> Places:
        return Places(self._verify_secret, lambda: iter(self.quarantine), self._pauses)

    def _verify_secret(self) -> None:
        if self.secret_problem is not None:
            raise self.secret_problem

    def _pauses(self, identities: Collection[str]) -> Mapping[str, History]:
        return {identity: history for identity, history in self.paused.items() if identity in identities}

    def stack(self, kind: Callable[[str], str], **changes: Any) -> None:
        """Change one stack."""
        name = kind(self.config.deployment.name)
        self.stacks_[name] = replace(self.stacks_[name], **changes)


def _as_wished(identity: ExpectedIdentity) -> Settings:
    return Settings(
        topics=dict(identity.wish().topics),
        headers={t: t in FEEDBACK_TYPES for t in NOTIFICATION_TYPES},
        forwarding=False,
    )


def _wired(identity: ExpectedIdentity) -> Record:
    own = identity.configuration_set
    former_set = FormerSet(None, frozenset({own})) if own else None
    return Record(Settings(), frozenset(identity.wish().topics.values()), former_set, WIRED)


def world(text: str = CONFIG) -> World:
    """Return a deployment of a configuration, as it should be."""
    return World(parse(tomllib.loads(text)))
