"""The stacks of what sees the whole: alarms over several identities in the first, and dashboards.

They refer to what is in core and cells by name only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cw
from constructs import Construct

from infra import arns
from infra.alarms.factory import runbooks_at
from infra.dashboards import Dashboard, dashboards
from ses_feedback import naming
from ses_feedback.config.model import Config

# A page of a hundred domains as long as a domain may be is 300 kB, and a template takes a megabyte. The first stack has
# alarms besides. Never to be changed: a dashboard that moves to another stack is deleted by the one that it left.
PAGES_OF_THE_FIRST: Final = 1
PAGES_OF_A_STACK: Final = 3


class OverviewStack(cdk.Stack):
    """The ``number``-th of these stacks, with some dashboards."""

    def __init__(
        self,
        scope: Construct,
        *,
        deployment: str,
        number: int,
        members: Sequence[Dashboard],
        runbooks: str,
        **kwargs: Any,
    ) -> None:
        # Much of an indented template is spaces.
        super().__init__(scope, naming.overview_stack(deployment, number), suppress_template_indentation=True, **kwargs)
        runbooks_at(self, runbooks)
        for made in members:
            body = json.dumps(made.body, separators=(",", ":"))
            cw.CfnDashboard(
                self,
                naming.camel(made.name),
                dashboard_name=made.name,
                dashboard_body=arns.sub(body) if "${" in body else body,
            )


def dealt(config: Config) -> Iterator[tuple[int, list[Dashboard]]]:
    """Yield stack number and dashboards: the whole and the first page, then the next ones. None ever moves."""
    first = PAGES_OF_THE_FIRST + 1
    found = dashboards(config)
    yield 1, found[:first]
    for number, start in enumerate(range(first, len(found), PAGES_OF_A_STACK), 2):
        yield number, found[start : start + PAGES_OF_A_STACK]
