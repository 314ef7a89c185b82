"""The lookup API: what any program may ask and decide over HTTP, with the rules of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ses_feedback.domain.addresses import former, normalise, spellings
from ses_feedback.domain.errors import InvalidAddress, PermanentError, UnknownStream
from ses_feedback.domain.history import EVERY_STREAM, Suppression, covering
from ses_feedback.domain.mailboxes import Mailboxes, mailboxes
from ses_feedback.domain.policy import Policy
from ses_feedback.usecases import questions
from ses_feedback.usecases.lookup_requests import Asked, BadRequest, shown
from ses_feedback.usecases.ports import AccountLists, QuestionStore, Stored
from ses_feedback.usecases.questions import Places
from ses_feedback.usecases.verdicts import decision, lists_cleared, verdict


class NoEnvironment(PermanentError):
    """The request is about an environment that the deployment does not have; ``str(error)`` names those it has."""


class Rules(Places, Protocol):
    """The environments and streams there are, and the policy."""

    @property
    def policy(self) -> Policy:
        """What strikes and decisions lead to."""


class Table(QuestionStore, Protocol):
    """The suppression table, which answers a sender's question in one call."""

    def look_up(self, wanted: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Stored]:
        """Return what is known of 1 to 100 different (environment, address) pairs, late by less than a second."""


class Desk(NamedTuple):
    """What answers are made from. ``lists`` opens SES's own lists for an address's spellings; ``now`` is in ms."""

    rules: Rules
    table: Table
    lists: Callable[[Sequence[str]], AccountLists]
    now: Callable[[], int]


Answer = Mapping[str, Any]


def answer(desk: Desk, operation: str, environment: str, body: str, by: str) -> Answer:
    """Return what one of ``OPERATIONS`` answers, as JSON. ``by`` is who asks, as AWS knows them.

    Raises ``BadRequest`` and ``NoEnvironment``, and ``RetryableError`` where the table cannot be read or written.
    """
    if environment not in desk.rules.environments():
        known = ", ".join(desk.rules.environments())
        raise NoEnvironment(f"no environment {shown(environment)}; known: {known}")
    run, keys = _OPERATIONS[operation]
    return run(desk, environment, Asked(body, keys), by)


def _check(desk: Desk, environment: str, asked: Asked, by: str) -> Answer:
    given = [(text, mailboxes(text)) for text in asked.addresses()]
    stream = _stream(desk, environment, asked.stream())
    wanted = list(dict.fromkeys((environment, mailbox) for _, who in given for mailbox in who.all))
    known: dict[tuple[str, str], Stored] = {}
    for start in range(0, len(wanted), questions.AT_ONCE):
        known |= desk.table.look_up(wanted[start : start + questions.AT_ONCE])
    now = desk.now()
    answers = []
    for text, who in given:
        stored = [known[environment, mailbox] for mailbox in who.all if (environment, mailbox) in known]
        found = covering([held for one in stored for held in one.suppressions], stream, now)
        answers.append(_answer(text, who, found))
    return {"environment": environment, "stream": stream, "answers": answers}


def _answer(text: str, who: Mailboxes, found: Suppression | None) -> Answer:
    """Return one answer; what is no address must not be mailed either: it may be somebody to whoever sends it."""
    if who.address is not None:
        return {"address": who.address, **verdict(found)}
    try:
        normalise(text)
        problem = "too much may be meant by it"
    except InvalidAddress as error:
        problem = str(error)
    return {"address": text, **verdict(found), "suppressed": True, "problem": f"not an e-mail address: {problem}"}


def _suppress(desk: Desk, environment: str, asked: Asked, by: str) -> Answer:
    address, _ = asked.address()
    scope = _scope(desk, environment, asked.stream())
    decided = questions.suppress(
        desk.table,
        desk.rules.policy,
        environment=environment,
        address=address,
        scope=scope,
        duration=asked.duration(),
        why=asked.why(),
        by=by,
    )
    return decision(address, environment, scope, decided)


def _release(desk: Desk, environment: str, asked: Asked, by: str) -> Answer:
    address, spelled = asked.address()
    scope = _scope(desk, environment, asked.stream())
    why = asked.why()
    decided = questions.release(
        desk.table,
        desk.rules.policy,
        desk.lists(spellings(spelled, address)),
        environment=environment,
        address=address,
        former=former(spelled),
        scope=scope,
        why=why,
        by=by,
    )
    return {**decision(address, environment, scope, decided), "lists": lists_cleared(decided.lists)}


def _scope(desk: Desk, environment: str, stream: str | None) -> str:
    return EVERY_STREAM if stream in (None, EVERY_STREAM) else _stream(desk, environment, stream)


def _stream(desk: Desk, environment: str, stream: str | None) -> str:
    if stream is not None and stream not in desk.rules.streams(environment):
        known = ", ".join(desk.rules.streams(environment))
        raise BadRequest(f"stream: no stream {shown(stream)} in environment {shown(environment)}; known: {known}")
    try:
        return questions.choose_stream(desk.rules, environment, stream)
    except UnknownStream as error:
        raise BadRequest(str(error).removeprefix("--")) from None


CHECK: Final = "check"
SUPPRESS: Final = "suppress"
RELEASE: Final = "release"
_OPERATIONS: Final[Mapping[str, tuple[Callable[[Desk, str, Asked, str], Answer], tuple[str, ...]]]] = {
    CHECK: (_check, ("addresses", "stream")),
    SUPPRESS: (_suppress, ("address", "why", "for", "stream")),
    RELEASE: (_release, ("address", "why", "stream")),
}
OPERATIONS: Final = tuple(_OPERATIONS)
