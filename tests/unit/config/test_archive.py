"""[archive]: how long lines are kept, and when they move."""

import pytest

from ses_feedback.config.model import Archive
from ses_feedback.domain.times import DAY
from tests.unit.config.files import config, problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Archive(None, 90 * DAY)),
        ('keep = "forever"', Archive(None, 90 * DAY)),
        ('keep = "1000d"', Archive(1_000 * DAY, 90 * DAY)),
        ('keep = "2w"', Archive(14 * DAY, None)),
        ('keep = "48h"\ncold_after = "1d"', Archive(2 * DAY, DAY)),
        ('cold_after = "forever"', Archive(None, None)),
        ('keep = "91d"', Archive(91 * DAY, 90 * DAY)),
        ('keep = "90d"', Archive(90 * DAY, None)),
    ],
)
def test_times(text: str, expected: Archive) -> None:
    """Durations as everywhere; what is deleted before the default of `cold_after` never moves."""
    assert config(f"[archive]\n{text}").archive == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('keep = "36h"', 'archive.keep: "36h" is not in whole days, which S3 counts in'),
        ('cold_after = "90m"', 'archive.cold_after: "90m" is not in whole days, which S3 counts in'),
        ('keep = "always"', 'archive.keep: "always" is not a duration such as 15m, 12h, 30d, 2w or forever'),
        ("keep = 30", 'archive.keep: must be a string such as "1000d", not the integer 30'),
        ('kept = "1d"', 'archive.kept: unknown key; known: cold_after, keep; did you mean "keep"?'),
        (
            'keep = "30d"\ncold_after = "30d"',
            'archive.cold_after: must be shorter than archive.keep "30d"; '
            'what does not live so long need not move: "forever"',
        ),
    ],
)
def test_wrong_times(text: str, line: str) -> None:
    """One line, with what would be right."""
    assert problems(f"[archive]\n{text}") == [line]
