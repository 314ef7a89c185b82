"""The question before every send: who is left, what is remembered, and what happens when the table cannot be read."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_feedback import naming
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.recipients import recipients
from ses_feedback.guard import Misconfigured, NobodyLeft, Outcome, TableUnreadable, emf
from ses_feedback.guard.core import Guard, Where, options
from ses_feedback.usecases.guarding import screen

from .fakes import COMPLAINED, DEAD, IN_MARKETING, JO, JOE, NOW, Clock, Table, guard_over

CONFIG = """
[on_call]
page = [{ email = "oncall@example.com" }]
[identities."example.com"]
stream = "transactional"
[identities."news.example.com"]
stream = "marketing"
[identities."dev@example.com"]
environment = "dev"
"""


@pytest.fixture
def file(tmp_path: Any) -> Any:
    path = tmp_path / "feedback.toml"
    path.write_text(CONFIG)
    return path


def test_the_suppressed_are_removed_and_the_rest_stays_as_it_was_written() -> None:
    """By the form in which addresses compare; what is left keeps names and letters."""
    outcome = guard_over(Table()).screen(["Dead Letter <DEAD@Example.NET>", "Jo <Jo@Example.net>", JOE])
    assert outcome.keep(["Dead Letter <DEAD@Example.NET>", "Jo <Jo@Example.net>", JOE]) == ["Jo <Jo@Example.net>", JOE]
    assert outcome.record() == {
        "environment": "production",
        "stream": "marketing",
        "sent": True,
        "removed": [
            {
                "recipient": "Dead Letter <DEAD@Example.NET>",
                "reason": "hard_bounce",
                "scope": "environment",
                "until": None,
                "since": "2026-11-24T04:59:59.000Z",
            }
        ],
        "unreadable": [],
        "trouble": None,
    }


def test_a_suppression_of_another_stream_or_of_the_past_stops_nothing() -> None:
    """A complaint about marketing does not stop a password reset."""
    assert not guard_over(Table(), stream="transactional").screen([COMPLAINED]).removed
    over = Table({JO: IN_MARKETING._replace(until=NOW)})
    assert not guard_over(over).screen([JO]).removed


def test_one_call_asks_for_everybody_once() -> None:
    """Duplicates and spellings of one address are one key; a hundred are one call."""
    table = Table()
    guard_over(table).screen([JO, f"Jo <{JO.upper()}>", DEAD, *(f"n{n}@example.net" for n in range(98))])
    assert [len(call) for call in table.asked] == [100]
    guard_over(table := Table()).screen([f"n{n}@example.net" for n in range(250)])
    assert [len(call) for call in table.asked] == [100, 100, 50]


def test_answers_are_remembered_for_seconds_and_no_longer() -> None:
    """Within the time no call is made, for the suppressed and the others alike; after it the table is asked anew."""
    table, clock = Table(), Clock()
    guard = guard_over(table, seconds=clock, remember_s=5)
    guard.screen([JO, DEAD])
    clock.now += 4.9
    assert guard.screen([JO, DEAD]).removed
    assert guard.screen([JO, JOE]).left
    assert table.asked == [[JO, DEAD], [JOE]]
    clock.now += 0.2
    table.held[JO] = table.held[DEAD]
    assert guard.check([JO]).nobody_left
    assert table.opened == 1


def test_nothing_is_remembered_where_that_is_asked_for() -> None:
    table = Table()
    guard = guard_over(table, remember_s=0)
    guard.screen([JO])
    guard.screen([JO])
    assert table.asked == [[JO], [JO]]


def test_memory_is_bounded() -> None:
    """A million recipients do not fill a process: the oldest go first."""
    table = Table()
    guard = guard_over(table)
    for start in range(0, 10_100, 100):
        guard.screen([f"n{n}@example.net" for n in range(start, start + 100)])
    calls = len(table.asked)
    guard.screen(["n10099@example.net"])
    assert len(table.asked) == calls
    guard.screen(["n0@example.net"])
    assert len(table.asked) == calls + 1
    assert len(guard._lookups._memory) == 10_000


def test_nobody_left_is_one_clear_error_without_addresses() -> None:
    """The error counts and says why; only its outcome names people."""
    with pytest.raises(NobodyLeft) as caught:
        guard_over(Table()).screen([DEAD, COMPLAINED])
    assert str(caught.value) == (
        "not sent: all 2 recipients are suppressed in stream marketing of production (complaint 1, hard_bounce 1); "
        "the error's outcome names them"
    )
    assert [removed.recipient for removed in caught.value.outcome.removed] == [DEAD, COMPLAINED]
    with pytest.raises(NobodyLeft, match="the only recipient is suppressed"):
        guard_over(Table()).screen([DEAD])


def test_nobody_left_is_reported_where_that_is_asked_for() -> None:
    outcome = guard_over(Table(), nobody_left="report").screen([DEAD])
    assert outcome.nobody_left and outcome.record()["sent"] is False


def test_an_unreadable_table_sends_by_default_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever is remembered as suppressed is still removed; the log has no address."""
    table = Table()
    guard = guard_over(table)
    guard.check([DEAD])
    table.breaks()
    outcome = guard.screen([DEAD, JO])
    assert outcome.keep([DEAD, JO]) == [JO]
    assert outcome.trouble == "reading suppressions: ProvisionedThroughputExceededException"
    assert "sending unchecked" in caplog.text and "@" not in caplog.text
    table.broken = None
    assert guard.screen([JO, JOE]).trouble is None, "a failure is not remembered"


