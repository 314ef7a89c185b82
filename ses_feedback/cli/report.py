"""``report``: rates and tops per identity and receiving domain, as tables with plots, or as one HTML page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from ses_feedback.cli.asking import (
    DEFAULT_SINCE,
    Campaign,
    Canaries,
    Identity,
    InEnvironment,
    InStream,
    Receiver,
    Since,
    Source,
    Until,
    Yes,
    ask,
    filter_of,
)
from ses_feedback.cli.options import DEFAULT_CONFIG, ConfigFile, Json
from ses_feedback.cli.plots import bar, percent
from ses_feedback.cli.screen import BAD, STRONG, Part, Screen, Styled, tell
from ses_feedback.cli.session import Session, quoted
from ses_feedback.cli.values import whole_number
from ses_feedback.cli.words import moment
from ses_feedback.config import load
from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.reputation import REVIEW
from ses_feedback.usecases import archive_report as work
from ses_feedback.usecases.archive_report import Line, Report

_BOUNCE, _COMPLAINT = REVIEW["bounce"], REVIEW["complaint"]
_TOP: Final = "10"
_WIDTH: Final = 24
TITLES: Final = {
    work.BY_DAY: "Days",
    work.BY_IDENTITY: "Identities, the worst first",
    work.BY_RECEIVER: "Receiving domains, the worst first",
    work.BY_CAMPAIGN: "Campaigns, the worst first",
    work.BY_CLASS: "What came back",
}
COLUMNS: Final = ("DELIVERED", "BOUNCED", "RATE", "COMPLAINED", "RATE", "SOFT", "BLOCKED")


def report(
    ctx: typer.Context,
    identity: Identity = None,
    environment: InEnvironment = None,
    stream: InStream = None,
    receiver: Receiver = None,
    campaign: Campaign = None,
    since: Since = DEFAULT_SINCE,
    until: Until = None,
    canaries: Canaries = False,
    top: Annotated[
        str, typer.Option("--top", metavar="N", help="The N worst and the N largest identities, receivers, campaigns.")
    ] = _TOP,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write the report as one page, with its plots, to FILE."),
    ] = None,
    source: Source = None,
    yes: Yes = False,
    json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> int:
    """Report rates per day, identity and receiver.

    Bounces and complaints are counted and divided as AWS does. One query answers it all. On AWS Athena reads the
    deployment's archive; with --from this computer reads any other one, with the same answer.
    """
    session: Session = ctx.obj
    settings = load(Path(config))
    page = None if html is None else _writable(html)
    most = whole_number("--top", top, 1_000)
    now = session.now()
    where = filter_of(
        now,
        since=since,
        until=until,
        canaries=canaries,
        identity=identity,
        environment=environment,
        stream=stream,
        receiver=receiver,
        campaign=campaign,
    )
    with session.archive(settings, source) as archive:
        found = work.report_of(where, ask(archive, work.question(where, most), agreed=yes))
    if page is not None:
        from ses_feedback.cli.report_page import page_of  # noqa: PLC0415 - only with --html

        _write(page, page_of(found, settings.deployment.name, now))
    screen = Screen()
    if json:
        for record in found.records():
            screen.record(record)
    else:
        _show(screen, found, now)
    if page is not None:
        tell(f"written: {page}")
    return 0


def span(found: Report, now: int) -> str:
    """Return which time a report is about."""
    return f"{moment(found.filter.since)} to {moment(min(found.filter.until, now))}"


def _writable(text: str) -> Path:
    """Return the page's path; raise before anything is read where it cannot be written."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise PermanentError(f"--html: {quoted(text)} is not a file in a folder that exists")
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PermanentError(f"--html: {quoted(str(path))} cannot be written: {error.strerror or error}") from error


def _show(screen: Screen, found: Report, now: int) -> None:
    total = found.total
    asked = ", ".join(f"{name} {value}" for name, value in found.filter.wanted)
    screen.line(Styled(span(found, now), STRONG), f", {asked}" if asked else "")
    if not total.events:
        screen.line("No feedback in the archive, as far as was asked.")
        return
    screen.line(
        f"{total.delivered:,} delivered, {total.bounced:,} bounced (",
        _rate(total.bounce_rate, _BOUNCE),
        f"), {total.complained:,} complained (",
        _rate(total.complaint_rate, _COMPLAINT),
        f" of {total.reporting:,} where complaints are reported)",
    )
    for group, title in TITLES.items():
        lines = found.groups.get(group, [])
        if not lines:
            continue
        screen.line("")
        screen.line(Styled(title, STRONG))
        if group == work.BY_CLASS:
            screen.table(("CLASS", "EVENTS", ""), _classes(lines))
        else:
            screen.table((group.upper(), *COLUMNS, ""), _rates(lines))


def _rates(lines: list[Line]) -> list[list[Part]]:
    """Return the rows of a table of rates, with a bar of the volume: what bounced is drawn at its end."""
    largest = max(line.delivered + line.bounced for line in lines)
    return [
        [
            line.name,
            f"{line.delivered:,}",
            f"{line.bounced:,}",
            _rate(line.bounce_rate, _BOUNCE),
            f"{line.complained:,}",
            _rate(line.complaint_rate, _COMPLAINT),
            f"{line.soft_bounced:,}",
            f"{line.blocked:,}",
            bar(line.delivered, line.bounced, largest, _WIDTH, _encoding()),
        ]
        for line in lines
    ]


def _classes(lines: list[Line]) -> list[list[Part]]:
    ordered = sorted(lines, key=lambda line: (-line.events, line.name))
    largest = ordered[0].events
    return [[line.name, f"{line.events:,}", bar(line.events, 0, largest, _WIDTH, _encoding())] for line in ordered]


def _rate(rate: float | None, review: float) -> Part:
    text = percent(rate)
    return Styled(text, BAD) if rate is not None and rate >= review else text


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "ascii"
