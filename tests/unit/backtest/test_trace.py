"""Traces: what is read, what is refused and in which words, and that silence of any length costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest.mail import LONGEST_SILENCE, MINUTES_A_DAY, Mail
from backtest.trace import TAIL, TraceError, as_mail, load, read
from backtest.transitions import transitions

from .worlds import actions, alarms, composite, config, plain

HEAD = "minute,identity,delivered,hard_bounced,complained\n"
CONFIG = config()


def mail(text: str) -> Mail:
    found = as_mail(read(text, CONFIG, "t.csv"), CONFIG)
    assert found is not None
    return found


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(TraceError) as error:
        read(text, CONFIG, "t.csv")
    return error.value.problems


@pytest.mark.parametrize(
    "minute",
    [
        "2026-11-24T09:30Z",
        "2026-11-24T09:30:00Z",
        "2026-11-24T09:30:59.9Z",
        "2026-11-24 09:30",
        "2026-11-24T09:30:00+00:00",
        "2026-11-24T10:30+01:00",
        "2026-11-24t09:30z",
    ],
)
def test_times_are_utc_to_the_minute(minute: str) -> None:
    """Every usual spelling of ISO 8601; without an offset it is UTC, seconds belong to their minute."""
    (row,) = read(f"{HEAD}{minute},example.com,1,2,3\n", CONFIG, "t.csv")
    assert row.minute == 29_925_210
    assert row.counts == (1, 1, 2, 3)


def test_lines_come_in_any_order_and_add_up() -> None:
    """Columns and rows in any order, an identity in any case, blank lines, Windows line ends, a mark at the start."""
    text = "complained,hard_bounced,delivered,identity,minute\r\n\r\n"
    text += "0,2,1,example.com,2026-01-01T00:01Z\r\n0,1,4,Example.COM,2026-01-01T00:00Z\r\n"
    text += "0,3,0,example.com,2026-01-01T00:01Z\r\n"
    found = mail(text)
    counted = found.counted("HardBounced", found.identities.values())
    assert list(counted[:3]) == [1, 5, 0]
    assert len(found.minutes) == 2 + TAIL


def test_what_reports_complaints_may_be_said_and_is_else_what_is_delivered() -> None:
    """The optional column is the denominator of the complaint rate."""
    found = mail(HEAD.strip() + ",delivered_reporting\n2026-01-01T00:00Z,example.com,10,0,1,4\n")
    assert found.counted("DeliveredReporting", found.identities.values())[0] == 4
    assert found.counted("Delivered", found.identities.values())[0] == 10


def test_every_bad_line_is_told_with_its_number_and_what_would_be_right() -> None:
    """All at once, one line each."""
    good = "2026-01-01T00:00Z,example.com,1,0,0\n"
    text = HEAD + good + "yesterday,example.com,1,0,0\n" + "2026-01-01T00:00Z,exmaple.com,1,0,0\n"
    text += "2026-01-01T00:00Z,example.com,-1,0,0\n2026-01-01T00:00Z,example.com,1,0\n"
    text += "2026-02-30T00:00Z,example.com,1,0,0\n2026-01-01,example.com,1,0,0\n2026-01-01T00:00Z,example.com,1e3,0,0\n"
    found = problems(text)
    assert [line.split(": ", 2)[1] for line in found] == [f"line {n}" for n in (3, 4, 5, 6, 7, 8, 9)]
    assert '"yesterday" is not a time such as 2026-11-24T09:30Z' in found[0]
    assert 'no identity "exmaple.com"' in found[1]
    assert 'did you mean "example.com"?' in found[1]
    assert 'delivered: "-1" is not a whole number' in found[2]
    assert "4 values for 5 columns" in found[3]
    assert all("\n" not in line for line in found)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty; the first line names the columns: minute,identity"),
        ("minute,identity,delivered,hard_bounced\n", "line 1: no column complained"),
        (HEAD.strip() + ",hard_bounce\n", 'line 1: no column is called "hard_bounce".*did you mean "hard_bounced"'),
        (HEAD.strip() + ",delivered\n", "line 1: a column stands twice"),
        (HEAD + '2026-01-01T00:00Z,"example.com,1,0,0\n', "line 2: not CSV"),
        (
            HEAD.strip() + ",delivered_reporting\n2026-01-01T00:00Z,example.com,1,0,0,2\n",
            "line 2: .*more than delivered",
        ),
    ],
)
def test_a_file_that_is_no_trace(text: str, named: str) -> None:
    """The header decides; what it lacks or has too much is told."""
    with pytest.raises(TraceError, match=named):
        read(text, CONFIG, "t.csv")


def test_of_very_many_mistakes_the_first_are_told() -> None:
    """A file of something else does not fill the screen."""
    found = problems(HEAD + "x,example.com,1,0,0\n" * 1_000)
    assert len(found) == 21
    assert found[-1] == "t.csv: and 980 more"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Absent, a folder, or not UTF-8: one line that names it."""
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + b"2026-01-01T00:00Z,ex\xe9.com,1,0,0\n")
    for name, why in (("none.csv", "No such file"), (".", "directory"), ("latin.csv", "not UTF-8")):
        with pytest.raises(TraceError, match=why) as error:
            load(tmp_path / name, CONFIG)
        assert len(error.value.problems) == 1


