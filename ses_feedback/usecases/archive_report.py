"""The report: what feedback came to, in one query: by day, identity, receiving domain, campaign, and what was said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ses_feedback.usecases.archive import Filter, Question, Value

TOTAL: Final = "total"
BY_DAY: Final = "day"
BY_IDENTITY: Final = "identity"
BY_RECEIVER: Final = "receiver"
BY_CAMPAIGN: Final = "campaign"
BY_CLASS: Final = "class"
GROUPS: Final = (TOTAL, BY_DAY, BY_IDENTITY, BY_RECEIVER, BY_CAMPAIGN, BY_CLASS)

# At these rates AWS puts an account under review (SES developer guide, "Sending review process FAQs").

_MEASURES: Final = {
    "delivered": "\"kind\" = 'delivery'",
    "reporting": "\"kind\" = 'delivery' AND coalesce(reports_complaints, true)",
    "bounced": "counts_as_bounce",
    "complained": "counts_as_complaint",
    "soft_bounced": "\"class\" = 'soft_bounce'",
    "blocked": "\"class\" = 'blocked'",
    "suppressed": "\"class\" = 'already_suppressed'",
    "events": "1 = 1",
}


class Line(NamedTuple):
    """What feedback of one day, identity, receiver, campaign or class comes to. ``name`` is empty for the total.

    ``reporting`` counts the deliveries to receivers that report complaints; ``suppressed`` what SES itself refused to
    send.
    """

    name: str
    delivered: int
    reporting: int
    bounced: int
    complained: int
    soft_bounced: int
    blocked: int
    suppressed: int
    events: int

    @property
    def bounce_rate(self) -> float | None:
        """Bounces of what was delivered or bounced, as AWS counts; ``None`` of nothing."""
        tried = self.delivered + self.bounced
        return self.bounced / tried if tried else None

    @property
    def complaint_rate(self) -> float | None:
        """Complaints of what was delivered where complaints are reported; ``None`` of nothing."""
        return self.complained / self.reporting if self.reporting else None

    def record(self, group: str) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "by": group,
            "name": self.name or None,
            **{measure: getattr(self, measure) for measure in _MEASURES},
            "bounce_rate": self.bounce_rate,
            "complaint_rate": self.complaint_rate,
        }


NOTHING: Final = Line("", 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Report:
    """A report on ``filter``: lines by group; days in order, everything else the worst first."""

    filter: Filter
    groups: dict[str, list[Line]] = field(default_factory=dict)

    @property
    def total(self) -> Line:
        """Everything."""
        return next(iter(self.groups.get(TOTAL, ())), NOTHING)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield every line as JSON."""
        for group in GROUPS:
            for line in self.groups.get(group, ()):
                yield line.record(group)


def question(where: Filter, top: int) -> Question:
    """Return the question whose answer is a report, with the ``top`` worst and the ``top`` largest of each group."""
    # An absent value becomes the empty text: then only what a grouping leaves out is null.
    found = (
        'SELECT *, substr("occurred_at", 1, 10) AS on_day, coalesce("identity", \'\') AS g_identity, '
        "coalesce(\"receiver\", '') AS g_receiver, coalesce(\"campaign\", '') AS g_campaign, "
        "concat(\"class\", concat(' ', coalesce(\"status\", ''))) AS g_class FROM found"
    )
    keys = {
        BY_DAY: "on_day",
        BY_IDENTITY: "g_identity",
        BY_RECEIVER: "g_receiver",
        BY_CAMPAIGN: "g_campaign",
        BY_CLASS: "g_class",
    }
    sets = ", ".join(["()", *(f"({key})" for key in keys.values())])
    group = "CASE " + " ".join(f"WHEN {k} IS NOT NULL THEN '{g}'" for g, k in keys.items()) + f" ELSE '{TOTAL}' END"
    name = f"coalesce({', '.join([*keys.values(), chr(39) * 2])})"
    sums = ", ".join(f"sum(CASE WHEN {when} THEN 1 ELSE 0 END) AS n_{m}" for m, when in _MEASURES.items())
    bad = "n_bounced + n_complained + n_blocked + n_soft_bounced"
    ranks = (
        f"row_number() OVER (PARTITION BY in_group ORDER BY {bad} DESC, n_events DESC, in_name) AS worst, "
        "row_number() OVER (PARTITION BY in_group ORDER BY n_events DESC, in_name) AS largest"
    )
    measures = ", ".join(f"n_{measure}" for measure in _MEASURES)
    return Question(
        where,
        f"SELECT in_group, in_name, {measures} FROM (SELECT *, {ranks} FROM ("
        f"SELECT {group} AS in_group, {name} AS in_name, {sums} FROM ({found}) AS keyed GROUP BY GROUPING SETS ({sets})"
        f") AS summed) AS ranked WHERE in_group IN ('{TOTAL}', '{BY_DAY}') OR worst <= {top} OR largest <= {top} "
        f"ORDER BY in_group, worst",
        ("in_group", "in_name", *(f"n_{measure}" for measure in _MEASURES)),
    )


def report_of(where: Filter, rows: Iterable[Sequence[Value]]) -> Report:
    """Return the report that the answer to ``question`` makes."""
    groups: dict[str, list[Line]] = {}
    for group, name, *counts in rows:
        line = Line(str(name or "").strip(), *(int(count or 0) for count in counts))
        if line.name or group == TOTAL:  # mail without a campaign is no campaign
            groups.setdefault(str(group), []).append(line)
    for group, lines in groups.items():
        if group == BY_DAY:
            lines.sort(key=lambda line: line.name)
    return Report(where, groups)
