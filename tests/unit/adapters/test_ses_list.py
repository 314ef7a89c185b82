"""The adapters of a sync: SES's list by SES's own models, notes in DynamoDB, rounds and lists in S3."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.session import Session
from botocore.stub import Stubber

from ses_feedback import naming
from ses_feedback.adapters.connection import connect
from ses_feedback.adapters.put_notes import PutNotes
from ses_feedback.adapters.ses_list import SesList
from ses_feedback.adapters.sync_rounds import SyncRounds
from ses_feedback.config import load
from ses_feedback.domain.errors import FeedbackError, PermanentError, RetryableError
from ses_feedback.domain.keys import Keys
from ses_feedback.usecases.lists.ses_list import Entry
from ses_feedback.usecases.lists.sync_ports import Job, JobState, Refused, Round, Row, StaleToken, TooManyJobs
from ses_feedback.usecases.pacing import Throttled

from .test_replay_bucket import config as config  # noqa: PLC0414 - a deployment with its secret and its table

JANE = "jane@example.net"
WIRING = naming.wiring_table_name("ses-feedback")
BUCKET = "bucket"


@pytest.fixture
def ses() -> tuple[SesList, Stubber]:
    client = Session().create_client(
        "sesv2", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    stub = Stubber(client)
    stub.activate()
    return SesList("ses-feedback", client), stub


Both = tuple[SesList, Stubber]


def test_pages_of_the_list(ses: Both) -> None:
    """A thousand at a time, with times in ms."""
    found, stub = ses
    at = datetime(2026, 11, 24, 5, tzinfo=UTC)
    row = {"EmailAddress": "Jane@example.net", "Reason": "BOUNCE", "LastUpdateTime": at}
    stub.add_response(
        "list_suppressed_destinations",
        {"SuppressedDestinationSummaries": [row], "NextToken": "two"},
        {"PageSize": 1_000},
    )
    stub.add_response("list_suppressed_destinations", {}, {"PageSize": 1_000, "NextToken": "two"})
    assert found.page(None) == ([Entry("Jane@example.net", "BOUNCE", 1_795_496_400_000)], "two")
    assert found.page("two") == ([], None)
    assert found.region == "eu-west-1"


def test_putting_and_removing(ses: Both) -> None:
    """What is not there is off the list."""
    found, stub = ses
    stub.add_response("put_suppressed_destination", {}, {"EmailAddress": JANE, "Reason": "BOUNCE"})
    stub.add_response("delete_suppressed_destination", {}, {"EmailAddress": JANE})
    stub.add_client_error("delete_suppressed_destination", "NotFoundException", http_status_code=404)
    found.put(Row(JANE, "BOUNCE"))
    found.remove(JANE)
    found.remove(JANE)
    stub.assert_no_pending_responses()


def test_bulk_jobs(ses: Both) -> None:
    """Open, done, done in part, failed, and forgotten by SES."""
    found, stub = ses
    stub.add_response(
        "create_import_job",
        {"JobId": "1"},
        {
            "ImportDestination": {"SuppressionListDestination": {"SuppressionListImportAction": "DELETE"}},
            "ImportDataSource": {"S3Url": "s3://bucket/key", "DataFormat": "JSON"},
        },
    )
    assert found.start("DELETE", "s3://bucket/key") == "1"
    for answer, state in (
        ({"JobStatus": "CREATED"}, JobState(False)),
        ({"JobStatus": "PROCESSING"}, JobState(False)),
        ({"JobStatus": "COMPLETED", "FailedRecordsCount": 2}, JobState(True, 2)),
        ({"JobStatus": "FAILED", "FailureInfo": {"ErrorMessage": "no access"}}, JobState(True, 0, "no access")),
        ({"JobStatus": "CANCELLED"}, JobState(True, 0, "CANCELLED")),
    ):
        stub.add_response("get_import_job", answer, {"JobId": "1"})
        assert found.job("1") == state
    stub.add_client_error("get_import_job", "NotFoundException", http_status_code=404)
    assert found.job("1") == JobState(True)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 429, Throttled),
        ("InternalFailure", 500, RetryableError),
        ("AccessDeniedException", 403, PermanentError),
        ("BadRequestException", 400, Refused),
        ("LimitExceededException", 400, TooManyJobs),
        ("InvalidNextTokenException", 400, StaleToken),
    ],
)
def test_what_an_error_means(ses: Both, code: str, status: int, kind: type[FeedbackError]) -> None:
    """And that it names no address: it is logged."""
    found, stub = ses
    stub.add_client_error("put_suppressed_destination", code, f"about {JANE}", http_status_code=status)
    with pytest.raises(FeedbackError) as caught:
        found.put(Row(JANE, "BOUNCE"))
    assert type(caught.value) is kind
    assert JANE not in str(caught.value)


def test_a_token_that_some_regions_call_a_bad_request(ses: Both) -> None:
    """The listing begins anew; of the first page it is an error."""
    found, stub = ses
    for _ in range(2):
        stub.add_client_error("list_suppressed_destinations", "BadRequestException", http_status_code=400)
    with pytest.raises(StaleToken):
        found.page("old")
    with pytest.raises(Refused):
        found.page(None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(EndpointConnectionError(endpoint_url="https://x"), RetryableError), (NoCredentialsError(), PermanentError)],
)
def test_no_answer_at_all(ses: Both, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception]) -> None:
    """What may pass is tried again; what no time mends is not."""
    found, _ = ses

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(found._client, "list_suppressed_destinations", fail)
    with pytest.raises(kind):
        found.page(None)


# --- what is remembered -----------------------------------------------------------------------------------------------


@pytest.fixture
def notes(aws: Callable[..., Any]) -> PutNotes:
    client = aws("dynamodb")
    client.create_table(
        TableName=WIRING,
        KeySchema=[{"AttributeName": naming.ATTRIBUTE_KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": naming.ATTRIBUTE_KEY, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return PutNotes(client, WIRING, Keys("a secret for tests"), sleep=lambda seconds: None)


def test_notes_are_by_region_and_spelling_and_name_nobody(notes: PutNotes) -> None:
    """More than one call takes; again changes the time; what is forgotten is gone."""
    names = [f"{n}@example.net" for n in range(130)]
    notes.note("us-east-1", [*names, names[0]], 5)
    assert notes.noted("us-east-1", names) == dict.fromkeys(names, 5)
    assert notes.noted("eu-west-1", names) == {}
    assert notes.noted("us-east-1", [name.upper() for name in names]) == {}
    notes.note("us-east-1", names[:1], 9)
    notes.forget("us-east-1", names[1:])
    assert notes.noted("us-east-1", names) == {names[0]: 9}
    assert notes.noted("us-east-1", []) == {}
    items = notes._client.scan(TableName=WIRING)["Items"]
    assert "example.net" not in str(items)
    (item,) = items
    assert item[naming.ATTRIBUTE_KEY]["S"].startswith("ses-list#us-east-1#")


def test_what_dynamodb_leaves_undone_is_done_again(notes: PutNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some times; then it is an error."""
    client = notes._client
    write, read = client.batch_write_item, client.batch_get_item
    answers: list[Any] = []

    def lazy(call: Callable[..., Any], left: str) -> Callable[..., Any]:
        def run(RequestItems: Any) -> Any:  # noqa: N803 - botocore's own name
            return {left: RequestItems} if answers and answers.pop() else call(RequestItems=RequestItems)

        return run

    monkeypatch.setattr(client, "batch_write_item", lazy(write, "UnprocessedItems"))
    monkeypatch.setattr(client, "batch_get_item", lazy(read, "UnprocessedKeys"))
    answers += [True] * 3
    notes.note("us-east-1", [JANE], 5)
    answers += [True] * 3
    assert notes.noted("us-east-1", [JANE]) == {JANE: 5}
    for call in (lambda: notes.note("us-east-1", [JANE], 6), lambda: notes.noted("us-east-1", [JANE])):
        answers[:] = [True] * 8
        with pytest.raises(RetryableError, match="throttling"):
            call()


