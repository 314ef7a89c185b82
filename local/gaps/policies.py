"""Resource policies between services: whether SES or CloudWatch may publish, whether SNS may deliver.

The emulator checks none of them, so a missing grant would only be noticed in a real account. These are the very
policies of the templates, judged with the emulator's own policy evaluator.
"""

from __future__ import annotations

from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc, sns


def allows(policy: Any, *, service: str, action: str, resource: str, source_arn: str) -> bool:
    """Say whether a resource's policy lets an AWS service act on it on behalf of ``source_arn``."""
    account = get_account_id()
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,  # services talk TLS to each other
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": account,
            "aws:sourceowner": account,
        },
    )
    return bool(policy) and evaluate_resource_policy(policy, context, service=service).decision == "Allow"


def may_publish(topic_arn: str, *, service: str, source_arn: str) -> bool:
    """Say whether a service may publish to a topic; an unknown topic may not be published to."""
    topic = sns._topic_by_arn_any_scope(topic_arn)
    policy = (topic or {}).get("attributes", {}).get("Policy")
    return allows(policy, service=service, action="sns:Publish", resource=topic_arn, source_arn=source_arn)


def may_invoke(function_arn: str, *, service: str, source_arn: str) -> bool:
    """Say whether a service may invoke a function; an unknown function may not be invoked."""
    function, config, _name = lambda_svc._get_func_record_for_ref(function_arn)
    return bool(function and config) and allows(
        function.get("policy"),
        service=service,
        action="lambda:InvokeFunction",
        resource=config["FunctionArn"],
        source_arn=source_arn,
    )
