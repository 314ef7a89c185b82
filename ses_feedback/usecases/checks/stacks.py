"""What is deployed against the file: stacks, identities, and the configuration inside the functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ses_feedback import naming
from ses_feedback.config.problems import join
from ses_feedback.usecases.checks.expected import Expected
from ses_feedback.usecases.checks.finding import NOTE, Finding
from ses_feedback.usecases.checks.live import Stack

# The type of the wiring's custom resource, whose physical id is its identity, and those of alarms, whose id is a name.
WIRING_TYPE: Final = "Custom::SesIdentityWiring"
ALARM_TYPES: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_DEPLOY: Final = "npx cdk deploy --all"
_NOT_WHOLE: Final = "the loop is not whole: nothing is recorded, counted or told without it"
_UNSEEN: Final = "nobody is paged about AWS's own rates, or about identities together, and there is no dashboard"
_GOOD: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


def deployed_identities(stacks: Mapping[str, Stack]) -> frozenset[str]:
    """Return the identities that are wired by the deployed cells."""
    return frozenset().union(*(stack.resources.get(WIRING_TYPE, frozenset()) for stack in stacks.values()))


def deployed_alarms(stacks: Mapping[str, Stack]) -> frozenset[str]:
    """Return the names of the alarms that the deployed stacks made."""
    named = (stack.resources.get(type_, frozenset()) for stack in stacks.values() for type_ in ALARM_TYPES)
    # CloudFormation's id of a composite alarm is its ARN in some regions and its name in others.
    return frozenset(name.rpartition(":alarm:")[2] for names in named for name in names)


def check_stacks(expected: Expected, stacks: Mapping[str, Stack], digest: str) -> Iterator[Finding]:
    """Yield what of the deployment is missing, failed, or other than the file. ``digest``: see ``naming``."""
    deployment, region = expected.deployment, expected.home.region
    for name, why in (
        (naming.data_stack(deployment), _NOT_WHOLE),
        (naming.core_stack(deployment), _NOT_WHOLE),
        (naming.overview_stack(deployment), _UNSEEN),
    ):
        if name not in stacks:
            yield Finding(
                "stack",
                "deployment",
                f"there is no stack {name} in {region} of account {expected.home.account}",
                why,
                _DEPLOY,
            )
    for name, stack in sorted(stacks.items()):
        yield from _status(region, name, stack)
    core = stacks.get(naming.core_stack(deployment))
    there = deployed_identities(stacks)
    for identity in expected.identities.values():
        if identity.name not in there:
            yield Finding(
                "deployed",
                identity.path,
                f"{identity.name} is in the file and not deployed",
                "it has no topics: none of its feedback is handled",
                _DEPLOY,
            )
    for name in sorted(there - expected.identities.keys()):
        yield Finding(
            "deployed",
            join("identities", name),
            f"{name} is deployed and no longer in the file",
            "its feedback still comes, and belongs to no identity: it is quarantined once the functions are updated",
            _DEPLOY,
        )
    if core is not None and core.outputs.get(naming.OUTPUT_CONFIGURATION) != digest:
        yield Finding(
            "deployed",
            "deployment",
            "the deployed functions have another configuration than this file, or are of another version",
            "environments, streams, policy and alarms are those of the last deployment",
            _DEPLOY,
        )


def _status(region: str, name: str, stack: Stack) -> Iterator[Finding]:
    if stack.status in _GOOD:
        return
    look = f"aws cloudformation describe-stack-events --region {region} --stack-name {name}"
    if stack.status.endswith("_IN_PROGRESS"):
        yield Finding(
            "stack",
            "deployment",
            f"{name} is being deployed: {stack.status}",
            "some of what is listed here may be right in a moment: run doctor again when it is done",
            look,
            level=NOTE,
        )
        return
    yield Finding(
        "stack",
        "deployment",
        f"{name} is in the state {stack.status}",
        "its last deployment failed: what is there is not what the file says; the first failed event says why",
        look,
    )
