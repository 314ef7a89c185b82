"""Replay before DynamoDB: an archive in a folder, read, noted by address and settled against a table that answers at
once. CPU time of this process, per event of a recipient: ``python -m benchmarks.replay``.
"""

from __future__ import annotations

import gzip
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import corpus
from benchmarks.figure import Figure
from ses_feedback.adapters.archive_places import Folder
from ses_feedback.adapters.archive_texts import ReplayArchive
from ses_feedback.adapters.replay_notebook import ReplayNotebook
from ses_feedback.config.runtime import RuntimeConfig
from ses_feedback.domain.archive import line_of
from ses_feedback.domain.history import History
from ses_feedback.domain.identities import Directory, Place
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.usecases.ports import Stored
from ses_feedback.usecases.rate import Rate
from ses_feedback.usecases.replay import Replayed, Settling, collect
from ses_feedback.usecases.replay_reading import ALWAYS, Reader

TARGET: Final = 5_000
MESSAGES: Final = 20_000
_OBJECTS: Final = 20
_REPEATS: Final = 3
_KEYS: Final = Keys("a secret for benchmarks")


class _Nothing:
    """A table that knows nobody and takes everything at once."""

    def put_new(self, environment: str, address: str, history: History) -> Stored | None:
        return None

    def replace(self, stored: Stored, history: History) -> Stored | None:
        return None

    def get_many(self, wanted: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Stored]:
        return {}


def _rules() -> RuntimeConfig:
    places = tuple(Place(identity, *where) for identity, where in corpus.IDENTITIES.items())
    return RuntimeConfig(
        "ses-feedback", "us-east-1", ("us-east-1",), "identity", places, Directory(places, {}), DEFAULT_POLICY
    )


def archive(folder: Path, lines: Sequence[str]) -> None:
    """Write an archive as Firehose does: gzip, a line for each."""
    for number in range(_OBJECTS):
        path = folder / "feedback" / "2026" / "01" / "28" / f"{number:02}" / "a.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress("\n".join(lines[number::_OBJECTS]).encode()))


def lines(size: int = MESSAGES) -> list[str]:
    """Return the lines of the corpus, as the archive has them."""
    rules = _rules()
    return [
        line_of(text, directory=rules.directory, deployment=rules.deployment, now=corpus.NOW)
        for text in corpus.envelopes(size)
    ]


def run(folder: Path) -> tuple[int, float]:
    """Replay an archive once; return events, and CPU seconds."""
    rules, stop = _rules(), threading.Event()
    start = time.process_time()
    notebook = ReplayNotebook(None, "benchmark", rules.policy)
    source = ReplayArchive(Folder(folder))
    notebook.expect(source.objects(ALWAYS))
    reader = Reader(rules, {place.environment for place in rules.places}, _KEYS, ALWAYS, corpus.NOW)
    collect(source.open_all(notebook.unread()), reader, notebook, stop, lambda size: None, Counter())
    result = Replayed()
    rate = Rate(10_000_000, stop)
    Settling(_Nothing(), rules.policy, corpus.NOW, rate=rate, into=result).run(notebook, lambda number: None)
    counts, _ = notebook.counted()
    spent = time.process_time() - start
    notebook.close()
    assert result.addresses > MESSAGES // 2
    assert result.written
    return counts["events"], spent


def measure() -> list[Figure]:
    """Replay an archive some times; return events per CPU-second in units of the target."""
    with tempfile.TemporaryDirectory() as name:
        archive(Path(name), lines())
        rates = [events / spent for events, spent in (run(Path(name)) for _ in range(_REPEATS))]
    rate = statistics.median(rates)
    return [
        Figure(
            "replay before DynamoDB, per CPU-second",
            f"{rate:,.0f} events",
            f"{TARGET:,} events",
            rate / TARGET,
            1.0,
            at_least=True,
        )
    ]


def main() -> None:
    """Print the figure."""
    for figure in measure():
        print(f"{figure.name}: {figure.measured}; at least {figure.reference}")


if __name__ == "__main__":
    sys.exit(main())
