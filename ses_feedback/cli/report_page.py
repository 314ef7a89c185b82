"""A report as one HTML page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from ses_feedback.cli.plots import percent
from ses_feedback.cli.report import TITLES, span
from ses_feedback.cli.words import moment
from ses_feedback.domain.reputation import REVIEW
from ses_feedback.usecases import archive_report as work
from ses_feedback.usecases.archive_report import Line, Report

_BOUNCE, _COMPLAINT = REVIEW["bounce"], REVIEW["complaint"]
_STYLE: Final = """
:root { color-scheme: light dark; --good: #3b7dd8; --bad: #d8433b; --line: #8884; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: right; font-weight: 600; }
td { text-align: right; font-variant-numeric: tabular-nums; } th, td { padding: .2rem .6rem; }
tr { border-bottom: 1px solid var(--line); } th:first-child, td:first-child { text-align: left; }
td:first-child { overflow-wrap: anywhere; } .over { color: var(--bad); font-weight: 600; }
svg { display: block; width: 100%; } .good { fill: var(--good); } .bad { fill: var(--bad); }
text { fill: currentColor; font-size: 11px; } .axis { stroke: var(--line); } .review { stroke: var(--bad); }
.rate { fill: none; stroke: var(--good); stroke-width: 2; }
"""
_WIDTH: Final = 900
_HEIGHT: Final = 160
_FOOT: Final = 20
_HEAD: Final = 14
_MOST_LABELS: Final = 12


def page_of(report: Report, deployment: str, now: int) -> str:
    """Return the page. Every text of a receiver or a sender is escaped."""
    title = f"{deployment}: SES feedback"
    asked = ", ".join(f"{name} {value}" for name, value in report.filter.wanted)
    body = "\n".join(_body(report))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        f"<p>{escape(span(report, now))}{escape(f', {asked}' if asked else '')}. Made {escape(moment(now))}.</p>\n"
        f"{body}\n</body></html>\n"
    )


def _body(report: Report) -> Iterator[str]:
    total = report.total
    if not total.events:
        yield "<p>No feedback in the archive, as far as was asked.</p>"
        return
    yield (
        f"<p>{total.delivered:,} delivered, {total.bounced:,} bounced "
        f"({_rate(total.bounce_rate, _BOUNCE)}), {total.complained:,} complained "
        f"({_rate(total.complaint_rate, _COMPLAINT)} of {total.reporting:,} where complaints are reported).</p>"
    )
    days = report.groups.get(work.BY_DAY, [])
    if days:
        yield "<h2>Delivered and bounced</h2>" + _volume(days)
        yield f"<h2>Bounce rate (AWS reviews at {percent(_BOUNCE)})</h2>"
        yield _curve(days, [line.bounce_rate for line in days], _BOUNCE)
        yield f"<h2>Complaint rate (AWS reviews at {percent(_COMPLAINT)})</h2>"
        yield _curve(days, [line.complaint_rate for line in days], _COMPLAINT)
    for group, title in TITLES.items():
        lines = report.groups.get(group, [])
        if lines:
            yield f"<h2>{escape(title)}</h2>" + (_classes(lines) if group == work.BY_CLASS else _rates(group, lines))


def _rates(group: str, lines: Sequence[Line]) -> str:
    head = (group, "delivered", "bounced", "rate", "complained", "rate", "soft", "blocked")
    rows = (
        (
            escape(line.name),
            f"{line.delivered:,}",
            f"{line.bounced:,}",
            _rate(line.bounce_rate, _BOUNCE),
            f"{line.complained:,}",
            _rate(line.complaint_rate, _COMPLAINT),
            f"{line.soft_bounced:,}",
            f"{line.blocked:,}",
        )
        for line in lines
    )
    return _table(head, rows)


def _classes(lines: Sequence[Line]) -> str:
    ordered = sorted(lines, key=lambda line: (-line.events, line.name))
    return _table(("class", "events"), ((escape(line.name), f"{line.events:,}") for line in ordered))


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{titles}</tr>\n{body}</table>"


def _rate(rate: float | None, review: float) -> str:
    text = percent(rate) or "none"
    return f'<span class="over">{text}</span>' if rate is not None and rate >= review else text


# --- plots ------------------------------------------------------------------------------------------------------------


def _volume(days: Sequence[Line]) -> str:
    largest = max(1, *(line.delivered + line.bounced for line in days))
    step = _WIDTH / len(days)
    parts = []
    for number, line in enumerate(days):
        good, bad = (_HEIGHT * n / largest for n in (line.delivered, line.bounced))
        x, width = number * step + step * 0.1, step * 0.8
        for height, below, class_ in ((good, 0.0, "good"), (bad, good, "bad")):
            y = _HEAD + _HEIGHT - below - height
            parts.append(f'<rect class="{class_}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>')
    return _svg(days, parts, f"{largest:,}")


def _curve(days: Sequence[Line], rates: Sequence[float | None], review: float) -> str:
    top = max(*(rate or 0.0 for rate in rates), review) * 1.1
    step = _WIDTH / len(days)

    def height(rate: float) -> float:
        return _HEAD + _HEIGHT * (1 - rate / top)

    known = [((number + 0.5) * step, height(rate)) for number, rate in enumerate(rates) if rate is not None]
    parts = [f'<line class="review" x1="0" x2="{_WIDTH}" y1="{height(review):.1f}" y2="{height(review):.1f}"/>']
    parts += [f'<polyline class="rate" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in known)}"/>']
    parts += [f'<circle class="good" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in known]
    return _svg(days, parts, percent(top))


def _svg(days: Sequence[Line], parts: Sequence[str], top: str) -> str:
    step, every = _WIDTH / len(days), -(-len(days) // _MOST_LABELS)
    bottom = _HEAD + _HEIGHT
    labels = "".join(
        f'<text x="{(number + 0.5) * step:.1f}" y="{bottom + 14}" text-anchor="middle">{escape(line.name[5:])}</text>'
        for number, line in enumerate(days)
        if number % every == 0
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {bottom + _FOOT}" role="img"><text x="0" y="10">{escape(top)}</text>'
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{bottom}" y2="{bottom}"/>{"".join(parts)}{labels}</svg>'
    )
