"""[endpoint]: from which topics posts are taken."""

import pytest

from ses_feedback.config.model import Endpoint
from tests.unit.config.files import config, problems

GOOD = "arn:aws:sns:eu-west-1:444455556666:ses-bounces"
REASON = (
    "is not the ARN of a standard topic, such as arn:aws:sns:eu-west-1:444455556666:ses-bounces; "
    "only its end may be left open, with *"
)


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
    assert config(f'[endpoint]\ntopics = ["{topic}"]').endpoint == Endpoint((topic,))


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
    assert problems(f'[endpoint]\ntopics = ["{topic}"]') == [f'endpoint.topics[0]: "{topic}" {REASON}']


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[endpoint]",
            "endpoint.topics: missing; right is an array of strings such as "
            '["arn:aws:sns:eu-west-1:444455556666:ses-*"]',
        ),
        (
            "[endpoint]\ntopics = []",
            'endpoint.topics: empty; name at least one, such as ["arn:aws:sns:eu-west-1:444455556666:ses-*"]',
        ),
        (
            f'[endpoint]\ntopics = ["{GOOD}", "{GOOD}"]',
            f'endpoint.topics[1]: "{GOOD}" is named twice; once is enough',
        ),
        (
            f'[endpoint]\ntopcs = ["{GOOD}"]',
            'endpoint.topcs: unknown key; known: topics; did you mean "topics"?',
        ),
    ],
)
def test_other_mistakes(text: str, line: str) -> None:
    """As everywhere in the file."""
    assert problems(text) == [line]
