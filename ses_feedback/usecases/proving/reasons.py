"""Why a leg was not proved: what is known about its way, which log to read, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from ses_feedback import naming
from ses_feedback.config.model import Config
from ses_feedback.domain.errors import FeedbackError
from ses_feedback.domain.events import DELIVERY
from ses_feedback.domain.plain_words import count, length
from ses_feedback.domain.settings import Settings
from ses_feedback.domain.times import MINUTE
from ses_feedback.usecases.checks.expected import Expected
from ses_feedback.usecases.checks.live import MOST_IDENTITIES
from ses_feedback.usecases.checks.subscriptions import check_feed
from ses_feedback.usecases.proving.legs import (
    ACTED,
    ALARMED,
    ARCHIVED,
    CHANGE,
    COUNTED,
    DIGEST,
    FAILED,
    KINDS,
    PROVED,
    SUPPRESSED,
    WORDS,
    Leg,
    OnCall,
    Subject,
)
from ses_feedback.usecases.proving.ports import Parts

_FIX: Final = "ses-feedback doctor --fix"
_DOCTOR: Final = "ses-feedback doctor"
_PLURALS: Final = {DELIVERY: "deliveries"}


class Reasons:
    """Says why, once a run is over: then SES and the queues are asked about what failed, and only then."""

    def __init__(self, config: Config, parts: Parts, wanted: Expected, begun: int) -> None:
        self._deployment = config.deployment.name
        self._region = config.deployment.region
        self._parts = parts
        self._wanted = wanted
        self._begun = begun
        self._depths: dict[str, int] = {}
        self._settings: Mapping[str, Settings] = {}

    def explain(self, subjects: Sequence[Subject], lines: Iterable[OnCall]) -> None:
        """Complete every failed leg that does not say yet what is wrong; look who reads the digests that went out."""
        lost = [s for s in subjects if any(_unexplained(s.legs[name]) for name in (SUPPRESSED, COUNTED))]
        self._settings = self._read_settings([s.identity.name for s in lost])
        for subject in subjects:
            for name, say in (
                (SUPPRESSED, self._suppressed),
                (COUNTED, self._counted),
                (ARCHIVED, self._archived),
                (CHANGE, self._change),
                (DIGEST, self._digest),
            ):
                if _unexplained(subject.legs[name]):
                    say(subject, subject.legs[name])
        self._readers(subjects)
        for line in lines:
            self._on_call(line)

    # --- of an identity

    def _suppressed(self, subject: Subject, leg: Leg) -> None:
        if self._dropped(subject, leg):
            return
        lacking = sorted(leg.wanted)
        if all(kind in subject.struck for kind in lacking):
            leg.what = f"the {_words(lacking)} {_was(lacking)} recorded, and no suppression follows from it"
            leg.read, leg.mend = self._log(naming.RECORD_FEEDBACK), "npx cdk deploy --all"
            return
        if _seen(subject, COUNTED) & leg.wanted:
            waiting = self._depth(naming.retry_queue_name(self._deployment))
            more = f"; {count(waiting, 'notification')} in the retry queue" if waiting else ""
            leg.what = f"the {_words(lacking)} came back and {_was(lacking)} counted, and not recorded{more}"
        else:
            leg.what = f"no {_words(lacking)} came back within {self._within(leg)}, to be recorded or to be counted"
            leg.mend = _DOCTOR
        leg.read = self._log(naming.RECORD_FEEDBACK)

    def _counted(self, subject: Subject, leg: Leg) -> None:
        if self._dropped(subject, leg):
            return
        lacking = sorted(leg.wanted)
        waiting = self._depth(naming.tally_queue_name(self._deployment))
        more = f"; {count(waiting, 'notification')} in the tally queue" if waiting else ""
        if _seen(subject, SUPPRESSED) & leg.wanted:
            leg.what = f"the {_words(lacking)} came back, and no metric says that {_was(lacking)} counted{more}"
        else:
            leg.what = f"no {_words(lacking)} {_was(lacking)} counted within {self._within(leg)}{more}"
            leg.mend = _DOCTOR
        leg.read = self._log(naming.TALLY_FEEDBACK)

    def _dropped(self, subject: Subject, leg: Leg) -> bool:
        """Say that SES publishes nothing, where that is so: it drops a topic after one publish that failed."""
        settings = self._settings.get(subject.identity.name)
        if settings is None:
            return False
        lacking = [kind for kind in KINDS if kind in leg.wanted and not settings.topics.get(kind.capitalize())]
        if not lacking:
            return False
        kinds = " and no ".join(_PLURALS.get(kind, f"{kind}s") for kind in lacking)
        leg.what = f"SES publishes no {kinds} of {subject.identity.name}: the topic is not set, or SES has dropped it"
        leg.mend = _FIX
        return True

    def _archived(self, subject: Subject, leg: Leg) -> None:
        lacking = sorted(leg.wanted)
        leg.what = f"no line of the {_words(lacking)} within {self._within(leg)}"
        try:
            aside = self._parts.shelf.put_aside(self._begun)
        except FeedbackError as error:
            aside = 0
            leg.what += f" (what Firehose put aside could not be listed: {error})"
        if aside:
            leg.what += f"; Firehose has put {count(aside, 'object')} aside meanwhile: it failed on what they hold"
            leg.read, leg.mend = self._log(naming.WRITE_ARCHIVE), "ses-feedback redrive archive"
            return
        group = f"/aws/kinesisfirehose/{naming.archive_stream_name(self._deployment)}"
        leg.read, leg.mend = self._tail(group), _DOCTOR

    def _change(self, subject: Subject, leg: Leg) -> None:
        if subject.legs[SUPPRESSED].state != PROVED:
            leg.what = "nothing was suppressed that could be announced"
            return
        leg.what = f"the suppression by the {_words(sorted(leg.wanted))} was not announced within {self._within(leg)}"
        leg.read = self._log(naming.ANNOUNCE_CHANGES)

    def _digest(self, subject: Subject, leg: Leg) -> None:
        team = subject.identity.team
        waiting = self._depth(naming.digest_queue_name(self._deployment, str(team)))
        more = f"; {count(waiting, 'notification')} in its queue" if waiting else ""
        leg.what = f"no digest to team {team} told of the {_words(sorted(leg.wanted))} within {self._within(leg)}{more}"
        leg.read = self._log(naming.TELL_TEAMS)

    def _readers(self, subjects: Iterable[Subject]) -> None:
        """A digest that went out reaches only who has confirmed."""
        teams: dict[str, list[Subject]] = {}
        for subject in subjects:
            if subject.legs[DIGEST].state == PROVED and subject.identity.team is not None:
                teams.setdefault(f"team {subject.identity.team}", []).append(subject)
        for feed in self._wanted.digests:
            told = teams.get(feed.subscribers[0].whose, [])
            if not told:
                continue
            try:
                found = list(check_feed(self._wanted, "teams", feed, self._parts.aws.subscriptions(feed.topic)))
            except FeedbackError as error:
                for subject in told:
                    subject.legs[DIGEST].fail(f"it went out, and nobody could look who reads it: {error}")
                continue
            for subject in told if found else ():
                subject.legs[DIGEST].fail(
                    f"it went out, and {len(found)} of {len(feed.subscribers)} will not get it: {found[0].what}",
                    mend=found[0].mend,
                )

    # --- of on-call

    def _on_call(self, line: OnCall) -> None:
        alarmed, words = line.legs[ALARMED], line.legs[WORDS]
        if _unexplained(alarmed):
            name = naming.drill_alarm_name(self._deployment)
            try:
                failures = self._parts.bell.failures(self._begun)
            except FeedbackError as error:
                failures = [f"its history could not be read: {error}"]
            said = f": {failures[0]}" if failures else ""
            alarmed.what = f'the alarm "{name}" did not reach the topic of {line.severity}{said}'
            alarmed.read = (
                f'aws cloudwatch describe-alarm-history --region {self._region} --alarm-name "{name}"'
                " --history-item-type Action"
            )
            alarmed.mend = "npx cdk deploy --all"
        if _unexplained(words):
            if alarmed.state == PROVED:
                words.what = f"the drill reached the topic, and was not put into words for who reads {line.severity}"
            else:
                words.what = "the drill did not reach the topic, so nobody could put it into words"
            words.read = self._log(naming.EXPLAIN_ALARM)

    # --- looking

    def _read_settings(self, names: Sequence[str]) -> Mapping[str, Settings]:
        found: dict[str, Settings] = {}
        try:
            for start in range(0, len(names), MOST_IDENTITIES):
                some = names[start : start + MOST_IDENTITIES]
                found |= self._parts.pacer.run("the settings", partial(self._parts.ses.all_settings, some))
        except FeedbackError:
            # Then it says less of why, and nothing that is not so.
            return {}
        return found

    def _depth(self, queue: str) -> int:
        if queue not in self._depths:
            try:
                self._depths[queue] = self._parts.aws.depth(queue) or 0
            except FeedbackError:
                self._depths[queue] = 0
        return self._depths[queue]

    def _within(self, leg: Leg) -> str:
        return length(max(leg.limit, 1_000))

    def _log(self, function: str) -> str:
        return self._tail(f"/aws/lambda/{naming.function_name(self._deployment, function)}")

    def _tail(self, group: str) -> str:
        minutes = -(-(self._parts.clock.now() - self._begun) // MINUTE) + 1
        return f"aws logs tail {group} --region {self._region} --since {minutes}m"


def _unexplained(leg: Leg) -> bool:
    return leg.state == FAILED and leg.what is None


def _seen(subject: Subject, leg: str) -> set[str]:
    """Return the kinds that a leg has seen of a subject."""
    kinds = set(KINDS if leg == COUNTED else ACTED)
    return kinds - subject.legs[leg].wanted if leg == COUNTED else (kinds & subject.struck)


def _words(kinds: Sequence[str]) -> str:
    return " and the ".join(kinds)


def _was(kinds: Sequence[str]) -> str:
    return "was" if len(kinds) == 1 else "were"
