"""Inputs nobody meant to send: catalogued payloads, broken by somebody who knows their structure, and inventions."""

from __future__ import annotations

import base64
import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any, Final

from tests import events

SEEDS: Final = [events.load(entry.name) for entry in events.catalogue()]
TREES: Final = [
    json.loads(data)
    for entry, data in zip(events.catalogue(), SEEDS, strict=True)
    if entry.name.endswith(".json") and data[:1] in b"{[" and not entry.name.startswith("faults/") and data.isascii()
]
NOTIFICATIONS: Final = [tree for tree in TREES if isinstance(tree, dict) and "mail" in tree]
WORDS: Final = sorted(
    set(re.findall(r'"([A-Za-z]{2,30})"\s*:', "".join(data.decode("utf-8", "replace") for data in SEEDS)))
)
_ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\x00",
    "\ud800",
    "\u202ejane@example.org",
    "null",
    "[]",
    "{}",
    "@",
    "a@b",
    "<jane@example.org",
    '"jane doe"@example.org',
    "=?utf-8?q?jane=40example.org?=",
    "=?utf-8?b?////?=",
    "jane@xn--a.example.org",
    "jané@exämple.org",
    "jane@example.org, joe@example.net",
    "5.1.1",
    "5.1.1.1",
    "9.9.9",
    "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-01-27T14:59:60.999999999Z",
    "Bounce",
    "Permanent",
    "OnAccountSuppressionList",
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"emailAddress": None},
    ["jane@example.org"],
)
_LARGE: Final = 200_000
_LONGEST: Final = 512 * 1024


