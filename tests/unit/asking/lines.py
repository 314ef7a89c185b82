"""Archives to ask: folders as Firehose makes them, of lines as the archive's function writes them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ses_feedback.domain.times import HOUR, format_time, parse_time
from ses_feedback.usecases.archive import hour_of

NOW = parse_time("2026-11-24T05:00:00.000Z")
_CLASSES = {"delivery": "delivery", "complaint": "complaint", "delay": "delay"}


def event(recipient: str, *, at: int = NOW - HOUR, kind: str = "bounce", **more: Any) -> dict[str, Any]:
    """One recipient of a notification."""
    class_ = more.pop("class_", _CLASSES.get(kind, "hard_bounce"))
    return {
        "kind": kind,
        "class": class_,
        "recipient": recipient,
        "identity": "example.com",
        "environment": "production",
        "stream": "transactional",
        "message_id": f"message-{recipient}-{at}",
        "occurred_at": format_time(at),
        "counts_as_bounce": class_ == "hard_bounce",
        "counts_as_complaint": kind == "complaint",
        "reports_complaints": not recipient.endswith("@gmail.com"),
        "receiver": recipient.rpartition("@")[2],
        "status": "5.1.1" if class_ == "hard_bounce" else None,
        "diagnostic": "smtp; 550 5.1.1 user unknown" if class_ == "hard_bounce" else None,
        "campaign": None,
        "canary": False,
        **more,
    }


def line(*events: dict[str, Any], sent_at: int = NOW - HOUR, **more: Any) -> dict[str, Any]:
    """One line of the archive."""
    return {
        "v": 1,
        "topic": "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6",
        "sns_id": "first",
        "sent_at": format_time(sent_at),
        "message": "{}",
        "events": list(events),
        **more,
    }


def store(root: Path, lines: Iterable[Any], *, at: int = NOW - HOUR, name: str = "part.gz") -> Path:
    """Write lines as one object of the hour of ``at``; return its path."""
    path = root / "feedback" / hour_of(at) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path
