"""Which posts are taken for SNS's own, and that nothing is requested for the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.authority import HOST, TOPIC, body, confirmation, pem, signed
from ses_feedback.domain.times import DAY, HOUR, MINUTE, format_time

from .world import AUTHORITY, CERTIFICATE_URL, NOW, World, bounced


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Amazon SES Email Event Notification"])
def test_a_genuine_post_is_taken_in_either_version(world: World, version: str, subject: str | None) -> None:
    """SHA1 and SHA256, with a subject and without; its address is suppressed when the answer is given."""
    answer = world.post(bounced(version=version, Subject=subject))
    assert (answer.status, answer.text) == (200, "stored")
    assert [stored.address for stored in world.store.items.values()] == ["jane@example.net"]


FIELDS = ("Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL")
OTHER: dict[str, str] = {
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf325",
    "TopicArn": "arn:aws:sns:eu-west-1:444455556666:ses-bounces",
    "Timestamp": format_time(NOW - 1000),
    "SignatureVersion": "2",
    "Subject": "hello",
    "Message": "{}",
}


@pytest.mark.parametrize("name", OTHER)
def test_a_field_that_was_changed_is_noticed(world: World, name: str) -> None:
    """Whatever the signature covers, and the version, which names the hash."""
    answer = world.post({**bounced(), name: OTHER[name]})
    assert answer.status == 403
    assert world.untouched


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in FIELDS for value in (None, 7, ["x"], {})),
        *((name, value) for name in FIELDS if name != "Message" for value in ("", "\n", "x\ny", "\ud800")),
    ],
)
def test_a_field_that_is_missing_or_no_text_is_refused(world: World, name: str, value: Any) -> None:
    """With a 4xx, before anything is requested."""
    answer = world.post(json.dumps({**bounced(), name: value}).encode())
    assert 400 <= answer.status < 500
    assert world.untouched
    assert not world.web.asked


@pytest.mark.parametrize(
    "topic",
    [
        "arn:aws:sns:us-east-1:444455556666:ses-bounces2",
        "arn:aws:sns:us-east-1:999988887777:ses-bounces",
        "arn:aws:sns:us-east-2:444455556666:ses-bounces",
        "arn:aws:sns:eu-west-1:444455556666:ses",
        "arn:aws:sns:eu-west-1:444455556666:ses-x:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55",
        "arn:aws:sns:eu-west-1:444455556666:ses-x.fifo",
        "arn:aws:sns:us-east-1:444455556666:SES-BOUNCES",
    ],
)
def test_someone_elses_valid_topic_is_refused_though_sns_signed(world: World, topic: str) -> None:
    """Anybody can own a topic: without a request, and without a word about the message."""
    answer = world.post(bounced(topic=topic))
    assert (answer.status, answer.text) == (403, "the topic is not on the list")
    assert world.untouched
    assert not world.web.asked


@pytest.mark.parametrize(
    ("topic", "host", "name"),
    [
        ("arn:aws:sns:eu-west-1:444455556666:ses-", "sns.eu-west-1.amazonaws.com", "sns.amazonaws.com"),
        (
            "arn:aws:sns:eu-west-1:444455556666:ses-x",
            "sns.eu-west-1.amazonaws.com",
            "sns-signing.eu-west-1.amazonaws.com",
        ),
        (
            "arn:aws-cn:sns:cn-north-1:444455556666:bounces",
            "sns.cn-north-1.amazonaws.com.cn",
            "sns-cn-north-1.amazonaws.com.cn",
        ),
    ],
)
def test_topics_of_other_regions_and_partitions(world: World, topic: str, host: str, name: str) -> None:
    """Each has its own host, and its own names in certificates; the list may leave a topic's end open."""
    url = f"https://{host}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
    world.web.files[url] = pem(AUTHORITY.certificate(name), AUTHORITY.intermediate)
    assert world.post(bounced(topic=topic, SigningCertURL=url)).status == 200
    assert world.web.asked == [url]


