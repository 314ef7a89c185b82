"""What the documents tell a reader to type exists: targets, sub-commands, options, and operations of AWS."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

import botocore.session
import pytest
import typer
from botocore import xform_name
from typer.main import get_command

from infra.alarms.kinds import KINDS, AlarmKind
from ses_feedback.cli.app import app

from .commands import ROOT, Command, documented_commands, readme_commands

COMMANDS = documented_commands()
# Parts of the AWS command line that are no operation of an API, or spell it otherwise, with the options used here.
AWS_OWN = {
    ("logs", "tail"): {"--since", "--filter-pattern", "--follow"},
    ("s3", "ls"): {"--recursive"},
    ("s3", "cp"): set(),
    # Its `Endpoint` would be the option that all commands have.
    ("sns", "subscribe"): {"--topic-arn", "--protocol", "--notification-endpoint", "--attributes"},
}
AWS_EVERYWHERE = {"--region", "--query", "--output", "--profile"}
CDK_REGISTRY = ROOT / "node_modules/aws-cdk/lib/cli/cli-type-registry.json"
SOURCED = {".venv/bin/activate", ".local/env"}


@cache
def make_targets() -> dict[str, str]:
    """Return the targets that ``make help`` lists, with what each does."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z-]+):.*## (.*)$", text, re.MULTILINE))


@cache
def cdk_options(subcommand: str) -> frozenset[str]:
    """Return the options of a sub-command of the pinned CDK command line, from the registry it is made of."""
    registry = json.loads(CDK_REGISTRY.read_text(encoding="utf-8"))
    found = {**registry["globalOptions"], **registry["commands"][subcommand].get("options", {})}
    short = {alias for option in found.values() for alias in _listed(option.get("alias", []))}
    return frozenset({f"--{name}" for name in found} | {f"-{alias}" for alias in short if len(alias) == 1})


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def check_make(words: Sequence[str]) -> None:
    targets = [word for word in words if "=" not in word]
    assert set(targets) <= set(make_targets()), f"no such target: {targets}"


def check_ses_feedback(words: Sequence[str]) -> None:
    if words[0].startswith("-"):
        assert words[0] in ("--help", "--version")
        return
    group = get_command(app)
    subcommand = group.commands.get(words[0])  # type: ignore[attr-defined]
    assert subcommand is not None, f"no such command: {words[0]}"
    if hasattr(subcommand, "commands") and words[1:]:
        subcommand, words = subcommand.commands.get(words[1]), words[1:]
        assert subcommand is not None, f"no such command: {words[0]}"
    subcommand.make_context(words[0], list(words[1:]))  # raises where an option is unknown or an argument is missing


def check_cdk(words: Sequence[str]) -> None:
    assert words[0] == "cdk", words
    known = cdk_options(words[1])
    given = {word.partition("=")[0] for word in words[2:] if word.startswith("-")}
    assert given <= known, f"cdk {words[1]} has no {given - known}"


def check_git(words: Sequence[str]) -> None:
    """Whoever cloned the project has git; what it does with the lock file, the end-to-end tests show."""
    assert words[0] in ("ls-files", "diff")


def check_python(words: Sequence[str]) -> None:
    """In the activated environment, with a module of the project."""
    assert words[0] == "-m"
    assert find_spec(words[1]), f"no such module: {words[1]}"


def check_aws(words: Sequence[str]) -> None:
    service, operation = words[0], words[1]
    given = {word.partition("=")[0] for word in words[2:] if word.startswith("--")} - AWS_EVERYWHERE
    if (service, operation) in AWS_OWN:
        assert given <= AWS_OWN[service, operation]
        return
    model = botocore.session.get_session().get_service_model(service)
    named = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in named, f"{service} has no operation {operation}"
    shape = model.operation_model(named[operation]).input_shape
    known = set()
    for member, what in (shape.members if shape else {}).items():
        known.add(f"--{xform_name(member, '-')}")
        if what.type_name == "boolean":
            known.add(f"--no-{xform_name(member, '-')}")
    assert given <= known, f"{service} {operation} has no {given - known}"


