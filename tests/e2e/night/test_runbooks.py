"""Every command of every runbook, and of the pages beside them, is typed as it is written, and works.

At the root of a clone whose `feedback.toml` is the repository's, deployed. The account's number is another (see
``SHOWN_ACCOUNT``), and so are two words that stand for what the reader has found or holds (see ``words``).
"""

from __future__ import annotations

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

from local.state import ROOT
from tests.e2e import messages
from tests.e2e.night.conftest import JANE, NEWS, SHOP, Night
from tests.e2e.night.shell import Done
from tests.unit.docs.commands import Command, commands

RUNBOOKS: Final = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
OTHERS: Final = [ROOT / "docs" / name for name in ("operation.md", "dashboard.md", "lookup.md")]
DEPLOYING: Final = ROOT / "docs" / "deploy.md"
ASKING: Final = ("aws", "ses-feedback")


def unique(found: list[Command]) -> list[Command]:
    return list({command.text: command for command in reversed(found)}.values())[::-1]


# What is typed where it may take its time, or the table: by how the command begins, the test that does.
ELSEWHERE: Final = {
    "ses-feedback prove": "tests/e2e/test_proving.py",
    "aws dynamodb update-table": "tests/e2e/test_deploying.py, by the same calls",
    "aws dynamodb delete-table": "tests/e2e/test_deploying.py, by the same calls",
    "aws secretsmanager delete-secret": "tests/e2e/test_deploying.py",
    "aws service-quotas ": "test_what_the_embedded_aws_lacks_is_there_on_aws, below",
}
# Of how to deploy, only what asks or tells an account that has it: how it gets there, other tests do.
ALL: Final = unique(
    [command for path in (*RUNBOOKS, *OTHERS) for command in commands(path)]
    + [c for c in commands(DEPLOYING) if c.program in ASKING and not c.text.startswith(tuple(ELSEWHERE))]
)
SHELL: Final = [command for command in ALL if command.program in ASKING]
CDK: Final = [command for command in ALL if command.program == "npx"]
_READS: Final = re.compile(
    r"aws \w+ (describe|get|list|receive|detect)-|aws logs tail |.* --dry-run$"
    r"|ses-feedback (check|list|show|explain|routes|doctor$|quarantine (list|show))"
)
READING: Final = [command for command in SHELL if _READS.match(command.text)]
CHANGING: Final = [command for command in SHELL if command not in READING]
PROGRAMS: Final = ("ses-feedback ", "aws ", "npx ")
# Documented exit codes besides 0: somebody is suppressed, something is wrong.
CODES: Final = {"ses-feedback check": 1, "ses-feedback doctor": 1}
DURATION: Final = (
    "aws cloudwatch get-metric-statistics --region us-east-1 --namespace AWS/Lambda --metric-name Duration"
)
# What commands must show on such a night: each is about something that is there to be seen.
TELLS: Final = {
    "aws cloudwatch describe-alarms --region us-east-1 --alarm-types": f"ses-feedback {NEWS} page",
    "aws cloudwatch describe-alarms --region us-east-1 --alarm-names": "ses-feedback counted late",
    DURATION: '"Maximum"',
    "aws lambda get-function-event-invoke-config": "ses-feedback-retry",
    "aws lambda list-event-source-mappings": '"UUID"',
    "aws logs tail /aws/lambda/ses-feedback-record_feedback": "REPORT",
    "aws logs tail /aws/lambda/ses-feedback-tally_feedback --region us-east-1 --since 1h": "REPORT",
    "aws sns list-subscriptions-by-topic": '"SubscriptionArn"',
    "aws sqs list-queues": "_digest_",
    "ses-feedback doctor": "ses-feedback redrive",
    "ses-feedback list --environment production --reason hard_bounce": JANE,
    "ses-feedback show jane": "hard_bounce",
    "ses-feedback quarantine list": "no readable time",
    "ses-feedback quarantine show": "no readable time",
    "ses-feedback redrive --dry-run": "ses-feedback-dead-letters: 1 ",
}


