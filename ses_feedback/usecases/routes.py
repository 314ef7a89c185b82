"""Routes: which way the feedback of a sender goes, by the file and, asked to, by SES.

SES chooses the most specific identity that it has verified: the address, its domain, that domain's parents. An identity
of its own takes nothing from those above it (SES developer guide, `Receiving Amazon SES notifications`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from ses_feedback import naming
from ses_feedback.config.model import SNS_PROTOCOL, Config, Identity
from ses_feedback.domain.settings import FEEDBACK_TYPES, NOTIFICATION_TYPES, Settings
from ses_feedback.usecases.checks.expected import expected
from ses_feedback.usecases.checks.identities import parents
from ses_feedback.usecases.checks.live import MOST_IDENTITIES, Home, SesReader
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.wiring_ports import VERIFIED

T = TypeVar("T")

Covered = Literal["address", "domain", "parent"]


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who is told: ``whose`` (a team's name, or ``on-call``), SNS's protocol, endpoint, json or text."""

    whose: str
    protocol: str
    endpoint: str
    format: str


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """What SES does with a sender's mail.

    ``identity`` is the one it sends by, ``None`` where it has verified none; then the rest says nothing. ``topics`` are
    by notification type, ``headers`` the types that carry the mail's headers, ``differences`` those from the file.
    """

    identity: str | None
    topics: Mapping[str, str | None] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    forwarding: bool | None = None
    configuration_set: str | None = None
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Where a sender's feedback goes by the file. ``sender`` is an address or a domain, normalised.

    ``identity`` is ``None`` where none of the file covers it. ``topics`` (names) and ``told`` are by kind; ``on_call``
    is by severity. ``live`` is ``None`` where SES was not asked.
    """

    sender: str
    identity: Identity | None
    covered: Covered | None = None
    configuration_set: str | None = None
    topics: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, tuple[Told, ...]] = field(default_factory=dict)
    on_call: Mapping[str, tuple[Told, ...]] = field(default_factory=dict)
    live: LiveRoute | None = None


def route(config: Config, sender: str) -> Route:
    """Return the way of a sender's feedback by the file alone. ``sender`` is normalised."""
    for name in (sender, *parents(sender)):
        identity = config.identities.get(name)
        if identity is not None:
            return _route(config, sender, identity)
    return Route(sender, None)


def _route(config: Config, sender: str, identity: Identity) -> Route:
    deployment = config.deployment.name
    team = config.teams[identity.team] if identity.team is not None else None
    told = {
        kind: tuple(
            Told(team.name, SNS_PROTOCOL[d.protocol], d.endpoint, d.format) for d in team.notify if kind in d.on
        )
        if team
        else ()
        for kind in identity.kinds
    }
    on_call = {
        severity: tuple(Told("on-call", SNS_PROTOCOL[d.protocol], d.endpoint, d.format) for d in destinations)
        for severity, destinations in config.on_call.severities().items()
    }
    return Route(
        sender,
        identity,
        covered=_covered(sender, identity.name),
        configuration_set=(
            naming.configuration_set_name(deployment, identity.name) if identity.configuration_set else None
        ),
        topics={kind: naming.topic_name(deployment, kind, identity.name) for kind in identity.kinds},
        told=told,
        on_call=on_call,
    )


def _covered(sender: str, identity: str) -> Covered:
    if "@" in identity:
        return "address"
    return "domain" if sender.rpartition("@")[2] == identity else "parent"


