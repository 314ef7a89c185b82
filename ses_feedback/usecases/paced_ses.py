"""SES's calls, each made when the pacer says so, under a name that an error can tell."""

from __future__ import annotations

from ses_feedback.domain.settings import SetForwarding, SetHeaders, Settings, SetTopic, Step
from ses_feedback.usecases.pacing import Pacer
from ses_feedback.usecases.wiring_ports import DkimRecord, SesGateway


class PacedSes:
    """``SesGateway``'s calls in their slots. All raise ``OutOfTime`` besides what the gateway raises."""

    def __init__(self, ses: SesGateway, pacer: Pacer) -> None:
        self._ses = ses
        self._pacer = pacer

    def settings(self, identity: str) -> Settings | None:
        """Return an identity's notification settings; see the gateway."""
        return self._pacer.run(f"reading the settings of {identity}", lambda: self._ses.settings(identity))

    def verification(self, identity: str) -> str | None:
        """Return an identity's ``VerificationStatus``; see the gateway."""
        return self._pacer.run(f"reading the verification of {identity}", lambda: self._ses.verification(identity))

    def configuration_set(self, identity: str) -> str | None:
        """Return an identity's default configuration set; see the gateway."""
        what = f"reading the configuration set of {identity}"
        return self._pacer.run(what, lambda: self._ses.configuration_set(identity))

    def set_configuration_set(self, identity: str, name: str | None) -> None:
        """Set or clear it; see the gateway."""
        what = f"setting the configuration set of {identity}"
        self._pacer.run(what, lambda: self._ses.set_configuration_set(identity, name))

    def create(self, identity: str) -> None:
        """Create an identity; see the gateway."""
        self._pacer.run(f"creating {identity}", lambda: self._ses.create(identity))

    def delete(self, identity: str) -> None:
        """Delete an identity; see the gateway."""
        self._pacer.run(f"deleting {identity}", lambda: self._ses.delete(identity))

    def dkim(self, identity: str) -> tuple[DkimRecord, ...]:
        """Return a domain's DKIM records; see the gateway."""
        return self._pacer.run(f"reading the DKIM records of {identity}", lambda: self._ses.dkim(identity))

    def take(self, identity: str, step: Step) -> None:
        """Take one step."""
        self._pacer.run(f"setting {step} of {identity}", lambda: self._call(identity, step))

    def _call(self, identity: str, step: Step) -> None:
        match step:
            case SetTopic(type_, topic):
                self._ses.set_topic(identity, type_, topic)
            case SetHeaders(type_, enabled):
                self._ses.set_headers(identity, type_, enabled)
            case SetForwarding(enabled):
                self._ses.set_forwarding(identity, enabled)
