"""[thresholds] and identities."…".thresholds: what they mean, and one line for whatever is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ses_feedback.config.model import RateThresholds, Thresholds
from ses_feedback.domain.times import DAY, HOUR, MINUTE
from tests.unit.config.files import config, problems

BOUNCE = RateThresholds(0.025, 0.04, 90 * MINUTE, 50, DAY, 30)
COMPLAINT = RateThresholds(0.0005, 0.0008, 6 * HOUR, 20, 3 * DAY, 15)
IDENTITY = '[identities."example.com".thresholds]\n'


def test_left_out_they_are_those_of_the_backtest() -> None:
    """In a file that says nothing, in empty tables, and for an identity that says nothing of its own."""
    for text in (
        "",
        "[thresholds]",
        "[thresholds.bounce]\n[thresholds.complaint]",
        IDENTITY,
        f"{IDENTITY}bounce = {{}}",
    ):
        loaded = config(text)
        assert loaded.thresholds == Thresholds(BOUNCE, COMPLAINT)
        (identity,) = loaded.identities.values()
        assert identity.thresholds is None
        assert loaded.thresholds_of(identity) == loaded.thresholds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('bounce = { page = "3%" }', Thresholds(replace(BOUNCE, page=0.03), COMPLAINT)),
        ('bounce = { warn = "4.9998%", page = "4.9999%" }', Thresholds(replace(BOUNCE, warn=0.049998, page=0.049999))),
        ('bounce = { warn = "0.0001%" }', Thresholds(replace(BOUNCE, warn=0.000001), COMPLAINT)),
        ('complaint = { page = "0.0999%" }', Thresholds(BOUNCE, replace(COMPLAINT, page=0.000999))),
        ('bounce = { fast_window = "121m" }', Thresholds(replace(BOUNCE, fast_window=121 * MINUTE), COMPLAINT)),
        ('bounce = { slow_window = "84h" }', Thresholds(replace(BOUNCE, slow_window=84 * HOUR), COMPLAINT)),
        ('bounce = { slow_window = "121m" }', Thresholds(replace(BOUNCE, slow_window=121 * MINUTE), COMPLAINT)),
        ("bounce = { fast_floor = 30 }", Thresholds(replace(BOUNCE, fast_floor=30), COMPLAINT)),
        ("bounce = { fast_floor = 1_000_000 }", Thresholds(replace(BOUNCE, fast_floor=1_000_000), COMPLAINT)),
        ("complaint = { fast_floor = 1 }", Thresholds(BOUNCE, replace(COMPLAINT, fast_floor=1))),
        ("complaint = { slow_floor = 500 }", Thresholds(BOUNCE, replace(COMPLAINT, slow_floor=500))),
    ],
)
def test_values_at_and_within_the_bounds(text: str, expected: Thresholds) -> None:
    """Each key by itself, of all and of one identity alike."""
    assert config(f"[thresholds]\n{text}").thresholds == expected
    loaded = config(IDENTITY + text)
    assert loaded.identities["example.com"].thresholds == expected
    assert loaded.thresholds == Thresholds(BOUNCE, COMPLAINT)


def test_what_an_identity_leaves_out_is_that_of_all_and_then_the_default() -> None:
    """Key by key, wherever in the file the tables stand."""
    loaded = config("""
        [identities."example.com".thresholds]
        bounce = { page = "3.5%" }
        [identities."news.example.com"]
        [thresholds.bounce]
        warn = "2%"
        page = "3%"
        [thresholds.complaint]
        slow_floor = 10
    """)
    of_all = Thresholds(replace(BOUNCE, warn=0.02, page=0.03), replace(COMPLAINT, slow_floor=10))
    assert loaded.thresholds == of_all
    own, other = loaded.identities.values()
    assert loaded.thresholds_of(own) == replace(of_all, bounce=replace(of_all.bounce, page=0.035))
    assert loaded.thresholds_of(other) == of_all


TO_5 = "right is above 0% and below 5%"
LATE = f"is too late: AWS reviews an account at 5%, and on-call must know before; {TO_5}"
ANY = f"is reached by any mail, a good one too; {TO_5}"
FORM = 'is not a percentage such as "4%", with up to four digits after a point'
SIGN = 'must be a string with a percent sign such as "4%", not'
ROOM = (
    "leaves no room for the condition over twice that time, by which late feedback of good mail alarms nobody: "
    "CloudWatch looks back 7d; right is 90m to 84h"
)
FLOOR = "it is the fewest bad events that make an alarm"
TWICE = (
    "would page twice of one burst: CloudWatch evaluates the slow page's condition once an hour; right is 90m to 84h"
)
MINUTES = "is not a number of whole minutes, which CloudWatch counts by; right is 90m to 84h"
FIRST = "on-call is warned first, and paged where it gets worse"
LONGER = "the fast page counts only where a longer time is bad too"
FLOORS = "the fast page needs the warning of the slow window too, and so its floor"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # at AWS's line, above it, at nothing and below
        ('bounce = { page = "5%" }', f'bounce.page: "5%" {LATE}'),
        ('bounce = { page = "105.5%" }', f'bounce.page: "105.5%" {LATE}'),
        ('bounce = { warn = "5.0%" }', f'bounce.warn: "5.0%" {LATE}'),
        (
            'complaint = { page = "0.1%" }',
            'complaint.page: "0.1%" is too late: AWS reviews an account at 0.1%, and on-call must know before; '
            "right is above 0% and below 0.1%",
        ),
        ('bounce = { page = "0%" }', f'bounce.page: "0%" {ANY}'),
        ('bounce = { warn = "0.00%" }', f'bounce.warn: "0.00%" {ANY}'),
        ('bounce = { page = "-4%" }', f'bounce.page: "-4%" {ANY}'),
        # not a percentage
        ("bounce = { page = 4 }", f'bounce.page: {SIGN} the integer 4; write "4%"'),
        ("bounce = { page = 0.04 }", f'bounce.page: {SIGN} the number 0.04; write "4%" or "0.04%"'),
        ("bounce = { page = 40 }", f"bounce.page: {SIGN} the integer 40; {TO_5}"),
        ("bounce = { page = nan }", f"bounce.page: {SIGN} the number nan; {TO_5}"),
        ("bounce = { page = inf }", f"bounce.page: {SIGN} the number inf; {TO_5}"),
        ("bounce = { page = true }", 'bounce.page: must be a string such as "4%", not the boolean true'),
        ('bounce = { page = "4" }', f'bounce.page: "4" {FORM}; did you mean "4%"?'),
        ('bounce = { page = " 4 %" }', f'bounce.page: " 4 %" {FORM}; did you mean "4%"?'),
        ('bounce = { page = "3,5%" }', f'bounce.page: "3,5%" {FORM}; did you mean "3.5%"?'),
        ('bounce = { page = "4 percent" }', f'bounce.page: "4 percent" {FORM}; did you mean "4%"?'),
        ('bounce = { page = ".5%" }', f'bounce.page: ".5%" {FORM}; did you mean "0.5%"?'),
        ('bounce = { page = "four" }', f'bounce.page: "four" {FORM}'),
        ('bounce = { page = "3.00001%" }', f'bounce.page: "3.00001%" {FORM}'),
        # not above its warning
        ('bounce = { page = "2.5%" }', f'bounce.page: "2.5%" must be above warn, which is "2.5%" by default: {FIRST}'),
        ('bounce = { warn = "4.5%" }', f'bounce.warn: "4.5%" must be below page, which is "4%" by default: {FIRST}'),
        ('bounce = { warn = "3%", page = "2%" }', f'bounce.page: "2%" must be above warn "3%": {FIRST}'),
        (
            'complaint = { page = "0.01%" }',
            f'complaint.page: "0.01%" must be above warn, which is "0.05%" by default: {FIRST}',
        ),
        # floors
        ("bounce = { slow_floor = 0 }", f"bounce.slow_floor: must be from 1 to 1,000,000, not the integer 0: {FLOOR}"),
        (
            "complaint = { fast_floor = -20 }",
            f"complaint.fast_floor: must be from 1 to 1,000,000, not the integer -20: {FLOOR}",
        ),
        (
            "bounce = { fast_floor = 1_000_001 }",
            f"bounce.fast_floor: must be from 1 to 1,000,000, not the integer 1000001: {FLOOR}",
        ),
        ("bounce = { fast_floor = 50.5 }", "bounce.fast_floor: must be an integer such as 50, not the number 50.5"),
        ('bounce = { fast_floor = "50" }', 'bounce.fast_floor: must be an integer such as 50, not the string "50"'),
        (
            "bounce = { fast_floor = 29 }",
            f"bounce.fast_floor: 29 must be no lower than slow_floor, which is 30 by default: {FLOORS}",
        ),
        (
            "bounce = { slow_floor = 51 }",
            f"bounce.slow_floor: 51 must be no higher than fast_floor, which is 50 by default: {FLOORS}",
        ),
        # windows
        ('bounce = { fast_window = "90s" }', f'bounce.fast_window: "90s" {MINUTES}'),
        ('bounce = { fast_window = "30s" }', f'bounce.fast_window: "30s" {MINUTES}'),
        ('bounce = { fast_window = "89m" }', f'bounce.fast_window: "89m" {TWICE}'),
        ('complaint = { slow_window = "1h" }', f'complaint.slow_window: "1h" {TWICE}'),
        (
            'bounce = { slow_window = "169h" }',
            'bounce.slow_window: "169h" is longer than CloudWatch looks back, 7d; right is 90m to 84h',
        ),
        ('bounce = { slow_window = "85h" }', f'bounce.slow_window: "85h" {ROOM}'),
        ('complaint = { slow_window = "7d" }', f'complaint.slow_window: "7d" {ROOM}'),
        ('complaint = { fast_window = "1w" }', f'complaint.fast_window: "7d" {ROOM}'),
        ('bounce = { fast_window = "1 h" }', 'bounce.fast_window: "1 h" is not a duration such as 15m, 12h, 30d, 2w'),
        ('bounce = { slow_window = "forever" }', 'bounce.slow_window: must end: give a time such as "1d"'),
        ("bounce = { slow_window = 24 }", 'bounce.slow_window: must be a string such as "1d", not the integer 24'),
        (
            'bounce = { slow_window = "90m" }',
            f'bounce.slow_window: "90m" must be longer than fast_window, which is "90m" by default: {LONGER}',
        ),
        (
            'complaint = { fast_window = "80h" }',
            f'complaint.fast_window: "80h" must be shorter than slow_window, which is "3d" by default: {LONGER}',
        ),
        (
            'bounce = { fast_window = "3h", slow_window = "2h" }',
            f'bounce.slow_window: "2h" must be longer than fast_window "3h": {LONGER}',
        ),
        # keys
        ("bounces = {}", 'bounces: unknown key; known: bounce, complaint; did you mean "bounce"?'),
        (
            'bounce = { pages = "4%" }',
            "bounce.pages: unknown key; known: fast_floor, fast_window, page, slow_floor, slow_window, warn; did you "
            'mean "page"?',
        ),
        ('bounce = "4%"', 'bounce: must be a table such as { page = "3%" }, not the string "4%"'),
    ],
)
def test_wrong_thresholds(text: str, line: str) -> None:
    """One line with the path, the allowed range and the reason: the same of all and of one identity."""
    assert problems(f"[thresholds]\n{text}") == [f"thresholds.{line}"]
    assert problems(IDENTITY + text) == [f'identities."example.com".thresholds.{line}']


def test_a_table_that_is_none() -> None:
    """As everywhere in the file."""
    assert problems("thresholds = 4") == [
        "thresholds: must be a table of tables such as [thresholds.bounce], not the integer 4"
    ]
    assert problems('[identities."example.com"]\nthresholds = "4%"') == [
        'identities."example.com".thresholds: must be a table of tables such as { bounce = { page = "3%" } }, not the '
        'string "4%"'
    ]


def test_a_line_says_where_the_other_value_comes_from() -> None:
    """The table of all, for one identity; and what is wrong there is not reported again for each identity."""
    of_all = '[thresholds.bounce]\npage = "3%"\n'
    assert problems(of_all + IDENTITY + 'bounce = { warn = "3.5%" }') == [
        'identities."example.com".thresholds.bounce.warn: "3.5%" must be below page, which is "3%" in '
        f"thresholds.bounce: {FIRST}"
    ]
    for wrong in ('page = "9%"', 'page = "2%"'):
        text = f"[thresholds.bounce]\n{wrong}\n{IDENTITY}bounce = {{ slow_floor = 20 }}"
        assert len(problems(text)) == 1
        assert problems(text)[0].startswith("thresholds.bounce.page: ")
    assert len(problems(f'[thresholds.bounce]\npage = "9%"\n{IDENTITY}bounce = {{ warn = "4.5%" }}')) == 1


def test_all_problems_at_once() -> None:
    """Of both rates, of all and of one identity, and of the rest of the file."""
    found = problems("""
        [thresholds]
        bounce = { warn = "0%", page = "6%", fast_floor = 0 }
        complaint = { slow_window = "90s" }
        [identities."example.com"]
        team = "nobody"
        thresholds = { bounce = { page = 4 }, complaints = {} }
        [canary]
        every = "daily"
    """)
    assert [line.split(": ")[0] for line in found] == [
        "thresholds.bounce.warn",
        "thresholds.bounce.page",
        "thresholds.bounce.fast_floor",
        "thresholds.complaint.slow_window",
        'identities."example.com".team',
        'identities."example.com".thresholds.complaints',
        'identities."example.com".thresholds.bounce.page',
        "canary.every",
    ]


def test_thresholds_of_an_identity_without_alarms_of_its_own() -> None:
    """They would do nothing; those of all are for the alarms that there are."""
    environment = '[deployment]\nalarms = "environment"\n'
    assert problems(environment + IDENTITY + 'bounce = { page = "3%" }') == [
        'identities."example.com".thresholds: would do nothing: deployment.alarms = "environment" leaves the identity '
        'without alarms of its own; use alarms = "identity", or say it of all in [thresholds]'
    ]
    assert config(environment + '[thresholds.bounce]\npage = "3%"').thresholds.bounce.page == 0.03
