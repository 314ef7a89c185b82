"""Every key the file may have, as data: the loader, its messages and the test of the reference read the same tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ses_feedback.config.model import PROTOCOLS


class Key(NamedTuple):
    """One key: its TOML type, its default in the reference's words (``None``: required), an example in TOML."""

    name: str
    type: str
    default: str | None
    example: str


Section = tuple[Key, ...]

FILE: Final[Section] = (
    Key("deployment", "table", "the defaults below", "[deployment]"),
    Key("on_call", "table", None, "[on_call]"),
    Key("teams", "table of tables", "no teams", "[teams.developers]"),
    Key("identities", "table of tables", None, '[identities."example.com"]'),
    Key("policy", "table of arrays", "the defaults below", "[[policy.soft_bounce]]"),
    Key("canary", "table", "the defaults below", "[canary]"),
    Key("archive", "table", "the defaults below", "[archive]"),
    Key("thresholds", "table of tables", "the defaults below", "[thresholds.bounce]"),
    Key("endpoint", "table", "no posts are taken", "[endpoint]"),
    Key("lookup", "table", "the defaults below", "[lookup]"),
    Key("changes", "table", "nobody follows", "[changes]"),
    Key("ses_list", "table", "nothing is kept in step", "[ses_list]"),
)
DEPLOYMENT: Final[Section] = (
    Key("name", "string", '`"ses-feedback"`', '"ses-feedback"'),
    Key("region", "string", '`"us-east-1"`', '"us-east-1"'),
    Key("regions", "array of strings", "`[region]`", '["us-east-1", "eu-west-1"]'),
    Key("alarms", "string", '`"identity"`', '"environment"'),
    Key("overwrite", "boolean", "`false`", "true"),
)
ON_CALL: Final[Section] = (
    Key("page", "array of destinations", None, '[{ email = "oncall@example.com" }]'),
    Key("warn", "array of destinations", "where `page` goes", '[{ email = "deliverability@example.com" }]'),
    Key("runbooks", "string", '`"docs/runbooks"`', '"https://wiki.example.com/docs/runbooks"'),
)
TEAM: Final[Section] = (
    Key("notify", "array of destinations", None, '[{ email = "support@example.com", on = ["bounce", "complaint"] }]'),
)
_ENDPOINTS: Final[Mapping[str, str]] = {
    "http": '"http://hooks.example.com/ses"',
    "https": '"https://hooks.example.com/ses"',
    "email": '"support@example.com"',
    "email_json": '"robot@example.com"',
    "sms": '"+12065550100"',
    "sqs": '"arn:aws:sqs:us-east-1:111122223333:dev-bounces"',
    "lambda": '"arn:aws:lambda:us-east-1:111122223333:function:on-bounce"',
    "firehose": '"arn:aws:firehose:us-east-1:111122223333:deliverystream/feedback"',
    "application": '"arn:aws:sns:us-east-1:111122223333:endpoint/GCM/pager/5e3e9847-3183-3f18-a7e8-671c3a57d4b3"',
}
DESTINATION: Final[Section] = (
    *(Key(name, "string", "one protocol, no more", _ENDPOINTS[name]) for name in PROTOCOLS),
    Key("on", "array of strings", '`["bounce", "complaint"]`', '["bounce", "complaint", "delivery"]'),
    Key("role", "string", "required with `firehose`", '"arn:aws:iam::111122223333:role/sns-to-firehose"'),
    Key("format", "string", '`"text"` for `email`, and for `sms` of on-call, else `"json"`', '"text"'),
    Key("raw", "boolean", "`true` for `firehose`, else `false`", "true"),
    Key("max_per_second", "integer", "no limit", "10"),
    Key("subscribe", "boolean", "`true`", "false"),
)
IDENTITY: Final[Section] = (
    Key("team", "string", "no team", '"developers"'),
    Key("environment", "string", '`"production"`', '"dev"'),
    Key("stream", "string", '`"default"`', '"transactional"'),
    Key("configuration_set", "boolean or table", "`false`", "true"),
    Key("create", "boolean", "`false`", "true"),
    Key("canary", "boolean", "`true` in `production`, else `false`", "false"),
    Key("breaker", "boolean", "`false`", "true"),
    Key("thresholds", "table of tables", "those of the file", '{ bounce = { page = "3%" } }'),
)
CONFIGURATION_SET: Final[Section] = (
    Key("events", "array of strings", "`[]`", '["reject", "delay"]'),
    Key("tls", "string", '`"optional"`', '"require"'),
    Key("suppress", "array of strings", "the account's setting", '["bounce"]'),
)
CANARY: Final[Section] = (
    Key("every", "string", '`"1d"`', '"1d"'),
    Key("within", "string", '`"15m"`', '"15m"'),
)
ENDPOINT: Final[Section] = (
    Key(
        "topics",
        "array of topics",
        None,
        '[{ arn = "arn:aws:sns:eu-west-1:444455556666:ses-*", environment = "production" }]',
    ),
    Key("in_stack", "boolean", "`true`", "false"),
    Key("requests_per_second", "integer", "`50`", "50"),
    Key("at_once", "integer", "`10`", "10"),
)
LISTED_TOPIC: Final[Section] = (
    Key("arn", "string", None, '"arn:aws:sns:eu-west-1:444455556666:ses-*"'),
    Key("identities", "array of strings", "this or `environment`", '["example.com"]'),
    Key("environment", "string", "this or `identities`", '"production"'),
)
SES_LIST: Final[Section] = (
    Key("sync", "boolean", "`false`", "true"),
    Key("environment", "string", '`"production"`', '"production"'),
    Key("complaints", "string", "`default`, or the only stream", '"*"'),
    Key("every", "string", '`"1d"`', '"1d"'),
)
LOOKUP: Final[Section] = (
    Key("enabled", "boolean", "`true`", "false"),
    Key("requests_per_second", "integer", "`100`", "100"),
)
CHANGES: Final[Section] = (
    Key("notify", "array of destinations", None, '[{ https = "https://crm.example.com/hooks/suppressions" }]'),
)
# What programs follow changes through.
FOLLOWING: Final = ("http", "https", "email_json", "sqs", "lambda", "firehose")
FOLLOWER: Final[Section] = (
    *(key for key in DESTINATION if key.name in FOLLOWING),
    Key("types", "array of strings", "all of them", '["suppressed", "released"]'),
    Key("environments", "array of strings", "all of them", '["production"]'),
    Key("streams", "array of strings", "all of them", '["marketing"]'),
    *(key for key in DESTINATION if key.name in ("role", "raw", "max_per_second", "subscribe")),
)
ARCHIVE: Final[Section] = (
    Key("keep", "string", '`"forever"`', '"1000d"'),
    Key("cold_after", "string", '`"90d"`', '"90d"'),
)
THRESHOLDS: Final[Section] = (
    Key("bounce", "table", "the defaults below", '{ page = "3%" }'),
    Key("complaint", "table", "the defaults below", '{ page = "0.07%" }'),
)
BOUNCE_THRESHOLDS: Final[Section] = (
    Key("warn", "string", '`"2.5%"`', '"2.5%"'),
    Key("page", "string", '`"4%"`', '"4%"'),
    Key("fast_window", "string", '`"90m"`', '"90m"'),
    Key("fast_floor", "integer", "`50`", "50"),
    Key("slow_window", "string", '`"1d"`', '"1d"'),
    Key("slow_floor", "integer", "`30`", "30"),
)
COMPLAINT_THRESHOLDS: Final[Section] = (
    Key("warn", "string", '`"0.05%"`', '"0.05%"'),
    Key("page", "string", '`"0.08%"`', '"0.08%"'),
    Key("fast_window", "string", '`"6h"`', '"6h"'),
    Key("fast_floor", "integer", "`20`", "20"),
    Key("slow_window", "string", '`"3d"`', '"3d"'),
    Key("slow_floor", "integer", "`15`", "15"),
)
TIER: Final[Section] = (
    Key("count", "integer", None, "5"),
    Key("within", "string", "required where strikes add up to an end", '"14d"'),
    Key("suppress_for", "string", None, '"30d"'),
    Key("scope", "string", "the class's default scope", '"environment"'),
)
# By the heading each has in docs/configuration.md.
SECTIONS: Final[Mapping[str, Section]] = {
    "The file": FILE,
    "[deployment]": DEPLOYMENT,
    "[on_call]": ON_CALL,
    "[teams.NAME]": TEAM,
    "Destinations": DESTINATION,
    '[identities."NAME"]': IDENTITY,
    "configuration_set": CONFIGURATION_SET,
    "[canary]": CANARY,
    "[archive]": ARCHIVE,
    "[thresholds]": THRESHOLDS,
    "[thresholds.bounce]": BOUNCE_THRESHOLDS,
    "[thresholds.complaint]": COMPLAINT_THRESHOLDS,
    "[endpoint]": ENDPOINT,
    "Topics of the endpoint": LISTED_TOPIC,
    "[lookup]": LOOKUP,
    "[changes]": CHANGES,
    "Destinations of changes": FOLLOWER,
    "[ses_list]": SES_LIST,
    "[[policy.CLASS]]": TIER,
}


def names(section: Section) -> tuple[str, ...]:
    """Return the names of a section's keys."""
    return tuple(key.name for key in section)
