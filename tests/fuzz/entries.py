"""The entry points, each with what must hold whatever comes in."""

from __future__ import annotations

import binascii
import contextlib
import io
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.emf import EmfMeter
from ses_feedback.cli.program import run
from ses_feedback.cli.session import Session
from ses_feedback.config import ConfigError, load, parse
from ses_feedback.config.loop import from_loop, to_loop
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.config.warnings import warnings
from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.archive import line_of
from ses_feedback.domain.decide import decide, explain_event, explain_fault, explain_setup
from ses_feedback.domain.errors import InvalidAddress, RetryableError
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.reading import read
from tests import events
from tests.fuzz.mutators import Mutator
from tests.soak.cloud import CALM, Weather
from tests.soak.functions import KEYS, Container, Handler, Lines, calm_cloud, loaded

ROOT: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = tuple(
    place
    for identity in ("example.com", "news@example.com", "dev@example.com")
    if (place := events.DIRECTORY.resolve(f"arn:aws:ses:us-east-1:111122223333:identity/{identity}", None, None))
)
_RULES: Final = RuntimeConfig(
    "ses-feedback", "us-east-1", ("us-east-1",), "identity", _PLACES, events.DIRECTORY, DEFAULT_POLICY
)
# Keys that neither of the two files below has live.
_EVERYTHING: Final = """
[deployment]
overwrite = true
[canary]
every = "12h"
within = "10m"
[on_call]
page = [{ https = "https://pager.example.com/v1/sns", max_per_second = 5 }]
[teams.developers]
notify = [
    { email = "dev@example.com", format = "json", on = ["bounce", "open"] },
    { sqs = "arn:aws:sqs:us-east-1:111122223333:dev-bounces", raw = true, format = "text" },
]
[identities."example.com"]
team = "developers"
create = true
canary = false
configuration_set = { events = ["open", "reject"], tls = "require", suppress = ["bounce"] }
"""
_CONFIGURATIONS: Final = [
    tomllib.loads((ROOT / "feedback.toml").read_text(encoding="utf-8")),
    tomllib.loads((ROOT / "tests/e2e/feedback.toml").read_text(encoding="utf-8")),
    tomllib.loads(_EVERYTHING),
]
_FAILING: Final = Weather(throttle=0.5)
_GOOD: Final = events.load("bounces/4-no-such-mailbox.json").decode()
_GOOD_KEY: Final = KEYS.address("production", "jane@example.org")
# A container that is used for ever would keep everything it was ever told.
_LIFE: Final = 25


class Wrong(AssertionError):
    """Something that must hold does not; ``data`` is the input."""

    def __init__(self, what: str, data: bytes) -> None:
        super().__init__(what)
        self.data = data


