"""What somebody else set in SES where our settings are to be: telling it from ours, naming it, remembering it.

Ours is what is remembered as ours, what is wished, and what bears this deployment's and this identity's name: an
interrupted run, a lost memory and an Update to other topics leave nothing foreign behind. What was there before us and
has come back is foreign: somebody set it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ses_feedback import naming
from ses_feedback.domain.settings import (
    FEEDBACK_TYPES,
    NOTIFICATION_TYPES,
    SetHeaders,
    Settings,
    SetTopic,
    Wish,
    after,
)
from ses_feedback.usecases.wiring_ports import ForeignSetting, Record


class Foreign(NamedTuple):
    """Topics (ARNs) by notification type, and the default configuration set, that are somebody else's."""

    topics: Mapping[str, str]
    configuration_set: str | None

    def __bool__(self) -> bool:
        """Return whether there is anything foreign."""
        return bool(self.topics) or self.configuration_set is not None

    def names(self) -> tuple[str, ...]:
        """Return each, as a person reads it."""
        found = [f"{type_} topic {topic}" for type_, topic in self.topics.items()]
        if self.configuration_set is not None:
            found.append(f"default configuration set {self.configuration_set}")
        return tuple(found)


def ours_among(live: Settings, identity: str, wish: Wish, remembered: Record) -> frozenset[str]:
    """Return the topics that are ours: remembered, wished, and those of the live ones that bear our name."""
    known = remembered.ours | set(wish.topics.values())
    set_now = {topic for topic in live.topics.values() if topic is not None}
    return known | {topic for topic in set_now if _named_ours(topic, identity, known)}


def foreign_settings(live: Settings, ours: frozenset[str], live_set: str | None, wish: Wish, known: Record) -> Foreign:
    """Return what is somebody else's among live settings where the wish has its own."""
    topics = {t: topic for t in NOTIFICATION_TYPES if (topic := live.topics[t]) and topic not in ours}
    our_sets = {wish.configuration_set} | (known.former_set.ours if known.former_set else set())
    settled = wish.configuration_set is None or live_set is None or live_set in our_sets
    return Foreign(topics, None if settled else live_set)


def _named_ours(topic: str, identity: str, known: Collection[str]) -> bool:
    """Tell whether a topic has the name of this deployment and identity, in the account and region of those known."""
    home, _, name = topic.rpartition(":")
    for one in known:
        place, _, model = one.rpartition(":")
        if home == place and naming.same_loop(name, model, identity):
            return True
    return False


def refusal(identity: str, foreign: Foreign) -> ForeignSetting:
    """Return the error that names all that is foreign, after what to do: a reason is cut at its end."""
    return ForeignSetting(
        f"{identity} has settings in SES that this deployment did not make: remove them there, or put overwrite = true "
        "under [deployment] to have them replaced, and given back on removal: " + ", ".join(foreign.names())
    )


def former_again(former: Settings, live: Settings, foreign: Foreign) -> Settings:
    """Return former settings with what was set since, and is about to be replaced, in place of what was there first.

    A former topic that is there again, by hand or by a Delete that was cut short, changes nothing in them.
    """
    newer = {type_: topic for type_, topic in foreign.topics.items() if former.topics[type_] != topic}
    if any(type_ in newer for type_ in FEEDBACK_TYPES) and all(type_ in foreign.topics for type_ in FEEDBACK_TYPES):
        # Who took both feedback topics over owns forwarding, too.
        former = Settings(former.topics, former.headers, live.forwarding)
    for type_, topic in newer.items():
        former = after(after(former, SetTopic(type_, topic)), SetHeaders(type_, live.headers[type_]))
    return former


def former_of(live: Settings, ours: frozenset[str]) -> Settings:
    """Return what to remember of live settings: topics of ours are never former ones, whoever set them before us."""
    stale = [t for t in NOTIFICATION_TYPES if live.topics[t] in ours]
    forwarding = live.forwarding or any(t in FEEDBACK_TYPES for t in stale)
    former = Settings(live.topics, live.headers, forwarding)
    for t in stale:
        former = after(after(former, SetTopic(t, None)), SetHeaders(t, False))
    return former
