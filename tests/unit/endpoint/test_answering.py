"""2xx only when the feedback is stored, 4xx for what never will be, 5xx to try again."""

from __future__ import annotations

import json
import logging

import pytest

from local.authority import TOPIC, confirmation
from ses_feedback.domain.times import format_time
from ses_feedback.endpoint.errors import NotNow, Refused
from ses_feedback.endpoint.posts import MAX_BODY
from tests.fakes import CRASH_BEFORE, THROTTLE, TIMEOUT, Crash
from tests.unit.usecases import mail

from .world import NOW, World, bounced

TOKEN = "2336412f37fb687f5d51e6e2425dacbbaf7d5a9a"


def test_a_post_played_again_changes_nothing(world: World) -> None:
    """Nor does the same message signed anew, in the other version: nothing is even written."""
    assert world.post(bounced()).status == 200
    before, writes = dict(world.store.items), world.store.writes
    for post in (bounced(), bounced(), bounced(version="2"), bounced(MessageId="0")):
        assert world.post(post).status == 200
    assert (world.store.items, world.store.writes) == (before, writes)


@pytest.mark.parametrize("trouble", [THROTTLE, TIMEOUT, RuntimeError("a bug with jane@example.net in it")])
def test_what_could_not_be_stored_comes_back(world: World, trouble: str | Exception) -> None:
    """503, and the second time it is stored, whether the first one took effect or not."""
    world.store.troubles = [trouble]
    answer = world.post(bounced())
    assert answer.status == 503
    assert "jane" not in answer.text
    assert world.post(bounced()).status == 200
    assert len(world.store.items) == 1


def test_a_crash_gives_no_answer(world: World) -> None:
    """What ends the process is not answered for: SNS tries again."""
    world.store.troubles = [CRASH_BEFORE]
    with pytest.raises(Crash):
        world.post(bounced())


def test_what_cannot_be_read_is_quarantined_and_then_acknowledged(world: World) -> None:
    """It is stored, whole; where even that fails, it comes back."""
    world.quarantine.troubles = [RuntimeError("no bucket")]
    assert world.post(bounced(message="hello")).status == 503
    assert world.post(bounced(message="hello")).status == 200
    assert list(world.quarantine.kept) == ["hello"]


def test_a_delivery_clears_strikes(world: World) -> None:
    """As it does in the deployment's own account."""
    soft = mail.text(mail.bounce(kind="Transient", sub="MailboxFull", status="4.2.2"))
    assert world.post(bounced(message=soft)).status == 200
    assert world.store.history("production", "jane@example.net").strikes
    later = mail.text(mail.delivery("m2", at=NOW + 1))
    assert world.post(bounced(message=later)).status == 200
    assert not world.store.history("production", "jane@example.net").strikes


def test_a_delivery_that_could_not_be_stored_comes_back(world: World) -> None:
    """Throttled while the address is looked up."""
    world.store.troubles = [THROTTLE]
    text = mail.text(mail.delivery())
    assert world.post(bounced(message=text)).status == 503
    assert world.post(bounced(message=text)).status == 200


def test_setup_messages_are_acknowledged(world: World) -> None:
    """Whatever SES says when a topic is connected."""
    text = "Successfully validated SNS topic for Amazon SES event publishing."
    assert world.post(bounced(message=text)).status == 200
    assert world.untouched


def test_a_subscription_is_confirmed_with_the_token_that_was_signed(world: World) -> None:
    """For an allowed topic only; the URL of the post is never called."""
    evil = "https://evil.example/?Action=ConfirmSubscription"
    assert world.post(confirmation(format_time(NOW), SubscribeURL=evil)).status == 200
    assert world.confirmed == [(TOPIC, TOKEN)]
    assert not [url for url in world.web.asked if "evil" in url]
    other = "arn:aws:sns:us-east-1:999988887777:mine"
    assert world.post(confirmation(format_time(NOW), topic=other)).status == 403
    assert len(world.confirmed) == 1


