"""How far an import came, in a small file beside the list, so that the next run goes on from there."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from ses_feedback.usecases.lists.importing import Taken

_VERSION: Final = 1


class Mark(NamedTuple):
    """Where an import stands: when it first began (ms), and what became of the rows until here."""

    began: int
    taken: Taken


class Progress:
    """Keeps the mark of one import. ``what`` tells it from others: a list that changed, or other options, begin anew.

    Nothing in the file names an address.
    """

    def __init__(self, path: Path, what: Sequence[str]) -> None:
        self.path = path.with_name(path.name + ".import-progress")
        found = path.stat()
        self._what = [*what, str(found.st_size), str(found.st_mtime_ns)]

    def read(self) -> Mark | None:
        """Return where a former run of the same import ended; ``None`` where there is none."""
        try:
            kept: Any = json.loads(self.path.read_text(encoding="utf-8"))
            if kept["version"] != _VERSION or kept["what"] != self._what:
                return None
            return Mark(int(kept["began"]), Taken.from_dict(kept["taken"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, mark: Mark) -> bool:
        """Write the mark, all of it or nothing; return whether it could be written."""
        text = json.dumps({"version": _VERSION, "what": self._what, "began": mark.began, "taken": mark.taken.as_dict()})
        draft = self.path.with_name(self.path.name + ".new")
        try:
            draft.write_text(text, encoding="utf-8")
            os.replace(draft, self.path)  # noqa: PTH105 - atomic on every platform, which Path.rename is not
        except OSError:
            return False
        return True

    def forget(self) -> None:
        """Remove the mark: the import is done."""
        self.path.unlink(missing_ok=True)