class Entries:
    """Takes an input through an entry point. ``tried`` is the last input, to be shown where it does not come back."""

    def __init__(self, handlers: Mapping[str, Handler], folder: Path) -> None:
        self.tried = b""
        self._handlers = handlers
        self._file = folder / "input"
        self._config = folder / "feedback.toml"
        self._config.write_bytes((ROOT / "feedback.toml").read_bytes())
        self._uses = 0
        self._container = self._start()

    def entries(self) -> dict[str, tuple[int, Callable[[Mutator], None]]]:
        """Return every entry point by its name, and how often it is tried among the others."""
        return {
            "read": (8, self.read),
            "archive": (3, self.archive),
            "record_feedback": (4, self.record),
            "retry_feedback": (3, self.retry),
            "tally_feedback": (3, self.tally),
            "explain": (1, self.explain),
            "config": (3, self.parse),
            "config file": (1, self.load),
            "normalise": (4, self.normalise),
        }

    # --- the domain -------------------------------------------------------------------------------------------------

    def read(self, mutator: Mutator) -> None:
        """``read`` never raises, everything is an event, a fault or a setup message, and each can be explained."""
        data = self.tried = mutator.payload()
        payload: object = data
        if mutator.chance.random() < 0.3:
            payload = data.decode("utf-8", "surrogateescape")
        reading = read(payload, events.DIRECTORY, events.NOW)
        told = [explain_event(event, decide(event, DEFAULT_POLICY)) for event in reading.events]
        told += [explain_fault(fault) for fault in reading.faults]
        told += [explain_setup(setup) for setup in reading.setups]
        if not told and not hollow(data.decode("utf-8", "surrogateescape")):
            raise Wrong("an input disappeared: neither event nor fault nor setup", data)
        for one in told:
            json.dumps(one, ensure_ascii=False).encode()  # no lone surrogate leaves the domain
            if not one["why"]:
                raise Wrong("something is not explained", data)
        for event in reading.events:
            if normalise(event.recipient) != event.recipient:
                raise Wrong("a recipient is not in the form in which it compares", data)
        if any(not fault.raw and fault.why != "an empty message" for fault in reading.faults):
            raise Wrong("a fault does not keep its input", data)

    def normalise(self, mutator: Mutator) -> None:
        """``normalise`` has one form for an address, or an ``InvalidAddress`` that does not quote it."""
        address = mutator.address()
        data = self.tried = repr(address).encode("utf-8", "backslashreplace")
        try:
            found = normalise(address)
        except InvalidAddress as error:
            if isinstance(address, str) and len(address) > 3 and address in str(error):
                raise Wrong("an error quotes the address", data) from error
            return
        if normalise(found) != found:
            raise Wrong("what is normalised changes when normalised again", data)

    # --- the functions ----------------------------------------------------------------------------------------------

    def record(self, mutator: Mutator) -> None:
        """``record_feedback`` returns, or raises ``RetryableError`` while a service fails."""
        event: Any = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": mutator.text()}}]}
        if mutator.chance.random() < 0.3:
            event = mutator.tree()
            event = event if isinstance(event, dict) else {"Records": event}
        self.tried = _as_data(event)
        with self._weather(mutator) as failing:
            try:
                answer = self._container.invoke(self._handlers[naming.RECORD_FEEDBACK], event)
            except RetryableError as error:
                if not failing:
                    raise Wrong(f"comes back although every service works: {error}", self.tried) from error
            else:
                if answer is not None:
                    raise Wrong(f"returns {answer!r}", self.tried)
        self._check_log(accounted=not hollow(event))

    def retry(self, mutator: Mutator) -> None:
        """``retry_feedback`` names the messages that come back, none while every service works; good ones are done."""
        self._batch(mutator, naming.RETRY_FEEDBACK)

    def tally(self, mutator: Mutator) -> None:
        """``tally_feedback`` does the same."""
        self._batch(mutator, naming.TALLY_FEEDBACK)

    def _batch(self, mutator: Mutator, function: str) -> None:
        bodies = [mutator.text() for _ in range(mutator.chance.choice((1, 1, 2, 4)))]
        self.tried = _as_data(bodies)
        event = {
            "Records": [
                {
                    "messageId": f"m{number}",
                    "receiptHandle": f"r{number}",
                    "body": body,
                    "attributes": {"ApproximateReceiveCount": str(number + 1)},
                }
                for number, body in enumerate([*bodies, _GOOD])
            ]
        }
        with self._weather(mutator) as failing:
            items = self._container.cloud.dynamo.items
            items.pop(_GOOD_KEY, None)
            answer = self._container.invoke(self._handlers[function], event)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        if not failed <= {record["messageId"] for record in event["Records"]}:
            raise Wrong(f"messages come back that never came: {failed}", self.tried)
        if failed and not failing:
            raise Wrong(f"messages come back although every service works: {failed}", self.tried)
        good = f"m{len(bodies)}"
        if function == naming.RETRY_FEEDBACK and good not in failed and _GOOD_KEY not in items:
            raise Wrong("a poisonous message blocks a good one", self.tried)
        self._check_log(accounted=True)

    def _check_log(self, *, accounted: bool) -> None:
        message, fields = self._container.logger.last
        line = json.dumps([message, fields])
        if "@" in line:
            raise Wrong(f"an address may be in a log line: {line}", self.tried)
        seen = sum(fields.get(name, 0) for name in ("events", "setups", "quarantined", "failed", "notifications"))
        if accounted and not seen:
            raise Wrong(f"an input is not accounted for: {line}", self.tried)

    @contextmanager
    def _weather(self, mutator: Mutator) -> Iterator[bool]:
        """Let half of the calls fail, now and then; say whether they do."""
        self._uses += 1
        if self._uses % _LIFE == 0:
            self._container = self._start()
        cloud = self._container.cloud
        cloud.chance = mutator.chance
        cloud.weather = _FAILING if mutator.chance.random() < 0.2 else CALM
        self._container.logger = Lines()
        yield cloud.weather is _FAILING

    def _start(self) -> Container:
        container = Container(calm_cloud(events.NOW), _RULES)
        container.meter = EmfMeter(_Sink())  # standard output does not fail here
        return container

    def archive(self, mutator: Mutator) -> None:
        """``line_of`` never raises: anything is one line of JSON, with events or the reason for none."""
        data = self.tried = mutator.payload()
        text = data.decode("utf-8", "surrogateescape")
        if mutator.chance.random() < 0.5:
            text = json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": text})
        line = line_of(text, directory=events.DIRECTORY, deployment="ses-feedback", now=events.NOW)
        said = json.loads(line.encode())
        if "\n" in line or not (said["events"] or said.get("skipped") or said.get("decision")):
            raise Wrong("not one line, or one without events and reason", data)

    # --- the command line and the configuration ---------------------------------------------------------------------

    def explain(self, mutator: Mutator) -> None:
        """``ses-feedback explain`` explains anything, on one line each; an error is one line, and no internal one."""
        data = self.tried = mutator.payload()
        self._file.write_bytes(data)
        arguments = ["explain", "--config", str(self._config), str(self._file)]
        as_json = mutator.chance.random() < 0.7
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([*arguments, "--json"] if as_json else arguments, Session(now=lambda: events.NOW))
        if code != 0 or err.getvalue():
            raise Wrong(f"exit code {code}: {err.getvalue()}", data)
        if as_json:
            lines = [json.loads(line) for line in out.getvalue().split("\n")[:-1]]
            if not lines and not hollow(data.decode("utf-8", "surrogateescape")):
                raise Wrong("nothing is explained", data)

    def parse(self, mutator: Mutator) -> None:
        """``parse`` returns a configuration, or a ``ConfigError`` of whole lines."""
        tree = mutator.configuration(_CONFIGURATIONS)
        self.tried = _as_data(tree)
        with self._only_config_errors():
            config = parse(tree)
            loop = to_loop(config)
            if to_loop(from_loop(loop)) != loop or not all(line.isprintable() for line in warnings(config)):
                raise Wrong("a configuration is not what it is in the functions", self.tried)

    def load(self, mutator: Mutator) -> None:
        """``load`` does the same with any bytes."""
        data = self.tried = mutator.broken((ROOT / "feedback.toml").read_bytes())
        self._file.write_bytes(data)
        with self._only_config_errors():
            load(self._file)

    @contextmanager
    def _only_config_errors(self) -> Iterator[None]:
        try:
            yield
        except ConfigError as error:
            for line in error.problems or ("",):
                if not line or len(line.splitlines()) != 1 or not line.isprintable() or len(line) > 5_000:
                    raise Wrong(f"not one clear line: {line[:300]!r}", self.tried) from error


