"""The on-call topics, for what no alarm says: that somebody, or the circuit breaker, paused or resumed an identity."""

from __future__ import annotations

from typing import Any

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors


class OnCallTopics:
    """Implements ``OnCall``. ``client`` is a botocore client of ``sns``, ``topics`` what the ARNs of topics begin with.

    Needs ``sns:Publish``, and ``kms:GenerateDataKey`` and ``kms:Decrypt`` of the topics' key.
    """

    def __init__(self, client: Any, *, deployment: str, topics: str) -> None:
        self._client = client
        self._deployment = deployment
        self._topics = topics

    def tell(self, severity: str, subject: str, text: str) -> None:
        """See ``OnCall``. At most 99 ASCII letters of subject (SNS API reference, Publish)."""
        topic = naming.on_call_topic_name(self._deployment, severity)
        with aws_errors(f"publishing to {topic}"):
            self._client.publish(TopicArn=self._topics + topic, Subject=subject, Message=text)
