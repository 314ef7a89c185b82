"""AWS in memory, as the functions' low-level clients see it, with troubles at every call."""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Final, NamedTuple, TypeVar

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from ses_feedback import naming
from tests.soak.baton import Baton

T = TypeVar("T")
Item = Mapping[str, Any]
_ASSIGNMENT: Final = re.compile(r"([#\w]+) = (if_not_exists\([^)]*\)|:\w+)")
TABLE: Final = naming.table_name("ses-feedback")
BUCKET: Final = naming.quarantine_bucket_name("ses-feedback", "111122223333", "us-east-1")


class Crash(BaseException):
    """The container is gone: no handler of errors may see it."""


class Weather(NamedTuple):
    """How likely each trouble is at each call.

    ``throttle``: refused, nothing happened. ``lost``: it took effect, the answer was lost. ``silent``: nothing happened
    and nothing answers. ``crash``: the container dies, half the time before the effect and half the time after it.
    ``stale``: an eventually consistent read sees the item as it was before its last write. ``partial``: a batch read
    leaves keys unread.
    """

    throttle: float = 0.0
    lost: float = 0.0
    silent: float = 0.0
    crash: float = 0.0
    stale: float = 0.0
    partial: float = 0.0


CALM: Final = Weather()
# Five of a hundred calls fail.
BAD: Final = Weather(throttle=0.02, lost=0.01, silent=0.005, crash=0.015, stale=0.02, partial=0.02)


class Cloud:
    """The services, their clock (``now``, ms since 1970) and the weather. ``calls`` and ``troubles`` count."""

    def __init__(self, chance: random.Random, weather: Weather, baton: Baton, now: int) -> None:
        self.chance = chance
        self.weather = weather
        self.now = now
        self.calls: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self.canaries: set[tuple[str, int, str]] = set()  # identity, round and piece of each that was noted
        self._baton = baton
        self.dynamo = Dynamo(self)
        self.s3 = Bucket(self)
        self.sqs = Queues(self)
        self.logs = Logs(self)

    def call(self, operation: str, effect: Callable[[], T], refusal: str = "ThrottlingException") -> T:
        """Do what a call asks for, unless something is in the way."""
        self.calls[operation] += 1
        self._baton.offer()
        roll, weather = self.chance.random(), self.weather
        for trouble, likely in zip(("throttle", "lost", "silent", "crash"), weather[:4], strict=True):
            if roll < likely:
                self._suffer(trouble, operation, effect, refusal)
            roll -= likely
        result = effect()
        self._baton.offer()
        return result

    def _suffer(self, trouble: str, operation: str, effect: Callable[[], object], refusal: str) -> None:
        if trouble == "crash":
            trouble = f"crash {self.chance.choice(('before', 'after'))}"
        self.troubles[f"{operation} {trouble}"] += 1
        if trouble in ("lost", "crash after"):
            effect()
            self._baton.offer()
        if trouble.startswith("crash"):
            raise Crash
        if operation == "log":
            raise OSError(f"standard output: {trouble}")
        if trouble == "throttle":
            raise refused(refusal, operation)
        where = "https://aws.example.com"
        raise ReadTimeoutError(endpoint_url=where) if trouble == "lost" else ConnectTimeoutError(endpoint_url=where)


def refused(code: str, operation: str, **more: Any) -> ClientError:
    """Return the error of a client whose call is refused."""
    return ClientError({"Error": {"Code": code, "Message": "asked for by the weather"}, **more}, operation)


