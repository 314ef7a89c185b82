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
# Mail that receivers refused for what they think of its sender, per environment only.
METRIC_BLOCKED: Final = "Blocked"
RATE_METRICS: Final = (METRIC_DELIVERED, METRIC_DELIVERED_REPORTING, METRIC_HARD_BOUNCED, METRIC_COMPLAINED)
# Beside these, where there are bad events, and no metrics: how many by the receiver's domain, and by what it said.
NOTE_BOUNCED_AT: Final = "BouncedAt"
NOTE_BOUNCED_SAID: Final = "BouncedSaid"
NOTE_COMPLAINED_AT: Final = "ComplainedAt"
NOTE_BLOCKED_AT: Final = "BlockedAt"
NOTE_BLOCKED_SAID: Final = "BlockedSaid"
# Of the whole deployment.
METRIC_TALLIED: Final = "Tallied"
# Events that were counted so late that CloudWatch may show their counts hours or days later still.
METRIC_LATE: Final = "CountedLate"
METRIC_DAYS_LATE: Final = "CountedDaysLate"
METRIC_QUARANTINED: Final = "Quarantined"
METRIC_DRIFTED: Final = "Drifted"  # what the hourly check found to be other than the file says
METRIC_ARCHIVED: Final = "Archived"  # objects that came into the archive in the last hours
METRIC_ARCHIVE_WAITING: Final = "ArchiveWaiting"  # objects of what Firehose failed on
METRIC_CANARY_MISSING: Final = "CanaryMissing"  # canary feedback that did not come back in time
METRIC_CANARY_ROUND_TRIP: Final = "CanaryRoundTrip"  # milliseconds from sending a canary to its last feedback
# Of an identity, by kind of feedback: when (seconds since 1970) the newest probe was sent that has been counted.
METRICS_PROVED: Final[Mapping[str, str]] = {
    "bounce": "ProvedBounce",
    "complaint": "ProvedComplaint",
    "delivery": "ProvedDelivery",
}
# Of an environment, by a guard that was asked to: recipients taken off mail, calls when the table could not be read.
METRIC_GUARD_REMOVED: Final = "GuardRemoved"
METRIC_GUARD_UNREADABLE: Final = "GuardUnreadable"

# --- functions --------------------------------------------------------------------------------------------------------
RECORD_FEEDBACK: Final = "record_feedback"
RETRY_FEEDBACK: Final = "retry_feedback"
TALLY_FEEDBACK: Final = "tally_feedback"
WIRE_IDENTITY: Final = "wire_identity"
CLAIM_TABLE: Final = "claim_table"
CHECK_LOOP: Final = "check_loop"
SEND_CANARIES: Final = "send_canaries"
TELL_TEAMS: Final = "tell_teams"
BREAK_CIRCUIT: Final = "break_circuit"
WRITE_ARCHIVE: Final = "archive_feedback"
ANNOUNCE_CHANGES: Final = "announce_changes"
REPLAY_ARCHIVE: Final = "replay_archive"
EXPLAIN_ALARM: Final = "explain_alarm"
SYNC_LISTS: Final = "sync_lists"
ANSWER_LOOKUPS: Final = "answer_lookups"
RECEIVE_POSTS: Final = "receive_posts"
FUNCTIONS: Final = (
    RECORD_FEEDBACK,
    RETRY_FEEDBACK,
    TALLY_FEEDBACK,
    WIRE_IDENTITY,
    CLAIM_TABLE,
    CHECK_LOOP,
    SEND_CANARIES,
    TELL_TEAMS,
    BREAK_CIRCUIT,
    WRITE_ARCHIVE,
    ANNOUNCE_CHANGES,
    REPLAY_ARCHIVE,
    EXPLAIN_ALARM,
    SYNC_LISTS,
    ANSWER_LOOKUPS,
    RECEIVE_POSTS,
)


def handler_of(function: str) -> str:
    """Return the Lambda handler string of a function: one module in ``lambdas`` for each."""
    return f"lambdas.{function}.handler"


