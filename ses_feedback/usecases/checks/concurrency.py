"""Lambda's limit on what runs at once: is it enough for what the deployment sets apart, and for the loop itself?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ses_feedback.config.model import UNRESERVED_AT_LEAST, Config
from ses_feedback.usecases.checks.finding import NOTE, Finding
from ses_feedback.usecases.checks.live import Concurrency

# Service Quotas: `Concurrent executions` of Lambda, by default 1,000.
_QUOTA: Final = "L-B99A9384"
_USUAL: Final = 1_000


def check_concurrency(config: Config, live: Concurrency, share: int) -> Iterator[Finding]:
    """Yield what keeps the endpoint's share from being set apart, or the functions from running side by side.

    ``share``: how many are set apart for it already.
    """
    region, apart = config.deployment.region, config.endpoint.set_apart
    needed = live.apart - share + apart + UNRESERVED_AT_LEAST
    raise_it = (
        f"aws service-quotas request-service-quota-increase --region {region} --service-code lambda"
        f" --quota-code {_QUOTA} --desired-value {max(_USUAL, needed)}"
    )
    if apart > share and live.limit < needed:
        others = f", besides {live.apart - share} of other functions" if live.apart > share else ""
        yield Finding(
            "concurrency",
            "endpoint.at_once",
            f"Lambda runs {live.limit} functions at once in {region}; setting {apart} apart{others} needs {needed}",
            f"the deployment fails at UnreservedConcurrentExecution: Lambda keeps {UNRESERVED_AT_LEAST} for functions "
            "without a share; have the limit raised, or say at_once = 0",
            raise_it,
        )
    elif live.limit < UNRESERVED_AT_LEAST:
        yield Finding(
            "concurrency",
            "deployment.region",
            f"Lambda runs only {live.limit} functions at once in {region}",
            "new accounts begin so: a burst of feedback waits for its turn, as does whatever else the account runs",
            raise_it,
            level=NOTE,
        )
