"""Topics, queues and configuration sets of one's own, so that no test of SES hears what another one does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

from local.cloud import Cloud
from local.loop import Inbox, until
from tests.e2e.gaps.template import allow

_numbers = itertools.count(1)
TEXT = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "text"}}}


class Channel:
    """A topic that SES may publish to for some sources, and what arrives there."""

    def __init__(self, cloud: Cloud, source: str) -> None:
        self.name = f"channel{next(_numbers)}"
        self.topic = str(cloud.client("sns").create_topic(Name=self.name)["TopicArn"])
        self._cloud = cloud
        self.allow(source)
        self._inbox = Inbox(cloud, self.topic, self.name)
        self.seen: list[dict[str, Any]] = []
        self.plain: list[str] = []

    def allow(self, source: str) -> None:
        """Let SES publish for a source (``identity/…``, ``configuration-set/…``), and for no other."""
        policy = json.dumps(allow("ses", "sns:Publish", self.topic, f"arn:aws:ses:*:*:{source}"))
        self._cloud.client("sns").set_topic_attributes(
            TopicArn=self.topic, AttributeName="Policy", AttributeValue=policy
        )

    def look(self) -> list[dict[str, Any]]:
        """Everything that has arrived so far, as JSON."""
        for envelope in self._inbox.take():
            text = envelope["Message"]
            if text.startswith("{"):
                self.seen.append(json.loads(text))
            else:
                self.plain.append(text)
        return self.seen

    def wait(self, what: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message of a kind, once it is there."""
        return until(what, lambda: next((m for m in self.look() if wanted(m)), None), seconds=20)

    def events(self, number: int) -> list[str]:
        """The types of the first so many events, in order."""
        until(f"{number} events", lambda: len([m for m in self.look() if "eventType" in m]) >= number, seconds=20)
        return [m["eventType"] for m in self.seen if "eventType" in m]


def own_set(cloud: Cloud, types: Sequence[str]) -> tuple[str, Channel]:
    """A configuration set of one's own that tells a channel about some types of events."""
    name = f"set{next(_numbers)}"
    channel = Channel(cloud, f"configuration-set/{name}")
    v2 = cloud.client("sesv2")
    v2.create_configuration_set(ConfigurationSetName=name)
    v2.create_configuration_set_event_destination(
        ConfigurationSetName=name,
        EventDestinationName="channel",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": list(types),
            "SnsDestination": {"TopicArn": channel.topic},
        },
    )
    return name, channel


def verified(cloud: Cloud) -> str:
    """A verified domain of one's own."""
    domain = f"own{next(_numbers)}.example"
    cloud.client("ses").verify_domain_identity(Domain=domain)
    return domain
