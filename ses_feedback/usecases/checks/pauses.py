"""Is an identity paused, and does whoever looks know why? A pause that was noted is no fault: somebody meant it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ses_feedback.domain.pauses import BREAKER, Pause
from ses_feedback.domain.plain_words import moment
from ses_feedback.usecases.checks.expected import ExpectedIdentity
from ses_feedback.usecases.checks.finding import NOTE, Finding
from ses_feedback.usecases.checks.live import SetState

_REFUSED: Final = "every mail of this identity is refused until somebody resumes it"


def check_sending(identity: ExpectedIdentity, state: SetState, noted: Pause | None) -> Iterator[Finding]:
    """Yield what there is to know of an identity that is paused, or noted to be; nothing where neither is so."""
    path, name = f"{identity.path}.configuration_set", identity.configuration_set
    resume = f'ses-feedback resume {identity.name} --why "WHAT WAS MENDED"'
    if state.sending:
        if noted is not None:
            yield _sends_all_the_same(identity, path, noted, resume)
    elif noted is None:
        yield Finding(
            "set paused",
            path,
            f"sending through {name} is paused, and nothing says why",
            f"somebody paused it past ses-feedback; {_REFUSED}",
            resume,
        )
    else:
        yield Finding(
            "set paused",
            path,
            f"paused by {noted.by} since {moment(noted.at)}",
            f"{noted.why}; {_REFUSED}: once that is mended",
            resume,
            level=NOTE,
        )


def _sends_all_the_same(identity: ExpectedIdentity, path: str, noted: Pause, resume: str) -> Finding:
    if noted.by == BREAKER and not noted.told:
        return Finding(
            "set paused",
            path,
            f"the circuit breaker tripped at {moment(noted.at)} and could not pause {identity.name}",
            f"it goes on sending: {noted.why}; the log of the function break_circuit says what failed",
            f'ses-feedback pause {identity.name} --why "THE BREAKER FAILED"',
        )
    return Finding(
        "set paused",
        path,
        f"noted as paused by {noted.by} since {moment(noted.at)}, but it sends",
        "somebody resumed it past ses-feedback: the command notes who did and why",
        resume,
        level=NOTE,
    )
