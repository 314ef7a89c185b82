"""Is a post SNS's own, from a topic that is allowed, and of now? The cheap questions come first, requests last."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from ses_feedback.domain.times import HOUR
from ses_feedback.domain.topics import TopicList
from ses_feedback.endpoint.certificates import Certificates
from ses_feedback.endpoint.errors import Refused
from ses_feedback.endpoint.hosts import is_certificate_url
from ses_feedback.endpoint.posts import NOTIFICATION, Post

MAX_AGE: Final = HOUR
# SNS lets at most 3,600 s pass between the tries of a delivery policy, of which there are 100 at most, and waits 15 s
# for each: an hour and 25 minutes, and some jitter (SNS developer guide, `Message delivery retries`). A notification
# that is played again changes nothing; a confirmation might, and has the hour alone.
MAX_AGE_OF_RETRIES: Final = 2 * HOUR
MAX_AHEAD: Final = HOUR

_HASHES: Final[dict[str, HashAlgorithm]] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - version 1 is SNS's default
_PADDING: Final = PKCS1v15()


class Verifier:
    """Tells SNS's own posts from all others."""

    def __init__(self, topics: TopicList, certificates: Certificates) -> None:
        self._topics = topics
        self._certificates = certificates

    def verify(self, post: Post, now: int) -> None:
        """Return for a genuine post. Raises ``Refused`` for any other, ``NotNow`` where its certificate cannot be had.

        Nothing is requested for a post whose topic, time and certificate URL are not right.
        """
        topic = self._topics.find(post.topic)
        if topic is None:
            raise Refused("the topic is not on the list")
        age = now - post.sent_at
        if age < -MAX_AHEAD or age > (MAX_AGE_OF_RETRIES if post.type == NOTIFICATION else MAX_AGE):
            raise Refused("the post is too old, or from the future")
        if not is_certificate_url(post.certificate_url, topic):
            raise Refused("the certificate is not where SNS keeps that of the topic's region")
        key = self._certificates.key(post.certificate_url, topic, now)
        try:
            key.verify(post.signature, post.signed, _PADDING, _HASHES[post.version])
        except InvalidSignature:
            raise Refused("the signature is wrong") from None
