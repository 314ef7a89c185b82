"""An endpoint for the changes of suppressions, in an application that follows them: docs/changes.md says what they are.

It needs no configuration file, no AWS credentials and no table: who posts is proven by SNS's signature.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ses_feedback.domain.topics import TopicList, pattern_reason
from ses_feedback.endpoint.answering import Endpoint
from ses_feedback.endpoint.certificates import Certificates, public_roots
from ses_feedback.endpoint.confirming import confirm
from ses_feedback.endpoint.fetching import fetch
from ses_feedback.endpoint.verifying import Verifier
from ses_feedback.usecases.handling import Entry, Outcome

# Takes one event. What it raises makes SNS send the event again.
Follow = Callable[[Mapping[str, Any]], None]


def open_changes(topics: Iterable[str], follow: Follow) -> Endpoint:
    """Return the endpoint that hands every genuine event of some topics (ARNs) to ``follow``, at least once each.

    Subscriptions of these topics are confirmed by themselves. Raises ``ValueError`` for what is no topic.
    """
    allowed = tuple(topics)
    if not allowed:
        raise ValueError("name the topic of changes: it is the output ChangesTopicArn")
    for topic in allowed:
        reason = pattern_reason(topic)
        if reason is not None:
            raise ValueError(f"{topic!r} {reason}")

    def receive(entry: Entry, _: int) -> Outcome:
        envelope: Any = entry.payload
        follow(json.loads(envelope["Message"]))
        return Outcome()

    return Endpoint(Verifier(TopicList(allowed), Certificates(fetch, public_roots())), receive, confirm)
