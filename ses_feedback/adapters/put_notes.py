"""Which addresses we put on SES's own list: an item of the wiring table for each, ``ses-list#REGION#HASH``.

The hash is keyed, and of the address as it is spelled there: the items name nobody. Attribute: ``at`` (N, ms).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.keys import Keys

PREFIX: Final = "ses-list#"
_READ_AT_ONCE: Final = 100  # keys of one BatchGetItem
_WRITTEN_AT_ONCE: Final = 25  # requests of one BatchWriteItem
_TRIES: Final = 8
_WHAT: Final = "what was put on SES's list"


class PutNotes:
    """Implements ``PutNotes`` over a botocore client of ``dynamodb``.

    Needs ``dynamodb:BatchGetItem`` and ``dynamodb:BatchWriteItem``.
    """

    def __init__(self, client: Any, table: str, keys: Keys, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._keys = keys
        self._sleep = sleep

    def noted(self, region: str, addresses: Sequence[str]) -> Mapping[str, int]:
        """See ``PutNotes``."""
        by_key = {self._key(region, address): address for address in addresses}
        found: dict[str, int] = {}
        keys = [{naming.ATTRIBUTE_KEY: {"S": key}} for key in by_key]
        for start in range(0, len(keys), _READ_AT_ONCE):
            for item in self._read(keys[start : start + _READ_AT_ONCE]):
                found[by_key[item[naming.ATTRIBUTE_KEY]["S"]]] = int(item["at"]["N"])
        return found

    def note(self, region: str, addresses: Sequence[str], at: int) -> None:
        """See ``PutNotes``."""
        items = [
            {naming.ATTRIBUTE_KEY: {"S": key}, "at": {"N": str(at)}}
            for key in dict.fromkeys(self._key(region, address) for address in addresses)
        ]
        self._write([{"PutRequest": {"Item": item}} for item in items])

    def forget(self, region: str, addresses: Sequence[str]) -> None:
        """See ``PutNotes``."""
        keys = dict.fromkeys(self._key(region, address) for address in addresses)
        self._write([{"DeleteRequest": {"Key": {naming.ATTRIBUTE_KEY: {"S": key}}}} for key in keys])

    def _key(self, region: str, spelling: str) -> str:
        return f"{PREFIX}{region}#{self._keys.address('SES list', spelling)}"

    def _read(self, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for attempt in range(_TRIES):
            with aws_errors(f"reading {_WHAT}"):
                answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            found += answer.get("Responses", {}).get(self._table, ())
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return found
            self._sleep(0.05 * 2**attempt)
        raise RetryableError(f"reading {_WHAT}: DynamoDB left keys unread; it is throttling")

    def _write(self, requests: list[dict[str, Any]]) -> None:
        for start in range(0, len(requests), _WRITTEN_AT_ONCE):
            left = requests[start : start + _WRITTEN_AT_ONCE]
            for attempt in range(_TRIES):
                with aws_errors(f"noting {_WHAT}"):
                    answer = self._client.batch_write_item(RequestItems={self._table: left})
                left = answer.get("UnprocessedItems", {}).get(self._table, [])
                if not left:
                    break
                self._sleep(0.05 * 2**attempt)
            else:
                raise RetryableError(f"noting {_WHAT}: DynamoDB left items unwritten; it is throttling")
