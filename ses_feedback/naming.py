"""Every name that two rooms must agree on: what the Lambdas emit and the alarms watch, what the stacks create and the
command line opens. Pure, so that the infrastructure, the Lambdas, the command line and the tests can share it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final

# --- metrics ----------------------------------------------------------------------------------------------------------
METRIC_NAMESPACE: Final = "SesFeedback"
# Dimensions. Every metric carries the deployment's name, so that two deployments in one account never add up.
DIMENSION_DEPLOYMENT: Final = "Deployment"
DIMENSION_IDENTITY: Final = "Identity"
DIMENSION_ENVIRONMENT: Final = "Environment"
# Per identity, or per environment with `alarms = "environment"`.
METRIC_DELIVERED: Final = "Delivered"
METRIC_DELIVERED_REPORTING: Final = "DeliveredReporting"
METRIC_HARD_BOUNCED: Final = "HardBounced"
METRIC_COMPLAINED: Final = "Complained"
RATE_METRICS: Final = (METRIC_DELIVERED, METRIC_DELIVERED_REPORTING, METRIC_HARD_BOUNCED, METRIC_COMPLAINED)
# Of the whole deployment.
METRIC_TALLIED: Final = "Tallied"
METRIC_QUARANTINED: Final = "Quarantined"

# --- functions --------------------------------------------------------------------------------------------------------
RECORD_FEEDBACK: Final = "record_feedback"
RETRY_FEEDBACK: Final = "retry_feedback"
TALLY_FEEDBACK: Final = "tally_feedback"
WIRE_IDENTITY: Final = "wire_identity"
CLAIM_TABLE: Final = "claim_table"
FUNCTIONS: Final = (RECORD_FEEDBACK, RETRY_FEEDBACK, TALLY_FEEDBACK, WIRE_IDENTITY, CLAIM_TABLE)


def handler_of(function: str) -> str:
    """Return the Lambda handler string of a function: one module in ``lambdas`` for each."""
    return f"lambdas.{function}.handler"


def function_name(deployment: str, function: str) -> str:
    """Return the physical name of a function, ``NAME-record_feedback``."""
    return f"{deployment}-{function}"


# Environment variables of the functions.
ENV_DEPLOYMENT: Final = "SES_FEEDBACK_DEPLOYMENT"
ENV_TABLE: Final = "SES_FEEDBACK_TABLE"
ENV_WIRING_TABLE: Final = "SES_FEEDBACK_WIRING_TABLE"
ENV_QUARANTINE_BUCKET: Final = "SES_FEEDBACK_QUARANTINE_BUCKET"
ENV_ADDRESS_KEY: Final = "SES_FEEDBACK_ADDRESS_KEY"  # the secret's value, resolved by CloudFormation
ENV_RETRY_QUEUE_URL: Final = "SES_FEEDBACK_RETRY_QUEUE_URL"
ENV_SES_INTERVAL: Final = "SES_FEEDBACK_SES_INTERVAL_MS"  # between two SES calls of the account
# Read at synth: the embedded AWS needs no pacing (context key of the CDK app).
CONTEXT_SES_INTERVAL: Final = "ses_interval_ms"
DEFAULT_SES_INTERVAL_MS: Final = 1_000

# --- the normalised configuration inside the asset --------------------------------------------------------------------
RUNTIME_CONFIG_FILE: Final = "feedback.json"

# --- resources --------------------------------------------------------------------------------------------------------


def data_stack(deployment: str) -> str:
    """Return the name of the stack that keeps what must never be lost."""
    return f"{deployment}-data"


def core_stack(deployment: str) -> str:
    """Return the name of the stack of functions, queues, on-call topics and alarms of the whole."""
    return f"{deployment}-core"


def cell_stack(deployment: str, number: int) -> str:
    """Return the name of the ``number``-th identity cell, counted from 1."""
    return f"{deployment}-cell-{number:04d}"


def table_name(deployment: str) -> str:
    """Return the name of the suppression table."""
    return f"{deployment}-suppressions"


def wiring_table_name(deployment: str) -> str:
    """Return the name of the small table of SES call slots and former settings."""
    return f"{deployment}-wiring"


def secret_name(deployment: str) -> str:
    """Return the name of the secret under which addresses are keyed."""
    return f"{deployment}-address-key"


def key_alias(deployment: str) -> str:
    """Return the alias of the deployment's own KMS key."""
    return f"alias/{deployment}"


