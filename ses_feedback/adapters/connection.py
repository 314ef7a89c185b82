"""Opens what a deployment keeps, for the command line: with the operator's credentials, in the configured region."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback import naming
from ses_feedback.adapters.account_lists import SesAccountLists
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.clock import SystemClock
from ses_feedback.adapters.list_table import ListTable
from ses_feedback.adapters.quarantine_pieces import QuarantinePieces
from ses_feedback.adapters.suppression_table import META
from ses_feedback.adapters.troubles import Lost, Place, Trouble, code_of, is_missing, one_line, plainly
from ses_feedback.adapters.work_queues import SqsWorkQueue
from ses_feedback.config.model import Config
from ses_feedback.config.runtime import policy_from
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.policy import Policy
from ses_feedback.usecases.ports import AccountLists, QuarantineStore, WorkQueue

if TYPE_CHECKING:
    from ses_feedback.adapters.archive_errors import ArchiveErrors
    from ses_feedback.adapters.archive_stream import ArchiveStream
    from ses_feedback.adapters.pause_table import PauseTable
    from ses_feedback.adapters.replay_machine import ReplayMachine
    from ses_feedback.domain.pauses import History
    from ses_feedback.usecases.doctor import Inventory, Places
    from ses_feedback.usecases.lists.comparing import Parts
    from ses_feedback.usecases.pausing import Desk
    from ses_feedback.usecases.proving.ports import Parts as Proving
    from ses_feedback.usecases.replay import Source as ReplaySource


class Connection:
    """A deployment's table, quarantine and queues, and SES's lists in its regions; each opened when it is needed."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._place = Place(config.deployment.name, config.deployment.region)

    @cached_property
    def keys(self) -> Keys:
        """The keys of addresses. Needs ``secretsmanager:GetSecretValue`` and ``kms:Decrypt``."""
        return Keys(_address_key(self._place))

    @cached_property
    def store(self) -> ListTable:
        """The suppression table, under the keys of addresses."""
        dynamodb = _client("dynamodb", self._place.region)
        return ListTable(dynamodb, naming.table_name(self._place.deployment), self.keys, self._config.policy)

    def policy_deployed(self) -> Policy | None:
        """Return the policy that the functions decide by, and write by it from now on; ``None``: nobody noted one."""
        text = self.store.deployed_policy()
        if text is None:
            return None
        policy = policy_from(json.loads(text))
        self.store.decide_by(policy)
        return policy

    def replay_from(self, source: str | None) -> ReplaySource:
        """Return the archive to replay: a folder, a file or ``s3://BUCKET/PREFIX``; ``None``: the deployment's own."""
        from ses_feedback.adapters.archive_places import Bucket, place_of  # noqa: PLC0415 - only replay pays for it
        from ses_feedback.adapters.archive_texts import ReplayArchive  # noqa: PLC0415

        deployment, region = self._place
        if source is not None:
            return ReplayArchive(place_of(source, lambda: _client("s3", region)))
        account = _client("sts", region).get_caller_identity()["Account"]
        return ReplayArchive(Bucket(_client("s3", region), naming.archive_bucket_name(deployment, account, region)))

    @cached_property
    def quarantine(self) -> QuarantineStore:
        """The quarantine bucket, in the account of the credentials."""
        deployment, region = self._place
        account = _client("sts", region).get_caller_identity()["Account"]
        bucket = naming.quarantine_bucket_name(deployment, account, region)
        return QuarantinePieces(_client("s3", region), bucket)

    def queue(self, name: str) -> WorkQueue:
        """Return a queue by its name."""
        return SqsWorkQueue(_client("sqs", self._place.region), name)

    @property
    def archive_stream(self) -> ArchiveStream:
        """What everything archived passes."""
        from ses_feedback.adapters.archive_stream import ArchiveStream  # noqa: PLC0415 - only redrive pays for it

        deployment, region = self._place
        return ArchiveStream(_client("firehose", region), naming.archive_stream_name(deployment))

    @property
    def archive_errors(self) -> ArchiveErrors:
        """What could not be archived, in the account of the credentials."""
        from ses_feedback.adapters.archive_errors import ArchiveErrors  # noqa: PLC0415 - the same

        deployment, region = self._place
        account = _client("sts", region).get_caller_identity()["Account"]
        return ArchiveErrors(_client("s3", region), naming.archive_bucket_name(deployment, account, region))

    @cached_property
    def inventory(self) -> Inventory:
        """What SES and AWS say of the deployment, and the wiring that mends it."""
        from ses_feedback.adapters.inventory import open_inventory  # noqa: PLC0415 - only doctor and routes pay for it

        return open_inventory(self._place, _client)

    @property
    def places(self) -> Places:
        """The deployment's own stores, as doctor asks them."""
        from ses_feedback.usecases.doctor import Places  # noqa: PLC0415 - the same

        return Places(self._verify_secret, self._quarantined, self._noted)

    @property
    def replay_machine(self) -> ReplayMachine:
        """What replays the deployment's own archive on AWS."""
        from ses_feedback.adapters.replay_machine import ReplayMachine  # noqa: PLC0415 - the same

        deployment, region = self._place
        _, partition, _, _, account, *_ = self.caller.split(":")
        name = naming.replay_machine_name(deployment)
        machine = f"arn:{partition}:states:{region}:{account}:stateMachine:{name}"
        return ReplayMachine(_client("stepfunctions", region), _client("s3", region), machine=machine)

    def _verify_secret(self) -> None:
        with plainly(self._place):
            self.store.verify()

    def _quarantined(self) -> Iterator[int]:
        with plainly(self._place):
            for page in self.quarantine.pages():
                yield len(page)

    @cached_property
    def caller(self) -> str:
        """The ARN of whoever the credentials belong to."""
        return str(_client("sts", self._place.region).get_caller_identity()["Arn"])

    @property
    def signature(self) -> str:
        """The same, for what may go on without it: empty where STS does not say so at once."""
        try:
            return str(_client("sts", self._place.region, 1).get_caller_identity()["Arn"])
        except (BotoCoreError, ClientError, KeyError):
            return ""

    @property
    def pauses(self) -> Desk:
        """What pauses and resumes identities: the wiring table, SES, and the on-call topics of the account."""
        from ses_feedback.adapters.on_call_topics import OnCallTopics  # noqa: PLC0415 - few commands pay for it
        from ses_feedback.adapters.sending_switch import SesSwitch  # noqa: PLC0415
        from ses_feedback.usecases.pausing import Desk  # noqa: PLC0415

        deployment, region = self._place
        _, partition, _, _, account, *_ = self.caller.split(":")
        on_call = OnCallTopics(
            _client("sns", region), deployment=deployment, topics=f"arn:{partition}:sns:{region}:{account}:"
        )
        return Desk(self._pauses, SesSwitch(_client("sesv2", region)), on_call, SystemClock().now)

    @cached_property
    def _pauses(self) -> PauseTable:
        from ses_feedback.adapters.pause_table import PauseTable  # noqa: PLC0415 - the same

        return PauseTable(_client("dynamodb", self._place.region), naming.wiring_table_name(self._place.deployment))

    def _noted(self, identities: Collection[str]) -> Mapping[str, History]:
        with plainly(self._place):
            return self._pauses.histories(identities)

    @property
    def proving(self) -> Proving:
        """What ``prove`` works with: SES, the table, topics, the archive, metrics, and the alarm of drills."""
        from ses_feedback.adapters.proving import NoLists, open_proving  # noqa: PLC0415 - only prove pays for it

        # A sync may have put a probe on SES's list while it was suppressed; else none ever is.
        lists = self.lists() if self._config.ses_list.sync else NoLists()
        account = self.caller.split(":")[4]
        return open_proving(self._place, account, _client, store=self.store, lists=lists, by=self.caller)

    @property
    def sync_parts(self) -> Parts:
        """SES's own lists in each region, and what a sync with them remembers."""
        from ses_feedback.adapters.sync_parts import open_parts  # noqa: PLC0415 - only sync pays for it

        account = self.caller.split(":")[4]
        return open_parts(self._place, self._config.deployment.regions, account, self.keys, _client)

    def lists(self, *spellings: str) -> AccountLists:
        """Return SES's lists, on which an address may stand in other ``spellings`` too."""
        return SesAccountLists(self._place.deployment, self._config.deployment.regions, spellings)


