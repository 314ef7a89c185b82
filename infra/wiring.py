"""Custom resources: raw requests to a function of the core; a provider framework skips Delete after a failed Create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from constructs import Construct

from infra import arns
from ses_feedback import naming

WIRING_TYPE: Final = "Custom::SesIdentityWiring"
CLAIM_TYPE: Final = "Custom::SuppressionTableClaim"
# Each function's own longest run (15 and 7 minutes), and a second one should Lambda have to start it anew.
WIRING_TIMEOUT_S: Final = 1_860
CLAIM_TIMEOUT_S: Final = 900


def wire_identity(
    scope: Construct,
    *,
    deployment: str,
    region: str,
    identity: str,
    topics: Mapping[str, str],
    configuration_set: str | None,
    rewire: str | None,
    overwrite: bool,
    create: bool,
) -> cdk.CustomResource:
    """Point an identity's notifications at its topics (ARNs by kind) and at its own configuration set, if it has one.

    ``overwrite`` replaces what somebody else set, ``create`` makes the identity where SES does not know it.
    The attribute ``Status`` is ``wired``, or ``pending`` while the identity is not verified; a domain with ``create``
    has those of ``naming.DKIM_ATTRIBUTES`` as well. CloudFormation calls a custom resource only when a property
    changes: another ``rewire`` has what SES dropped, or verified since, set again.
    """
    properties: dict[str, object] = {
        "Identity": identity,
        "Topics": {naming.camel(kind): arn for kind, arn in topics.items()},
        # Text, as CloudFormation makes of every boolean: a template and the event then say the same.
        "Overwrite": str(overwrite).lower(),
        "Create": str(create).lower(),
    }
    if configuration_set is not None:
        properties["ConfigurationSet"] = configuration_set
    if rewire is not None:
        properties["Rewire"] = rewire
    return cdk.CustomResource(
        scope,
        "Wiring",
        resource_type=WIRING_TYPE,
        service_token=arns.function(region, deployment, naming.WIRE_IDENTITY),
        service_timeout=cdk.Duration.seconds(WIRING_TIMEOUT_S),
        properties=properties,
    )


def claim_table(
    scope: Construct, *, deployment: str, function_arn: str, owner: str, policy: str, code: str
) -> cdk.CustomResource:
    """Claim the suppression table for ``owner``; it fails where another deployment of the same name has.

    The table learns the ``policy`` that decides from now on. New ``code`` gives functions the secret's present value:
    so the claim is made anew with it, and fails where that is another than the table was filled under.
    """
    return cdk.CustomResource(
        scope,
        "TableClaim",
        resource_type=CLAIM_TYPE,
        service_token=function_arn,
        service_timeout=cdk.Duration.seconds(CLAIM_TIMEOUT_S),
        properties={"Table": naming.table_name(deployment), "Owner": owner, "Policy": policy, "Code": code},
    )
