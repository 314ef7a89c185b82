"""Metric math as a tree: the parser of the part that alarms of this project use. What a tree means, its readers say.

Known: numbers, ids, ``+ - * / ^``, comparisons, ``AND OR && ||``, and calls of functions, which the readers know by
name. (Amazon CloudWatch User Guide, *Using math expressions with CloudWatch metrics*.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


class ExpressionError(ValueError):
    """An expression that cannot be read; ``str(error)`` says where and what."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number stands for a series that is everywhere that number."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """The id of another query, or a word such as ``REPEAT``."""

    name: str


@dataclass(frozen=True, slots=True)
class Binary:
    """``left sign right``; ``&&`` and ``||`` are read as ``AND`` and ``OR``."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments, …)``."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Name | Binary | Call

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/^<>(),]))"
)
# Loosest first.
_LEVELS: Final = (("OR",), ("AND",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"), ("^",))
_ALIASES: Final = {"&&": "AND", "||": "OR"}


def parse(expression: str) -> Node:
    """Return the tree of an expression. Raises ``ExpressionError`` for one that cannot be read."""
    return _Parser(expression).parse()


def names(node: Node) -> frozenset[str]:
    """Return every name in a tree."""
    match node:
        case Name(name):
            return frozenset((name,))
        case Binary(_, left, right):
            return names(left) | names(right)
        case Call(_, arguments):
            return frozenset().union(*(names(argument) for argument in arguments))
    return frozenset()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.at = 0
        end = 0
        while text[end:].strip():
            found = _TOKEN.match(text, end)
            if found is None:
                raise ExpressionError(f"cannot read {text[end:].strip()[:20]!r} in {text!r}")
            token = found[found.lastgroup or 0]
            self.tokens.append(_ALIASES.get(token, token))
            end = found.end()

    def parse(self) -> Node:
        node = self._level(0)
        if self.at < len(self.tokens):
            raise ExpressionError(f"{self.tokens[self.at]!r} does not belong there in {self.text!r}")
        return node

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            raise ExpressionError(f"{expected or 'a value'!s} expected after {self.tokens[: self.at]} in {self.text!r}")
        self.at += 1
        return token

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._operand()
        left = self._level(level + 1)
        while self._peek() in _LEVELS[level]:
            left = Binary(self._take(), left, self._level(level + 1))
        return left

    def _operand(self) -> Node:
        word = self._take()
        if word == "(":
            inner = self._level(0)
            self._take(")")
            return inner
        if word == "-":
            return Binary("-", Number(0.0), self._operand())
        if word[0].isdigit() or word[0] == ".":
            return Number(float(word))
        if self._peek() == "(":
            self._take("(")
            arguments = [self._level(0)]
            while self._peek() == ",":
                self._take()
                arguments.append(self._level(0))
            self._take(")")
            return Call(word, tuple(arguments))
        if word[0].isalpha() or word[0] == "_":
            return Name(word)
        raise ExpressionError(f"{word!r} does not belong there in {self.text!r}")
