"""The mail of probes: that of canaries in form, and in plain words what it is for."""

from __future__ import annotations

from typing import Any, Final

from ses_feedback.adapters.canary_mail import send
from ses_feedback.adapters.troubles import Place, plainly

_TEXT: Final = """\
This is a probe of the ses-feedback deployment {deployment}: somebody ran `ses-feedback prove`, and it went from
{identity} to Amazon SES's mailbox simulator, to show that the feedback of {identity} takes every way it should.
No person receives it, and it counts towards no rate.
"""


class ProbeMail:
    """Implements ``proving.ports.Mailer``. ``client`` is a botocore client of ``sesv2`` that tries once.

    Needs ``ses:SendEmail`` on the identities and ``ses:GetAccount``.
    """

    def __init__(self, client: Any, place: Place) -> None:
        self._client = client
        self._place = place

    def rate(self) -> float:
        """See ``Mailer``. The simulator is limited by the account's rate, and takes none of its daily quota."""
        with plainly(self._place):
            answer = self._client.get_account()
        return float((answer.get("SendQuota") or {}).get("MaxSendRate") or 1.0)

    def send(self, identity: str, recipient: str) -> str:
        """See ``Mailer``."""
        deployment = self._place.deployment
        text = _TEXT.format(deployment=deployment, identity=identity)
        return send(self._client, identity, recipient, f"Probe of {deployment}", text)
