"""``replay --on-aws``: the state machine does it, and this shows how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ses_feedback.cli import INTERRUPTED
from ses_feedback.cli.screen import GOOD, QUIET, STRONG, Screen, Styled, tell
from ses_feedback.cli.words import count
from ses_feedback.cli.work import progress

if TYPE_CHECKING:
    from ses_feedback.adapters.replay_machine import ReplayMachine
    from ses_feedback.cli.session import Deployment
    from ses_feedback.usecases.rate import Stop
    from ses_feedback.usecases.replay_reading import Window

_LOOK_S: Final = 5.0
_INCOMPLETE: Final = 2
_RUNNING: Final = "RUNNING"


def replay_on_aws(
    screen: Screen,
    deployment: Deployment,
    window: Window,
    per_second: int,
    json: bool,
    stop: Stop,
    look: float = _LOOK_S,
) -> int:
    """Start a replay on AWS and follow it to its end; return the exit code. Ctrl-C only stops following it."""
    deployment.store.verify()
    machine = deployment.replay_machine
    execution = machine.start(window, per_second)
    tell(f"started: {execution}")
    if not _follow(machine, execution, stop):
        tell("it goes on without this command; Step Functions shows how far it is, and ends it")
        return INTERRUPTED
    failure, first, second = machine.outcome(execution)
    if json:
        screen.record({"execution": execution, "failure": failure or None, "evidence": first, "deliveries": second})
    elif not failure:
        _show(screen, first, second)
    if failure:
        tell(f"ses-feedback: the replay failed ({failure}): redrive that execution, or run this command again")
    left = [counts.get(name) for counts in (first, second) for name in ("unread", "problems")]
    for some in left:
        for reason, number in (some or {}).items():
            tell(f"ses-feedback: not done: {number:,} {reason}")
    return _INCOMPLETE if failure or any(left) else 0


def _follow(machine: ReplayMachine, execution: str, stop: Stop) -> bool:
    """Return whether an execution came to its end before somebody had enough of looking."""
    with progress("replaying on AWS") as advance:
        shown = 0
        while True:
            found = machine.progress(execution)
            advance(found.done - shown)
            shown = found.done
            if found.status != _RUNNING:
                return True
            if stop.is_set() or stop.wait(_LOOK_S):
                return False


def _show(screen: Screen, first: dict[str, Any], second: dict[str, Any]) -> None:
    screen.line(
        Styled(count(first.get("objects", 0), "object"), STRONG),
        f" read: {count(first.get('messages', 0), 'message')}, {count(first.get('events', 0), 'event')}, of these "
        f"{count(first.get('strikes', 0), 'strike')} and "
        f"{count(second.get('deliveries', 0), 'delivery', 'deliveries')}; "
        f"{count(first.get('decisions', 0), 'decision')} of operators",
    )
    for reason, number in first.get("skipped", {}).items():
        screen.line(Styled(f"{number:>9,}  ", QUIET), f"passed over: {reason}")
    for step, counts in (("strikes and decisions", first), ("deliveries", second)):
        written = Styled(f"{counts.get('written', 0):,} written", GOOD)
        screen.line(f"{step}: {counts.get('right', 0):,} right already, ", written)
