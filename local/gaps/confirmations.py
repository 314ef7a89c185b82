"""SNS: subscriptions that their endpoint has to confirm, and how they are listed until it has.

The emulator asks HTTP endpoints only after Subscribe, not after CloudFormation, and lists what is pending as if it
were not. Only endpoints on this machine are asked. E-mail goes nowhere here, so its owner has confirmed at once, but
for addresses under ``.invalid``, where nobody can be.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from ministack.core.responses import get_account_id, new_uuid
from ministack.services import sns
from ministack.services.cloudformation import provisioners

_PAGE: Final = 100
_PENDING: Final = "PendingConfirmation"
Subscription = dict[str, Any]


def install() -> None:
    """Ask who can be asked, and tell what is pending."""
    confirm = sns._send_subscription_confirmation

    async def confirm_local(topic_arn: str, subscription: Subscription) -> None:
        subscription["token"] = (subscription.get("token") or "").replace("-", "")  # SNS's are letters and digits alone
        if is_local(subscription.get("endpoint", "")):
            await confirm(topic_arn, subscription)

    sns._send_subscription_confirmation = confirm_local
    sns._list_subscriptions_by_topic = _list_by_topic
    sns._list_subscriptions = _list_all
    _complete_subscriptions_of_templates()


def is_local(endpoint: str) -> bool:
    """Say whether an URL points at this machine by a literal loopback address or ``localhost``."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _must_be_confirmed(protocol: str, endpoint: str) -> bool:
    if protocol in ("http", "https"):
        return True
    return protocol in ("email", "email-json") and endpoint.lower().endswith(".invalid")


def _complete_subscriptions_of_templates() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    create = handler["create"]

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        topic_arn = properties.get("TopicArn", "")
        if topic_arn not in sns._topics:
            raise ValueError(f"Invalid parameter: TopicArn {properties.get('TopicArn')} does not exist")
        physical_id, attributes = create(logical_id, properties, stack)
        subscription = sns._find_subscription(topic_arn, physical_id)
        if subscription:
            _complete(subscription)
        return physical_id, attributes

    handler["create"] = created


def _complete(subscription: Subscription) -> None:
    """Give a template's subscription the attributes that one of the API has, and ask its endpoint."""
    protocol, endpoint = subscription["protocol"], subscription["endpoint"]
    pending = _must_be_confirmed(protocol, endpoint)
    subscription["confirmed"] = not pending
    subscription["attributes"] |= {
        "SubscriptionArn": subscription["arn"],
        "TopicArn": subscription["topic_arn"],
        "Protocol": protocol,
        "Endpoint": endpoint,
        "Owner": get_account_id(),
        "ConfirmationWasAuthenticated": str(not pending).lower(),
        _PENDING: str(pending).lower(),
    }
    if pending and protocol in ("http", "https"):
        subscription["token"] = new_uuid()
        ask = sns._send_subscription_confirmation
        threading.Thread(
            target=lambda: asyncio.run(ask(subscription["topic_arn"], subscription)),
            name="local-confirmation",
            daemon=True,
        ).start()


def _list_by_topic(parameters: Any) -> Any:
    topic, problem = sns._get_topic(sns._p(parameters, "TopicArn"), "sns:ListSubscriptionsByTopic")
    return problem or _page("ListSubscriptionsByTopic", topic["subscriptions"], parameters)


def _list_all(parameters: Any) -> Any:
    found = (s for topic in list(sns._topics.values()) for s in topic["subscriptions"])
    return _page("ListSubscriptions", found, parameters)


def _page(action: str, subscriptions: Iterable[Subscription], parameters: Any) -> Any:
    """Answer with up to a hundred subscriptions; one that is not confirmed has no ARN to show yet."""
    found = list(subscriptions)
    token = sns._p(parameters, "NextToken")
    start = int(token) if token.isdecimal() else 0
    members = "".join(
        "<member>"
        f"<SubscriptionArn>{s['arn'] if s.get('confirmed') else _PENDING}</SubscriptionArn>"
        f"<Owner>{s.get('owner', get_account_id())}</Owner>"
        f"<TopicArn>{s['topic_arn']}</TopicArn>"
        f"<Protocol>{s['protocol']}</Protocol>"
        f"<Endpoint>{sns._xml_escape(s['endpoint'])}</Endpoint>"
        "</member>"
        for s in found[start : start + _PAGE]
    )
    more = f"<NextToken>{start + _PAGE}</NextToken>" if start + _PAGE < len(found) else ""
    inner = f"<{action}Result><Subscriptions>{members}</Subscriptions>{more}</{action}Result>"
    return sns._xml(200, f"{action}Response", inner)
