"""The ends of suppressions that come, in a table of their own, so that a look finds those that have come at once.

An item: partition key ``shard`` (S), sort key ``due`` (S: the end in ms, the key of the address's item, the scope),
``reason`` (S), ``since`` (N, ms), ``expires`` (N, seconds: the table's TTL, should nobody ever look). It names nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.times import DAY, SECOND
from ses_feedback.usecases.changes import End

SHARDS: Final = 16
_AT_ONCE: Final = 25  # writes of one BatchWriteItem
_PAGE: Final = 100
_TRIES: Final = 5
_FIRST_PAUSE_S: Final = 0.05
# Long after any outage that somebody would mend: what is older is no news.
_KEPT: Final = 90 * DAY
_DIGITS: Final = 15  # a text is compared letter by letter


class ComingEnds:
    """Implements ``Ends``. ``client`` is what makes DynamoDB's calls, such as ``DynamoDbWire``.

    Needs ``dynamodb:BatchWriteItem`` and ``dynamodb:Query``.
    """

    def __init__(self, client: Any, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def note(self, ends: Mapping[End, bool]) -> None:
        """See ``Ends``."""
        writes = [_write(end, comes=comes) for end, comes in ends.items()]
        for start in range(0, len(writes), _AT_ONCE):
            self._batch(writes[start : start + _AT_ONCE])

    def _batch(self, writes: list[dict[str, Any]]) -> None:
        for attempt in range(_TRIES):
            with aws_errors("noting ends of suppressions"):
                answer = self._client.batch_write_item(RequestItems={self._table: writes})
            writes = answer.get("UnprocessedItems", {}).get(self._table, [])
            if not writes:
                return
            self._sleep(_FIRST_PAUSE_S * 2**attempt)
        raise RetryableError("noting ends of suppressions: DynamoDB left some undone; it is throttling")

    def due(self, now: int) -> Iterator[Sequence[End]]:
        """See ``Ends``."""
        for shard in range(SHARDS):
            after: dict[str, Any] = {}
            while True:
                with aws_errors("reading ends of suppressions"):
                    page = self._client.query(
                        TableName=self._table,
                        KeyConditionExpression="#shard = :shard AND #due < :now",
                        ExpressionAttributeNames={"#shard": naming.ATTRIBUTE_SHARD, "#due": naming.ATTRIBUTE_DUE},
                        ExpressionAttributeValues={":shard": {"S": str(shard)}, ":now": {"S": _time(now + 1)}},
                        ConsistentRead=True,
                        Limit=_PAGE,
                        **after,
                    )
                if page.get("Items"):
                    yield [_end(item) for item in page["Items"]]
                if not page.get("LastEvaluatedKey"):
                    break
                after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _time(ms: int) -> str:
    return f"{ms:0{_DIGITS}d}"


def _key(end: End) -> dict[str, Any]:
    shard = sum(end.key.encode()) % SHARDS
    due = f"{_time(end.until)}#{end.key}#{end.scope}"
    return {naming.ATTRIBUTE_SHARD: {"S": str(shard)}, naming.ATTRIBUTE_DUE: {"S": due}}


def _write(end: End, *, comes: bool) -> dict[str, Any]:
    if not comes:
        return {"DeleteRequest": {"Key": _key(end)}}
    values = {"reason": {"S": end.reason}, "since": {"N": str(end.since)}}
    expires = {naming.ATTRIBUTE_TTL: {"N": str((end.until + _KEPT) // SECOND)}}
    return {"PutRequest": {"Item": {**_key(end), **values, **expires}}}


def _end(item: Mapping[str, Any]) -> End:
    due, key, scope = item[naming.ATTRIBUTE_DUE]["S"].split("#", 2)
    return End(key, scope, int(due), item["reason"]["S"], int(item["since"]["N"]))