def function_name(deployment: str, function: str) -> str:
    """Return the physical name of a function, ``NAME-record_feedback``."""
    return f"{deployment}-{function}"


# The routes of the lookup API (the keys of an HTTP API's routes), and the operation that each is.
LOOKUP_ROUTES: Final[Mapping[str, str]] = {
    f"POST /v1/environments/{{environment}}/{operation}": operation for operation in ("check", "suppress", "release")
}


def lookup_api_name(deployment: str) -> str:
    """Return the name of the lookup API."""
    return f"{deployment}-lookup"


# The route of the public API that SNS posts to (the key of an HTTP API's route).
POSTS_PATH: Final = "/sns"
POSTS_ROUTE: Final = f"POST {POSTS_PATH}"


def posts_api_name(deployment: str) -> str:
    """Return the name of the public API that SNS posts to."""
    return f"{deployment}-posts"


# Environment variables of the functions.
ENV_DEPLOYMENT: Final = "SES_FEEDBACK_DEPLOYMENT"
ENV_TABLE: Final = "SES_FEEDBACK_TABLE"
ENV_WIRING_TABLE: Final = "SES_FEEDBACK_WIRING_TABLE"
ENV_QUARANTINE_BUCKET: Final = "SES_FEEDBACK_QUARANTINE_BUCKET"
ENV_ARCHIVE_BUCKET: Final = "SES_FEEDBACK_ARCHIVE_BUCKET"
ENV_ADDRESS_KEY: Final = "SES_FEEDBACK_ADDRESS_KEY"  # the secret's value, resolved by CloudFormation
ENV_RETRY_QUEUE_URL: Final = "SES_FEEDBACK_RETRY_QUEUE_URL"
ENV_SES_INTERVAL: Final = "SES_FEEDBACK_SES_INTERVAL_MS"  # between two SES calls of the account
ENV_QUEUES: Final = "SES_FEEDBACK_QUEUES_URL"  # what the URLs of queues begin with
ENV_ARCHIVE_STREAM: Final = "SES_FEEDBACK_ARCHIVE_STREAM"
ENV_ENDS_TABLE: Final = "SES_FEEDBACK_ENDS_TABLE"
ENV_CHANGES_TOPIC: Final = "SES_FEEDBACK_CHANGES_TOPIC_ARN"
ENV_TOPICS: Final = "SES_FEEDBACK_TOPICS_ARN"  # what the ARNs of topics begin with
# Read at synth: the embedded AWS needs no pacing (context key of the CDK app).
CONTEXT_SES_INTERVAL: Final = "ses_interval_ms"
DEFAULT_SES_INTERVAL_MS: Final = 1_000

# --- the normalised configuration inside the asset --------------------------------------------------------------------
RUNTIME_CONFIG_FILE: Final = "feedback.json"
LOOP_CONFIG_FILE: Final = "loop.json"  # the rest, for the functions that check the loop and tell people
POSTS_CONFIG_FILE: Final = "posts.json"  # from which topics posts are taken, in the asset of that function alone

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


def overview_stack(deployment: str, number: int = 1) -> str:
    """Return the name of the ``number``-th stack of what sees the whole: alarms over all identities, dashboards."""
    return f"{deployment}-overview" if number == 1 else f"{deployment}-overview-{number}"


def dashboard_name(deployment: str, number: int | None = None) -> str:
    """Return the name of the dashboard of the whole, or of the ``number``-th one of single identities."""
    return deployment if number is None else f"{deployment}-identities-{number}"


def table_name(deployment: str) -> str:
    """Return the name of the suppression table."""
    return f"{deployment}-suppressions"


def wiring_table_name(deployment: str) -> str:
    """Return the name of the small table of SES call slots and former settings."""
    return f"{deployment}-wiring"


def ends_table_name(deployment: str) -> str:
    """Return the name of the table of ends of suppressions that come."""
    return f"{deployment}-ends"


# Its keys.
ATTRIBUTE_SHARD: Final = "shard"
ATTRIBUTE_DUE: Final = "due"


def changes_topic_name(deployment: str) -> str:
    """Return the name of the topic through which changes of suppressions are told."""
    return f"{deployment}-changes"


