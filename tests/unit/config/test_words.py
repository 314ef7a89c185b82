"""Paths, values and near names as they appear in problems."""

from datetime import UTC, date, datetime, time

import pytest

from ses_feedback.config.problems import choices, describe, join, nearest, quote


@pytest.mark.parametrize(
    ("path", "name", "joined"),
    [
        ("identities", "dev@example.com", 'identities."dev@example.com"'),
        ("teams", "customer-service", "teams.customer-service"),
        ("", "on_call", "on_call"),
        ("", "", '""'),
        ("teams", 'a"b\\c', 'teams."a\\"b\\\\c"'),
        ("teams", "é", 'teams."é"'),
    ],
)
def test_keys_are_quoted_only_where_toml_needs_quotes(path: str, name: str, joined: str) -> None:
    """A path can be pasted back into the file."""
    assert join(path, name) == joined


@pytest.mark.parametrize("letter", ["\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\ud800", "\U000e0001"])
def test_no_text_breaks_the_line_or_colours_the_terminal(letter: str) -> None:
    """Line breaks, escape sequences and half characters are shown as escapes."""
    shown = quote(f"a{letter}b")
    assert shown.isprintable()
    assert shown.startswith('"a\\')
    assert shown.endswith('b"')


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("x", 'the string "x"'),
        ("x" * 500, 'the string "' + "x" * 119 + '…"'),
        (True, "the boolean true"),
        (3, "the integer 3"),
        (10**18, "a huge integer"),
        (0.5, "the number 0.5"),
        (float("inf"), "the number inf"),
        ([], "an array"),
        ({}, "a table"),
        (date(2026, 1, 27), "the date 2026-01-27"),
        (datetime(2026, 1, 27, tzinfo=UTC), "the date 2026-01-27T00:00:00+00:00"),
        (time(12), "the time 12:00:00"),
        (None, "a NoneType"),
    ],
)
def test_values_are_described_in_the_words_of_toml(value: object, words: str) -> None:
    """Long ones are cut."""
    assert describe(value) == words


def test_an_integer_that_python_refuses_to_print_is_described() -> None:
    """TOML's hexadecimal integers may have any length."""
    assert describe(16**5_000) == "a huge integer"


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("develpers", "developers"),
        ("DEVELOPERS", "developers"),
        ("marketting", "marketing"),
        ("sales", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_the_one_meant_or_none(word: str, near: str | None) -> None:
    """A few letters and the case may differ; a far one is not guessed at."""
    assert nearest(word, ["customer-service", "developers", "marketing"]) == near


def test_known_names_are_sorted_and_a_crowd_is_cut() -> None:
    """A line stays a line also with hundreds of teams."""
    assert choices("x", ["b", "a"]) == "known: a, b"
    assert choices("zz", [f"team-{n:03d}" for n in range(300)]).endswith("team-019 and 280 more")
