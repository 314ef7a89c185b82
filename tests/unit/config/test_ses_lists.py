"""[ses_list]: whether SES's own list and ours keep each other right."""

import pytest

from ses_feedback.config.loop import from_loop, to_loop
from ses_feedback.config.model import SesList
from ses_feedback.domain.times import DAY, HOUR
from tests.unit.config.files import config, problems

STREAMS = """
[identities."example.com"]
stream = "transactional"
[identities."news@example.com"]
stream = "marketing"
[identities."dev@example.com"]
environment = "dev"
"""


def test_without_the_table_nothing_is_kept_in_step_and_nothing_deployed() -> None:
    """The functions' configuration is the one from before."""
    assert config().ses_list == SesList(False, "production", "default", DAY)
    assert "ses_list" not in to_loop(config())
    assert to_loop(config("[ses_list]\nsync = false")) == to_loop(config())


def test_what_is_asked_for_reaches_the_function() -> None:
    """Every key."""
    found = config(STREAMS + '[ses_list]\nsync = true\ncomplaints = "marketing"\nevery = "6h"').ses_list
    assert found == SesList(True, "production", "marketing", 6 * HOUR)
    whole = config(STREAMS + '[ses_list]\nsync = true\nenvironment = "dev"')
    assert whole.ses_list == SesList(True, "dev", "default", DAY)
    assert from_loop(to_loop(whole)).ses_list == whole.ses_list


def test_complaints_hold_in_the_only_stream_or_where_the_file_says() -> None:
    """``default`` where there is one, as in every question."""
    only = '[identities."example.com"]\nstream = "x"\n'
    assert config(only + "[ses_list]\nsync = true").ses_list.complaints == "x"
    two = only + '[identities."a@example.com"]\n'
    assert config(two + "[ses_list]\nsync = true").ses_list.complaints == "default"
    assert config(two + '[ses_list]\nsync = true\ncomplaints = "*"').ses_list.complaints == "*"
    assert config(STREAMS).ses_list.complaints == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "sync = true",
            "ses_list.complaints: missing; SES's list does not say which mail somebody complained about: name the "
            'stream (marketing, transactional), or "*" for all of them',
        ),
        (
            'sync = true\ncomplaints = "marketting"',
            'ses_list.complaints: no stream "marketting" in production; known: "*", marketing, transactional; '
            'did you mean "marketing"?',
        ),
        ("sync = true\ncomplaints = 3", 'ses_list.complaints: must be a string such as "*", not the integer 3'),
        (
            'sync = true\nenvironment = "prodution"',
            'ses_list.environment: no identity is in "prodution"; known: dev, production; did you mean "production"?',
        ),
        ('environment = "x"', 'ses_list.environment: no identity is in "x"; known: dev, production'),
        ('sync = "yes"', 'ses_list.sync: must be a boolean such as true, not the string "yes"'),
        (
            'every = "10m"',
            'ses_list.every: "10m" is outside 1h to 7d: each time both lists are read as a whole',
        ),
        ('every = "often"', 'ses_list.every: "often" is not a duration such as 15m, 12h, 30d, 2w'),
        ('every = "forever"', 'ses_list.every: must end: give a time such as "1d"'),
        (
            "synch = true",
            'ses_list.synch: unknown key; known: complaints, environment, every, sync; did you mean "sync"?',
        ),
    ],
)
def test_mistakes(text: str, line: str) -> None:
    """Each with its path, and what would be right."""
    assert problems(f"{STREAMS}[ses_list]\n{text}") == [line]


def test_a_file_whose_identities_are_wrong_is_told_of_these_alone() -> None:
    """Nobody knows what its streams were meant to be."""
    assert problems('[identities]\n"not a domain" = {}\n[ses_list]\nsync = true') == problems(
        '[identities]\n"not a domain" = {}'
    )
