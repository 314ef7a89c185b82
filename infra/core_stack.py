"""The stack that acts and counts: functions, queues, on-call topics, alarms of the whole. It knows no identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import arns
from infra.alarms.factory import runbooks_at
from infra.alarms.held import HeldAlarms
from infra.alarms.kinds import SEVERITIES
from infra.alarms.reputation import ACCOUNT, ReputationAlarms
from infra.alarms.whole import WholeAlarms
from infra.archive import Archive
from infra.archive_catalog import ArchiveCatalog
from infra.breaker import Breaker
from infra.canaries import Canaries
from infra.changes import Changes
from infra.digests import Digests
from infra.endpoint import Endpoint
from infra.functions import FunctionBuilder
from infra.lookup import Lookup
from infra.needed import canaries, needed
from infra.on_call import OnCall
from infra.queues import Queues
from infra.replay import Replay
from infra.schedules import Schedule
from infra.senders import FUNCTION_BYTES, sending_topics
from infra.target import Target
from infra.wiring import claim_table
from ses_feedback import naming
from ses_feedback.config.loop import to_loop
from ses_feedback.config.model import ACTED_KINDS, Config
from ses_feedback.config.runtime import policy_text
from ses_feedback.domain.canary import mails_an_hour
from ses_feedback.domain.times import HOUR

RETRY_BATCH: Final = 10
RETRY_CONCURRENCY: Final = 5
TALLY_BATCH: Final = 1_000
TALLY_CONCURRENCY: Final = 10
CHECK_EVERY: Final = HOUR
SYNC_EVERY: Final = HOUR
_TRIES_AFTER_THE_FIRST: Final = 2  # Lambda's most
_MAX_EVENT_AGE_S: Final = 21_600  # Lambda's most: six hours


class CoreStack(cdk.Stack):
    """Composes the loop. Everything but the claim's own function waits for the claim on the suppression table.

    A second deployment of the same name has the same stacks, so it would replace the code of the first. Its claim is
    refused before anything but the claim's function has changed, and CloudFormation puts that one back.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        config: Config,
        owner: str,
        code: lambda_.Code,
        target: Target,
        ses_interval_ms: int,
        tally_window_s: int,
        own_code: Mapping[str, lambda_.Code],
        cells: int,
        **kwargs: Any,
    ) -> None:
        deployment, region = config.deployment.name, config.deployment.region
        super().__init__(scope, naming.core_stack(deployment), **kwargs)
        runbooks_at(self, config.on_call.runbooks)
        builder = FunctionBuilder(
            deployment=deployment,
            region=region,
            code=code,
            target=target,
            environment={
                naming.ENV_RETRY_QUEUE_URL: arns.queue_url(region, naming.retry_queue_name(deployment)),
            },
            ses_interval_ms=ses_interval_ms,
            own_code=own_code,
        )
        claimer = builder.build(self, naming.CLAIM_TABLE)
        claim = claim_table(
            self,
            deployment=deployment,
            function_arn=claimer.function_arn,
            owner=owner,
            policy=policy_text(config.policy),
            code=_asset_of(self, claimer),
        )

        loop = Construct(self, "Loop")
        queues = Queues(loop, "Queues", config=config)
        functions = {f: builder.build(loop, f) for f in needed(config) if f != naming.CLAIM_TABLE}
        _invoke_record(loop, functions[naming.RECORD_FEEDBACK], queues, config=config)
        _consume(loop, functions, queues, tally_window_s=tally_window_s)
        # Their subscriptions name the queue, which SNS may want to see.
        undelivered = queues.team_dead_letters
        OnCall(loop, "OnCall", config=config, functions=functions).node.add_dependency(undelivered)
        Schedule(
            loop,
            "CheckSchedule",
            deployment=deployment,
            name=naming.CHECK_LOOP,
            function=functions[naming.CHECK_LOOP],
            every=CHECK_EVERY,
        )
        if naming.SEND_CANARIES in functions:
            Canaries(loop, "Canaries", config=config, function=functions[naming.SEND_CANARIES])
        if naming.TELL_TEAMS in functions:
            digests = Digests(loop, "Digests", config=config, function=functions[naming.TELL_TEAMS])
            digests.node.add_dependency(undelivered)
        if naming.SYNC_LISTS in functions:
            # How often a round begins is the file's to say; the function looks whether one is due, or not done yet.
            Schedule(
                loop,
                "SyncSchedule",
                deployment=deployment,
                name=naming.SYNC_LISTS,
                function=functions[naming.SYNC_LISTS],
                every=SYNC_EVERY,
            )
        if naming.BREAK_CIRCUIT in functions:
            breaker = functions[naming.BREAK_CIRCUIT]
            Breaker(loop, "Breaker", deployment=deployment, region=region, function=breaker)
        Archive(
            loop,
            "Archive",
            deployment=deployment,
            region=region,
            write=functions[naming.WRITE_ARCHIVE],
            announce=functions[naming.ANNOUNCE_CHANGES],
        )
        changes = Changes(loop, "Changes", config=config, function=functions[naming.ANNOUNCE_CHANGES])
        changes.node.add_dependency(undelivered)
        ArchiveCatalog(loop, "ArchiveCatalog", config=config)
        Replay(
            loop, "Replay", deployment=deployment, region=region, function=functions[naming.REPLAY_ARCHIVE].function_arn
        )
        if naming.ANSWER_LOOKUPS in functions:
            Lookup(loop, "Lookup", config=config, function=functions[naming.ANSWER_LOOKUPS])
        if naming.RECEIVE_POSTS in functions:
            Endpoint(loop, "Endpoint", config=config, function=functions[naming.RECEIVE_POSTS])
        _alarms(loop, config, cells)
        loop.node.add_dependency(claim)
        _outputs(self, config)