class Mutator:
    """Makes one input after the other, each decided by ``chance`` alone."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    # --- what the entry points take ---------------------------------------------------------------------------------

    def payload(self) -> bytes:
        """Return bytes such as may lie in a file or arrive in a body, at most twice what SNS and SQS take."""
        return self._payload()[:_LONGEST]

    def _payload(self) -> bytes:
        roll = self.chance.random()
        if roll < 0.1:
            return self.invented()
        if roll < 0.25:
            return self.broken(self.chance.choice(SEEDS))
        data = self.written(self.tree())
        return self.broken(data) if self.chance.random() < 0.3 else data

    def text(self) -> str:
        """Return a text as a queue or a topic may carry it."""
        return self.payload().decode("utf-8", self.chance.choice(("replace", "surrogateescape")))

    def tree(self) -> Any:
        """Return decoded JSON: a payload with some of its places changed, maybe in envelopes."""
        tree = copy.deepcopy(self.chance.choice(NOTIFICATIONS if self.chance.random() < 0.6 else TREES))
        for _ in range(self.chance.choice((0, 1, 1, 1, 2, 3, 8))):
            tree = self.changed(tree)
        for _ in range(self.chance.choice((0, 0, 0, 1, 1, 2, 3, 12, 20))):
            tree = self.wrapped(tree)
        return tree

    # --- trees ------------------------------------------------------------------------------------------------------

    def changed(self, tree: Any) -> Any:
        """Change a tree at one place."""
        if not isinstance(tree, dict | list) or not tree or self.chance.random() < 0.02:
            return self.odd()
        parent = self._somewhere(tree)
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        key = self.chance.choice(keys)
        change = self.chance.choice(
            (self._replace, self._replace, self._remove, self._rename, self._twist, self._alien)
        )
        change(parent, key)
        return tree

    def _somewhere(self, tree: Any) -> Any:
        """Return a dictionary or list that is not empty, from anywhere in the tree."""
        while True:
            values = tree.values() if isinstance(tree, dict) else tree
            inner = [value for value in values if isinstance(value, dict | list) and value]
            if not inner or self.chance.random() < 0.3:
                return tree
            tree = self.chance.choice(inner)

    def _replace(self, parent: Any, key: Any) -> None:
        parent[key] = self.odd()

    def _remove(self, parent: Any, key: Any) -> None:
        del parent[key]

    def _rename(self, parent: Any, key: Any) -> None:
        if isinstance(parent, dict):
            parent[self.chance.choice((*WORDS, str(key).upper(), f"{key} ", ""))] = parent.pop(key)
        else:
            parent.insert(key, parent[key])

    def _twist(self, parent: Any, key: Any) -> None:
        value = parent[key]
        twists: tuple[Callable[[], Any], ...] = (
            lambda: [value],
            lambda: {self.chance.choice(WORDS): value},
            lambda: str(value),
            lambda: [value] * self.chance.choice((2, 60)),
            lambda: json.dumps(value),
            lambda: value[: len(value) // 2] if isinstance(value, str) else {"": value},
            lambda: value * 3 if isinstance(value, str) else None,
        )
        parent[key] = self.chance.choice(twists)()

    def _alien(self, parent: Any, key: Any) -> None:
        """Put in a part of another payload."""
        alien = copy.deepcopy(self._somewhere(self.chance.choice(TREES)))
        parent[key] = alien

    def odd(self) -> Any:
        """Return a value no schema has, now and then a large or a deep one."""
        roll = self.chance.random()
        if roll < 0.01:
            return self.chance.choice(("x", "é", '"', "<", "=?", "@", "a@", "\\", "5.")) * self.chance.randrange(_LARGE)
        if roll < 0.02:
            deep: Any = "jane@example.org"
            for _ in range(self.chance.choice((20, 200, 900))):
                deep = [deep] if self.chance.random() < 0.5 else {"Message": deep}
            return deep
        return copy.deepcopy(self.chance.choice(_ODD))

    def wrapped(self, tree: Any) -> Any:
        """Put a value into one more envelope; JSON within JSON doubles its escapes, so what is large stays as it is."""
        text = self.written(tree).decode("utf-8", "replace")
        if len(text) > _LARGE:
            return tree
        arn = "arn:aws:sns:us-east-1:111122223333:ses-feedback_complaint_example-com_a379a6f6"
        return self.chance.choice(
            (
                lambda: {"Type": "Notification", "TopicArn": arn, "Message": text},
                lambda: {"Type": "Notification", "TopicArn": self.odd(), "Message": tree},
                lambda: {"Records": [{"EventSource": "aws:sns", "Sns": {"TopicArn": arn, "Message": text}}]},
                lambda: {"Records": [{"messageId": "1", "body": text}, {"messageId": "2", "body": self.odd()}]},
                lambda: {"version": "1.0", "requestPayload": tree},
                lambda: {"detail-type": "Email Bounced", "source": "aws.ses", "detail": tree},
                lambda: {"records": [{"recordId": "1", "data": base64.b64encode(text.encode()).decode()}]},
                lambda: {"body": text, "isBase64Encoded": self.chance.choice((True, False, "true"))},
                lambda: {"Messages": [{"Body": text}]},
                lambda: [tree, tree],
                lambda: text,
            )
        )()

    # --- texts ------------------------------------------------------------------------------------------------------

    def written(self, tree: Any) -> bytes:
        """Return a tree as JSON text, spaced and escaped in one of the ways there are."""
        style: dict[str, Any] = self.chance.choice(
            ({}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}, {"sort_keys": True})
        )
        try:
            return json.dumps(tree, **style).encode("utf-8", "surrogatepass")
        except (RecursionError, ValueError):
            return repr(tree)[:_LARGE].encode("utf-8", "surrogatepass")

    def broken(self, data: bytes) -> bytes:
        """Break bytes where they stand."""
        chance = self.chance
        if not data:
            return self.invented()
        at, end = sorted((chance.randrange(len(data)), chance.randrange(len(data) + 1)))
        text = data.decode("utf-8", "replace")
        return chance.choice(
            (
                lambda: data[:at],
                lambda: data[at:],
                lambda: data[:at] + data[end:],
                lambda: data[:at] + chance.randbytes(chance.choice((1, 1, 4))) + data[at + 1 :],
                lambda: data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :],
                lambda: data[:end] + data[at:],
                lambda: data + chance.choice(SEEDS),
                lambda: b"\n".join((data, chance.choice(SEEDS), data)),
                lambda: data.replace(chance.choice((b'"', b":", b",", b"{", b"}", b"[", b"\\")), b"", 1),
                lambda: re.sub(rb'"(\w+)"\s*:', rb'"\1":null,"\1":', data, count=chance.choice((1, 5))),
                lambda: text.encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"))),
                lambda: text.encode("latin-1", "replace"),
                lambda: data.replace(b"example", chance.choice((b"\xff\xfe", "ü".encode(), b"\x00", b" "))),
                lambda: base64.b64encode(data),
                lambda: data.replace(b"\n", b"\r\n").replace(b" ", b"\t"),
            )
        )()

    def invented(self) -> bytes:
        """Return bytes that are no payload at all."""
        chance = self.chance
        size = chance.choice((0, 1, 3, 30, 300, 3_000))
        return chance.choice(
            (
                lambda: chance.randbytes(size),
                lambda: "".join(chance.choices('{}[]":,\\ \n0e-"aé<>@=?.', k=size)).encode(),
                lambda: " ".join(chance.choices(WORDS, k=size // 5)).encode(),
                lambda: size * chance.choice((b"[", b'{"Message":', b'{"a":[', b'"', b"{}{", b"\\u", b"0")),
                lambda: self.written(self._grown(6)),
            )
        )()

    def _grown(self, depth: int) -> Any:
        roll = self.chance.random()
        if depth == 0 or roll < 0.3:
            return self.odd()
        if roll < 0.45:
            return [self._grown(depth - 1) for _ in range(self.chance.randrange(4))]
        return {self.chance.choice(WORDS): self._grown(depth - 1) for _ in range(self.chance.randrange(6))}

    # --- addresses and configurations -------------------------------------------------------------------------------

    def address(self) -> Any:
        """Return what may stand where an address should."""
        chance = self.chance
        seed = chance.choice(
            [value for value in _ODD if isinstance(value, str)] + ["jane.doe+tag@mail.example.org"] * 9
        )
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(seed) + 1)
            piece = chance.choice(
                (
                    "<",
                    ">",
                    '"',
                    "\\",
                    "@",
                    ".",
                    "..",
                    " ",
                    "(",
                    ")",
                    "=?",
                    "?=",
                    "é",
                    "ß",
                    "\u0130",
                    "\ud800",
                    "\x00",
                    "-",
                )
            )
            seed = chance.choice(
                (seed[:at] + piece + seed[at:], seed[:at], seed[at:], f"Jane <{seed}>", seed.upper(), f"{seed}{seed}")
            )
        if chance.random() < 0.01:
            seed = seed * chance.randrange(1, 5_000)
        return seed if chance.random() < 0.98 else self.odd()

    def configuration(self, trees: list[dict[str, Any]]) -> dict[str, Any]:
        """Return a configuration, as ``tomllib`` reads it, changed at some places."""
        tree: Any = copy.deepcopy(self.chance.choice(trees))
        for _ in range(self.chance.randrange(1, 5)):
            tree = self.changed(tree)
        return tree if isinstance(tree, dict) else {"deployment": tree}