def secret_name(deployment: str) -> str:
    """Return the name of the secret under which addresses are keyed."""
    return f"{deployment}-address-key"


def key_alias(deployment: str) -> str:
    """Return the alias of the deployment's own KMS key."""
    return f"alias/{deployment}"


def quarantine_bucket_name(deployment: str, account: str, region: str) -> str:
    """Return the name of the quarantine bucket; bucket names are global, hence account and region."""
    return f"{deployment}-quarantine-{account}-{region}"


def archive_bucket_name(deployment: str, account: str, region: str) -> str:
    """Return the name of the archive's bucket; bucket names are global, hence account and region."""
    return f"{deployment}-archive-{account}-{region}"


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


def archive_dead_letter_queue_name(deployment: str) -> str:
    """Return the name of the queue of notifications that the archive's stream did not take."""
    return f"{deployment}-archive-dead-letters"


def team_dead_letter_queue_name(deployment: str) -> str:
    """Return the name of the queue of notifications that a team's destination did not take."""
    return f"{deployment}-team-dead-letters"


def proving_queue_name(deployment: str, until: int) -> str:
    """Return the name of the queue that a run of ``prove`` listens by; by ``until`` (ms since 1970) it has ended."""
    return f"{proving_queue_prefix(deployment)}{until // 1_000:x}"


def proving_queue_prefix(deployment: str) -> str:
    """Return how the names of those queues begin."""
    return f"{deployment}-prove-until-"


def team_slug(team: str) -> str:
    """Return a team's name in the letters a queue or topic name may have, told apart by a hash."""
    return f"{_TOPIC_UNSAFE.sub('-', team).strip('-')[:24]}-{identity_hash(team)}".lstrip("-")


def digest_queue_name(deployment: str, team: str) -> str:
    """Return the name of the queue where notifications wait for a team's next digest."""
    return f"{digest_pattern(deployment)[:-1]}{team_slug(team)}"


def digest_topic_name(deployment: str, team: str) -> str:
    """Return the name of the topic through which a team's people get digests."""
    return digest_queue_name(deployment, team)


def digest_pattern(deployment: str) -> str:
    """Return the pattern of the names of digest queues and topics of this deployment, and of no other one's.

    As a deployment's name has no underscore; feedback topics are told apart by their kind.
    """
    return f"{deployment}_digest_*"


def recipient_key(protocol: str, endpoint: str) -> str:
    """Return what tells the people's destinations of a topic apart, without telling an address or number."""
    return hashlib.sha256(f"{protocol} {endpoint}".encode()).hexdigest()[:12]


# The attribute of a published digest that says which destination it is for: its `recipient_key`.
ATTRIBUTE_RECIPIENT: Final = "recipient"


def on_call_topic_name(deployment: str, severity: str) -> str:
    """Return the name of the on-call topic of a severity, ``page`` or ``warn``."""
    return f"{deployment}-on-call-{severity}"


def on_call_text_topic_name(deployment: str, severity: str) -> str:
    """Return the name of the topic through which people on call read of alarms of a severity in plain words."""
    return f"{on_call_topic_name(deployment, severity)}-text"


def severity_of_topic(deployment: str, topic: str) -> str | None:
    """Return the severity of the on-call topic with a name; ``None`` for any other topic."""
    prefix = on_call_topic_name(deployment, "")
    return topic.removeprefix(prefix) if topic.startswith(prefix) and topic != prefix else None


def alarm_name(deployment: str, *parts: str) -> str:
    """Return an alarm's name: the deployment, then what it watches, e.g. ``ses-feedback example.com bounce page``."""
    return " ".join((deployment, *parts))


def drill_alarm_name(deployment: str) -> str:
    """Return the name of the alarm that only a drill sets off."""
    return alarm_name(deployment, "drill")


_LONGEST_SUBJECT: Final = 150  # an alarm's name takes 255 letters, and a domain may have 253


def alarm_subject(subject: str) -> str:
    """Return an identity or environment as it appears in an alarm's name: whole, unless it would not fit."""
    if len(subject) <= _LONGEST_SUBJECT:
        return subject
    return f"{subject[: _LONGEST_SUBJECT - 9]}-{identity_hash(subject)}"


