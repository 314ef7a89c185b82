"""The Firehose stream that everything archived passes: who puts records into it besides SNS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.errors import RetryableError
from ses_feedback.usecases.ports import Letter

# `PutRecordBatch` (Data Firehose API): the most of a call, in records and bytes, and of a record.
_RECORDS: Final = 500
_BYTES: Final = 4 * 1024 * 1024
LARGEST: Final = 1_000 * 1024


class ArchiveStream:
    """Implements ``LetterTarget`` over a low-level Firehose client.

    Needs ``firehose:PutRecordBatch``, and ``firehose:DescribeDeliveryStream`` for ``depth``.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def depth(self) -> int:
        """Return 0, as Firehose does not say how much is in it. Raises ``RetryableError`` where there is none."""
        with aws_errors(f"looking at the stream {self.name}"):
            self._client.describe_delivery_stream(DeliveryStreamName=self.name)
        return 0

    def put(self, lines: Sequence[str]) -> None:
        """Put records. Raises ``RetryableError`` where some were not taken: all may be put again."""
        letters = [Letter(str(number), line, {}) for number, line in enumerate(lines)]
        refused = self.send(letters)
        if refused:
            why = ", ".join(f"{number} {reason}" for reason, number in Counter(refused.values()).most_common())
            raise RetryableError(f"writing to the stream {self.name}: {why}")

    def send(self, letters: Sequence[Letter]) -> Mapping[str, str]:
        """See ``LetterTarget``."""
        refused: dict[str, str] = {}
        fitting: list[tuple[str, bytes]] = []
        for letter in letters:
            data = letter.body.encode("utf-8", "surrogateescape")
            if not data:
                refused[letter.id] = "a record that cannot be read"
            elif len(data) > LARGEST:
                refused[letter.id] = f"larger than the {LARGEST} bytes that Firehose takes"
            else:
                fitting.append((letter.id, data))
        for batch in _batches(fitting):
            with aws_errors(f"writing to the stream {self.name}"):
                answer = self._client.put_record_batch(
                    DeliveryStreamName=self.name, Records=[{"Data": data} for _, data in batch]
                )
            for (id_, _), result in zip(batch, answer["RequestResponses"], strict=True):
                if result.get("ErrorCode"):
                    refused[id_] = f"{self.name} takes no record ({result['ErrorCode']})"
        return refused


def _batches(records: Sequence[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    size = 0
    for record in records:
        if batch and (len(batch) == _RECORDS or size + len(record[1]) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record[1])
    if batch:
        yield batch
