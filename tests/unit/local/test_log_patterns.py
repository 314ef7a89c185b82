"""Filter patterns of CloudWatch Logs over JSON: what they match, and that what is not known is refused."""

from __future__ import annotations

import pytest

from local.log_patterns import matcher

LINE = '{"a": "x", "n": 3, "deep": {"b": "y"}, "text": "3"}'


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ('{ $.a = "x" }', True),
        ('{$.a="x"}', True),
        ('{ $.a != "x" }', False),
        ("{ $.n > 2 }", True),
        ("{ $.n > 3 }", False),
        ("{ $.n >= 3 }", True),
        ("{ $.n < -1.5 }", False),
        ("{ $.text = 3 }", False),
        ('{ $.deep.b = "y" }', True),
        ('{ $.a.b = "y" }', False),
        ("{ $.missing > 0 }", False),
        ('{ ($.a = "x") && ($.n > 5) }', False),
        ('{ ($.a = "x") || ($.n > 5) }', True),
        ('{ ($.a = "z") && ($.n > 2) || ($.n = 3) }', True),
        ('{ ($.a = "z") && (($.n > 2) || ($.n = 3)) }', False),
    ],
)
def test_a_pattern_matches_by_its_comparisons(pattern: str, found: bool) -> None:
    assert matcher(pattern)(LINE) is found
    assert not matcher(pattern)("not JSON")


@pytest.mark.parametrize(
    "pattern", ["x", "{ }", "{ $.a }", "{ $.a = x }", "{ ($.a = 1 }", "{ $.a = 1 } x", '{ $.a LIKE "x" }']
)
def test_what_is_not_known_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        matcher(pattern)
