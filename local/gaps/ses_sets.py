"""SES: configuration sets, and what their event destinations are sent.

A destination's topic must let SES publish for the set, and hears of it once; a set has at most ten destinations; both
versions of the API know the same sets; an update by a template that says nothing about sending leaves a paused set
paused, as SES's own API does.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, firehose, ses, ses_v2, sns
from ministack.services.cloudformation import provisioners

from local import simulator
from local.gaps import policies
from local.gaps import ses_answers as say
from local.gaps.ses_answers import Answer

log = logging.getLogger("local.ses")

MOST_DESTINATIONS: Final = 10  # Service quotas in Amazon SES
_SUBJECT: Final = "Amazon SES Email Event Notification"
Tags = Mapping[str, Sequence[str]]


def install() -> None:
    """Check what is put, and let both versions of the API see the same sets."""
    put, create = ses_v2._put_event_destination, ses_v2._create_config_set

    def put_checked(name: str, destination: str, definition: Any, *, create: bool) -> Answer | None:
        topic = ((definition or {}).get("SnsDestination") or {}).get("TopicArn")
        known = (ses_v2._config_sets.get(name) or {}).get("EventDestinations") or {}
        if create and destination not in known and len(known) >= MOST_DESTINATIONS:
            said = f"Configuration set <{name}> has {len(known)} event destinations; the limit is {MOST_DESTINATIONS}."
            return say.json_error("LimitExceededException", said)
        if topic and name in ses_v2._config_sets and not _may_publish(name, topic):
            return say.json_error("BadRequestException", f"Could not publish to SNS topic <{topic}>.")
        answer: Answer | None = put(name, destination, definition, create=create)
        if topic and answer is None:
            sns.publish_internal(topic, simulator.EVENT_SETUP_MESSAGE, _SUBJECT)
        return answer

    def create_in_both(name: str, data: Mapping[str, Any]) -> Any:
        ses._configuration_sets.setdefault(name, {"Name": name, "CreatedTimestamp": ses._iso_now()})
        return create(name, data)

    ses_v2._put_event_destination, ses_v2._create_config_set = put_checked, create_in_both
    _keep_pauses()


def _keep_pauses() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::SES::ConfigurationSet"]
    update = handler["update"]

    def updated(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any, **named: Any) -> Any:
        before = (ses_v2._config_sets.get(physical_id) or {}).get("SendingOptions")
        result = update(physical_id, old, new, *rest, **named)
        if before and "SendingOptions" not in new:
            ses_v2._config_sets[physical_id]["SendingOptions"] = before
        return result

    handler["update"] = updated


def arn(name: str) -> str:
    """Return the ARN of a configuration set."""
    return f"arn:aws:ses:{get_region()}:{get_account_id()}:configuration-set/{name}"


def exists(name: str) -> bool:
    """Say whether SES knows a configuration set."""
    return name in ses_v2._config_sets


def is_paused(name: str) -> bool:
    """Say whether a set refuses to send."""
    return not (ses_v2._config_sets[name].get("SendingOptions") or {}).get("SendingEnabled", True)


def suppressed_reasons(name: str, of_account: list[str]) -> list[str]:
    """Return for which reasons mail of a set is held back: its own, where it has an opinion, else the account's."""
    own = (ses_v2._config_sets.get(name) or {}).get("SuppressionOptions") or {}
    return list(own.get("SuppressedReasons", of_account))


def reputation_is_kept(name: str) -> bool:
    """Say whether a set has reputation metrics of its own."""
    options = (ses_v2._config_sets.get(name) or {}).get("ReputationOptions") or {}
    return bool(options.get("ReputationMetricsEnabled"))


def follow_v1(action: str, name: str) -> None:
    """Let v2 see what v1 has just created or deleted."""
    if action == "CreateConfigurationSet" and name not in ses_v2._config_sets:
        ses_v2._create_config_set(name, {})
    if action == "DeleteConfigurationSet":
        ses_v2._config_sets.pop(name, None)


def forget(name: str) -> Answer | None:
    """Let v1 see what v2 is about to delete; refuse what is not there."""
    if name not in ses_v2._config_sets:
        return say.missing(f"Configuration set <{name}> does not exist.")
    ses._configuration_sets.pop(name, None)
    return None


# --- events -----------------------------------------------------------------------------------------------------------


def publish(name: str, kind: str, body: simulator.Notification, mail: simulator.Notification, tags: Tags) -> None:
    """Tell a set's destinations about an event, each if it is enabled and asked for this kind."""
    for destination in _destinations(name, kind):
        event = simulator.published_event(kind, body, mail, tags)
        topic = (destination.get("SnsDestination") or {}).get("TopicArn")
        if topic and _may_publish(name, topic):
            sns.publish_internal(topic, json.dumps(event), _SUBJECT)
        elif topic:
            log.warning("%s: SES may not publish to %s; the event is lost", name, topic)
        for dimension in (destination.get("CloudWatchDestination") or {}).get("DimensionConfigurations") or []:
            _measure(kind, dimension, tags, mail)
        stream = (destination.get("KinesisFirehoseDestination") or {}).get("DeliveryStreamArn")
        if stream:
            data = base64.b64encode(f"{json.dumps(event)}\n".encode()).decode()
            firehose._put_record({"DeliveryStreamName": stream.rpartition("/")[2], "Record": {"Data": data}})


def _destinations(name: str, kind: str) -> Iterator[dict[str, Any]]:
    wanted = {"Rendering Failure": "RENDERING_FAILURE", "DeliveryDelay": "DELIVERY_DELAY"}.get(kind, kind.upper())
    for destination in list(((ses_v2._config_sets.get(name) or {}).get("EventDestinations") or {}).values()):
        if destination.get("Enabled") and wanted in destination["MatchingEventTypes"]:
            yield destination


def _may_publish(name: str, topic: str) -> bool:
    return policies.may_publish(topic, service="ses.amazonaws.com", source_arn=arn(name))


def _measure(kind: str, dimension: Mapping[str, str], tags: Tags, mail: simulator.Notification) -> None:
    """Count an event in CloudWatch under a dimension's value: a tag of the message, or one of its headers."""
    key, default = dimension["DimensionName"], dimension["DefaultDimensionValue"]
    headers = {header["name"].lower(): header["value"] for header in mail.get("headers", [])}
    of_source = {"MESSAGE_TAG": next(iter(tags.get(key, ())), None), "EMAIL_HEADER": headers.get(key.lower())}
    value = of_source.get(dimension["DimensionValueSource"]) or default
    cloudwatch.record_metric("AWS/SES", kind.replace(" ", ""), 1, "Count", {key: value})
