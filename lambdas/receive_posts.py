"""ALSO: SNS of other accounts and regions posts feedback here; it is verified, and then acted upon like any other.

The answer is given when the feedback is stored. What shall come back is raised: it counts as an error of the function,
so that an alarm tells of it, and API Gateway answers 500 in its place, after which SNS tries again.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from ses_feedback.adapters.runtime import ROOT, Runtime
from ses_feedback.config.posts import heard, listed_topics
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.topics import TopicList
from ses_feedback.endpoint.answering import Endpoint
from ses_feedback.endpoint.certificates import Certificates, public_roots
from ses_feedback.endpoint.confirming import confirm
from ses_feedback.endpoint.fetching import fetch
from ses_feedback.endpoint.http_api import answer_event, response
from ses_feedback.endpoint.verifying import Verifier
from ses_feedback.usecases.handling import Entry, Outcome
from ses_feedback.usecases.receiving import receive

runtime = Runtime()
listed = listed_topics(ROOT)
rules = heard(runtime.rules, listed)
# What the endpoint says of posts goes where everything else is said, in the same form.
_said = logging.getLogger("ses_feedback.endpoint")
_said.handlers, _said.propagate = runtime.logger.handlers, False
_said.setLevel(logging.WARNING)  # what was stored is reported as counts


def _receive(entry: Entry, now: int) -> Outcome:
    outcome = receive(
        [entry], rules=rules, keys=runtime.keys, store=runtime.store, quarantine=runtime.quarantine, now=now
    )
    runtime.report(outcome)
    return outcome


endpoint = Endpoint(Verifier(TopicList(listed), Certificates(fetch, public_roots())), _receive, confirm)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request of the HTTP API. Raises ``RetryableError`` where SNS shall try again."""
    answer = answer_event(endpoint, event)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise RetryableError(answer.text)
    return response(answer)
