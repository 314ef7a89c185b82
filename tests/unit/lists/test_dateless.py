"""A row without a date counts only where nobody decided before: of its own scope, or of every stream."""

from __future__ import annotations

import threading

import pytest

from ses_feedback.domain import events as ev
from ses_feedback.domain.history import EVERY_STREAM, History
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.usecases.lists.entries import Entry
from ses_feedback.usecases.lists.formats import Format
from ses_feedback.usecases.lists.importing import DATELESS, Line, Plan, Taken, take
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.rate import Rate
from tests.unit.cli.fakes import NOW, MemoryStore
from tests.unit.law.builders import released, ruled

WHO = ("production", "ada@example.net")


def taken(before: History, scope: str) -> Taken:
    """What becomes of one row without a date, of a scope, after something was decided."""
    store, into = MemoryStore(), Taken()
    merge(store, *WHO, before, DEFAULT_POLICY)
    format_ = Format("a list", True, lambda _row: Entry(WHO[1], scope, None, None, ""))
    plan = Plan("production", scope, ("default", "marketing"), format_, "l.csv", NOW)
    take(
        [Line(1, {})], plan, store=store, policy=DEFAULT_POLICY, rate=Rate(10**6, threading.Event()), into=into,
        done=lambda: None, advance=lambda _: None,
    )  # fmt: skip
    return into


@pytest.mark.parametrize("scope", ["default", "marketing"])
@pytest.mark.parametrize("lifted", [EVERY_STREAM, "own"])
def test_a_release_of_the_scope_or_of_every_stream_stands(scope: str, lifted: str) -> None:
    assert taken(released(scope if lifted == "own" else lifted, NOW - 9), scope).passed == {DATELESS: 1}


def test_a_release_of_another_stream_is_no_answer() -> None:
    assert taken(released("default", NOW - 9), "marketing").taken == 1


def test_an_endless_import_that_stands_is_known_and_one_that_ends_is_not() -> None:
    """Also after a release in between: what a newer list brought holds."""
    assert taken(ruled("marketing", NOW - 9, None, reason=ev.IMPORT), "marketing").known == 1
    assert taken(ruled("marketing", NOW - 9, NOW + 9, reason=ev.IMPORT), "marketing").taken == 1
