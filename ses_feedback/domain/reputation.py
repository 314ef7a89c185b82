"""What AWS judges an account by, and how it tells: its lines, and the metrics of its own rates.

SES developer guide, `Sending review process FAQs` and `Creating reputation monitoring alarms using CloudWatch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Rate = Literal["bounce", "complaint"]
RATES: Final[tuple[Rate, ...]] = ("bounce", "complaint")
# Fractions of mail: where AWS reviews an account, and where it may stop it.
REVIEW: Final[Mapping[str, float]] = {"bounce": 0.05, "complaint": 0.001}
STOP: Final[Mapping[str, float]] = {"bounce": 0.10, "complaint": 0.005}
# In the namespace `AWS/SES`: without dimension of the account, with this one of a configuration set.
METRICS: Final[Mapping[Rate, str]] = {"bounce": "Reputation.BounceRate", "complaint": "Reputation.ComplaintRate"}
DIMENSION_CONFIGURATION_SET: Final = "ses:configuration-set"
