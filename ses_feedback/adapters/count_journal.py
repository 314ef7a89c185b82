"""The log group of the function that counts, searched for documents with bad events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ses_feedback.adapters.faults import aws_errors

# A page is as much as CloudWatch Logs reads in one go, empty or not; so many of them are read of one slice at most.
_PAGES: Final = 50
_ON_A_PAGE: Final = 10_000  # the most of FilterLogEvents


class CountJournal:
    """Implements ``Journal``. ``client`` is a botocore client of ``logs``, ``group`` the name of a log group.

    Needs ``logs:FilterLogEvents``. ``now`` returns ms since 1970.
    """

    def __init__(self, client: Any, group: str, now: Callable[[], int]) -> None:
        self._client = client
        self._group = group
        self._now = now

    def documents(
        self, dimensions: Mapping[str, str], metric: str, start: int, end: int, until: int
    ) -> Sequence[Mapping[str, object]] | None:
        """See ``Journal``."""
        found: list[Mapping[str, object]] = []
        more: dict[str, Any] = {}
        for _ in range(_PAGES):
            with aws_errors("reading the log of counting"):
                page = self._client.filter_log_events(
                    logGroupName=self._group,
                    startTime=start,
                    endTime=end - 1,  # the end is included
                    filterPattern=pattern(dimensions, metric),
                    limit=_ON_A_PAGE,
                    **more,
                )
            found += [document for event in page.get("events", ()) if (document := _document(event["message"]))]
            token = page.get("nextToken")
            if not token:
                return found
            if self._now() > until:
                return None
            more = {"nextToken": token}
        return None


def pattern(dimensions: Mapping[str, str], metric: str) -> str:
    """Return the pattern of documents with a metric above 0 (CloudWatch Logs user guide, `Filter pattern syntax`)."""
    terms = [f"($.{name} = {json.dumps(value)})" for name, value in dimensions.items()]
    return "{ " + " && ".join([*terms, f"($.{metric} > 0)"]) + " }"


def _document(line: str) -> Mapping[str, object] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
