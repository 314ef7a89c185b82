"""Which identity lives in which cell, so that adding or removing one never moves another.

A CloudFormation stack holds at most 500 resources, so identities are dealt out to cells. Moving one to another cell
would mean to make its topics in one stack while they still exist in the other, which CloudFormation refuses; hence the
cells are written down in a lock file beside the configuration, to be committed with it. The file also holds the owner
of the deployment, made once: its claim on the suppression table, which a second deployment of the same name lacks.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.errors import CellOverflow, LockError

FILL_TO: Final = (
    300  # resources up to which a cell takes another identity: the rest is room for the ones it has to grow
)
MOST: Final = 480  # resources a cell may grow to; CloudFormation's own limit is 500
_OWNER: Final = re.compile(r"[0-9a-f]{16,64}")


@dataclass(frozen=True, slots=True)
class Lock:
    """Owner of the deployment, the cell (from 1) of each identity, and how many cells there have ever been.

    ``highest`` outlives the identities of its cell: the cell is synthesised empty then, and ``cdk deploy`` deletes it.
    ``environments`` are those that each cell has ever had an alarm for, sorted; they outlive their identities too,
    since another stack may name that alarm.
    """

    owner: str
    cells: Mapping[str, int] = field(default_factory=dict)
    highest: int = 0
    environments: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def members(self) -> dict[int, list[str]]:
        """Return the identities of every cell from 1 to ``highest``, sorted; a cell may have none."""
        members: dict[int, list[str]] = {number: [] for number in range(1, self.highest + 1)}
        for identity in sorted(self.cells):
            members[self.cells[identity]].append(identity)
        return members


def lock_path(config: Path) -> Path:
    """Return where the lock file of a configuration file is: ``feedback.lock.json`` beside ``feedback.toml``."""
    return config.with_name(f"{config.stem}.lock.json")


def new_lock() -> Lock:
    """Return the lock of a deployment that has no cells yet, with an owner nobody else has."""
    return Lock(secrets.token_hex(16))


def read_lock(path: Path) -> Lock | None:
    """Return the lock in a file, or ``None`` where there is no file. Raises ``LockError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path}: cannot be read ({_reason(error)}); restore it from version control") from None
    try:
        return _parse(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise LockError(
            f"{path}: not a lock file of cells ({error}); restore it from version control, "
            "for a new one would move identities between stacks"
        ) from None


def _parse(data: object) -> Lock:
    if not isinstance(data, dict):
        raise ValueError("expected an object with owner and cells")  # noqa: TRY004 - a fault of the file
    owner, cells = data.get("owner"), data.get("cells")
    if not isinstance(owner, str) or not _OWNER.fullmatch(owner):
        raise ValueError("owner must be 16 to 64 hexadecimal digits")
    if not isinstance(cells, dict):
        raise ValueError("cells must be an object of identities and numbers")  # noqa: TRY004 - a fault of the file
    for identity, number in cells.items():
        if type(number) is not int or number < 1:
            raise ValueError(f"the cell of {identity} must be a number from 1 on")
    least = max(cells.values(), default=0)
    highest = data.get("highest", least)
    if type(highest) is not int or highest < least:
        raise ValueError(f"highest must be a number from {least} on")
    return Lock(owner, dict(cells), highest, _parse_environments(data.get("environments", {}), highest))


def _parse_environments(data: object, highest: int) -> dict[int, tuple[str, ...]]:
    """Return the environments of each cell; older files have none."""
    if not isinstance(data, dict):
        raise ValueError("environments must be an object of cells and lists")  # noqa: TRY004 - a fault of the file
    found: dict[int, tuple[str, ...]] = {}
    for number, names in data.items():
        if not (re.fullmatch(r"[1-9]\d{0,5}", number, re.ASCII) and int(number) <= highest):
            raise ValueError(f"environments of cell {number}: there is no such cell")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"the environments of cell {number} must be a list of names")
        found[int(number)] = tuple(sorted(set(names)))
    return found


def allocate(lock: Lock, weights: Mapping[str, int], environments: Mapping[str, str] | None = None) -> Lock:
    """Return the lock with every identity of ``weights`` (its resources) in a cell, and no other.

    An identity stays where it is; a new one goes to the first cell with room up to ``FILL_TO``, in the order of names.
    ``environments`` are those of identities with alarms of their own: in each cell, each is one resource more.
    Raises ``CellOverflow`` where a cell would exceed ``MOST``, naming the identity that weighs most in it.
    """
    environments = environments or {}
    cells = {identity: lock.cells[identity] for identity in sorted(weights) if identity in lock.cells}
    loads: dict[int, int] = {}
    known = {number: set(names) for number, names in lock.environments.items()}

    def settle(identity: str, number: int) -> None:
        cells[identity] = number
        loads[number] = loads.get(number, 0) + weights[identity]
        if identity in environments:
            known.setdefault(number, set()).add(environments[identity])

    def would_hold(identity: str, number: int) -> int:
        new = {environments[identity]} if identity in environments else set()
        return loads[number] + weights[identity] + len(known.get(number, set()) | new)

    for identity, number in cells.items():
        settle(identity, number)
    highest = lock.highest
    for identity in sorted(weights.keys() - cells.keys()):
        number = 1
        while loads.get(number, 0) and would_hold(identity, number) > FILL_TO:
            number += 1
        settle(identity, number)
        highest = max(highest, number)
    for number in sorted(loads):
        load = loads[number] + len(known.get(number, ()))
        if load > MOST:
            heaviest = max((i for i in cells if cells[i] == number), key=lambda i: (weights[i], i))
            raise CellOverflow(
                f'identities."{heaviest}": its cell {number} would hold {load} resources, {weights[heaviest]} of them '
                f"for this identity, and a cell takes {MOST}; give its team fewer destinations, such as one queue or "
                "function that passes them on, or its configuration set fewer events"
            )
    ever = {number: tuple(sorted(known[number])) for number in sorted(known)}
    return Lock(lock.owner, dict(sorted(cells.items())), highest, ever)


def write_lock(path: Path, lock: Lock, *, before: Lock | None) -> bool:
    """Write a lock where it differs from what was read ``before``; return whether it was written.

    The file is replaced as a whole, so a crash leaves the old one. A file that another synth made meanwhile is never
    overwritten by a first one. Raises ``LockError``.
    """
    if lock == before:
        return False
    content: dict[str, object] = {"owner": lock.owner, "highest": lock.highest, "cells": dict(lock.cells)}
    if lock.environments:
        content["environments"] = {str(number): list(names) for number, names in lock.environments.items()}
    text = json.dumps(content, indent=2) + "\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            temporary.chmod(0o644)  # mkstemp makes it private, but a lock file is for everybody who deploys
            if before is not None or not _link(temporary, path):
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise LockError(f"{path}: another synth has just made this file; run again to use its cells") from None
    except OSError as error:
        raise LockError(
            f"{path}: cannot be written ({_reason(error)}); the cells of identities are remembered there"
        ) from None
    return True


def _link(temporary: Path, path: Path) -> bool:
    """Give a new file its name unless somebody else has it (``FileExistsError``); false where there are no links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