def test_a_trace_without_rows_is_silence(tmp_path: Path) -> None:
    """Nothing happened, which is no mistake."""
    (tmp_path / "t.csv").write_text(HEAD)
    assert load(tmp_path / "t.csv", CONFIG) is None


def test_long_silences_are_cut_by_whole_days_and_keep_their_times() -> None:
    """A year between two rows costs no more than forty days, and what happens after it has its own time."""
    text = HEAD + "2025-01-01T10:17Z,example.com,0,9,0\n2026-03-04T11:58Z,example.com,0,9,0\n"
    found = mail(text)
    gap = (29_543_758 - 28_928_777) % MINUTES_A_DAY
    assert len(found.minutes) == LONGEST_SILENCE + gap + 1 + TAIL
    assert [int(found.minutes[at]) for at in found.identities["example.com"].at] == [28_928_777, 29_543_758]
    dimensions = [{"Name": "Deployment", "Value": "ses-feedback"}, {"Name": "Identity", "Value": "example.com"}]
    made = alarms(
        plain("x", Dimensions=dimensions, TreatMissingData="notBreaching", Period=3_600),
        composite("p", 'ALARM("x")', AlarmActions=actions("page")),
    )
    lines = [t.line() for t in transitions(made, found) if t.alarm == "p"]
    assert lines[0] == (
        '{"time": "2025-01-01T10:18:00Z", "alarm": "p", "identity": "example.com", "severity": "page", '
        '"rate": "bounce", "state": "ALARM"}'
    )
    assert [line[10:30] for line in lines[2:3]] == ["2026-03-04T11:59:00Z"]
    assert lines[-1].endswith('"OK"}')


def test_sums_over_an_environment_and_over_all() -> None:
    """Metrics of a roll-up are sums of the identities it covers."""
    text = HEAD + "2026-01-01T00:00Z,example.com,0,2,0\n2026-01-01T00:00Z,dev@example.com,0,3,0\n"
    found = mail(text)
    sums = {}
    for name, more in (("dev", [("Environment", "dev")]), ("all", []), ("other", [("Identity", "x.example.com")])):
        dimensions = [{"Name": n, "Value": v} for n, v in (("Deployment", "ses-feedback"), *more)]
        (alarm,) = alarms(plain(name, Dimensions=dimensions)).metric
        samples = found.samples(alarm.metrics["m"])
        sums[name] = None if samples is None else samples.total[0]
    assert sums == {"dev": 3, "all": 5, "other": None}


@pytest.mark.parametrize("minute", ["9999-12-31T23:59Z", "9999-12-25T00:00Z", "0001-01-01T00:00+14:00"])
def test_a_time_beyond_the_calendar_is_refused(minute: str) -> None:
    """An alarm that ends in the year 10000, or begins in the year 0, would have no time to print."""
    (problem,) = problems(f"{HEAD}{minute},example.com,1000,100,0\n")
    assert problem.startswith(f't.csv: line 2: minute: "{minute}" cannot be played')
