"""What changed in the table becomes lines of the archive: decisions, each once for each change, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from ses_feedback.domain import events as ev
from ses_feedback.domain.archive import known_of
from ses_feedback.domain.archive_columns import DECISION_NAMES
from ses_feedback.domain.history import History, Known, Ruling, Strike, join
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY, format_time, parse_time
from ses_feedback.usecases.announcing import decisions
from ses_feedback.usecases.ports import Stored

NOW = parse_time("2026-11-24T05:00:00.000Z")
STRIKE = History({"k": Strike(ev.HARD_BOUNCE, "default", NOW, NOW, "m1")})


def ruled(at: int = NOW, scope: str = "*", reason: str = ev.OPERATOR, until: int | None = None) -> History:
    return History(rulings={(scope, reason): Ruling(at, until, reason, "asked")})


def released(at: int = NOW, scope: str = "*") -> History:
    return History(releases={scope: Ruling(at, None, ev.OPERATOR, "confirmed")})


def heard(before: History, after: History, address: str = "jane@example.net") -> list[dict[str, Any]]:
    stored = Stored("production", address, after, (), "v1", NOW)
    return [json.loads(line)["decision"] for line in decisions(before, stored, "item-key")]


def test_a_decision_is_told_once() -> None:
    """With everything that made it; a strike that comes later tells nothing."""
    said = heard(History(), ruled(until=NOW + DAY))
    assert said == [
        {
            "environment": "production",
            "address": "jane@example.net",
            "stream": "*",
            "action": "suppress",
            "at": format_time(NOW),
            "until": format_time(NOW + DAY),
            "why": "asked",
            "reason": "operator",
            "by": None,
            **dict.fromkeys(name for name in DECISION_NAMES if name.startswith("known_")),
        }
    ]
    both = join(ruled(), STRIKE, DEFAULT_POLICY)
    assert heard(ruled(), both) == []
    assert heard(History(), STRIKE) == []


def test_releases_newer_decisions_and_other_scopes_are_told() -> None:
    """Each scope and reason by itself."""
    said = heard(ruled(), released(NOW + 1))
    assert [(d["action"], d["stream"], d["until"]) for d in said] == [("release", "*", None)]
    assert [d["at"] for d in heard(ruled(), ruled(NOW + 5))] == [format_time(NOW + 5)]
    two = join(ruled(scope="marketing", reason=ev.IMPORT), ruled(), DEFAULT_POLICY)
    assert [(d["stream"], d["reason"]) for d in heard(ruled(), two)] == [("marketing", "import")]


def test_an_item_without_address_tells_nothing() -> None:
    """It has nobody to speak of."""
    assert heard(History(), ruled(), address="") == []


def test_what_is_decided_about_somebody_erased_is_told_under_the_key() -> None:
    """No address and no text; the erasure itself, which drops texts, tells no decision anew."""
    erased = join(ruled(), History(erased=NOW), DEFAULT_POLICY)
    assert heard(ruled(), erased, address="") == []
    again = join(erased, ruled(NOW + 5, scope="marketing"), DEFAULT_POLICY)
    (said,) = heard(erased, again, address="")
    assert (said["address"], said["erased"], said["stream"]) == ("key:item-key", format_time(NOW), "marketing")
    assert (said["why"], said["by"]) == ("", None)


def test_who_decided_and_what_was_known_are_told() -> None:
    """Flat, as columns of a table, with times as all others; and they are read back as they were."""
    known = Known(2, "hard_bounce", "*", NOW - DAY, None, NOW - 3 * DAY, "takes_mail")
    decided = History(releases={"*": Ruling(NOW, None, ev.OPERATOR, "confirmed", "jo", known)})
    (said,) = heard(STRIKE, decided)
    assert tuple(said) == DECISION_NAMES
    assert (said["by"], said["known_strikes"], said["known_reason"], said["known_mail"]) == (
        *("jo", 2, "hard_bounce", "takes_mail"),
    )
    assert (said["known_since"], said["known_until"]) == (format_time(NOW - DAY), None)
    assert known_of(said) == known
    assert known_of({**said, "known_strikes": None}) is None


def test_a_decision_that_came_second_is_told_all_the_same() -> None:
    """Two operators decide at once: the later one holds, and the other one is in the archive too."""
    late, early = released(NOW + 2), released(NOW + 1)
    assert [d["at"] for d in heard(late, join(late, early, DEFAULT_POLICY))] == [format_time(NOW + 1)]
    assert heard(late, join(late, late, DEFAULT_POLICY)) == []