def _invoke_record(scope: Construct, record: lambda_.Function, queues: Queues, *, config: Config) -> None:
    """Let the topics that it acts upon invoke ``record_feedback``, and keep what it fails on."""
    for name in sending_topics(config, ACTED_KINDS, most_bytes=FUNCTION_BYTES, statements=True):
        lambda_.CfnPermission(
            scope,
            f"TopicInvokes{naming.digest(name)}",
            action="lambda:InvokeFunction",
            function_name=record.function_arn,
            principal="sns.amazonaws.com",
            source_arn=arns.topic(config.deployment.region, name),  # Lambda compares it with ArnLike
        )
    lambda_.CfnEventInvokeConfig(
        scope,
        "FailedGoesToRetry",
        function_name=record.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=_TRIES_AFTER_THE_FIRST,
        maximum_event_age_in_seconds=_MAX_EVENT_AGE_S,
        destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
            on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=queues.retry.attr_arn)
        ),
    )


def _consume(scope: Construct, functions: dict[str, lambda_.Function], queues: Queues, *, tally_window_s: int) -> None:
    """Empty the retry queue into ``retry_feedback`` and the tally queue into ``tally_feedback``."""
    for function, queue, batch, window_s, concurrency in (
        (naming.RETRY_FEEDBACK, queues.retry, RETRY_BATCH, 0, RETRY_CONCURRENCY),
        (naming.TALLY_FEEDBACK, queues.tally, TALLY_BATCH, tally_window_s, TALLY_CONCURRENCY),
    ):
        lambda_.CfnEventSourceMapping(
            scope,
            naming.camel(function.replace("_", " ")) + "Source",
            function_name=functions[function].function_arn,
            event_source_arn=queue.attr_arn,
            batch_size=batch,
            maximum_batching_window_in_seconds=window_s,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=concurrency),
        )


def _alarms(scope: Construct, config: Config, cells: int) -> None:
    deployment, region = config.deployment.name, config.deployment.region
    whole = WholeAlarms(
        scope,
        "Alarms",
        deployment=deployment,
        region=region,
        functions=needed(config),
        texts=config.on_call.texts(),
        canary_mails=mails_an_hour(canaries(config), config.canary.every),
    )
    held = HeldAlarms(scope, "Held", deployment=deployment, region=region, cells=cells)
    held.node.add_dependency(whole)  # whose alarm on counting it names
    ReputationAlarms(
        scope,
        "Reputation",
        deployment=deployment,
        region=region,
        named=ACCOUNT,
        subject=f"the account in {region}",
        part_of_pages=True,  # they are in the overview stack, which knows every other page
    )


def _outputs(scope: cdk.Stack, config: Config) -> None:
    deployment, region = config.deployment.name, config.deployment.region
    for output, severity in zip((naming.OUTPUT_PAGE_TOPIC, naming.OUTPUT_WARN_TOPIC), SEVERITIES, strict=True):
        cdk.CfnOutput(
            scope,
            output,
            value=arns.topic(region, naming.on_call_topic_name(deployment, severity)),
            description=f"The topic that alarms of severity {severity} reach on-call through",
        )
    cdk.CfnOutput(
        scope,
        naming.OUTPUT_CONFIGURATION,
        value=naming.digest(to_loop(config)),
        description="Tells the configuration inside the functions from the file's; `ses-feedback doctor` compares them",
    )


def _asset_of(stack: cdk.Stack, function: lambda_.Function) -> str:
    """Return what names a function's code: another name for other code."""
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    return str(stack.resolve(resource.code)["s3Key"])
