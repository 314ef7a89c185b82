"""What watches and what waits: alarms that act, and queues that should be empty."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from ses_feedback import naming
from ses_feedback.usecases.checks.finding import NOTE, WRONG, EnableActions, Finding
from ses_feedback.usecases.checks.identities import MEND
from ses_feedback.usecases.checks.live import Alarm, Home

_PATH: Final = "deployment"
# A template that has not changed is not deployed, whatever was deleted since: only this compares it with what there is.
MAKE_ANEW: Final = "npx cdk deploy --all --revert-drift"


class Queue(NamedTuple):
    """A queue: how it is named, what waits there, what puts it back to work, and whether it should be empty."""

    name: Callable[[str], str]
    why: str
    mend: str | None = None
    serious: bool = True


# The retry queue and the tally are at work: what is in them for a moment is a note, no more.
QUEUES: Final = (
    Queue(
        naming.dead_letter_queue_name,
        "feedback that could not be recorded for days: its addresses are not suppressed; it is deleted after 14 days",
        "ses-feedback redrive dead-letters",
    ),
    Queue(
        naming.tally_dead_letter_queue_name,
        "feedback that could not be counted: rates are too low or too high by it",
        "ses-feedback redrive tally",
    ),
    Queue(
        naming.archive_dead_letter_queue_name,
        "feedback that the archive lacks: questions and a replay do not know it; it is deleted after 14 days",
        "ses-feedback redrive archive",
    ),
    Queue(
        naming.team_dead_letter_queue_name,
        "notifications that a team's or on-call's destination did not take; docs/runbooks/team-dead-letters.md",
    ),
    Queue(
        naming.retry_queue_name,
        "feedback that is being tried again; if it stays, docs/runbooks/retry-waiting.md",
        serious=False,
    ),
    Queue(
        naming.tally_queue_name,
        "feedback that is about to be counted; if it grows, docs/runbooks/tally-behind.md",
        serious=False,
    ),
)


def check_queue(queue: Queue, deployment: str, depth: int | None) -> Iterator[Finding]:
    """Yield what is wrong with a queue that holds ``depth`` messages, ``None`` if it is not there."""
    name = queue.name(deployment)
    if depth is None:
        yield Finding(
            "queue",
            _PATH,
            f"there is no queue {name}: it was deleted",
            "what should wait there is lost",
            MAKE_ANEW,
        )
    elif depth:
        level = WRONG if queue.serious else NOTE
        yield Finding("queue", _PATH, f"{_messages(depth)} in {name}", queue.why, queue.mend, level=level)


def _messages(number: int) -> str:
    return "1 message" if number == 1 else f"{number:,} messages"


def check_quarantine(number: int, *, more: bool) -> Iterator[Finding]:
    """Yield what is wrong with a quarantine that holds ``number`` pieces, or ``more``."""
    if number:
        pieces = "1 piece" if number == 1 else f"{number:,}{' or more' if more else ''} pieces"
        yield Finding(
            "quarantine",
            _PATH,
            f"{pieces} in quarantine",
            "feedback that could not be read, or belongs to no identity of the file: its addresses are not suppressed",
            "ses-feedback quarantine list",
        )


def check_alarms(home: Home, made: Iterable[str], live: Mapping[str, Alarm]) -> Iterator[Finding]:
    """Yield what is wrong with the alarms that the stacks ``made``, given those there are."""
    for name in sorted(made):
        alarm = live.get(name)
        if alarm is None:
            yield Finding(
                "alarm",
                _PATH,
                f'the alarm "{name}" was deleted',
                "nobody is told of what it watched",
                MAKE_ANEW,
            )
        elif not alarm.acts:
            yield Finding(
                "alarm",
                _PATH,
                f'the actions of the alarm "{name}" are switched off',
                "it goes off and nobody is told",
                MEND,
                fix=EnableActions(name),
            )
        elif alarm.state == "ALARM":
            yield Finding(
                "alarm",
                _PATH,
                f'the alarm "{name}" is on',
                "its description says what happened, where to look and what to do",
                f"aws cloudwatch describe-alarms --region {home.region} --alarm-types CompositeAlarm MetricAlarm"
                f" --alarm-names {shlex.quote(name)}",
                level=NOTE,
            )
