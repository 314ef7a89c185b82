"""A stack of some identities. It refers to the core by name only, so that the core can change freely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.alarms.factory import AlarmFactory, runbooks_at
from infra.alarms.held import days_late
from infra.identity import IdentityLoop
from ses_feedback import naming
from ses_feedback.config.model import Config


class CellStack(cdk.Stack):
    """The loops of ``members``. Without any, the stack has no resources and ``cdk deploy`` deletes it.

    ``environments`` are those the cell has ever had with alarms of identities: each has an alarm that is on while any
    of its identities here is paged. CloudWatch refuses to delete an alarm that another names, as roll-ups in a later
    stack do: so these stay when the last identity leaves, and an identity's own are named in no other stack.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        config: Config,
        number: int,
        members: Sequence[str],
        environments: Sequence[str],
        output_names: Mapping[str, str],
        rewire: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, naming.cell_stack(config.deployment.name, number), **kwargs)
        runbooks_at(self, config.on_call.runbooks)
        factory = AlarmFactory(self, deployment=config.deployment.name, region=config.deployment.region)
        late = None
        if members and config.deployment.alarms == "identity":
            late = days_late(factory, config.deployment.name, naming.cell_days_late_parts(number), number)
        loops = {
            name: IdentityLoop(
                self,
                config=config,
                identity=config.identities[name],
                output_name=output_names[name],
                rewire=rewire,
                days_late=late,
            )
            for name in members
        }
        for environment in environments if members else ():
            self._paged(factory, config, number, environment, loops)

    def _paged(
        self,
        factory: AlarmFactory,
        config: Config,
        number: int,
        environment: str,
        loops: Mapping[str, IdentityLoop],
    ) -> None:
        own = [
            loop.rates
            for name, loop in loops.items()
            if loop.rates is not None and config.identities[name].environment == environment
        ]
        factory.any_of(
            naming.cell_paged_parts(number, environment),
            [rates.paged for rates in own],
            subject=f"a page of an identity of {environment} in cell {number}",
            children=[rates.told for rates in own],
        )
