"""Who decided, why, and what was known: in the deployed table, its stream, the archive and Athena."""

from __future__ import annotations

from typing import Any

from local.loop import Loop, until
from ses_feedback.domain.archive_columns import DECISION_NAMES

PATIENCE_S = 60
WHERE = ("--environment", "production")


def decided(loop: Loop, who: str) -> list[dict[str, Any]]:
    """Return what the deployment's own archive says of an address's decisions, by Athena."""
    return loop.ask("events", "--decisions", "--recipient", who, "--since", "1d")


def test_a_release_keeps_who_why_and_what_was_known(loop: Loop) -> None:
    """Suppressed, released by name, released again: show has all three, and Athena answers alike."""
    who = "audited@evidence.example.net"
    (first,) = loop.ask("suppress", who, "--why", "asked by phone", *WHERE)
    (lifted,) = loop.ask("release", who, "--why", "ticket 4711", "--by", "Jo Doe", *WHERE)
    assert first["by"].startswith("arn:aws:")
    assert lifted["by"] == f"Jo Doe ({first['by']})"
    assert (lifted["known"]["reason"], lifted["known"]["since"]) == ("operator", first["since"])
    (again,) = loop.ask("release", who, "--why", "once more", *WHERE)
    assert again["known"]["reason"] is None
    (shown,) = loop.ask("show", who, *WHERE)
    expected = [("suppress", "asked by phone"), ("release", "ticket 4711"), ("release", "once more")]
    assert [(e["what"], e["why"]) for e in shown["trail"]] == expected
    assert [e["by"] for e in shown["trail"]] == [first["by"], lifted["by"], first["by"]]
    assert shown["trail"][1]["known"] == lifted["known"]
    until("archiving three decisions", lambda: len(decided(loop, who)) == 3, seconds=PATIENCE_S)
    newest, second, oldest = decided(loop, who)
    assert tuple(second) == DECISION_NAMES
    assert (oldest["action"], second["by"], newest["why"]) == ("suppress", lifted["by"], "once more")
    assert (second["known_reason"], second["known_strikes"]) == ("operator", 0)
