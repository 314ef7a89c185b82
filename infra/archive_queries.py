"""The questions that people ask the archive, saved in Athena: each changes its days and its address, and runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ses_feedback import naming
from ses_feedback.config.model import SNS_PROTOCOL, Config

# Athena's most of a query's text is 262,144 bytes (`Service Quotas`, Athena).
_MOST_BYTES: Final = 250_000

# The last seven days of arrival. `day` is a text and a partition: a query without it reads the whole archive.
_WEEK: Final = "day >= date_format(current_date - interval '7' day, '%Y/%m/%d')"
_MONTH: Final = "day >= date_format(current_date - interval '30' day, '%Y/%m/%d')"
_RATES: Final = """\
       sum(CASE WHEN kind = 'delivery' THEN 1 ELSE 0 END) AS delivered,
       sum(CASE WHEN counts_as_bounce THEN 1 ELSE 0 END) AS bounced,
       sum(CASE WHEN counts_as_complaint THEN 1 ELSE 0 END) AS complained,
       round(100e0 * sum(CASE WHEN counts_as_bounce THEN 1 ELSE 0 END)
         / nullif(sum(CASE WHEN counts_as_bounce OR kind = 'delivery' THEN 1 ELSE 0 END), 0), 3) AS bounce_percent,
       round(100e0 * sum(CASE WHEN counts_as_complaint THEN 1 ELSE 0 END)
         / nullif(sum(CASE WHEN kind = 'delivery' AND coalesce(reports_complaints, true) THEN 1 ELSE 0 END), 0), 3)
         AS complaint_percent"""

_WHY: Final = f"""\
-- Why did this address bounce? Write the address in lower case.
SELECT occurred_at, class, status, diagnostic, identity, stream, message_id
FROM {naming.ARCHIVE_EVENTS}
WHERE {_MONTH}
  AND recipient = 'jane@example.com' AND kind IN ('bounce', 'complaint')
ORDER BY occurred_at DESC
"""

_REFUSED: Final = f"""\
-- Which domains refuse us this week, and what do they say?
SELECT receiver, count(*) AS refused, count(DISTINCT recipient) AS addresses, max(status) AS a_status,
       max(diagnostic) AS they_say
FROM {naming.ARCHIVE_EVENTS}
WHERE {_WEEK}
  AND class = 'blocked' AND NOT coalesce(canary, false)
GROUP BY receiver
ORDER BY refused DESC, receiver
LIMIT 100
"""

_CAMPAIGNS: Final = f"""\
-- Complaints for each campaign: the value of the tag "campaign" that mail was sent with.
SELECT campaign,
{_RATES}
FROM {naming.ARCHIVE_EVENTS}
WHERE {_MONTH}
  AND campaign IS NOT NULL AND NOT coalesce(canary, false)
GROUP BY campaign
ORDER BY complained DESC, delivered DESC, campaign
LIMIT 100
"""

_VOLUME: Final = f"""\
-- Volume and rates of each identity and day.
SELECT identity, substr(occurred_at, 1, 10) AS on_day,
{_RATES}
FROM {naming.ARCHIVE_EVENTS}
WHERE {_MONTH}
  AND NOT coalesce(canary, false)
GROUP BY identity, substr(occurred_at, 1, 10)
ORDER BY identity, on_day DESC
"""

_DECISIONS: Final = f"""\
-- What operators decided, who, why, and what was known when they did.
SELECT "at", action, address, environment, stream, "until", "by", why, known_reason, known_since, known_strikes
FROM {naming.ARCHIVE_DECISIONS}
WHERE {_MONTH}
ORDER BY "at" DESC
"""

_TOLD: Final = """\
-- Who was told of the feedback about this address? Destinations as the file had them at the last deployment.
WITH members (identity, team) AS (VALUES
{members}
), told (team, kind, protocol, endpoint) AS (VALUES
{told}
)
SELECT e.occurred_at, e.kind, e.class, e.identity, told.team, told.protocol, told.endpoint
FROM {events} e
LEFT JOIN members ON members.identity = e.identity
LEFT JOIN told ON told.team = members.team AND told.kind = e.kind
WHERE {month}
  AND e.recipient = 'jane@example.com'
ORDER BY e.occurred_at DESC, told.team, told.endpoint
"""

_TOO_MANY: Final = """\
-- Who was told of the feedback about this address? There are too many identities for their destinations to stand here:
-- `ses-feedback routes IDENTITY` tells them.
SELECT occurred_at, kind, class, identity
FROM {events}
WHERE {month}
  AND recipient = 'jane@example.com'
ORDER BY occurred_at DESC
"""


def saved_queries(config: Config) -> Mapping[str, tuple[str, str]]:
    """Return the saved queries by name: each its description and its SQL."""
    return {
        "why-did-this-address-bounce": ("Every bounce and complaint of one address, with what the receiver said", _WHY),
        "which-domains-refuse-us": ("Receiving domains that block this week's mail", _REFUSED),
        "complaints-per-campaign": ("Complaints of each value of the tag campaign", _CAMPAIGNS),
        "volume-and-rates": ("Deliveries, bounces and complaints of each identity and day", _VOLUME),
        "who-was-told": ("Feedback about one address, and the destinations it went to", _told(config)),
        "decisions": ("Suppressions and releases by operators", _DECISIONS),
    }


def _told(config: Config) -> str:
    members = ",\n".join(_rows(((i.name, i.team) for i in config.identities.values() if i.team is not None), 2))
    told = ",\n".join(
        _rows(
            (
                (team.name, kind, SNS_PROTOCOL[destination.protocol], _shown(destination.endpoint))
                for team in config.teams.values()
                for destination in team.notify
                for kind in destination.on
            ),
            4,
        )
    )
    query = _TOLD.format(members=members, told=told, events=naming.ARCHIVE_EVENTS, month=_MONTH)
    if len(query.encode()) > _MOST_BYTES:
        return _TOO_MANY.format(events=naming.ARCHIVE_EVENTS, month=_MONTH)
    return query


def _rows(rows: Iterator[tuple[str | None, ...]], width: int) -> Iterator[str]:
    """Yield rows of ``VALUES``; one that matches nothing where there are none, as SQL has no empty ``VALUES``."""
    number = 0
    for number, row in enumerate(rows, 1):  # noqa: B007 - counted
        yield "  (" + ", ".join(_text(cell) for cell in row) + ")"
    if not number:
        yield "  (" + ", ".join(["''"] * width) + ")"


def _text(text: str | None) -> str:
    return "'" + (text or "").replace("'", "''") + "'"


def _shown(endpoint: str) -> str:
    """Return an endpoint without the parts of a URL in which people put secrets."""
    scheme, mark, rest = endpoint.partition("?")[0].partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else scheme
