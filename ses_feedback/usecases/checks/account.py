"""SES's state of the account: may it send, to whom, and what does SES suppress by itself?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ses_feedback.config.model import Config
from ses_feedback.domain.events import DEFAULT_ENVIRONMENT
from ses_feedback.usecases.checks.finding import NOTE, WRONG, Finding
from ses_feedback.usecases.checks.live import Account

_PATH: Final = "deployment.region"
_HEALTHY: Final = "HEALTHY"


def check_account(config: Config, account: Account) -> Iterator[Finding]:
    """Yield what of the account's state keeps mail from going out, or makes SES suppress more than it should."""
    region = config.deployment.region
    if not account.production:
        serious = DEFAULT_ENVIRONMENT in config.environments()
        yield Finding(
            "sandbox",
            _PATH,
            f"SES in {region} is in the sandbox",
            "mail reaches verified addresses only, 200 a day; ask AWS for production access",
            f"aws sesv2 put-account-details --region {region} --production-access-enabled --mail-type TRANSACTIONAL"
            " --website-url https://example.com",
            level=WRONG if serious else NOTE,
        )
    if account.enforcement not in ("", _HEALTHY):
        yield Finding(
            "enforcement",
            _PATH,
            f"AWS has put SES in {region} under {account.enforcement.lower()}",
            "AWS has paused sending and only AWS can resume it: answer its case"
            if account.enforcement == "SHUTDOWN"
            else "AWS is reviewing the account and may stop it: find the mail that bounces, and answer its case",
            f"aws sesv2 get-account --region {region}",
        )
    if not account.sending:
        yield Finding(
            "sending",
            _PATH,
            f"sending is switched off for the account in {region}",
            "every mail is refused; resume it once what it was stopped for is mended",
            f"aws sesv2 put-account-sending-attributes --region {region} --sending-enabled",
        )
    yield from _suppression(config, account)


def _suppression(config: Config, account: Account) -> Iterator[Finding]:
    """Yield what SES's own list keeps too little or too much of; one command says all that it should keep."""
    affected = list(_affected(config)) if "COMPLAINT" in account.suppressed else []
    wanted = (account.suppressed | {"BOUNCE"}) - ({"COMPLAINT"} if affected else set())
    change = f"aws sesv2 put-account-suppression-attributes --region {config.deployment.region} --suppressed-reasons"
    mend = " ".join([change, *sorted(wanted)])
    if "BOUNCE" not in account.suppressed:
        yield Finding(
            "account suppression",
            _PATH,
            "SES does not suppress addresses that bounced by itself",
            "a sender that never asks goes on mailing them, and each bounce counts against the account",
            mend,
            level=NOTE,
        )
    for environment in affected:
        streams = ", ".join(config.streams(environment))
        yield Finding(
            "account suppression",
            _PATH,
            f"SES suppresses whoever complained, in all streams of {environment}: {streams}",
            "a complaint about one stream silently stops the mail of the others; leave complaints to this"
            ' deployment, or give identities configuration_set = { suppress = ["bounce"] }',
            mend,
            level=NOTE,
        )


def _affected(config: Config) -> Iterator[str]:
    """Yield the environments of several streams in which the account's setting applies to an identity."""
    for environment in config.environments():
        if len(config.streams(environment)) > 1 and any(
            identity.environment == environment
            and (identity.configuration_set is None or identity.configuration_set.suppress is None)
            for identity in config.identities.values()
        ):
            yield environment
