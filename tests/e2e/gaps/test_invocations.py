"""Lambda and its queues: retries, destinations, batches, pauses, interpreters."""

from __future__ import annotations

import json

from local.cloud import Cloud
from local.loop import until
from tests.e2e.gaps.template import PREFIX, invocations, take


def test_failing_function_is_retried_and_its_event_reaches_the_destination(cloud: Cloud) -> None:
    """An SNS-invoked function that fails three times hands its event on in Lambda's envelope."""
    cloud.client("sns").publish(TopicArn=PREFIX + "t_feedback", Message="boom")
    (record,) = take(cloud, "retry")
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"]["Records"][0]["Sns"]["Message"] == "boom"
    assert record["responsePayload"]["errorMessage"] == "boom"


def test_functions_get_large_batches_after_the_window(cloud: Cloud) -> None:
    """Messages of one window come together, more than ten at once."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="batches")["QueueUrl"]
    for start in range(0, 40, 10):
        entries = [{"Id": str(n), "MessageBody": f"message {start + n}"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def emptied() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not any(int(value) for value in left.values())

    before = invocations(cloud)
    until("the batches", emptied, seconds=20)
    assert 1 <= invocations(cloud) - before <= 3


def test_message_that_a_function_did_not_take_comes_back_sixty_times_as_soon(cloud: Cloud) -> None:
    """What is left of the 30 s of its visibility timeout when the function fails is half a second."""
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="batches")["QueueUrl"]
    before = invocations(cloud)
    sqs.send_message(QueueUrl=url, MessageBody="boom")
    until("the third try", lambda: invocations(cloud) - before >= 3, seconds=15)
    sqs.purge_queue(QueueUrl=url)


def test_interpreter_outlives_an_exception(cloud: Cloud) -> None:
    """A function that raised goes on in the process it had."""

    def process() -> object:
        return json.load(cloud.client("lambda").invoke(FunctionName="work", Payload=b"{}")["Payload"])["process"]

    first = process()
    failed = cloud.client("lambda").invoke(FunctionName="work", Payload=b'{"go": "boom"}')
    assert failed["FunctionError"] == "Unhandled"
    assert process() == first
