"""SES's front door: which requests are answered here, how often one may ask, and which mail is taken.

What is known of identities, their notifications, the account and configuration sets is in the modules beside.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, ses, ses_v2

from local.gaps import (
    mails,
    ses_account,
    ses_answers,
    ses_identities,
    ses_imports,
    ses_notifications,
    ses_sets,
    submissions,
)
from local.gaps.ses_answers import Answer
from local.pace import Pace

Fields = dict[str, Any]
# On AWS 1,000: "You can execute this operation no more than once per second". 0 asks for no pauses.
INTERVAL_MS: Final = int(os.environ.get("LOCAL_SES_INTERVAL_MS", "0"))
_ACTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], Answer]]] = {
    **ses_identities.ACTIONS,
    **ses_notifications.ACTIONS,
    **ses_account.ACTIONS,
}
_ROUTES: Final = (*ses_identities.ROUTES, *ses_account.ROUTES, *ses_imports.ROUTES)


def install() -> None:
    """Put these answers in front of the emulator's, and its own feedback out of work."""
    v1, v2 = ses.handle_request, ses_v2.handle_request
    pace = Pace(INTERVAL_MS)

    async def handle_v1(method: str, path: str, headers: Fields, body: bytes, query: Fields) -> Answer:
        if path.startswith("/v2/") or "sesv2" in headers.get("x-amz-target", "").lower():
            return await handle_v2(method, path, headers, body, query)
        form = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True) if method == "POST" else {}
        parameters = {**query, **form}
        action = ses._p(parameters, "Action")
        if action in submissions.V1_SENDS:
            submission = submissions.of_v1(action, parameters)
            refusal = _refusal(submission)
            if refusal:
                return ses_answers.error(refusal.v1, refusal.message)
            with mails.submitting(submission):
                return await v1(method, path, headers, body, query)
        admitted = pace.admits((get_account_id(), get_region()), time.monotonic())
        _measure(action, "CallCount" if admitted else "ThrottleCount")
        if not admitted:
            return ses_answers.error("Throttling", "Rate exceeded")
        own = _ACTIONS.get(action)
        answer: Answer = own(parameters) if own else await v1(method, path, headers, body, query)
        _follow_v1(action, parameters, answer)
        return answer

    async def handle_v2(method: str, path: str, headers: Fields, body: bytes, query: Fields) -> Answer:
        sub = path.rstrip("/").removeprefix("/v2/email")
        try:
            data = json.loads(body) if body else {}
        except ValueError:
            data = {}
        for pattern, verb, action in _ROUTES:
            found = re.fullmatch(pattern, sub)
            if found and verb == method:
                own: Answer = action(*(unquote(part) for part in found.groups()), data, query)
                return own
        wanted = _before_v2(method, sub, data)
        if isinstance(wanted, tuple):
            return wanted
        answer: Answer = await v2(method, path, headers, body, query)
        return _after_v2(method, sub, answer, wanted)

    ses_identities.install()
    ses_sets.install()
    ses.handle_request, ses_v2.handle_request = handle_v1, handle_v2
    ses._send_notifications = mails.report_v1


def _measure(action: str, metric: str) -> None:
    """Count a call as AWS does: *AWS usage metrics*."""
    where = {"Type": "API", "Resource": action, "Service": "SES", "Class": "None"}
    cloudwatch.record_metric("AWS/Usage", metric, 1, "None", where)


def _refusal(submission: submissions.Submission) -> submissions.Refusal | None:
    ses_identities.look_up_pending()
    return submission.refusal()


def _follow_v1(action: str, parameters: Mapping[str, Any], answer: Answer) -> None:
    """Do what the emulator's own action left undone."""
    if answer[0] >= 300:
        return
    if action in ("VerifyEmailIdentity", "VerifyEmailAddress", "VerifyDomainIdentity"):
        ses_identities.verified_by_hand(parameters)
    name = ses._p(parameters, "ConfigurationSet.Name") or ses._p(parameters, "ConfigurationSetName")
    ses_sets.follow_v1(action, name)


def _before_v2(method: str, sub: str, data: Mapping[str, Any]) -> list[submissions.Submission] | Answer:
    """Return the mails that a v2 request sends, or why it is refused."""
    deleted = re.fullmatch(r"/configuration-sets/([^/]+)", sub)
    if deleted and method == "DELETE":
        return ses_sets.forget(unquote(deleted[1])) or []
    sent: list[submissions.Submission] = []
    if method == "POST" and sub == "/outbound-emails":
        sent = [submissions.of_v2(data)]
    if method == "POST" and sub == "/outbound-bulk-emails":
        sent = submissions.of_v2_bulk(data)
    for submission in sent:
        refusal = _refusal(submission)
        if refusal:
            return ses_answers.json_error(refusal.v2, refusal.message, refusal.status)
    return sent


def _after_v2(method: str, sub: str, answer: Answer, sent: list[submissions.Submission]) -> Answer:
    """Report on what was sent, and complete what the emulator answered."""
    if answer[0] >= 300:
        return answer
    if sub == "/account" and method == "GET":
        return ses_account.complete(answer)
    content = json.loads(answer[2]) if sent else {}
    for submission, result in zip(sent, content.get("BulkEmailEntryResults") or [content], strict=False):
        if "MessageId" in result:
            mails.report(result["MessageId"], submission)
    return answer
