"""On-call: is everybody subscribed, and does a drill reach the topics by the way that alarms take?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ses_feedback.domain.errors import FeedbackError
from ses_feedback.usecases.checks.expected import Expected
from ses_feedback.usecases.checks.finding import Finding
from ses_feedback.usecases.checks.live import AwsReader
from ses_feedback.usecases.checks.subscriptions import check_feed
from ses_feedback.usecases.proving.legs import ALARMED, CONFIRMED, LIMITS, PROVED, WORDS, OnCall
from ses_feedback.usecases.proving.ports import Bell
from ses_feedback.usecases.proving.sightings import Topics

NOT_ASKED: Final = "only `ses-feedback prove --drill` shows it"


def check_confirmed(lines: Iterable[OnCall], wanted: Expected, aws: AwsReader) -> None:
    """Find out who of on-call is not subscribed, or has not confirmed it: they are told nothing."""
    for line in lines:
        leg = line.legs[CONFIRMED]
        found: list[Finding] = []
        try:
            for feed in wanted.on_call:
                if feed.kind == line.severity:
                    found += check_feed(wanted, "on_call", feed, aws.subscriptions(feed.topic))
        except FeedbackError as error:
            leg.fail(f"nobody could look: {error}")
            continue
        if found:
            total = sum(len(feed.subscribers) for feed in wanted.on_call if feed.kind == line.severity)
            leg.fail(f"{len(found)} of {total} subscriptions of {line.severity}: {found[0].what}", mend=found[0].mend)
        else:
            leg.state = PROVED
        for name in (ALARMED, WORDS):
            line.legs[name].what = NOT_ASKED


def ring(bell: Bell, token: str, by: str) -> str | None:
    """Set the drill off; return why that failed, if it did."""
    try:
        bell.ring(f"DRILL {token}: nothing is wrong. {by} asked for it with `ses-feedback prove --drill`.")
    except FeedbackError as error:
        return str(error)
    return None


def expect(lines: Iterable[OnCall], topics: Topics, now: int, timeout: int, problem: str | None) -> None:
    """Begin to wait for a drill; with a ``problem`` nothing will come."""
    for line in lines:
        for name, where in ((ALARMED, topics.alarms), (WORDS, topics.words)):
            leg = line.legs[name]
            leg.what = None
            if problem is not None:
                leg.fail(problem)
            elif line.severity in where:
                leg.wait({name}, now, min(LIMITS[name], timeout))
            else:
                leg.what = f"nobody on call reads a {line.severity} as text"
