"""One post in, one answer out: 2xx only when its feedback is stored, 4xx for what never will be, 5xx to try again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from ses_feedback.domain.errors import describe
from ses_feedback.domain.texts import token
from ses_feedback.endpoint.confirming import Confirm
from ses_feedback.endpoint.errors import NotNow, Refused
from ses_feedback.endpoint.posts import MAX_BODY, NOTIFICATION, SUBSCRIPTION, Post, read_post
from ses_feedback.endpoint.verifying import Verifier
from ses_feedback.usecases.handling import Entry, Outcome

# Store the feedback of an entry, whose payload is an SNS message, at a time in ms.
Receive = Callable[[Entry, int], Outcome]

_MOST_ARN: Final = 300
# SNS sends the first; a delivery policy may ask for the second.
_CONTENT_TYPES: Final = ("text/plain", "application/json")

_log = logging.getLogger("ses_feedback.endpoint")


class Answer(NamedTuple):
    """What is answered: a status, one line of text for whoever reads it, and headers."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """The text as it is sent."""
        return (self.text + "\n").encode()

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Every header of the answer."""
        length = str(len(self.body))
        return [("content-type", "text/plain; charset=utf-8"), ("content-length", length), *self.headers]


class Endpoint:
    """Where SNS posts to. May be used by several threads; ``answer`` never raises.

    ``clock`` returns the time in ms.
    """

    def __init__(
        self,
        verifier: Verifier,
        receive: Receive,
        confirm: Confirm,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._verifier = verifier
        self._receive = receive
        self._confirm = confirm
        self._clock = clock

    def refuse_early(self, method: str, headers: Mapping[str, str]) -> Answer | None:
        """Return the answer to a request whose body need not be read; the names of ``headers`` are in lower case."""
        if method != "POST":
            return Answer(405, "SNS posts", (("allow", "POST"),))
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _CONTENT_TYPES or headers.get("content-encoding", "identity").lower() != "identity":
            return Answer(415, f"the content type must be {' or '.join(_CONTENT_TYPES)}, as it is")
        length = headers.get("content-length")
        if length is not None and not (length.isascii() and length.isdigit() and len(length) < 20):
            return Answer(400, "the content length is no number")
        if length is not None and int(length) > MAX_BODY:
            return Answer(413, f"more than {MAX_BODY:,} bytes")
        return None

    def answer(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to a request; the names of ``headers`` may be in any case."""
        early = self.refuse_early(method, {name.lower(): value for name, value in headers.items()})
        if early is not None:
            return early
        topic = None
        try:
            post = read_post(body)
            topic = token(post.topic, _MOST_ARN)
            now = self._clock()
            self._verifier.verify(post, now)
            return self._act(post, now)
        except Refused as error:
            _log.warning("refused: %s; topic %s", error, topic)
            return Answer(error.status, str(error))
        except NotNow as error:
            _log.warning("to be tried again: %s; topic %s", error, topic)
            return Answer(error.status, str(error))
        except Exception as error:  # noqa: BLE001 - a bug, or AWS: named in the log, and SNS tries again
            # Without a trace, whose texts may quote an address.
            _log.error("to be tried again: %s; topic %s", describe(error), topic)
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; try again")

    def _act(self, post: Post, now: int) -> Answer:
        if post.type == NOTIFICATION:
            outcome = self._receive(Entry(post.message_id, post.envelope), now)
            if outcome.failed:
                raise NotNow("; ".join(outcome.problems))
            _log.info("stored: %s", {name: count for name, count in outcome.counts.items() if count})
            return Answer(HTTPStatus.OK, "stored")
        if post.type == SUBSCRIPTION and post.token is not None:
            self._confirm(post.topic, post.token)
            _log.warning("subscribed; topic %s", post.topic)
            return Answer(HTTPStatus.OK, "subscribed")
        # Whoever subscribed it may have meant it: that is for a person to know.
        _log.warning("unsubscribed: no more feedback comes from topic %s", post.topic)
        return Answer(HTTPStatus.OK, "noted")
