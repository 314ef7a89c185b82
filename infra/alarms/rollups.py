"""Alarms over several identities: of each environment, of the deployment, and of AWS's own account-wide rates.

One incident is one page: what is over more mail is silent while the page of anything it contains is on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from constructs import Construct

from infra.alarms.factory import AlarmFactory
from infra.alarms.held import days_late
from infra.alarms.rates import RateAlarms, RollUp
from infra.alarms.reputation import ACCOUNT, ReputationPages
from infra.alarms.together import pages_by_environment, rolled_up, whole_is_rolled_up
from ses_feedback import naming
from ses_feedback.config.model import Config


class RollUps(Construct):
    """All alarms over several identities. ``cells`` are the environments each cell has an alarm for, by its number.

    They refer to what is in cells and core by name, and CloudWatch makes none over an alarm that is not there: their
    stack is deployed after those.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, cells: Mapping[int, Sequence[str]]
    ) -> None:
        super().__init__(scope, construct_id)
        deployment, region = config.deployment.name, config.deployment.region
        below = pages_by_environment(deployment, cells) if config.deployment.alarms == "identity" else {}
        pages: list[str] = []
        made: list[cdk.CfnResource] = []
        with_alarms = rolled_up(config)
        factory = AlarmFactory(self, deployment=deployment, region=region)
        if with_alarms or whole_is_rolled_up(config):
            late = days_late(factory, deployment, (naming.roll_up_subject(None), "days", "late"))
        for environment in config.environments():
            if environment not in with_alarms:
                pages += below[environment]
                continue
            alarms = RateAlarms(
                self,
                f"Rates{naming.camel(environment)}{naming.identity_hash(environment)}",
                deployment=deployment,
                region=region,
                dimension=naming.DIMENSION_ENVIRONMENT,
                subject=environment,
                thresholds=config.thresholds,
                days_late=late,
                roll_up=RollUp(below.get(environment, ())),
            )
            pages.append(alarms.paged)
            made.append(alarms.told)
        if whole_is_rolled_up(config):
            whole = RateAlarms(
                self,
                "RatesOfAll",
                deployment=deployment,
                region=region,
                dimension=None,
                subject=deployment,
                thresholds=config.thresholds,
                days_late=late,
                roll_up=RollUp(pages, made),
            )
            pages, made = [whole.paged], [whole.told]
        if len(pages) > 1:
            parts = (naming.roll_up_subject(None), "paged")
            made = [factory.any_of(parts, pages, subject="a page of an identity", children=made)]
            pages = [naming.alarm_name(deployment, *parts)]
        ReputationPages(
            self,
            "Reputation",
            deployment=deployment,
            region=region,
            named=ACCOUNT,
            subject=f"the account in {region}",
            muted_by=pages[0],
            after=made,
        )