@pytest.mark.parametrize(("refusal", "status"), [(Refused("expired"), 403), (NotNow("busy"), 503), (OSError("x"), 500)])
def test_a_subscription_that_could_not_be_confirmed(world: World, refusal: Exception, status: int) -> None:
    """Refused for good, or to be tried again."""
    world.refusal = refusal
    assert world.post(confirmation(format_time(NOW))).status == status


def test_the_end_of_a_subscription_is_told_and_not_undone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever ended it may have meant it."""
    assert world.post(confirmation(format_time(NOW), kind="UnsubscribeConfirmation")).status == 200
    assert not world.confirmed
    assert f"unsubscribed: no more feedback comes from topic {TOPIC}" in caplog.text


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 405),
        ("PUT", {}, 405),
        ("POST", {"Content-Type": "application/json"}, 200),
        ("POST", {"Content-Type": "text/plain"}, 200),
        ("POST", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("POST", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ("POST", {"Content-Type": "text/plainx"}, 415),
        ("POST", {"Content-Type": ""}, 415),
        ("POST", {"Content-Encoding": "gzip"}, 415),
        ("POST", {"Content-Length": str(MAX_BODY + 1)}, 413),
        ("POST", {"Content-Length": "-1"}, 400),
        ("POST", {"Content-Length": "\u0661"}, 400),
    ],
)
def test_requests_that_sns_would_not_make(world: World, method: str, headers: dict[str, str], status: int) -> None:
    """Methods, content types and lengths."""
    body = json.dumps(bounced()).encode()
    answer = world.endpoint.answer(method, {"Content-Type": "text/plain; charset=UTF-8", **headers}, body)
    assert answer.status == status
    assert world.untouched is (status != 200)
    if status == 405:
        assert ("allow", "POST") in answer.all_headers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 400),
        (b"[]", 400),
        (b"\xff\xfe{}", 400),
        (b'{"Type":"Notification"', 400),
        (b"[" * 200_000, 400),
        (b'{"a":' * 100_000, 400),
        (b'{"Type":' + b"9" * 5_000 + b"}", 400),
        (b'{"Type":["Notification"]}', 400),
        (b'{"Type":"Notification","SignatureVersion":["1"]}', 400),
        (b"x" * (MAX_BODY + 1), 413),
    ],
)
def test_bodies_that_sns_would_not_write(world: World, body: bytes, status: int) -> None:
    """Refused without a crash, a request or a trace."""
    assert world.post(body).status == status
    assert world.untouched
    assert not world.web.asked


def test_a_message_as_large_as_sns_takes(world: World) -> None:
    """256 KiB, of the letters that JSON writes longest in practice."""
    notice = mail.bounce()
    notice["mail"]["headers"] = [{"name": "X", "value": '"' * 120_000}]
    text = mail.text(notice)
    assert 230_000 < len(text) <= 262_144
    assert world.post(bounced(message=text)).status == 200


def test_neither_answers_nor_log_lines_name_a_person(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever becomes of a post: its address and subject stay out."""
    caplog.set_level(logging.DEBUG)
    answers = [world.post(bounced()), world.post({**bounced(), "Message": "jane@example.net"})]
    world.store.troubles = [RuntimeError("jane@example.net")]
    answers.append(world.post(bounced(message=mail.text(mail.bounce("m9")))))
    answers.append(world.post(bounced(message="jane@example.net is not JSON", Subject="to jane@example.net")))
    assert [answer.status for answer in answers] == [200, 403, 503, 200]
    for text in [caplog.text, *(answer.text for answer in answers)]:
        assert "jane" not in text
        assert "confidential" not in text


def test_a_forged_topic_cannot_write_lines_into_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Its letters are printable, and few."""
    assert world.post(bounced(topic="arn:aws:sns:x\n2027-01-15 all is well")).status == 400
    assert world.post(bounced(topic="arn:" + "x" * 500)).status == 403
    assert all("\n" not in record.getMessage() and len(record.getMessage()) < 400 for record in caplog.records)
