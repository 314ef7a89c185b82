"""What ``events`` and ``report`` share: which events, from which archive, at what cost, and what could not be read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from ses_feedback.cli.screen import tell
from ses_feedback.cli.session import quoted, read_address
from ses_feedback.cli.values import start_of
from ses_feedback.cli.work import progress
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.times import HOUR
from ses_feedback.usecases.archive import Archive, Filter, Question, Value

DEFAULT_SINCE: Final = "7d"
# More than this is read on AWS only when it was agreed to.
FREE_BYTES: Final = 10 * 10**9
# Athena's list price of a terabyte read, in most regions.
DOLLARS_A_TERABYTE: Final = 5.0

Since = Annotated[
    str,
    typer.Option("--since", metavar="TIME", help="Only what happened since: 7d, or a date such as 2026-11-01 (UTC)."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Only what happened before: 1d (ago), or a date such as 2026-11-08."),
]
Identity = Annotated[
    str | None, typer.Option("--identity", metavar="I", help="Only feedback of this identity, a domain or address.")
]
InEnvironment = Annotated[
    str | None, typer.Option("--environment", metavar="E", help="Only feedback of this environment.")
]
InStream = Annotated[str | None, typer.Option("--stream", metavar="S", help="Only feedback of this stream.")]
Receiver = Annotated[
    str | None, typer.Option("--receiver", metavar="DOMAIN", help="Only recipients of this domain, such as gmail.com.")
]
Campaign = Annotated[
    str | None, typer.Option("--campaign", metavar="C", help="Only mail sent with this value of the SES tag campaign.")
]
Canaries = Annotated[
    bool, typer.Option("--canaries", help="Also the test mails by which the loop proves itself; else left out.")
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PLACE",
        help="Read a folder, a file or s3://BUCKET/PREFIX here; else Athena reads the deployment's archive.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before Athena reads more than 10 GB.")]


def filter_of(
    now: int,
    *,
    since: str,
    until: str | None,
    canaries: bool,
    recipient: str | None = None,
    **wanted: str | None,
) -> Filter:
    """Return the filter that options name. Raises ``PermanentError``, which names the option that is wrong."""
    start, end = window(since, until, now)
    texts = {name.rstrip("_"): value.strip() for name, value in wanted.items() if value is not None}
    for name in ("identity", "receiver"):
        if name in texts:
            texts[name] = texts[name].lower()
    if recipient is not None:
        texts["recipient"] = read_address(recipient)
    return Filter(start, end, tuple(sorted(texts.items())), canaries)


def window(since: str, until: str | None, now: int) -> tuple[int, int]:
    """Return from when on, and before when, in ms. Raises ``PermanentError``, which names the option that is wrong."""
    start = start_of(since, now)
    # What is archived may be stamped up to an hour ahead of this computer's clock.
    end = now + HOUR if until is None else _end_of(until, now)
    if start >= end:
        raise PermanentError(f"--until: {quoted(until or '')} is not after --since, {quoted(since)}")
    return start, end


def _end_of(until: str, now: int) -> int:
    try:
        return start_of(until, now)
    except PermanentError as error:
        raise PermanentError(str(error).replace("--since", "--until")) from None


def ask(archive: Archive, question: Question, *, agreed: bool) -> list[Sequence[Value]]:
    """Return the rows of an answer, once its cost is agreed to, and tell what was passed over.

    Raises ``PermanentError`` where nobody can agree, and ``typer.Abort`` where somebody does not.
    """
    with progress("listing the archive"):
        size = archive.measure(question.filter.hours)
    archive.refuse(size.bytes_)
    if archive.priced and size.bytes_ > FREE_BYTES:
        _agree(size.bytes_, agreed)
    with progress("reading", size.bytes_, sizes=True) as advance:
        rows = list(archive.ask(question, advance))
    for reason, number in archive.skipped.most_common():
        tell(f"passed over: {number:,} {reason}")
    return rows


def _agree(size: int, agreed: bool) -> None:
    cost = f"Athena would read {gigabytes(size)}, about ${size / 10**12 * DOLLARS_A_TERABYTE:.2f}"
    if agreed:
        tell(cost)
        return
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stderr.isatty():
        raise PermanentError(f"{cost}: agree with --yes, or narrow --since and --until")
    if not typer.confirm(f"{cost}. Go on?", err=True):
        raise typer.Abort


def gigabytes(size: int) -> str:
    """Return a large size: ``12.4 GB``, ``1.2 TB``."""
    return f"{size / 10**12:.1f} TB" if size >= 10**12 else f"{size / 10**9:.1f} GB"
