"""The configuration as the rest of the system sees it: complete (defaults filled in), checked, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from ses_feedback.domain.policy import Policy

# Every protocol SNS can deliver to; the file spells `email_json`, SNS `email-json`.
PROTOCOLS: Final = ("http", "https", "email", "email_json", "sms", "sqs", "lambda", "firehose", "application")
SNS_PROTOCOL: Final[Mapping[str, str]] = {name: name.replace("_", "-") for name in PROTOCOLS}
NOTIFIED_KINDS: Final = ("bounce", "complaint", "delivery")
AlarmsPer = Literal["identity", "environment"]


@dataclass(frozen=True, slots=True)
class Destination:
    """One place SNS delivers to: ``protocol`` as in ``PROTOCOLS``, its ``endpoint``, and the kinds it wants.

    ``role`` is the ARN of the IAM role by which SNS writes to a ``firehose``; every other protocol has none.
    """

    protocol: str
    endpoint: str
    on: tuple[str, ...] = ("bounce", "complaint")
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """Name (no underscore), region of everything, regions whose SES lists a release clears, and what alarms cover."""

    name: str
    region: str
    regions: tuple[str, ...]
    alarms: AlarmsPer = "identity"


@dataclass(frozen=True, slots=True)
class OnCall:
    """Where alarms go, by severity. ``on`` of these destinations says nothing."""

    page: tuple[Destination, ...]
    warn: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class Team:
    """People or systems that see the feedback of their identities."""

    name: str
    notify: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified SES domain or address, normalised (lower case, ASCII domain), and where its feedback belongs."""

    name: str
    environment: str
    stream: str
    team: str | None = None
    configuration_set: bool = False

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

    def environments(self) -> tuple[str, ...]:
        """Return the environments that identities live in, sorted."""
        return tuple(sorted({i.environment for i in self.identities.values()}))

    def streams(self, environment: str) -> tuple[str, ...]:
        """Return the streams of an environment, sorted; empty where it has none."""
        return tuple(sorted({i.stream for i in self.identities.values() if i.environment == environment}))
