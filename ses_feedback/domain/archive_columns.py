"""What the archive's lines and events look like as tables: the columns that every reader names, in order.

The catalog of AWS, the questions and DuckDB share these, so that all of them see the same table.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = "text"
FLAG: Final = "flag"
NUMBER: Final = "number"

# The version of the line format that these columns describe.
VERSION: Final = 1

# One recipient of one notification: the objects in a line's ``events``.
EVENT_COLUMNS: Final = (
    ("kind", TEXT),
    ("class", TEXT),
    ("recipient", TEXT),
    ("identity", TEXT),
    ("environment", TEXT),
    ("stream", TEXT),
    ("message_id", TEXT),
    ("occurred_at", TEXT),
    ("counts_as_bounce", FLAG),
    ("counts_as_complaint", FLAG),
    ("reports_complaints", FLAG),
    ("receiver", TEXT),
    ("status", TEXT),
    ("diagnostic", TEXT),
    ("campaign", TEXT),
    ("canary", FLAG),
)
EVENT_NAMES: Final = tuple(name for name, _ in EVENT_COLUMNS)

# An operator's decision: the object in a line's ``decision``.
DECISION_COLUMNS: Final = (
    ("environment", TEXT),
    ("address", TEXT),
    ("stream", TEXT),
    ("action", TEXT),
    ("at", TEXT),
    ("until", TEXT),
    ("why", TEXT),
    ("reason", TEXT),
    ("by", TEXT),
    ("known_strikes", NUMBER),
    ("known_reason", TEXT),
    ("known_stream", TEXT),
    ("known_since", TEXT),
    ("known_until", TEXT),
    ("known_delivered", TEXT),
    ("known_mail", TEXT),
)
DECISION_NAMES: Final = tuple(name for name, _ in DECISION_COLUMNS)

# What a line says of itself, beside ``events``, ``decision`` and the text of SES.
LINE_COLUMNS: Final = (("v", NUMBER), ("topic", TEXT), ("sns_id", TEXT), ("sent_at", TEXT))
ARRIVAL_NAMES: Final = tuple(name for name, _ in LINE_COLUMNS[1:])

# Where a line lies: the day and hour (UTC) of its arrival, as folders ``yyyy/MM/dd/HH`` below ``FEEDBACK_PREFIX``.
PARTITIONS: Final = ("day", "hour")

# Events that agree in all of these are one event, seen more than once.
KEY: Final = ("message_id", "kind", "recipient", "class", "occurred_at")
