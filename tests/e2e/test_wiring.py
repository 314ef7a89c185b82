"""Deploying into an account that is not empty, at SES's pace: nobody's settings are lost, and all come back.

A cloud of its own, since its SES throttles: one call in a quarter of a second, so that the test takes a quarter of the
time that AWS's second would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.cdk import DeploymentError
from local.cloud import Cloud
from local.deployment import deploy, verify_identities
from local.loop import Loop, until
from local.state import State
from ses_feedback import naming
from ses_feedback.config import load

INTERVAL_MS = 250
IDENTITIES = ("one.example", "two.example")
FOREIGN = "arn:aws:sns:us-east-1:000000000000:somebody-elses"


class Account:
    """An account in which somebody already has the bounces and complaints of one identity."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.state = State(folder / "state")
        self.path = folder / "feedback.toml"
        sns = cloud.client("sns")
        assert sns.create_topic(Name="somebody-elses")["TopicArn"] == FOREIGN
        statement = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": FOREIGN}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sns.set_topic_attributes(TopicArn=FOREIGN, AttributeName="Policy", AttributeValue=policy)
        self.write(overwrite=False)
        verify_identities(cloud, load(self.path))
        for kind in ("Bounce", "Complaint"):
            self.ses("set_identity_notification_topic", Identity="two.example", NotificationType=kind, SnsTopic=FOREIGN)
        self.ses("set_identity_feedback_forwarding_enabled", Identity="two.example", ForwardingEnabled=False)

    def write(self, *, overwrite: bool) -> None:
        """Write the configuration."""
        lines = ['[deployment]\nname = "own"\nregion = "us-east-1"\nalarms = "environment"']
        lines += [f"overwrite = {str(overwrite).lower()}"]
        lines += ['[on_call]\npage = [{ email = "oncall@example.com" }]']
        lines += [f'[identities."{name}"]' for name in IDENTITIES]
        self.path.write_text("\n".join(lines) + "\n")

    def ses(self, call: str, **parameters: Any) -> Mapping[str, Any]:
        """Make one call of SES, and wait for the next one's turn where this one came too early."""
        client = self.cloud.client("ses")

        def answered() -> Mapping[str, Any] | None:
            try:
                answer: Mapping[str, Any] = getattr(client, call)(**parameters)
            except client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "Throttling":
                    raise
                return None
            return answer

        return until(call, answered, seconds=20, every=INTERVAL_MS / 1_000)

    def settings(self) -> dict[str, dict[str, Any]]:
        """The notification settings of all identities."""
        found = self.ses("get_identity_notification_attributes", Identities=list(IDENTITIES))
        return dict(found["NotificationAttributes"])

    def deploy(self) -> Loop:
        """Deploy what the file says."""
        config = load(self.path)
        return Loop(self.cloud, config, deploy(self.cloud, config, self.state))

    def calls(self, metric: str) -> float:
        """How many calls SES answered, or throttled."""
        watch = self.cloud.client("cloudwatch")
        loop = Loop(self.cloud, load(self.path), {})
        found = watch.list_metrics(Namespace="AWS/Usage", MetricName=metric)["Metrics"]
        return sum(loop.metric("AWS/Usage", metric, **{d["Name"]: d["Value"] for d in m["Dimensions"]}) for m in found)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account, with its emulator."""
    folder = tmp_path_factory.mktemp("wiring")
    with Cloud(folder, region="us-east-1", settings={"LOCAL_SES_INTERVAL_MS": str(INTERVAL_MS)}) as cloud:
        made = Account(cloud, folder)
        with made.state.held():
            yield made


def test_somebody_elses_topic_fails_the_cell_by_name_and_changes_nothing(account: Account) -> None:
    """One clear reason in CloudFormation: whose topic, and what to do. Every identity is as it was before."""
    before = account.settings()
    with pytest.raises(DeploymentError) as failure:
        account.deploy()
    events = account.cloud.client("cloudformation").get_paginator("describe_stack_events")
    reasons = {
        e["ResourceStatusReason"]
        for page in events.paginate(StackName=naming.cell_stack("own", 1))
        for e in page["StackEvents"]
        if e["ResourceStatus"] == "CREATE_FAILED" and "two.example" in e.get("ResourceStatusReason", "")
    }
    assert len(reasons) == 1
    (reason,) = reasons
    assert FOREIGN in reason and "overwrite = true" in reason and "\n" not in reason
    assert FOREIGN in str(failure.value)
    assert account.settings() == before


def test_overwriting_replaces_it_while_ses_throttles(account: Account) -> None:
    """All identities are wired; the calls kept their distance, so that hardly one was thrown away."""
    answered, throttled = account.calls("CallCount"), account.calls("ThrottleCount")
    account.write(overwrite=True)
    loop = account.deploy()
    for identity, settings in account.settings().items():
        for kind in ("Bounce", "Complaint", "Delivery"):
            assert settings[f"{kind}Topic"] == loop.topic(kind.lower(), identity)
        assert settings["ForwardingEnabled"] is False
    made = account.calls("CallCount") - answered
    assert made >= 7 * len(IDENTITIES)
    assert account.calls("ThrottleCount") - throttled <= made / 4


def test_removal_gives_it_back(account: Account) -> None:
    """Without the cell, the identity has somebody else's topics again, and the other has none."""
    name = naming.cell_stack("own", 1)
    stacks = account.cloud.client("cloudformation")
    stack = stacks.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    stacks.delete_stack(StackName=name)

    def deleted() -> bool:
        return bool(stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE")

    until("the deletion", deleted, seconds=120)
    settings = account.settings()
    assert (settings["two.example"]["BounceTopic"], settings["two.example"]["ComplaintTopic"]) == (FOREIGN, FOREIGN)
    assert settings["two.example"]["ForwardingEnabled"] is False
    assert not [key for key in settings["one.example"] if key.endswith("Topic")]
    assert settings["one.example"]["ForwardingEnabled"] is True
