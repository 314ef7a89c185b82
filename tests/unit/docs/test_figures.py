"""The figures that runbooks tell are those of the alarms: the code's own words for them stand on the page."""

from __future__ import annotations

import re

import pytest

from infra.alarms import blocked, whole
from infra.alarms.kinds import KINDS
from infra.alarms.rates import ROLL_UP_WAIT_S
from infra.alarms.rules import DAY_S, HOUR_S, RATE_RULES, REPUTATION_LEVELS, RateRule, percent
from infra.functions import SIZES
from infra.needed import timed
from infra.wiring import CLAIM_TIMEOUT_S, WIRING_TIMEOUT_S
from ses_feedback import naming
from ses_feedback.domain.alarm_text import WIDTH

from .commands import ROOT, documented_commands

RULES = {rule.label: rule for rule in RATE_RULES}
WINDOWS = {
    5_400: "ninety minutes",
    6 * HOUR_S: "six hours",
    DAY_S: "day",
    3 * DAY_S: "three days",
    7 * DAY_S: "week",
}
TIMES = {900: "a quarter of an hour", 1_860: "half an hour"}


def page(name: str) -> str:
    """Return the text of a document in one line."""
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def window(rule: RateRule) -> str:
    return WINDOWS[rule.period_s]


def lines(rate: str) -> tuple[RateRule, RateRule, RateRule, RateRule, RateRule]:
    """Return a rate's rules: the two that page, the one that warns, and what conditions the two."""
    fast, slow = RULES[rate, "page", "fast"], RULES[rate, "page", "slow"]
    assert fast.needs is not None
    assert slow.needs is not None
    return fast, slow, RULES[rate, "warn"], RULES[fast.needs], RULES[slow.needs]


def test_bounce_rate_tells_windows_levels_floors_and_conditions() -> None:
    """Of the default thresholds: the ninety minutes are ninety minutes."""
    fast, slow, warn, of_fast, of_slow = lines("bounce")
    text = page("runbooks/bounce-rate.md")
    assert f"{percent(fast.threshold)} within {window(fast)} or a {window(slow)} (page)" in text
    assert fast.threshold == slow.threshold
    assert f"{percent(warn.threshold)} within a {window(warn)} (warn)" in text
    assert f"{fast.floor} in the {window(fast)} or {slow.floor} in the {window(slow)}" in text
    assert f"({percent(of_fast.threshold)} of the {window(of_fast)} for the {window(fast)}, " in text
    assert f"{percent(of_slow.threshold)} of the {window(of_slow)} for the {window(slow)})" in text
    assert f"when the {window(fast)} or the {window(slow)} no longer hold" in text
    assert f"of bounces {window(fast)} or a {window(slow)}" in page("operation.md")
    assert f"At {percent(fast.threshold)} and {fast.floor} bounces within {window(fast)}" in page("architecture.md")


def test_complaint_rate_tells_windows_levels_floors_and_conditions() -> None:
    """The same of complaints."""
    fast, slow, warn, of_fast, of_slow = lines("complaint")
    text = page("runbooks/complaint-rate.md")
    assert f"{percent(fast.threshold)} of the mail to receivers that report" in text
    assert fast.threshold == slow.threshold
    assert f"within {window(fast)} or {window(slow)} (page)" in text
    assert f"{percent(warn.threshold)} within {window(warn)} (warn)" in text
    assert f"{fast.floor} in the {window(fast)} or {slow.floor} in the {window(slow)}" in text
    assert f"{percent(of_fast.threshold)} of the {window(of_fast)} for the {window(fast)}" in text
    assert f"{percent(of_slow.threshold)} of the {window(of_slow)} for the {window(slow)}" in text
    assert f"when the {window(fast)} or {window(slow)} no longer hold" in text


@pytest.mark.parametrize("rate", ["bounce", "complaint"])
def test_reputation_tells_its_levels(rate: str) -> None:
    """AWS's own rates, page and warning, and how long they wait for the page of an identity."""
    levels = {severity: percent(level) for severity, level in REPUTATION_LEVELS[rate].items()}
    text = page(f"runbooks/reputation-{rate}-rate.md")
    assert f"reached {levels['page']} (page) or {levels['warn']} (warn)" in text
    assert f"they wait {TIMES[ROLL_UP_WAIT_S]} for the page of an identity" in page("operation.md")


