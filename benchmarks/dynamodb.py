"""A stand-in for DynamoDB in a process of its own: the conditional semantics the functions rely on, and a meter.

Calls and bytes are counted as they arrive; read and write units as the Developer Guide bills them ("Read and write
operations", "DynamoDB item sizes and formats", "Using global secondary indexes"). Run by itself it prints its port and
serves until its standard input closes.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Final

from ses_feedback import naming

Item = dict[str, Any]

_METER: Final = "meter"
WRITE_UNIT: Final = 1_024
READ_UNIT: Final = 4_096
_KEY: Final = naming.ATTRIBUTE_KEY
_PROJECTED: Final = (_KEY, naming.ATTRIBUTE_LISTING_KEY, naming.ATTRIBUTE_LISTING_SINCE, *naming.LISTING_ATTRIBUTES)


def size(item: Item) -> int:
    """Return the size of an item in bytes: its names and its values."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Item) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    if kind == "SS":
        return sum(len(text.encode()) for text in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + _size(inner) for inner in content)
    raise ValueError(f"no item of ours holds a {kind}")


def write_units(*sizes: int) -> int:
    """Return what writing one item costs: by the larger of what was there and what comes, at least one unit."""
    return max(1, math.ceil(max(sizes) / WRITE_UNIT))


class Table:
    """Items by key; ``meter`` counts calls by operation, ``bytes in``, ``bytes out`` and units."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.meter: Counter[str] = Counter()
        self._lock = threading.Lock()

    def call(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """Serve one request; return its HTTP status and body."""
        calls: dict[str, Callable[[dict[str, Any]], tuple[int, Item]]] = {
            "PutItem": self._put,
            "UpdateItem": self._update,
            "BatchGetItem": self._batch_get,
            "GetItem": self._get,
        }
        with self._lock:
            status, answer = calls[operation](json.loads(body))
            text = json.dumps(answer, separators=(",", ":")).encode()
            self.meter.update({operation: 1, "bytes out": len(body), "bytes in": len(text)})
        return status, text

    def _put(self, request: dict[str, Any]) -> tuple[int, Item]:
        new = request["Item"]
        key = new[_KEY]["S"]
        old = self.items.get(key)
        if old is not None and not _holds(request, old):
            # "A conditional write that fails still consumes write units", by the size of the item that is there.
            self.meter["write units, refused"] += write_units(size(old))
            kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
            return 400, {"__type": kind, "message": "The conditional request failed", "Item": old}
        self.items[key] = new
        self.meter["write units, table"] += write_units(size(new), size(old) if old else 0)
        self.meter["write units, index"] += _index_units(old, new)
        self.meter["largest item"] = max(self.meter["largest item"], size(new))
        self.meter.update({"items put": 1, "bytes of items": size(new)})
        return 200, {}

    def _update(self, request: dict[str, Any]) -> tuple[int, Item]:
        """Take the one update that the functions make: months added to the item ``meta``."""
        item = self.items.setdefault(request["Key"][_KEY]["S"], dict(request["Key"]))
        months = request["ExpressionAttributeValues"][":months"]["SS"]
        item["months"] = {"SS": sorted({*item.get("months", {"SS": []})["SS"], *months})}
        self.meter["write units, table"] += write_units(size(item))
        return 200, {}

    def _get(self, request: dict[str, Any]) -> tuple[int, Item]:
        found = self._read(request["Key"], consistent=request.get("ConsistentRead", False))
        return 200, {"Item": found} if found else {}

    def _batch_get(self, request: dict[str, Any]) -> tuple[int, Item]:
        answers: dict[str, list[Item]] = {}
        for table, wanted in request["RequestItems"].items():
            found = answers.setdefault(table, [])
            for key in wanted["Keys"]:
                if item := self._read(key, consistent=wanted.get("ConsistentRead", False)):
                    found.append(item)
        return 200, {"Responses": answers, "UnprocessedKeys": {}}

    def _read(self, key: Item, *, consistent: bool) -> Item | None:
        """Return an item: each is rounded up by itself, and one that is not there costs as much as a small one."""
        item = self.items.get(key[_KEY]["S"])
        units = max(1, math.ceil(size(item) / READ_UNIT)) if item else 1
        self.meter["read half units"] += units * (2 if consistent else 1)
        return item


def _holds(request: dict[str, Any], old: Item) -> bool:
    """Return whether the condition of a put holds for an item that is there."""
    version = request.get("ExpressionAttributeValues", {}).get(":version")
    condition = request.get("ConditionExpression")
    return condition is None or (version is not None and old.get("version") == version)


def _index_units(old: Item | None, new: Item) -> int:
    """Return what a write costs in the index: nothing where no projected attribute changes, two for a new index key."""
    before = {n: old[n] for n in _PROJECTED if n in old} if old and naming.ATTRIBUTE_LISTING_KEY in old else None
    after = {n: new[n] for n in _PROJECTED if n in new} if naming.ATTRIBUTE_LISTING_KEY in new else None
    if before == after:
        return 0
    if before is None or after is None:
        return write_units(size(before or after or {}))
    keys = (naming.ATTRIBUTE_LISTING_KEY, naming.ATTRIBUTE_LISTING_SINCE)
    if all(before[name] == after[name] for name in keys):
        return write_units(size(before), size(after))
    return write_units(size(before)) + write_units(size(after))


class _Handler(StreamRequestHandler):
    """Just enough HTTP/1.1: answers leave in one piece, on a connection that stays."""

    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        while line := self.rfile.readline():
            headers = {}
            while (field := self.rfile.readline().strip()) != b"":
                name, _, value = field.partition(b":")
                headers[name.strip().lower()] = value.strip()
            body = self.rfile.read(int(headers.get(b"content-length", b"0")))
            status, text = self._answer(line.split()[1].decode(), headers.get(b"x-amz-target", b"").decode(), body)
            head = f"HTTP/1.1 {status} OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {len(text)}"
            self.wfile.write(f"{head}\r\n\r\n".encode() + text)

    def _answer(self, path: str, target: str, body: bytes) -> tuple[int, bytes]:
        table = self.server.table
        if path == f"/{_METER}":
            return 200, json.dumps({"meter": table.meter, "items": len(table.items)}).encode()
        return table.call(target.rpartition(".")[2], body)


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.table = Table()


@contextmanager
def served() -> Iterator[str]:
    """Run an empty table in a process of its own and yield its URL; ``meter(url)`` tells what it counted."""
    command = [sys.executable, "-m", "benchmarks.dynamodb"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def meter(url: str) -> Counter[str]:
    """Return what a table served at ``url`` has counted since its start."""
    with urllib.request.urlopen(f"{url}/{_METER}") as answer:
        return Counter(json.load(answer)["meter"])


def main() -> None:
    """Serve until standard input closes."""
    with _Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
