"""Plots as SVG, written by hand: a rate against AWS's lines over time, and when on-call was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import numpy as np

from backtest.simulator import Floats

WIDTH: Final = 860
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 190, 34, 40
_POINTS: Final = 500
_COLOURS: Final = ("#1f5fa8", "#4f93d6", "#9cc3ea", "#8a8a8a")
_MARKS: Final = {"page": "#c02020", "warn": "#d98a00"}
_MOST_MARKS: Final = 40


class Line(NamedTuple):
    """A series by minute, fractions, and what it is called."""

    name: str
    values: Floats


class Mark(NamedTuple):
    """Something that happened at a minute: ``page`` or ``warn``."""

    at: int
    kind: str


def plot(
    title: str, lines: Sequence[Line], *, review: float, start: int, end: int, onset: int | None, marks: Sequence[Mark]
) -> str:
    """Return an SVG of series from minute ``start`` to ``end``; times count from ``onset``, else from ``start``."""
    top = max(review * 1.25, *(float(np.nanmax(line.values[start:end])) * 1.05 for line in lines))
    top = min(top, review * 4)
    scale = _Scale(start, end, top)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
        *_axes(scale, start, end, top, start if onset is None else onset),
    ]
    at = scale.y(review)
    parts.append(_rule(_LEFT, at, WIDTH - _RIGHT, at, "#c02020", dashed=True))
    parts.append(f'<text x="{WIDTH - _RIGHT + 6}" y="{at + 4:.1f}" fill="#c02020">AWS reviews: {review:.2%}</text>')
    if onset is not None and start <= onset <= end:
        parts.append(_rule(scale.x(onset), _TOP, scale.x(onset), HEIGHT - _BOTTOM, "#555555", dashed=True))
    legend = _TOP + 8
    for line, colour in zip(lines, _COLOURS, strict=False):
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{_points(line, scale)}"/>')
        legend += 17
        parts.append(_rule(WIDTH - _RIGHT + 6, legend + 40, WIDTH - _RIGHT + 24, legend + 40, colour))
        parts.append(f'<text x="{WIDTH - _RIGHT + 30}" y="{legend + 44}">{escape(line.name)}</text>')
    for kind in ("warn", "page"):
        of = [mark for mark in marks if mark.kind == kind and start <= mark.at < end]
        for mark in of[:_MOST_MARKS]:
            parts.append(_rule(scale.x(mark.at), _TOP, scale.x(mark.at), HEIGHT - _BOTTOM, _MARKS[kind]))
        if of:
            legend += 17
            parts.append(_rule(WIDTH - _RIGHT + 6, legend + 40, WIDTH - _RIGHT + 24, legend + 40, _MARKS[kind]))
            parts.append(f'<text x="{WIDTH - _RIGHT + 30}" y="{legend + 44}">{kind} sent ({len(of)})</text>')
    return "\n".join([*parts, "</svg>", ""])


class _Scale(NamedTuple):
    start: int
    end: int
    top: float

    def x(self, minute: float) -> float:
        return _LEFT + (minute - self.start) / (self.end - self.start) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - min(value, self.top) / self.top * (HEIGHT - _TOP - _BOTTOM)


def _axes(scale: _Scale, start: int, end: int, top: float, zero: int) -> Iterator[str]:
    floor, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    yield _rule(_LEFT, floor, right, floor, "#000000")
    yield _rule(_LEFT, _TOP, _LEFT, floor, "#000000")
    for part in range(5):
        value = top * part / 4
        yield f'<text x="{_LEFT - 6}" y="{scale.y(value) + 4:.1f}" text-anchor="end">{value:.2%}</text>'
    day = 24 * 60
    unit, name = (day, "days") if end - start > 3 * day else (60, "hours")
    step = next(n for n in (1, 2, 5, 10, 20, 30, 60, 120) if (end - start) / unit / n <= 12) * unit
    first = -((zero - start) // step) * step
    for offset in range(first, end - zero + 1, step):
        at = scale.x(zero + offset)
        yield _rule(at, floor, at, floor + 4, "#000000")
        yield f'<text x="{at:.1f}" y="{floor + 17}" text-anchor="middle">{offset // unit}</text>'
    yield f'<text x="{right}" y="{floor + 33}" text-anchor="end">{name}</text>'


def _points(line: Line, scale: _Scale) -> str:
    """Return a series as points, each the highest of its stretch, so that no peak is lost."""
    edges = np.linspace(scale.start, scale.end, _POINTS + 1).astype(int)
    found = []
    for left, right in pairwise(edges):
        if right > left:
            found.append(f"{scale.x((left + right) / 2):.1f},{scale.y(float(np.max(line.values[left:right]))):.1f}")
    return " ".join(found)


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>'
