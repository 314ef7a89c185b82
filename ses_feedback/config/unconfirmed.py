"""URLs of services that never confirm a subscription: SNS would deliver nothing there, and nobody would hear of it.

SNS delivers to a URL once something behind it has followed the link in SNS's first message (SNS developer guide,
`Confirming an Amazon SNS topic subscription`). The webhook of a chat takes messages in a form of its own and refuses
that one; so do the APIs of pagers, which have other URLs for SNS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

Listener = Literal["on_call", "team", "changes"]


@dataclass(frozen=True, slots=True)
class _Service:
    """``hosts``: of which a leading dot stands for any subdomain; empty: any. ``path``: what paths begin with.

    ``instead``: the URL by which the service does take what SNS delivers.
    """

    name: str
    hosts: tuple[str, ...]
    path: str = "/"
    instead: str | None = None

    def has(self, host: str, path: str) -> bool:
        known = not self.hosts or any(host == h or (h.startswith(".") and host.endswith(h)) for h in self.hosts)
        return known and re.match(self.path, path) is not None


# Identifiers of Mattermost are 26 letters of this alphabet, whatever the host.
_MATTERMOST: Final = r"(/[^/]+)*/hooks/[ybndrfg8ejkmcpqxot1uwisza345h769]{26}/?$"
_SERVICES: Final[Sequence[_Service]] = (
    _Service("Slack", ("hooks.slack.com", "hooks.slack-gov.com")),
    _Service("Slack", ("slack.com", "slack-gov.com"), "/api/"),
    _Service("Microsoft Teams", (".webhook.office.com",)),
    _Service("Microsoft Teams", ("outlook.office.com", "outlook.office365.com"), "/webhook"),
    _Service("Microsoft Teams (a flow)", (".logic.azure.com", ".logic.azure.us", ".powerplatform.com")),
    _Service(
        "Discord", ("discord.com", ".discord.com", "discordapp.com", ".discordapp.com"), r"/api/(v\d+/)?webhooks/"
    ),
    _Service("Google Chat", ("chat.googleapis.com",)),
    _Service("Webex", ("webexapis.com", "api.ciscospark.com"), "/v1/webhooks/incoming/"),
    _Service("Telegram", ("api.telegram.org",)),
    _Service("Lark", ("open.larksuite.com", "open.feishu.cn"), "/open-apis/bot/"),
    _Service("DingTalk", ("oapi.dingtalk.com",), "/robot/"),
    _Service("WeCom", ("qyapi.weixin.qq.com",), "/cgi-bin/webhook/"),
    _Service("Mattermost", (), _MATTERMOST),
    _Service(
        "PagerDuty's Events API",
        ("events.pagerduty.com", "events.eu.pagerduty.com"),
        "/(v2|generic)/",
        "that of its integration for Amazon CloudWatch, https://events.pagerduty.com/integration/KEY/enqueue",
    ),
    _Service(
        "Opsgenie's alert API",
        ("api.opsgenie.com", "api.eu.opsgenie.com"),
        "/v2/",
        "that of its integration for Amazon SNS, https://api.opsgenie.com/v1/json/amazonsns?apiKey=KEY",
    ),
    _Service(
        "Jira Service Management's alert API",
        ("api.atlassian.com",),
        "/jsm/ops/integration/v2/",
        "that of its integration for Amazon SNS, which its settings show",
    ),
    _Service(
        "Splunk On-Call's REST integration",
        ("alert.victorops.com",),
        "/integrations/generic/",
        "that of its integration for AWS CloudWatch, which its settings show",
    ),
    _Service(
        "incident.io's HTTP source",
        ("api.incident.io",),
        "/v2/alert_events/http/",
        "that of an alert source for Amazon CloudWatch, which its settings show",
    ),
)
_FUNCTION: Final = "a function of yours that posts there, as { lambda = … }"
_CHATS: Final[dict[Listener, str]] = {
    "on_call": "the channel's own e-mail address, as { email = … }, Amazon Q Developer in chat applications, which you "
    f"subscribe to the on-call topic yourself, or {_FUNCTION}",
    "team": f"the channel's own e-mail address, as {{ email = … }}, or {_FUNCTION}",
    "changes": _FUNCTION,
}


def reason(protocol: str, endpoint: str, listener: Listener) -> str | None:
    """Return why nothing SNS delivers arrives at an endpoint, and what would work; ``None``: it may.

    The URL is not shown: whoever knows that of a chat can write there.
    """
    if protocol not in ("http", "https"):
        return None
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    service = next((service for service in _SERVICES if service.has(host, parts.path)), None)
    if service is None:
        return None
    right = f"another URL, {service.instead}, or {_FUNCTION}" if service.instead else _CHATS[listener]
    return (
        f"{host} is {service.name}, which never confirms a subscription: SNS would deliver nothing there; "
        f"right is {right}"
    )
