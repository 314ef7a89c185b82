"""A URL where nothing would confirm SNS's subscription is refused: whoever is named there would never be told."""

import pytest

from tests.unit.config.files import config, problems

# As their own documents write them, with invented secrets, and in other spellings of the same host.
CHATS = {
    "Slack": (
        "hooks.slack.com/services/T024BE7LD/B0CPSKQ8R/9Ozb8Gh0Wp1HUXr9",
        "HOOKS.Slack.com:443/workflows/T024BE7LD/A0CPSKQ8R/3/x",
        "hooks.slack.com/triggers/T1/2/3",
        "slack.com/api/chat.postMessage",
    ),
    "Microsoft Teams": (
        "contoso.webhook.office.com/webhookb2/9c3c@1f1f/IncomingWebhook/1d2c/0b0b",
        "outlook.office.com/webhook/9c3c/IncomingWebhook/1d2c",
        "prod-12.westeurope.logic.azure.com:443/workflows/9c3c/triggers/manual/paths/invoke?api-version=2016-06-01",
        "default1.23.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/9c/triggers/m",
    ),
    "Discord": (
        "discord.com/api/webhooks/1/abc",
        "ptb.discord.com/api/v10/webhooks/1/a/slack",
        "discordapp.com/api/webhooks/1/a",
    ),
    "Google Chat": ("chat.googleapis.com/v1/spaces/AAAA/messages?key=k&token=t",),
    "Webex": ("webexapis.com/v1/webhooks/incoming/Y2lzY29",),
    "Telegram": ("api.telegram.org/bot123:abc/sendMessage",),
    "Lark": ("open.larksuite.com/open-apis/bot/v2/hook/1",),
    "DingTalk": ("oapi.dingtalk.com/robot/send?access_token=1",),
    "WeCom": ("qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1",),
    "Mattermost": (
        "chat.example.com/hooks/xen8hq5ky3ramybfgoqns6udtc",
        "example.com/mattermost/hooks/t1ah5r4f8bgmikcwyz1oenqsux",
    ),
}
PAGERS = {
    "PagerDuty": ("events.pagerduty.com/v2/enqueue", "events.eu.pagerduty.com/v2/change/enqueue"),
    "Opsgenie": ("api.eu.opsgenie.com/v2/alerts",),
    "Jira Service Management": ("api.atlassian.com/jsm/ops/integration/v2/alerts",),
    "Splunk On-Call": ("alert.victorops.com/integrations/generic/20131114/alert/key/team",),
    "incident.io": ("api.incident.io/v2/alert_events/http/01GW",),
}
# What confirms, and what only looks like a chat.
RIGHT = (
    "events.pagerduty.com/integration/0123456789abcdef0123456789abcdef/enqueue",
    "events.eu.pagerduty.com/integration/0123456789abcdef0123456789abcdef/enqueue",
    "api.opsgenie.com/v1/json/amazonsns?apiKey=1",
    "api.eu.opsgenie.com/v1/json/cloudwatch?apiKey=1",
    "api.atlassian.com/jsm/ops/integration/v1/json/amazonsns?apiKey=1",
    "alert.victorops.com/integrations/cloudwatch/20131130/alert/key/team",
    "hooks.example.com/slack",
    "hooks.slack.com.example.com/services/T1/B2/x",
    "myhooks.slack.com.evil.example/x",
    "discord.com.example.com/api/webhooks/1/a",
    "notlogic.azure.com/x",
    "example.com/hooks/ses",
    "example.com/hooks/a-name-of-26-letters-and-on",
    "api.atlassian.com/other",
)
LISTS = {
    "on_call.page[0]": '[on_call]\npage = [{{ {key} = "{url}" }}]',
    "on_call.warn[0]": '[on_call]\npage = [{{ email = "a@example.com" }}]\nwarn = [{{ {key} = "{url}" }}]',
    "teams.x.notify[0]": '[teams.x]\nnotify = [{{ {key} = "{url}", on = ["complaint"], raw = true }}]',
    "changes.notify[0]": '[changes]\nnotify = [{{ {key} = "{url}" }}]',
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("name", "url"), [(n, u) for n, urls in (CHATS | PAGERS).items() for u in urls])
def test_a_url_that_never_confirms_is_an_error(name: str, url: str, path: str, scheme: str) -> None:
    """One line: where, whose it is, why not, and what works there; the URL itself, which is a secret, is not shown."""
    (line,) = problems(LISTS[path].format(key=scheme, url=f"{scheme}://{url}"))
    host = url.partition("/")[0].partition(":")[0].lower()
    assert line.startswith(f"{path}.{scheme}: {host} is {name}")
    assert "which never confirms a subscription" in line
    assert "right is" in line
    assert "{ lambda = … }" in line
    assert url.partition("/")[2] not in line
    assert ("{ email = … }" in line) == (name in CHATS and not path.startswith("changes"))
    assert ("Amazon Q Developer" in line) == (name in CHATS and path.startswith("on_call"))
    assert ("another URL" in line) == (name in PAGERS)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("url", RIGHT)
def test_what_may_confirm_is_taken(url: str, path: str) -> None:
    """The URLs that pagers have for SNS, and any other host."""
    assert config(LISTS[path].format(key="https", url=f"https://{url}"))


def test_what_is_wrong_with_the_url_itself_comes_first() -> None:
    """A URL that cannot be one is told so; one line for one value."""
    (line,) = problems('[on_call]\npage = [{ https = "http://hooks.slack.com/services/x" }]')
    assert "is http, not https" in line
