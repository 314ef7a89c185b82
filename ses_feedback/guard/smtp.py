"""``smtplib`` with a guard: ``SMTP`` and ``SMTP_SSL`` that leave suppressed recipients out of the envelope.

The message itself is never changed: who is removed stays in its headers.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from typing import Any

from ses_feedback.guard.core import Guard
from ses_feedback.usecases.guarding import Outcome

# RFC 5321, "mailbox unavailable" and "mailbox name not allowed", with RFC 3463's "delivery not authorized" and "bad
# destination mailbox address syntax": what smtplib tells of a refused recipient.
_REFUSED = 550
_MALFORMED = (553, b"5.1.3 not an e-mail address (ses-feedback)")


class _Guarded:
    """``sendmail`` and with it ``send_message``. ``outcome`` is that of the latest of them.

    ``mail``, ``rcpt`` and ``data``, the protocol's own steps, are not guarded.
    """

    outcome: Outcome | None = None

    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        self._guard = guard
        super().__init__(*args, **kwargs)

    def sendmail(
        self, from_addr: str, to_addrs: str | Sequence[str], *args: Any, **kwargs: Any
    ) -> dict[str, tuple[int, bytes]]:
        """Send to whoever is not suppressed; return who was refused, by us or the server, as ``smtplib`` does.

        Raises ``NobodyLeft``, unless the guard is only to report it; else what ``smtplib.SMTP.sendmail`` raises.
        """
        named = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
        self.outcome = outcome = self._guard.screen(named, sender=from_addr)
        refused = {
            removed.recipient: (_REFUSED, f"5.7.1 suppressed: {removed.suppression.reason} (ses-feedback)".encode())
            for removed in outcome.removed
        }
        refused |= dict.fromkeys(outcome.refused, _MALFORMED)
        if outcome.nobody_left:
            return refused
        if outcome.loses:
            named = outcome.keep(named)
        sent = super().sendmail(from_addr, named, *args, **kwargs)  # type: ignore[misc]
        return {**refused, **sent}


class SMTP(_Guarded, smtplib.SMTP):
    """``smtplib.SMTP`` with ``guard=``."""


class SMTP_SSL(_Guarded, smtplib.SMTP_SSL):  # noqa: N801 - as in smtplib
    """``smtplib.SMTP_SSL`` with ``guard=``."""
