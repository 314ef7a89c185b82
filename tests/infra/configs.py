"""Configurations the infrastructure is tested with."""

from __future__ import annotations

import tomllib
from typing import Any

from ses_feedback.config import Config, parse

SMALL = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
"""

# Every protocol and kind, both severities, a configuration set, an address, and two names that would collide.
FULL = """
[deployment]
name = "ses-feedback"
region = "eu-west-1"
[on_call]
page = [
    { email = "oncall@example.com" }, { https = "https://pager.example.com/v1/sns" },
    { sqs = "arn:aws:sqs:eu-west-1:111122223333:pages" },
]
warn = [{ email_json = "deliverability@example.com" }, { sms = "+12065550100" }]
[ses_list]
sync = true
complaints = "marketing"
[endpoint]
topics = [{ arn = "arn:aws:sns:us-east-1:444455556666:ses-bounces", environment = "production" }]
[teams.customer-service]
notify = [
    { http = "http://crm.example.com/hooks/ses" },
    { https = "https://crm.example.com/hooks/ses", on = ["complaint"], raw = true, max_per_second = 5 },
    { email = "support@example.com" },
    { email = "archive@example.com", format = "json" },
    { email_json = "support@example.com", on = ["bounce", "complaint", "delivery"] },
    { sms = "+12065550101", on = ["complaint"] },
    { sqs = "arn:aws:sqs:eu-west-1:111122223333:support-bounces" },
    { lambda = "arn:aws:lambda:eu-west-1:111122223333:function:on-bounce" },
  { firehose = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/f", role = "arn:aws:iam::111122223333:role/s" },
    { application = "arn:aws:sns:eu-west-1:111122223333:endpoint/GCM/app/0a1b2c3d-0000-4000-8000-000000000000" },
]
[teams.developers]
notify = [
    { sqs = "arn:aws:sqs:eu-west-1:111122223333:dev-bounces", on = ["delivery", "open", "subscription"], raw = true },
    { email = "developers@example.com", on = ["reject", "complaint"] },
    { sms = "+12065550102", on = ["complaint", "send"], format = "text" },
]
[identities."example.com"]
team = "customer-service"
stream = "transactional"
[identities."news@example.com"]
team = "developers"
stream = "marketing"
breaker = true
configuration_set = { tls = "require", suppress = ["bounce"], events = [
    "send", "reject", "delay", "rendering_failure", "open", "click", "subscription",
] }
[identities."dev@example.com"]
environment = "dev"
[identities."dev.example.com"]
environment = "dev"
"""


def small(**deployment: Any) -> Config:
    values = tomllib.loads(SMALL)
    return parse(values | {"deployment": deployment})


def full() -> Config:
    return parse(tomllib.loads(FULL))


def many(number: int, **deployment: Any) -> Config:
    values = tomllib.loads(SMALL)
    values["deployment"] = deployment
    values["teams"] = {"all": {"notify": [{"email": "team@example.com"}]}}
    values["identities"] = {
        f"d{i:04d}.example.com": {"team": "all", "environment": ("production", "staging")[i % 2]} for i in range(number)
    }
    return parse(values)