@pytest.fixture(scope="module")
def words(night: Night, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is another here than on the page: a piece's id, and a file of the reader's own."""
    notification = tmp_path_factory.mktemp("own") / "bounce.json"
    notification.write_text(messages.bounce(SHOP, messages.someone("own")), encoding="utf-8")
    return {"5d41402a": night.piece, "bounce.json": str(notification)}


@pytest.fixture(scope="module")
def read(night: Night, words: dict[str, str]) -> dict[str, Done]:
    """How every command that only looks ended, some at a time."""
    with ThreadPoolExecutor(4) as pool:
        texts = [command.text for command in READING]
        return dict(zip(texts, pool.map(lambda text: night.shell.run(text, **words), texts), strict=True))


def allowed(text: str) -> set[int]:
    return {0, *(code for begin, code in CODES.items() if text.startswith(begin))}


@pytest.mark.parametrize("command", READING, ids=lambda command: command.where)
def test_a_command_that_looks_shows_what_is_there(read: dict[str, Done], command: Command) -> None:
    """It succeeds, says nothing on standard error, and shows what it is there to show."""
    done = read[command.text]
    assert done.code in allowed(command.text), done
    assert done.err == ""
    for begin, what in TELLS.items():
        if command.text.startswith(begin):
            assert what in done.out


@pytest.mark.parametrize("command", CHANGING, ids=lambda command: command.where)
def test_a_command_that_does_something_does_it_in_a_terminal(
    night: Night, words: dict[str, str], command: Command
) -> None:
    """It succeeds, and asks nothing. Who reads `pause` has an identity that sends, who reads `resume` a paused one."""
    paused = not night.loop.ask("pauses", NEWS)[0]["resumed_at"]
    for begin, before, needed in (("pause", "resume", False), ("resume", "pause", True)):
        if command.text.startswith(f"ses-feedback {begin} ") and paused is not needed:
            assert night.shell.type(f'ses-feedback {before} {NEWS} --why "as the page begins"').code == 0
    done = night.shell.type(command.text, **words)
    assert done.code in allowed(command.text), done


def test_every_runbook_is_typed() -> None:
    """Nothing is left out: each page has commands, and each command is of one kind."""
    assert {command.file for command in ALL} >= {path.relative_to(ROOT).as_posix() for path in RUNBOOKS}
    assert len(READING) + len(CHANGING) + len(CDK) == len(ALL)
    for begin in TELLS:
        assert any(command.text.startswith(begin) for command in READING), begin


def test_what_the_embedded_aws_lacks_is_there_on_aws() -> None:
    """Service Quotas is not in it: the command's words are those of the operation, by botocore's model."""
    (command,) = [c for c in commands(DEPLOYING) if c.text.startswith("aws service-quotas ")]
    _, service, operation, *words = shlex.split(command.text)
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given.pop("--region")
    model = (
        botocore.session.get_session()
        .get_service_model(service)
        .operation_model("".join(part.capitalize() for part in operation.split("-")))
    )
    members = model.input_shape.members
    named = {"--" + xform_name(name, "-"): name for name in members}
    assert set(given) <= set(named)
    assert {named[word] for word in given} >= set(model.input_shape.required_members)
    for begin in ELSEWHERE:
        assert any(c.text.startswith(begin) for c in commands(DEPLOYING)), begin


def test_commands_that_alarms_name_work(night: Night) -> None:
    """What stands in backquotes in the description of a deployed alarm; `E`, `ADDRESS` and `ID` are the reader's."""
    own = {"--environment E": "--environment production", "ADDRESS": JANE, "show ID": f"show {night.piece}"}
    pages = night.loop.cloud.client("cloudwatch").get_paginator("describe_alarms")
    alarms = [
        alarm
        for page in pages.paginate(AlarmTypes=["CompositeAlarm", "MetricAlarm"])
        for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"])
    ]
    named = {
        text
        for alarm in alarms
        for text in re.findall(r"`([^`]+)`", alarm["AlarmDescription"])
        if text.startswith(PROGRAMS)
    }
    assert {"ses-feedback redrive", "ses-feedback quarantine retry --all", "ses-feedback doctor --fix"} <= named
    here = (text for text in named if not text.startswith(tuple(ELSEWHERE)))
    for text in sorted(here, key=lambda text: (not _READS.match(text), text)):
        done = night.shell.run(text, **own)
        assert done.code in allowed(text), f"{text}: {done}"


def test_wiring_anew_sets_what_was_dropped(night: Night) -> None:
    """The deployment that a runbook asks for; a user's own settings of the CDK say that it is this AWS."""
    ses = night.loop.cloud.client("ses")
    ses.set_identity_feedback_forwarding_enabled(Identity=SHOP, ForwardingEnabled=True)
    ses.set_identity_notification_topic(Identity=SHOP, NotificationType="Bounce")
    (command,) = CDK
    done = night.shell.run(command.text)
    assert done.code == 0, done
    answer = ses.get_identity_notification_attributes(Identities=[SHOP])
    assert answer["NotificationAttributes"][SHOP]["BounceTopic"] == night.loop.topic("bounce", SHOP)
