"""The configuration as the rest of the system sees it: complete (defaults filled in), checked, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ses_feedback.domain.history import EVERY_STREAM
from ses_feedback.domain.policy import Policy

# Every protocol SNS can deliver to; the file spells `email_json`, SNS `email-json`.
PROTOCOLS: Final = ("http", "https", "email", "email_json", "sms", "sqs", "lambda", "firehose", "application")
SNS_PROTOCOL: Final[Mapping[str, str]] = {name: name.replace("_", "-") for name in PROTOCOLS}
# What SES tells about any identity, and what it tells only through a configuration set.
NOTIFIED_KINDS: Final = ("bounce", "complaint", "delivery")
SET_KINDS: Final = ("send", "reject", "delay", "rendering_failure", "open", "click", "subscription")
KINDS: Final = (*NOTIFIED_KINDS, *SET_KINDS)
# What can suppress an address: `subscription` tells of people who unsubscribed from everything.
ACTED_KINDS: Final = ("bounce", "complaint", "subscription")
AlarmsPer = Literal["identity", "environment"]
Format = Literal["json", "text"]
# What Lambda keeps for functions that have no share apart (Lambda API reference, `PutFunctionConcurrency`).
UNRESERVED_AT_LEAST: Final = 100
# Where runbooks are, seen from the root of the repository.
RUNBOOKS: Final = "docs/runbooks"


@dataclass(frozen=True, slots=True)
class Destination:
    """One place SNS delivers to: ``protocol`` as in ``PROTOCOLS``, its ``endpoint``, and the kinds it wants.

    ``role`` is the ARN of the IAM role by which SNS writes to a ``firehose``; every other protocol has none. ``raw``:
    the notification itself without SNS's envelope. ``format``: ``json`` as SES or CloudWatch wrote it, or ``text`` for
    people: digests of feedback, alarms in words.
    ``max_per_second`` bounds what an ``http`` or ``https`` endpoint is given. ``subscribe``: whether the deployment
    subscribes it, or leaves that to a person, who does it once the endpoint answers.
    """

    protocol: str
    endpoint: str
    on: tuple[str, ...] = ("bounce", "complaint")
    role: str | None = None
    raw: bool = False
    format: Format = "json"
    max_per_second: int | None = None
    subscribe: bool = True


@dataclass(frozen=True, slots=True)
class Deployment:
    """Name (no underscore), region of everything, regions whose SES lists a release clears, and what alarms cover.

    ``overwrite``: whether a topic or default configuration set that somebody else set is replaced (and remembered, and
    given back), instead of being an error that names it.
    """

    name: str
    region: str
    regions: tuple[str, ...]
    alarms: AlarmsPer = "identity"
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class OnCall:
    """Where alarms go, by severity. ``on`` of these destinations says nothing.

    ``runbooks``: what the addresses of runbooks begin with; by itself the folder in the repository.
    """

    page: tuple[Destination, ...]
    warn: tuple[Destination, ...]
    runbooks: str = RUNBOOKS

    def severities(self) -> Mapping[str, tuple[Destination, ...]]:
        """Return the destinations by severity, the most urgent first."""
        return {"page": self.page, "warn": self.warn}

    def texts(self) -> tuple[str, ...]:
        """Return the severities of which somebody reads text."""
        return tuple(s for s, whom in self.severities().items() if any(d.format == "text" for d in whom))


@dataclass(frozen=True, slots=True)
class Team:
    """People or systems that see the feedback of their identities."""

    name: str
    notify: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class ConfigurationSet:
    """An identity's own configuration set. ``events``: which of ``SET_KINDS`` get a topic each.

    ``tls``: whether receivers must take TLS. ``suppress``: for which of ``bounce`` and ``complaint`` SES consults the
    account's suppression list; ``None`` leaves it to the account's setting.
    """

    events: tuple[str, ...] = ()
    tls: Literal["optional", "require"] = "optional"
    suppress: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Canary:
    """How often identities mail SES's simulator, and within what time feedback must be back. Milliseconds."""

    every: int = 86_400_000
    within: int = 900_000


@dataclass(frozen=True, slots=True)
class Archive:
    """How long the archive keeps its lines, and when they move to cheaper storage. Milliseconds, ``None``: never.

    Both are whole days.
    """

    keep: int | None = None
    cold_after: int | None = 90 * 86_400_000


