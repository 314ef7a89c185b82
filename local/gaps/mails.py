"""SES: feedback about every accepted mail, to the topics of its identity and to its configuration set.

The emulator publishes without headers, for v1 only, three kinds only, never for an out-of-office reply, and leaves no
metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime, parseaddr
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id
from ministack.services import cloudwatch, ses

from local import recipients, simulator
from local.gaps import ses_account, ses_identities, ses_notifications, ses_sets
from local.gaps.submissions import Header, Submission, lacking

Outcomes = list[tuple[str, simulator.Notification]]
_submission: ContextVar[Submission | None] = ContextVar("submission", default=None)
# By configuration set ("" is the account): how much mail that counts, so never the simulator's, had which fate.
_reputation = AccountRegionScopedDict()


@contextmanager
def submitting(submission: Submission) -> Iterator[None]:
    """Let what the emulator reports meanwhile be about this request."""
    token = _submission.set(submission)
    try:
        yield
    finally:
        _submission.reset(token)


def report_v1(message_id: str, source: str, addresses: list[str]) -> None:
    """Report on a mail that the emulator's v1 accepted, or that another of its services sent."""
    submission = _submission.get() or Submission("SendEmail", source)
    record: dict[str, Any] = next((r for r in reversed(ses._sent_emails_list()) if r["MessageId"] == message_id), {})
    name = record.get("Template")
    lacks = lacking(name, ses._templates.get(name) or {}, record.get("TemplateData") or "") if name else None
    report(message_id, replace(submission, source=source, recipients=tuple(addresses), lacks=lacks))


def report(message_id: str, submission: Submission) -> None:
    """Publish the feedback about one accepted mail, as its identity and its configuration set ask for it."""
    _Mail(message_id, submission).report()


class _Mail:
    """One accepted mail, and everything SES says about it."""

    def __init__(self, message_id: str, submission: Submission) -> None:
        self._submission = submission
        self._at = datetime.now(UTC)
        found: tuple[str, dict[str, Any]] | None = ses._notification_identity(submission.source)
        self._identity, self._settings = found or ("", {"NotificationTopics": {}})
        self._addresses = [a for a in (parseaddr(r)[1] for r in submission.recipients) if a]
        self._headers = list(submission.headers) or self._made_up_headers(message_id)
        self._set = submission.configuration_set()
        source = parseaddr(submission.source)[1]
        self._facts: dict[str, Any] = {
            "message_id": message_id,
            "source": source,
            "identity_arn": ses_identities.arn(self._identity),
            "account": get_account_id(),
            "destination": self._addresses,
            "at": self._at,
        }
        self._tags = {
            "ses:operation": [submission.operation],
            "ses:configuration-set": [self._set],
            "ses:source-ip": ["127.0.0.1"],
            "ses:from-domain": [source.rpartition("@")[2]],
            "ses:caller-identity": ["embedded-aws"],
            **{name: [value] for name, value in submission.tags.items()},
        }

    def _made_up_headers(self, message_id: str) -> list[Header]:
        return [
            ("From", self._submission.source),
            ("To", ", ".join(self._addresses)),
            ("Subject", self._submission.subject),
            ("Date", format_datetime(self._at)),
            ("Message-ID", f"<{message_id}>"),
            ("MIME-Version", "1.0"),
        ]

    def report(self) -> None:
        lacks = self._submission.lacks
        if lacks:
            said = f"Attribute '{lacks[1]}' is not present in the rendering data."
            self._tell("Rendering Failure", {"errorMessage": said, "templateName": lacks[0]})
            return
        if self._submission.infected:
            cloudwatch.record_metric("AWS/SES", "Reject", 1, "Count")
            self._tell("Reject", {"reason": "Bad content"})
            return
        self._tell("Send", {})
        for address in self._addresses:
            outcomes = self._outcomes(address)
            self._count(address, {kind for kind, _ in outcomes})
            for kind, body in outcomes:
                self._notify(kind, body)
                self._tell(kind, body)

    def _outcomes(self, address: str) -> Outcomes:
        """Return what becomes of the mail to one address, and let the account's list learn from it, as SES does."""
        reasons = ses_sets.suppressed_reasons(self._set, ses_account.suppressed_reasons())
        if ses_account.is_suppressed(address, reasons):
            return [("Bounce", simulator.already_suppressed(address, self._at))]
        outcomes = recipients.feedback(address, self._at, self._submission.contact_list)
        for kind, body in outcomes:
            bounced_for_good = kind == "Bounce" and body["bounceType"] == "Permanent" and "BOUNCE" in reasons
            # "the address isn't placed on the suppression list": Using the mailbox simulator.
            if bounced_for_good and not simulator.is_simulated(address):
                ses_account.suppress(address, "BOUNCE")
        return outcomes

    def _notify(self, kind: str, body: simulator.Notification) -> None:
        """Tell the identity's topic of this kind."""
        topic = self._settings["NotificationTopics"].get(kind)
        if topic:
            shown = self._headers if self._settings.get("Headers", {}).get(kind) else None
            mail = simulator.mail(**self._facts, headers=shown)
            ses_notifications.publish(topic, self._identity, simulator.identity_notification(kind, body, mail))

    def _tell(self, kind: str, body: simulator.Notification) -> None:
        """Tell the configuration set's destinations."""
        ses_sets.publish(self._set, kind, body, simulator.mail(**self._facts, headers=self._headers), self._tags)

    def _count(self, address: str, kinds: set[str]) -> None:
        """Keep AWS/SES's metrics of account and set: volumes, and the reputation that AWS judges by."""
        for kind in ("Send", *sorted(kinds & {"Bounce", "Complaint", "Delivery"})):
            cloudwatch.record_metric("AWS/SES", kind, 1, "Count")
        if simulator.is_simulated(address):
            return
        for name in {"", self._set}:
            if name and not ses_sets.reputation_is_kept(name):
                continue
            counts = _reputation.setdefault(name, {"sent": 0, "Bounce": 0, "Complaint": 0})
            counts["sent"] += 1
            dimensions = {"ses:configuration-set": name} if name else None
            for kind in ("Bounce", "Complaint"):
                counts[kind] += kind in kinds
                metric = f"Reputation.{kind}Rate"
                cloudwatch.record_metric("AWS/SES", metric, counts[kind] / counts["sent"], "None", dimensions)
