"""The on-call topics: for what no alarm says, such as that an identity was paused; and those of all in plain words."""

from __future__ import annotations

import json
from typing import Any

from ses_feedback import naming
from ses_feedback.adapters.faults import aws_errors
from ses_feedback.domain.alarm_text import Message


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


class OnCallTextTopics:
    """Implements ``Crier``: through the topics of those on call who read text. Arguments and needs as above."""

    def __init__(self, client: Any, *, deployment: str, topics: str) -> None:
        self._client = client
        self._deployment = deployment
        self._topics = topics

    def cry(self, severity: str, message: Message) -> None:
        """See ``Crier``. Telephones get the short text where there is one."""
        topic = naming.on_call_text_topic_name(self._deployment, severity)
        body: dict[str, str] = {"Message": message.text}
        if message.short is not None:
            by_protocol = {"default": message.text, "sms": message.short}
            body = {"Message": json.dumps(by_protocol), "MessageStructure": "json"}
        with aws_errors(f"publishing to {topic}"):
            self._client.publish(TopicArn=self._topics + topic, Subject=message.subject, **body)
