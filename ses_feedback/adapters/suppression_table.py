"""The suppression table: one DynamoDB item per (environment, address), written only on condition."""

from __future__ import annotations

import heapq
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.adapters.items import Item, from_item, from_listing, listing_key, to_item
from ses_feedback.domain.errors import PermanentError, RetryableError, WrongSecret
from ses_feedback.domain.history import History, Suppression, suppressions
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import Policy
from ses_feedback.domain.times import DAY, HOUR, format_time, parse_time
from ses_feedback.usecases.ports import Listed, Stored

# The one item that is not an address: under which secret and for which deployment the table was filled, since which
# month, and which months long before that a listing must look into.
META = {naming.ATTRIBUTE_KEY: {"S": "meta"}}
_UNPROCESSED_TRIES = 8
_PAGE = 200
_AT_ONCE = 10  # connections of one botocore client

Who = tuple[str, str]


class SuppressionTable:
    """Implements ``HistoryStore`` and ``QuestionStore`` over a low-level DynamoDB client.

    ``tries`` bounds how often keys are asked for that DynamoDB left unread, with doubling pauses from 50 ms.

    With ``compare``, the secret is compared with the table's before anything is read or written: once, for a container
    lives no longer than its secret. Under another one all addresses would look unknown, so each call raises
    ``WrongSecret``: feedback comes back until the former secret does.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        keys: Keys,
        policy: Policy,
        *,
        tries: int = _UNPROCESSED_TRIES,
        compare: bool = False,
    ) -> None:
        self._client = client
        self._table = table
        self._keys = keys
        self._policy = policy
        self._tries = tries
        self._noted: set[str] = set()
        self._compared = not compare

    # --- writing ------------------------------------------------------------------------------------------------------

    def put_new(self, environment: str, address: str, history: History) -> Stored | None:
        """See ``HistoryStore``."""
        condition = {
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": naming.ATTRIBUTE_KEY},
        }
        return self._put(environment, address, history, condition, ())

    def replace(self, stored: Stored, history: History) -> Stored | None:
        """See ``HistoryStore``."""
        condition = {
            "ConditionExpression": "#version = :version OR attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": naming.ATTRIBUTE_KEY, "#version": "version"},
            "ExpressionAttributeValues": {":version": {"S": stored.version}},
        }
        return self._put(stored.environment, stored.address, history, condition, stored.suppressions)

    def _put(
        self, environment: str, address: str, history: History, condition: Item, known: Iterable[Suppression]
    ) -> Stored | None:
        self._compare()
        self._note_months(suppressions(history, self._policy), known)
        key = self._keys.address(environment, address)
        item = to_item(key, environment, address, history, self._policy, new_token())
        try:
            with aws_errors("writing a suppression"):
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **condition,
                )
        except RetryableError as error:
            there = _there_instead(error)
            if there is None:
                raise
            return from_item(there, address=address)
        return None

    def _note_months(self, found: Iterable[Suppression], known: Iterable[Suppression]) -> None:
        """Note the months a listing would not look into by itself, before anything is listed under them.

        Live feedback is no older than last month, and what an item held before was noted then: both cost nothing.
        """
        last = _month_before(_now())
        months = {month for month in map(_month_of, found) if month < last} - self._noted - set(map(_month_of, known))
        if not months:
            return
        with aws_errors("noting old months"):
            self._client.update_item(
                TableName=self._table,
                Key=META,
                UpdateExpression="ADD months :months",
                ExpressionAttributeValues={":months": {"SS": sorted(months)}},
            )
        self._noted |= months

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self, environment: str, address: str) -> tuple[Stored | None, int]:
        """See ``QuestionStore``. One call: the address and the key's fingerprint together."""
        key = self._keys.address(environment, address)
        found, clock = self._batch_get([{naming.ATTRIBUTE_KEY: {"S": key}}, META], consistent=True)
        self._verify(found.pop(META[naming.ATTRIBUTE_KEY]["S"], None))
        return (from_item(found[key], clock, address) if key in found else None), clock

    def get_one(self, environment: str, address: str) -> Stored | None:
        """Return what is known of an address, read eventually consistent and without verifying: one ``GetItem``."""
        self._compare()
        key = {naming.ATTRIBUTE_KEY: {"S": self._keys.address(environment, address)}}
        with aws_errors("reading a suppression"):
            answer = self._client.get_item(TableName=self._table, Key=key)
        return from_item(answer["Item"], address=address) if "Item" in answer else None

    def get_many(self, wanted: Sequence[Who]) -> Mapping[Who, Stored]:
        """See ``HistoryStore``. Read eventually consistent: half the price, and late by less than a second."""
        keys = {who: self._keys.address(*who) for who in wanted}  # an address and what stands for it once it was erased
        found, clock = self._batch_get([{naming.ATTRIBUTE_KEY: {"S": k}} for k in {*keys.values()}], consistent=False)
        return {who: from_item(found[key], clock, who[1]) for who, key in keys.items() if key in found}

    def look_up(self, wanted: Sequence[Who]) -> Mapping[Who, Stored]:
        """Return what is known of 1 to 100 addresses as a sender asks for them, in one call. Late by up to a second."""
        if len(wanted) > 1:
            return self.get_many(wanted)
        found = self.get_one(*wanted[0])
        return {} if found is None else {wanted[0]: found}

    def _batch_get(self, keys: list[Item], *, consistent: bool) -> tuple[dict[str, Item], int]:
        self._compare()
        found: dict[str, Item] = {}
        clock = 0
        for attempt in range(self._tries):
            with aws_errors("reading suppressions"):
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": keys, "ConsistentRead": consistent}}
                )
            clock = max(clock, _clock(answer))
            for item in answer.get("Responses", {}).get(self._table, ()):
                found[item[naming.ATTRIBUTE_KEY]["S"]] = item
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return found, clock
            time.sleep(0.05 * 2**attempt)
        raise RetryableError("reading suppressions: DynamoDB left keys unread; it is throttling")

    def verify(self) -> None:
        """See ``QuestionStore``."""
        self._verify(self._meta())

    def _compare(self) -> None:
        if self._compared:
            return
        try:
            self.verify()
        except PermanentError as error:
            raise WrongSecret(str(error)) from None
        self._compared = True

    def _meta(self) -> Item | None:
        with aws_errors("reading the table's claim"):
            answer = self._client.get_item(TableName=self._table, Key=META, ConsistentRead=True)
        found: Item | None = answer.get("Item")
        return found

    def _verify(self, meta: Item | None) -> None:
        if meta is None:
            raise PermanentError(f"table {self._table} belongs to no deployment yet: deploy first")
        if meta["fingerprint"]["S"] != self._keys.fingerprint():
            raise PermanentError(
                f"table {self._table} was filled under another address key than the secret holds now: "
                "restore the secret's former value, or every address looks unknown"
            )

    # --- claiming -----------------------------------------------------------------------------------------------------

    def claim(self, owner: str, policy: str | None = None) -> None:
        """Make the table this deployment's own, or find that it is; note the ``policy`` it decides by, as text.

        Raises ``PermanentError`` where another deployment owns it, or where it was filled under another secret.
        """
        month = format_time(_now())[:7]
        try:
            with aws_errors("claiming the table"):
                self._client.update_item(
                    TableName=self._table,
                    Key=META,
                    UpdateExpression="SET fingerprint = :fingerprint, #owner = :owner, "
                    "oldest = if_not_exists(oldest, :month)",
                    ConditionExpression="attribute_not_exists(fingerprint)",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={
                        ":fingerprint": {"S": self._keys.fingerprint()},
                        ":owner": {"S": owner},
                        ":month": {"S": month},
                    },
                )
        except RetryableError as error:
            if not _condition_failed(error):
                raise
        else:
            self._note_policy(policy)
            return
        meta = self._meta()
        self._verify(meta)
        if meta is not None and meta["owner"]["S"] != owner:
            raise PermanentError(
                f"table {self._table} belongs to another deployment of the same name: choose another deployment.name, "
                "or use that deployment's lock file"
            )
        self._note_policy(policy)

    def _note_policy(self, policy: str | None) -> None:
        if policy is None:
            return
        with aws_errors("noting the policy"):
            self._client.update_item(
                TableName=self._table,
                Key=META,
                UpdateExpression="SET #policy = :policy",
                ExpressionAttributeNames={"#policy": "policy"},
                ExpressionAttributeValues={":policy": {"S": policy}},
            )

    def decide_by(self, policy: Policy) -> None:
        """Have suppressions follow from another policy than the one given at first."""
        self._policy = policy

    def deployed_policy(self) -> str | None:
        """Return the policy that the deployment decides by, as ``claim`` was given it; ``None`` where none was yet."""
        meta = self._meta() or {}
        return str(meta["policy"]["S"]) if "policy" in meta else None

    # --- listing ------------------------------------------------------------------------------------------------------

    def listing(self, environment: str, reasons: Iterable[str], since: int, now: int) -> Iterator[Listed]:
        """See ``QuestionStore``. Each month is one merge over its reasons and shards, read only as far as asked."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - no function lists, and it costs them 10 ms

        reasons = tuple(reasons)
        # A month is many partitions, most of them empty: asked one after the other, each would cost a round trip.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for month in self._months(since, now):
                keys = [
                    listing_key(environment, reason, month, shard)
                    for reason in reasons
                    for shard in range(naming.LISTING_SHARDS)
                ]
                first = pool.map(lambda key: self._page(key, since, None), keys)
                partitions = [self._partition(key, since, page) for key, page in zip(keys, first, strict=True)]
                yield from heapq.merge(*partitions, key=lambda entry: entry.suppression.since, reverse=True)

    def _months(self, since: int, now: int) -> Iterator[str]:
        """Yield the months in which suppressions may have begun, the newest first.

        All from now (feedback may be an hour ahead) to the one before the table's first, then those noted from before.
        """
        meta = self._meta() or {}
        last = _month_before(now)
        claimed = min(meta["oldest"]["S"], last) if "oldest" in meta else last
        earliest = _month_before(_start(claimed))
        first = format_time(since)[:7]
        month = format_time(now + HOUR)[:7]
        while month >= max(first, earliest):
            yield month
            month = _month_before(_start(month))
        yield from (m for m in sorted(meta.get("months", {}).get("SS", ()), reverse=True) if first <= m < earliest)

    def _partition(self, key: str, since: int, page: Item) -> Iterator[Listed]:
        while True:
            for item in page.get("Items", ()):
                yield from_listing(item, parse_time(item[naming.ATTRIBUTE_LISTING_SINCE]["S"]))
            if "LastEvaluatedKey" not in page:
                return
            page = self._page(key, since, page["LastEvaluatedKey"])

    def _page(self, key: str, since: int, after: Item | None) -> Item:
        start = {"ExclusiveStartKey": after} if after else {}
        with aws_errors("listing suppressions"):
            page: Item = self._client.query(
                TableName=self._table,
                IndexName=naming.INDEX_LISTING,
                KeyConditionExpression="#key = :key AND #since >= :since",
                ExpressionAttributeNames={
                    "#key": naming.ATTRIBUTE_LISTING_KEY,
                    "#since": naming.ATTRIBUTE_LISTING_SINCE,
                },
                ExpressionAttributeValues={":key": {"S": key}, ":since": {"S": format_time(since)}},
                ScanIndexForward=False,
                Limit=_PAGE,
                **start,
            )
        return page


def new_token() -> str:
    """Return a version that no write ever had."""
    return urlsafe_b64encode(os.urandom(9)).decode()


def _there_instead(error: RetryableError) -> Item | None:
    """Return the item that made a conditional write fail, if that is why it failed."""
    if not _condition_failed(error):
        return None
    found: Item | None = getattr(error.__cause__, "response", {}).get("Item")
    return found


def _condition_failed(error: RetryableError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "ConditionalCheckFailedException"


def _clock(answer: Mapping[str, Any]) -> int:
    """Return AWS's clock in ms, from the answer's Date header (RFC 9110, whole seconds); ours where there is none."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return int(parsedate_to_datetime(date).timestamp()) * 1000
    except (TypeError, ValueError):
        return _now()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _month_of(found: Suppression) -> str:
    return format_time(found.since)[:7]


def _start(month: str) -> int:
    return int(datetime(int(month[:4]), int(month[5:7]), 1, tzinfo=UTC).timestamp()) * 1000


def _month_before(ms: int) -> str:
    """Return the month before the one a time lies in, ``2026-10``."""
    return format_time(_start(format_time(ms)[:7]) - DAY)[:7]
