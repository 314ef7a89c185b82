"""The suppression table for whoever brings a whole list: a hundred new addresses in one call."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.adapters.items import Item, from_item, to_item
from ses_feedback.adapters.suppression_table import META, SuppressionTable, new_token
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.history import History, suppressions
from ses_feedback.usecases.lists.importing import News
from ses_feedback.usecases.ports import Stored

# `Amazon DynamoDB transactions: How it works`: at most 100 actions a call, all of them or none.
_MOST: Final = 100
_AT_ONCE: Final = 4
_TRIES: Final = 8
_FIRST_PAUSE_S: Final = 0.05
_THERE: Final = "ConditionalCheckFailed"
# Codes of one action in a cancelled transaction: worth another try, or not at fault at all.
_AGAIN: Final = frozenset({"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

Answers = dict[int, Stored | None]


class ListTable(SuppressionTable):
    """Implements ``ListStore`` too.

    A transaction costs twice the write units of single puts and a twentieth of their time: a million rows take minutes,
    not an hour. It is all or nothing, so what is there already is taken out and the rest sent again.
    """

    def clock(self) -> int:
        """See ``ListStore``."""
        found, clock = self._batch_get([META], consistent=True)
        self._verify(found.get(META[naming.ATTRIBUTE_KEY]["S"]))
        return clock

    def put_new_many(self, news: Sequence[News]) -> Sequence[Stored | None]:
        """See ``ListStore``."""
        if not news:
            return []
        self._note_months((found for _, _, history in news for found in suppressions(history, self._policy)), ())
        parts = [range(start, min(start + _MOST, len(news))) for start in range(0, len(news), _MOST)]
        answers: Answers = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for found in pool.map(lambda part: self._put_part(news, part), parts):
                answers.update(found)
        return [answers[number] for number in range(len(news))]

    def _put_part(self, news: Sequence[News], part: Sequence[int]) -> Answers:
        answers: Answers = {}
        waiting = list(part)
        tried = 0
        while waiting:
            reasons = self._transact([self._put_of(*news[number]) for number in waiting])
            if not reasons:
                return {**answers, **dict.fromkeys(waiting)}
            left: list[int] = []
            for number, reason in zip(waiting, reasons, strict=True):
                if reason.get("Code") == _THERE and "Item" in reason:
                    answers[number] = from_item(reason["Item"], address=news[number][1])
                elif reason.get("Code", "None") in _AGAIN:
                    left.append(number)
                else:
                    raise RetryableError(f"writing suppressions: {reason.get('Code')}")
            if len(left) == len(waiting):
                tried += 1
                if tried == _TRIES:
                    raise RetryableError("writing suppressions: DynamoDB cancels it again and again: it is throttling")
                time.sleep(random.random() * _FIRST_PAUSE_S * 2**tried)  # noqa: S311 - spreads tries, guards nothing
            waiting = left
        return answers

    def _put_of(self, environment: str, address: str, history: History) -> Item:
        key = self._keys.address(environment, address)
        return {
            "Put": {
                "TableName": self._table,
                "Item": to_item(key, environment, address, history, self._policy, new_token()),
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": naming.ATTRIBUTE_KEY},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _transact(self, puts: list[Item]) -> Sequence[Mapping[str, Any]]:
        """Write all of them, or none: then return why, one reason for each."""
        try:
            with aws_errors("writing suppressions"):
                self._client.transact_write_items(TransactItems=puts)
        except RetryableError as error:
            cause = error.__cause__
            reasons: Sequence[Mapping[str, Any]] = (
                cause.response.get("CancellationReasons", ()) if isinstance(cause, ClientError) else ()
            )
            if len(reasons) != len(puts):
                raise
            return reasons
        return ()
