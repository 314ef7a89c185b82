"""Whatever arrives, and whatever goes wrong with it: nothing personal leaves a function but into table and quarantine.

A mark is put wherever a notification can hold something personal; then everything the functions say is searched for it.
Identities of the configuration are no secret: metrics are told apart by them.
"""

from __future__ import annotations

import copy
import importlib
import io
import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

import pytest

from lambdas import claim_table, wire_identity
from ses_feedback import naming
from ses_feedback.adapters import custom_resource
from ses_feedback.adapters import runtime as composition
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain.errors import PermanentError, RetryableError
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.policy import DEFAULT_POLICY
from tests import events
from tests.fakes import FakeQuarantine, FakeStore
from tests.unit.usecases import mail
from tests.unit.usecases.mail import failure_body, sqs_event

MARK = "zqx7"
SOMEONE = f"jane.{MARK}@example.net"
NOW = time.time_ns() // 1_000_000
PLACES = [
    Place("example.com", "production", "transactional"),
    Place("news@example.com", "production", "marketing"),
    Place("dev@example.com", "dev", "default"),
]
IDENTITIES = re.compile("|".join(re.escape(place.identity) for place in PLACES))
ACTING = (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK)
# Fields whose texts come from senders, receivers and mailboxes, however often their JSON was put into JSON.
_TEXTS = (
    "subject|diagnosticCode|smtpResponse|userAgent|ipAddress|link|remoteMtaIp|reportingMTA|errorMessage|reason|bounceType"
    "|bounceSubType|complaintFeedbackType|complaintSubType|delayType|value|status|action"
)
_TEXT = re.compile(rf'((\\*)"(?:{_TEXTS})\2"\s*:\s*\2")')
_LOCAL = re.compile(r"[\w.+\-]+(?=@)")


class Functions:
    """The three functions that meet feedback, over a table that does what it is told.

    They are loaded by the first ``heal``, within the test: a logger keeps the standard output it was made with.
    """

    def __init__(self, load: Callable[[str], ModuleType]) -> None:
        self._load = load
        self.raised: list[str] = []

    @cached_property
    def modules(self) -> dict[str, ModuleType]:
        """The functions' modules, by name."""
        return {name: self._load(name) for name in ACTING}

    def heal(self) -> None:
        """Give the functions an empty table and an empty quarantine, both well."""
        self.store, self.quarantine = FakeStore(), FakeQuarantine()
        for module in self.modules.values():
            module.runtime.store, module.runtime.quarantine = self.store, self.quarantine

    def feed(self, payload: Any) -> None:
        """Hand a payload to every function, in every shape in which it can come; note what is raised."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": mail.TOPIC, "Message": text}
        sns = {"Records": [{"EventSource": "aws:sns", "Sns": envelope}]}
        bodies = [text, json.dumps(envelope), failure_body(sns)]
        self._run(naming.RECORD_FEEDBACK, sns)
        self._run(naming.RETRY_FEEDBACK, sqs_event(*bodies))
        self._run(naming.TALLY_FEEDBACK, sqs_event(*bodies))

    def _run(self, name: str, event: dict[str, Any]) -> None:
        try:
            self.modules[name].handler(event, None)
        except RetryableError as error:
            self.raised.append("".join(traceback.format_exception(error)))


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    rules = RuntimeConfig(
        deployment=f"privacy-{time.perf_counter_ns()}",  # a logger of its own, bound to this test's output
        region="us-east-1",
        regions=("us-east-1",),
        alarms="identity",
        places=tuple(PLACES),
        directory=Directory(PLACES, {mail.TOPIC.rpartition(":")[2]: "example.com"}),
        policy=DEFAULT_POLICY,
    )
    monkeypatch.setattr(composition, "load_runtime", lambda _: rules)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", naming.ENV_TABLE, naming.ENV_ADDRESS_KEY):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv(naming.ENV_RETRY_QUEUE_URL, "https://sqs.us-east-1.amazonaws.com/111122223333/retry")

    def load(function: str) -> ModuleType:
        module = naming.handler_of(function).rpartition(".")[0]
        monkeypatch.delitem(sys.modules, module, raising=False)
        loaded = importlib.import_module(module)
        if function == naming.RETRY_FEEDBACK:
            monkeypatch.setattr(loaded, "postpone", lambda _url, _messages: ["postponing a message: InvalidReceipt"])
        return loaded

    return Functions(load)


def marked(text: str) -> str:
    """Put the mark into every address and every text of a payload, but not into the configured identities."""
    held = [identity.identity for identity in PLACES if "@" in identity.identity]
    for number, identity in enumerate(held):
        text = text.replace(identity, f"\0{number}\0")
    text = _LOCAL.sub(lambda found: found[0] + MARK, text)
    text = _TEXT.sub(lambda found: found[1] + MARK + " ", text)
    for number, identity in enumerate(held):
        text = text.replace(f"\0{number}\0", identity)
    return text


def variants(notification: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a notification with a marked address in place of each value in turn, as text, list, object and name."""
    for path in list(paths(notification)):
        for value in (SOMEONE, [SOMEONE], {SOMEONE: SOMEONE}, [{"emailAddress": SOMEONE}], f"{SOMEONE}\n{{"):
            changed = copy.deepcopy(notification)
            inner: Any = changed
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = value
            yield changed
        if isinstance(path[-1], str):
            changed = copy.deepcopy(notification)
            inner = changed
            for step in path[:-1]:
                inner = inner[step]
            inner[SOMEONE] = inner.pop(path[-1])
            yield changed


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield (*before, step)
        yield from paths(inner, (*before, step))


