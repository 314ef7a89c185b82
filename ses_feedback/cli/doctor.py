"""``doctor``: is everything as the file says, and does it work?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.screen import BAD, GOOD, MILD, QUIET, STRONG, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session
from ses_feedback.cli.words import count
from ses_feedback.cli.work import progress
from ses_feedback.config import load

if TYPE_CHECKING:
    from ses_feedback.usecases.checks.finding import Finding
    from ses_feedback.usecases.doctor import Mended

SOMETHING_WRONG: Final = 1
INCOMPLETE: Final = 2
_FITS: Final = 32
Fix = Annotated[
    bool,
    typer.Option("--fix", help="Mend what is safe: set again what was dropped, switch on what was switched off."),
]


def doctor(
    ctx: typer.Context,
    fix: Fix = False,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Compare the file with what is deployed, and with SES.

    Shows what is wrong, why it matters, and the command that mends it. The exit code is 1 when something is wrong (with
    --fix: when something still is), and 2 when something could not be looked at.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    # A command that checks an address does not pay for importing all the checks.
    from ses_feedback.usecases.checks.finding import WRONG  # noqa: PLC0415
    from ses_feedback.usecases.doctor import Doctor, Mended  # noqa: PLC0415

    with session.connect(settings) as deployment:
        examiner = Doctor(settings, deployment.inventory, deployment.places)
        with progress("Looking", examiner.steps()) as advance:
            found = examiner.examine(advance)
        mended = Mended()
        if fix:
            with progress("Mending", len({f.fix for f in found.findings if f.fix})) as advance:
                mended = examiner.mend(found.findings, advance)
    screen = Screen()
    if json:
        for finding in found.findings:
            screen.record(_record(finding, mended))
    else:
        _show(screen, found.findings, mended, looked=not found.unchecked)
    for finding, problem in mended.problems.items():
        tell(f"ses-feedback: {finding.path}: not mended: {problem}")
    for line in found.unchecked:
        tell(f"ses-feedback: not looked at: {line}")
    if found.unchecked:
        return INCOMPLETE
    left = [f for f in found.findings if f.level == WRONG and f not in mended.done]
    return SOMETHING_WRONG if left else 0


def _record(finding: Finding, mended: Mended) -> dict[str, Any]:
    return {
        "check": finding.check,
        "level": finding.level,
        "path": finding.path,
        "what": finding.what,
        "why": finding.why,
        "mend": finding.mend,
        "fixable": finding.fix is not None,
        "mended": mended.done.get(finding),
        "problem": mended.problems.get(finding),
    }


def _show(screen: Screen, findings: list[Finding], mended: Mended, *, looked: bool) -> None:
    wrong = [f for f in findings if f.level == "wrong" and f not in mended.done]
    notes = [f for f in findings if f.level == "note" and f not in mended.done]
    if mended.done:
        screen.line(Styled("Mended", GOOD))
        screen.paragraphs(
            ("WHERE", "WHAT WAS WRONG", "DONE"),
            [(f.path, f.what, Styled(said, GOOD)) for f, said in mended.done.items()],
        )
    for title, style, some in (("Wrong", BAD, wrong), ("Worth knowing", MILD, notes)):
        if some:
            screen.line(Styled(title, style))
            commands: list[str] = []
            screen.paragraphs(("WHERE", "WHAT", "WHY", "MEND"), [_row(f, style, screen, commands) for f in some])
            for number, command in enumerate(commands, 1):
                screen.line(Styled(f"[{number}] ", QUIET), command)
    if wrong:
        kinds = ", ".join(f"{number} {check}" for check, number in Counter(f.check for f in wrong).most_common())
        screen.line(Styled(f"{count(len(wrong), 'thing')} wrong", STRONG), f": {kinds}")
        fixable = sum(f.fix is not None and f not in mended.problems for f in wrong)
        if fixable:
            screen.line(f"`ses-feedback doctor --fix` mends {fixable} of them.")
    elif looked:
        screen.line(Styled("All is well.", GOOD), f" {count(len(notes), 'thing')} worth knowing." if notes else "")


def _row(finding: Finding, style: str, screen: Screen, commands: list[str]) -> tuple[Part, ...]:
    """Return a row; a long command, which nobody could copy out of a folded column, goes below the table."""
    mend = finding.mend or ""
    if screen.terminal and len(mend) > _FITS:
        commands.append(mend)
        mend = f"[{len(commands)}] below"
    return finding.path, Styled(finding.what, style), finding.why, Styled(mend, QUIET)
