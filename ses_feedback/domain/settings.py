"""What SES can be told about an identity's notifications, what we wish, and the steps from one to the other.

Facts from SES's API reference: headers in notifications need a topic of that type; email forwarding can be disabled
only while both a Bounce and a Complaint topic are set (``SetIdentityFeedbackForwardingEnabled``). Hence the order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

# NotificationType as the SES API spells it.
NOTIFICATION_TYPES: Final = ("Bounce", "Complaint", "Delivery")
# The types that email forwarding stands in for, and the only ones for which we ask for the mail's headers.
FEEDBACK_TYPES: Final = ("Bounce", "Complaint")


def _no_topics() -> dict[str, str | None]:
    return dict.fromkeys(NOTIFICATION_TYPES)


def _no_headers() -> dict[str, bool]:
    return dict.fromkeys(NOTIFICATION_TYPES, False)


@dataclass(frozen=True, slots=True)
class Settings:
    """An identity's notification settings; the default is that of a new identity.

    ``topics`` maps each notification type to an SNS topic ARN or ``None``, ``headers`` to whether its notifications
    carry the mail's headers; ``forwarding`` is whether bounces and complaints are forwarded by e-mail.
    """

    topics: Mapping[str, str | None] = field(default_factory=_no_topics)
    headers: Mapping[str, bool] = field(default_factory=_no_headers)
    forwarding: bool = True


class Wish(NamedTuple):
    """What an identity's settings shall be: a topic ARN for each notification type, and its default configuration set.

    ``configuration_set`` is ``None`` where the identity has no set of ours: what it has is then left alone.
    ``overwrite``: whether a topic or default configuration set that somebody else set is replaced, instead of being an
    error. ``create``: whether the identity is created where SES does not know it.
    """

    topics: Mapping[str, str]
    configuration_set: str | None = None
    overwrite: bool = False
    create: bool = False


class SetTopic(NamedTuple):
    """Set, or with ``None`` clear, the topic of a notification type."""

    type: str
    topic: str | None

    def __str__(self) -> str:
        """Return the step as a log line says it."""
        return f"{self.type} topic {self.topic or 'none'}"


class SetHeaders(NamedTuple):
    """Switch the mail's headers in a type's notifications on or off."""

    type: str
    enabled: bool

    def __str__(self) -> str:
        """Return the step as a log line says it."""
        return f"{self.type} headers {'on' if self.enabled else 'off'}"


class SetForwarding(NamedTuple):
    """Switch the forwarding of bounces and complaints by e-mail on or off."""

    enabled: bool

    def __str__(self) -> str:
        """Return the step as a log line says it."""
        return f"e-mail forwarding {'on' if self.enabled else 'off'}"


Step = SetTopic | SetHeaders | SetForwarding


def after(settings: Settings, step: Step) -> Settings:
    """Return the settings as they are once a step has been taken."""
    if isinstance(step, SetTopic):
        return replace(settings, topics={**settings.topics, step.type: step.topic})
    if isinstance(step, SetHeaders):
        return replace(settings, headers={**settings.headers, step.type: step.enabled})
    return replace(settings, forwarding=step.enabled)


def steps_to_wire(live: Settings, topics: Mapping[str, str]) -> list[Step]:
    """Return the steps from the live settings to ours: topics, headers, forwarding off; none where all is right.

    A type that ``topics`` does not name is left alone, and forwarding as well unless both feedback types are named.
    """
    named = [t for t in NOTIFICATION_TYPES if t in topics]
    steps: list[Step] = [SetTopic(t, topics[t]) for t in named if live.topics[t] != topics[t]]
    steps += [SetHeaders(t, True) for t in FEEDBACK_TYPES if t in topics and not live.headers[t]]
    if live.forwarding and all(t in topics for t in FEEDBACK_TYPES):
        steps.append(SetForwarding(False))
    return steps


def steps_to_restore(live: Settings, former: Settings | None, ours: Collection[str]) -> list[Step]:
    """Return the steps back from ours to the former settings; none where nothing of ours is left.

    ``ours`` are all topics that were ever ours. A type that somebody has since given another topic is theirs: its topic
    and headers stay, and where both feedback types are theirs, forwarding stays as well. ``former`` is ``None`` where
    nothing is remembered: then topics that are ours give way to a new identity's settings and the rest is left alone.
    """
    known = former is not None
    target = former or Settings()
    mine = [
        t
        for t in NOTIFICATION_TYPES
        if live.topics[t] in ours or (known and live.topics[t] in (None, target.topics[t]))
    ]
    final = {t: target.topics[t] if t in mine else live.topics[t] for t in NOTIFICATION_TYPES}
    forwarding = live.forwarding
    if any(t in mine for t in FEEDBACK_TYPES):
        forwarding = target.forwarding or not all(final[t] for t in FEEDBACK_TYPES)

    # Forwarding on comes first and off last: at no moment may feedback have nowhere to go.
    steps: list[Step] = []
    if forwarding and not live.forwarding:
        steps.append(SetForwarding(True))
    for t in mine:
        topic: list[Step] = [SetTopic(t, final[t])] if final[t] != live.topics[t] else []
        headers: list[Step] = []
        if t in FEEDBACK_TYPES and target.headers[t] != live.headers[t]:
            headers.append(SetHeaders(t, target.headers[t]))
        # Headers can be set only while there is a topic: before it is cleared, after it is put back.
        steps += topic + headers if final[t] else headers + topic
    if live.forwarding and not forwarding:
        steps.append(SetForwarding(False))
    return steps
