"""SES: how both versions of its API answer and refuse."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import json_response
from ministack.services import ses, ses_v2

Answer = tuple[int, dict[str, str], bytes]


def xml(action: str, inner: str = "") -> Answer:
    """Answer a v1 action."""
    answer: Answer = ses._xml(200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")
    return answer


def error(code: str, message: str) -> Answer:
    """Refuse a v1 action."""
    answer: Answer = ses._error(code, message, 400)
    return answer


def refused(message: str) -> Answer:
    """Refuse a value of a v1 action, as SES refuses nearly all."""
    return error("InvalidParameterValue", message)


def json(content: dict[str, Any] | None = None) -> Answer:
    """Answer a v2 request."""
    answer: Answer = json_response(content or {})
    return answer


def json_error(code: str, message: str, status: int = 400) -> Answer:
    """Refuse a v2 request."""
    answer: Answer = ses_v2._json_err(code, message, status)
    return answer


def missing(message: str) -> Answer:
    """Refuse a v2 request about something that is not there."""
    return json_error("NotFoundException", message, 404)
