"""``make fuzz`` in brief, and the proof that it would notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ses_feedback.config import ConfigError, parse
from ses_feedback.domain import envelopes
from ses_feedback.domain.identities import Directory
from ses_feedback.domain.reading import Reading, read
from ses_feedback.usecases import handling
from ses_feedback.usecases.record import record
from tests import events
from tests.fakes import FakeQuarantine, FakeStore
from tests.fuzz import campaign, entries
from tests.fuzz.campaign import fuzz
from tests.fuzz.entries import hollow
from tests.unit.usecases import mail

SEED = 20_260_127
SAMPLE = 1_500


@pytest.mark.parametrize("start", [0, SAMPLE])
def test_whatever_comes_in_nothing_breaks(start: int, tmp_path: Path) -> None:
    """No input raises what it must not, hangs, disappears, or takes memory for good; every entry point is tried."""
    result = fuzz(SEED, range(start, start + SAMPLE), failures=tmp_path)
    assert not result.failures, "\n".join(map(str, result.failures))
    assert result.inputs == SAMPLE
    assert result.growth <= campaign.GROWTH_MB
    assert all(result.tried[name] > 20 for name in ("read", "record_feedback", "retry_feedback", "tally_feedback"))
    assert all(result.tried[name] > 20 for name in ("explain", "config", "config file", "normalise"))


# What fuzzing has found: as catalogued payloads are, but with this in place of the other.
FOUND = {
    "a time in year 10000 once moved to UTC": ("2026-01-27T14:59:44.101Z", "9999-12-31T23:59:59-14:00"),
    "a MIME word in a charset without a name in ASCII": ("jane@example.org", "=?\u00e9utf-8?q?jane=40example.org?="),
    "a MIME word in a charset that does not exist": ("jane@example.org", "=?x?q?jane=40example.org?="),
}


@pytest.mark.parametrize("found", FOUND)
def test_what_was_found_is_mended(found: str) -> None:
    """Each is read or quarantined, and raises nothing."""
    payload = json.loads(events.load("bounces/4-no-such-mailbox.json"))
    text = json.dumps(payload, ensure_ascii=False).replace(*FOUND[found])
    assert FOUND[found][1] in text
    reading = read(text, events.DIRECTORY, events.NOW)
    assert len(reading.events) + len(reading.faults) == 1


def test_a_bug_in_the_reader_costs_its_own_message_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should reading ever raise, that message comes back, and the others of its batch are done."""
    good, poison = events.load("bounces/4-no-such-mailbox.json").decode(), "poison"
    real = handling.read

    def buggy(payload: object, directory: Directory, now: int) -> Reading:
        if payload == poison:
            raise KeyError("poison of jane@example.org")
        return real(payload, directory, now)

    monkeypatch.setattr(handling, "read", buggy)
    store = FakeStore()
    rules = mail.rules()._replace(directory=events.DIRECTORY)
    entries = [handling.Entry("bad", poison), handling.Entry("good", good)]
    outcome = record(entries, rules=rules, keys=mail.KEYS, store=store, quarantine=FakeQuarantine(), now=events.NOW)
    assert outcome.failed == {"bad"}
    assert store.history("production", "jane@example.org").strikes
    assert all("@" not in problem for problem in outcome.problems)


def test_no_line_about_a_configuration_grows_without_end() -> None:
    """Names of great length are cut like any other value, wherever a problem quotes them."""
    long = "x" * 100_000
    tree = {"identities": {long: {"team": long, "environment": long}}, "policy": {long: []}, "teams": {f"{long}y": 1}}
    with pytest.raises(ConfigError) as error:
        parse(tree)
    assert all(len(line) < 2_000 for line in error.value.problems)


def test_an_unhandled_exception_is_told_and_its_input_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bug in the reader stops the run, names the place, and leaves the input to repeat it with."""

    def buggy(*_args: object) -> None:
        raise KeyError("mail")

    monkeypatch.setattr(entries, "read", buggy)
    failures = fuzz(1, range(300), failures=tmp_path).failures
    assert len(failures) == 5
    assert failures[0].what.startswith("KeyError: 'mail' at test_fuzz.py:")
    assert Path(failures[0].file).read_bytes()


def test_an_input_that_disappears_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the reader forgets what it cannot read, some input is neither event nor fault nor setup."""
    monkeypatch.setattr(envelopes.Opened, "_fault", lambda *_args: None)
    whats = [failure.what for failure in fuzz(1, range(400), failures=tmp_path).failures]
    assert any("disappeared" in what or "not accounted for" in what or "nothing is explained" in what for what in whats)


def test_a_hang_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An input that takes more CPU than any may is stopped, also where the code catches every exception."""

    def hang(*_args: object) -> None:
        while True:
            pass

    monkeypatch.setattr(campaign, "CPU_S", 0.05)
    monkeypatch.setattr(entries, "normalise", hang)
    failures = fuzz(1, range(60), failures=tmp_path).failures
    assert "more than 0.05 s of CPU" in {failure.what for failure in failures}


def test_the_same_seed_tries_the_same(tmp_path: Path) -> None:
    """Input n of a seed is always the same one, in whatever share of the run it is."""
    whole = fuzz(7, range(200), failures=tmp_path)
    parts = [fuzz(7, range(100), failures=tmp_path), fuzz(7, range(100, 200), failures=tmp_path)]
    assert whole.tried == parts[0].tried + parts[1].tried


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("", True),
        (" \n", True),
        ("[]", True),
        ('{"Records": []}', True),
        ('{"Message": "[]"}', True),
        ('{"mail": {}}', False),
        ("nonsense", False),
    ],
)
def test_what_may_say_nothing(payload: str, expected: bool) -> None:
    """Only blank input and empty lists may come to nothing."""
    assert hollow(payload) == expected
