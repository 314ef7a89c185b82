"""Cells: who lives where, and the lock file that remembers it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cells import FILL_TO, MOST, Lock, allocate, lock_path, new_lock, read_lock, write_lock
from infra.errors import CellOverflow, LockError

names = st.text("abcdef", min_size=1, max_size=3).map(lambda text: f"{text}.example.com")
weights = st.dictionaries(names, st.integers(12, 120), max_size=60)
OWNER = "0123456789abcdef0123456789abcdef"


@given(weights, weights)
def test_adding_and_removing_moves_nobody(first: dict[str, int], second: dict[str, int]) -> None:
    """An identity that is in both configurations stays in its cell, whatever else comes or goes."""
    before = allocate(Lock(OWNER), first)
    kept = {name: first[name] for name in first.keys() & second.keys()}
    new = {name: weight for name, weight in second.items() if name not in first}
    after = allocate(before, kept | new)
    assert after.cells.keys() == second.keys()
    assert all(after.cells[name] == before.cells[name] for name in kept)
    assert after.owner == before.owner


@given(st.lists(st.sets(names, max_size=60), min_size=1, max_size=8))
def test_nobody_moves_through_any_history(configurations: list[set[str]]) -> None:
    """Whoever stays from one deployment to the next stays in its cell, through any coming and going before."""
    lock = Lock(OWNER)
    for wanted in configurations:
        before, lock = lock, allocate(lock, {name: 12 + sum(name.encode()) % 100 for name in wanted})
        assert lock.cells.keys() == wanted
        assert all(lock.cells[name] == before.cells[name] for name in before.cells.keys() & wanted)
        assert lock.highest >= max([before.highest, *lock.cells.values()])


@given(weights)
def test_cells_are_filled_to_300(wanted: dict[str, int]) -> None:
    """No new cell passes 300 resources, and none is begun while an earlier one has room."""
    lock = allocate(Lock(OWNER), wanted)
    loads = [sum(wanted[name] for name in members) for members in lock.members().values()]
    assert all(0 < load <= FILL_TO for load in loads)
    for number, load in enumerate(loads[:-1], start=1):
        later = [wanted[name] for name, cell in lock.cells.items() if cell > number]
        assert all(load + weight > FILL_TO for weight in later)


@given(weights)
def test_allocation_is_stable(wanted: dict[str, int]) -> None:
    """The same configuration gives the same lock again, whatever order it names its identities in."""
    lock = allocate(Lock(OWNER), wanted)
    assert allocate(lock, dict(reversed(wanted.items()))) == lock
    assert allocate(Lock(OWNER), dict(reversed(wanted.items()))) == lock


def test_a_cell_that_outgrows_a_stack_names_the_identity() -> None:
    """More than 480 resources is one line with the identity, its weight, and what to do."""
    before = allocate(Lock(OWNER), {"a.example.com": 100, "b.example.com": 100})
    assert allocate(before, {"a.example.com": 380, "b.example.com": 100})
    with pytest.raises(
        CellOverflow, match=r'identities\."a\.example\.com": its cell 1 .* 481 .* 381 .*destinations'
    ) as e:
        allocate(before, {"a.example.com": 381, "b.example.com": 100})
    assert "\n" not in str(e.value)


def test_one_identity_too_large_for_any_cell() -> None:
    """An identity between 300 and 480 has a cell of its own; above, it is named."""
    lock = allocate(Lock(OWNER), {"a.example.com": 20, "big.example.com": MOST})
    assert lock.cells == {"a.example.com": 1, "big.example.com": 2}
    with pytest.raises(CellOverflow, match=r'identities\."big\.example\.com"'):
        allocate(Lock(OWNER), {"big.example.com": MOST + 1})


def test_a_cell_without_identities_is_remembered() -> None:
    """Its stack must still be synthesised, empty, so that `cdk deploy` deletes what is left of it."""
    wanted = {f"{letter}.example.com": 200 for letter in "abc"}
    before = allocate(Lock(OWNER), wanted)
    assert list(before.members()) == [1, 2, 3]
    after = allocate(before, {"a.example.com": 200})
    assert after.members() == {1: ["a.example.com"], 2: [], 3: []}
    assert allocate(after, {"a.example.com": 200, "d.example.com": 200}).cells["d.example.com"] == 2


@given(
    st.lists(
        st.dictionaries(names, st.sampled_from(["dev", "production", "staging"]), max_size=60), min_size=1, max_size=6
    )
)
def test_environments_of_a_cell_are_remembered_for_good(configurations: list[dict[str, str]]) -> None:
    """Whoever leaves or moves, a cell keeps every environment it had, and each counts as a resource."""
    lock = Lock(OWNER)
    for wanted in configurations:
        before, lock = lock, allocate(lock, dict.fromkeys(wanted, 24), wanted)
        for number, known in before.environments.items():
            assert set(known) <= set(lock.environments[number])
        for identity, number in lock.cells.items():
            assert wanted[identity] in lock.environments[number]
        for number, members in lock.members().items():
            assert 24 * len(members) + len(lock.environments.get(number, ())) <= FILL_TO
        assert allocate(lock, dict.fromkeys(wanted, 24)).environments == lock.environments


def test_an_older_lock_file_has_no_environments_and_gets_those_of_its_members(tmp_path: Path) -> None:
    """The key is optional, and what was deployed before had no alarm that could be named."""
    path = tmp_path / "feedback.lock.json"
    path.write_text(json.dumps({"owner": OWNER, "highest": 2, "cells": {"a.example.com": 1, "b.example.com": 1}}))
    before = read_lock(path)
    assert before is not None
    assert before.environments == {}
    after = allocate(
        before, {"a.example.com": 24, "b.example.com": 24}, {"a.example.com": "dev", "b.example.com": "qa"}
    )
    assert after.environments == {1: ("dev", "qa")}
    assert write_lock(path, after, before=before)
    assert read_lock(path) == after


def test_the_lock_file_round_trips(tmp_path: Path) -> None:
    """What is written is read back, under the configuration's name, and readable by everybody."""
    path = lock_path(tmp_path / "feedback.toml")
    assert path.name == "feedback.lock.json"
    lock = allocate(new_lock(), {"example.com": 20})
    assert read_lock(path) is None
    assert write_lock(path, lock, before=None)
    assert read_lock(path) == lock
    assert json.loads(path.read_text())["cells"] == {"example.com": 1}
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_an_unchanged_lock_is_not_written(tmp_path: Path) -> None:
    """A synth without changes leaves the file alone, so version control stays quiet."""
    path = tmp_path / "feedback.lock.json"
    lock = allocate(new_lock(), {"example.com": 20})
    write_lock(path, lock, before=None)
    path.write_text(path.read_text().replace("  ", "    "))
    before = path.read_bytes()
    assert not write_lock(path, allocate(lock, {"example.com": 20}), before=read_lock(path))
    assert path.read_bytes() == before


