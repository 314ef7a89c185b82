"""What a configuration makes AWS look like: the identities, their topics, who is subscribed, what SES is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ses_feedback import naming
from ses_feedback.config.model import ACTED_KINDS, NOTIFIED_KINDS, SNS_PROTOCOL, Config, Destination, Identity
from ses_feedback.config.problems import join
from ses_feedback.domain.settings import Wish
from ses_feedback.usecases.checks.live import Home

# Whose subscriptions are ours.
RECORDING: Final = "recording"
COUNTING: Final = "counting"
ARCHIVING: Final = "archiving"
EXPLAINING: Final = "explaining"


class Subscriber(NamedTuple):
    """Somebody subscribed to a topic. ``whose``: in words, without any address; ``path``: where the file says so.

    ``raw``: the notification comes without SNS's envelope; ``role``: the ARN by which SNS writes to Firehose;
    ``recipient``: of digests, those that are for this one (see ``naming``); ``only``: what else the attributes of its
    messages are one of; ``max_per_second``: what HTTP is given; ``by_hand``: no template subscribes it.
    """

    whose: str
    path: str
    protocol: str
    endpoint: str
    raw: bool = False
    role: str | None = None
    recipient: str | None = None
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    max_per_second: int | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """A topic (ARN) and who is subscribed to it.

    ``kind``: of feedback, ``page`` and ``warn`` of on-call, ``digests``, or ``changes`` of suppressions.
    """

    kind: str
    topic: str
    subscribers: tuple[Subscriber, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedIdentity:
    """One identity of the file. ``configuration_set``: the name of its own, ``None`` where it has none.

    ``overwrite``: what somebody else set may be replaced; ``create``: the identity is created where SES has none.
    ``tls`` and ``suppressed`` are its configuration set's, as SES spells them; see ``SetState``.
    """

    name: str
    environment: str
    feeds: tuple[Feed, ...]
    configuration_set: str | None = None
    create: bool = False
    overwrite: bool = False
    tls: str = "OPTIONAL"
    suppressed: frozenset[str] | None = None

    @property
    def path(self) -> str:
        """Where the file speaks of it."""
        return join("identities", self.name)

    @property
    def topics(self) -> Mapping[str, str]:
        """The topics (ARNs) by kind."""
        return {feed.kind: feed.topic for feed in self.feeds}

    @property
    def set_topics(self) -> Mapping[str, str]:
        """Those of the kinds that only a configuration set tells of."""
        return {kind: topic for kind, topic in self.topics.items() if kind not in NOTIFIED_KINDS}

    def wish(self) -> Wish:
        """Return what SES is to be told."""
        topics = {naming.camel(kind): topic for kind, topic in self.topics.items() if kind in NOTIFIED_KINDS}
        return Wish(topics, self.configuration_set, overwrite=self.overwrite, create=self.create)


@dataclass(frozen=True, slots=True)
class Expected:
    """A whole deployment. ``digests`` are the topics through which the people of teams get theirs.

    ``changes`` is the topic that tells what changed in the suppressions.
    """

    home: Home
    deployment: str
    identities: Mapping[str, ExpectedIdentity] = field(hash=False)
    changes: Feed
    on_call: tuple[Feed, ...] = ()
    digests: tuple[Feed, ...] = ()

    def feeds(self) -> Iterator[Feed]:
        """Yield every topic of the deployment."""
        for identity in self.identities.values():
            yield from identity.feeds
        yield from self.on_call
        yield from self.digests
        yield self.changes


def expected(config: Config, home: Home) -> Expected:
    """Return what a configuration makes AWS look like in an account."""
    name = config.deployment.name
    return Expected(
        home=home,
        deployment=name,
        identities={i.name: _identity(config, i, home) for i in config.identities.values()},
        changes=_changes(config, home),
        on_call=tuple(_on_call(config, home)),
        digests=tuple(_digests(config, home)),
    )


def _on_call(config: Config, home: Home) -> Iterator[Feed]:
    """Yield the topics that alarms act on, and those of people, for whom a function puts alarms into words."""
    name = config.deployment.name
    for severity, destinations in config.on_call.severities().items():
        told: dict[str, list[Subscriber]] = {"json": [], "text": []}
        for number, destination in enumerate(destinations):
            whose = f"on-call ({severity})"
            told[destination.format].append(_told(whose, f"on_call.{severity}[{number}]", destination))
        if told["text"]:
            function = home.arn("lambda", f"function:{naming.function_name(name, naming.EXPLAIN_ALARM)}")
            told["json"].append(Subscriber(EXPLAINING, f"on_call.{severity}", "lambda", function))
        yield Feed(severity, home.arn("sns", naming.on_call_topic_name(name, severity)), tuple(told["json"]))
        if told["text"]:
            topic = home.arn("sns", naming.on_call_text_topic_name(name, severity))
            yield Feed(severity, topic, tuple(told["text"]))


def _changes(config: Config, home: Home) -> Feed:
    told = (
        _told("a follower of changes", f"changes.notify[{number}]", follower.destination)._replace(
            only=tuple(follower.filters().items())
        )
        for number, follower in enumerate(config.changes.notify)
    )
    return Feed("changes", home.arn("sns", naming.changes_topic_name(config.deployment.name)), tuple(told))


def _digests(config: Config, home: Home) -> Iterator[Feed]:
    for team in config.teams.values():
        readers = tuple(
            _told(f"team {team.name}", f"{join('teams', team.name)}.notify[{number}]", destination)._replace(
                recipient=naming.recipient_key(destination.protocol, destination.endpoint)
            )
            for number, destination in enumerate(team.notify)
            if destination.format == "text"
        )
        if readers:
            topic = naming.digest_topic_name(config.deployment.name, team.name)
            yield Feed("digests", home.arn("sns", topic), readers)


def _identity(config: Config, identity: Identity, home: Home) -> ExpectedIdentity:
    deployment, own = config.deployment.name, identity.configuration_set
    return ExpectedIdentity(
        name=identity.name,
        environment=identity.environment,
        feeds=tuple(
            Feed(
                kind,
                home.arn("sns", naming.topic_name(deployment, kind, identity.name)),
                (*_ours(deployment, kind, home, identity.name), *_team(config, identity, kind, home)),
            )
            for kind in identity.kinds
        ),
        configuration_set=naming.configuration_set_name(deployment, identity.name) if own else None,
        create=identity.create,
        overwrite=config.deployment.overwrite,
        tls=own.tls.upper() if own else "OPTIONAL",
        suppressed=frozenset(kind.upper() for kind in own.suppress) if own and own.suppress is not None else None,
    )


def _ours(deployment: str, kind: str, home: Home, identity: str) -> Iterator[Subscriber]:
    """Yield who of ours is subscribed to the topics of a kind."""
    path = join("identities", identity)
    if kind in ACTED_KINDS:
        function = naming.function_name(deployment, naming.RECORD_FEEDBACK)
        yield Subscriber(RECORDING, path, "lambda", home.arn("lambda", f"function:{function}"))
    if kind in NOTIFIED_KINDS:
        queue = naming.tally_queue_name(deployment)
        yield Subscriber(COUNTING, path, "sqs", home.arn("sqs", queue))
    stream = home.arn("firehose", f"deliverystream/{naming.archive_stream_name(deployment)}")
    name = naming.archive_subscription_role_name(deployment, home.region)
    role = f"arn:{home.partition}:iam::{home.account}:role/{name}"
    yield Subscriber(ARCHIVING, path, "firehose", stream, role=role)


def _team(config: Config, identity: Identity, kind: str, home: Home) -> Iterator[Subscriber]:
    if identity.team is None:
        return
    whose = f"team {identity.team}"
    digests = False
    for number, destination in enumerate(config.teams[identity.team].notify):
        if kind not in destination.on:
            continue
        path = f"{join('teams', identity.team)}.notify[{number}]"
        if destination.format == "json":
            yield _told(whose, path, destination)
        elif not digests:
            # Text comes in digests, which wait in one queue of the team, however many want them.
            digests = True
            queue = naming.digest_queue_name(config.deployment.name, identity.team)
            yield Subscriber(f"digests of {whose}", path, "sqs", home.arn("sqs", queue))


def _told(whose: str, path: str, destination: Destination) -> Subscriber:
    protocol = SNS_PROTOCOL[destination.protocol]
    return Subscriber(
        whose,
        path,
        protocol,
        destination.endpoint,
        destination.raw,
        destination.role,
        max_per_second=destination.max_per_second,
        by_hand=not destination.subscribe,
    )
