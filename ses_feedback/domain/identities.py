"""Which configured identity an event belongs to, and with it which environment and stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from ses_feedback.domain.addresses import normalise, normalise_identity
from ses_feedback.domain.errors import InvalidAddress

_REMEMBERED: Final = 4_096
_REMEMBERED_LENGTH: Final = 512


class Place(NamedTuple):
    """Where feedback belongs: a configured identity with its environment and stream."""

    identity: str
    environment: str
    stream: str


class Directory:
    """The configured identities. ``topics`` maps the name of a deployment's topic to the identity it serves."""

    __slots__ = ("_by_arn", "_places", "_topics")

    def __init__(self, places: Iterable[Place] | Mapping[str, Place], topics: Mapping[str, str] | None = None) -> None:
        listed = places.values() if isinstance(places, Mapping) else places
        self._places = {place.identity: place for place in listed}
        # Kept, not copied: the configuration's mapping makes thousands of topic names only when one is asked for.
        self._topics = topics if topics is not None else {}
        self._by_arn: dict[str, Place] = {}

    def resolve(self, source_arn: object, source: object, topic_arn: str | None) -> Place | None:
        """Return the place of a notification, or ``None`` where no configured identity covers it.

        The first of these that is configured: the identity in ``mail.sourceArn`` (of any partition, region and account:
        only its name is read), the source address, its domain, that domain's parents, the identity of the topic. What
        is no text counts as absent.
        """
        if isinstance(source_arn, str):
            place = self._by_arn.get(source_arn)
            if place is not None:
                return place
            place = self._places.get(identity_in(source_arn) or "")
            if place is not None:
                self._remember(source_arn, place)
                return place
        for name in _covering(source):
            place = self._places.get(name)
            if place is not None:
                return place
        topic = (topic_arn or "").rpartition(":")[2]
        return self._places.get(self._topics.get(topic, ""))

    def _remember(self, source_arn: str, place: Place) -> None:
        """Keep the place of an ARN; one of any account or length may be sent, and none may fill the memory."""
        if len(self._by_arn) >= _REMEMBERED:
            self._by_arn.clear()
        if len(source_arn) <= _REMEMBERED_LENGTH:
            self._by_arn[source_arn] = place


def identity_in(source_arn: str) -> str | None:
    """Return the identity in ``arn:aws:ses:REGION:ACCOUNT:identity/NAME``, normalised; ``None`` where there is none."""
    before, _, name = source_arn.strip().partition(":identity/")
    if not before.startswith("arn:") or not name:
        return None
    try:
        return normalise_identity(name)
    except InvalidAddress:
        return None


def _covering(source: object) -> Iterator[str]:
    """Yield an address, its domain and that domain's parents; nothing where there is no readable address."""
    try:
        address = normalise(source)
    except InvalidAddress:
        return
    yield address
    domain = address.rpartition("@")[2]
    while domain:
        yield domain
        domain = domain.partition(".")[2]
