"""SES: the notification settings of identities, with the rules an account has and the emulator lacks.

An identity must exist and be verified to be wired; a topic must let SES publish; forwarding can only be off while both
topics are set; SES announces itself on a topic it is pointed at, and drops it after a publish that failed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ministack.services import ses, sns

from local import simulator
from local.gaps import policies, ses_identities
from local.gaps import ses_answers as say
from local.gaps.ses_answers import Answer

Parameters = Mapping[str, Any]
_SUBJECT: Final = "Amazon SES Email Event Notification"


def publish(topic: str, identity: str, payload: Mapping[str, Any]) -> None:
    """Publish to a topic; after a failure SES drops it silently, which only a drift check will notice.

    Where it was a bounce or complaint topic, SES sends feedback by e-mail again (*Configuring Amazon SNS
    notifications*).
    """
    if policies.may_publish(topic, service="ses.amazonaws.com", source_arn=ses_identities.arn(identity)):
        sns.publish_internal(topic, json.dumps(payload), _SUBJECT)
        return
    known = ses._identities.get(identity) or {"NotificationTopics": {}}
    for kind, configured in known["NotificationTopics"].items():
        if configured == topic:
            known["NotificationTopics"][kind] = ""
            if kind != "Delivery":
                known["FeedbackForwardingEnabled"] = True


def _verified(parameters: Parameters) -> dict[str, Any] | Answer:
    name = ses._p(parameters, "Identity")
    known = ses_identities.record(name)
    if known is None or not ses_identities.is_verified(known):
        return say.refused(f"Identity {name} is invalid. Must be a verified email address or domain.")
    return known


def _set_topic(parameters: Parameters) -> Answer:
    known = _verified(parameters)
    if isinstance(known, tuple):
        return known
    name, kind, topic = (ses._p(parameters, key) for key in ("Identity", "NotificationType", "SnsTopic"))
    if kind not in simulator.KINDS:
        return say.refused(f"Invalid notification type: {kind}")
    if not topic and kind != "Delivery" and not known["FeedbackForwardingEnabled"]:
        return say.refused(f"Can't clear the {kind} topic of {name} while feedback forwarding is disabled.")
    if topic:
        if sns._topic_by_arn_any_scope(topic) is None:
            return say.refused(f"Invalid SNS topic <{topic}>.")
        if not policies.may_publish(topic, service="ses.amazonaws.com", source_arn=ses_identities.arn(name)):
            return say.refused(f"Could not publish to SNS topic <{topic}>: SES is not allowed to publish to it.")
    known["NotificationTopics"][kind] = topic
    if topic:
        publish(topic, name, simulator.setup_message(topic, kind, name))
    else:
        known.setdefault("Headers", {})[kind] = False
    return say.xml("SetIdentityNotificationTopic")


def _set_headers(parameters: Parameters) -> Answer:
    known = _verified(parameters)
    if isinstance(known, tuple):
        return known
    kind, enabled = ses._p(parameters, "NotificationType"), ses._p(parameters, "Enabled").lower() == "true"
    if enabled and not known["NotificationTopics"].get(kind):
        return say.refused(f"Headers in {kind} notifications need an SNS topic for {kind} notifications first.")
    known.setdefault("Headers", {})[kind] = enabled
    return say.xml("SetIdentityHeadersInNotificationsEnabled")


def _set_forwarding(parameters: Parameters) -> Answer:
    known = _verified(parameters)
    if isinstance(known, tuple):
        return known
    enabled = ses._p(parameters, "ForwardingEnabled").lower() == "true"
    if not enabled and not all(known["NotificationTopics"].get(kind) for kind in ("Bounce", "Complaint")):
        name = ses._p(parameters, "Identity")
        return say.refused(
            f"{name}: feedback forwarding needs an SNS topic for both Bounce and Complaint to be disabled."
        )
    known["FeedbackForwardingEnabled"] = enabled
    return say.xml("SetIdentityFeedbackForwardingEnabled")


def _get_notifications(parameters: Parameters) -> Answer:
    names = ses_identities.asked(parameters)
    if isinstance(names, tuple):
        return names
    entries = []
    for name in names:
        known = ses._identities.get(name)
        if known is None:
            continue
        topics, headers = known["NotificationTopics"], known.get("Headers", {})
        value = "".join(f"<{kind}Topic>{topics[kind]}</{kind}Topic>" for kind in simulator.KINDS if topics.get(kind))
        value += f"<ForwardingEnabled>{str(known['FeedbackForwardingEnabled']).lower()}</ForwardingEnabled>"
        for kind in simulator.KINDS:
            tag = f"HeadersIn{kind}NotificationsEnabled"
            value += f"<{tag}>{str(headers.get(kind, False)).lower()}</{tag}>"
        entries.append(f"<entry><key>{ses._esc(name)}</key><value>{value}</value></entry>")
    inner = f"<NotificationAttributes>{''.join(entries)}</NotificationAttributes>"
    return say.xml("GetIdentityNotificationAttributes", inner)


ACTIONS: Final[Mapping[str, Callable[[Parameters], Answer]]] = {
    "SetIdentityNotificationTopic": _set_topic,
    "SetIdentityHeadersInNotificationsEnabled": _set_headers,
    "SetIdentityFeedbackForwardingEnabled": _set_forwarding,
    "GetIdentityNotificationAttributes": _get_notifications,
}
