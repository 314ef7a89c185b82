"""The suppression table for who has keys of items and no addresses, such as a function without the secret."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.adapters.items import from_item
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.ports import Stored

_TRIES: Final = 5
_FIRST_PAUSE_S: Final = 0.05


class KeyedItems:
    """Implements ``Items``. ``client`` is what makes DynamoDB's calls. Needs ``dynamodb:BatchGetItem``."""

    def __init__(self, client: Any, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def by_keys(self, keys: Collection[str]) -> Mapping[str, Stored]:
        """See ``Items``. Read consistently."""
        found: dict[str, Stored] = {}
        wanted = [{naming.ATTRIBUTE_KEY: {"S": key}} for key in sorted(keys)]
        for attempt in range(_TRIES):
            with aws_errors("reading suppressions"):
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}}
                )
            for item in answer.get("Responses", {}).get(self._table, ()):
                found[item[naming.ATTRIBUTE_KEY]["S"]] = from_item(item)
            wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not wanted:
                return found
            self._sleep(_FIRST_PAUSE_S * 2**attempt)
        raise RetryableError("reading suppressions: DynamoDB left keys unread; it is throttling")
