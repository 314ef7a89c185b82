"""The results of all scenarios: as tables for people, and as plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from backtest.account import VOLUME_DAYS
from backtest.mail import MINUTES_A_DAY, Feedback
from backtest.plots import Line, Mark, plot
from backtest.simulator import Floats
from backtest.verdict import Verdict
from ses_feedback import naming
from ses_feedback.domain.reputation import REVIEW

BEGIN: Final = "<!-- results: written by `make backtest`, from here -->"
NEVER: Final = "—"
END: Final = "<!-- results: to here -->"
_BEFORE: Final = 6 * 60
_AFTER_A_BURST: Final = 30 * 60
_LONG: Final = 10 * MINUTES_A_DAY


def since(minutes: int | None) -> str:
    """Return a time after the onset as people say it: ``18 min``, ``2.2 h``, ``24 d``; a dash for never."""
    if minutes is None:
        return NEVER
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 3 * MINUTES_A_DAY:
        return f"{minutes / 60:.1f} h"
    return f"{minutes / MINUTES_A_DAY:.0f} d"


def markdown(verdicts: Sequence[Verdict]) -> str:
    """Return the tables of the documentation."""
    return "\n\n".join((_healthy(verdicts), _harmful(verdicts), _usual(verdicts)))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _healthy(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for v in verdicts:
        if not v.scenario.harmful:
            warns = sum(t.severity == "warn" for t in v.messages)
            worst = [
                f"{max(a.rates.bounce.max() for a in v.assumed):.1%}",
                f"{max(a.rates.complaint.max() for a in v.assumed):.3%}",
            ]
            senders = str(len(v.mail.identities))
            rows.append(
                [v.scenario.name, v.scenario.says, senders, *worst, str(warns), str(_pages(v)), str(len(v.raw))]
            )
    head = (
        "healthy, a year",
        "",
        "senders",
        "AWS's bounce rate, at most",
        "complaint rate",
        "warns",
        "**pages**",
        "raw 5% / 0.1%",
    )
    return _table(head, rows)


def _pages(v: Verdict) -> int:
    return v.false_pages() + sum(a.page is not None for a in v.assumed)


def _harmful(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for v in verdicts:
        if v.scenario.harmful:
            cells = []
            for a in v.assumed:
                at = (
                    NEVER
                    if a.at_page is None
                    else f"{a.at_page:.2%}"
                    if v.scenario.rate == "bounce"
                    else f"{a.at_page:.3%}"
                )
                cells.append(f"{at} → {since(_after(v, a.crossed))}")
            warn, page = (since(_after(v, v.first(s))) for s in ("warn", "page"))
            if v.first("page") is None:
                page = "by AWS's rate: " + ", ".join(since(_after(v, a.page)) for a in v.assumed)
            incident = str(v.alarms_of_an_incident())
            rows.append([_linked(v), v.scenario.says, warn, f"**{page}**", *cells, incident, str(v.false_pages())])
    assumed = [f"V = {days} d: AWS's rate then → its line" for days in VOLUME_DAYS]
    head = ("harmful", "", "warn after", "**page after**", *assumed, "pages per incident", "false pages")
    return _table(head, rows)


def _linked(v: Verdict) -> str:
    return f"[{v.scenario.name}](backtest/{v.scenario.name}.svg)"


def _after(v: Verdict, at: int | None) -> int | None:
    return None if at is None else at - v.onset


def _usual(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for v in verdicts:
        if v.scenario.harmful:
            pages = [since(_after(v, a.account_page)) for a in v.assumed]
            before = sum(t.at < v.onset for t in v.raw)
            raw = next((t.at for t in v.raw if t.at >= v.onset), None)
            own = dict.fromkeys(since(_after(v, a.page)) for a in v.assumed)
            rows.append([v.scenario.name, ", ".join(own), *pages, since(_after(v, raw)), str(before)])
    assumed = [f"AWS's rate alone, V = {days} d" for days in VOLUME_DAYS]
    head = ("harmful", "ours", *assumed, "raw 5% / 0.1%", "of which false before")
    return _table(head, rows)


def picture(v: Verdict) -> str:
    """Return the plot of a harmful scenario: AWS's rate under each assumption, and the culprit's own day."""
    lines = [Line(f"AWS, V = {a.days} days", getattr(a.rates, v.scenario.rate)) for a in v.assumed]
    names = [v.scenario.culprit] if v.scenario.culprit else list(v.mail.identities)
    who = v.scenario.culprit or f"all {len(names)} together"
    lines.append(Line(f"{who}, 24 h", _daily(v, [v.mail.identities[name] for name in names])))
    crossed = max((a.crossed for a in v.assumed if a.crossed is not None), default=v.onset)
    slow = crossed - v.onset > _LONG
    start = v.onset - (5 * MINUTES_A_DAY if slow else _BEFORE)
    end = min(len(v.mail.minutes), max(crossed + (crossed - v.onset) // 5, v.onset + _AFTER_A_BURST))
    pages = {a.page for a in v.assumed if a.page is not None}
    own = [Mark(t.at, t.severity) for t in v.messages]
    marks = own if v.first("page") is not None else [*own, *(Mark(at, "page") for at in sorted(pages))]
    return plot(
        f"{v.scenario.name}: {v.scenario.says}",
        lines,
        review=REVIEW[v.scenario.rate],
        start=start,
        end=end,
        onset=v.onset,
        marks=marks,
    )


def _daily(v: Verdict, parts: Sequence[Feedback]) -> Floats:
    def day(name: str) -> Floats:
        running = np.cumsum(v.mail.counted(name, parts))
        return running - np.concatenate((np.zeros(MINUTES_A_DAY), running[:-MINUTES_A_DAY]))

    if v.scenario.rate == "bounce":
        bad = day(naming.METRIC_HARD_BOUNCED)
        whole = bad + day(naming.METRIC_DELIVERED)
    else:
        bad, whole = day(naming.METRIC_COMPLAINED), day(naming.METRIC_DELIVERED_REPORTING)
    return np.divide(bad, whole, out=np.zeros_like(bad), where=whole > 0)


def write(verdicts: Sequence[Verdict], page: Path, folder: Path) -> None:
    """Put the tables between the marks of a page, and the plots into a folder; what is unchanged is left alone."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    _update(page, f"{head}{BEGIN}\n\n{markdown(verdicts)}\n\n{END}{tail}")
    folder.mkdir(exist_ok=True)
    for verdict in verdicts:
        if verdict.scenario.harmful:
            _update(folder / f"{verdict.scenario.name}.svg", picture(verdict))


def _update(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def line(verdict: Verdict) -> str:
    """Return a scenario as one line for the terminal."""
    scenario, assumed = verdict.scenario, verdict.assumed
    if not scenario.harmful:
        pages = verdict.false_pages()
        warns = sum(t.severity == "warn" for t in verdict.messages)
        days = len(verdict.mail.minutes) // MINUTES_A_DAY
        said = f"{pages} pages, {warns} warns in {days} days (raw percentages: {len(verdict.raw)})"
    else:
        pairs = (f"{since(_after(verdict, a.page))} / {since(_after(verdict, a.crossed))}" for a in assumed)
        said = "page / AWS's line after " + ", ".join(pairs)
    problems = verdict.problems()
    return f"{scenario.name:<18} {'FAIL' if problems else 'pass'}  {said}" + "".join(f"; {p}" for p in problems)
