"""An event belongs to the most specific configured identity."""

from __future__ import annotations

import pytest

from ses_feedback.domain.identities import Directory, Place, identity_in

DOMAIN = Place("example.com", "production", "transactional")
ADDRESS = Place("dev@example.com", "dev", "default")
DIRECTORY = Directory([DOMAIN, ADDRESS], {"feedback_bounce_example-com_1": "example.com"})
ARN = "arn:aws:ses:us-east-1:111122223333:identity/"
TOPIC = "arn:aws:sns:us-east-1:111122223333:feedback_bounce_example-com_1"


@pytest.mark.parametrize(
    ("source_arn", "source", "topic", "expected"),
    [
        (ARN + "dev@example.com", "dev@example.com", None, ADDRESS),
        (ARN + "example.com", "dev@example.com", None, DOMAIN),  # the ARN says which identity sent
        (ARN + "Example.COM", None, None, DOMAIN),
        ("arn:aws-cn:ses:cn-north-1:444455556666:identity/example.com", None, None, DOMAIN),
        (ARN + "other.example", "dev@example.com", None, ADDRESS),
        (None, "Dev <DEV@example.com>", None, ADDRESS),
        (None, "someone@example.com", None, DOMAIN),
        (None, "someone@a.b.example.com", None, DOMAIN),
        (None, "someone@notexample.com", None, None),
        (None, "someone@example.org", TOPIC, DOMAIN),
        (None, None, TOPIC, DOMAIN),
        (None, "<>", "arn:aws:sns:us-east-1:111122223333:another", None),
        ("example.com", None, None, None),
        (5, ["dev@example.com"], None, None),
        (None, None, None, None),
    ],
)
def test_the_first_configured_one_counts(
    source_arn: object, source: object, topic: str | None, expected: Place
) -> None:
    """The ARN's identity, else the source, its domain, its parents, else the topic's; what is no text is absent."""
    assert DIRECTORY.resolve(source_arn, source, topic) == expected
    assert DIRECTORY.resolve(source_arn, source, topic) == expected, "remembered wrongly"


def test_places_may_come_by_name() -> None:
    """A mapping from names serves as well as the places alone."""
    assert Directory({"example.com": DOMAIN}).resolve(ARN + "example.com", None, None) == DOMAIN


def test_memory_stays_bounded() -> None:
    """ARNs of ever new accounts and of any length are answered and not hoarded."""
    directory = Directory([DOMAIN])
    for number in range(10_000):
        assert directory.resolve(f"arn:aws:ses:us-east-1:{number:012d}:identity/example.com", None, None) == DOMAIN
    assert len(directory._by_arn) <= 4_096
    long = f"arn:aws:ses:{'x' * 1000}:1:identity/example.com"
    assert directory.resolve(long, None, None) == DOMAIN
    assert long not in directory._by_arn


def test_the_identity_in_an_arn() -> None:
    """Only an identity's ARN names one."""
    assert identity_in(ARN + "example.com") == "example.com"
    for text in (
        "",
        "identity/example.com",
        ARN,
        ARN + "no domain",
        ARN.replace("identity", "configuration-set") + "x",
    ):
        assert identity_in(text) is None
