"""What a command works with: how to open a deployment, and what the time is. Tests bring their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ses_feedback.cli.screen import tell
from ses_feedback.domain.addresses import normalise
from ses_feedback.domain.errors import InvalidAddress, PermanentError

if TYPE_CHECKING:
    from ses_feedback.adapters.replay_machine import ReplayMachine
    from ses_feedback.config import Config
    from ses_feedback.domain.keys import Keys
    from ses_feedback.domain.mail_hosts import Dns
    from ses_feedback.domain.policy import Policy
    from ses_feedback.usecases.archive import Archive
    from ses_feedback.usecases.doctor import Inventory, Places
    from ses_feedback.usecases.lists.comparing import Parts
    from ses_feedback.usecases.lists.importing import ListStore
    from ses_feedback.usecases.pausing import Desk
    from ses_feedback.usecases.ports import (
        AccountLists,
        LetterSource,
        LetterTarget,
        QuarantineStore,
        WorkQueue,
    )
    from ses_feedback.usecases.proving.ports import Parts as Proving
    from ses_feedback.usecases.replay import Source


class Deployment(Protocol):
    """A deployment that was opened."""

    @property
    def store(self) -> ListStore:
        """What is known of addresses."""

    def policy_deployed(self) -> Policy | None:
        """Return the policy that the functions decide by, and write by it from now on; ``None``: nobody noted one."""

    @property
    def quarantine(self) -> QuarantineStore:
        """What could not be read."""

    @property
    def inventory(self) -> Inventory:
        """What SES and AWS say of the deployment, and what mends it."""

    @property
    def places(self) -> Places:
        """Its own stores, as doctor asks them."""

    @property
    def pauses(self) -> Desk:
        """What pauses and resumes identities."""

    @property
    def caller(self) -> str:
        """The ARN of whoever runs the command."""

    @property
    def signature(self) -> str:
        """The same; empty where AWS does not say it at once."""

    def queue(self, name: str) -> WorkQueue:
        """Return a queue by its name."""

    @property
    def archive_stream(self) -> LetterTarget:
        """What everything archived passes."""

    @property
    def archive_errors(self) -> LetterSource:
        """What could not be archived."""

    @property
    def keys(self) -> Keys:
        """What makes the keys of addresses and strikes."""

    def replay_from(self, source: str | None) -> Source:
        """Return the archive to replay; ``None``: the deployment's own."""

    @property
    def replay_machine(self) -> ReplayMachine:
        """What replays the deployment's own archive on AWS."""

    @property
    def proving(self) -> Proving:
        """What ``prove`` works with."""

    @property
    def sync_parts(self) -> Parts:
        """SES's own lists in each region, and what a sync with them remembers."""

    def lists(self, *spellings: str) -> AccountLists:
        """Return SES's own lists, on which an address may be spelled otherwise."""


def as_deployed(settings: Config, deployment: Deployment) -> Config:
    """Return the configuration with the policy that the functions decide by, whatever the file says.

    A file that nobody has deployed yet must not drop evidence that the deployed one counts.
    """
    policy = deployment.policy_deployed()
    if policy is None or policy == settings.policy:
        return settings
    tell("ses-feedback: the policy of this file is not deployed: what is decided follows the deployed one")
    return replace(settings, policy=policy)


def connect(config: Config) -> AbstractContextManager[Deployment]:
    """Open the configured deployment in AWS."""
    # boto costs 200 ms: a command that needs no AWS does not import it.
    from ses_feedback.adapters.connection import connect as open_deployment  # noqa: PLC0415

    return open_deployment(config)


def open_archive(config: Config, source: str | None) -> AbstractContextManager[Archive]:
    """Open the archive at ``source``; ``None``: the configured deployment's own."""
    from ses_feedback.adapters.archives import open_archive as open_one  # noqa: PLC0415 - the same

    return open_one(config, source)


def wall_clock() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000


def public_dns() -> Dns:
    """Return DNS as this computer asks it."""
    from ses_feedback.adapters.public_dns import PublicDns  # noqa: PLC0415 - only a release that verifies pays for it

    return PublicDns()


class Session(NamedTuple):
    """The outside of every command."""

    connect: Callable[[Config], AbstractContextManager[Deployment]] = connect
    now: Callable[[], int] = wall_clock
    archive: Callable[[Config, str | None], AbstractContextManager[Archive]] = open_archive
    dns: Callable[[], Dns] = public_dns


def read_address(text: str) -> str:
    """Return an address argument in the form in which it compares. Raises ``PermanentError``, which names it."""
    try:
        return normalise(text)
    except InvalidAddress as error:
        raise PermanentError(f"{quoted(text)} is not an e-mail address: {error}") from None


def quoted(text: str) -> str:
    """Return what was typed, in quotes, for an error on one line."""
    shown = text if len(text) <= 80 else text[:79] + "…"
    return '"' + "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown) + '"'
