from __future__ import annotations

import gzip
import json
from io import BytesIO
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ses_feedback.adapters import archive_texts
from ses_feedback.adapters.archive_places import COLD, DENIED, GONE, Bucket, Folder
from ses_feedback.adapters.archive_texts import (
    DAMAGED,
    FOREIGN,
    LONG,
    TRUNCATED,
    ObjectTexts,
    ReplayArchive,
    open_all,
)
from ses_feedback.domain.streams import cut
from ses_feedback.domain.times import parse_time
from ses_feedback.usecases.replay import Object
from ses_feedback.usecases.replay_reading import ALWAYS, Window
from tests.unit.replay.archives import put


def texts(content: bytes) -> tuple[list[str], dict[str, int]]:
    """Return the texts of an object, and what was passed over in it."""
    opened = ObjectTexts(Object("x", len(content)), BytesIO(content))
    return list(opened), dict(opened.skipped)


def values(content: bytes) -> tuple[list[object], dict[str, int]]:
    """Return the JSON values of an object."""
    found, skipped = texts(content)
    return [piece.value for text in found for piece in cut(text) if piece.trouble is None], skipped


RECORDS = [{"n": n, "text": '}{ } {"a"', "list": [{"x": 1}, {"y": '}\n{"'}], "filler": "é" * 300} for n in range(9_000)]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("between", "indent"),
    [("\n", None), ("", None), ("\r\n", None), (" ", None), ("\n", 2), ("\n\n", 2), ("\x1e", None)],
)
def test_every_way_to_write_records_gives_the_same_records(between: str, indent: int | None, zipped: bool) -> None:
    """Lines, back to back, pretty-printed: cut into texts of about a megabyte, never within a record."""
    content = between.join(json.dumps(r, indent=indent, ensure_ascii=False) for r in RECORDS).encode()
    found, skipped = values(gzip.compress(content) if zipped else content)
    assert found == RECORDS
    assert not skipped
    parts, _ = texts(content)
    assert all(len(part) < 3 << 20 for part in parts)
    assert len(parts) > 1


def test_a_pretty_printed_list_is_not_cut_within() -> None:
    found, _ = values(json.dumps(RECORDS, indent=1).encode())
    assert found == [RECORDS]


def test_gzip_in_several_members_and_with_padding_is_read_whole() -> None:
    content = gzip.compress(b'{"n": 1}\n') + gzip.compress(b'{"n": 2}\n') + b"\0" * 100
    assert values(content) == ([{"n": 1}, {"n": 2}], {})


def test_a_truncated_gzip_is_read_up_to_there() -> None:
    """At every length: what is there counts, and that it breaks off is said once."""
    lines = [json.dumps({"n": n, "noise": hex(hash((n, "x")) & 0xFFFFFFFFFFFF)}) for n in range(2_000)]
    content = gzip.compress("\n".join(lines).encode())
    for end in (len(content) - 1, len(content) - 9, len(content) // 2, 200, 12):
        found, skipped = values(content[:end])
        assert found == [json.loads(text) for text in lines[: len(found)]]
        assert skipped == {TRUNCATED: 1}
    assert len(values(content[:-9])[0]) >= 1_999


def test_a_damaged_gzip_is_read_up_to_there() -> None:
    content = gzip.compress(b'{"n": 1}\n' * 9) + b"garbage"
    found, skipped = values(content)
    assert len(found) == 9
    assert skipped == {DAMAGED: 1}


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0" * 40,
        b"From: a@example.com\nSubject: hello\n\nbody\n",
        gzip.compress(b"ustar\0\0\0" * 99, mtime=0),
        b"PAR1" + b"\0\1" * 400,
        "Grüße".encode("latin-1"),
        b"name,size\n1,2\n",
    ],
)
def test_an_object_that_is_none_of_ours_is_one_thing_passed_over(content: bytes) -> None:
    assert texts(content) == ([], {FOREIGN: 1})


def test_an_empty_object_is_nothing() -> None:
    for content in (b"", b"\n\n", gzip.compress(b"")):
        assert texts(content) == ([], {})


def test_a_line_of_a_megabyte_costs_only_itself() -> None:
    """Junk of a megabyte and more among good lines, which are all read; so is a good line that is as long."""
    junk, long = "x" * 1_500_000, json.dumps({"n": 3, "long": "y" * 1_500_000})
    found, _ = values("\n".join(['{"n": 1}', junk, '{"n": 2}', long, '{"n": 4}']).encode())
    assert [value["n"] for value in found] == [1, 2, 3, 4]  # type: ignore[index]


def test_what_never_ends_is_dropped_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the longest piece, everything up to the next record is one thing passed over."""
    monkeypatch.setattr(archive_texts, "LONGEST", 3 << 20)
    endless = '{"n": 0, "long": "' + "z" * (9 << 20)
    found, skipped = values(('{"n": 1}\n' + endless + '}\n{"n": 2}\n' + '{"n": 3}\n' * 300_000).encode())
    assert [value["n"] for value in found[:2]] == [1, 2]  # type: ignore[index]
    assert len(found) == 300_002
    assert skipped == {LONG: 1}


def test_utf_16_and_a_broken_byte_are_read() -> None:
    """What PowerShell's redirection writes; and a subject in no encoding at all, which nobody reads."""
    assert values('{"n": 1}\r\n{"n": 2}'.encode("utf-16")) == ([{"n": 1}, {"n": 2}], {})
    assert values(b'{"s": "\xff"}\n{"n": 2}')[0][1] == {"n": 2}


def test_objects_come_in_order_and_a_missing_one_is_passed_over(tmp_path: Path) -> None:
    """However many are fetched ahead; what is gone by now is gone for good, and no reason to come back."""
    for number in range(40):
        put(tmp_path, f"{number:02}.json", json.dumps({"n": number}))
    (tmp_path / "07.json").unlink()
    opened = list(open_all(Folder(tmp_path), [Object(f"{number:02}.json", 9) for number in range(40)]))
    found = [json.loads(text)["n"] for texts_ in opened for text in texts_]
    assert found == [number for number in range(40) if number != 7]
    assert opened[7].skipped == {GONE: 1}
    assert opened[7].unread is None


class Refusing:
    """An S3 client that refuses."""

    def __init__(self, code: str) -> None:
        self.code = code

    def get_object(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": self.code}}, "GetObject")


@pytest.mark.parametrize(("code", "reason"), [("AccessDenied", DENIED), ("InvalidObjectState", COLD)])
def test_what_may_be_read_another_time_is_told_apart(code: str, reason: str) -> None:
    (opened,) = open_all(Bucket(Refusing(code), "b"), [Object("k", 1)])
    assert list(opened) == []
    assert opened.unread == reason


def test_objects_by_hour_are_chosen_by_their_names(tmp_path: Path) -> None:
    """From an hour before the window to the 23 days for which SNS goes on trying; names without an hour always."""
    for hour in ("2026/10/31/22", "2026/10/31/23", "2026/11/02/05", "2026/11/24/00", "2026/11/25/01"):
        put(tmp_path, f"feedback/{hour}/a.gz", "{}")
    put(tmp_path, "dump.json", "{}")
    archive = ReplayArchive(Folder(tmp_path))
    window = Window(parse_time("2026-11-01T00:00:00Z"), parse_time("2026-11-02T00:00:00Z"))
    assert sorted(o.name[9:22] for o in archive.objects(window)) == [
        "",
        "2026/10/31/23",
        "2026/11/02/05",
        "2026/11/24/00",
    ]
    assert len(list(archive.objects(ALWAYS))) == 6
