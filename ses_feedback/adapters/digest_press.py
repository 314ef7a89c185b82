"""Digests go out through SNS: one topic a team, one message for each of its destinations.

Each subscription lets through what bears its own mark. The mark never changes, so that a team may change which kinds a
destination is told of, and nobody has to confirm an e-mail subscription anew, nor waits the quarter of an hour that SNS
takes to notice a changed filter (SNS developer guide, `Amazon SNS subscription filter policies`).
"""

from __future__ import annotations

from typing import Any

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors


class SnsPress:
    """Implements ``Press``. ``client`` is a client of ``sns`` that tries once: a try whose answer was lost has worked.

    ``topics`` is what the ARNs of topics begin with. Needs ``sns:Publish``, and the topics' key.
    """

    def __init__(self, client: Any, *, deployment: str, topics: str) -> None:
        self._client = client
        self._deployment = deployment
        self._topics = topics

    def publish(self, team: str, recipient: str, subject: str, text: str) -> None:
        """See ``Press``. At most 262,144 bytes of text, 99 ASCII letters of subject (SNS API reference, Publish)."""
        with aws_errors("publishing a digest"):
            self._client.publish(
                TopicArn=self._topics + naming.digest_topic_name(self._deployment, team),
                Subject=subject,
                Message=text,
                MessageAttributes={naming.ATTRIBUTE_RECIPIENT: {"DataType": "String", "StringValue": recipient}},
            )
