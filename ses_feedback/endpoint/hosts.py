"""Which hosts are asked for certificates, and under which names SNS signs.

A looser rule has been exploited: a bucket of somebody else under amazonaws.com served the certificate. Host names: SNS
developer guide, `Verifying the signatures of Amazon SNS messages`, and `Amazon SNS endpoints`. Names in certificates:
`SnsHostProvider` of the AWS SDK for Java 2.
"""

from __future__ import annotations

import re
from typing import Final

from ses_feedback.domain.topics import Topic

_SUFFIX: Final = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
_FILE: Final = re.compile(r"/SimpleNotificationService-[A-Za-z0-9-]{1,64}\.pem", re.ASCII)
# Where the authorities behind AWS's certificates keep those of their intermediate ones. Such a file proves itself.
_AUTHORITIES: Final = re.compile(
    r"http://(crt\.[a-z0-9-]{1,32}\.amazontrust\.com|cacerts\.digicert\.com)/[A-Za-z0-9._-]{1,128}\.(cer|crt)", re.ASCII
)


def sns_host(topic: Topic) -> str:
    """Return the one host that serves the certificates with which SNS signs for a topic."""
    return f"sns.{topic.region}.{_SUFFIX[topic.partition]}"


def is_certificate_url(url: str, topic: Topic) -> bool:
    """Return whether a URL is exactly where SNS keeps the certificate it signs a topic's messages with."""
    start = f"https://{sns_host(topic)}"
    return url.startswith(start) and _FILE.fullmatch(url, len(start)) is not None


def is_authority_url(url: str) -> bool:
    """Return whether a URL in a certificate names a file of the authorities that AWS's certificates come from."""
    return _AUTHORITIES.fullmatch(url) is not None


def signing_names(topic: Topic) -> frozenset[str]:
    """Return the names under which SNS signs in a topic's region: one for most, its own for others."""
    suffix, region = _SUFFIX[topic.partition], topic.region
    names = {f"sns.{suffix}", f"sns.{region}.{suffix}", f"sns-signing.{region}.{suffix}", f"sns-{region}.{suffix}"}
    if topic.partition == "aws-us-gov":
        names.add("sns-us-gov-west-1.amazonaws.com")  # both regions of GovCloud
    return frozenset(names)
