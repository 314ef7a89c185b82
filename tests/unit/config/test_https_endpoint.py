"""[endpoint]: from which topics posts are taken."""

import pytest

from ses_feedback.config.model import Endpoint, ListedTopic
from tests.unit.config.files import config, problems

GOOD = "arn:aws:sns:eu-west-1:444455556666:ses-bounces"
REASON = (
    "is not the ARN of a standard topic, such as arn:aws:sns:eu-west-1:444455556666:ses-bounces; "
    "only its end may be left open, with *"
)


def listing(*topics: str, whom: str = 'environment = "production"') -> str:
    return "[endpoint]\ntopics = [" + ", ".join(f'{{ arn = "{topic}", {whom} }}' for topic in topics) + "]\n"


def test_without_the_table_no_posts_are_taken() -> None:
    """Nobody is heard who was not listed."""
    assert config("").endpoint == Endpoint(())


@pytest.mark.parametrize(
    "topic",
    [
        GOOD,
        "arn:aws:sns:eu-west-1:444455556666:ses-*",
        "arn:aws:sns:eu-west-1:444455556666:*",
        "arn:aws-cn:sns:cn-north-1:444455556666:x",
        "arn:aws-us-gov:sns:us-gov-west-1:444455556666:x",
    ],
)
def test_topics_of_any_region_and_account(topic: str) -> None:
    """Whole, or with an open end."""
    assert config(listing(topic)).endpoint == Endpoint((ListedTopic(topic, (), "production"),))


@pytest.mark.parametrize(
    "topic",
    [
        "*",
        "arn:aws:sns:*:444455556666:ses",
        "arn:aws:sns:eu-west-1:*",
        "arn:aws:sns:eu-west-1:*:ses",
        "arn:aws:sns:eu-west-1:444455556666:s*s",
        "arn:aws:sns:eu-west-1:444455556666:ses.fifo",
        "arn:aws:sqs:eu-west-1:444455556666:ses",
        "ses",
    ],
)
def test_what_is_no_topic(topic: str) -> None:
    """Neither an account nor a region may be left open."""
    assert problems(listing(topic)) == [f'endpoint.topics[0].arn: "{topic}" {REASON}']


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[endpoint]",
            "endpoint.topics: missing; right is an array of topics such as "
            '[{ arn = "arn:aws:sns:eu-west-1:444455556666:ses-*", environment = "production" }]',
        ),
        (
            "[endpoint]\ntopics = []",
            "endpoint.topics: empty; name at least one, such as "
            '[{ arn = "arn:aws:sns:eu-west-1:444455556666:ses-*", environment = "production" }]',
        ),
        (listing(GOOD, GOOD), f'endpoint.topics[1]: "{GOOD}" is named twice; once is enough'),
        (
            f'[endpoint]\ntopics = ["{GOOD}"]',
            f'endpoint.topics[0]: must say whom the topic speaks for: {{ arn = "{GOOD}", '
            'environment = "production" }, or identities = ["…"] in place of environment',
        ),
        (
            "[endpoint]\ntopics = [7]",
            'endpoint.topics[0]: must say whom the topic speaks for: { arn = "arn:…", environment = "production" }, '
            'or identities = ["…"] in place of environment',
        ),
        (
            f'[endpoint]\ntopics = [{{ arn = "{GOOD}" }}]',
            'endpoint.topics[0]: must say whom the topic speaks for: either environment = "…" or identities = ["…"]',
        ),
        (
            listing(GOOD, whom='environment = "production", identities = ["example.com"]'),
            'endpoint.topics[0]: must say whom the topic speaks for: either environment = "…" or identities = ["…"]',
        ),
        (
            listing(GOOD, whom='identities = ["example.org"]'),
            'endpoint.topics[0].identities[0]: "example.org" is not one of its values; known: "example.com"; '
            'did you mean "example.com"?',
        ),
        (
            listing(GOOD, whom='environment = "prod"'),
            'endpoint.topics[0].environment: "prod" is not one of its values; known: production',
        ),
        (
            listing(GOOD, whom='enviroment = "production"'),
            "endpoint.topics[0].enviroment: unknown key; known: arn, environment, identities; "
            'did you mean "environment"?',
        ),
        (
            '[endpoint]\ntopics = [{ environment = "production" }]',
            'endpoint.topics[0].arn: missing; right is a string such as "arn:aws:sns:eu-west-1:444455556666:ses-*"',
        ),
        (
            f'[endpoint]\ntopcs = ["{GOOD}"]',
            "endpoint.topcs: unknown key; known: at_once, in_stack, requests_per_second, topics; "
            'did you mean "topics"?',
        ),
    ],
)
def test_other_mistakes(text: str, line: str) -> None:
    """As everywhere in the file."""
    assert problems(text) == [line]


LISTED = listing(GOOD)
TOPICS = (ListedTopic(GOOD, (), "production"),)


def test_what_the_deployment_takes_itself() -> None:
    """An endpoint in the stack, of fifty posts a second and ten at once, unless the file says otherwise."""
    assert config(LISTED).endpoint == Endpoint(TOPICS, True, 50, 10)
    assert config(f"{LISTED}in_stack = false").endpoint == Endpoint(TOPICS, False)
    assert config(f"{LISTED}requests_per_second = 10000\nat_once = 0").endpoint == Endpoint(TOPICS, True, 10_000, 0)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("requests_per_second = 0", "endpoint.requests_per_second: must be from 1 to 10000, not 0"),
        ("requests_per_second = 10001", "endpoint.requests_per_second: must be from 1 to 10000, not 10001"),
        ("at_once = -1", "endpoint.at_once: must be from 0 to 1000, not -1"),
        ("at_once = 1001", "endpoint.at_once: must be from 0 to 1000, not 1001"),
        (
            "in_stack = false\nat_once = 5",
            "endpoint.at_once: would do nothing: in_stack = false makes no API; leave one of them out",
        ),
        (
            "in_stack = false\nrequests_per_second = 5",
            "endpoint.requests_per_second: would do nothing: in_stack = false makes no API; leave one of them out",
        ),
        ('in_stack = "no"', 'endpoint.in_stack: must be a boolean such as false, not the string "no"'),
        ("at_once = true", "endpoint.at_once: must be an integer such as 10, not the boolean true"),
        (
            "requests_per_second = 1.5",
            "endpoint.requests_per_second: must be an integer such as 50, not the number 1.5",
        ),
    ],
)
def test_bounds_that_are_none(text: str, line: str) -> None:
    """What, where, and what would be right."""
    assert problems(LISTED + text) == [line]
