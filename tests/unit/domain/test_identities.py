"""An event belongs to the most specific configured identity."""

from __future__ import annotations

import pytest

from ses_feedback.domain.identities import Directory, Grant, Place, identity_in

DOMAIN = Place("example.com", "production", "transactional")
ADDRESS = Place("dev@example.com", "dev", "default")
DIRECTORY = Directory([DOMAIN, ADDRESS], {"feedback_bounce_example-com_1": "example.com"})
ARN = "arn:aws:ses:us-east-1:111122223333:identity/"
TOPIC = "arn:aws:sns:us-east-1:111122223333:feedback_bounce_example-com_1"


@pytest.mark.parametrize(
    ("source_arn", "source", "topic", "expected"),
    [
        (ARN + "dev@example.com", "dev@example.com", None, ADDRESS),
        (ARN + "example.com", "dev@example.com", None, ADDRESS),  # the address is not verified by itself
        (ARN + "example.com", "someone@example.com", None, DOMAIN),
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
    """The source, else the ARN's identity, its domain, its parents, else the topic's; what is no text is absent."""
    assert DIRECTORY.resolve(source_arn, source, topic) == expected
    assert DIRECTORY.resolve(source_arn, source, topic) == expected, "remembered wrongly"


def test_places_may_come_by_name() -> None:
    """A mapping from names serves as well as the places alone."""
    assert Directory({"example.com": DOMAIN}).resolve(ARN + "example.com", None, None) == DOMAIN


def test_memory_stays_bounded() -> None:
    """Texts of any number and length are answered and not hoarded."""
    directory = Directory([DOMAIN])
    for number in range(10_000):
        assert directory.resolve(f"arn:aws:ses:us-east-1:{number:012d}:identity/example.com", None, None) == DOMAIN
    assert len(directory._known) <= 4_096
    before = len(directory._known)
    long = f"arn:aws:ses:{'x' * 1000}:1:identity/example.com"
    assert directory.resolve(long, None, None) == DOMAIN
    assert directory.resolve(None, f"{'x' * 60}@{'y' * 500}.example.com", None) is not ADDRESS
    assert len(directory._known) == before


SHOP = Place("shop.example", "production", "default")
EVERYBODY = [
    DOMAIN,
    ADDRESS,
    SHOP,
    Place("mail.example.com", "staging", "default"),
    Place("jo@shop.example", "dev", "d"),
]
OWN = {f"feedback_bounce_{number}": place.identity for number, place in enumerate(EVERYBODY)}
HOME = "us-east-1:111122223333"


def heard(directory: Directory, topic: str | None, identity: str, home: str = HOME) -> Place | None:
    """Return whose feedback a directory takes it for, said by a topic of an identity as SES would say it."""
    return directory.resolve(f"arn:aws:ses:{home}:identity/{identity}", None, topic)


@pytest.mark.parametrize("number", range(len(EVERYBODY)))
@pytest.mark.parametrize("place", EVERYBODY)
def test_an_own_topic_speaks_for_its_identity_and_what_is_below_it(number: int, place: Place) -> None:
    """A domain's for its subdomains and addresses too, an address's for itself: dev cannot suppress production."""
    own = EVERYBODY[number].identity
    below = place.identity == own or ("@" not in own and place.identity.replace("@", ".").endswith(f".{own}"))
    topic = f"arn:aws:sns:{HOME}:feedback_bounce_{number}"
    assert heard(Directory(EVERYBODY, OWN), topic, place.identity) == (place if below else None)


@pytest.mark.parametrize("home", ["us-east-1:444455556666", "eu-west-1:111122223333", "eu-west-1:444455556666", ":"])
def test_a_topic_speaks_for_its_own_account_and_region(home: str) -> None:
    """What is said of the same identity elsewhere is somebody else's."""
    topic = f"arn:aws:sns:{HOME}:feedback_bounce_0"
    found = Directory(EVERYBODY, OWN).find(f"arn:aws:ses:{home}:identity/example.com", None, topic)
    assert found.place is None
    assert found.why is not None and "does not speak for identities of " in found.why


def test_a_listed_topic_speaks_for_what_it_is_trusted_with() -> None:
    """Identities or an environment; the longest pattern that fits; and for its own account and region alone."""
    there = "eu-west-1:444455556666"
    listed = {
        f"arn:aws:sns:{there}:shop": Grant(("shop.example",)),
        f"arn:aws:sns:{there}:*": Grant(environment="dev"),
        f"arn:aws:sns:{there}:prod-*": Grant(environment="production"),
    }
    directory = Directory(EVERYBODY, listed=listed, strict=True)

    def said(topic: str, identity: str) -> Place | None:
        return heard(directory, f"arn:aws:sns:{there}:{topic}", identity, there)

    assert said("shop", "shop.example") == SHOP
    assert said("shop", "example.com") is None
    assert said("any", "dev@example.com") == ADDRESS
    assert said("any", "shop.example") is None
    assert said("prod-x", "example.com") == DOMAIN
    assert said("prod-x", "dev@example.com") is None
    assert heard(directory, f"arn:aws:sns:{there}:shop", "shop.example") is None, "another account's identity"
    assert directory.resolve(None, None, f"arn:aws:sns:{there}:shop") == SHOP, "its only identity is meant"
    assert directory.resolve(None, None, f"arn:aws:sns:{there}:prod-x") is None


@pytest.mark.parametrize("topic", [None, f"arn:aws:sns:{HOME}:feedback_bounce_99", f"arn:aws:sns:{HOME}:x", ""])
def test_a_strict_directory_believes_no_other_topic(topic: str | None) -> None:
    """A topic that only has a name like ours, or none: quarantined with a reason; what a person hands over is taken."""
    found = Directory(EVERYBODY, OWN, strict=True).find(ARN + "example.com", "jo@example.com", topic)
    assert found.place is None
    assert found.why == (f"topic {topic} is not one of this deployment's" if topic else "it names no topic")
    assert Directory(EVERYBODY, OWN).find(ARN + "example.com", "jo@example.com", topic).place == DOMAIN


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
