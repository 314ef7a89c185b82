"""Policy: how many strikes of a class, within which time, suppress for how long and how widely. Tiers are data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ses_feedback.domain import events as ev
from ses_feedback.domain.times import DAY

ENVIRONMENT: Final = "environment"
STREAM: Final = "stream"
Scope = Literal["environment", "stream"]


@dataclass(frozen=True, slots=True)
class Tier:
    """The ``count``-th strike within ``within`` ms suppresses for ``suppress_for`` ms (``None``: without end).

    ``within`` is ``None`` for a tier that counts every strike there ever was: with ``count = 1``, or without end.
    """

    count: int
    within: int | None
    suppress_for: int | None
    scope: Scope


Policy = Mapping[str, tuple[Tier, ...]]

DEFAULT_POLICY: Final[Policy] = {
    ev.HARD_BOUNCE: (Tier(1, None, None, ENVIRONMENT),),
    ev.COMPLAINT: (Tier(1, None, None, STREAM),),
    ev.UNSUBSCRIBE: (Tier(1, None, None, STREAM),),
    ev.ALREADY_SUPPRESSED: (Tier(1, None, 30 * DAY, ENVIRONMENT),),
    ev.SOFT_BOUNCE: (Tier(5, 14 * DAY, 30 * DAY, ENVIRONMENT),),
    ev.BLOCKED: (Tier(5, 14 * DAY, 7 * DAY, STREAM),),
}


def bound(tier: Tier) -> int:
    """Return how many strikes of its class a tier needs to see, so that no newer strike can erase a live suppression.

    After the strike that triggered, at most ``count - 1`` more fit into each window without triggering anew; that many
    windows fit into the suppression, and one more may be half over. A tier without end needs its newest ``count``.
    """
    if tier.within is None or tier.suppress_for is None:
        return tier.count
    windows = -(-tier.suppress_for // tier.within) + 1
    return tier.count + (tier.count - 1) * windows
