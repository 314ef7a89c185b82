"""The allow-list of topics. Anybody can own one, and SNS signs for all of them: a signature alone proves nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

_ARN: Final = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):sns:(?P<region>[a-z]{2}(?:-[a-z]+){1,3}-[0-9]{1,2}):(?P<account>[0-9]{12})"
    r":(?P<name>[A-Za-z0-9_-]{1,256})",
    re.ASCII,
)
_STAR: Final = "*"


class Topic(NamedTuple):
    """The parts of a topic's ARN that say whose it is and where."""

    arn: str
    partition: str
    region: str


def parse_topic(arn: str) -> Topic | None:
    """Return a standard topic's ARN taken apart, ``None`` for any other text (a FIFO topic posts to nobody)."""
    found = _ARN.fullmatch(arn)
    return Topic(arn, found["partition"], found["region"]) if found else None


def pattern_reason(text: str) -> str | None:
    """Return what is wrong with an entry of the list: a topic's ARN, of whose name the end may be a ``*``."""
    given = text[:-1] + "x" if text.endswith(_STAR) else text
    if parse_topic(given) is not None:
        return None
    return (
        "is not the ARN of a standard topic, such as arn:aws:sns:eu-west-1:444455556666:ses-bounces; "
        "only its end may be left open, with *"
    )


class TopicList:
    """The topics whose posts are taken, by their ARN; an entry that ends in ``*`` takes all that begin like it.

    Raises ``ValueError`` for an entry that is none, and for no entries at all.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        listed = tuple(entries)
        for entry in listed:
            reason = pattern_reason(entry)
            if reason is not None:
                raise ValueError(f"{entry!r} {reason}")
        if not listed:
            raise ValueError("the list of topics is empty: no post could be accepted")
        self._exact = {entry: topic for entry in listed if (topic := parse_topic(entry)) is not None}
        self._prefixes = tuple(entry[:-1] for entry in listed if entry.endswith(_STAR))

    def find(self, arn: str) -> Topic | None:
        """Return the topic of an ARN that is allowed, else ``None``."""
        known = self._exact.get(arn)
        if known is not None:
            return known
        return parse_topic(arn) if self._prefixes and arn.startswith(self._prefixes) else None