class Dynamo:
    """One table, by its partition key. Items are never changed once stored, only replaced."""

    def __init__(self, cloud: Cloud) -> None:
        self.items: dict[str, Item] = {}
        self.before: dict[str, Item] = {}
        self.writes = 0
        self._cloud = cloud

    def put_item(self, **request: Any) -> dict[str, Any]:
        assert request["TableName"] == TABLE
        return self._cloud.call("PutItem", lambda: self._put(request))

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        item = request["Item"]
        key = item[naming.ATTRIBUTE_KEY]["S"]
        there = self.items.get(key)
        if not holds(request, there):
            shown = {"Item": there} if there and request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD" else {}
            raise refused("ConditionalCheckFailedException", "PutItem", **shown)
        if there is not None:
            self.before[key] = there
        self.items[key] = item
        self.writes += 1
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        assert request["TableName"] == TABLE
        return self._cloud.call("UpdateItem", lambda: self._update(request))

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        key = request["Key"][naming.ATTRIBUTE_KEY]["S"]
        there = self.items.get(key)
        if "ConditionExpression" in request and not holds(request, there):
            raise refused("ConditionalCheckFailedException", "UpdateItem")
        item = dict(there or request["Key"])
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        verb, _, rest = request["UpdateExpression"].partition(" ")
        if verb == "ADD":
            name, value = rest.split()
            known = item.get(name, {"SS": []})["SS"]
            item[name] = {"SS": sorted({*known, *values[value]["SS"]})}
        else:
            assert verb == "SET", request["UpdateExpression"]
            for written, value in _ASSIGNMENT.findall(rest):
                name = names.get(written, written)
                if not (value.startswith("if_not_exists(") and name in item):
                    item[name] = values[_argument(value)]
        self.items[key] = item
        return {}

    def get_item(self, **request: Any) -> dict[str, Any]:
        assert request["TableName"] == TABLE
        assert request["ConsistentRead"]
        key = request["Key"][naming.ATTRIBUTE_KEY]["S"]
        return self._cloud.call("GetItem", lambda: {"Item": self.items[key]} if key in self.items else {})

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return self._cloud.call("BatchGetItem", lambda: self._batch_get(request["RequestItems"]))

    def _batch_get(self, wanted: dict[str, Any]) -> dict[str, Any]:
        (asked,) = wanted.values()
        keys = asked["Keys"]
        names = [key[naming.ATTRIBUTE_KEY]["S"] for key in keys]
        assert 0 < len(names) <= 100, "a BatchGetItem takes 1 to 100 keys"
        assert len(set(names)) == len(names), "a BatchGetItem takes no key twice"
        chance, weather = self._cloud.chance, self._cloud.weather
        unread: list[Any] = []
        if len(names) > 1 and chance.random() < weather.partial:
            cut = chance.randrange(1, len(names))
            names, unread = names[:cut], keys[cut:]
        found = []
        for name in names:
            item = self.items.get(name)
            if item is None:
                continue
            if not asked["ConsistentRead"] and chance.random() < weather.stale:
                item = self.before.get(name, item)
            found.append(item)
        return {
            "Responses": {TABLE: found},
            "UnprocessedKeys": {TABLE: {**asked, "Keys": unread}} if unread else {},
            "ResponseMetadata": {"HTTPHeaders": {"date": formatdate(self._cloud.now // 1000, usegmt=True)}},
        }


def holds(request: Mapping[str, Any], item: Item | None) -> bool:
    """Return whether a condition holds for an item: alternatives of equality and absence, all that the product uses."""
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    for part in request["ConditionExpression"].split(" OR "):
        if part.startswith("attribute_not_exists("):
            name = _argument(part)
            if item is None or names.get(name, name) not in item:
                return True
        else:
            name, _, value = part.partition(" = ")
            if item is not None and item.get(names.get(name, name)) == values[value]:
                return True
    return False


def _argument(call: str) -> str:
    """Return the last argument of a function of an expression, or what is no function itself."""
    return call.rpartition("(")[2].rpartition(", ")[2].rstrip(")")


class Bucket:
    """The quarantine bucket, behind a client that tries again, as botocore's does, where no answer came."""

    def __init__(self, cloud: Cloud) -> None:
        self.objects: dict[str, bytes] = {}
        self._new: Counter[int] = Counter()
        self._cloud = cloud

    def put_object(self, **request: Any) -> dict[str, Any]:
        assert (request["Bucket"], request["IfNoneMatch"]) == (BUCKET, "*")
        try:
            return self._cloud.call("PutObject", lambda: self._put(request["Key"], request["Body"]), "SlowDown")
        except ReadTimeoutError:
            raise refused("PreconditionFailed", "PutObject", ResponseMetadata={"RetryAttempts": 1}) from None

    def _put(self, key: str, body: bytes) -> dict[str, Any]:
        if key in self.objects:
            raise refused("PreconditionFailed", "PutObject")
        self.objects[key] = body
        self._new[threading.get_ident()] += 1
        return {}

    def mine(self) -> int:
        """Return how many objects this writer has stored."""
        return self._new[threading.get_ident()]

    def kept(self) -> set[str]:
        """Return the texts that were kept."""
        return {json.loads(body)["raw"] for body in self.objects.values()}


class Queues:
    """What the functions ask of SQS: to see a message again earlier. ``delays`` remembers what was asked for."""

    def __init__(self, cloud: Cloud) -> None:
        self.delays: Counter[int] = Counter()
        self._cloud = cloud

    def change_message_visibility(self, **request: Any) -> dict[str, Any]:
        assert request["QueueUrl"]
        assert request["ReceiptHandle"]
        return self._cloud.call("ChangeMessageVisibility", lambda: self._note(request["VisibilityTimeout"]))

    def _note(self, seconds: int) -> dict[str, Any]:
        self.delays[seconds] += 1
        return {}


class Logs:
    """Standard output: the lines of metrics, as CloudWatch Logs makes metrics of them.

    ``metrics`` sums, by (dimensions without the deployment's, time), each metric's values.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.metrics: dict[tuple[str, int], Counter[str]] = {}
        self._lines: Counter[int] = Counter()
        self._cloud = cloud

    def write(self, line: str) -> None:
        self._cloud.call("log", lambda: self._take(line))

    def flush(self) -> None:
        """Nothing waits."""

    def mine(self) -> int:
        """Return how many lines this writer has written."""
        return self._lines[threading.get_ident()]

    def _take(self, line: str) -> None:
        document = json.loads(line)
        self._lines[threading.get_ident()] += 1
        told = document["_aws"]
        (declared,) = told["CloudWatchMetrics"]
        for dimensions in declared["Dimensions"]:
            subject = "/".join(document[name] for name in dimensions if name != naming.DIMENSION_DEPLOYMENT)
            sums = self.metrics.setdefault((subject, told["Timestamp"]), Counter())
            for metric in declared["Metrics"]:
                sums[metric["Name"]] += document[metric["Name"]]