@contextmanager
def connect(config: Config) -> Iterator[Connection]:
    """Open a deployment. Whatever AWS refuses inside the block is raised as ``Trouble``: one line that says what to do.

    The region is the configuration's, whatever AWS_REGION says.
    """
    with plainly(Place(config.deployment.name, config.deployment.region)):
        yield Connection(config)


def _client(service: str, region: str, tries: int = 3) -> Any:
    try:
        return client(service, region, tries)
    except ValueError as error:
        raise Trouble(
            f"{one_line(str(error))}: AWS_ENDPOINT_URL must be a URL such as http://127.0.0.1:4566"
        ) from error


def _address_key(place: Place) -> str:
    name = naming.secret_name(place.deployment)
    try:
        answer = _client("secretsmanager", place.region).get_secret_value(SecretId=name)
    except ClientError as error:
        if is_missing(error):
            raise Lost(_why_missing(place)) from error
        if code_of(error) == "InvalidRequestException":
            raise Lost(
                f"secret {name} in {place.region} is marked for deletion: restore it "
                f"(aws secretsmanager restore-secret --region {place.region} --secret-id {name}) before it is gone"
            ) from error
        raise
    secret = answer.get("SecretString")
    if not secret:
        raise Lost(
            f"secret {name} in {place.region} holds no text: restore its former value, or every address looks unknown"
        )
    return str(secret)


def _why_missing(place: Place) -> str:
    """Return why there is no secret: nothing is deployed here, or only the secret is gone."""
    where = f"{place.region} of {_account(place.region)}"
    if _has_table(place):
        return (
            f"secret {naming.secret_name(place.deployment)} is gone from {where}, though the table is there: "
            "restore it with its former value, or every address looks unknown"
        )
    return (
        f'no deployment "{place.deployment}" in {where}: deploy first (cdk deploy), or choose the account with '
        "AWS_PROFILE, the deployment with --config"
    )


def _has_table(place: Place) -> bool:
    table = naming.table_name(place.deployment)
    try:
        _client("dynamodb", place.region).batch_get_item(RequestItems={table: {"Keys": [META]}})
    except (BotoCoreError, ClientError):
        return False
    return True


def _account(region: str) -> str:
    """Return the account of the credentials: a wrong one is the likeliest reason for finding nothing."""
    try:
        return f"account {_client('sts', region).get_caller_identity()['Account']}"
    except (BotoCoreError, ClientError, KeyError):
        return "this account"
