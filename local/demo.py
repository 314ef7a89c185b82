"""``make demo``: the loop at work, from an empty account to a paged on-call, and what every part of it did.

Nothing here computes what the product should: addresses come from its command line, counts from the metrics its
functions emitted, the alarm is the deployed one and the message is the one on-call's subscription received. What was
expected and did not happen is said, and the exit code is 1.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

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
        self._page = Inbox(loop.cloud, loop.outputs[naming.OUTPUT_PAGE_TOPIC], "on-call-page-inbox")
        self._readers = self._read_along()

    def play(self) -> list[str]:
        """Do everything and return what did not come out as expected."""
        problems = self._examine()
        sender = next((i for i in self._identities if i.environment != "production"), self._identities[0])
        simulated = self._send(sender)
        play = traffic.play(self._identities, seed=SEED, deliveries=DELIVERIES, now=datetime.now(UTC))
        self._publish(play)
        urgent = play.count("bounce", "complaint") + simulated
        self._watch(urgent)
        message = self._paged()
        return problems + self._show(sender, play, message)

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
        return [] if answer.returncode == 0 else [f"the doctor says: {verdict}"]

    def _send(self, sender: Identity) -> int:
        """Mail the simulator; return how many bounces and complaints that makes."""
        source = sender.name if sender.is_address else f"hello@{sender.name}"
        for name in SIMULATED:
            self._loop.send(source, f"{name}@{_DOMAIN}", subject="A mail of the demo")
        self._report.step(f"{len(SIMULATED)} mails sent through SES from {source} to its mailbox simulator")
        return sum(name != "success" for name in SIMULATED)

    def _publish(self, play: traffic.Play) -> None:
        many = len(play.messages)
        with self._report.progress(f"publishing an hour of feedback: {many:,} notifications", many) as advance:

            def publish(batch: list[traffic.Message]) -> None:
                self._loop.publish(batch[0].kind, batch[0].identity, [message.text for message in batch])
                advance(len(batch))

            with ThreadPoolExecutor(2) as pool:
                list(pool.map(publish, traffic.batches(play.messages)))

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

    def _paged(self) -> dict[str, Any]:
        with self._report.busy("waiting for the alarm to reach on-call"):
            received: list[dict[str, Any]] = []

            def page() -> dict[str, Any] | None:
                received.extend(self._page.take())
                return next((m for m in received if '"NewStateValue": "ALARM"' in m["Message"]), None)

            return until("a page to on-call", page, seconds=_PATIENCE_S)

    # --- what it did

    def _show(self, sender: Identity, play: traffic.Play, message: dict[str, Any]) -> list[str]:
        loop, report = self._loop, self._report
        problems: list[str] = []
        addresses = [f"{name}@{_DOMAIN}" for name in SIMULATED]
        report.simulated(addresses, loop.check(addresses, sender.environment, sender.stream))
        counts = {identity.name: loop.counted(identity.name) for identity in self._identities}
        paging = {alarm["AlarmName"] for alarm in loop.alarms("ALARM")}
        report.identities(self._identities, counts, paging, loop.name)
        if not counts[play.culprit][naming.METRIC_HARD_BOUNCED]:
            problems.append(f"no hard bounce of {play.culprit} was counted")
        suppressed = {e: loop.ask("list", "--environment", e, "--limit", "100000") for e in loop.config.environments()}
        report.suppressions({e: Counter(row["reason"] for row in rows) for e, rows in suppressed.items()})
        problems += self._show_cast(play)
        quarantined = Counter(str(found["why"]) for found in loop.quarantined())
        report.quarantined(quarantined)
        if not quarantined:
            problems.append("nothing was quarantined, although some of it could not be read")
        notice = json.loads(message["Message"])
        if play.culprit not in notice["AlarmName"] and loop.config.deployment.alarms == "identity":
            problems.append(f"the page is about {notice['AlarmName']}, not about {play.culprit}")
        children = [t["Arn"].split(":alarm:")[1] for t in notice.get("TriggeringChildren", [])]
        reasons = {a["AlarmName"]: a["StateReason"] for a in loop.alarms("ALARM") if a["AlarmName"] in children}
        report.page(message["Subject"], notice, reasons)
        fate = play.cast[0]
        self._show_digest()
        arguments = ("check", fate.address, "--environment", fate.environment, "--stream", fate.stream)
        answer = loop.cli(*arguments)
        report.command(f"ses-feedback {' '.join(arguments)}", answer.stdout.strip(), answer.returncode)
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
