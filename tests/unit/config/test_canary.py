"""[canary], and which identities send one."""

import pytest

from ses_feedback.config.model import Canary
from ses_feedback.domain.times import DAY, HOUR, MINUTE
from tests.unit.config.files import config, problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Canary(DAY, 15 * MINUTE)),
        ('every = "1h"', Canary(HOUR, 15 * MINUTE)),
        ('every = "7d"\nwithin = "1h"', Canary(7 * DAY, HOUR)),
        ('every = "1w"\nwithin = "60s"', Canary(7 * DAY, MINUTE)),
        ('every = "1h"\nwithin = "59m"', Canary(HOUR, 59 * MINUTE)),
    ],
)
def test_times_at_and_within_the_bounds(text: str, expected: Canary) -> None:
    """Durations as everywhere in the file; one left out has its default."""
    assert config(f"[canary]\n{text}").canary == expected


RANGE = "is outside 1h to 7d: each round is billed mail, and a week is long to be blind"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('every = "59m"', f'canary.every: "59m" {RANGE}'),
        ('every = "169h"', f'canary.every: "169h" {RANGE}'),
        (
            'within = "59s"',
            'canary.within: "59s" is outside 1m to 1h: feedback takes seconds, and after an hour it is lost',
        ),
        (
            'within = "61m"',
            'canary.within: "61m" is outside 1m to 1h: feedback takes seconds, and after an hour it is lost',
        ),
        (
            'every = "1h"\nwithin = "1h"',
            'canary.within: must be shorter than canary.every "1h": one round has to end before the next',
        ),
        ('every = "forever"', 'canary.every: must end: give a time such as "1d"'),
        ('every = "daily"', 'canary.every: "daily" is not a duration such as 15m, 12h, 30d, 2w'),
        ("within = 15", 'canary.within: must be a string such as "15m", not the integer 15'),
        ('evry = "1d"', 'canary.evry: unknown key; known: every, within; did you mean "every"?'),
    ],
)
def test_wrong_times(text: str, line: str) -> None:
    """The allowed range and its reason, in one line."""
    assert problems(f"[canary]\n{text}") == [line]


@pytest.mark.parametrize(
    ("lines", "sends"),
    [
        ("", True),
        ("canary = false", False),
        ('environment = "dev"', False),
        ('environment = "dev"\ncanary = true', True),
    ],
)
def test_canaries_are_sent_in_production_unless_the_file_says_otherwise(lines: str, sends: bool) -> None:
    """They are billed mail: elsewhere they must be asked for."""
    assert config(f'[identities."example.com"]\n{lines}').identities["example.com"].canary is sends