class _Sink(io.StringIO):
    """Takes lines of metrics and keeps none."""

    def write(self, text: str) -> int:
        document = json.loads(text)
        assert document["_aws"]["CloudWatchMetrics"]
        return len(text)


def _as_data(value: object) -> bytes:
    try:
        return json.dumps(value, default=str).encode()
    except (RecursionError, ValueError, TypeError):
        return repr(value)[:100_000].encode("utf-8", "backslashreplace")


def hollow(value: object, depth: int = 0) -> bool:
    """Return whether an input may say nothing: it is blank, or what it holds is, somewhere, an empty list or text."""
    if depth > 60:
        return False
    if isinstance(value, dict):
        return any(hollow(inner, depth + 1) for inner in value.values())
    if isinstance(value, list):
        return all(hollow(inner, depth + 1) for inner in value)
    if not isinstance(value, str):
        return False
    text = value.strip(" \t\r\n\ufeff\x1e\v\f\x1c\x1d\x1f\x85\xa0")
    if not text:
        return True
    try:
        return hollow(json.loads(text), depth + 1) if text[0] in '{["' else _hollow_base64(text, depth)
    except (ValueError, RecursionError):
        return "[]" in "".join(text.split())


def _hollow_base64(text: str, depth: int) -> bool:
    try:
        return hollow(binascii.a2b_base64(text, strict_mode=True).decode("utf-8", "replace"), depth + 1)
    except ValueError:
        return "[]" in "".join(text.split())


@contextmanager
def opened(folder: Path) -> Iterator[Entries]:
    """Open every entry point; files go to ``folder``."""
    with loaded() as handlers:
        yield Entries(handlers, folder)
