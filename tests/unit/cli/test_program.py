from __future__ import annotations

import errno
import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

from ses_feedback import __version__
from ses_feedback.cli.program import run
from ses_feedback.cli.session import Deployment, Session
from ses_feedback.config import Config
from ses_feedback.domain.errors import RetryableError

from .conftest import CONFIG, Run
from .fakes import NOW

ROOT = Path(__file__).resolve().parents[3]
MAIN = [sys.executable, "-c", "from ses_feedback.cli import main; main()"]
BOUNCE = (
    '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":'
    '[{"emailAddress":"jane@example.net"}],"timestamp":"2026-11-20T10:00:00.000Z"},"mail":{"source":"a@example.com",'
    '"messageId":"0100-1","timestamp":"2026-11-20T09:59:00.000Z"}}\n'
)


def environ(**more: str) -> dict[str, str]:
    """Return the environment of a child process."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def test_version(cli: Run) -> None:
    """--version says which, on standard output."""
    assert cli("--version") == (0, f"ses-feedback {__version__}\n", "")


def test_help_documents_exit_codes_and_environment(cli: Run) -> None:
    """The help of the whole tells what scripts need."""
    done = cli("--help")
    assert done.code == 0
    for text in (
        "1    check: at least one address is suppressed",
        "2    an error, told in one line",
        "SES_FEEDBACK_CONFIG",
    ):
        assert text in done.out


def test_no_command_shows_the_help_as_an_error(cli: Run) -> None:
    """A person learns the commands; a script that forgot one fails, with nothing on standard output."""
    done = cli()
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("chek", "x"), "ses-feedback: no such command 'chek'. Did you mean 'check'; see 'ses-feedback --help'"),
        (("check",), "ses-feedback check: missing argument 'ADDRESS...'; see 'ses-feedback check --help'"),
        (
            ("list", "--jsn"),
            "ses-feedback list: no such option: --jsn (Possible options: --json, --reason, --since); "
            "see 'ses-feedback list --help'",
        ),
        (
            ("show", "a@example.com", "b@example.com"),
            "ses-feedback show: got unexpected extra argument(s) (b@example.com); see 'ses-feedback show --help'",
        ),
        (("--frob",), "ses-feedback: no such option: --frob; see 'ses-feedback --help'"),
    ],
)
def test_usage_errors_are_one_line(cli: Run, arguments: tuple[str, ...], line: str) -> None:
    """What is wrong, and where help is; exit 2."""
    assert cli(*arguments) == (2, "", line + "\n")


def test_every_problem_of_the_configuration_is_a_line(cli: Run, config_file: Path) -> None:
    """Problems are told all at once, each with its path."""
    config_file.write_text(CONFIG.replace("us-east-1", "nowhere", 1) + 'team = "develpers"\n')
    done = cli("check", "jane@example.net")
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) >= 2
    assert "deployment.region: " in done.err
    assert 'identities."news@example.com".team: ' in done.err


def test_a_missing_configuration_is_one_line(cli: Run) -> None:
    """The line names the file and the option."""
    done = cli("check", "jane@example.net", "--config", "nope.toml")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "nope.toml" in done.err
    assert "--config" in done.err


@contextmanager
def broken(config: Config) -> Iterator[Deployment]:
    """Fail as no adapter should."""
    raise KeyError("Responses\nof nothing")
    yield


@contextmanager
def interrupted(config: Config) -> Iterator[Deployment]:
    """Be stopped by Ctrl-C."""
    raise KeyboardInterrupt
    yield


@contextmanager
def racing(config: Config) -> Iterator[Deployment]:
    """Fail in words."""
    raise RetryableError("lost 3 races for one address")
    yield


@pytest.mark.usefixtures("config_file")
def test_an_internal_error_is_one_line_and_its_traceback_on_request(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback unasked; the line says how to see it."""
    arguments = ["show", "jane@example.net"]
    assert run(arguments, Session(broken, lambda: NOW)) == 2
    err = capfd.readouterr().err
    assert err == (
        "ses-feedback: internal error, please report it: KeyError: 'Responses\\nof nothing'; "
        "SES_FEEDBACK_DEBUG=1 shows where\n"
    )
    monkeypatch.setenv("SES_FEEDBACK_DEBUG", "1")
    assert run(arguments, Session(broken, lambda: NOW)) == 2
    assert "Traceback (most recent call last)" in capfd.readouterr().err


