from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from ses_feedback.cli import words
from ses_feedback.cli.screen import BAD, Screen, Styled, clean, tell
from ses_feedback.domain.times import DAY, HOUR, MINUTE

from .fakes import NOW


class Terminal(io.StringIO):
    """A terminal 100 letters wide."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal with colours."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_a_terminal_gets_a_table(terminal: Terminal) -> None:
    """Headings are bold, cells may have a style, and columns that are always empty are left out."""
    with redirect_stdout(terminal):
        Screen().table(("A", "B", "C"), [("one", "", Styled("two", BAD)), ("three", "", "")])
    shown = terminal.getvalue()
    assert "\x1b[1;31mtwo" in shown
    assert "three" in shown
    assert "B" not in shown


def test_markup_in_a_cell_is_only_text(terminal: Terminal) -> None:
    """A diagnostic with brackets is not taken for markup, nor its numbers for something to colour."""
    with redirect_stdout(terminal):
        Screen().table(("A",), [("[red]550[/red]",)])
        Screen().line("[bold]x[/bold]")
    assert "[red]550[/red]" in terminal.getvalue()
    assert "[bold]x[/bold]" in terminal.getvalue()


def test_a_pipe_gets_aligned_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there are no boxes and no colours."""
    Screen().table(("A", "B"), [("one", Styled("two", BAD)), ("three", "")])
    assert capsys.readouterr().out == "A      B\none    two\nthree\n"


def test_records_are_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON line survives every locale, and a lone surrogate does not stop it."""
    Screen().record({"address": "jörg@example.com", "odd": "\ud800"})
    assert capsys.readouterr().out == '{"address": "j\\u00f6rg@example.com", "odd": "\\ud800"}\n'


@pytest.mark.parametrize("text", ["\x1b[2J", "\r", "\x9b31m", "a\u202eb", "\x00"])
def test_nothing_steers_the_terminal(text: str) -> None:
    """Control characters, C1 ones and those that turn the writing direction are shown as escapes."""
    assert clean(text).isprintable()
    assert clean(text) != text


def test_errors_stay_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever an error says, it is one line."""
    tell("first\nsecond\x1b[31m")
    assert capsys.readouterr().err == "first\\nsecond\\x1b[31m\n"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (30 * DAY, "30 days"),
        (DAY, "1 day"),
        (36 * HOUR, "36 hours"),
        (90 * MINUTE, "90 minutes"),
        (HOUR, "1 hour"),
        (1000, "1 second"),
        (61_000, "61 seconds"),
        (0, "0 seconds"),
    ],
)
def test_lengths(ms: int, text: str) -> None:
    """A length is told in the largest unit that tells enough."""
    assert words.length(ms) == text


def test_ends() -> None:
    """An end tells the time and how far it is; for ever and over are words."""
    assert words.end(None, NOW) == "for ever"
    assert words.end(NOW + 30 * DAY, NOW) == "until 2026-12-24 05:00 UTC (30 days)"
    assert words.end(NOW, NOW) == "until 2026-11-24 05:00 UTC (over)"
