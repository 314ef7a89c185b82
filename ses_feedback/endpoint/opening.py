"""Opens the endpoint of a deployment in an application of one's own: with its credentials, from the file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ses_feedback import naming
from ses_feedback.adapters.clients import client
from ses_feedback.adapters.connection import connect
from ses_feedback.adapters.quarantine_bucket import QuarantineBucket
from ses_feedback.config import ConfigError, load
from ses_feedback.config.posts import grants, heard
from ses_feedback.config.runtime import from_runtime, to_runtime
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.topics import TopicList
from ses_feedback.endpoint.answering import Endpoint
from ses_feedback.endpoint.certificates import Certificates, public_roots
from ses_feedback.endpoint.confirming import confirm
from ses_feedback.endpoint.fetching import fetch
from ses_feedback.endpoint.verifying import Verifier
from ses_feedback.usecases.handling import Entry, Outcome
from ses_feedback.usecases.ports import HistoryStore, Quarantine
from ses_feedback.usecases.receiving import receive
from ses_feedback.usecases.tally import TallyRules


class Feedback:
    """Stores feedback where a deployment keeps it; what ``Endpoint`` calls for each notification."""

    def __init__(self, rules: TallyRules, keys: Keys, store: HistoryStore, quarantine: Quarantine) -> None:
        self._rules = rules
        self._keys = keys
        self._store = store
        self._quarantine = quarantine

    def __call__(self, entry: Entry, now: int) -> Outcome:
        """Store the feedback of one entry."""
        return receive(
            [entry], rules=self._rules, keys=self._keys, store=self._store, quarantine=self._quarantine, now=now
        )


def open_endpoint(path: Path | str = "feedback.toml") -> Endpoint:
    """Return the endpoint for the topics that a configuration file lists under ``endpoint.topics``.

    Raises ``ConfigError`` with all problems of the file, and ``Trouble`` where AWS refuses or nothing is deployed: each
    is one clear line.
    """
    config = load(Path(path))
    if not config.endpoint.topics:
        problem = (
            "endpoint.topics: missing; say from which topics posts are taken, such as "
            'topics = [{ arn = "arn:aws:sns:eu-west-1:444455556666:ses-*", environment = "production" }]'
        )
        raise ConfigError([problem], config.path)
    deployment, region = config.deployment.name, config.deployment.region
    listed = grants(config.endpoint.topics)
    rules = heard(from_runtime(to_runtime(config)), listed)
    with connect(config) as connection:
        connection.store.verify()
        account = connection.caller.split(":")[4]
        bucket = naming.quarantine_bucket_name(deployment, account, region)
        quarantine = QuarantineBucket(partial(client, "s3", region), bucket)
        feedback = Feedback(rules, connection.keys, connection.store, quarantine)
    verifier = Verifier(TopicList(listed), Certificates(fetch, public_roots()))
    return Endpoint(verifier, feedback, confirm)
