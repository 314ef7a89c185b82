"""Rules of composite alarms, as CloudWatch reads them."""

from __future__ import annotations

import numpy as np
import pytest

from cloudwatch.alarm_rule import RuleError, children, met, parse


def holds(text: str, **states: str) -> bool:
    """Return whether a rule is met while alarms are in some states; names have ``_`` for a space."""
    known = {name.replace("_", " "): state for name, state in states.items()}
    result = met(parse(text), lambda name, state: np.array([known[name] == state]), lambda value: np.array([value]))
    return bool(result[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ALARM("a b")', True),
        ("ALARM('a b')", True),
        ("ALARM(c)".replace("c", '"c"'), False),
        ('OK("c") AND INSUFFICIENT_DATA("d")', True),
        ('NOT ALARM("a b")', False),
        # AND before OR: the left alone is enough; with parentheses it is not.
        ('ALARM("a b") OR OK("c") AND ALARM("c")', True),
        ('(ALARM("a b") OR OK("c")) AND ALARM("c")', False),
        ('NOT (ALARM("c") OR FALSE) AND TRUE', True),
        ('NOT NOT ALARM("a b")', True),
    ],
)
def test_rules_mean_what_is_documented(text: str, expected: bool) -> None:
    """Functions of state, TRUE and FALSE, NOT before AND before OR, parentheses, both kinds of quotes."""
    assert holds(text, a_b="ALARM", c="OK", d="INSUFFICIENT_DATA") is expected


def test_children_are_the_alarms_a_rule_names() -> None:
    """Each name once, wherever it stands."""
    assert children(parse('(ALARM("a") AND NOT OK("b c")) OR ALARM("a") OR TRUE')) == {"a", "b c"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "a condition"),
        ('ALARM("a"', r"\) expected"),
        ('ALARM("a") ALARM("b")', "'ALARM' does not belong"),
        ('ALARM("a") AND', "a condition"),
        ("ALARM()", "name expected"),
        ('SLEEPING("a")', "a condition"),
        ('ALARM("a") & TRUE', "cannot read"),
    ],
)
def test_an_unreadable_rule_says_where(text: str, named: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(RuleError, match=named):
        parse(text)
