"""What there is in AWS, as the checks see it, and the ports by which it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from ses_feedback.domain.settings import Settings

MOST_IDENTITIES: Final = 100  # in one call of SES's v1 API


class Home(NamedTuple):
    """Where a deployment lives: ``aws``, ``us-east-1``, ``111122223333``."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource here."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


class Dkim(NamedTuple):
    """Whether SES signs an identity's mail, and SES's ``DkimVerificationStatus``, ``Success`` or why not."""

    enabled: bool
    status: str


class ListedIdentity(NamedTuple):
    """One of all identities of the account and region, with whether it is verified."""

    name: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Account:
    """SES's state of the account in the region. ``enforcement`` is ``HEALTHY``, ``PROBATION`` or ``SHUTDOWN``.

    ``suppressed`` are the reasons, ``BOUNCE`` and ``COMPLAINT``, for which SES keeps a suppression list of its own.
    """

    production: bool
    sending: bool
    enforcement: str
    suppressed: frozenset[str]


@dataclass(frozen=True, slots=True)
class SetState:
    """A configuration set. ``tls`` is ``OPTIONAL`` or ``REQUIRE``; ``suppressed`` ``None`` follows the account."""

    sending: bool = True
    reputation: bool = True
    tls: str = "OPTIONAL"
    suppressed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class EventDestination:
    """Where a configuration set sends events: ``types`` as SES's v2 API spells them, ``topic`` if that is SNS."""

    name: str
    enabled: bool
    types: frozenset[str] = frozenset()
    topic: str | None = None
    cloudwatch: bool = False


class Subscription(NamedTuple):
    """A subscription of a topic, ``protocol`` as SNS spells it. ``confirmed``: SNS delivers to it."""

    protocol: str
    endpoint: str
    confirmed: bool


class Concurrency(NamedTuple):
    """How many runs of functions Lambda allows at once in the region, and how many are set apart for some of them."""

    limit: int
    apart: int


class Alarm(NamedTuple):
    """An alarm: whether it acts, and its state, ``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``."""

    acts: bool
    state: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A CloudFormation stack: its status, its outputs, and the physical ids of its resources by type."""

    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, frozenset[str]] = field(default_factory=dict)


class IdentityReader(Protocol):
    """What SES knows of identities; one request each, at most ``MOST_IDENTITIES`` names. May raise ``FeedbackError``.

    Identities that SES does not know are left out of the answers.
    """

    def verifications(self, identities: Sequence[str]) -> Mapping[str, str]:
        """Return ``VerificationStatus`` by identity."""

    def all_settings(self, identities: Sequence[str]) -> Mapping[str, Settings]:
        """Return the notification settings by identity."""

    def default_set(self, identity: str) -> str | None:
        """Return an identity's default configuration set. Raises ``IdentityRejected`` if SES knows none."""


class SetReader(Protocol):
    """What SES knows of configuration sets."""

    def event_destinations(self, name: str) -> tuple[EventDestination, ...] | None:
        """Return where a set sends its events, ``None`` if there is no such set."""


class SubscriptionReader(Protocol):
    """What SNS knows of topics."""

    def subscriptions(self, topic: str) -> tuple[Subscription, ...] | None:
        """Return the subscriptions of a topic (ARN), ``None`` if there is no such topic."""


class SesReader(IdentityReader, SetReader, Protocol):
    """All that doctor asks SES."""

    def signing(self, identities: Sequence[str]) -> Mapping[str, Dkim]:
        """Return the DKIM state by identity."""

    def listed(self, page: str | None) -> tuple[Sequence[ListedIdentity], str | None]:
        """Return a page of all identities of the account in the region, and what the next page is called."""

    def account(self) -> Account:
        """Return the state of the account."""

    def set_state(self, name: str) -> SetState | None:
        """Return a configuration set, ``None`` if there is none of this name."""

    def enable_destination(self, configuration_set: str, destination: str) -> None:
        """Switch an event destination on, and leave it otherwise as it is."""


class AwsReader(SubscriptionReader, Protocol):
    """What doctor asks the other services."""

    def home(self) -> Home:
        """Return where the credentials are at home."""

    def stacks(self) -> Mapping[str, Stack]:
        """Return the deployment's stacks by name."""

    def depth(self, queue: str) -> int | None:
        """Return how many messages a queue (by name) holds, ``None`` if there is no such queue."""

    def concurrency(self) -> Concurrency:
        """Return how many functions may run at once."""

    def share(self, function: str) -> int:
        """Return how many runs are set apart for a function (by name); 0 as well where there is no such function."""

    def alarms(self) -> Mapping[str, Alarm]:
        """Return the deployment's alarms by name."""

    def enable_alarms(self, names: Sequence[str]) -> None:
        """Switch the actions of alarms on."""
