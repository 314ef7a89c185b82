"""The functions that keep: Firehose's and the table's own event shapes, and nothing personal in what they log."""

from __future__ import annotations

import base64
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ses_feedback import naming
from ses_feedback.adapters import runtime as composition
from ses_feedback.adapters.items import to_item
from ses_feedback.config.loop import asset_files
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, Ruling
from ses_feedback.domain.policy import DEFAULT_POLICY
from tests.unit.config.files import config
from tests.unit.usecases import mail
from tests.unit.usecases.mail import sns_body

Load = Callable[[str], ModuleType]
AT = 1_769_525_978_000


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    for name, text in asset_files(config()).items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(composition, "ROOT", tmp_path)
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    def loaded(function: str) -> ModuleType:
        module = naming.handler_of(function).rpartition(".")[0]
        monkeypatch.delitem(sys.modules, module, raising=False)
        found = importlib.import_module(module)
        monkeypatch.setattr(found.logger.handlers[0], "stream", sys.stdout)
        return found

    return loaded


def records(*texts: str) -> dict[str, Any]:
    data = [base64.b64encode(text.encode("utf-8", "surrogateescape")).decode() for text in texts]
    return {"records": [{"recordId": str(number), "data": one} for number, one in enumerate(data)]}


def test_every_record_becomes_a_line_with_its_end(load: Load, capfd: pytest.CaptureFixture[str]) -> None:
    """In order, under its id; broken bytes, setup messages and foreign texts too. No address is logged."""
    message = mail.bounce("m1", ["jane@example.net"], at=AT, source="info@example.com")
    answer = load(naming.WRITE_ARCHIVE).handler(records(sns_body(message), "\udcff broken", ""), object())
    assert [(one["recordId"], one["result"]) for one in answer["records"]] == [("0", "Ok"), ("1", "Ok"), ("2", "Ok")]
    texts = [base64.b64decode(one["data"]).decode() for one in answer["records"]]
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in texts)
    first, second, third = (json.loads(text) for text in texts)
    assert [event["recipient"] for event in first["events"]] == ["jane@example.net"]
    assert (second["events"], third["skipped"]) == ([], "an empty message")
    logged = capfd.readouterr().out
    assert '"records":3' in logged
    assert "jane" not in logged


def test_an_answer_fits_into_six_megabytes(load: Load) -> None:
    """What would not is given back as it came, for the folder of errors: a thousand mails to fifty people each."""
    people = [f"somebody{n}@example.net" for n in range(50)]
    text = sns_body(mail.delivery("m1", people, at=AT, source="info@example.com"))
    given = records(*[text] * 400)
    answer = load(naming.WRITE_ARCHIVE).handler(given, object())
    results = [one["result"] for one in answer["records"]]
    assert len(json.dumps(answer)) < 6 * 1024 * 1024
    assert set(results) == {"Ok", "ProcessingFailed"}
    for one, came in zip(answer["records"], given["records"], strict=True):
        if one["result"] == "ProcessingFailed":
            assert one["data"] == came["data"]


# What the table's stream says of each write besides.
WRITTEN = {"ApproximateCreationDateTime": AT / 1_000, "SequenceNumber": "1" * 21}


class Stream:
    """The archive's stream; ``trouble`` is raised instead."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.lines: list[str] = []
        self.trouble = trouble

    def put(self, lines: list[str]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.lines += lines


def change(before: History | None, after: History | None) -> dict[str, Any]:
    def image(history: History) -> dict[str, Any]:
        return to_item("k", "production", "jane@example.net", history, DEFAULT_POLICY, "v1")

    images = {"OldImage": before, "NewImage": after}
    found = {name: image(history) for name, history in images.items() if history is not None}
    return {"dynamodb": {**found, **WRITTEN}}


def untold(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody told of any change."""
    nothing = SimpleNamespace(note=lambda _: None)
    monkeypatch.setenv(naming.ENV_ENDS_TABLE, "ends")
    monkeypatch.setattr(module, "wire", lambda: None)
    monkeypatch.setattr(module, "ComingEnds", lambda *_: nothing)
    monkeypatch.setattr(module.Press, "publish", lambda *_: None)


RULED = History(rulings={("*", "operator"): Ruling(AT, None, "operator", "Jane asked")})


def test_decisions_reach_the_stream_and_all_else_does_not(
    load: Load, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A new item, a changed one, one that is unchanged in this, one that expired, and the table's own claim."""
    module, stream = load(naming.ANNOUNCE_CHANGES), Stream()
    monkeypatch.setattr(module, "stream", lambda: stream)
    untold(module, monkeypatch)
    claim = {"dynamodb": {"NewImage": {"pk": {"S": "#meta"}, "owner": {"S": "o"}}, **WRITTEN}}
    events = [change(None, RULED), change(History(), RULED), change(RULED, RULED), change(RULED, None), claim]
    done = module.handler({"Records": events}, object())
    assert done == {"changes": 5, "decisions": 2, "announced": 2}
    assert len(stream.lines) == 2
    assert stream.lines[0] == stream.lines[1]
    assert "jane" not in capfd.readouterr().out.lower()


def test_what_firehose_refuses_comes_back(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch fails, and the table's stream hands it over again."""
    module = load(naming.ANNOUNCE_CHANGES)
    untold(module, monkeypatch)
    monkeypatch.setattr(module, "stream", lambda: Stream(RetryableError("busy")))
    with pytest.raises(RetryableError, match="busy"):
        module.handler({"Records": [change(None, RULED)]}, object())
    assert module.handler({"Records": [change(RULED, None)]}, object()) == {
        "changes": 1,
        "decisions": 0,
        "announced": 0,
    }
