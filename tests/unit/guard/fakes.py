"""A table in memory, a guard over it, and boto3 clients whose requests reach nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import boto3
from botocore.awsrequest import AWSResponse

from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, Suppression
from ses_feedback.domain.times import parse_time
from ses_feedback.guard.core import Guard, Where, options
from ses_feedback.usecases.ports import Stored

NOW = parse_time("2026-11-24T05:00:00.000Z")
DEAD, COMPLAINED, JO, JOE = "dead@example.net", "upset@example.net", "jo@example.net", "joe@example.net"
FOR_EVER = Suppression("environment", None, "hard_bounce", NOW - 1_000, None)
IN_MARKETING = Suppression("stream", "marketing", "complaint", NOW - 1_000, None)


class Table:
    """A ``Reader`` in memory: ``asked`` has the addresses of each call, ``broken`` what every call raises."""

    def __init__(self, held: Mapping[str, Suppression] | None = None, environment: str = "production") -> None:
        self.held = dict({DEAD: FOR_EVER, COMPLAINED: IN_MARKETING} if held is None else held)
        self.environment = environment
        self.asked: list[list[str]] = []
        self.opened = 0
        self.broken: Exception | None = None

    def open(self) -> Table:
        self.opened += 1
        return self

    def get_many(self, wanted: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Stored]:
        assert 0 < len(wanted) <= 100, "a BatchGetItem takes 1 to 100 keys"
        assert len(set(wanted)) == len(wanted), "a BatchGetItem takes no key twice"
        self.asked.append([address for _, address in wanted])
        if self.broken is not None:
            raise self.broken
        return {
            (environment, address): Stored(environment, address, History(), (self.held[address],), "v")
            for environment, address in wanted
            if environment == self.environment and address in self.held
        }

    def breaks(self) -> None:
        """Let every call fail from here on."""
        self.broken = RetryableError("reading suppressions: ProvisionedThroughputExceededException")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def guard_over(
    table: Table, *, stream: str = "marketing", seconds: Callable[[], float] | None = None, **given: Any
) -> Guard:
    """Return a guard of a stream of production at ``NOW``."""
    where = Where("production", stream)
    return Guard(table.open, where, options(given), deployment="mail", clock=lambda: NOW, seconds=seconds or Clock())


class Sent:
    """A boto3 client whose requests are kept instead of sent: ``requests`` has what SES would have got, decoded."""

    def __init__(self, service: str, *, statuses: Iterable[Mapping[str, str]] = (), error: str | None = None) -> None:
        self.client = boto3.client(
            service, region_name="us-east-1", aws_access_key_id="example", aws_secret_access_key="example"
        )
        self.requests: list[dict[str, Any]] = []
        self._statuses = list(statuses)
        self._error = error
        self.client.meta.events.register(f"before-send.{service}", self._keep)

    def _keep(self, request: Any, **_: Any) -> AWSResponse:
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        if request.headers["Content-Type"].startswith(b"application/x-www-form-urlencoded"):
            self.requests.append(dict(parse_qsl(body.decode())))
            return _Answer(request.url, *self._xml(self.requests[-1]["Action"]))
        self.requests.append(json.loads(body))
        if self._error:
            return _Answer(request.url, 400, json.dumps({"message": self._error, "__type": "BadRequestException"}))
        return _Answer(request.url, 200, json.dumps({"MessageId": "m-1", "BulkEmailEntryResults": self._statuses}))

    def _xml(self, action: str) -> tuple[int, str]:
        members = "".join(
            "<member>" + "".join(f"<{n}>{v}</{n}>" for n, v in status.items()) + "</member>"
            for status in self._statuses
        )
        inner = f"<Status>{members}</Status>" if "Bulk" in action else "<MessageId>m-1</MessageId>"
        return 200, (
            f'<{action}Response xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><{action}Result>{inner}'
            f"</{action}Result></{action}Response>"
        )


class _Answer(AWSResponse):
    """An answer whose body is at hand."""

    def __init__(self, url: str, status: int, text: str) -> None:
        super().__init__(url, status, {}, None)
        self._text = text.encode()

    @property
    def content(self) -> bytes:
        return self._text
