"""Giving a list out: of each address what stands against mailing it, widest first, and as a map that Postfix reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import EVERY_STREAM, Suppression, covering, strongest
from ses_feedback.usecases.ports import QuestionStore
from ses_feedback.usecases.questions import AT_ONCE

# What begins with # is a comment in a map, and white space ends an address (postmap(1)).
_IN_A_MAP: Final = re.compile(r"[^\s#\"][^\s\"]*")


class Exported(NamedTuple):
    """One row of a list: an address (``None``: erased), and one suppression of it."""

    address: str | None
    found: Suppression

    @property
    def stream(self) -> str:
        """The stream it holds for, ``*`` for every one."""
        return self.found.stream or EVERY_STREAM


def export(store: QuestionStore, environment: str, *, stream: str | None, now: int) -> Iterator[Exported]:
    """Yield all that is suppressed in an environment, the newest first, and nothing that is over.

    For each address and scope its strongest suppression (a weaker one of the same scope never outlasts it): all that a
    reader needs to answer as ``check`` does. With ``stream``, one row an address: what stands against mailing it there.
    """
    store.verify()
    listed = store.listing(environment, ev.REASONS, 0, now)
    while page := list(islice(listed, AT_ONCE)):
        names = list(dict.fromkeys(entry.address for entry in page if entry.address is not None))
        known = store.get_many([(environment, name) for name in names]) if names else {}
        for entry in page:
            if entry.address is None and _holds(entry.suppression, stream, now):
                yield Exported(None, entry.suppression)
        for name in names:
            stored = known.get((environment, name))
            yield from _rows(name, stored.suppressions if stored else (), stream, now)


def _holds(found: Suppression, stream: str | None, now: int) -> bool:
    if found.until is not None and found.until <= now:
        return False
    return stream is None or found.stream is None or found.stream == stream


def _rows(address: str, found: tuple[Suppression, ...], stream: str | None, now: int) -> Iterator[Exported]:
    if stream is not None:
        answer = covering(found, stream, now)
        if answer is not None:
            yield Exported(address, answer)
        return
    live = [suppression for suppression in found if suppression.until is None or suppression.until > now]
    scopes = sorted({suppression.stream for suppression in live}, key=lambda name: name or "")
    for scope in scopes:
        top = strongest(suppression for suppression in live if suppression.stream == scope)
        if top is not None:
            yield Exported(address, top)


def postfix_line(row: Exported) -> str | None:
    """Return a row as a line of an access map (access(5)); ``None`` where the address has no form in one."""
    if row.address is None or not _IN_A_MAP.fullmatch(row.address):
        return None
    return f"{row.address} REJECT 5.7.1 suppressed: {row.found.reason}"
