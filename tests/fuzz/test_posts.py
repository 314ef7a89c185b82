"""Hostile posts, more than ten thousand: none is accepted, none crashes, none makes a request."""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from local.authority import TOPIC, body, confirmation, signed
from ses_feedback.domain.times import HOUR, format_time
from tests.unit.endpoint.test_verifying import LOOK_ALIKES
from tests.unit.endpoint.world import CERTIFICATE_URL, HEADERS, NOW, World, bounced

SEED = 20_270_115
EACH = 1_300
# The answers that may be given to what is not accepted; with 5xx SNS (or whoever it was) would come again.
REFUSALS = range(400, 500)

Hostile = Callable[[random.Random, bytes], tuple[dict[str, str], bytes]]
GENUINE = [body(bounced(version=version)) for version in "12"] + [body(confirmation(format_time(NOW)))]
FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "Token", "SubscribeURL")
TEXTS = ("", "x", "\n", "\x00", "Notification", "{}", "1", "2", "\u2028", "arn:aws:sns:::", "https://", "0" * 5_000)
TYPES = (
    "text/html",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "",
    "*/*",
)


def _values(genuine: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(genuine)
    return found


def _flipped(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """One signed field differs by a letter."""
    values = _values(genuine)
    name = rng.choice([name for name in FIELDS if name in values])
    at = rng.randrange(len(values[name]))
    other = rng.choice([letter for letter in string.ascii_letters + string.digits if letter != values[name][at]])
    return {}, body({**values, name: values[name][:at] + other + values[name][at + 1 :]})


def _truncated(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    return {}, genuine[: rng.randrange(len(genuine))]


def _bytes(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """A letter of the signature is another, and whatever else happened on the way."""
    values = _values(genuine)
    data = bytearray(genuine)
    at = genuine.find(values["Signature"].encode()) + rng.randrange(300)
    data[at] = rng.choice([b for b in b"AZaz09+/" if b != data[at]])
    # The certificate's name stays: of an allowed topic any may be right, and has to be looked for.
    start = genuine.find(CERTIFICATE_URL.encode())
    other = [*range(start), *range(start + len(CERTIFICATE_URL), len(data))]
    for _ in range(rng.randrange(20)):
        data[rng.choice(other)] = rng.randrange(256)
    return {}, bytes(data)


def _retyped(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """A field is missing, or something else than a text."""
    values = _values(genuine)
    name = rng.choice([name for name in values if name not in ("UnsubscribeURL", "Subject")])
    others = [None, True, 0, -1.5, [], {}, ["x"], {"x": "y"}, *TEXTS]
    value = rng.choice([other for other in others if other != values[name]])
    return {}, body({**values, name: value} if rng.random() < 0.8 else {n: v for n, v in values.items() if n != name})


def _elsewhere(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """The certificate is said to be at a host that only looks alike, or at an invented one."""
    host = "".join(rng.choices(string.ascii_lowercase + ".-@#:/\\%", k=rng.randrange(1, 40)))
    invented = f"{rng.choice(('https', 'http', 'ftp', 'file'))}://{host}/SimpleNotificationService-1.pem"
    url = rng.choice([rng.choice(LOOK_ALIKES), invented, f"https://sns.us-east-1.amazonaws.com{host}/x.pem"])
    return {}, body(signed({**_values(genuine), "SigningCertURL": url}))


def _of_another(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """Someone else's valid topic, really signed by SNS."""
    account = f"{rng.randrange(10**12):012}"
    topic = rng.choice([TOPIC + "x", TOPIC[:-1], TOPIC.upper(), TOPIC.replace("444455556666", account), "arn:x"])
    return {}, body(signed({**_values(genuine), "TopicArn": topic}))


def _at_another_time(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """Really signed, and long ago or still to come."""
    away = rng.choice((-1, 1)) * rng.randrange(2 * HOUR + 1, 3_000 * HOUR)
    return {}, body(signed({**_values(genuine), "Timestamp": format_time(NOW + away)}))


def _by_another(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """Signed by a stranger, or with the hash of the other version."""
    values = _values(genuine)
    if rng.random() < 0.5:
        return {}, body(signed({**values, "MessageId": str(rng.random())[2:]}, "stranger"))
    return {}, body({**values, "SignatureVersion": "2" if values["SignatureVersion"] == "1" else "1"})


def _huge(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """More than SNS can send, or so deep that no reader gets to the ground."""
    if rng.random() < 0.01:
        return {}, genuine + b" " * 1_100_000
    if rng.random() < 0.02:
        return {}, b'{"Message":' * 20_000
    return {"Content-Length": str(rng.randrange(2**20 + 1, 2**60))}, genuine


def _wrapped(rng: random.Random, genuine: bytes) -> tuple[dict[str, str], bytes]:
    """Another content type, encoding, charset or envelope around a genuine post."""
    chance = rng.randrange(5)
    if chance == 0:
        return {"Content-Type": rng.choice(TYPES)}, genuine
    if chance == 1:
        return {"Content-Encoding": rng.choice(("gzip", "br", "deflate", "x"))}, genuine
    if chance == 2:
        return {}, genuine.decode().encode(rng.choice(("utf-16", "utf-16-be", "utf-32", "utf-8-sig")))
    if chance == 3:
        return {}, json.dumps(rng.choice([[_values(genuine)], {"Sns": _values(genuine)}, genuine.decode()])).encode()
    return {}, rng.choice([b"--x\r\n\r\n", b"Message=", b"<x>", b"\x00"]) + genuine


HOSTILE: dict[str, Hostile] = {
    function.__name__.strip("_"): function
    for function in (
        *(_flipped, _truncated, _bytes, _retyped, _elsewhere),
        *(_of_another, _at_another_time, _by_another, _huge, _wrapped),
    )
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_hostile_post_is_accepted_crashes_or_makes_a_request(kind: str) -> None:
    """Every answer is a 4xx, nothing is stored or confirmed, and nobody is asked for anything.

    The certificate is known already, so that whatever is requested is too much.
    """
    world = World()
    assert world.post(body(bounced(message="{}"))).status == 200  # fetches the certificate, stores nothing but a fault
    world.quarantine.kept.clear()
    world.web.asked.clear()
    rng = random.Random(f"{SEED} {kind}")
    said: Counter[int] = Counter()
    for number in range(EACH):
        headers, data = HOSTILE[kind](rng, GENUINE[number % len(GENUINE)])
        answer = world.endpoint.answer("POST", {**HEADERS, **headers}, data)
        said[answer.status] += 1
        assert answer.status in REFUSALS, (number, answer, data[:2_000])
    assert sum(said.values()) == EACH
    assert world.untouched
    assert not world.web.asked


def test_there_are_more_than_ten_thousand() -> None:
    """And the genuine ones that they are made of are accepted, each by itself."""
    assert len(HOSTILE) * EACH >= 10_000
    for genuine in GENUINE:
        world = World()
        assert world.post(genuine).status == 200
        assert world.web.asked == [CERTIFICATE_URL]
        assert not world.untouched
