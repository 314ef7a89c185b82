"""The quarantine as an operator sees it in S3: whole pages, exact deletions, nothing lost on the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from ses_feedback.adapters import quarantine_pieces
from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.adapters.quarantine_pieces import QuarantinePieces
from ses_feedback.domain.errors import RetryableError
from ses_feedback.domain.events import Fault
from ses_feedback.usecases import quarantine as work
from ses_feedback.usecases.ports import Kept, Piece
from tests.unit.adapters.conftest import BUCKET
from tests.unit.law.builders import T0

TOPIC = "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_12345678"


@pytest.fixture
def s3(aws: Callable[..., Any]) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def pieces(s3: Any) -> QuarantinePieces:
    return QuarantinePieces(s3, BUCKET)


def keep(s3: Any, *texts: str) -> None:
    """Put texts into quarantine as the functions do."""
    for text in texts:
        assert QuarantineBucket(lambda: s3, BUCKET).keep(Fault(text, "not JSON", TOPIC), T0)


def keys(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def all_of(pieces: QuarantinePieces) -> list[Kept]:
    return [kept for page in pieces.pages() for kept in page]


def test_what_functions_keep_is_what_an_operator_reads(s3: Any, pieces: QuarantinePieces) -> None:
    """Text, reason, topic and time come back as they were kept, broken letters too."""
    keep(s3, "\ud800 é\x1b", "two")
    (first, second) = pieces.read(work.everything(pieces))
    assert {first.raw, second.raw} == {"\ud800 é\x1b", "two"}
    assert (first.why, first.topic, first.at) == ("not JSON", TOPIC, T0)
    assert first.kept.size == len(first.stored)
    assert not first.kept.retrying


def test_the_way_out_of_quarantine(s3: Any, pieces: QuarantinePieces) -> None:
    """Held under another name, withdrawn, let go: at each step the piece is somewhere, whole."""
    keep(s3, "one")
    (piece,) = pieces.read(all_of(pieces))
    name = piece.kept.id + ".json"
    (held,) = pieces.hold([piece])
    assert keys(s3) == [f"quarantine/{name}", f"retrying/{name}"]
    pieces.withdraw([piece])
    assert keys(s3) == [f"retrying/{name}"]
    (resumed,) = pieces.read(all_of(pieces))
    assert (resumed.raw, resumed.kept.retrying, resumed.version) == ("one", True, held.version)
    assert pieces.hold([resumed]) == [resumed]
    pieces.let_go([held])
    assert keys(s3) == []


def test_a_later_object_of_the_same_text_is_spared(s3: Any, pieces: QuarantinePieces) -> None:
    """It failed again meanwhile: only what was read is deleted; one that is gone is no error."""
    keep(s3, "one")
    (piece,) = pieces.read(all_of(pieces))
    pieces.hold([piece])
    name = f"quarantine/{piece.kept.id}.json"
    s3.put_object(Bucket=BUCKET, Key=name, Body=piece.stored.replace(b"2027", b"2028"))
    pieces.withdraw([piece])
    assert name in keys(s3)
    s3.delete_object(Bucket=BUCKET, Key=name)
    pieces.withdraw([piece])
    assert pieces.read([piece.kept]) == []


def test_every_page_is_read_and_foreign_names_are_not_ours(s3: Any, pieces: QuarantinePieces) -> None:
    """2,005 pieces in pages of a thousand; a file somebody put there is left out."""
    stored = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]  # past the client: two thousand requests would take ten seconds
    for number in range(2_005):
        stored.put_object(BUCKET, f"quarantine/{number:064x}.json", b"{}")
    s3.put_object(Bucket=BUCKET, Key="quarantine/notes.txt", Body=b"by hand")
    s3.put_object(Bucket=BUCKET, Key=f"retrying/{7:064x}.json", Body=b"{}")
    pages = list(pieces.pages())
    assert [len(page) for page in pages] == [1_000, 1_000, 5, 1]
    assert {kept.id for page in pages for kept in page} == {f"{number:064x}" for number in range(2_005)}


def test_an_id_is_found_in_both_places_by_its_beginning(s3: Any, pieces: QuarantinePieces) -> None:
    keep(s3, "one", "two")
    one = work.everything(pieces)[0]
    assert pieces.find(one.id[:8]) == [one]
    pieces.hold(pieces.read([one]))
    assert [kept.retrying for kept in pieces.find(one.id[:8])] == [False, True]
    assert work.one(pieces, one.id[:8]) == one


@pytest.mark.parametrize(
    "body",
    [
        b"\x89PNG",
        b"[]",
        b"{}",
        b"7",
        b"[" * 100_000,
        json.dumps({"quarantined_at": "yesterday", "why": "x", "topic": None, "raw": "x"}).encode(),
        json.dumps({"quarantined_at": "2026-11-24T05:00:00Z", "why": "x", "topic": 7, "raw": "x"}).encode(),
    ],
)
def test_an_object_that_is_none_of_ours_is_told_and_not_guessed(s3: Any, pieces: QuarantinePieces, body: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"quarantine/{'a' * 64}.json", Body=body)
    (piece,) = pieces.read(all_of(pieces))
    assert (piece.raw, piece.why, piece.stored) == (None, "this object was not written by ses-feedback", body)


def test_many_are_read_and_held_at_once_in_order(s3: Any, pieces: QuarantinePieces) -> None:
    keep(s3, *(f"text {n}" for n in range(40)))
    wanted = work.everything(pieces)
    found = pieces.read(wanted)
    assert [piece.kept for piece in found] == wanted
    held = pieces.hold(found)
    pieces.withdraw(found)
    assert [piece.kept.id for piece in held] == [kept.id for kept in wanted]
    assert len(keys(s3)) == 40
    pieces.let_go(held)
    assert keys(s3) == []


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (lambda pieces, piece: list(pieces.pages()), "listing the quarantine"),
        (lambda pieces, piece: pieces.find("aaaa"), "listing the quarantine"),
        (lambda pieces, piece: pieces.read([piece.kept]), "reading the quarantine"),
        (lambda pieces, piece: pieces.hold([piece]), "holding a piece of the quarantine for its retry"),
        (lambda pieces, piece: pieces.withdraw([piece]), "taking a piece out of the quarantine"),
    ],
)
def test_a_bucket_that_is_not_there_is_an_error_with_its_cause(
    s3: Any, action: Callable[[QuarantinePieces, Piece], object], said: str
) -> None:
    """Whatever is asked; the cause tells the command what to say."""
    piece = Piece(Kept("a" * 64, 0, 1, False), 0, "x", None, "x", b"{}", '"v"')
    with pytest.raises(RetryableError, match=rf"{said}: NoSuchBucket") as caught:
        action(QuarantinePieces(s3, "no-such-bucket"), piece)
    assert isinstance(caught.value.__cause__, ClientError)


def test_the_names_are_those_of_the_functions() -> None:
    """What the functions write is what is listed, and the lifecycle of the bucket covers both places: it names none."""
    assert quarantine_pieces.PREFIX == "quarantine/"
    assert quarantine_pieces.RETRYING == "retrying/"
