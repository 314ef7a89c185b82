"""``ses-feedback events --from``: the right events, each once, and the rest read where something is damaged."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from ses_feedback.config import load
from ses_feedback.config.runtime import from_runtime, to_runtime
from ses_feedback.domain.archive import line_of
from ses_feedback.domain.archive_columns import EVENT_NAMES
from ses_feedback.domain.times import DAY, HOUR, MINUTE

from .conftest import Run
from .lines import NOW, event, line, store


def recipients(records: list[dict[str, object]]) -> list[object]:
    return [record["recipient"] for record in records]


def test_an_event_comes_back_as_it_was_archived(cli: Run, archive: Path) -> None:
    """Every key of the archive's event, flags as flags and absent values as null."""
    bounce = event("gone@example.net", campaign="spring")
    store(archive, [line(bounce)])
    done = cli("events", "--from", str(archive), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.records == [bounce]


def test_what_the_archives_function_writes_is_what_is_read(cli: Run, archive: Path, tmp_path: Path) -> None:
    """A notification of SES in SNS's envelope becomes a line, and the line the event that it told of."""
    cli("events", "--from", str(archive))
    rules = from_runtime(to_runtime(load(tmp_path / "feedback.toml")))
    bounce = {
        "notificationType": "Bounce",
        "mail": {
            "timestamp": "2026-11-24T03:59:00.000Z",
            "messageId": "message-1",
            "source": "shop@example.com",
            "destination": ["gone@example.net"],
            "headers": [{"name": "X-SES-MESSAGE-TAGS", "value": "campaign=spring"}],
        },
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "timestamp": "2026-11-24T04:00:00.000Z",
            "bouncedRecipients": [
                {
                    "emailAddress": "Gone@Example.net",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
            ],
        },
    }
    envelope = {
        "Type": "Notification",
        "MessageId": "first",
        "TopicArn": "arn:aws:sns:us-east-1:111122223333:ses-feedback_bounce_example-com_a379a6f6",
        "Timestamp": "2026-11-24T04:00:01.000Z",
        "Message": json.dumps(bounce),
    }
    texts = (json.dumps(envelope), json.dumps({**envelope, "Message": "Successfully validated SNS topic"}), "not JSON")
    lines = [line_of(text, directory=rules.directory, deployment=rules.deployment, now=NOW) for text in texts]
    store(archive, lines)
    done = cli("events", "--from", str(archive), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.records == json.loads(lines[0])["events"]
    assert (done.records[0]["recipient"], done.records[0]["campaign"]) == ("gone@example.net", "spring")
    assert list(done.records[0]) == list(EVENT_NAMES)


def test_the_newest_come_first_and_more_are_told_of(cli: Run, archive: Path) -> None:
    """In order of their own time, whichever object they lie in; the limit says that it was one."""
    store(archive, [line(event(f"a{n}@example.net", at=NOW - n * MINUTE)) for n in (3, 1)])
    store(archive, [line(event("a2@example.net", at=NOW - 2 * MINUTE))], at=NOW, name="other.gz")
    done = cli("events", "--from", str(archive), "--json", "--limit", "2")
    assert recipients(done.records) == ["a1@example.net", "a2@example.net"]
    assert done.err == "there are more: --limit 20 shows up to 20\n"


def test_a_duplicate_is_one_event(cli: Run, archive: Path) -> None:
    """The same event in another line, another hour and through another topic counts once; another class does not."""
    bounce = event("gone@example.net")
    store(archive, [line(bounce), line(bounce, sns_id="second", topic="other")])
    store(archive, [line(bounce, sent_at=NOW)], at=NOW)
    store(archive, [line({**bounce, "class": "soft_bounce"})], name="soft.gz")
    done = cli("events", "--from", str(archive), "--json")
    assert sorted(str(record["class"]) for record in done.records) == ["hard_bounce", "soft_bounce"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--recipient", "JANE@Example.net"), ["jane@example.net"]),
        (("--recipient", "o'hara@example.net"), ["o'hara@example.net"]),
        (("--identity", "News@example.com"), ["news@example.net"]),
        (("--environment", "staging"), ["staging@example.net"]),
        (("--stream", "marketing"), ["stream@example.net"]),
        (("--class", "blocked"), ["blocked@example.net"]),
        (("--kind", "complaint"), ["cross@example.net"]),
        (("--receiver", "GMAIL.com"), ["someone@gmail.com"]),
        (("--campaign", "spring"), ["spring@example.net"]),
        (("--class", "blocked", "--receiver", "gmail.com"), []),
        (("--recipient", "never@example.net"), []),
    ],
)
def test_each_option_narrows(cli: Run, archive: Path, options: tuple[str, ...], found: list[str]) -> None:
    """One event for each option, and each option finds its own; what never was is an empty answer."""
    events = [
        event("jane@example.net"),
        event("o'hara@example.net"),
        event("news@example.net", identity="news@example.com"),
        event("staging@example.net", environment="staging"),
        event("stream@example.net", stream="marketing"),
        event("blocked@example.net", class_="blocked"),
        event("cross@example.net", kind="complaint"),
        event("someone@gmail.com"),
        event("spring@example.net", campaign="spring"),
    ]
    store(archive, [line(*events)])
    done = cli("events", "--from", str(archive), "--json", *options)
    assert (done.code, done.err) == (0, "")
    assert recipients(done.records) == found


def test_canaries_are_left_out_unless_asked_for(cli: Run, archive: Path) -> None:
    """The loop's own test mails are nobody's feedback."""
    store(archive, [line(event("bounce@simulator.amazonses.com", canary=True))])
    assert cli("events", "--from", str(archive)).out == "No such feedback in the archive.\n"
    assert len(cli("events", "--from", str(archive), "--canaries", "--json").records) == 1


def test_since_and_until_are_of_the_events_own_time(cli: Run, archive: Path) -> None:
    """From the first moment on, before the second."""
    store(archive, [line(event(f"d{n}@example.net", at=NOW - n * DAY)) for n in (1, 2, 3)], at=NOW - DAY)
    done = cli("events", "--from", str(archive), "--json", "--since", "2d", "--until", "1d")
    assert recipients(done.records) == ["d2@example.net"]


def test_hours_that_cannot_matter_are_not_read(cli: Run, archive: Path) -> None:
    """Damage in an hour out of reach is not even noticed; files that tell no hour are always read."""
    store(archive, ["damage"], at=NOW - 8 * DAY, name="old.json")
    store(archive, [line(event("seen@example.net"))])
    (archive / "undated.json").write_text(json.dumps(line(event("undated@example.net", at=NOW - 2 * HOUR))))
    done = cli("events", "--from", str(archive), "--json")
    assert done.err == ""
    assert recipients(done.records) == ["seen@example.net", "undated@example.net"]
    assert "neither gzip nor JSON" in cli("events", "--from", str(archive), "--since", "30d").err


def test_a_part_of_an_archive_and_a_single_file_can_be_asked(cli: Run, archive: Path) -> None:
    """Any folder of it, or one object."""
    path = store(archive, [line(event("gone@example.net"))])
    for place in (path, path.parent, path.parents[2]):
        assert len(cli("events", "--from", str(place), "--json").records) == 1


def test_what_is_damaged_is_counted_and_the_rest_is_read(cli: Run, archive: Path) -> None:
    """A gzip that breaks off, a picture, foreign lines, lines of 1 and 17 MB: the good lines all count."""
    many = [line(event(f"a{n}@example.net"), message=os.urandom(300).hex()) for n in range(200)]
    broken = store(archive, many, name="broken.gz")
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    store(archive, ["not JSON", {"foreign": 1}, [1, 2], line(event("b@example.net")), {"v": 2}], name="mixed.gz")
    store(archive, [line(event("c@example.net"), message="x" * 1_000_000)], name="long.gz")
    store(archive, [line(message="x" * 17_000_000), line(event("d@example.net"))], name="longer.gz")
    store(archive, [line(events="no list"), line(skipped="setup")], name="odd.json")
    (broken.parent / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (broken.parent / "empty.gz").write_bytes(b"")
    (broken.parent / ".hidden").write_text("{}")
    (archive / "errors").mkdir()
    (archive / "errors" / "failed.gz").write_bytes(gzip.compress(b"what Firehose failed on"))
    done = cli("events", "--from", str(archive), "--json", "--limit", "1000")
    assert done.code == 0
    found = recipients(done.records)
    assert {"b@example.net", "c@example.net", "d@example.net"} <= set(found)
    assert 50 < len([address for address in found if str(address).startswith("a")]) < 150
    told = dict(reversed(text.removeprefix("passed over: ").split(" ", 1)) for text in done.err.splitlines())
    assert told.pop("gzip objects that break off or are damaged, read up to there") == "1"
    assert told.pop("objects that are neither gzip nor JSON lines") == "1"
    assert told.pop("lines of a newer version") == "1"
    # Not JSON, foreign, a list, and one whose events are no list.
    assert told.pop("lines that are not the archive's") == "4"
    assert not told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "no-such-folder"), "no folder or file"),
        (("--from", "https://example.com/x"), "s3://BUCKET"),
        (("--from", "s3://Not_A_Bucket"), "names no bucket"),
        (("--since", "yesterday"), "--since"),
        (("--until", "tomorrow"), "--until"),
        (("--since", "1d", "--until", "2d"), "not after --since"),
        (("--limit", "0"), "--limit"),
        (("--class", "bounced"), "hard_bounce"),
        (("--kind", "bounces"), "bounce, complaint"),
        (("--recipient", "nobody"), "not an e-mail address"),
    ],
)
def test_a_mistake_is_one_line(cli: Run, options: tuple[str, ...], said: str) -> None:
    """It names the option and what would be right; nothing is read."""
    done = cli("events", *options)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert said in done.err


def test_people_see_a_table(cli: Run, archive: Path) -> None:
    """When, what, whom, and what the receiver said."""
    store(archive, [line(event("gone@example.net"))])
    out = cli("events", "--from", str(archive)).out
    assert "2026-11-24T04:00:00.000Z" in out
    assert "5.1.1 · smtp; 550 5.1.1 user unknown" in out
