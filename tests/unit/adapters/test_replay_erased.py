"""What was decided about somebody after their erasure survives the loss of the table: the archive has it by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ses_feedback.adapters.suppression_table import SuppressionTable
from ses_feedback.domain import events as ev
from ses_feedback.domain.archive import line_of
from ses_feedback.domain.history import History, covering
from ses_feedback.domain.keys import keyed
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import DAY
from ses_feedback.usecases.announcing import decisions
from ses_feedback.usecases.lists.erasing import erase
from ses_feedback.usecases.merging import merge
from ses_feedback.usecases.questions import release, suppress
from tests.fakes import FakeLists
from tests.unit.adapters.conftest import TABLE, Dynamo
from tests.unit.law.builders import struck
from tests.unit.replay.archives import Run, put
from tests.unit.usecases.mail import KEYS, NOW, rules

WHO = ("production", "ada@example.net")
DECIDED = {"environment": WHO[0], "address": WHO[1], "why": "asked"}


def state(store: SuppressionTable) -> History:
    found, _ = store.get(*WHO)
    return found.history if found else History()


@pytest.mark.parametrize("address_is_archived", [False, True])
def test_a_decision_about_somebody_erased_is_replayed(
    dynamo: Dynamo, tmp_path: Path, address_is_archived: bool
) -> None:
    """Whether or not the archive still names the person: nobody mails them, and no name comes back for good."""
    store = SuppressionTable(dynamo.client, TABLE, KEYS, DEFAULT_POLICY)
    store.claim("owner-1")
    merge(store, *WHO, struck("m", ev.HARD_BOUNCE, NOW - 9 * DAY), DEFAULT_POLICY)
    lines: list[str] = []

    def archived(before: History) -> None:
        (item,) = dynamo.items()
        stored, _ = store.get(*WHO)
        assert stored is not None
        unnamed = stored._replace(address=item.get("address", {}).get("S", ""))
        for text in decisions(before, unnamed, item["pk"]["S"]):
            lines.append(line_of(text, directory=rules().directory, deployment="ses-feedback", now=NOW))

    before = state(store)
    release(store, DEFAULT_POLICY, FakeLists(), scope="*", **DECIDED)
    archived(before)
    erase(store, DEFAULT_POLICY, *WHO)
    before = state(store)
    suppress(store, DEFAULT_POLICY, scope="marketing", duration=None, **DECIDED)
    archived(before)
    assert len(lines) == 2
    assert WHO[1] not in lines[1]
    wanted = state(store)

    dynamo.client.delete_item(TableName=TABLE, Key={"pk": {"S": KEYS.address(*WHO)}})
    put(tmp_path, "feedback/2027/01/15/08/1", "\n".join(lines if address_is_archived else lines[1:]))
    now = wanted.newest_evidence()
    for written in (True, False):
        run = Run(tmp_path, store, configuration=rules(), now=now)
        assert run.complete
        assert not run.skipped
        assert bool(run.result.written) is written
    (item,) = dynamo.items()
    assert "address" not in item
    after, _ = store.get(*WHO)
    assert after is not None
    assert covering(after.suppressions, "marketing", now + DAY) is not None
    assert after.history.erased == wanted.erased
    if address_is_archived:
        assert after.history == wanted
    assert KEYS.address(*WHO) == KEYS.address(WHO[0], keyed(KEYS.address(*WHO)))
