"""The real ``cdk deploy`` against the embedded AWS.

An account already has verified identities before this project is deployed into it, and a bootstrapped environment: both
are made here first. The context keys are those of ``app.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from local.cdk import Cdk, DeploymentError
from local.cloud import Cloud
from local.loop import DidNotHappen, Loop, until
from local.state import State
from ses_feedback import naming
from ses_feedback.config import Config

_MOST_IDENTITIES: Final = 100  # GetIdentityNotificationAttributes
Say = Callable[[str], None]


def deploy(cloud: Cloud, config: Config, state: State, say: Say = lambda _: None) -> dict[str, str]:
    """Deploy a configuration into the embedded AWS and return the outputs of all stacks, flat.

    Raises ``DeploymentError``. ``say`` is told about each step in a few words.
    """
    verify_identities(cloud, config)
    cdk = Cdk(cloud, state)
    inputs = context(cloud, config, state)
    say("synthesising the CDK app and bootstrapping the account")
    with ThreadPoolExecutor(2) as pool:
        try:
            steps = [pool.submit(cdk.synth, inputs), pool.submit(cdk.bootstrap)]
            for step in steps:
                step.result()
        except BaseException:  # Ctrl-C too: the pool would wait for the other step
            cdk.interrupt()
            raise
    say("deploying with the CDK command line")
    outputs = cdk.deploy()
    say("warming up the functions")
    warm_up(Loop(cloud, config, outputs))
    return outputs


def context(cloud: Cloud, config: Config, state: State) -> dict[str, str]:
    """Return the CDK's context of a deployment into the embedded AWS."""
    return {
        "local": "true",
        naming.CONTEXT_SES_INTERVAL: str(cloud.ses_interval_ms),
        "tally_window_s": "1",
        "lock": str(state.cells),
        "config": str(config.path),
    }


def verify_identities(cloud: Cloud, config: Config) -> None:
    """Make the configured identities exist in the embedded SES; all are verified but those under ``.invalid``.

    Those that the deployment creates where they are missing are missing.
    """
    ses = cloud.client("ses")
    for identity in config.identities.values():
        if identity.create:
            continue
        time.sleep(cloud.ses_interval_ms / 1_000)
        if identity.is_address:
            ses.verify_email_identity(EmailAddress=identity.name)
        else:
            ses.verify_domain_identity(Domain=identity.name)


def warm_up(loop: Loop) -> None:
    """Wait until SES's setup messages have passed: they start the functions' interpreters, and disturb no count later.

    Raises ``DeploymentError`` where they do not get through.
    """
    ses = loop.cloud.client("ses")
    names = list(loop.config.identities)
    urgent = 0
    for start in range(0, len(names), _MOST_IDENTITIES):
        answer = ses.get_identity_notification_attributes(Identities=names[start : start + _MOST_IDENTITIES])
        for settings in answer["NotificationAttributes"].values():
            urgent += ("BounceTopic" in settings) + ("ComplaintTopic" in settings)

    def passed() -> bool:
        return loop.invocations(naming.RECORD_FEEDBACK) >= urgent and loop.drained()

    try:
        until("reading the setup messages of SES", passed, seconds=120)
    except DidNotHappen as missed:
        raise DeploymentError(f"the functions do not work: {missed}") from None