@pytest.fixture
def rounds(aws: Callable[..., Any]) -> SyncRounds:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    return SyncRounds(client, BUCKET)


def test_a_round_is_kept_as_it_was(rounds: SyncRounds) -> None:
    """By region, with the marks of a long list in eight bytes each."""
    assert rounds.load("us-east-1") == Round()
    seen = array("Q", range(0, 2**64 - 1, 2**64 // 50_000))
    kept = Round(
        *(5, 4, True, "token", seen, ["a\n@example.net"], Counter(same=3), Counter({"why": 1})),
        jobs=[Job("1", "PUT", 7, "key")],
        singly=True,
    )
    rounds.save("us-east-1", kept)
    assert rounds.load("us-east-1") == kept
    assert rounds.load("eu-west-1") == Round()
    size = rounds._client.head_object(Bucket=BUCKET, Key="sync/us-east-1/round")["ContentLength"]
    assert size < len(seen) * 8 + 500


def test_a_round_of_another_version_begins_anew(rounds: SyncRounds) -> None:
    """It is only a matter of time."""
    rounds._client.put_object(Bucket=BUCKET, Key="sync/us-east-1/round", Body=b'{"version": 0}\n')
    assert rounds.load("us-east-1") == Round()


def test_lists_are_lines_of_json(rounds: SyncRounds) -> None:
    """As SES reads them, and gone once they are dropped."""
    key, url = rounds.upload("us-east-1", "PUT", [Row(JANE, "BOUNCE"), Row('"a,b"@example.net')], 5)
    assert url == f"s3://{BUCKET}/{key}"
    body = rounds._client.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    assert [json.loads(line) for line in body.splitlines()] == [
        {"emailAddress": JANE, "reason": "BOUNCE"},
        {"emailAddress": '"a,b"@example.net'},
    ]
    rounds.drop(key)
    assert "Contents" not in rounds._client.list_objects_v2(Bucket=BUCKET)


def test_where_the_bucket_is_gone_it_is_an_error(rounds: SyncRounds) -> None:
    """One that passes once it is there."""
    other = SyncRounds(rounds._client, "another")
    with pytest.raises(RetryableError, match="how far the sync"):
        other.load("us-east-1")
    with pytest.raises(RetryableError, match="how far the sync"):
        other.save("us-east-1", Round())


def test_the_command_line_opens_a_list_in_each_region(config: Any, tmp_path: Any) -> None:
    """With the deployment's bucket and wiring table."""
    path = tmp_path / "feedback.toml"
    path.write_text(path.read_text().replace("[on_call]", 'regions = ["us-east-1", "eu-west-1"]\n[on_call]'))
    with connect(load(path)) as connection:
        parts = connection.sync_parts
    assert [found.region for found in parts.lists] == ["us-east-1", "eu-west-1"]
    assert parts.rounds._bucket == "ses-feedback-archive-123456789012-us-east-1"  # type: ignore[attr-defined]
    assert parts.notes._table == WIRING  # type: ignore[attr-defined]