def rates_alarm_name(deployment: str, subject: str, severity: str) -> str:
    """Return the name of the alarm that is on while any rate of ``subject`` is at ``severity``.

    That is an identity, or what ``roll_up_subject`` returns.
    """
    return alarm_name(deployment, alarm_subject(subject), severity)


def roll_up_subject(environment: str | None) -> str:
    """Return an environment, or the whole deployment, as it appears in the names of its alarms over all identities.

    An environment may be called as any other alarm begins (``canary``), hence the word before it.
    """
    return f"environment {environment}" if environment else "deployment"


def blocked_parts(environment: str, label: str | None = None) -> tuple[str, ...]:
    """Return what ``alarm_name`` makes the name of: receivers block mail of an environment, or a part of that alarm."""
    return roll_up_subject(environment), "blocked", *([label] if label else [])


def cell_paged_parts(number: int, environment: str) -> tuple[str, ...]:
    """Return what ``alarm_name`` makes the name of: the alarm that any identity of a cell and environment is paged."""
    return "cell", f"{number:04d}", environment, "paged"


def cell_days_late_parts(number: int) -> tuple[str, ...]:
    """Return what ``alarm_name`` makes the name of: the alarm by which a cell knows that counting was days late."""
    return "cell", f"{number:04d}", "days", "late"


_TOPIC_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")


def identity_hash(identity: str) -> str:
    """Return eight hexadecimal digits that tell apart identities whose readable names collide."""
    return hashlib.sha256(identity.encode()).hexdigest()[:8]


def identity_slug(identity: str) -> str:
    """Return an identity in the letters a topic name may have, at most 100 of them."""
    return _TOPIC_UNSAFE.sub("-", identity).strip("-")[:100]


def topic_name(deployment: str, kind: str, identity: str) -> str:
    """Return ``NAME_kind_identity_hash``: without it ``dev@example.com`` and ``dev.example.com`` would collide."""
    return f"{topic_prefix(deployment, kind)}{identity_slug(identity)}_{identity_hash(identity)}"


def topic_prefix(deployment: str, kind: str) -> str:
    """Return how the names of a deployment's topics of a kind begin, ``NAME_kind_``."""
    return f"{deployment}_{kind}_"


def kind_of_topic(topic: str) -> str | None:
    """Return the kind of feedback of the topic with a name such as ``topic_name`` gives; ``None`` for any other."""
    parts = topic.split("_")  # a kind may have an underscore, deployment, slug and hash have none
    return "_".join(parts[1:-2]) if len(parts) > 3 else None


def same_loop(topic: str, other: str, identity: str) -> bool:
    """Return whether two topics' names are both of this identity and of one deployment."""
    end = f"_{identity_hash(identity)}"
    return topic.endswith(end) and other.endswith(end) and topic.partition("_")[0] == other.partition("_")[0]


def topic_pattern(deployment: str) -> str:
    """Return the ``ArnLike`` pattern part that every topic of a deployment matches and no other deployment's does.

    A deployment's name has no underscore, so ``news_*`` cannot match the topics of ``news-letter``.
    """
    return f"{deployment}_*"


def configuration_set_name(deployment: str, identity: str) -> str:
    """Return the name of an identity's own configuration set (at most 64 letters)."""
    return f"{configuration_set_prefix(deployment)}{identity_slug(identity)[:34]}-{identity_hash(identity)}"


def configuration_set_prefix(deployment: str) -> str:
    """Return how the names of a deployment's configuration sets begin."""
    return f"{deployment[:20]}-"


# The tag, with the deployment's name, of identities that a deployment created in SES.
TAG_DEPLOYMENT: Final = "ses-feedback-deployment"

