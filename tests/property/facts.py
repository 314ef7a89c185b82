"""Random facts and policies, dense enough that windows, marks and bounds are hit exactly, or missed by 1 ms.

Each is drawn as one whole number and decoded digit by digit: a tenth of the time that nested strategies take, hence ten
times the examples.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from hypothesis import strategies as st

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import Known, Strike
from ses_feedback.domain.policy import Policy, Scope, Tier
from tests.property.model import HOUR, Delivered, Fact, Released, Ruled, Seen

T = TypeVar("T")

START = 1_800_000_000_000
UNIT = HOUR // 2
UNITS = 41
STREAMS = ("default", "marketing")
SCOPES = ("*", *STREAMS)
SHIFTS = (0, 0, 0, -1, 1)
TIER_SCOPES: tuple[Scope, ...] = ("environment", "stream")
MESSAGES = 16

codes = st.integers(0, 2**64 - 1)


class Digits:
    """Takes choices off a number, the last digit first."""

    def __init__(self, code: int) -> None:
        self.code = code

    def below(self, size: int) -> int:
        """Return a number from 0 to ``size`` - 1."""
        self.code, digit = divmod(self.code, size)
        return digit

    def of(self, options: tuple[T, ...]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def time(self) -> int:
        """Return a point in time near ``START``."""
        return START + self.below(UNITS) * UNIT + self.of(SHIFTS)


class Message(NamedTuple):
    """What is mostly the same however often one message's feedback about a recipient is seen.

    Two topics may say it in two streams, and a copy without the mail's own time is dated otherwise.
    """

    number: int
    class_: str
    stream: str
    sent_at: int

    def seen(self, at: int, sent_at: int | None = None, stream: str | None = None) -> Seen:
        """Return the strike of this message, seen with a time."""
        sent = min(self.sent_at if sent_at is None else sent_at, at)
        if self.class_ != ev.ALREADY_SUPPRESSED:
            sent = at
        return Seen(f"k{self.number}", Strike(self.class_, stream or self.stream, at, sent, f"m{self.number}"))


def signed(digits: Digits) -> tuple[str, Known | None]:
    """Return who decided, and what was known."""
    return digits.of(("", "jo", "sam")), digits.of((None, Known(0), Known(1, "hard_bounce", "*", START, None, START)))


def tier(code: int) -> Tier:
    """Return a tier the configuration allows: without end no window, and the first strike needs none."""
    digits = Digits(code)
    count = 1 + digits.below(4)
    suppress_for = digits.of((None, *(unit * UNIT for unit in range(1, 13))))
    within = (1 + digits.below(12)) * UNIT
    return Tier(count, within if count > 1 and suppress_for is not None else None, suppress_for, digits.of(TIER_SCOPES))


def message(number: int, code: int, classes: tuple[str, ...]) -> Message:
    """Return a message whose feedback falls into one of the classes."""
    digits = Digits(code)
    return Message(number, digits.of(classes), digits.of(STREAMS), digits.time())


def fact(code: int, messages: list[Message]) -> Fact:
    """Return something that may be learned of an address: mostly a strike, a message's, maybe seen before."""
    digits = Digits(code)
    match digits.below(7):
        case 4:
            return Delivered(digits.of(STREAMS), digits.time())
        case 5:
            scope, at, why = digits.of(SCOPES), digits.time(), digits.of(("asked", "mended"))
            return Released(scope, at, why, *signed(digits), shown_ahead(digits, messages, scope, at))
        case 6:
            scope, reason, at = digits.of(SCOPES), digits.of(ev.DECISION_REASONS), digits.time()
            length = digits.of((None, UNIT, 2 * UNIT, 9 * UNIT))
            return Ruled(
                scope, reason, at, None if length is None else at + length, digits.of(("a", "b")), *signed(digits)
            )
        case _:
            return copy(digits, messages)


def copy(digits: Digits, messages: list[Message]) -> Seen:
    """Return a copy of a message's strike; some claim another time of sending, or come in another stream."""
    told = digits.of(tuple(messages))
    sent_at = digits.time() if digits.below(3) == 0 else None
    stream = digits.of(STREAMS) if digits.below(3) == 0 else None
    return told.seen(digits.time(), sent_at, stream)


def shown_ahead(digits: Digits, messages: list[Message], scope: str, at: int) -> tuple[Seen, ...]:
    """Return a few strikes of at most an hour after ``at`` that whoever released a scope then was shown."""
    found = {}
    for _ in range(digits.of((0, 0, 1, 1, 2, 3))):
        told = digits.of(tuple(messages))
        seen = told.seen(at + digits.below(3) * UNIT)
        if seen.strike.class_ != ev.ALREADY_SUPPRESSED and scope in ("*", seen.strike.stream):
            found[seen.key] = seen
    return tuple(found.values())


def concerned(policy: Policy) -> tuple[str, ...]:
    """Return the classes that a policy has tiers for, or else any one."""
    return tuple(class_ for class_, found in policy.items() if found) or (ev.HARD_BOUNCE,)


def decoded(message_codes: list[int], fact_codes: list[int], classes: tuple[str, ...]) -> list[Fact]:
    """Return facts about some messages of some classes."""
    messages = [message(number, code, classes) for number, code in enumerate(message_codes)]
    return [fact(code, messages) for code in fact_codes]


message_codes = st.lists(codes, min_size=1, max_size=MESSAGES)
fact_codes = st.lists(codes, max_size=20)
tier_codes = st.lists(st.tuples(st.sampled_from(ev.STRIKABLE), codes), min_size=1, max_size=5)


def policy_of(coded: list[tuple[str, int]]) -> Policy:
    """Return a policy of a few tiers over a few classes."""
    policy: dict[str, tuple[Tier, ...]] = {}
    for class_, code in coded:
        policy[class_] = (*policy.get(class_, ()), tier(code))
    return policy


policies: st.SearchStrategy[Policy] = tier_codes.map(policy_of)
default_facts: st.SearchStrategy[list[Fact]] = st.builds(
    lambda m, f: decoded(m, f, tuple(ev.STRIKABLE)), message_codes, fact_codes
)


def _situation(tiers: list[tuple[str, int]], m: list[int], f: list[int]) -> tuple[Policy, list[Fact]]:
    policy = policy_of(tiers)
    return policy, decoded(m, f, concerned(policy))


def _two_parts(
    tiers: list[tuple[str, int]], m: list[int], f: list[int], more: list[int]
) -> tuple[Policy, list[Fact], list[Fact]]:
    policy = policy_of(tiers)
    return policy, decoded(m, f, concerned(policy)), decoded(m, more, concerned(policy))


# A policy, and facts it has something to say about; or twice facts, about the same messages.
situations: st.SearchStrategy[tuple[Policy, list[Fact]]] = st.builds(_situation, tier_codes, message_codes, fact_codes)
two_parts: st.SearchStrategy[tuple[Policy, list[Fact], list[Fact]]] = st.builds(
    _two_parts, tier_codes, message_codes, fact_codes, fact_codes
)
