"""What an event says about its recipient: DESIGN section 4's table, the first rule that matches.

Enhanced status codes are RFC 3463's; bounce and complaint types are those of `Amazon SNS notification contents for
Amazon SES`. Types that SES does not document yet fall through to the last rule and never raise.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ses_feedback.domain import events as ev

_CODE: Final = r"[245]\.[0-9]{1,3}\.[0-9]{1,3}"
# `5.1.1 (bad mailbox)` and `5.1.1; text` are seen; `5.1.1.7` is an address of another kind.
_STATUS: Final = re.compile(rf"({_CODE})(?![0-9A-Za-z_]|\.[0-9A-Za-z_])")
# 5.1.1.7 is an IP address, 15.1.1 and v4.2.1 are versions: neither is a status.
_IN_DIAGNOSTIC: Final = re.compile(rf"(?<![0-9A-Za-z_])(?<![0-9]\.)({_CODE})(?![0-9A-Za-z]|\.[0-9])")

_BY_SUB_TYPE: Final = {
    "OnAccountSuppressionList": ev.ALREADY_SUPPRESSED,
    "OnTenantSuppressionList": ev.ALREADY_SUPPRESSED,
    "EmailValidationSuppressed": ev.ALREADY_SUPPRESSED,
    "UnsubscribedRecipient": ev.UNSUBSCRIBE,
    "MessageTooLarge": ev.MESSAGE_FAULT,
    "ContentRejected": ev.MESSAGE_FAULT,
    "AttachmentRejected": ev.MESSAGE_FAULT,
}
_BY_STATUS: Final = {
    "5.2.3": ev.MESSAGE_FAULT,
    "5.3.4": ev.MESSAGE_FAULT,
    "5.1.7": ev.BLOCKED,  # the sender's address is at fault
    "5.1.8": ev.BLOCKED,
    "5.2.1": ev.HARD_BOUNCE,
    "5.4.4": ev.HARD_BOUNCE,
    "5.2.2": ev.SOFT_BOUNCE,
}
_BY_SUBJECT: Final = {"5.1": ev.HARD_BOUNCE, "5.7": ev.BLOCKED}
_COMPLAINT_LISTED: Final = frozenset({"OnAccountSuppressionList", "OnTenantSuppressionList"})
_NOT_COUNTED: Final = frozenset({ev.ALREADY_SUPPRESSED, ev.UNSUBSCRIBE})
_COMPLAINT_CLASSES: Final = {"not-spam": ev.NOT_SPAM, "auth-failure": ev.MESSAGE_FAULT}


# Class, whether it counts as a bounce for AWS's rate, status.
Verdict = tuple[str, bool, str | None]


def code_in(diagnostic: str) -> str | None:
    """Return the first enhanced status code in a diagnostic."""
    found = _IN_DIAGNOSTIC.search(diagnostic)
    return found[1] if found else None


def code_of(status: str | None) -> str | None:
    """Return the code in a recipient's own ``status``, or ``None`` where it is absent or none."""
    found = _STATUS.match(status) if status is not None else None
    return found[1] if found else None


@lru_cache(maxsize=1024)
def bounce_verdict(
    bounce_type: str | None, sub_type: str | None, status: str | None, action: str | None, has_diagnostic: bool
) -> Verdict:
    """Return the verdict on a bounced recipient. Texts are short, as they arrive, ``None`` where absent.

    AWS counts a hard bounce (``Permanent``) that was really sent: not one caught by a list of the account.
    """
    code = code_of(status)
    class_ = bounce_class(bounce_type, sub_type, code, action, has_diagnostic=has_diagnostic)
    return class_, bounce_type == "Permanent" and class_ not in _NOT_COUNTED, code


@lru_cache(maxsize=1024)
def delay_verdict(status: str | None, action: str | None, has_diagnostic: bool) -> Verdict:
    """Return the verdict on a delayed recipient."""
    return ev.DELAY, False, code_of(status)


def bounce_class(
    bounce_type: str | None, sub_type: str | None, status: str | None, action: str | None, *, has_diagnostic: bool
) -> str:
    """Return the class of a bounced recipient, whose ``status`` is a code or ``None``."""
    told = _BY_SUB_TYPE.get(sub_type or "") or _class_of_status(status)  # rules 1 to 6
    if told is not None:
        return told
    if action is not None and action.lower() == "delayed":  # RFC 3464 compares actions without case
        return ev.SOFT_BOUNCE
    if bounce_type == "Permanent":
        return ev.HARD_BOUNCE
    if bounce_type == "Transient" and sub_type == "General" and status is None and not has_diagnostic:
        return ev.AUTO_REPLY
    return ev.SOFT_BOUNCE


def _class_of_status(status: str | None) -> str | None:
    """Rules 3 to 6, as far as the status alone decides them."""
    if status is None:
        return None
    if status.startswith("4."):
        return ev.SOFT_BOUNCE
    return _BY_STATUS.get(status) or _BY_SUBJECT.get(status.rpartition(".")[0])


def complaint_class(sub_type: str | None, feedback_type: str | None) -> str:
    """Return the class of a complained recipient. Feedback types are RFC 5965's and compare without case."""
    if sub_type in _COMPLAINT_LISTED:
        return ev.ALREADY_SUPPRESSED
    return _COMPLAINT_CLASSES.get(feedback_type.lower(), ev.COMPLAINT) if feedback_type else ev.COMPLAINT
