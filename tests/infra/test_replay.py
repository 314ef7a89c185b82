"""The state machine of a replay on AWS: two steps over the archive's objects, and a role for no more than that."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from ses_feedback import naming
from tests.infra.synthesis import ACCOUNT, Assembly

ARCHIVE = f"ses-feedback-archive-{ACCOUNT}-eu-west-1"
STATES = f"arn:aws:states:eu-west-1:{ACCOUNT}"


def machine(assembly: Assembly) -> dict[str, Any]:
    """Return the definition of the state machine."""
    found = assembly.one("AWS::StepFunctions::StateMachine", StateMachineName="ses-feedback-replay")
    definition: dict[str, Any] = json.loads(found.properties["DefinitionString"])
    return definition


def test_strikes_and_decisions_come_before_deliveries(full: Assembly) -> None:
    """One step after the other, each over all objects below a prefix, by the one function of our own."""
    definition = machine(full)
    first, second = definition["States"]["Evidence"], definition["States"]["Deliveries"]
    assert definition["StartAt"] == "Evidence"
    assert first["Next"] == "Deliveries"
    assert second["End"] is True
    for step, state in zip(naming.REPLAY_STEPS, (first, second), strict=True):
        assert state["ItemReader"] == {
            "Resource": "arn:aws:states:::s3:listObjectsV2",
            "Parameters": {"Bucket": ARCHIVE, "Prefix.$": "$.prefix"},
        }
        assert state["ItemSelector"]["replay"]["step"] == step
        assert state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
        assert state["MaxConcurrency"] == naming.REPLAY_CONCURRENCY
        assert state["ResultPath"] == f"$.{step}", "what the command started with is still there for the second step"
        call = state["ItemProcessor"]["States"]["Replay"]
        assert call["Parameters"]["FunctionName"].endswith(f":{ACCOUNT}:function:ses-feedback-replay_archive")
        assert call["Retry"][0]["ErrorEquals"] == ["States.ALL"]


def test_its_role_lets_it_do_this_and_no_more(full: Assembly) -> None:
    """Invoke the function, list the archive, run its own parts, and write results nowhere else."""
    (role,) = [
        f for f in full.find("AWS::IAM::Role") if f.properties["Description"].split()[1] == "ses-feedback-replay"
    ]
    (policy,) = role.properties["Policies"]
    found = {s["Sid"]: (set(s["Action"]), s["Resource"]) for s in policy["PolicyDocument"]["Statement"]}
    function = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:ses-feedback-replay_archive"
    assert found["Invoke"] == ({"lambda:InvokeFunction"}, function)
    assert found["List"] == ({"s3:ListBucket"}, f"arn:aws:s3:::{ARCHIVE}")
    assert found["Results"][1] == f"arn:aws:s3:::{ARCHIVE}/answers/replay/*"
    assert found["Steps"] == ({"states:StartExecution"}, f"{STATES}:stateMachine:ses-feedback-replay")
    assert found["Parts"][1] == f"{STATES}:execution:ses-feedback-replay:*"
    assert found["Redrive"] == ({"states:RedriveExecution"}, f"{STATES}:execution:ses-feedback-replay/*")
    assert found.keys() == {"Invoke", "List", "Results", "Key", "Steps", "Parts", "Redrive"}
    writer = machine(full)["States"]["Evidence"]["ResultWriter"]["Parameters"]
    assert fnmatchcase(f"arn:aws:s3:::{writer['Bucket']}/{writer['Prefix']}/x/manifest.json", found["Results"][1])
