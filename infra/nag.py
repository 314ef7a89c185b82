"""cdk-nag: the rules of AwsSolutions, and how a finding is acknowledged where it stands."""

from __future__ import annotations

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks
from constructs import Construct


def check(app: cdk.App) -> None:
    """Make synth fail on every finding that is not acknowledged."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Accept the finding of a rule, e.g. ``IAM5``, on a construct, for a reason."""
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
    )
