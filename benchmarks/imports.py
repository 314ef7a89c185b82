"""Import before DynamoDB: a provider's list in a file, read, checked and made into items of new addresses, against a
table that takes everything at once. CPU time of this process, per row: ``python -m benchmarks.imports``.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.figure import Figure
from ses_feedback.adapters.list_files import open_list
from ses_feedback.adapters.list_table import ListTable
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.usecases.lists.importing import Plan, Taken, take
from ses_feedback.usecases.rate import Rate

# Ten times the rate at which rows are written unless told otherwise: a tenth of a CPU suffices.
TARGET: Final = 10_000
ROWS: Final = 20_000
_REPEATS: Final = 3
_NOW: Final = 1_800_000_000_000
_NO_LIMIT: Final = 10_000_000


class _Client:
    """A table that knows nobody and takes everything at once."""

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        return {}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        return {"Responses": {}, "ResponseMetadata": {"HTTPHeaders": {}}}

    def update_item(self, **_: Any) -> dict[str, Any]:
        return {}


def rows(size: int = ROWS) -> Iterator[str]:
    """Yield the lines of a list as SendGrid exports it."""
    yield "status,reason,email,created"
    for number in range(size):
        address, created = f"Someone.{number}@example{number % 997}.net", 1_714_979_289 + number
        yield f'5.1.1,"550 5.1.1 no such user, {number}",{address},{created}'


def run(path: Path) -> tuple[int, float]:
    """Import a list once; return its rows, and CPU seconds."""
    store = ListTable(_Client(), "suppressions", Keys("a secret for benchmarks"), DEFAULT_POLICY)
    taken = Taken()
    start = time.process_time()
    with open_list(path) as found:
        plan = Plan("production", "*", ("default",), found.format, "a list", _NOW)
        take(
            found.lines,
            plan,
            store=store,
            policy=DEFAULT_POLICY,
            rate=Rate(_NO_LIMIT, threading.Event()),
            into=taken,
            done=lambda: None,
            advance=lambda number: None,
        )
    spent = time.process_time() - start
    assert taken.taken == taken.rows, taken
    return taken.rows, spent


def measure() -> list[Figure]:
    """Import a list some times; return rows per CPU-second in units of the target."""
    with tempfile.TemporaryDirectory(prefix="ses-feedback-bench-") as folder:
        path = Path(folder) / "suppression_bounces.csv"
        path.write_text("\n".join(rows()) + "\n", encoding="utf-8")
        rates = [number / spent for number, spent in (run(path) for _ in range(_REPEATS))]
    rate = statistics.median(rates)
    return [
        Figure(
            "import before DynamoDB, per CPU-second",
            f"{rate:,.0f} rows",
            f"{TARGET:,} rows",
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
    main()
