"""Right thresholds as the file has them: any keys left out, and what is left fitting to what these are without."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Table = dict[str, Any]
DEFAULTS: dict[str, Table] = {
    "bounce": {
        "warn": "2.5%",
        "page": "4%",
        "fast_window": "90m",
        "slow_window": "1440m",
        "fast_floor": 50,
        "slow_floor": 30,
    },
    "complaint": {
        "warn": "0.05%",
        "page": "0.08%",
        "fast_window": "360m",
        "slow_window": "4320m",
        "fast_floor": 20,
        "slow_floor": 15,
    },
}
_REVIEW = {"bounce": 50_000, "complaint": 1_000}  # in ten-thousandths of a percent
_WEEK = 7 * 24 * 60


def _percent(ten_thousandths: int) -> str:
    whole, rest = divmod(ten_thousandths, 10_000)
    return f"{whole}" + (f".{rest:04d}" if rest else "") + "%"


def _number(value: Any) -> float:
    return float(str(value).rstrip("%m"))


def fits(rate: str, table: Table) -> bool:
    """Whether the values of a whole table fit to each other."""
    values = {name: _number(value) for name, value in table.items()}
    floors = rate == "complaint" or values["slow_floor"] <= values["fast_floor"]
    return floors and values["warn"] < values["page"] and values["fast_window"] < values["slow_window"]


@st.composite
def tables(draw: st.DrawFn, base: dict[str, Table] | None = None) -> dict[str, Table]:
    """Tables of one or both rates; what they leave out is that of ``base``, or the default."""
    found: dict[str, Table] = {}
    for rate in draw(st.lists(st.sampled_from(["bounce", "complaint"]), unique=True, min_size=1)):
        shares = st.lists(st.integers(1, _REVIEW[rate] - 1), min_size=2, max_size=2, unique=True)
        windows = st.lists(st.integers(90, _WEEK // 2), min_size=2, max_size=2, unique=True)
        warn, page = sorted(draw(shares))
        fast, slow = sorted(draw(windows))
        slow_floor, fast_floor = sorted(draw(st.lists(st.integers(1, 1_000_000), min_size=2, max_size=2)))
        whole = {
            "warn": _percent(warn),
            "page": _percent(page),
            "fast_window": f"{fast}m",
            "slow_window": f"{slow}m",
            "fast_floor": fast_floor,
            "slow_floor": slow_floor,
        }
        names = draw(st.lists(st.sampled_from(sorted(whole)), unique=True, min_size=1))
        some = {name: whole[name] for name in names}
        found[rate] = some if fits(rate, merged(rate, some, base)) else whole
    return found


def merged(rate: str, table: Table, base: dict[str, Table] | None = None) -> Table:
    """Return a table with what it leaves out."""
    return {**DEFAULTS[rate], **(base or {}).get(rate, {}), **table}