class ListedTopic(NamedTuple):
    """A topic of others, by its ARN (of whose name the end may be a ``*``), and whom it speaks for.

    Either identities, each with its subdomains and addresses, or all of an environment.
    """

    arn: str
    identities: tuple[str, ...] = ()
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The topics whose posts the HTTPS endpoint takes.

    ``in_stack``: whether the deployment has one itself, which takes ``requests_per_second`` and works on ``at_once`` of
    them; 0: on as many as Lambda lets it.
    """

    topics: tuple[ListedTopic, ...] = ()
    in_stack: bool = True
    requests_per_second: int = 50
    at_once: int = 10

    @property
    def set_apart(self) -> int:
        """How many runs of functions Lambda is to set apart for it; 0: none."""
        return self.at_once if self.topics and self.in_stack else 0


@dataclass(frozen=True, slots=True)
class SesList:
    """SES's own suppression list: kept in step with an environment's where ``sync``, every ``every`` ms.

    ``complaints`` is the stream that a complaint on it holds for, ``*`` for every one; empty: it has to be named first.
    """

    sync: bool = False
    environment: str = "production"
    complaints: str = "default"
    every: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Lookup:
    """Whether the deployment has the HTTP API that answers questions, and how many requests a second it takes."""

    enabled: bool = True
    requests_per_second: int = 100


@dataclass(frozen=True, slots=True)
class Follower:
    """A system that follows what changes in the suppressions: where, and which changes.

    ``types``, ``environments`` and ``streams`` narrow them down; empty: all there are. What holds for every stream is
    told whatever ``streams`` says. ``on`` of the destination says nothing.
    """

    destination: Destination
    types: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()

    def filters(self) -> dict[str, tuple[str, ...]]:
        """Return what an event's attributes are one of. What holds for every stream concerns who follows one."""
        streams = (*self.streams, EVERY_STREAM) if self.streams else ()
        wanted = {"type": self.types, "environment": self.environments, "stream": streams}
        return {name: values for name, values in wanted.items() if values}


@dataclass(frozen=True, slots=True)
class Changes:
    """Who follows the changes."""

    notify: tuple[Follower, ...] = ()


@dataclass(frozen=True, slots=True)
class RateThresholds:
    """When on-call hears of a rate: ``warn`` and ``page`` are fractions of mail, windows are milliseconds.

    A floor is the fewest bad events within its window: a rate of a few mails says nothing.
    """

    warn: float
    page: float
    fast_window: int
    fast_floor: int
    slow_window: int
    slow_floor: int


_BOUNCE: Final = RateThresholds(0.025, 0.04, 5_400_000, 50, 86_400_000, 30)
_COMPLAINT: Final = RateThresholds(0.0005, 0.0008, 21_600_000, 20, 259_200_000, 15)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When on-call hears of the rates of an identity, an environment or the deployment."""

    bounce: RateThresholds = _BOUNCE
    complaint: RateThresholds = _COMPLAINT


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified SES domain or address, normalised (lower case, ASCII domain), and where its feedback belongs.

    ``create``: made in SES by the deployment where it is missing. ``canary``: mails SES's simulator on schedule.
    ``breaker``: a page about its rates pauses its configuration set. ``thresholds`` are its own, complete, and ``None``
    where those of the deployment hold.
    """

    name: str
    environment: str
    stream: str
    team: str | None = None
    configuration_set: ConfigurationSet | None = None
    create: bool = False
    canary: bool = False
    breaker: bool = False
    thresholds: Thresholds | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of feedback that have a topic of this identity."""
        return NOTIFIED_KINDS + (self.configuration_set.events if self.configuration_set else ())

    @property
    def is_address(self) -> bool:
        """Whether this identity is a single address and not a domain."""
        return "@" in self.name


@dataclass(frozen=True, slots=True)
class Config:
    """One deployment. ``path`` is the file it came from, or ``None``. Mappings are read-only, in the file's order."""

    deployment: Deployment
    on_call: OnCall
    teams: Mapping[str, Team] = field(hash=False)
    identities: Mapping[str, Identity] = field(hash=False)
    policy: Policy = field(hash=False)
    path: Path | None = None
    canary: Canary = Canary()
    thresholds: Thresholds = Thresholds()
    archive: Archive = Archive()
    endpoint: Endpoint = Endpoint()
    ses_list: SesList = SesList()
    lookup: Lookup = Lookup()
    changes: Changes = Changes()

    def thresholds_of(self, identity: Identity) -> Thresholds:
        """Return the thresholds of an identity's alarms: its own, or those of the deployment."""
        return identity.thresholds or self.thresholds

    def environments(self) -> tuple[str, ...]:
        """Return the environments that identities live in, sorted."""
        return tuple(sorted({i.environment for i in self.identities.values()}))

    def streams(self, environment: str) -> tuple[str, ...]:
        """Return the streams of an environment, sorted; empty where it has none."""
        return tuple(sorted({i.stream for i in self.identities.values() if i.environment == environment}))
