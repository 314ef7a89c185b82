"""Archives for tests: lines as the archive keeps them, objects as Firehose writes them, and what replays them."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from ses_feedback.adapters.archive_places import Folder
from ses_feedback.adapters.archive_texts import ReplayArchive
from ses_feedback.adapters.replay_notebook import ReplayNotebook
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain.archive import decision_line, line_of
from ses_feedback.domain.history import Ruling
from ses_feedback.usecases.ports import HistoryStore
from ses_feedback.usecases.rate import Rate
from ses_feedback.usecases.replay import Difference, Replayed, Settling, collect
from ses_feedback.usecases.replay_reading import ALWAYS, Reader, Window
from tests.unit.usecases.mail import KEYS, NOW, TOPIC, rules, text


def line(message: dict[str, Any] | str, *, topic: str = TOPIC) -> str:
    """Return the archive's line of a notification, as it was written when it came."""
    known = rules()
    return line_of(envelope(message, topic), directory=known.directory, deployment=known.deployment, now=NOW)


def decision(address: str, action: str, at: int, **more: Any) -> str:
    """Return the archive's line of an operator's decision; ``more`` are fields of it that are otherwise."""
    found = json.loads(
        decision_line("production", address, "*", action, Ruling(at, None, "operator", "asked by phone"))
    )
    found["decision"] |= more
    return json.dumps(found)


def envelope(message: dict[str, Any] | str, topic: str = TOPIC) -> str:
    """Return SNS's envelope of a notification."""
    return json.dumps({"Type": "Notification", "MessageId": "s1", "TopicArn": topic, "Message": text(message)})


def put(folder: Path, name: str, content: str | bytes, *, zipped: bool | None = None) -> Path:
    """Write an object of an archive; gzip where its name says so."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if (name.endswith(".gz") if zipped is None else zipped) else data)
    return path


class Run:
    """One replay of a folder into a store."""

    def __init__(
        self,
        folder: Path,
        store: HistoryStore,
        *,
        configuration: RuntimeConfig | None = None,
        window: Window = ALWAYS,
        now: int = NOW,
        dry_run: bool = False,
        notes: Path | None = None,
        stop: threading.Event | None = None,
        rate: int = 10_000,
    ) -> None:
        configuration = configuration or rules()
        self.notebook = ReplayNotebook(notes, "this one", configuration.policy)
        self.differences: list[Difference] = []
        self.result = Replayed()
        self.unread: Counter[str] = Counter()
        self.pauses: list[float] = []
        self.bytes = 0
        self._stop = stop or threading.Event()
        try:
            self._read(folder, configuration, window, now)
            if self.complete:
                pace = Rate(rate, self._stop)
                job = Settling(
                    *(store, configuration.policy, now),
                    rate=pace,
                    into=self.result,
                    dry_run=dry_run,
                    told=self.differences.append,
                    pause=self.pauses.append,
                )
                self.complete = job.run(self.notebook, lambda number: None)
        finally:
            self.notebook.close()

    def _read(self, folder: Path, configuration: RuntimeConfig, window: Window, now: int) -> None:
        archive = ReplayArchive(Folder(folder))
        self.notebook.expect(archive.objects(window))
        reader = Reader(configuration, {p.environment for p in configuration.places}, KEYS, window, now)
        opened = archive.open_all(self.notebook.unread())
        self.complete = collect(opened, reader, self.notebook, self._stop, self._advance, self.unread)
        self.counts, self.skipped = self.notebook.counted()

    def _advance(self, size: int) -> None:
        self.bytes += size
