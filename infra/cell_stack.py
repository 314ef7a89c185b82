"""A stack of some identities. It refers to the core by name only, so that the core can change freely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.identity import IdentityLoop
from ses_feedback import naming
from ses_feedback.config.model import Config


class CellStack(cdk.Stack):
    """The loops of ``members``. Without any, the stack has no resources and ``cdk deploy`` deletes it."""

    def __init__(
        self,
        scope: Construct,
        *,
        config: Config,
        number: int,
        members: Sequence[str],
        output_names: Mapping[str, str],
        rewire: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, naming.cell_stack(config.deployment.name, number), **kwargs)
        for name in members:
            IdentityLoop(
                self,
                config=config,
                identity=config.identities[name],
                output_name=output_names[name],
                rewire=rewire,
            )