FILE = CERTIFICATE_URL.removeprefix(HOST)
LOOK_ALIKES = [
    f"http://sns.us-east-1.amazonaws.com{FILE}",
    f"HTTPS://sns.us-east-1.amazonaws.com{FILE}",
    f"https://sns.us-east-2.amazonaws.com{FILE}",
    f"https://sns.us-east-1.amazonaws.com.cn{FILE}",
    f"https://sns.us-east-1.amazonaws.com.evil.example{FILE}",
    f"https://sns.us-east-1.amazonaws.com@evil.example{FILE}",
    f"https://evil.example#@sns.us-east-1.amazonaws.com{FILE}",
    f"https://user@sns.us-east-1.amazonaws.com{FILE}",
    f"https://sns.us-east-1.amazonaws.com:443{FILE}",
    f"https://sns.us-east-1.amazonaws.com:8443{FILE}",
    f"https://sns.us-east-1.amazonaws.com.{FILE}",
    f"https://xsns.us-east-1.amazonaws.com{FILE}",
    f"https://sns.us-east-1-amazonaws.com{FILE}",
    f"https://snsXus-east-1.amazonaws.com{FILE}",
    f"https://sns.s3.amazonaws.com{FILE}",
    f"https://s3.amazonaws.com/sns.us-east-1.amazonaws.com{FILE}",
    f"https://sns.us-east-1.s3.amazonaws.com{FILE}",
    f"https://sns.us-e\u0430st-1.amazonaws.com{FILE}",
    f"https://sns.us-east-1.amazonaws.com/x/..{FILE}",
    f"https://sns.us-east-1.amazonaws.com/{FILE}",
    f"https://sns.us-east-1.amazonaws.com{FILE}?x=.pem",
    f"https://sns.us-east-1.amazonaws.com{FILE}#.pem",
    f"https://sns.us-east-1.amazonaws.com{FILE}\n",
    "https://sns.us-east-1.amazonaws.com/?Action=Subscribe&x=.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-..%2f..%2fx.pem",
    "https://127.0.0.1/SimpleNotificationService-1.pem",
    "file:///etc/ssl/certs/x.pem",
]


@pytest.mark.parametrize("url", LOOK_ALIKES)
def test_a_certificate_from_anywhere_else_is_not_even_asked_for(world: World, url: str) -> None:
    """Hosts that only look alike, other schemes, ports, users, paths: even where the certificate there would do."""
    world.web.files[url] = world.web.files[CERTIFICATE_URL]
    assert world.post(bounced(SigningCertURL=url)).status in (400, 403)
    assert world.untouched
    assert not world.web.asked


@pytest.mark.parametrize(
    ("age", "status"),
    [(0, 200), (HOUR, 200), (2 * HOUR, 200), (2 * HOUR + 1, 403), (-HOUR, 200), (-HOUR - 1, 403), (DAY, 403)],
)
def test_the_time_of_a_notification(world: World, age: int, status: int) -> None:
    """An hour, and another for what SNS's own retries may take; played again within it, a post changes nothing."""
    assert world.post(bounced(at=NOW - age)).status == status
    assert world.untouched is (status != 200)


@pytest.mark.parametrize(("age", "status"), [(59 * MINUTE, 200), (HOUR, 200), (HOUR + 1, 403), (-HOUR - 1, 403)])
def test_the_time_of_a_confirmation(world: World, age: int, status: int) -> None:
    """The hour alone."""
    assert world.post(confirmation(format_time(NOW - age))).status == status
    assert world.untouched is (status != 200)


def test_lines_cannot_be_parted_in_another_way(world: World) -> None:
    """A message that quotes the lines of the other fields does not become another message with the same signature."""
    post = bounced(message="{}\nMessageId\nx\nSubject\ny", Subject="z")
    moved = {**post, "Message": "{}", "MessageId": "x", "Subject": f"y\nMessageId\n{post['MessageId']}\nSubject\nz"}
    assert world.post(moved).status == 400
    assert world.post({**post, "Type": "SubscriptionConfirmation", "Token": "a", "SubscribeURL": "b"}).status == 403
    assert world.untouched


def test_the_fields_of_a_raw_delivery_are_not_there(world: World) -> None:
    """SES's own notification, without SNS's envelope, proves nothing."""
    answer = world.post(bounced()["Message"].encode())
    assert answer.status == 400
    assert world.untouched


def test_fields_twice_are_read_once(world: World) -> None:
    """JSON with a name twice: what was verified is what is stored, whichever comes first."""
    genuine = body(bounced())
    assert world.post(b'{"Message":"forged",' + genuine[1:]).status == 200
    assert [stored.address for stored in world.store.items.values()] == ["jane@example.net"]
    assert world.post(genuine[:-1] + b',"Message":"forged"}').status == 403
    assert not world.quarantine.kept


def test_a_signature_of_another_key_is_wrong(world: World) -> None:
    """The host and the certificate are right, the signature is a stranger's."""
    answer = world.post(signed(bounced(), "stranger"))
    assert (answer.status, answer.text) == (403, "the signature is wrong")
    assert world.untouched


def test_the_topic_of_the_tests_is_on_the_list() -> None:
    """Else they would prove nothing."""
    assert bounced()["TopicArn"] == TOPIC
