"""Laws of the rate alarms: whatever thresholds the file may have, CloudWatch takes the rules and a page is sound."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.alarms.kinds import BOUNCE_RATE, PAGE, WARN
from infra.alarms.rules import RATE_RULES, levels, percent, rate_rules
from ses_feedback.config import ConfigError, parse
from ses_feedback.config.model import Thresholds
from ses_feedback.config.problems import quote
from tests.property.thresholds import merged, tables
from tests.unit.config.files import SMALLEST

DAY_S, WEEK_S = 86_400, 604_800
FAST_BOUNCES = ("bounce", "page", "fast")
REVIEW = {"bounce": 0.05, "complaint": 0.001}


def loaded(stated: dict[str, Any]) -> Thresholds:
    return parse({**tomllib.loads(SMALLEST), "thresholds": stated}).thresholds


def check(thresholds: Thresholds) -> None:
    """The rules of some thresholds: CloudWatch takes them, AWS's review comes later, conditions are wider."""
    rules = {rule.label: rule for rule in rate_rules(thresholds)}
    assert [(r.kind, r.severity, r.label, r.needs) for r in rules.values()] == [
        (r.kind, r.severity, r.label, r.needs) for r in RATE_RULES
    ]
    defaults = {rule.label: rule for rule in RATE_RULES}
    for rule in rules.values():
        rate = "bounce" if rule.kind is BOUNCE_RATE else "complaint"
        assert rule.period_s % 60 == 0
        assert 60 <= rule.period_s <= WEEK_S
        assert 0 < rule.threshold < REVIEW[rate]
        assert rule.floor >= 1
        if rule.severity == PAGE:
            assert rule.threshold > rules[(rate, WARN)].threshold
        if rule.needs is None:
            assert rule.severity is None
            assert rule.period_s >= defaults[rule.label].period_s
            continue
        needed = rules[rule.needs]
        # Bad enough for the alarm is bad enough for its condition, of the same mail; only time can tell them apart.
        assert needed.threshold <= rule.threshold
        assert needed.floor <= rule.floor
        assert needed.period_s > rule.period_s
        assert needed.period_s >= 2 * rule.period_s or rule.label == FAST_BOUNCES


@given(tables())
def test_any_right_thresholds_make_sound_rules(stated: dict[str, Any]) -> None:
    """And the rules have the figures of the file."""
    thresholds = loaded(stated)
    check(thresholds)
    rules = {rule.label: rule for rule in rate_rules(thresholds)}
    for rate in ("bounce", "complaint"):
        table = merged(rate, stated.get(rate, {}))
        fast, slow, warn = (rules[rate, *of] for of in (("page", "fast"), ("page", "slow"), ("warn",)))
        assert f"{fast.period_s // 60}m" == table["fast_window"]
        assert f"{slow.period_s // 60}m" == f"{warn.period_s // 60}m" == table["slow_window"]
        assert (fast.floor, slow.floor, warn.floor) == (table["fast_floor"], table["slow_floor"], table["slow_floor"])
        for rule, name in ((fast, "page"), (slow, "page"), (warn, "warn")):
            assert float(percent(rule.threshold)[:-1]) == float(table[name][:-1])
            assert rule.level().startswith(percent(rule.threshold))
            assert percent(rule.threshold) in levels(thresholds, name)  # type: ignore[arg-type]


shares = st.one_of(st.decimals(-1, 6, places=4), st.decimals("-0.01", "0.11", places=4)).map(lambda d: f"{d}%")
windows = st.builds(lambda n, u: f"{n}{u}", st.integers(0, 200), st.sampled_from("smhd"))
floors = st.integers(-1, 80)
anything = st.fixed_dictionaries(
    {},
    optional={
        rate: st.fixed_dictionaries(
            {},
            optional={
                "warn": shares,
                "page": shares,
                "fast_window": windows,
                "slow_window": windows,
                "fast_floor": floors,
                "slow_floor": floors,
            },
        )
        for rate in ("bounce", "complaint")
    },
)


@given(anything, anything)
def test_whatever_the_loader_lets_through_makes_sound_rules(stated: dict[str, Any], own: dict[str, Any]) -> None:
    """Of all identities and of one: what is not sound is an error."""
    tree = {
        **tomllib.loads(SMALLEST),
        "thresholds": stated,
        "identities": {"example.com": {"thresholds": own}, "example.net": {}},
    }
    try:
        config = parse(tree)
    except ConfigError as error:
        for line in error.problems:
            path = line.partition(": ")[0]
            assert path.startswith(("thresholds.", f"identities.{quote('example.com')}.thresholds."))
        return
    for identity in config.identities.values():
        check(config.thresholds_of(identity))
    check(config.thresholds)
