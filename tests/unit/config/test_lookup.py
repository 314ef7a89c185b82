"""[lookup]: the HTTP API that answers whether addresses may be mailed."""

import pytest

from ses_feedback.config.loop import to_loop
from ses_feedback.config.model import Lookup
from tests.unit.config.files import config, problems

RATE = "lookup.requests_per_second"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Lookup(True, 100)),
        ("[lookup]", Lookup(True, 100)),
        ("[lookup]\nenabled = true", Lookup(True, 100)),
        ("[lookup]\nenabled = false", Lookup(False, 100)),
        ("[lookup]\nrequests_per_second = 1", Lookup(True, 1)),
        ("[lookup]\nrequests_per_second = 10000", Lookup(True, 10_000)),
    ],
)
def test_it_is_there_unless_the_file_says_otherwise(text: str, expected: Lookup) -> None:
    """With a rate of its own, or the default."""
    assert config(text).lookup == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("requests_per_second = 0", f"{RATE}: must be from 1 to 10000, not 0"),
        ("requests_per_second = -1", f"{RATE}: must be from 1 to 10000, not -1"),
        ("requests_per_second = 10001", f"{RATE}: must be from 1 to 10000, not 10001"),
        ("requests_per_second = 1.5", f"{RATE}: must be an integer such as 100, not the number 1.5"),
        ("requests_per_second = true", f"{RATE}: must be an integer such as 100, not the boolean true"),
        ('enabled = "no"', 'lookup.enabled: must be a boolean such as false, not the string "no"'),
        ("enable = false", 'lookup.enable: unknown key; known: enabled, requests_per_second; did you mean "enabled"?'),
        (
            "enabled = false\nrequests_per_second = 5",
            f"{RATE}: would do nothing: enabled = false makes no API; leave one of them out",
        ),
    ],
)
def test_mistakes(text: str, line: str) -> None:
    """One line each, with what would be right."""
    assert problems(f"[lookup]\n{text}") == [line]


def test_the_functions_do_not_know_it() -> None:
    """So that another rate deploys no function."""
    assert to_loop(config("[lookup]\nenabled = false")) == to_loop(config(""))
