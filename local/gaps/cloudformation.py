"""CloudFormation: composite and metric-math alarms, dropped properties of tables and functions, failed Creates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, dynamodb, lambda_svc
from ministack.services.cloudformation import custom_resource, provisioners

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
_handlers = provisioners._RESOURCE_HANDLERS


def install() -> None:
    """Register the missing resource types and complete the ones that drop properties."""
    _handlers["AWS::CloudWatch::CompositeAlarm"] = {
        "create": _create_composite,
        "update": _update_composite,
        "delete": _delete_composite,
    }
    _complete_alarms()
    _after("AWS::DynamoDB::Table", _table_options)
    _after("AWS::Lambda::Function", _function_options)
    _undo_failed_creates()


def _checked(answer: tuple[Any, ...]) -> None:
    status, _headers, body = answer[:3]
    if int(status) >= 300:
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))


def _truthy(value: object) -> bool:
    return str(value).lower() == "true"


# --- composite alarms -------------------------------------------------------------------------------------------------


def _put_composite(name: str, properties: Properties) -> Created:
    request = {key: value for key, value in properties.items() if key != "Tags"}
    request["ActionsEnabled"] = _truthy(properties.get("ActionsEnabled", True))
    _checked(cloudwatch._put_composite_alarm({}, {**request, "AlarmName": name}, is_cbor=False, is_json=True))
    record = cloudwatch._composite_alarms[name]
    for key in ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"):
        if key in properties:
            value = properties[key]
            record[key] = value if key == "ActionsSuppressor" else int(value)
    return name, {"Arn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"}


def _create_composite(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("AlarmName") or provisioners._physical_name(stack, logical_id, max_len=255)
    return _put_composite(name, properties)


def _update_composite(physical_id: str, _old: Properties, new: Properties, stack: str) -> Created:
    name = new.get("AlarmName") or physical_id
    created = _put_composite(name, new)
    if name != physical_id:
        _delete_composite(physical_id, _old)
    return created


def _delete_composite(physical_id: str, _properties: Properties) -> None:
    """Delete an alarm as DeleteAlarms does: not while another names it."""
    if physical_id in cloudwatch._composite_alarms:
        _checked(cloudwatch._delete_alarms({}, {"AlarmNames": [physical_id]}, is_cbor=False, is_json=True))


# --- metric-math alarms -----------------------------------------------------------------------------------------------


def _complete_alarms() -> None:
    plain = provisioners._cw_metric_alarm_record

    def record(name: str, properties: Properties) -> dict[str, Any]:
        queries = properties.get("Metrics")
        if not queries:
            alarm = plain(name, properties)
        else:
            stand_in = {key: value for key, value in properties.items() if key != "Metrics"}
            alarm = plain(name, {**stand_in, "MetricName": "-", "Namespace": "-"})
            for key in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
                alarm.pop(key, None)
            alarm["Metrics"] = [_query(query) for query in queries]
        if properties.get("EvaluationWindow"):
            alarm["EvaluationWindow"] = properties["EvaluationWindow"]
        return alarm

    provisioners._cw_metric_alarm_record = record


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a MetricDataQuery with the types of the API: a template may write every number and truth as text."""
    typed = dict(query)
    if "ReturnData" in typed:
        typed["ReturnData"] = _truthy(typed["ReturnData"])
    if "Period" in typed:
        typed["Period"] = int(typed["Period"])
    if "MetricStat" in typed:
        typed["MetricStat"] = {**typed["MetricStat"], "Period": int(typed["MetricStat"]["Period"])}
    return typed


# --- properties that are dropped --------------------------------------------------------------------------------------


def _after(resource_type: str, apply: Callable[[str, Properties], None]) -> None:
    handler = _handlers[resource_type]
    create, update = handler["create"], handler["update"]

    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        result = create(logical_id, properties, stack)
        apply(result[0], properties)
        return result

    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any, **named: Any) -> Created:
        result = update(physical_id, old, new, *rest, **named)
        apply(result[0], new)
        return result

    handler["create"], handler["update"] = created, updated


def _table_options(name: str, properties: Properties) -> None:
    encryption = properties.get("SSESpecification")
    if encryption:
        asked = {**encryption, "Enabled": _truthy(encryption.get("SSEEnabled"))}
        dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(asked)
    ttl = properties.get("TimeToLiveSpecification")
    if ttl:
        wanted = {"AttributeName": ttl.get("AttributeName"), "Enabled": _truthy(ttl.get("Enabled", True))}
        _checked(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": wanted}))
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery:
        wanted = {"PointInTimeRecoveryEnabled": _truthy(recovery.get("PointInTimeRecoveryEnabled"))}
        _checked(dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": wanted}))


def _function_options(name: str, properties: Properties) -> None:
    if properties.get("DeadLetterConfig"):
        _checked(lambda_svc._update_config(name, {"DeadLetterConfig": properties["DeadLetterConfig"]}))
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        _checked(lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(reserved)}))


# --- custom resources -------------------------------------------------------------------------------------------------


def _undo_failed_creates() -> None:
    """Send Delete after a failed Create, as a rollback does on AWS, with the physical id that the failure named."""
    create, deliver = provisioners._custom_resource_create, custom_resource.deliver_response
    failed: dict[str, str] = {}

    def remember(token: str, response: dict[str, Any]) -> bool:
        if response.get("Status") == "FAILED" and response.get("PhysicalResourceId"):
            failed[str(response.get("LogicalResourceId"))] = response["PhysicalResourceId"]
        return deliver(token, response)

    def create_or_undo(logical_id: str, properties: Properties, stack: str, *rest: Any, **named: Any) -> Created:
        try:
            return create(logical_id, properties, stack, *rest, **named)
        except RuntimeError:
            physical_id = failed.pop(logical_id, None)
            if physical_id:
                kind = rest[0] if rest else named.get("resource_type", "AWS::CloudFormation::CustomResource")
                provisioners._custom_resource_delete(
                    physical_id, properties, stack_name=stack, logical_id=logical_id, resource_type=kind
                )
            raise

    custom_resource.deliver_response = remember
    provisioners._custom_resource_create = create_or_undo