class LiveRoutes:
    """Asks SES about routes, a hundred identities in a call. May raise ``FeedbackError``.

    Only the default configuration set takes a call for each identity, and one for the set: a thousand of them take half
    an hour.
    ``advance`` is told of each call made.
    """

    def __init__(
        self, config: Config, ses: SesReader, pacer: Pacer, home: Home, advance: Callable[[int], None]
    ) -> None:
        self._config = config
        self._ses = ses
        self._pacer = pacer
        self._advance = advance
        self._expected = expected(config, home).identities
        self._paused: set[str] = set()

    def ask(self, routes: Sequence[Route]) -> list[LiveRoute]:
        """Return what SES does with each sender's mail."""
        names = dict.fromkeys(name for one in routes for name in (one.sender, *parents(one.sender)))
        verifications = self._batched("the verification", names, self._ses.verifications)
        used = [_used(one.sender, verifications) for one in routes]
        known = dict.fromkeys(name for name in used if name is not None)
        settings = self._batched("the settings", known, self._ses.all_settings)
        sets = {
            name: self._read(f"the default configuration set of {name}", partial(self._ses.default_set, name))
            for name in known
        }
        states = {
            default: self._read(f"configuration set {default}", partial(self._ses.set_state, default))
            for default in dict.fromkeys(sets.values())
            if default is not None
        }
        self._paused = {name for name, state in states.items() if state is not None and not state.sending}
        return [
            LiveRoute(None, differences=self._unknown(one, verifications))
            if name is None
            else self._live(one, name, settings.get(name) or Settings(), sets[name])
            for one, name in zip(routes, used, strict=True)
        ]

    def _batched(
        self, what: str, names: Iterable[str], read: Callable[[Sequence[str]], Mapping[str, T]]
    ) -> Mapping[str, T]:
        listed = list(names)
        found: dict[str, T] = {}
        for start in range(0, len(listed), MOST_IDENTITIES):
            batch = listed[start : start + MOST_IDENTITIES]
            found.update(self._read(f"{what} of identities", partial(read, batch)))
        return found

    def _read(self, what: str, call: Callable[[], T]) -> T:
        answer = self._pacer.run(f"reading {what}", call)
        self._advance(1)
        return answer

    def _unknown(self, one: Route, verifications: Mapping[str, str]) -> tuple[str, ...]:
        region = self._config.deployment.region
        name = one.identity.name if one.identity else one.sender
        status = verifications.get(name)
        said = f"SES says {status} of {name}" if status else f"SES knows no identity {name}"
        return (f"no identity that covers it is verified in {region} ({said}): SES refuses its mail",)

    def _live(self, one: Route, name: str, settings: Settings, default: str | None) -> LiveRoute:
        return LiveRoute(
            name,
            topics=settings.topics,
            headers=tuple(t for t in NOTIFICATION_TYPES if settings.headers[t]),
            forwarding=settings.forwarding,
            configuration_set=default,
            differences=tuple(self._differences(one, name, settings, default)),
        )

    def _differences(self, one: Route, name: str, settings: Settings, default: str | None) -> Iterable[str]:
        if default in self._paused:
            yield f"sending through {default} is paused: SES refuses this mail; ses-feedback doctor says why"
        if one.identity is None:
            yield f"SES sends its mail by {name}, which is not in the file: its feedback is not handled"
            return
        if name != one.identity.name:
            yield (
                f"SES sends its mail by {name}, not by {one.identity.name}: its feedback goes to the topics of {name}"
            )
        wanted = self._expected.get(name)
        if wanted is None:
            yield f"{name} is not in the file: nothing of its feedback is handled"
            return
        for type_, topic in wanted.wish().topics.items():
            if settings.topics[type_] != topic:
                yield f"the {type_} topic is {settings.topics[type_] or 'none'}, not {topic}"
        silent = [type_ for type_ in FEEDBACK_TYPES if not settings.headers[type_]]
        if silent:
            yield f"{' and '.join(silent)} notifications carry no headers"
        if settings.forwarding:
            yield "bounces and complaints are forwarded by e-mail"
        if wanted.configuration_set is not None and default != wanted.configuration_set:
            yield f"the default configuration set is {default or 'none'}, not {wanted.configuration_set}"


def _used(sender: str, verifications: Mapping[str, str]) -> str | None:
    return next((n for n in (sender, *parents(sender)) if verifications.get(n) in VERIFIED), None)
