"""Alarms out of templates: what can be played, whom each tells, and what it is about."""

from __future__ import annotations

from typing import Any

import pytest

from backtest.alarms import TemplateError
from cloudwatch import alarm_rule

from .worlds import actions, alarms, composite, plain


def of(identity: str | None, name: str, metric: str = "HardBounced", **properties: Any) -> dict[str, Any]:
    dimensions = [{"Name": "Deployment", "Value": "d"}]
    if identity:
        dimensions.append({"Name": "Identity", "Value": identity})
    return plain(name, MetricName=metric, Dimensions=dimensions, **properties)


def test_a_child_has_the_severity_of_the_composite_that_tells_of_it() -> None:
    """What is a warning and a page's condition as well is a warning."""
    found = alarms(
        of("example.com", "fast"),
        of("example.com", "day"),
        composite("page", 'ALARM("fast") AND ALARM("day")', AlarmActions=actions("page")),
        composite("warn", 'ALARM("day")', AlarmActions=actions("warn"), ActionsSuppressor="page"),
    )
    assert {a.name: a.severity for a in found.metric} == {"fast": "page", "day": "warn"}
    assert {c.name: (c.severity, c.suppressor) for c in found.composite} == {
        "page": ("page", None),
        "warn": ("warn", "page"),
    }


def test_identity_and_rate_are_those_of_all_children_or_none() -> None:
    """A composite over two rates is about neither; one over two identities is a roll-up."""
    found = alarms(
        of("example.com", "b"),
        of("example.com", "c", "Complained"),
        of(None, "all"),
        composite("one", 'ALARM("b")'),
        composite("both", 'ALARM("b") OR ALARM("c")'),
        composite("roll-up", 'ALARM("both") OR ALARM("all")'),
    )
    about = {c.name: (found.identity_of(c), found.rate_of(c)) for c in found.composite}
    assert about == {"one": ("example.com", "bounce"), "both": ("example.com", None), "roll-up": (None, None)}
    assert [a.identity for a in found.metric] == ["example.com", "example.com", None]


def test_alarms_that_no_mail_moves_are_left_out_and_never_on_in_composites() -> None:
    """Queues and functions are not in a trace: they are well, and composites over nothing else are left out too."""
    queue = plain("queue", Namespace="AWS/SQS", MetricName="ApproximateAgeOfOldestMessage", Statistic="Maximum")
    found = alarms(
        queue,
        of("example.com", "b"),
        composite("mixed", 'ALARM("queue") OR (OK("queue") AND NOT ALARM("b"))'),
        composite("well", 'ALARM("queue")'),
        composite("nobody", "FALSE"),
    )
    assert [a.name for a in found.metric] == ["b"]
    asks = {c.name: alarm_rule.children(c.rule) for c in found.composite}
    assert asks == {"mixed": frozenset({"b"}), "nobody": frozenset()}


def test_composites_over_awss_rates_are_told_apart() -> None:
    """They are played anew under each assumption about AWS's volume; ours are not."""
    found = alarms(
        of("example.com", "b"),
        plain("a", Namespace="AWS/SES", MetricName="Reputation.BounceRate"),
        composite("own", 'ALARM("b")'),
        composite("account", 'ALARM("a")'),
        composite("nobody", "FALSE"),
    )
    assert {c.name: found.is_awss(c) for c in found.composite} == {"own": False, "account": True, "nobody": False}


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"Statistic": "Maximum"}, "Maximum"),
        ({"Period": 10}, "10 s"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "wall clock"),
    ],
)
def test_what_could_only_be_misread_is_refused_by_name(properties: dict[str, Any], named: str) -> None:
    """A template with an alarm that is not understood is an error, not an alarm that never goes off."""
    with pytest.raises(TemplateError, match=rf"^b: .*{named}"):
        alarms(of("example.com", "b", **properties))
