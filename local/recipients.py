"""What recipients do that no simulator address of SES does: wait, open, click, unsubscribe. Pure.

On AWS only people do these things. Here an address under the reserved top-level domain ``.test`` (RFC 6761) says in its
local part what its reader will do: ``anna+opens+clicks@readers.test``, ``anna+unsubscribes@readers.test``,
``anna+delayed@readers.test`` (delivered in the end). Shapes: *Contents of event data that Amazon SES publishes*.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from local import simulator

_IP: Final = "192.0.2.1"
_AGENT: Final = "Mozilla/5.0"
_LINK: Final = "https://www.example.com/"
# SES tries for half a day (*How email sending works*).
_TRIES_FOR: Final = timedelta(hours=12)


def is_reader(address: str) -> bool:
    """Say whether an address tells what its reader does."""
    return address.lower().rstrip(".").endswith(".test")


def feedback(address: str, at: datetime, contact_list: str) -> list[tuple[str, simulator.Notification]]:
    """Return what SES reports about one accepted mail to an address, in order: each kind with its object.

    ``contact_list``: the SES contact list that an unsubscribing reader leaves.
    """
    if not is_reader(address):
        return simulator.feedback(address, at)
    words = set(address.lower().rpartition("@")[0].split("+")[1:])
    told = [("DeliveryDelay", _delayed(address, at))] if "delayed" in words else []
    told += simulator.feedback(address, at)
    seen: dict[str, Any] = {"ipAddress": _IP, "timestamp": simulator.timestamp(at), "userAgent": _AGENT}
    if words & {"opens", "clicks"}:
        told.append(("Open", seen))
    if "clicks" in words:
        told.append(("Click", {**seen, "link": _LINK, "linkTags": None}))
    if "unsubscribes" in words:
        told.append(("Subscription", _unsubscribed(contact_list, at)))
    return told


def _delayed(address: str, at: datetime) -> simulator.Notification:
    code = "smtp; 421 4.4.1 Unable to connect to remote host"
    return {
        "timestamp": simulator.timestamp(at),
        "delayType": "TransientCommunicationFailure",
        "expirationTime": simulator.timestamp(at + _TRIES_FOR),
        "delayedRecipients": [{"emailAddress": address, "status": "4.4.1", "diagnosticCode": code}],
    }


def _unsubscribed(contact_list: str, at: datetime) -> simulator.Notification:
    return {
        "contactList": contact_list,
        "timestamp": simulator.timestamp(at),
        "source": "UnsubscribeHeader",
        "newTopicPreferences": {"unsubscribeAll": True, "topicSubscriptionStatus": []},
        "oldTopicPreferences": {"unsubscribeAll": False, "topicSubscriptionStatus": []},
    }
