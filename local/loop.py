"""A deployed loop seen through the doors everybody has: the SDK and the command line. The demo and the end-to-end
tests look through here, so neither can see anything that a user could not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from local.cloud import ACCOUNT, Cloud
from local.state import ROOT
from ses_feedback import naming
from ses_feedback.config import Config

_CLI: Final = Path(sys.executable).parent / "ses-feedback"
Found = TypeVar("Found")


class DidNotHappen(Exception):
    """What was waited for did not happen in time; ``str(error)`` says what."""


def until(what: str, look: Callable[[], Found | None], *, seconds: float, every: float = 0.2) -> Found:
    """Look again and again until there is something (a true value), and return it. Raises ``DidNotHappen``."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise DidNotHappen(f"{what} did not happen within {seconds:g} s")
        time.sleep(every)


class Inbox:
    """An SQS queue that receives what a topic sends: how on-call and teams read here, as e-mail goes nowhere."""

    def __init__(self, cloud: Cloud, topic_arn: str, name: str) -> None:
        self._open(cloud, topic_arn, name)
        cloud.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=_queue_arn(cloud, name))

    @classmethod
    def of_pattern(cls, cloud: Cloud, topics: str, name: str) -> Self:
        """Make only the queue, for topics whose names match a pattern: the deployment has the subscriptions."""
        inbox = cls.__new__(cls)
        inbox._open(cloud, f"arn:aws:sns:{cloud.region}:{ACCOUNT}:{topics}", name)
        return inbox

    def _open(self, cloud: Cloud, source: str, name: str) -> None:
        self._sqs = cloud.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": _queue_arn(cloud, name),
            "Condition": {"ArnLike": {"aws:SourceArn": source}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})

    def take(self) -> list[dict[str, Any]]:
        """Return the SNS envelopes that have arrived since the last call."""
        taken: list[dict[str, Any]] = []
        while True:
            answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                taken.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            if not answer.get("Messages"):
                return taken


def _queue_arn(cloud: Cloud, name: str) -> str:
    return f"arn:aws:sqs:{cloud.region}:{ACCOUNT}:{name}"


class Loop:
    """One deployment in one embedded AWS. ``outputs`` are its CDK outputs, flat."""

    def __init__(self, cloud: Cloud, config: Config, outputs: Mapping[str, str]) -> None:
        self.cloud = cloud
        self.config = config
        self.outputs = outputs
        self.name = config.deployment.name
        self._slugs = naming.output_names(config.identities)

    # --- what goes in

    def topic(self, kind: str, identity: str) -> str:
        """Return the ARN of a topic, by the contract of the outputs."""
        return self.outputs[naming.topic_output(kind, self._slugs[identity])]

    def send(self, source: str, recipient: str, *, subject: str = "Hello", text: str = "Hello from the demo") -> str:
        """Send one mail through SES; return its message id."""
        body = {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}
        answer = self.cloud.client("ses").send_email(
            Source=source, Destination={"ToAddresses": [recipient]}, Message=body
        )
        return str(answer["MessageId"])

    def publish(self, kind: str, identity: str, texts: Iterable[str]) -> None:
        """Publish up to ten notifications to a topic at once."""
        entries = [{"Id": str(number), "Message": text} for number, text in enumerate(texts)]
        answer = self.cloud.client("sns").publish_batch(
            TopicArn=self.topic(kind, identity), PublishBatchRequestEntries=entries
        )
        if answer.get("Failed"):
            raise DidNotHappen(f"publishing to {self.topic(kind, identity)}: {answer['Failed'][0].get('Message')}")

    def run(self, function: str) -> Any:
        """Run a function that a schedule runs, as the schedule would, and return what it returns.

        Raises ``DidNotHappen`` with the function's error.
        """
        name = naming.function_name(self.name, function)
        answer = self.cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        result = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise DidNotHappen(f"{name}: {result.get('errorMessage')}")
        return result

    # --- what comes out

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real command line against this deployment."""
        command = [str(_CLI), *arguments, "--config", str(self.config.path)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=self.cloud.environment()
        )

    def ask(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command with ``--json`` and return its lines. Raises ``DidNotHappen`` where it fails."""
        done = self.cli(*arguments, "--json")
        if done.returncode not in (0, 1):
            raise DidNotHappen(f"ses-feedback {arguments[0]}: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def check(self, addresses: Sequence[str], environment: str, stream: str) -> dict[str, dict[str, Any]]:
        """Return what ``ses-feedback check`` says of each address."""
        answers = self.ask("check", *addresses, "--environment", environment, "--stream", stream)
        return {answer["address"]: answer for answer in answers}

    def metric(self, namespace: str, name: str, *, statistic: str = "Sum", **dimensions: str) -> float:
        """Return one statistic of a metric over the last hour; 0 without data."""
        now = datetime.now(UTC)
        answer = self.cloud.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=3600 * 2,
            Statistics=[statistic],
        )
        return float(sum(point[statistic] for point in answer["Datapoints"]))

    def counted(self, identity: str) -> dict[str, int]:
        """Return the rate metrics of an identity over the last hour."""
        where = {naming.DIMENSION_DEPLOYMENT: self.name, naming.DIMENSION_IDENTITY: identity}
        if self.config.deployment.alarms == "environment":
            environment = self.config.identities[identity].environment
            where = {naming.DIMENSION_DEPLOYMENT: self.name, naming.DIMENSION_ENVIRONMENT: environment}
        return {name: int(self.metric(naming.METRIC_NAMESPACE, name, **where)) for name in naming.RATE_METRICS}

    def invocations(self, function: str) -> int:
        """Return how often a function ran within the last hour."""
        return int(self.metric("AWS/Lambda", "Invocations", FunctionName=naming.function_name(self.name, function)))

    def waiting(self, queue: str) -> int:
        """Return how many messages a queue holds, seen or not."""
        sqs = self.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def drained(self) -> bool:
        """Say whether nothing waits to be counted or to be tried again."""
        return not self.waiting(naming.tally_queue_name(self.name)) and not self.waiting(
            naming.retry_queue_name(self.name)
        )

    def quarantined(self) -> Iterator[dict[str, Any]]:
        """Yield what was put aside: ``why``, ``topic``, ``raw``."""
        s3 = self.cloud.client("s3")
        bucket = naming.quarantine_bucket_name(self.name, ACCOUNT, self.cloud.region)
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", []):
                yield json.loads(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())

    def alarms(self, state: str) -> list[dict[str, Any]]:
        """Return this deployment's alarms in a state, metric and composite, by name."""
        pages = (
            self.cloud.client("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(AlarmNamePrefix=self.name, StateValue=state, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        )
        found = [alarm for page in pages for key in ("MetricAlarms", "CompositeAlarms") for alarm in page[key]]
        return sorted(found, key=lambda alarm: str(alarm["AlarmName"]))

    def logs(self) -> Iterator[tuple[str, str]]:
        """Yield every log line of every function: its group, its text."""
        logs = self.cloud.client("logs")
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                    for event in events["events"]:
                        yield group["logGroupName"], event["message"]