def quarantine_bucket_name(deployment: str, account: str, region: str) -> str:
    """Return the name of the quarantine bucket; bucket names are global, hence account and region."""
    return f"{deployment}-quarantine-{account}-{region}"


def tally_queue_name(deployment: str) -> str:
    """Return the name of the queue every notification passes on its way to be counted."""
    return f"{deployment}-tally"


def tally_dead_letter_queue_name(deployment: str) -> str:
    """Return the name of the queue of batches' messages that could not be counted."""
    return f"{deployment}-tally-dead-letters"


def retry_queue_name(deployment: str) -> str:
    """Return the name of the queue of feedback that could not be recorded yet."""
    return f"{deployment}-retry"


def dead_letter_queue_name(deployment: str) -> str:
    """Return the name of the queue of feedback that was given up after days of trying."""
    return f"{deployment}-dead-letters"


def team_dead_letter_queue_name(deployment: str) -> str:
    """Return the name of the queue of notifications that a team's destination did not take."""
    return f"{deployment}-team-dead-letters"


def on_call_topic_name(deployment: str, severity: str) -> str:
    """Return the name of the on-call topic of a severity, ``page`` or ``warn``."""
    return f"{deployment}-on-call-{severity}"


def alarm_name(deployment: str, *parts: str) -> str:
    """Return an alarm's name: the deployment, then what it watches, e.g. ``ses-feedback example.com bounce page``."""
    return " ".join((deployment, *parts))


_TOPIC_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")


def identity_hash(identity: str) -> str:
    """Return eight hexadecimal digits that tell apart identities whose readable names collide."""
    return hashlib.sha256(identity.encode()).hexdigest()[:8]


def identity_slug(identity: str) -> str:
    """Return an identity in the letters a topic name may have, at most 100 of them."""
    return _TOPIC_UNSAFE.sub("-", identity).strip("-")[:100]


def topic_name(deployment: str, kind: str, identity: str) -> str:
    """Return ``NAME_kind_identity_hash``: without it ``dev@example.com`` and ``dev.example.com`` would collide."""
    return f"{deployment}_{kind}_{identity_slug(identity)}_{identity_hash(identity)}"


def topic_pattern(deployment: str) -> str:
    """Return the ``ArnLike`` pattern part that every topic of a deployment matches and no other deployment's does.

    A deployment's name has no underscore, so ``news_*`` cannot match the topics of ``news-letter``.
    """
    return f"{deployment}_*"


def configuration_set_name(deployment: str, identity: str) -> str:
    """Return the name of an identity's own configuration set (at most 64 letters)."""
    return f"{deployment[:20]}-{identity_slug(identity)[:34]}-{identity_hash(identity)}"


# --- CDK outputs ------------------------------------------------------------------------------------------------------
OUTPUT_TABLE: Final = "SuppressionTableName"
OUTPUT_PAGE_TOPIC: Final = "OnCallPageTopicArn"
OUTPUT_WARN_TOPIC: Final = "OnCallWarnTopicArn"


def camel(text: str) -> str:
    """Return the alphanumeric parts of a text in CamelCase: ``dev@example.com`` is ``DevExampleCom``."""
    return "".join(part[:1].upper() + part[1:] for part in _TOPIC_UNSAFE.split(text) if part)


def output_names(identities: Iterable[str]) -> Mapping[str, str]:
    """Return each identity's CamelCase name in outputs; where two give the same, both end in their topic's hash."""
    names = {identity: camel(identity) for identity in identities}
    taken: dict[str, int] = {}
    for name in names.values():
        taken[name] = taken.get(name, 0) + 1
    return {i: n + identity_hash(i) if taken[n] > 1 else n for i, n in names.items()}


def topic_output(kind: str, identity_output: str) -> str:
    """Return the output that holds a topic's ARN, ``TopicBounceDevExampleCom``."""
    return f"Topic{camel(kind)}{identity_output}"


# --- tables -----------------------------------------------------------------------------------------------------------
ATTRIBUTE_KEY: Final = "pk"
ATTRIBUTE_TTL: Final = "expires_at"  # seconds since 1970
INDEX_LISTING: Final = "listing"
ATTRIBUTE_LISTING_KEY: Final = "listing_key"  # environment#reason#YYYY-MM#shard
ATTRIBUTE_LISTING_SINCE: Final = "listing_since"  # ISO time
LISTING_SHARDS: Final = 4
# Attributes the index carries besides its keys, so that a page of a listing needs no second read.
LISTING_ATTRIBUTES: Final = ("address", "listing_reason", "listing_scope", "listing_until")
