"""The claim on the suppression table, and its patience with a key that KMS does not allow yet."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas import claim_table
from ses_feedback import naming
from ses_feedback.adapters import custom_resource
from tests.unit.wiring.fakes import Time, denial

MINUTES_OF_KMS = 5 * 60_000
LIFETIME_MS = 420_000  # tests/infra/test_wiring.py proves it


class Table:
    """Answers a claim after having denied some."""

    def __init__(self, clock: Time, allowed_after: int, error: Exception | None = None) -> None:
        self.clock = clock
        self.allowed_at = clock.now() + allowed_after
        self.error = error or denial()
        self.claims = 0

    def update_item(self, **_: Any) -> dict[str, Any]:
        self.claims += 1
        if self.clock.now() < self.allowed_at:
            raise self.error
        return {}


class Context:
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:ses-feedback-claim_table"
    log_stream_name = "stream"

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.ends_at = clock.now() + LIFETIME_MS

    def get_remaining_time_in_millis(self) -> int:
        return self.ends_at - self.clock.now()


@pytest.fixture
def clock() -> Time:
    return Time()


def claim(table: Table, clock: Time, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    answers: list[dict[str, Any]] = []
    monkeypatch.setenv(naming.ENV_ADDRESS_KEY, "secret")
    monkeypatch.setattr(claim_table, "client", lambda _service: table)
    monkeypatch.setattr(claim_table, "clock", clock)
    monkeypatch.setattr(custom_resource, "_put", lambda _url, answer, *_: answers.append(answer))
    event = {
        "RequestType": "Create",
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/",
        "LogicalResourceId": "TableClaim",
        "ResourceProperties": {"Table": "t", "Owner": "o"},
    }
    claim_table.handler(event, Context(clock))
    return answers.pop()


def test_a_table_that_is_allowed_is_claimed_at_once(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """As usual: one call, no pause."""
    table = Table(clock, 0)
    assert claim(table, clock, monkeypatch)["Status"] == "SUCCESS"
    assert (table.claims, clock.slept) == (1, [])


def test_the_five_minutes_of_kms_are_waited_out(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first deployment succeeds though the alias does not count yet, the slowest one that KMS documents included."""
    assert claim(Table(clock, MINUTES_OF_KMS), clock, monkeypatch)["Status"] == "SUCCESS"


def test_a_denial_that_lasts_is_answered_in_time(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends while the function still lives, with one line that says since when."""
    context = Context(clock)
    answer = claim(Table(clock, 10**9), clock, monkeypatch)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("claiming the table: AccessDeniedException; denied for 390 seconds")
    assert context.get_remaining_time_in_millis() >= claim_table.ANSWER_MS


def test_other_failures_are_not_waited_for(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing table does not appear by waiting."""
    missing = denial()
    missing.response["Error"]["Code"] = "ResourceNotFoundException"
    table = Table(clock, 10**9, missing)
    assert claim(table, clock, monkeypatch)["Status"] == "FAILED"
    assert (table.claims, clock.slept) == (1, [])