# --- the archive ------------------------------------------------------------------------------------------------------
# The folders of its bucket: lines by hour of arrival, what Firehose failed on, and Athena's answers.
ARCHIVE_FEEDBACK: Final = "feedback"
ARCHIVE_ERRORS: Final = "errors"
ARCHIVE_ANSWERS: Final = "answers"
# What a sync with SES's own list notes between two runs, and the lists it hands to SES in bulk.
ARCHIVE_SYNC: Final = "sync"
# Its tables: the lines; every recipient of them; the same without duplicates; operators' decisions.
ARCHIVE_LINES: Final = "archive"
ARCHIVE_ARRIVALS: Final = "arrivals"
ARCHIVE_EVENTS: Final = "events"
ARCHIVE_DECISIONS: Final = "decisions"
# A query of the workgroup that would read more ends, and costs no more than this.
ARCHIVE_SCAN_LIMIT: Final = 100 * 10**9


def archive_stream_name(deployment: str) -> str:
    """Return the name of the Firehose stream that everything archived passes."""
    return f"{deployment}-archive"


def archive_subscription_role_name(deployment: str, region: str) -> str:
    """Return the name of the role by which SNS writes to that stream; a role is the whole account's, hence region."""
    return f"{deployment}-archive-{region}"


def changes_parameter(deployment: str) -> str:
    """Return the SSM parameter that holds the ARN of the suppression table's stream, which has no fixed name."""
    return f"/{deployment}/suppression-changes"


def archive_database(deployment: str) -> str:
    """Return the name of the archive's database in the Glue catalog: SQL takes no hyphen unquoted."""
    return deployment.lower().replace("-", "_")


# A replay on AWS: its steps in order, how many functions work at once, and the folder of their results among answers.
REPLAY_STEPS: Final = ("evidence", "deliveries")
REPLAY_CONCURRENCY: Final = 10
REPLAY_RESULTS: Final = "replay"


def replay_machine_name(deployment: str) -> str:
    """Return the name of the state machine that replays the archive on AWS."""
    return f"{deployment}-replay"


def archive_workgroup(deployment: str) -> str:
    """Return the name of the Athena workgroup for questions to the archive."""
    return f"{deployment}-archive"


# --- CDK outputs ------------------------------------------------------------------------------------------------------
OUTPUT_TABLE: Final = "SuppressionTableName"
OUTPUT_PAGE_TOPIC: Final = "OnCallPageTopicArn"
OUTPUT_WARN_TOPIC: Final = "OnCallWarnTopicArn"
OUTPUT_LOOKUP_URL: Final = "LookupUrl"
OUTPUT_ENDPOINT_URL: Final = "EndpointUrl"
OUTPUT_CHANGES_TOPIC: Final = "ChangesTopicArn"
OUTPUT_CONFIGURATION: Final = "ConfigurationDigest"  # of the configuration inside the functions, see `digest`


def digest(configuration: str) -> str:
    """Return sixteen hexadecimal digits that tell configurations (the text of ``LOOP_CONFIG_FILE``) apart."""
    return hashlib.sha256(configuration.encode()).hexdigest()[:16]


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


# The attributes of an identity's wiring that hold the DKIM records of a domain which the deployment may create: an
# easy-DKIM domain has three (SES developer guide, "Easy DKIM in Amazon SES").
DKIM_ATTRIBUTES: Final = ("Dkim1", "Dkim2", "Dkim3")


def dkim_output(attribute: str, identity_output: str) -> str:
    """Return the output that holds a DKIM record, ``DkimExampleCom1`` for ``Dkim1``."""
    return f"Dkim{identity_output}{attribute.removeprefix('Dkim')}"


# --- tables -----------------------------------------------------------------------------------------------------------
ATTRIBUTE_KEY: Final = "pk"
ATTRIBUTE_TTL: Final = "expires_at"  # seconds since 1970
INDEX_LISTING: Final = "listing"
ATTRIBUTE_LISTING_KEY: Final = "listing_key"  # environment#reason#YYYY-MM#shard
ATTRIBUTE_LISTING_SINCE: Final = "listing_since"  # ISO time
LISTING_SHARDS: Final = 4
# Attributes the index carries besides its keys, so that a page of a listing needs no second read.
LISTING_ATTRIBUTES: Final = ("address", "listing_reason", "listing_scope", "listing_until")