def test_two_first_synths_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """The owner that was written first stays: a second one would lock the deployment out of its own table."""
    path = tmp_path / "feedback.lock.json"
    first = new_lock()
    write_lock(path, first, before=None)
    with pytest.raises(LockError, match="another synth has just made this file"):
        write_lock(path, new_lock(), before=None)
    assert read_lock(path) == first
    assert list(tmp_path.iterdir()) == [path]


def test_owners_differ() -> None:
    """Two deployments never have the same owner by chance."""
    assert len({new_lock().owner for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"cells": {}}',
        '{"owner": "x", "cells": {}}',
        f'{{"owner": "{OWNER}"}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": 0}}}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": true}}}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": "1"}}}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": 2}}, "highest": 1}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": 1}}, "environments": ["dev"]}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": 1}}, "environments": {{"2": ["dev"]}}}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": 1}}, "environments": {{"x": ["dev"]}}}}',
        f'{{"owner": "{OWNER}", "cells": {{"example.com": 1}}, "environments": {{"1": "dev"}}}}',
        "[" * 100_000,
    ],
)
def test_a_broken_lock_file_is_one_clear_line(tmp_path: Path, text: str) -> None:
    """It is never replaced by a new one, which would move identities between stacks."""
    path = tmp_path / "feedback.lock.json"
    path.write_text(text)
    with pytest.raises(LockError, match=r"feedback\.lock\.json: not a lock file of cells .*version control") as error:
        read_lock(path)
    assert "\n" not in str(error.value)


def test_a_lock_file_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    """A directory in its place, bytes that are no text, a folder that does not exist: one line each."""
    path = tmp_path / "feedback.lock.json"
    path.mkdir()
    with pytest.raises(LockError, match="cannot be read"):
        read_lock(path)
    other = tmp_path / "other.lock.json"
    other.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LockError, match="cannot be read"):
        read_lock(other)
    with pytest.raises(LockError, match="cannot be written"):
        write_lock(tmp_path / "nowhere" / "feedback.lock.json", new_lock(), before=None)