def leaks(said: str, secrets: set[str]) -> set[str]:
    """Return what of the secrets, or like an address, is in what was said, identities of the configuration apart."""
    public = IDENTITIES.sub("", said)
    return {secret for secret in secrets | {"@", MARK} if secret in public}


def quoting_bug(text: str) -> Callable[[], object]:
    """Return a bug whose error quotes its input, as a KeyError or a decoder's does."""

    def fail() -> None:
        raise KeyError(text)

    return fail


TROUBLES = ["none", "throttled", "refused for good", "a bug that quotes"]


def trouble(kind: str, text: str) -> list[Any]:
    """Return what goes wrong at each call to the table."""
    return {
        "none": [],
        "throttled": [RetryableError("writing a suppression: ThrottlingException")] * 99,
        "refused for good": [PermanentError("writing a suppression: ValidationException")] * 99,
        "a bug that quotes": [quoting_bug(text)] * 99,
    }[kind]


@pytest.mark.parametrize("kind", TROUBLES)
def test_nothing_of_the_catalogue_is_said(
    functions: Functions, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """No address, local part, subject or diagnostic of any catalogued payload is in a log line, metric or error."""
    for module in functions.modules.values():
        monkeypatch.setattr(type(module.runtime), "now", property(lambda _: events.NOW))
    secrets: set[str] = set()
    for entry in events.catalogue():
        text = events.load(entry.name).decode("utf-8", "replace")
        secrets |= personal(text)
        for payload in (text, marked(text)):
            functions.heal()
            functions.store.troubles = trouble(kind, payload)
            functions.feed(payload)
    out, err = capfd.readouterr()
    said = out + err + "".join(functions.raised)
    assert len(out.splitlines()) >= 6 * len(events.catalogue())
    assert len(secrets) > 15
    assert leaks(said, secrets) == set()
    assert bool(functions.raised) is (kind in ("throttled", "a bug that quotes"))


def personal(text: str) -> set[str]:
    """Return the local parts, subjects and diagnostics of a payload that are long enough not to be met by chance."""
    plain = text.replace("\\", "")
    found = set(re.findall(r"([\w.+\-]+)@", plain))
    found |= set(re.findall(r'"(?:subject|diagnosticCode|smtpResponse)"\s*:\s*"([^"]+)"', plain))
    configured = {place.identity.partition("@")[0] for place in PLACES}
    return {part for part in found - configured if len(part) > 7 and not part.isdigit()}


@pytest.mark.parametrize("kind", ["none", "a bug that quotes"])
@pytest.mark.parametrize("make", [mail.bounce, mail.complaint, mail.delivery], ids=lambda make: make.__name__)
def test_an_address_in_any_field_is_not_said(
    functions: Functions, capfd: pytest.CaptureFixture[str], make: Callable[..., dict[str, Any]], kind: str
) -> None:
    """Each field in turn holds an address where none belongs: as kind, time, id, source, topic, class or name."""
    fed = 0
    for changed in variants(make("m1", at=NOW)):
        functions.heal()
        functions.store.troubles = trouble(kind, SOMEONE)
        functions.feed(changed)
        functions.feed(json.dumps(changed)[:-20])  # cut off, as a whole unreadable text
        fed += 1
    assert fed > 80
    out, err = capfd.readouterr()
    assert len(out.splitlines()) >= 6 * fed
    assert leaks(out + err + "".join(functions.raised), {"confidential", "jane"}) == set()


@pytest.mark.parametrize("where", ["EventSource", "Sns", "MessageId", "TopicArn", "Type", "Subject", "Timestamp"])
def test_an_address_in_the_envelope_is_not_said(
    functions: Functions, capfd: pytest.CaptureFixture[str], where: str
) -> None:
    """What SNS and Lambda wrap a notification in may hold anything as well."""
    functions.heal()
    for value in (SOMEONE, [SOMEONE], {SOMEONE: SOMEONE}, None):
        event = mail.sns_event(mail.bounce("m1", [SOMEONE], at=NOW))
        record = event["Records"][0]
        (record if where in record else record["Sns"])[where] = value
        functions._run(naming.RECORD_FEEDBACK, event)
        for name in (naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK):
            functions._run(name, sqs_event(json.dumps(event), failure_body(event), json.dumps(record["Sns"])))
    out, err = capfd.readouterr()
    assert len(out.splitlines()) >= 12
    assert leaks(out + err + "".join(functions.raised), {"confidential"}) == set()


def test_a_quarantine_that_fails_says_nothing_of_what_it_should_keep(
    functions: Functions, capfd: pytest.CaptureFixture[str]
) -> None:
    """Unreadable input that cannot even be put aside comes back, and is not quoted on the way."""
    functions.heal()
    functions.quarantine.troubles = [KeyError(SOMEONE), RetryableError("keeping it: SlowDown")] * 9
    functions.feed(f"to {SOMEONE}: confidential")
    out, err = capfd.readouterr()
    assert '"failed":' in out
    assert functions.raised
    assert leaks(out + err + "".join(functions.raised), {"confidential"}) == set()


class Context:
    """What a custom resource reads of Lambda's context."""

    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:ses-feedback-wire_identity"
    log_stream_name = "2026/01/27/[$LATEST]0123"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.mark.parametrize("module", [claim_table, wire_identity], ids=lambda module: module.__name__)
def test_a_custom_resource_tells_neither_the_secret_nor_its_answers_address(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They meet no feedback. What they know is the secret and a signed URL: no reason and no line tells these."""
    answers: list[dict[str, Any]] = []

    def put(_url: str, answer: dict[str, Any], *_: object) -> None:
        answers.append(answer)

    def broken(*_: object, **__: object) -> Any:
        raise KeyError("no such client")

    log = io.StringIO()
    monkeypatch.setattr(module.logger.handlers[0], "stream", log)
    monkeypatch.setattr(custom_resource, "_put", put)
    monkeypatch.setattr(module, "client", broken)
    if hasattr(module, "gateways"):
        module.gateways.cache_clear()
    monkeypatch.setenv(naming.ENV_ADDRESS_KEY, MARK)
    monkeypatch.setenv(naming.ENV_WIRING_TABLE, "wiring")
    topics = {t: f"arn:aws:sns:us-east-1:111122223333:{t}" for t in ("Bounce", "Complaint", "Delivery")}
    properties = {"Table": "t", "Owner": "o", "Identity": "example.com", "Topics": topics}
    for kind in ("Create", "Update", "Delete", "Nonsense"):
        event = {
            "RequestType": kind,
            "ResponseURL": f"https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/?signature={MARK}",
            "RequestId": "1",
        }
        event |= {"LogicalResourceId": "Resource", "PhysicalResourceId": "example.com"}
        module.handler({**event, "ResourceProperties": properties}, Context())
    out, err = capfd.readouterr()
    assert "FAILED" in [answer["Status"] for answer in answers]
    assert len(answers) == 4
    assert "Traceback" in log.getvalue()
    assert MARK not in out + err + log.getvalue() + json.dumps(answers)
