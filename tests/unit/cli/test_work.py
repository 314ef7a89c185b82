"""Long work: a bar in a terminal alone, and Ctrl-C between two steps."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest

from ses_feedback.cli.work import progress, stoppable


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done, and how much of it; on standard error, so that standard output stays JSON."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm-256color")
    with progress("putting back", 25) as advance:
        advance(10)
    assert "putting back" in shown.getvalue()
    assert "10/25" in shown.getvalue()


def test_a_pipe_sees_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("putting back", 25) as advance:
        advance(10)
    assert capfd.readouterr() == ("", "")


def test_the_first_ctrl_c_asks_to_stop_and_the_second_one_ends() -> None:
    """Afterwards Ctrl-C does what it did before."""
    before = signal.getsignal(signal.SIGINT)
    with stoppable() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
