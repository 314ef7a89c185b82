from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ses_feedback.cli.app import app

from .conftest import Run

ROOT = Path(__file__).resolve().parents[3]
TOP: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
COMMANDS: dict[str, Any] = {
    **{name: command for name, command in TOP.items() if not hasattr(command, "commands")},
    **{f"quarantine {name}": command for name, command in TOP["quarantine"].commands.items()},
}
SECTIONS = dict(
    re.findall(r"(?ms)^##+ (\w[\w ]*)$\n(.*?)(?=^##+ |\Z)", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"))
)


def test_the_commands_of_the_contract_are_there() -> None:
    """DESIGN section 9, without those that come with later issues."""
    assert set(TOP) == {"explain", "check", "show", "suppress", "release", "list", "quarantine", "redrive"} | {
        "doctor",
        "prove",
        "routes",
        *("events", "report", "replay"),
        *("pause", "resume", "pauses"),
        *("import", "export", "erase", "sync", "respell"),
    }
    assert set(TOP["quarantine"].commands) == {"list", "show", "retry"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(cli: Run, name: str) -> None:
    """Help says what the command does, explains every option, and shows how it is typed."""
    done = cli(*name.split(), "--help")
    assert done.code == 0
    assert re.search(rf"Examples?:\n +ses-feedback {name}\s", done.out)
    assert "--json" in done.out
    assert "--config" in done.out
    command = COMMANDS[name]
    assert command.help
    assert len(command.get_short_help_str(60)) < 60
    for parameter in command.params:
        assert parameter.help, f"{name} {parameter.name} has no help"
        assert parameter.opts[0] in done.out or parameter.metavar in done.out


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_documented(name: str) -> None:
    """docs/cli.md has a section for each command with the examples of its help and each option of its own."""
    section = SECTIONS[name]
    for line in COMMANDS[name].epilog.splitlines()[2:]:
        assert line.strip() in section
    for parameter in COMMANDS[name].params:
        option = parameter.opts[0]
        if option.startswith("--") and option not in {"--json", "--config"}:
            assert f"`{option}" in section, f"{name} {option} is not documented"
