"""Which topics a queue or a function lets in: each by its name, for as long as the policy has room for all of them.

Whoever may create topics in the account could give one a name like ours and publish through it, raw, whatever it
wants. So a pattern over names is for those alone that have too many identities for a list.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ses_feedback import naming
from ses_feedback.config.model import Config

# SQS developer guide, `Quotas`: a policy has 8,192 bytes at most. The rest of ours takes up to 1,700.
QUEUE_BYTES: Final = 6_400
# Lambda developer guide, `Quotas`: a function's policy has 20,480 bytes at most. Each topic takes a statement, and a
# resource of the core stack, which has to have room for many teams, too.
FUNCTION_BYTES: Final = 12_000
_STATEMENT_BYTES: Final = 420
_ACCOUNT: Final = "111122223333"
_LONGEST_PARTITION: Final = "aws-us-gov"


def sending_topics(config: Config, kinds: Collection[str], *, most_bytes: int, statements: bool = False) -> list[str]:
    """Return the names of the topics of these kinds, or where they do not fit, the pattern that all our topics match.

    ``statements``: whether each takes one of its own.
    """
    deployment, region = config.deployment.name, config.deployment.region
    names = [
        naming.topic_name(deployment, kind, identity.name)
        for identity in config.identities.values()
        for kind in identity.kinds
        if kind in kinds
    ]
    each = len(f'"arn:{_LONGEST_PARTITION}:sns:{region}:{_ACCOUNT}:",') + (_STATEMENT_BYTES if statements else 0)
    fits = sum(len(name) + each for name in names) <= most_bytes
    return names if fits else [naming.topic_pattern(deployment)]
