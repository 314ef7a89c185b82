"""The alarms of the whole deployment: is anything late, lost, put aside, failing, or silent?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from constructs import Construct

from infra.alarms import kinds
from infra.alarms.factory import AlarmFactory, Series
from infra.alarms.kinds import PAGE, SEVERITIES, WARN
from infra.alarms.rules import HOUR_S
from infra.functions import SIZES
from infra.needed import of_the_loop, timed
from ses_feedback import naming

_MINUTE_S: Final = 60
_FIVE_MINUTES_S: Final = 300
# Above the 12 minutes after which one failed message is tried again, below the hour of the fastest rate.
_BEHIND_S: Final = 900
_SILENT_SENDS: Final = 50
_NEVER: Final = 10**15
# Functions whose failing leaves feedback unrecorded, or a bad sender sending, for as long as it lasts; others warn.
_PAGING_FUNCTIONS: Final = (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.BREAK_CIRCUIT)
# Functions that run seldom, so that a single error is worth a look, and what it means.
_SELDOM_FUNCTIONS: Final = {
    naming.WIRE_IDENTITY: "it gave CloudFormation no answer",
    naming.CLAIM_TABLE: "it gave CloudFormation no answer",
    naming.CHECK_LOOP: "a scheduled run ended early",
    naming.SEND_CANARIES: "a scheduled run ended early",
    naming.SYNC_LISTS: "SES's list was not kept in step",
    naming.BREAK_CIRCUIT: "an identity may go on sending although its page should have paused it",
    naming.EXPLAIN_ALARM: "an alarm came late to the people on call, or in CloudWatch's own words",
}


# A run this long is near its end; what it does usually takes a hundredth.
_SLOW: Final = 0.8
# A team that could not be told is told again after six minutes: five may pass without an error though nothing works.
# And ends of suppressions are looked for each quarter of an hour.
_LONG_PERIODS_S: Final = {naming.TELL_TEAMS: 900, naming.ANNOUNCE_CHANGES: 900}


class WholeAlarms(Construct):
    """Everything that on-call must know about the loop itself, whoever sends.

    ``functions`` are those the deployment has, ``texts`` the severities of which somebody reads text. ``canary_mails``
    is how many mails its canaries are within an hour, at most: AWS counts them as sent, and nobody here counts them as
    feedback.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        region: str,
        functions: Sequence[str],
        texts: Sequence[str],
        canary_mails: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._texts = texts
        self._deployment = deployment
        self._watched = functions
        self._silent_sends = _SILENT_SENDS + canary_mails
        self._factory = AlarmFactory(self, deployment=deployment, region=region)
        self._queues()
        self._functions()
        self._concurrency()
        self._quarantine()
        self._on_call()
        self._silence()
        self._drift()
        self._drill()

    def _queues(self) -> None:
        name = self._deployment
        tally, retry = naming.tally_queue_name(name), naming.retry_queue_name(name)
        age = _sqs("ApproximateAgeOfOldestMessage", tally, "Maximum", _MINUTE_S)
        self._factory.alarm(
            kinds.TALLY_BEHIND,
            (PAGE,),
            ("tally", "behind"),
            subject=tally,
            level=f"{_BEHIND_S // 60} minutes",
            series={"a": age},
            threshold=_BEHIND_S,
            periods=3,
        )
        for kind, severity, whose, queue in (
            (kinds.DEAD_LETTERS, PAGE, (), naming.dead_letter_queue_name(name)),
            (kinds.DEAD_LETTERS, PAGE, ("tally",), naming.tally_dead_letter_queue_name(name)),
            (kinds.TEAM_DEAD_LETTERS, WARN, ("team",), naming.team_dead_letter_queue_name(name)),
        ):
            self._factory.alarm(
                kind,
                (severity,),
                (*whose, "dead", "letters"),
                subject=queue,
                series={"d": _sqs("ApproximateNumberOfMessagesVisible", queue, "Maximum")},
                threshold=1,
            )
        # Not the age of the oldest message: SQS leaves out what was received more than three times, which is what
        # waits longest here. Never empty for an hour says the same.
        self._factory.alarm(
            kinds.RETRY_WAITING,
            (WARN,),
            ("retry", "waiting"),
            subject=retry,
            level="an hour",
            series={
                "v": _sqs("ApproximateNumberOfMessagesVisible", retry, "Minimum"),
                "n": _sqs("ApproximateNumberOfMessagesNotVisible", retry, "Minimum"),
            },
            expression="FILL(v,0) + FILL(n,0)",
            threshold=1,
            periods=12,
        )

    def _functions(self) -> None:
        for function in self._watched:
            seldom = _SELDOM_FUNCTIONS.get(function)
            period_s = _LONG_PERIODS_S.get(function, _FIVE_MINUTES_S)
            self._factory.alarm(
                kinds.HANDLER_ERRORS,
                (PAGE,) if function in _PAGING_FUNCTIONS else (WARN,),
                (*function.split("_"), "errors"),
                subject=naming.function_name(self._deployment, function),
                level=seldom or _errors_in(period_s),
                series={"e": self._lambda(function, "Errors", period_s)},
                threshold=1,
                periods=1 if seldom else 3,
            )
        record = naming.RECORD_FEEDBACK
        for kind, metric in (
            (kinds.DESTINATION_FAILURES, "DestinationDeliveryFailures"),
            (kinds.EVENTS_DROPPED, "AsyncEventsDropped"),
        ):
            self._factory.alarm(
                kind,
                (PAGE,),
                tuple(kind.name.split("-")),
                subject=naming.function_name(self._deployment, record),
                series={"f": self._lambda(record, metric)},
                threshold=1,
            )

    def _concurrency(self) -> None:
        quarter = "in each five minutes of a quarter of an hour"
        loop, cut_off = of_the_loop(self._watched), timed(self._watched)
        self._factory.any_alarm(
            kinds.THROTTLED,
            (WARN,),
            ("functions", "throttled"),
            subject=self._deployment,
            level=quarter,
            series={function: (self._lambda(function, "Throttles"), 1) for function in loop},
            periods=3,
        )
        self._factory.any_alarm(
            kinds.SLOW_FUNCTIONS,
            (WARN,),
            ("functions", "slow"),
            subject=self._deployment,
            level=f"{_SLOW:.0%} of its time or more, {quarter}",
            series={
                function: (
                    self._lambda(function, "Duration", stat="Maximum"),
                    SIZES[function].timeout_s * 1_000 * _SLOW,
                )
                for function in cut_off
            },
            periods=3,
        )

    def _quarantine(self) -> None:
        self._factory.alarm(
            kinds.QUARANTINED,
            (WARN,),
            ("quarantined",),
            subject=f"the bucket {self._deployment}-quarantine-…",
            series={"q": self._own(naming.METRIC_QUARANTINED)},
            threshold=1,
        )

    def _on_call(self) -> None:
        # Only on-call's own topics: what record_feedback, counting or a team does not take lands in a queue that has an
        # alarm, and SNS has no figure for many topics at once (it is per TopicName, and alarms have no SEARCH).
        topics: dict[str, str] = {s: naming.on_call_topic_name(self._deployment, s) for s in SEVERITIES}
        topics |= {f"{s}_text": naming.on_call_text_topic_name(self._deployment, s) for s in self._texts}
        series = {
            words: Series("AWS/SNS", "NumberOfNotificationsFailed", "Sum", _FIVE_MINUTES_S, {"TopicName": topic})
            for words, topic in topics.items()
        }
        if self._texts:
            series[naming.EXPLAIN_ALARM] = self._lambda(naming.EXPLAIN_ALARM, "DestinationDeliveryFailures")
        self._factory.any_alarm(
            kinds.ON_CALL_UNDELIVERED,
            SEVERITIES,
            ("on", "call", "unreached"),
            subject=" or ".join(topics.values()),
            level="",
            series={words: (one, 1) for words, one in series.items()},
            periods=1,
        )

    def _silence(self) -> None:
        self._factory.alarm(
            kinds.LOOP_SILENT,
            (PAGE,),
            ("loop", "silent"),
            subject=self._deployment,
            level=f"{self._silent_sends} mails or more in each of two hours",
            series={
                "s": Series("AWS/SES", "Send", "Sum", HOUR_S),
                "t": self._own(naming.METRIC_TALLIED, HOUR_S),
            },
            expression=f"IF(FILL(s,0) >= {self._silent_sends} AND FILL(t,0) == 0, 1, 0)",
            threshold=1,
            periods=2,
        )

    def _drift(self) -> None:
        # Twice the hour between two checks, so that what stays wrong is one alarm and not a new one every hour.
        self._factory.alarm(
            kinds.DRIFT,
            (WARN,),
            ("drift",),
            subject=self._deployment,
            series={"d": self._own(naming.METRIC_DRIFTED, 2 * HOUR_S)},
            threshold=1,
        )

    def _drill(self) -> None:
        # Only SetAlarmState sets it off: nothing has so much feedback in a minute, and CloudWatch ends it by itself.
        self._factory.alarm(
            kinds.DRILL,
            SEVERITIES,
            ("drill",),
            subject=self._deployment,
            series={"t": self._own(naming.METRIC_TALLIED, _MINUTE_S)},
            threshold=_NEVER,
        )

    def _own(self, metric: str, period_s: int = _FIVE_MINUTES_S) -> Series:
        dimensions = {naming.DIMENSION_DEPLOYMENT: self._deployment}
        return Series(naming.METRIC_NAMESPACE, metric, "Sum", period_s, dimensions)

    def _lambda(self, function: str, metric: str, period_s: int = _FIVE_MINUTES_S, stat: str = "Sum") -> Series:
        name = naming.function_name(self._deployment, function)
        return Series("AWS/Lambda", metric, stat, period_s, {"FunctionName": name})


def _errors_in(period_s: int) -> str:
    if period_s == _FIVE_MINUTES_S:
        return "errors in each five minutes of a quarter of an hour"
    return f"errors in each {period_s // _MINUTE_S} minutes of {3 * period_s // _MINUTE_S}"


def _sqs(metric: str, queue: str, stat: str, period_s: int = _FIVE_MINUTES_S) -> Series:
    return Series("AWS/SQS", metric, stat, period_s, {"QueueName": queue})
