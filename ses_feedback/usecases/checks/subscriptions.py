"""Subscriptions against the file: everybody who acts, counts or is told is subscribed, and has confirmed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ses_feedback import naming
from ses_feedback.config.delivery import delivery_policy
from ses_feedback.usecases.checks.expected import ARCHIVING, COUNTING, EXPLAINING, RECORDING, Expected, Feed, Subscriber
from ses_feedback.usecases.checks.finding import Finding
from ses_feedback.usecases.checks.live import Home, Subscription

# Where what a subscription does not take goes, by whose it is.
_DEAD_LETTERS: Final = {
    RECORDING: naming.retry_queue_name,
    COUNTING: naming.tally_dead_letter_queue_name,
    ARCHIVING: naming.archive_dead_letter_queue_name,
}
_DEPLOY: Final = "npx cdk deploy --all"
_ANEW: Final = "take it out of the file, deploy, put it back and deploy again: CloudFormation makes it anew"
_MAIL: Final = ("email", "email-json")


def check_feed(
    expected: Expected, path: str, feed: Feed, live: Sequence[Subscription] | None, *, private: bool = False
) -> Iterator[Finding]:
    """Yield what is wrong with a topic and its subscriptions.

    ``path``: where the file speaks of the topic; ``live`` is ``None`` where there is no such topic. With ``private``,
    ``what`` is fit for a log: it names protocols and teams, and nobody's address.
    """
    name = feed.topic.rpartition(":")[2]
    if live is None:
        yield Finding(
            "topic",
            path,
            f"there is no topic {name}: it was deleted",
            f"SES drops a topic it cannot publish to, and nobody hears of this any more; {_ANEW}",
            _DEPLOY,
        )
        return
    found = {_key(s.protocol, s.endpoint): s.confirmed for s in live}
    for subscriber in feed.subscribers:
        confirmed = found.get(_key(subscriber.protocol, subscriber.endpoint))
        named = f"its {subscriber.protocol}" if private else f"{subscriber.protocol} {subscriber.endpoint}"
        if confirmed is None:
            yield _deleted(expected, feed, subscriber, named)
        elif not confirmed:
            yield Finding(
                "subscription",
                subscriber.path,
                f"{subscriber.whose}: {named} has not confirmed its subscription to {name}",
                f"it is not told of {feed.kind}; "
                + (
                    "open the link in the mail that AWS sent, or have it sent again"
                    if subscriber.protocol in _MAIL
                    else "it must visit the SubscribeURL it was sent; have it sent again"
                ),
                _subscribe(expected.home, feed, subscriber),
            )


def _deleted(expected: Expected, feed: Feed, subscriber: Subscriber, named: str) -> Finding:
    name = feed.topic.rpartition(":")[2]
    what, mend = f"{named} was deleted or never made", "make it anew"
    if subscriber.by_hand:
        what, mend = f"the file leaves it to you to subscribe {named}", "subscribe it once it answers"
    return Finding(
        "subscription",
        subscriber.path,
        f"{subscriber.whose} is not subscribed to {name}: {what}",
        _why_deleted(subscriber.whose, feed.kind) + mend,
        _subscribe(expected.home, feed, subscriber, attributes(expected, subscriber)),
    )


def attributes(expected: Expected, subscriber: Subscriber) -> dict[str, str]:
    """Return the attributes of a subscription as SNS takes them: those that the template gives it."""
    queue = _DEAD_LETTERS.get(subscriber.whose, naming.team_dead_letter_queue_name)(expected.deployment)
    found = {"RedrivePolicy": _json({"deadLetterTargetArn": expected.home.arn("sqs", queue)})}
    policy = delivery_policy(subscriber.protocol, subscriber.max_per_second)
    if policy is not None:
        found["DeliveryPolicy"] = _json(policy)
    if subscriber.raw:
        found["RawMessageDelivery"] = "true"
    if subscriber.role is not None:
        found["SubscriptionRoleArn"] = subscriber.role
    if subscriber.recipient is not None:
        found["FilterPolicy"] = _json({naming.ATTRIBUTE_RECIPIENT: [subscriber.recipient]})
    if subscriber.only:
        found["FilterPolicy"] = _json(dict(subscriber.only))
    return found


def _key(protocol: str, endpoint: str) -> tuple[str, str]:
    # SNS shows an address as it was subscribed, and compares it as mail does.
    return protocol, endpoint.lower() if protocol in _MAIL else endpoint


def _why_deleted(whose: str, kind: str) -> str:
    if whose == RECORDING:
        return f"nothing of this identity's {kind} feedback is recorded, and nobody is suppressed by it; "
    if whose == COUNTING:
        return f"nothing of this identity's {kind} feedback is counted; "
    if whose == ARCHIVING:
        return f"nothing of this identity's {kind} feedback is archived; "
    if whose == EXPLAINING:
        return f"nobody on call who reads text hears of a {kind}; "
    return f"it is not told of {kind}; take it out of the file if it is not to be, or "


def _subscribe(home: Home, feed: Feed, subscriber: Subscriber, given: Mapping[str, str] | None = None) -> str:
    command = (
        f"aws sns subscribe --region {home.region} --topic-arn {feed.topic} --protocol {subscriber.protocol}"
        f" --notification-endpoint {shlex.quote(subscriber.endpoint)}"
    )
    return command if given is None else f"{command} --attributes {shlex.quote(_json(given))}"


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
