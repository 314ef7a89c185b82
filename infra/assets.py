"""The assets of a deployment's functions: one for almost all of them, and one for what takes posts of SNS."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_lambda as lambda_

from infra.bundling import LocalBundling, Warn
from infra.errors import BundlingError
from infra.needed import needed
from infra.sources import POSTS, Sources
from infra.target import Target
from ses_feedback import naming
from ses_feedback.config.loop import asset_files
from ses_feedback.config.model import Config
from ses_feedback.config.posts import posts_files


class Assets:
    """What CDK puts together when it needs it: ``code``, and ``own_code`` by function."""

    def __init__(self, config: Config, target: Target, *, warn: Warn) -> None:
        most = LocalBundling(Sources.collect(asset_files(config), target), warn=warn)
        self._bundlings = [most]
        self.code: lambda_.Code = most.code()
        self.own_code: Mapping[str, lambda_.Code] = {}
        if naming.RECEIVE_POSTS in needed(config):
            posts = LocalBundling(Sources.collect(posts_files(config), target, part=POSTS), warn=warn)
            self._bundlings.append(posts)
            self.own_code = {naming.RECEIVE_POSTS: posts.code()}

    @property
    def error(self) -> BundlingError | None:
        """What went wrong while CDK had an asset put together."""
        return next((bundling.error for bundling in self._bundlings if bundling.error is not None), None)
