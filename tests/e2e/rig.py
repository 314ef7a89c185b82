"""The deployed loop with its functions behind the fault-injecting proxy, and every way to look whether all is over."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from local.loop import Loop, until
from ses_feedback import naming
from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.config.runtime import from_runtime, to_runtime
from ses_feedback.domain.history import History
from ses_feedback.domain.keys import Keys
from tests.e2e.proxy import Proxy
from tests.e2e.storm import Notice, State, Who, state_of

PATIENCE_S: Final = 120
FUNCTIONS: Final = (naming.RECORD_FEEDBACK, naming.RETRY_FEEDBACK, naming.TALLY_FEEDBACK)
_AT_ONCE: Final = 100


class Rig:
    """What the tests of faults do to a loop, and see of it."""

    def __init__(self, loop: Loop, proxy: Proxy) -> None:
        self.loop = loop
        self.proxy = proxy
        self.rules = from_runtime(to_runtime(loop.config))
        secret = loop.cloud.client("secretsmanager").get_secret_value(SecretId=naming.secret_name(loop.name))
        self.keys = Keys(secret["SecretString"])
        table = naming.table_name(loop.name)
        self._table = SuppressionTable(loop.cloud.client("dynamodb"), table, self.keys, self.rules.policy)
        self.retry = naming.retry_queue_name(loop.name)
        self.tally = naming.tally_queue_name(loop.name)
        self.dead = naming.dead_letter_queue_name(loop.name)
        self.tally_dead = naming.tally_dead_letter_queue_name(loop.name)
        self._thrown = 0
        self._acted_before = 0
        self._postponed_before = 0
        self.begin()

    # --- what goes in

    def begin(self) -> None:
        """Count from here."""
        self._thrown, self._acted_before, self._postponed_before = 0, self._acted(), self._postponed()

    def throw(self, notices: Sequence[Notice]) -> None:
        """Publish notifications to their topics, in their order within each topic."""
        topics: dict[tuple[str, str], list[str]] = {}
        for notice in notices:
            topics.setdefault((notice.kind, notice.identity), []).append(notice.text)
            self._thrown += notice.kind != "delivery"
        for (kind, identity), texts in topics.items():
            for start in range(0, len(texts), 10):
                self.loop.publish(kind, identity, texts[start : start + 10])

    # --- whether all is over

    def _acted(self) -> int:
        """How many events record_feedback took: every invocation but the failed."""
        where = {"FunctionName": naming.function_name(self.loop.name, naming.RECORD_FEEDBACK)}
        return int(
            self.loop.metric("AWS/Lambda", "Invocations", **where) - self.loop.metric("AWS/Lambda", "Errors", **where)
        )

    def _postponed(self) -> int:
        return int(self.loop.metric("AWS/SQS", "NumberOfMessagesSent", QueueName=self.retry))

    @property
    def postponed(self) -> int:
        """How many events reached the retry queue since ``begin``."""
        return self._postponed() - self._postponed_before

    def acted_or_postponed(self) -> bool:
        """Say whether every bounce and complaint was taken, or waits where it is tried again."""
        return self._acted() - self._acted_before + self.postponed >= self._thrown

    def settle(self) -> None:
        """Wait until every notification has been acted upon and counted, or lies in the dead letters."""
        until("acting", self.acted_or_postponed, seconds=PATIENCE_S)
        until("trying again, and counting", self.loop.drained, seconds=PATIENCE_S)

    def dead_letters(self) -> dict[str, int]:
        """How many messages gave up, by queue; empty where none did."""
        waiting = {queue: self.loop.waiting(queue) for queue in (self.dead, self.tally_dead)}
        return {queue: number for queue, number in waiting.items() if number}

    # --- what came of it

    def stored(self, wanted: Sequence[Who]) -> dict[Who, State]:
        """What the table holds of addresses, read past the proxy."""
        found: dict[Who, History] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = self._table.get_many(wanted[start : start + _AT_ONCE])
            found.update({who: stored.history for who, stored in some.items()})
        return {who: state_of(found.get(who, History()), self.rules) for who in wanted}

    # --- what is done to it

    @contextlib.contextmanager
    def queue(self, name: str, **attributes: str) -> Iterator[None]:
        """Give a queue other attributes for a while."""
        sqs = self.loop.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(attributes))["Attributes"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=before)

    @contextlib.contextmanager
    def receives(self, queue: str, dead_letters: str, most: int) -> Iterator[None]:
        """Let a queue give its messages up after fewer receives."""
        policy = {
            "deadLetterTargetArn": f"arn:aws:sqs:{self.loop.cloud.region}:000000000000:{dead_letters}",
            "maxReceiveCount": most,
        }
        with self.queue(queue, RedrivePolicy=json.dumps(policy)):
            yield

    @contextlib.contextmanager
    def uninvited(self) -> Iterator[None]:
        """Take SNS's permission to invoke record_feedback away, as a bad deployment would."""
        functions = self.loop.cloud.client("lambda")
        name = naming.function_name(self.loop.name, naming.RECORD_FEEDBACK)
        statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
        for statement in statements:
            functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
        try:
            yield
        finally:
            for statement in statements:
                functions.add_permission(
                    FunctionName=name,
                    StatementId=statement["Sid"],
                    Action=statement["Action"],
                    Principal=statement["Principal"]["Service"],
                    SourceArn=next(iter(statement["Condition"].values()))["AWS:SourceArn"],
                )

    @contextlib.contextmanager
    def paused(self, function: str) -> Iterator[None]:
        """Let a function's queue fill."""
        functions = self.loop.cloud.client("lambda")
        name = naming.function_name(self.loop.name, function)
        (source,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)

    def kill(self, function: str) -> int:
        """Kill every running interpreter of a function, as a crash would; return how many."""
        needle = f"AWS_LAMBDA_FUNCTION_NAME={naming.function_name(self.loop.name, function)}".encode()
        killed = 0
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = f"PPid:\t{self.loop.cloud.process}\n" in (entry / "status").read_text()
                if ours and needle in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
                    killed += 1
        return killed


@contextlib.contextmanager
def behind(loop: Loop, proxy: Proxy) -> Iterator[None]:
    """Send the functions' calls of DynamoDB and S3 through the proxy; afterwards they go straight again."""
    functions = loop.cloud.client("lambda")
    healthy: dict[str, Mapping[str, str]] = {}
    detour = {"AWS_ENDPOINT_URL_DYNAMODB": proxy.endpoint, "AWS_ENDPOINT_URL_S3": proxy.endpoint}
    for function in FUNCTIONS:
        name = naming.function_name(loop.name, function)
        healthy[name] = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": healthy[name] | detour})
    try:
        yield
    finally:
        for name, variables in healthy.items():
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
