"""``make demo``: the loop at work, from an empty account to a paged on-call and back, and what every part of it did.

Nothing here computes what the product should: addresses come from its command line, counts from the metrics its
functions emitted, the alarm is the deployed one and the message is the one on-call's subscription received. What was
expected and did not happen is said, and the exit code is 1.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from infra.alarms.kinds import PAGE, SEVERITIES, WARN, Severity
from local import traffic
from local.cloud import ACCOUNT, Cloud
from local.deployment import deploy
from local.loop import DidNotHappen, Inbox, Loop, until
from local.report import Report
from local.state import State
from ses_feedback import naming
from ses_feedback.config import Config
from ses_feedback.config.model import Identity

SEED: Final = 2026
DELIVERIES: Final = 1_100
SIMULATED: Final = ("success", "bounce", "bounce+anna", "complaint", "ooto", "suppressionlist")
_DOMAIN: Final = "simulator.amazonses.com"
_PATIENCE_S: Final = 90


class _Told(NamedTuple):
    """A message to on-call: SNS's envelope, CloudWatch's notice in it, and the envelope of the same in words.

    ``words`` is ``None`` where nobody on call reads text.
    """

    envelope: dict[str, Any]
    notice: dict[str, Any]
    words: dict[str, Any] | None


def run(config: Config, state: State, *, port: int) -> int:
    """Deploy, send, publish, wait, show; return the exit code. Everything is gone at the end."""
    report = Report()
    report.title(config)
    began = time.monotonic()
    with state.held(), Cloud(state.folder, region=config.deployment.region, port=port) as cloud:
        report.step(f"an empty AWS account is up on {cloud.endpoint}")
        with report.busy("cdk deploy") as tell:
            outputs = deploy(cloud, config, state, tell)
        report.step(f"deployed with the real CDK in {time.monotonic() - began:.0f} s")
        try:
            problems = _Performance(Loop(cloud, config, outputs), report).play()
        except DidNotHappen as missed:
            problems = [str(missed)]
    for problem in problems:
        print(f"the demo expected something else: {problem}", file=sys.stderr)
    if not problems:
        report.end(time.monotonic() - began)
    return 1 if problems else 0


class _Performance:
    def __init__(self, loop: Loop, report: Report) -> None:
        self._loop = loop
        self._report = report
        self._identities = [i for i in loop.config.identities.values() if not i.name.endswith(".invalid")]
        self._ran_before = loop.invocations(naming.RECORD_FEEDBACK)
        self._inboxes = {
            severity: Inbox(loop.cloud, loop.outputs[output], f"on-call-{severity}-inbox")
            for severity, output in ((PAGE, naming.OUTPUT_PAGE_TOPIC), (WARN, naming.OUTPUT_WARN_TOPIC))
        }
        self._received: dict[Severity, list[dict[str, Any]]] = {PAGE: [], WARN: []}
        self._phones = {severity: self._read_words(severity) for severity in loop.config.on_call.texts()}
        self._readers = self._read_along()

    def play(self) -> list[str]:
        """Do everything and return what did not come out as expected."""
        problems = self._examine()
        sender = next((i for i in self._identities if i.environment != "production"), self._identities[0])
        simulated = self._send(sender)
        config = self._loop.config
        shared = config.deployment.alarms == "environment"
        culprit = traffic.culprit_of(self._identities)
        bounce = (config.thresholds if shared else config.thresholds_of(culprit)).bounce
        play = traffic.play(
            self._identities,
            region=config.deployment.region,
            seed=SEED,
            deliveries=DELIVERIES,
            now=datetime.now(UTC),
            lines=traffic.Lines(bounce.warn, bounce.page, bounce.slow_floor, bounce.fast_floor),
            shared=shared,
        )
        subject = naming.roll_up_subject(culprit.environment) if shared else culprit.name
        self._publish("an hour of feedback", play.messages)
        urgent = traffic.count(play.messages, "bounce", "complaint") + simulated
        self._watch(urgent)
        warning = self._told(WARN, subject)
        self._publish(f"the rest of a bad campaign of {culprit.name}", play.campaign)
        self._watch(urgent + traffic.count(play.campaign, "bounce", "complaint"))
        page = self._told(PAGE, subject)
        problems += self._stopped(culprit)
        problems += self._show(sender, play, warning, page)
        return problems + self._recover(culprit, subject, play)

    def _read_along(self) -> dict[str, Inbox]:
        """Read what the people of each team read: digests."""
        loop = self._loop
        people = [t.name for t in loop.config.teams.values() if any(d.format == "text" for d in t.notify)]
        topics = {team: naming.digest_topic_name(loop.name, team) for team in people}
        return {
            team: Inbox(loop.cloud, f"arn:aws:sns:{loop.cloud.region}:{ACCOUNT}:{topic}", f"{team}-reads-along")
            for team, topic in topics.items()
        }

    def _examine(self) -> list[str]:
        """Ask the doctor about the fresh deployment."""
        answer = self._loop.cli("doctor")
        verdict = (answer.stdout.strip() or answer.stderr.strip()).splitlines()[-1]
        self._report.step(f"ses-feedback doctor, about the file, the stacks and SES: {verdict}")
        if answer.returncode == 0:
            return []
        # Nobody confirms a subscription to an endpoint that is not there.
        pending = "has not confirmed its subscription"
        wrong = [f for f in self._loop.ask("doctor") if f["level"] == "wrong" and pending not in f["what"]]
        return [f"the doctor says: {finding['path']}: {finding['what']}" for finding in wrong]

    def _send(self, sender: Identity) -> int:
        """Mail the simulator; return how many bounces and complaints that makes."""
        source = _sender(sender)
        for name in SIMULATED:
            self._loop.send(source, f"{name}@{_DOMAIN}", subject="A mail of the demo")
        self._report.step(f"{len(SIMULATED)} mails sent through SES from {source} to its mailbox simulator")
        return sum(name != "success" for name in SIMULATED)

    def _publish(self, what: str, messages: Sequence[traffic.Message]) -> None:
        many = len(messages)
        with self._report.progress(f"publishing {what}: {many:,} notifications", many) as advance:

            def publish(batch: list[traffic.Message]) -> None:
                self._loop.publish(batch[0].kind, batch[0].identity, [message.text for message in batch])
                advance(len(batch))

            with ThreadPoolExecutor(2) as pool:
                list(pool.map(publish, traffic.batches(messages)))

    def _watch(self, urgent: int) -> None:
        with self._report.progress(f"acting on {urgent:,} bounces and complaints, one by one", urgent) as advance:
            seen = 0

            def acted() -> bool:
                nonlocal seen
                now = min(urgent, self._loop.invocations(naming.RECORD_FEEDBACK) - self._ran_before)
                advance(now - seen)
                seen = now
                return now >= urgent

            until("acting on every bounce and complaint", acted, seconds=_PATIENCE_S)
        with self._report.busy("counting the rest"):
            until("counting every notification", self._loop.drained, seconds=_PATIENCE_S)

    def _told(self, severity: Severity, subject: str) -> _Told:
        """Wait until on-call is told of the rates of a subject."""
        alarm = naming.rates_alarm_name(self._loop.name, subject, severity)
        with self._report.busy(f"waiting for the {severity} about {subject} to reach on-call"):
            envelope = self._hear(severity, f"a {severity} to on-call", lambda m: _notice(m).get("AlarmName") == alarm)
        notice = _notice(envelope)
        self._report.step(f"on-call has a {severity}: {envelope['Subject']}")
        return _Told(envelope, notice, self._words(severity, alarm))

    def _read_words(self, severity: str) -> Inbox:
        """Read what people on call read."""
        topic = naming.on_call_text_topic_name(self._loop.name, severity)
        where = f"arn:aws:sns:{self._loop.cloud.region}:{ACCOUNT}:{topic}"
        return Inbox(self._loop.cloud, where, f"on-call-{severity}-reads-along")

    def _words(self, severity: Severity, alarm: str) -> dict[str, Any] | None:
        """Wait for the same alarm in words, where somebody reads them."""
        phone = self._phones.get(severity)
        if phone is None:
            return None
        told = f"Alarm           {alarm}\n"
        return until(
            f"a {severity} in words",
            lambda: next((message for message in phone.take() if told in message["Message"]), None),
            seconds=_PATIENCE_S,
        )

    def _hear(self, severity: Severity, what: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        received = self._received[severity]

        def look() -> dict[str, Any] | None:
            received.extend(self._inboxes[severity].take())
            return next((m for m in received if wanted(m)), None)

        return until(what, look, seconds=_PATIENCE_S)

    def _stopped(self, culprit: Identity) -> list[str]:
        """See that the circuit breaker has stopped the culprit, where it has one: SES takes no mail of it."""
        if not culprit.breaker:
            return []
        with self._report.busy("waiting for the circuit breaker"):
            told = self._hear(PAGE, "the circuit breaker", lambda m: str(m.get("Subject", "")).startswith("PAUSED: "))
        answer = self._refused(culprit)
        self._report.step(f"on-call has a message of the breaker: {told['Subject']}")
        self._report.step(f"SES refuses mail of {culprit.name}: {answer}")
        return [] if answer else [f"SES took mail of {culprit.name} although its breaker has paused it"]

    def _refused(self, identity: Identity) -> str | None:
        try:
            self._loop.send(_sender(identity), f"success@{_DOMAIN}")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    def _recover(self, culprit: Identity, subject: str, play: traffic.Play) -> list[str]:
        """The list is cleaned, the identity resumed and its mail good: the alarms end by themselves."""
        loop, problems = self._loop, []
        if culprit.breaker:
            arguments = ("resume", culprit.name, "--why", "the bad list was removed")
            answer = loop.cli(*arguments)
            self._report.command(f'ses-feedback resume {culprit.name} --why "{arguments[-1]}"', answer.stdout.strip())
            if answer.returncode or self._refused(culprit):
                problems.append(f"{culprit.name} was not resumed: {answer.stderr.strip()}")
        self._publish(f"good mail of {culprit.name}", play.remedy)
        names = [naming.rates_alarm_name(loop.name, subject, severity) for severity in SEVERITIES]
        with self._report.busy(f"waiting for the alarms of {subject} to end"):
            until("the end of the alarms", lambda: _all_ok(loop, names), seconds=_PATIENCE_S)
        self._report.step(f"the alarms of {subject} are OK again: {' and '.join(names)}")
        return problems

    # --- what it did

    def _show(self, sender: Identity, play: traffic.Play, warning: _Told, page: _Told) -> list[str]:
        loop, report = self._loop, self._report
        problems: list[str] = []
        addresses = [f"{name}@{_DOMAIN}" for name in SIMULATED]
        report.simulated(addresses, loop.check(addresses, sender.environment, sender.stream))
        counts = {identity.name: loop.counted(identity.name) for identity in self._identities}
        paging = {alarm["AlarmName"] for alarm in loop.alarms("ALARM")}
        report.identities(self._identities, counts, paging, loop.name)
        if not counts[play.culprit.name][naming.METRIC_HARD_BOUNCED]:
            problems.append(f"no hard bounce of {play.culprit.name} was counted")
        suppressed = {e: loop.ask("list", "--environment", e, "--limit", "100000") for e in loop.config.environments()}
        report.suppressions({e: Counter(row["reason"] for row in rows) for e, rows in suppressed.items()})
        problems += self._show_cast(play)
        quarantined = Counter(str(found["why"]) for found in loop.quarantined())
        report.quarantined(quarantined)
        if not quarantined:
            problems.append("nothing was quarantined, although some of it could not be read")
        for told in (warning, page):
            children = [t["Arn"].split(":alarm:")[1] for t in told.notice.get("TriggeringChildren", [])]
            reasons = {a["AlarmName"]: a["StateReason"] for a in loop.alarms("ALARM") if a["AlarmName"] in children}
            if told.words is None:
                report.page(told.envelope["Subject"], told.notice, reasons)
            else:
                report.words(told.words["Subject"], told.words["Message"])
        fate = play.cast[0]
        self._show_digest()
        arguments = ("check", fate.address, "--environment", fate.environment, "--stream", fate.stream)
        answer = loop.cli(*arguments)
        report.command(f"ses-feedback {' '.join(arguments)}", answer.stdout.strip())
        report.note(f"exit code {answer.returncode}: a script can ask before it sends")
        return problems

    def _show_digest(self) -> None:
        """Show the digest of one team, if one was due: between two of a team are five minutes and more."""
        if not self._readers:
            return
        self._loop.run(naming.TELL_TEAMS)
        for team, inbox in self._readers.items():
            for message in inbox.take():
                self._report.digest(team, message["Subject"], message["Message"])
                return

    def _show_cast(self, play: traffic.Play) -> list[str]:
        first = play.cast[0]
        answers = self._loop.check([fate.address for fate in play.cast], first.environment, first.stream)
        self._report.cast(play.cast, answers, first.environment)
        return [
            f"{fate.address} ({fate.story}) is suppressed by {answers[fate.address]['reason']}, not by {fate.reason}"
            for fate in play.cast
            if answers[fate.address]["reason"] != fate.reason
        ]


def _notice(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return CloudWatch's notice in a message; empty where it is another message."""
    try:
        found = json.loads(envelope["Message"])
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("NewStateValue") == "ALARM" else {}


def _sender(identity: Identity) -> str:
    return identity.name if identity.is_address else f"hello@{identity.name}"


def _all_ok(loop: Loop, names: Sequence[str]) -> bool:
    return {alarm["AlarmName"] for alarm in loop.alarms("OK")} >= set(names)