@pytest.mark.parametrize("defect", [AttributeError("no LoginError"), KeyError("jo@example.net"), RecursionError()])
def test_a_defect_decides_no_more_than_an_unreadable_table(defect: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw, ours or a library's, is said by type and place, and mail goes or stays as was chosen."""
    table = Table()
    table.broken = defect
    outcome = guard_over(table).screen([JO])
    assert outcome.keep([JO]) == [JO]
    assert outcome.trouble is not None and f"unexpected {type(defect).__name__} at fakes.py:" in outcome.trouble
    assert "@" not in caplog.text + outcome.trouble
    with pytest.raises(TableUnreadable):
        guard_over(table, unreadable="refuse").screen([JO])


def test_an_unreadable_table_refuses_where_that_is_asked_for() -> None:
    table = Table()
    table.breaks()
    with pytest.raises(TableUnreadable, match="not sent: the suppression table cannot be read: reading supp") as caught:
        guard_over(table, unreadable="refuse").screen([JO])
    assert caught.value.outcome.trouble


def test_threads_do_not_wait_for_each_others_timeouts() -> None:
    """Where opening the table takes long, and fails, it takes as long for many threads as for one."""
    together = threading.Barrier(8, timeout=10)

    def opening() -> Table:
        together.wait()  # passes only when all are in here at once
        raise RetryableError("nobody answers")

    guard = Guard(opening, Where("production", "marketing"), deployment="mail")
    with ThreadPoolExecutor(8) as pool:
        assert {outcome.trouble for outcome in pool.map(guard.check, [[JO]] * 8)} == {"nobody answers"}


def test_metrics_tell_of_removed_recipients_and_of_an_unreadable_table() -> None:
    """EMF: nothing for an ordinary send, a line for the others, no address in it."""
    out = StringIO()
    table = Table()
    guard = guard_over(table, report=emf("mail", out))
    guard.screen([JO])
    assert out.getvalue() == ""
    guard.screen([DEAD, JO])
    table.breaks()
    guard.screen([JOE])
    removed, unreadable = map(json.loads, out.getvalue().splitlines())
    assert (removed[naming.METRIC_GUARD_REMOVED], removed[naming.METRIC_GUARD_UNREADABLE]) == (1, 0)
    assert (unreadable["GuardRemoved"], unreadable["GuardUnreadable"]) == (0, 1)
    assert removed["Deployment"] == "mail" and removed["Environment"] == "production"
    assert "@" not in out.getvalue()


def test_a_report_that_fails_stops_no_mail(caplog: pytest.LogCaptureFixture) -> None:
    def report(_: Outcome) -> None:
        raise ValueError("a bug")

    assert guard_over(Table(), report=report).screen([JO]).left
    assert "the guard's report failed" in caplog.text


def test_the_sender_decides_environment_and_stream(file: Any) -> None:
    """As the feedback of that mail would be: the most specific identity, an ARN before the address."""
    guard = Guard.from_file(file)
    of = guard._where.of
    assert of("Shop <info@shop.example.com>", None) == ("production", "transactional")
    assert of("weekly@news.example.com", None) == ("production", "marketing")
    assert of("dev@example.com", None) == ("dev", "default")
    assert of("x@example.com", "arn:aws:ses:us-east-1:1:identity/news.example.com") == ("production", "marketing")
    with pytest.raises(Misconfigured, match=r'covers this sender of domain "example.org": add it, or name the guard'):
        of("somebody@example.org", None)
    with pytest.raises(Misconfigured, match="covers this sender: add it"):
        of(None, None)


def test_named_environment_and_stream_hold_for_every_sender(file: Any) -> None:
    assert Guard.from_file(file, environment="dev")._where.of("x@example.org", None) == ("dev", "default")
    both = Guard.from_file(file, environment="production", stream="marketing")
    assert both._where.of("info@example.com", None) == ("production", "marketing")
    one = Guard.from_file(file, environment="production")
    assert one._where.of("weekly@news.example.com", None) == ("production", "marketing")
    with pytest.raises(Misconfigured, match=r"name the guard's stream; known: marketing, transactional"):
        one._where.of("dev@example.com", None)
    assert Guard.of("mail", region="us-east-1", environment="x")._where.of(None, None) == ("x", "default")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"environment": "prod"}, 'environment: no environment "prod"; known: dev, production'),
        ({"stream": "news"}, 'stream: no stream "news"; known: default, marketing, transactional'),
        ({"nobody_left": "ignore"}, "nobody_left: must be one of raise, report, not 'ignore'"),
        ({"malformed": "drop"}, "malformed: must be one of refuse, send, not 'drop'"),
        ({"unreadable": "maybe"}, "unreadable: must be one of send, refuse, not 'maybe'"),
        ({"remember_s": "5"}, "remember_s: must be a number of seconds, at least 0, not '5'"),
        ({"timeout_s": 0}, "timeout_s: must be a number of seconds, at least 0.001, not 0"),
        ({"timeout_s": True}, "timeout_s: must be a number of seconds, at least 0.001, not True"),
        ({"remember_s": float("inf")}, "remember_s: must be a number of seconds, at least 0, not inf"),
        ({"report": "log"}, "report: must be callable with an outcome, not 'log'"),
        ({"cache": 5}, 'no option "cache"; known: nobody_left, unreadable'),
    ],
)
def test_a_wrong_option_says_what_would_be_right(file: Any, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Guard.from_file(file, **wrong)
    assert str(caught.value).startswith(said)


def test_texts_that_name_several_are_taken_apart_only_where_somebody_goes() -> None:
    """A comma must not smuggle anybody past the guard; a text that loses nobody is not rewritten."""
    guard = guard_over(Table())
    both = f"Dead <{DEAD}>, Jo <{JO}>"
    assert guard.screen([both]).keep([both]) == [f"Jo <{JO}>"]
    assert guard.screen([f"{JOE}, Jo <{JO}>"]).keep([f"{JOE}, Jo <{JO}>"]) == [f"{JOE}, Jo <{JO}>"]
    assert guard.check(["friends: " + both + ";"]).removed
    assert guard.check([f'"Letter, Dead" <{DEAD}>']).nobody_left
    assert guard.check([f"Letter, Dead <{DEAD}>"]).nobody_left
    assert guard.screen(["undisclosed-recipients:;"]).keep(["undisclosed-recipients:;"]) == ["undisclosed-recipients:;"]


@pytest.mark.parametrize(
    "text",
    [
        f"{JO}, {DEAD},",
        f"{JO}; Dead <{DEAD}>",
        f"{JO},, (late) {DEAD} ;",
        f"friends: {DEAD}; {JO}",
        f'"Jo <{JO}>, {DEAD}',
        f"jo@b\u00fccher.example, {DEAD}",
        f"someone at x )(, {JO}, {DEAD}",
        ":" * 5_000 + f"@, {JO}, {DEAD}",
    ],
)
def test_a_list_that_is_not_as_it_should_be_smuggles_nobody_past_the_guard(text: str) -> None:
    """Stray separators, comments and names of non-ASCII domains: the others stay, and nothing is raised."""
    outcome = guard_over(Table()).screen([text])
    assert [removed.suppression.reason for removed in outcome.removed] == ["hard_bounce"]
    assert outcome.keep([text]) and DEAD not in " ".join(outcome.keep([text]))


def test_a_single_text_is_asked_about_as_one() -> None:
    """Not letter by letter, each of which is nobody that is suppressed."""
    outcome = guard_over(Table()).check(f"{DEAD}, {JO}")
    assert outcome.keep([f"{DEAD}, {JO}"]) == [JO]


def test_what_is_no_address_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody suppressed may be in it for whoever sends it. Nothing is asked about it; the others stay."""
    table = Table()
    outcome = guard_over(table).screen(["jane", JO, "a@b@c d"])
    assert outcome.unreadable == outcome.refused == ("jane", "a@b@c d")
    assert outcome.keep(["jane", JO, "a@b@c d"]) == [JO]
    assert outcome.record()["sent"] is True and outcome.record()["unreadable"] == ["jane", "a@b@c d"]
    assert table.asked == [[JO]]
    assert "recipients left out that cannot be read as e-mail addresses: 2" in caplog.text and "@" not in caplog.text


def test_with_nobody_left_whom_we_can_read_the_error_counts_both() -> None:
    with pytest.raises(NobodyLeft, match="not sent: the only recipient cannot be read as an e-mail address; the error"):
        guard_over(Table()).screen(["jane"])
    with pytest.raises(
        NobodyLeft, match="not sent: each of 2 recipients cannot be read as an e-mail address; the error"
    ):
        guard_over(Table()).screen(["jane", "joe"])
    said = (
        r"1 of 2 recipients is suppressed in stream marketing of production \(hard_bounce 1\), 1 cannot be read as an"
    )
    with pytest.raises(NobodyLeft, match=said):
        guard_over(Table()).screen(["jane", DEAD])


def test_what_is_no_address_is_left_to_ses_where_that_is_asked_for() -> None:
    """It stays and is told; whom another reader sees in it is still asked about."""
    table = Table()
    guard = guard_over(table, malformed="send")
    outcome = guard.screen(["jane", "a@b@c d"])
    assert outcome.unreadable == ("jane", "a@b@c d") and outcome.refused == ()
    assert outcome.keep(["jane", "a@b@c d"]) == ["jane", "a@b@c d"]
    assert table.asked == []
    assert guard.check([f"friends: {DEAD}"]).nobody_left


@given(st.lists(st.text(max_size=60) | st.sampled_from([DEAD, JO, f"X <{DEAD}>", f"{DEAD},{JO}", f"{JO}; {DEAD}"])))
def test_whatever_the_texts_nobody_suppressed_is_left_and_nobody_else_is_lost(texts: list[str]) -> None:
    """Never raises on input; reading what is left again finds no suppressed address, and everybody else is in it."""
    table = Table({DEAD: IN_MARKETING._replace(scope="environment", stream=None)})
    guard = guard_over(table, nobody_left="report")
    outcome = guard.screen(texts)
    before = {r.address for text in texts for r in recipients(text)} - {None}
    after = {r.address for text in outcome.keep(texts) for r in recipients(text)} - {None}
    assert after == before - {DEAD}
    assert screen(guard._lookups, "production", "marketing", outcome.keep(texts), NOW).removed == ()


def test_options_have_documented_defaults() -> None:
    assert options({})._asdict() == {
        "nobody_left": "raise",
        "unreadable": "send",
        "remember_s": 5.0,
        "timeout_s": 1.0,
        "report": None,
        "session": None,
        "malformed": "refuse",
    }
    assert Where("a", "b").of(None, None) == ("a", "b")