def check(words: Sequence[str]) -> None:
    program, rest = words[0], words[1:]
    if program == ".":
        assert len(rest) == 1
        assert rest[0] in SOURCED
    elif program == "jq":
        assert rest
    else:
        known = {
            "make": check_make,
            "ses-feedback": check_ses_feedback,
            "npx": check_cdk,
            "aws": check_aws,
            "git": check_git,
            "python": check_python,
        }
        assert program in known, f"nobody has {program} because of us"
        known[program](rest)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.where)
def test_every_command_of_every_document_exists(command: Command) -> None:
    """Each program, sub-command and option that a document has a reader type is really there."""
    for words in command.pipeline:
        check(words)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_command_that_an_alarm_names_exists(kind: AlarmKind) -> None:
    """What an alarm has somebody type at night is a command, with options that it has."""
    for text in re.findall(r"`([^`]+)`", f"{kind.look} {kind.do}"):
        if " " in text:
            check(shlex.split(text))


def test_alarms_name_the_commands_that_put_feedback_back_to_work() -> None:
    """The same as their runbooks: `redrive`, `quarantine`, `replay` and `doctor`, and nothing in a console."""
    texts = {kind.name: f"{kind.look} {kind.do}" for kind in KINDS}
    for name, command in (
        ("dead-letters", "redrive"),
        ("quarantined", "quarantine list --since 1d"),
        ("quarantined", "quarantine retry --all"),
        ("destination-failures", "replay --since 1d"),
        ("loop-silent", "doctor --fix"),
    ):
        assert f"`ses-feedback {command}`" in texts[name]
        assert f"ses-feedback {command}" in (ROOT / "docs/runbooks" / f"{name}.md").read_text(encoding="utf-8")
    assert not [name for name, text in texts.items() if "DLQ redrive" in text or "SES console, Not" in text]


def test_commands_are_found_at_all() -> None:
    """The finder sees fenced and indented blocks, pipelines, and variables before a program."""
    files = {command.file for command in COMMANDS}
    assert {"README.md", "docs/deploy.md", "docs/operation.md", "docs/cli.md"} <= files
    assert any(len(command.pipeline) > 1 for command in COMMANDS)
    assert "make demo" in [command.text for command in readme_commands()]


@pytest.mark.parametrize(
    "words",
    [
        ["make", "demon"],
        ["ses-feedback", "chek", "jane@example.com"],
        ["ses-feedback", "check"],
        ["ses-feedback", "quarantine", "lst"],
        ["ses-feedback", "quarantine", "retry", "--everything"],
        ["ses-feedback", "check", "jane@example.com", "--enviroment", "production"],
        ["aws", "sqs", "purge-queues", "--queue-url", "x"],
        ["aws", "sqs", "purge-queue", "--queue-uri", "x"],
        ["npx", "cdk", "deploy", "--al"],
        ["docker", "run"],
    ],
    ids=" ".join,
)
def test_a_command_that_does_not_exist_is_noticed(words: list[str]) -> None:
    """The check itself fails for a misspelt target, sub-command, option or operation, and for a foreign program."""
    with pytest.raises((AssertionError, typer.TyperException)):
        check(words)


def test_the_readme_has_commands_to_run_for_real() -> None:
    """The end-to-end tests have something of the README to run: the demo, and a question, an explanation, a release."""
    run = [command.text for command in readme_commands() if command.runs_in_e2e]
    assert "make demo" in run
    for subcommand in ("check", "show", "release"):
        assert any(text.startswith(f"ses-feedback {subcommand} ") for text in run)


def test_help_lists_every_target() -> None:
    """``make`` alone lists each phony target with one line on what it does."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    done = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True)
    listed = dict(re.findall(r"^  make ([a-z-]+) +(\S.*)$", done.stdout, re.MULTILINE))
    assert set(listed) == set(phony[1].split()) - {"help"}