def test_blocked_mail_tells_its_levels() -> None:
    """Both periods and the least number."""
    hours, day = ((percent(rule.threshold), WINDOWS[rule.period_s]) for rule in blocked.RULES)
    text = page("runbooks/blocked-mail.md")
    least = re.search(r">= (\d+),", blocked.EXPRESSION)
    assert least is not None
    assert f"{hours[0]} within {hours[1]} and {day[0]} within the {day[1]}, and at least {least[1]} (warn)" in text
    assert f"Less than {hours[0]} of {hours[1]}, or less than {day[0]} of the {day[1]}" in text


def test_slow_functions_tells_every_function_that_is_watched() -> None:
    """With four fifths of its time and the whole of it, in seconds."""
    text = page("runbooks/slow-functions.md")
    told = {
        name: (int(part), int(whole_s))
        for part, whole_s, names in re.findall(r"(\d+) of the (\d+)(?: seconds)? of ((?:`\w+`(?: and )?)+)", text)
        for name in re.findall(r"`(\w+)`", names)
    }
    watched = timed(naming.FUNCTIONS)
    assert told == {f: (round(SIZES[f].timeout_s * whole._SLOW), SIZES[f].timeout_s) for f in watched}


def test_handler_errors_tells_of_every_function() -> None:
    """What happens while it fails; which page; which warn at once; how long a deployment waits."""
    text = (ROOT / "docs/runbooks/handler-errors.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(naming.FUNCTIONS)
    paging, warning = (
        " ".join(part.split()) for part in text.split("- **Page**:")[1].split("\n\n")[0].split("- **Warn**:")
    )
    assert set(re.findall(r"`(\w+)`", paging)) == set(whole._PAGING_FUNCTIONS)
    seldom, _, rest = warning.partition("at their first error")
    assert set(re.findall(r"`(\w+)`", seldom)) == whole._SELDOM_FUNCTIONS.keys() - {naming.BREAK_CIRCUIT}
    assert set(re.findall(r"`(\w+)`", rest)) == whole._LONG_PERIODS_S.keys()
    assert set(whole._LONG_PERIODS_S.values()) == {900}
    for function, timeout_s in ((naming.CLAIM_TABLE, CLAIM_TIMEOUT_S), (naming.WIRE_IDENTITY, WIRING_TIMEOUT_S)):
        assert re.search(rf"^\| `{function}` \| .*{TIMES[timeout_s]} at most", text, re.MULTILINE)


def test_the_loop_itself_tells_its_figures() -> None:
    """How late counting is, and how much mail without feedback is silence."""
    assert f"has waited for {whole._BEHIND_S // 60} minutes".replace("15", "fifteen") in page(
        "runbooks/tally-behind.md"
    )
    assert f"the account sent {whole._SILENT_SENDS} mails or more" in page("runbooks/loop-silent.md")


def test_every_command_that_describes_alarms_sees_composites() -> None:
    """What pages is mostly a composite, and `DescribeAlarms` leaves them out unless it is told their type.

    "If you omit this parameter, only metric alarms are returned, even if composite alarms or log alarms exist in the
    account." (CloudWatch API reference, DescribeAlarms, AlarmTypes)
    """
    found = [command for command in documented_commands() if "describe-alarms" in command.text]
    assert found
    for command in found:
        assert "--alarm-types CompositeAlarm MetricAlarm" in command.text, command.where


def test_a_time_in_a_command_is_counted_back_from_now() -> None:
    """No metric is asked for a day of the past: the figures of an alarm would not be in it."""
    found = [command for command in documented_commands() if "--start-time" in command.text]
    assert found
    for command in found:
        assert "--start-time $(($(date +%s) - 86400)) --end-time $(date +%s)" in command.text, command.where


def test_the_example_of_a_page_tells_where_to_look_as_alarms_do() -> None:
    """The text of the alarm, its command in one piece."""
    (kind,) = [kind for kind in KINDS if kind.name == "bounce-rate"]
    example = (ROOT / "docs/operation.md").read_text(encoding="utf-8")
    shown = example.partition("Where to look")[2].partition("What to do")[0]
    assert " ".join(shown.split()) == kind.look.replace("--environment E", "--environment production")
    assert all(len(line) <= WIDTH for line in shown.splitlines())
    assert any(re.fullmatch(r" *`ses-feedback [^`]*`,?", line) for line in shown.splitlines())