@pytest.mark.usefixtures("config_file")
def test_errors_of_ours_are_told_as_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    """An error that speaks for itself is the line."""
    assert run(["show", "jane@example.net"], Session(racing, lambda: NOW)) == 2
    assert capfd.readouterr().err == "ses-feedback: lost 3 races for one address\n"


@pytest.mark.usefixtures("config_file")
def test_an_interrupt_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C exits 130, as a shell reports SIGINT, and says nothing."""
    assert run(["show", "jane@example.net"], Session(interrupted, lambda: NOW)) == 130
    assert capfd.readouterr() == ("", "")


def test_ctrl_c_while_reading_standard_input(config_file: Path) -> None:
    """The process ends with 130 and no traceback."""
    child = subprocess.Popen(
        [*MAIN, "explain", "-", "--json"],
        cwd=config_file.parent,
        env=environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin is not None
    # More than a pipe holds: once it is written, all imports are done and the command waits for the rest.
    child.stdin.write(b" " * 1_000_000)
    child.send_signal(signal.SIGINT)
    out, errors = child.communicate(timeout=60)
    assert (child.returncode, out, errors) == (130, b"", b"")


def test_a_closed_pipe_is_quiet(config_file: Path) -> None:
    """`… | head -1` gets its line; nothing is said about the rest, and the exit code is 141."""
    (config_file.parent / "many.jsonl").write_text(BOUNCE * 3000)
    child = subprocess.Popen(
        [*MAIN, "explain", "many.jsonl", "--json"],
        cwd=config_file.parent,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline().startswith('{"kind": "bounce"')
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert (child.wait(60), errors) == (141, "")


class Full(io.StringIO):
    """A file on a full disk: what was written is refused when it is flushed."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_one_line(config_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What could not be written is an error, never silently lost."""
    (config_file.parent / "bounce.json").write_text(BOUNCE)
    with redirect_stdout(Full()):
        code = run(["explain", "bounce.json", "--json"])
    assert (code, capfd.readouterr().err) == (
        2,
        "ses-feedback: standard output cannot be written: No space left on device\n",
    )


def test_a_closed_standard_output_is_one_line(
    config_file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ses-feedback … >&-` has nowhere to answer: an error, not silence."""
    (config_file.parent / "bounce.json").write_text(BOUNCE)
    monkeypatch.setattr(sys, "stdout", None)
    code = run(["explain", "bounce.json"])
    monkeypatch.undo()
    assert (code, capfd.readouterr().err) == (2, "ses-feedback: standard output is closed\n")


def in_a_terminal(folder: Path, **variables: str) -> str:
    """Return what ``explain`` shows in a terminal."""
    parent, child = pty.openpty()
    environment = environ(TERM="xterm-256color", COLUMNS="120", **variables)
    if "NO_COLOR" not in variables:
        environment.pop("NO_COLOR", None)
    done = subprocess.Popen(
        [*MAIN, "explain", "bounce.json"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    shown = b""
    try:
        while block := os.read(parent, 4096):
            shown += block
    except OSError:  # Linux answers EIO when the other end is gone
        pass
    os.close(parent)
    assert done.wait(60) == 0
    return shown.decode()


def test_a_terminal_gets_colours_unless_they_are_off(config_file: Path) -> None:
    """What suppresses is red in a terminal; NO_COLOR turns colours off; a pipe never gets any."""
    (config_file.parent / "bounce.json").write_text(BOUNCE)
    assert "\x1b[1;31msuppress" in in_a_terminal(config_file.parent)
    assert "[31m" not in (plain := in_a_terminal(config_file.parent, NO_COLOR="1"))
    assert "[1;31m" not in plain
    assert "suppress" in plain
