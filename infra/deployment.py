"""A whole deployment: data, core, cells and overviews, and the order in which they are deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from infra import nag
from infra.alarms.blocked import BlockedAlarms
from infra.alarms.rollups import RollUps
from infra.cell_stack import CellStack
from infra.cells import Lock
from infra.core_stack import CoreStack
from infra.data_stack import DataStack
from infra.overview_stack import OverviewStack, dealt
from infra.target import LAMBDA, Target
from ses_feedback import naming
from ses_feedback.config.model import Config

# Each wiring waits its turn for SES, which takes one call a second: more cells at once would only wait longer.
CELLS_AT_ONCE: Final = 4
DEFAULT_TALLY_WINDOW_S: Final = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between an AWS account and the embedded AWS: the target of the code, and two waiting times.

    ``rewire`` is any text that was not given before: it has every identity wired anew, although nothing else changed.
    """

    target: Target = LAMBDA
    ses_interval_ms: int = naming.DEFAULT_SES_INTERVAL_MS
    tally_window_s: int = DEFAULT_TALLY_WINDOW_S
    rewire: str | None = None


def new_app(**options: Any) -> cdk.App:
    """Return an app that adds nothing to the stacks by itself, so that a cell without identities is really empty.

    CDK's own template validation is off: it is most of the time of a synth, and cfn-lint proves the same in the tests.
    """
    return cdk.App(analytics_reporting=False, builtin_cloud_formation_validation=False, **options)


def add_stacks(
    app: cdk.App,
    *,
    config: Config,
    lock: Lock,
    code: lambda_.Code,
    settings: Settings,
    own_code: Mapping[str, lambda_.Code] = MappingProxyType({}),
) -> None:
    """Add all stacks of a deployment to an app: data, core, cells, at most four of them at once, and the overviews.

    ``own_code`` is that of functions with an asset of their own, by name.

    An emptied cell comes last: CloudWatch deletes no alarm that one of the overview still names.
    """
    deployment, region = config.deployment.name, config.deployment.region
    nag.check(app)
    environment = cdk.Environment(region=region)
    data = DataStack(
        app,
        deployment=deployment,
        region=region,
        archive=config.archive,
        sync=config.ses_list.sync,
        env=environment,
        description=f"{deployment}: suppressions, archive and their key, kept when the stack is deleted",
    )
    core = CoreStack(
        app,
        config=config,
        owner=lock.owner,
        code=code,
        target=settings.target,
        ses_interval_ms=settings.ses_interval_ms,
        tally_window_s=settings.tally_window_s,
        own_code=own_code,
        cells=lock.highest,
        env=environment,
        description=f"{deployment}: records and counts SES feedback",
    )
    core.add_stack_dependency(data)
    names = naming.output_names(config.identities)
    cells: dict[int, CellStack] = {}
    emptied: list[CellStack] = []
    for number, members in lock.members().items():
        cell = CellStack(
            app,
            config=config,
            number=number,
            members=members,
            environments=lock.environments.get(number, ()),
            output_names=names,
            rewire=settings.rewire,
            env=environment,
            description=f"{deployment}: SES identities, cell {number}",
        )
        if not members:
            emptied.append(cell)
            continue
        cell.add_stack_dependency(core)
        if len(cells) >= CELLS_AT_ONCE:
            cell.add_stack_dependency(list(cells.values())[-CELLS_AT_ONCE])
        cells[number] = cell
    for number, boards in dealt(config):
        overview = OverviewStack(
            app,
            deployment=deployment,
            number=number,
            members=boards,
            runbooks=config.on_call.runbooks,
            env=environment,
            description=f"{deployment}: alarms over all identities, and dashboards"
            if number == 1
            else f"{deployment}: more dashboards",
        )
        overview.add_stack_dependency(core)
        if number == 1:
            BlockedAlarms(overview, "Blocked", config=config)
            RollUps(overview, "RollUps", config=config, cells={n: lock.environments.get(n, ()) for n in cells})
            for before in cells.values():
                overview.add_stack_dependency(before)
            for cell in emptied:
                cell.add_stack_dependency(overview)
