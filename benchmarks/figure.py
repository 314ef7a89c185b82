"""What a benchmark hands in: one measured figure, what it is held against, and whether that is good enough."""

from __future__ import annotations

from typing import NamedTuple


class NotMeasured(Exception):
    """A figure could not be taken; ``str(error)`` says why in one line."""


class Figure(NamedTuple):
    """One row of the table.

    ``measured`` and ``reference`` are texts with units; ``ratio`` is what the target is about: the measured figure in
    units of the reference, or of the limit where there is no peer. ``target`` bounds it, from below with ``at_least``.
    """

    name: str
    measured: str
    reference: str
    ratio: float
    target: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target

    @property
    def bound(self) -> str:
        """The target as the table shows it."""
        return f"{'≥' if self.at_least else '≤'} {self.target:.2f}"
