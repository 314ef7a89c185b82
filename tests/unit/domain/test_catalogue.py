"""Every catalogued payload is read and decided as the catalogue says."""

from __future__ import annotations

import pytest

from ses_feedback.domain.decide import decide, explain_event, explain_fault, explain_setup
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.reading import read
from tests import events

CATALOGUE = events.catalogue()


@pytest.mark.parametrize("entry", CATALOGUE, ids=[entry.name for entry in CATALOGUE])
def test_a_payload_is_read_as_catalogued(entry: events.Entry) -> None:
    """Events, then what is quarantined, then setup messages, each of the class and with the action of the catalogue."""
    reading = read(events.load(entry.name), events.DIRECTORY, events.NOW)
    found = [explain_event(event, decide(event, DEFAULT_POLICY)) for event in reading.events]
    found += [explain_fault(fault) for fault in reading.faults]
    found += [explain_setup(setup) for setup in reading.setups]
    assert [(one["class"] or "quarantine", one["action"]) for one in found] == entry.expected
    assert all(one["why"] for one in found)


def test_the_catalogue_lists_every_payload() -> None:
    """No file lies about that no test reads, and none is missing."""
    files = {str(path.relative_to(events.FOLDER)) for path in events.FOLDER.rglob("*") if path.parent != events.FOLDER}
    files = {name for name in files if (events.FOLDER / name).is_file() and "__pycache__" not in name}
    assert files == {entry.name for entry in CATALOGUE}
