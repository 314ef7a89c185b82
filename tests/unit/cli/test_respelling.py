"""``respell``: what was stored under quotes is added to the address that it is."""

from __future__ import annotations

from ses_feedback.domain.history import History

from .conftest import Run
from .fakes import MemoryStore, hard


def test_what_was_stored_under_quotes_is_found_without(cli: Run, store: MemoryStore) -> None:
    """Dry first, then for good, then nothing more; the old form still answers for itself, and a release lifts both."""
    store.put_new("production", '"mary.ann"@example.net', History({"k": hard()}))
    store.put_new("production", '"mary ann"@example.net', History({"k": hard()}))
    assert cli("check", "mary.ann@example.net", "--stream", "marketing").code == 0
    assert cli("check", '"Mary.Ann"@example.net', "--stream", "marketing").code == 1
    said = '"mary.ann"@example.net is mary.ann@example.net in production\n'
    assert cli("respell", "--dry-run").out == said + "1 address would be moved.\n"
    assert cli("respell").out == said + "1 address moved.\n"
    assert cli("respell").out == "0 addresses moved.\n"
    assert cli("respell", "--json").out == ""
    assert cli("check", "mary.ann@example.net", "--stream", "marketing").code == 1
    assert "hard_bounce" in cli("show", '"mary.ann"@example.net').out
    assert cli("release", '"mary.ann"@example.net', "--why", "it exists").code == 0
    for spelled in ("mary.ann@example.net", '"mary.ann"@example.net', r'"m\ary.ann"@example.net'):
        assert cli("check", spelled, "--stream", "marketing").code == 0
