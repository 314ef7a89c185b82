"""An endpoint whose SNS is the test authority's, whose table is in memory, and which notes every request it makes."""

from __future__ import annotations

from typing import Any

from local import authority
from local.authority import Authority, body, notification, pem
from ses_feedback.domain.times import format_time
from ses_feedback.domain.topics import TopicList
from ses_feedback.endpoint.answering import Answer, Endpoint
from ses_feedback.endpoint.certificates import Certificates
from ses_feedback.endpoint.errors import Refused
from ses_feedback.endpoint.opening import Feedback
from ses_feedback.endpoint.verifying import Verifier
from tests.fakes import FakeQuarantine, FakeStore
from tests.unit.usecases import mail

NOW = mail.NOW
TOPICS = (authority.TOPIC, "arn:aws:sns:eu-west-1:444455556666:ses-*", "arn:aws-cn:sns:cn-north-1:444455556666:bounces")
CERTIFICATE_URL = f"{authority.HOST}/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
HEADERS = {"Content-Type": "text/plain; charset=UTF-8"}
AUTHORITY = Authority(NOW)
STRANGER = Authority(NOW, "A Stranger's Root")
GOOD = AUTHORITY.certificate("sns.amazonaws.com")


class Web:
    """What there is to fetch: URL → bytes, or an exception. ``asked`` are the URLs that were requested."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | Exception] = {
            CERTIFICATE_URL: pem(GOOD, AUTHORITY.intermediate),
            authority.ISSUER_URL: authority.der(AUTHORITY.intermediate),
        }
        self.asked: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        found = self.files.get(url, Refused("there is no certificate at its place (HTTP 404)"))
        if isinstance(found, Exception):
            raise found
        return found


class World:
    """The endpoint and all around it."""

    def __init__(self) -> None:
        self.now = NOW
        self.web = Web()
        self.store = FakeStore()
        self.quarantine = FakeQuarantine()
        self.confirmed: list[tuple[str, str]] = []
        self.refusal: Exception | None = None
        self.certificates = Certificates(self.web.fetch, [AUTHORITY.root])
        self.verifier = Verifier(TopicList(TOPICS), self.certificates)
        feedback = Feedback(mail.rules(), mail.KEYS, self.store, self.quarantine)
        self.endpoint = Endpoint(self.verifier, feedback, self._confirm, lambda: self.now)

    def _confirm(self, topic: str, token: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.confirmed.append((topic, token))

    def post(self, what: dict[str, Any] | bytes, **headers: str) -> Answer:
        """Post a message (or any bytes) with SNS's headers, and others."""
        return self.endpoint.answer("POST", {**HEADERS, **headers}, what if isinstance(what, bytes) else body(what))

    @property
    def untouched(self) -> bool:
        """Whether nothing was stored, quarantined or confirmed."""
        return not (self.store.items or self.quarantine.kept or self.confirmed)


def bounced(*, at: int = NOW, message: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a genuine post of a hard bounce of jane@example.net."""
    return notification(mail.text(mail.bounce()) if message is None else message, format_time(at), **changes)
