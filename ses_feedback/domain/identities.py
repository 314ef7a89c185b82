"""Which configured identity an event belongs to, and which topics are believed about it.

Anybody in the account can make a topic and publish what looks like feedback. So a topic speaks for the identities that
the configuration gives it and for no other, and what it says of another account or region is not believed either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from ses_feedback.domain.addresses import normalise, normalise_identity
from ses_feedback.domain.errors import InvalidAddress
from ses_feedback.domain.texts import token

_REMEMBERED: Final = 4_096
_REMEMBERED_LENGTH: Final = 512
_MOST_ARN: Final = 300


class Place(NamedTuple):
    """Where feedback belongs: a configured identity with its environment and stream."""

    identity: str
    environment: str
    stream: str


class Grant(NamedTuple):
    """Whom a topic speaks for: some identities, with their subdomains and addresses, or all of an environment."""

    identities: tuple[str, ...] = ()
    environment: str | None = None

    def covers(self, place: Place) -> bool:
        """Return whether the topic may speak for a place."""
        if place.environment == self.environment:
            return True
        return any(
            place.identity == own or ("@" not in own and place.identity.endswith((f".{own}", f"@{own}")))
            for own in self.identities
        )


class Found(NamedTuple):
    """The place of a notification, or ``None`` and, where it is not for want of a configured identity, why."""

    place: Place | None
    why: str | None = None


class Directory:
    """The configured identities, and the topics that speak for them.

    ``topics`` maps the name of a deployment's own topic to the identity it serves. ``listed`` maps the ARN of a topic
    of others, or how it begins followed by ``*``, to what it is trusted with. ``strict``: whether a topic that is
    neither, or none at all, is believed nothing; else it is taken for what somebody hands over who may, as from a file.
    """

    __slots__ = ("_known", "_listed", "_places", "_prefixes", "_strict", "_topics")

    def __init__(
        self,
        places: Iterable[Place] | Mapping[str, Place],
        topics: Mapping[str, str] | None = None,
        *,
        listed: Mapping[str, Grant] | None = None,
        strict: bool = False,
    ) -> None:
        given = places.values() if isinstance(places, Mapping) else places
        self._places = {place.identity: place for place in given}
        # Kept, not copied: the configuration's mapping makes thousands of topic names only when one is asked for.
        self._topics = topics if topics is not None else {}
        self._listed = listed or {}
        self._prefixes = sorted((arn[:-1] for arn in self._listed if arn.endswith("*")), key=len, reverse=True)
        self._strict = strict
        self._known: dict[tuple[str | None, str | None, str | None], Found] = {}

    def resolve(self, source_arn: object, source: object, topic_arn: str | None) -> Place | None:
        """Return the place of a notification, ``None`` where no configured identity covers it: see ``find``."""
        return self.find(source_arn, source, topic_arn).place

    def find(self, source_arn: object, source: object, topic_arn: str | None) -> Found:
        """Return the place of a notification, if its topic may speak for it.

        The first of these that is configured: the source address, the identity in ``mail.sourceArn``, the source's
        domain, that domain's parents, the one identity of the topic. (The address comes first: where it is not verified
        by itself, SES names its domain, and its feedback belongs to its own environment all the same.) What is no text
        counts as absent.
        """
        key = (
            source_arn if isinstance(source_arn, str) else None,
            source if isinstance(source, str) else None,
            topic_arn,
        )
        known = self._known.get(key)
        if known is None:
            known = self._find(*key)
            # Texts of any number and length may be sent, and none may fill the memory.
            if sum(len(part) for part in key if part is not None) <= _REMEMBERED_LENGTH:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        return known

    def _find(self, source_arn: str | None, source: str | None, topic_arn: str | None) -> Found:
        grant = self._grant(topic_arn)
        if grant is None and self._strict:
            topic = token(topic_arn, _MOST_ARN)
            return Found(None, f"topic {topic} is not one of this deployment's" if topic else "it names no topic")
        place = self._place(source_arn, source, grant)
        if grant is None or place is None:
            return Found(place)
        topic = token(topic_arn, _MOST_ARN)
        if not grant.covers(place):
            return Found(None, f"topic {topic} does not speak for {place.identity}")
        home, theirs = _home(topic_arn or ""), _home(source_arn or "")
        if theirs is not None and theirs != home:
            return Found(None, f"topic {topic} does not speak for identities of {' in '.join(theirs)}")
        return Found(place)

    def _grant(self, topic_arn: str | None) -> Grant | None:
        if topic_arn is None:
            return None
        listed = self._listed.get(topic_arn)
        if listed is not None:
            return listed
        for prefix in self._prefixes:  # the longest first
            if topic_arn.startswith(prefix):
                return self._listed[f"{prefix}*"]
        own = self._topics.get(topic_arn.rpartition(":")[2])
        return None if own is None else Grant((own,))

    def _place(self, source_arn: str | None, source: str | None, grant: Grant | None) -> Place | None:
        address, *domains = _covering(source) or [None]
        named = identity_in(source_arn) if source_arn is not None else None
        of_topic = grant.identities if grant is not None and len(grant.identities) == 1 else ()
        for name in (address, named, *domains, *of_topic):
            place = self._places.get(name or "")
            if place is not None:
                return place
        return None


def identity_in(source_arn: str) -> str | None:
    """Return the identity in ``arn:aws:ses:REGION:ACCOUNT:identity/NAME``, normalised; ``None`` where there is none."""
    before, _, name = source_arn.strip().partition(":identity/")
    if not before.startswith("arn:") or not name:
        return None
    try:
        return normalise_identity(name)
    except InvalidAddress:
        return None


def _home(arn: str) -> tuple[str, str] | None:
    """Return account and region of an ARN, ``None`` where the text is none."""
    parts = arn.strip().split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return None
    return token(parts[4], 12) or "no account", token(parts[3], 32) or "no region"


def _covering(source: str | None) -> list[str | None]:
    """Return an address, its domain and that domain's parents; nothing where there is no readable address."""
    try:
        address = normalise(source)
    except InvalidAddress:
        return []
    return [address, *_domains(address.rpartition("@")[2])]


def _domains(domain: str) -> Iterator[str]:
    while domain:
        yield domain
        domain = domain.partition(".")[2]
