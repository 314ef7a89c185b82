"""The allow-list of topics."""

import pytest

from ses_feedback.domain.topics import TopicList, parse_topic

ONE = "arn:aws:sns:eu-west-1:444455556666:ses-bounces"


def test_a_topic_taken_apart() -> None:
    """Partition and region say where its certificate is."""
    assert parse_topic(ONE) == (ONE, "aws", "eu-west-1")
    assert parse_topic("arn:aws-cn:sns:cn-north-1:444455556666:x") == (
        "arn:aws-cn:sns:cn-north-1:444455556666:x",
        "aws-cn",
        "cn-north-1",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        ONE + "\n",
        ONE + ".fifo",
        ONE + ":2bcfbf39-05c3-41de-beaa-fcfcc21c8f55",
        ONE.replace("eu-west-1", "evil.example/x"),
        ONE.replace("eu-west-1", "s3"),
        ONE.replace("4444", "\u0664" * 4),
        ONE.replace("aws:sns", "aws-other:sns"),
        ONE.replace("sns", "sqs"),
    ],
)
def test_what_is_no_standard_topic(text: str) -> None:
    """And could lead to another host."""
    assert parse_topic(text) is None


def test_entries_are_whole_or_open_at_the_end() -> None:
    """An open end takes what begins like it, in that account and region alone; a star in a name is no pattern."""
    topics = TopicList([ONE, "arn:aws:sns:us-east-1:444455556666:ses-*"])
    assert topics.find(ONE) == parse_topic(ONE)
    assert topics.find("arn:aws:sns:us-east-1:444455556666:ses-x") is not None
    for other in (
        ONE + "2",
        ONE[:-1],
        "arn:aws:sns:us-east-1:444455556666:ses",
        "arn:aws:sns:us-east-1:444455556666:ses-*",
    ):
        assert topics.find(other) is None


@pytest.mark.parametrize("entries", [[], ["*"], ["arn:aws:sns:*:444455556666:x"], [ONE, "x"]])
def test_a_list_that_is_none(entries: list[str]) -> None:
    """Said at once, not with the first post."""
    with pytest.raises(ValueError, match=r"empty|is not the ARN"):
        TopicList(entries)
