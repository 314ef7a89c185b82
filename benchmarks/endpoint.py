"""Verified posts for each CPU-second: from a body to a checked signature, the certificate known.

Bodies are those of ``benchmarks.corpus``, half of them in each version of the signature, signed by a test authority
with RSA of 2,048 bits as SNS signs. ``python -m benchmarks.endpoint`` prints the figure of each version.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks import corpus
from benchmarks.figure import Figure
from local.authority import TOPIC, Authority, body, notification, pem
from ses_feedback.domain.times import format_time
from ses_feedback.domain.topics import TopicList
from ses_feedback.endpoint.certificates import Certificates
from ses_feedback.endpoint.posts import read_post
from ses_feedback.endpoint.verifying import Verifier

TARGET: Final = 7_500
NOW: Final = 1_800_000_000_000
_SIZE: Final = 1_000
_REPEATS: Final = 5


def bodies(version: str, size: int = _SIZE) -> list[bytes]:
    """Return genuine posts of one version of the signature."""
    messages = (json.loads(envelope)["Message"] for envelope in corpus.envelopes(size))
    return [body(notification(message, format_time(NOW), version=version)) for message in messages]


def verifier() -> Verifier:
    """Return what verifies them."""
    authority = Authority(NOW)
    served = pem(authority.certificate("sns.amazonaws.com"), authority.intermediate)
    return Verifier(TopicList([TOPIC]), Certificates(lambda url: served, [authority.root]))


def rate(verify: Callable[[bytes], None], posts: Sequence[bytes]) -> float:
    """Return how many posts are verified in a second of CPU time, the median of some repeats."""
    verify(posts[0])
    rates = []
    for _ in range(_REPEATS):
        start = time.process_time()
        for post in posts:
            verify(post)
        rates.append(len(posts) / (time.process_time() - start))
    return statistics.median(rates)


def _verify(given: Verifier) -> Callable[[bytes], None]:
    return lambda post: given.verify(read_post(post), NOW)


def measure() -> list[Figure]:
    """Return the figure of the table."""
    half = _SIZE // 2
    found = rate(_verify(verifier()), [*bodies("1", half), *bodies("2", half)])
    return [
        Figure(
            "posts of SNS verified, per CPU-second",
            f"{found:,.0f} messages/s",
            f"limit: {TARGET:,}/s",
            found / TARGET,
            1.0,
            at_least=True,
        )
    ]


def main() -> int:
    """Print a line for each version; return the exit code."""
    verify = _verify(verifier())
    for version, name in (("1", "SHA1"), ("2", "SHA256")):
        print(f"SignatureVersion {version} ({name}): {rate(verify, bodies(version)):,.0f} messages per CPU-second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
