"""What on-call reads when sending is paused or goes on: subject and text, for mail, SMS and chat alike. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from ses_feedback.domain.pauses import BREAKER, Pause, Resumption
from ses_feedback.domain.plain_words import moment

LONGEST_SUBJECT: Final = 99  # SNS API reference, Publish: ASCII, fewer than 100 letters
_RUNBOOK: Final = "docs/operation.md, `Paused by the circuit breaker`"


class Text(NamedTuple):
    """A message: ``subject`` in one line of ASCII, ``body`` in lines."""

    subject: str
    body: str


def paused(identity: str, configuration_set: str, pause: Pause) -> Text:
    """Return the message about a pause that began."""
    tripped = pause.by == BREAKER
    who = "The circuit breaker" if tripped else pause.by
    lines = [
        f"{who} paused {identity} at {moment(pause.at)}.",
        f"WHY: {pause.why}",
        f"WHAT NOW: SES refuses all mail through the configuration set {configuration_set}, the default of {identity}. "
        "Refused mail is not kept: whoever sends it gets an error. Other identities send as before.",
        "DO: stop the mailing that did it and mend its list; then, and not before, "
        f'ses-feedback resume {identity} --why "WHAT WAS MENDED"'
        if tripped
        else f'DO: when that is settled, ses-feedback resume {identity} --why "WHAT WAS MENDED"',
    ]
    if pause.alarm is not None:
        lines.append(f"ALARM: {pause.alarm}")
    lines.append(f"RUNBOOK: {_RUNBOOK}")
    return Text(_subject("PAUSED", identity, " by its circuit breaker" if tripped else ""), "\n".join(lines))


def resumed(identity: str, pause: Pause | None, end: Resumption) -> Text:
    """Return the message about a pause that ended; ``pause`` is ``None`` where nobody had noted it."""
    before = (
        "It was paused past ses-feedback: nothing says when and why."
        if pause is None
        else f"WAS PAUSED: at {moment(pause.at)} by {pause.by}: {pause.why}"
    )
    lines = [f"{end.by} resumed {identity} at {moment(end.at)}: it sends again.", f"WHY: {end.why}", before]
    if pause is not None and pause.alarm is not None:
        lines.append(f"BREAKER: {rearmed(pause.alarm)}")
    return Text(_subject("Resumed", identity, ""), "\n".join(lines))


def rearmed(alarm: str) -> str:
    """Return when the breaker trips again: an alarm acts when it goes off, not while it is on."""
    return f'it trips when the alarm "{alarm}" goes off anew; while that is still on, nothing pauses the identity'


def _subject(what: str, identity: str, more: str) -> str:
    room = LONGEST_SUBJECT - len(what) - len(more) - 2
    name = identity if len(identity) <= room else identity[: room - 3] + "..."
    return f"{what}: {name}{more}".encode("ascii", "replace").decode()
