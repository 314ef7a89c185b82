"""Opens what a deployment keeps, for the command line: with the operator's credentials, in the configured region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from ses_feedback import naming
from ses_feedback.adapters.account_lists import SesAccountLists
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.suppression_table import META, SuppressionTable
from ses_feedback.adapters.troubles import Place, Trouble, code_of, is_missing, one_line, plainly
from ses_feedback.config.model import Config
from ses_feedback.domain.keys import Keys
from ses_feedback.usecases.ports import AccountLists, QuestionStore


class Connection(NamedTuple):
    """A deployment's table, and SES's lists in the regions of the deployment."""

    store: QuestionStore
    deployment: str
    regions: tuple[str, ...]

    def lists(self, *spellings: str) -> AccountLists:
        """Return SES's lists, on which an address may stand in other ``spellings`` too."""
        return SesAccountLists(self.deployment, self.regions, spellings)


@contextmanager
def connect(config: Config) -> Iterator[Connection]:
    """Open a deployment. Whatever AWS refuses inside the block is raised as ``Trouble``: one line that says what to do.

    The region is the configuration's, whatever AWS_REGION says. Needs ``secretsmanager:GetSecretValue`` and
    ``kms:Decrypt`` for the address key.
    """
    name, region = config.deployment.name, config.deployment.region
    place = Place(name, region)
    with plainly(place):
        keys = Keys(_address_key(place))
        store = SuppressionTable(_client("dynamodb", region), naming.table_name(name), keys, config.policy)
        yield Connection(store, name, config.deployment.regions)


def _client(service: str, region: str) -> Any:
    try:
        return client(service, region)
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
            raise Trouble(_why_missing(place)) from error
        if code_of(error) == "InvalidRequestException":
            raise Trouble(
                f"secret {name} in {place.region} is marked for deletion: restore it "
                f"(aws secretsmanager restore-secret --region {place.region} --secret-id {name}) before it is gone"
            ) from error
        raise
    secret = answer.get("SecretString")
    if not secret:
        raise Trouble(
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
