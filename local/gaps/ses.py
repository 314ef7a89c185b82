"""SES: the settings of identities and the account's suppression list.

Rules an account has and the emulator lacks: an identity must exist and be verified to be wired; a topic must let SES
publish; forwarding can only be off while both topics are set; SES announces itself on a topic it is pointed at.
Identities under the reserved top-level domain ``.invalid`` stay unverified, as no DNS will ever confirm them: that is
how a pending identity is tried out here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from ministack.core.responses import json_response, now_iso
from ministack.services import ses, ses_v2, sns

from local import simulator
from local.gaps import mails, policies

Parameters = Mapping[str, Any]
Fields = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
_NEVER_VERIFIED: Final = ".invalid"


def install() -> None:
    """Put these actions in front of the emulator's, and its own feedback out of work."""
    v1, v2 = ses.handle_request, ses_v2.handle_request
    make_identity = ses._make_identity

    async def handle_v1(method: str, path: str, headers: Fields, body: bytes, query: Fields) -> Answer:
        if path.startswith("/v2/") or "sesv2" in headers.get("x-amz-target", "").lower():
            return await handle_v2(method, path, headers, body, query)
        form = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True) if method == "POST" else {}
        parameters = {**query, **form}
        action = _ACTIONS.get(ses._p(parameters, "Action"))
        return action(parameters) if action else await v1(method, path, headers, body, query)

    async def handle_v2(method: str, path: str, headers: Fields, body: bytes, query: Fields) -> Answer:
        sub = path.rstrip("/").removeprefix("/v2/email")
        try:
            data = json.loads(body) if body else {}
        except ValueError:
            data = {}
        for pattern, verb, action in _ROUTES:
            found = re.fullmatch(pattern, sub)
            if found and verb == method:
                return action(*(unquote(part) for part in found.groups()), data, query)
        answer: Answer = await v2(method, path, headers, body, query)
        if sub == "/identities" and method == "POST" and answer[0] < 300:
            return _created_identity(data["EmailIdentity"])
        if sub == "/outbound-emails" and method == "POST" and answer[0] < 300:
            mails.report_v2(json.loads(answer[2])["MessageId"], data)
        return answer

    def identity(name: str, kind: str) -> dict[str, Any]:
        known: dict[str, Any] | None = ses._identities.get(name)
        if known is not None:
            return known  # verifying once more changes nothing
        record: dict[str, Any] = make_identity(name, kind)
        if _unverifiable(name):
            record["VerificationStatus"] = "Pending"
        return record

    ses.handle_request, ses_v2.handle_request = handle_v1, handle_v2
    ses._make_identity = identity
    ses._send_notifications = mails.report


# --- identities -------------------------------------------------------------------------------------------------------


def _unverifiable(identity: str) -> bool:
    return identity.lower().rstrip(".").endswith(_NEVER_VERIFIED)


def _xml(action: str, inner: str = "") -> Answer:
    answer: Answer = ses._xml(200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")
    return answer


def _refused(message: str) -> Answer:
    answer: Answer = ses._error("InvalidParameterValue", message, 400)
    return answer


def _verified(parameters: Parameters) -> dict[str, Any] | Answer:
    name = ses._p(parameters, "Identity")
    record: dict[str, Any] | None = ses._identities.get(name)
    if record is None or record["VerificationStatus"] != "Success":
        return _refused(f"Identity {name} is invalid. Must be a verified email address or domain.")
    return record


def _set_topic(parameters: Parameters) -> Answer:
    record = _verified(parameters)
    if isinstance(record, tuple):
        return record
    name, kind, topic = (ses._p(parameters, key) for key in ("Identity", "NotificationType", "SnsTopic"))
    if kind not in simulator.KINDS:
        return _refused(f"Invalid notification type: {kind}")
    if not topic and kind != "Delivery" and not record["FeedbackForwardingEnabled"]:
        return _refused(f"Can't clear the {kind} topic of {name} while feedback forwarding is disabled.")
    if topic:
        if sns._topic_by_arn_any_scope(topic) is None:
            return _refused(f"Invalid SNS topic <{topic}>.")
        if not policies.may_publish(topic, service="ses.amazonaws.com", source_arn=mails.arn(name)):
            return _refused(f"Could not publish to SNS topic <{topic}>: SES is not allowed to publish to it.")
    record["NotificationTopics"][kind] = topic
    if topic:
        mails.publish(topic, name, simulator.setup_message(topic, kind, name))
    else:
        record.setdefault("Headers", {})[kind] = False
    return _xml("SetIdentityNotificationTopic")


def _set_headers(parameters: Parameters) -> Answer:
    record = _verified(parameters)
    if isinstance(record, tuple):
        return record
    kind, enabled = ses._p(parameters, "NotificationType"), ses._p(parameters, "Enabled").lower() == "true"
    if enabled and not record["NotificationTopics"].get(kind):
        return _refused(f"Headers in {kind} notifications need an SNS topic for {kind} notifications first.")
    record.setdefault("Headers", {})[kind] = enabled
    return _xml("SetIdentityHeadersInNotificationsEnabled")


def _set_forwarding(parameters: Parameters) -> Answer:
    record = _verified(parameters)
    if isinstance(record, tuple):
        return record
    enabled = ses._p(parameters, "ForwardingEnabled").lower() == "true"
    if not enabled and not all(record["NotificationTopics"].get(kind) for kind in ("Bounce", "Complaint")):
        name = ses._p(parameters, "Identity")
        return _refused(f"{name}: feedback forwarding needs an SNS topic for both Bounce and Complaint to be disabled.")
    record["FeedbackForwardingEnabled"] = enabled
    return _xml("SetIdentityFeedbackForwardingEnabled")


def _get_notifications(parameters: Parameters) -> Answer:
    entries = []
    for name in ses._collect_list(parameters, "Identities.member"):
        record = ses._identities.get(name)
        if record is None:
            continue
        topics, headers = record["NotificationTopics"], record.get("Headers", {})
        value = "".join(f"<{kind}Topic>{topics[kind]}</{kind}Topic>" for kind in simulator.KINDS if topics.get(kind))
        value += f"<ForwardingEnabled>{str(record['FeedbackForwardingEnabled']).lower()}</ForwardingEnabled>"
        for kind in simulator.KINDS:
            tag = f"HeadersIn{kind}NotificationsEnabled"
            value += f"<{tag}>{str(headers.get(kind, False)).lower()}</{tag}>"
        entries.append(f"<entry><key>{ses._esc(name)}</key><value>{value}</value></entry>")
    inner = f"<NotificationAttributes>{''.join(entries)}</NotificationAttributes>"
    return _xml("GetIdentityNotificationAttributes", inner)


def _get_verification(parameters: Parameters) -> Answer:
    entries = []
    for name in ses._collect_list(parameters, "Identities.member"):
        record = ses._identities.get(name)
        if record is not None:  # AWS leaves out what it does not know
            status = f"<VerificationStatus>{record['VerificationStatus']}</VerificationStatus>"
            entries.append(f"<entry><key>{ses._esc(name)}</key><value>{status}</value></entry>")
    inner = f"<VerificationAttributes>{''.join(entries)}</VerificationAttributes>"
    return _xml("GetIdentityVerificationAttributes", inner)


_ACTIONS: Final[Mapping[str, Callable[[Parameters], Answer]]] = {
    "SetIdentityNotificationTopic": _set_topic,
    "SetIdentityHeadersInNotificationsEnabled": _set_headers,
    "SetIdentityFeedbackForwardingEnabled": _set_forwarding,
    "GetIdentityNotificationAttributes": _get_notifications,
    "GetIdentityVerificationAttributes": _get_verification,
}


def _created_identity(name: str) -> Answer:
    """Let both API versions see an identity, and keep what cannot be verified unverified."""
    kind = "EmailAddress" if "@" in name else "Domain"
    if name not in ses._identities:
        ses._identities[name] = ses._make_identity(name, kind)
    record = ses_v2._identities[name]
    record["VerifiedForSendingStatus"] = not _unverifiable(name)
    answer: Answer = json_response(
        {k: record[k] for k in ("IdentityType", "VerifiedForSendingStatus", "DkimAttributes") if k in record}
    )
    return answer


def _get_identity(name: str, _data: Any, _query: Any) -> Answer:
    first, second = ses._identities.get(name), ses_v2._identities.get(name)
    if first is None and second is None:
        return _missing(f"Email identity {name} does not exist.")
    verified = first["VerificationStatus"] == "Success" if first else second["VerifiedForSendingStatus"]
    shown: dict[str, Any] = {
        "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
        "FeedbackForwardingStatus": (first or {}).get("FeedbackForwardingEnabled", True),
        "VerifiedForSendingStatus": verified,
        "VerificationStatus": "SUCCESS" if verified else "PENDING",
        "DkimAttributes": (second or {}).get("DkimAttributes", {"SigningEnabled": False, "Status": "NOT_STARTED"}),
        "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
        "Policies": {},
        "Tags": (second or {}).get("Tags", []),
    }
    default = (first or {}).get("DefaultConfigurationSet")
    if default:
        shown["ConfigurationSetName"] = default
    answer: Answer = json_response(shown)
    return answer


def _put_default_set(name: str, data: Any, _query: Any) -> Answer:
    record = ses._identities.get(name)
    if record is None:
        return _missing(f"Email identity {name} does not exist.")
    wanted = data.get("ConfigurationSetName") or ""
    if wanted and wanted not in ses_v2._config_sets:
        return _missing(f"Configuration set <{wanted}> does not exist.")
    record["DefaultConfigurationSet"] = wanted
    return _done()


def _put_feedback(name: str, data: Any, _query: Any) -> Answer:
    record = ses._identities.get(name)
    if record is None:
        return _missing(f"Email identity {name} does not exist.")
    record["FeedbackForwardingEnabled"] = bool(data.get("EmailForwardingEnabled"))
    return _done()


def _missing(message: str) -> Answer:
    answer: Answer = ses_v2._json_err("NotFoundException", message, 404)
    return answer


def _done() -> Answer:
    answer: Answer = json_response({})
    return answer


# --- the account's suppression list -----------------------------------------------------------------------------------


def _put_suppressed(data: Any, _query: Any) -> Answer:
    address, reason = data.get("EmailAddress", ""), data.get("Reason", "")
    if reason not in ("BOUNCE", "COMPLAINT") or "@" not in address:
        answer: Answer = ses_v2._json_err(
            "BadRequestException", "EmailAddress and Reason BOUNCE or COMPLAINT are needed"
        )
        return answer
    mails.suppressed[address] = {"EmailAddress": address, "Reason": reason, "LastUpdateTime": now_iso()}
    return _done()


def _get_suppressed(address: str, _data: Any, _query: Any) -> Answer:
    if address not in mails.suppressed:
        return _missing(f"Email address {address} does not exist on your suppression list.")
    answer: Answer = json_response({"SuppressedDestination": _stamped(mails.suppressed[address])})
    return answer


def _delete_suppressed(address: str, _data: Any, _query: Any) -> Answer:
    if address not in mails.suppressed:
        return _missing(f"Email address {address} does not exist on your suppression list.")
    del mails.suppressed[address]
    return _done()


def _list_suppressed(_data: Any, query: Mapping[str, Any]) -> Answer:
    wanted = {r for key in ("Reason", "Reasons") for r in ses_v2._query_values(query, key)}
    rows = [_stamped(r) for r in mails.suppressed.values() if not wanted or r["Reason"] in wanted]
    answer: Answer
    page, token, answer = ses_v2._paginate(rows, query, 1000, maximum=1000)
    if answer:
        return answer
    answer = json_response({"SuppressedDestinationSummaries": page, **({"NextToken": token} if token else {})})
    return answer


def _stamped(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "LastUpdateTime": datetime.fromisoformat(record["LastUpdateTime"]).timestamp()}


_ROUTES: Final[tuple[tuple[str, str, Callable[..., Answer]], ...]] = (
    (r"/suppression/addresses", "PUT", _put_suppressed),
    (r"/suppression/addresses", "GET", _list_suppressed),
    (r"/suppression/addresses/([^/]+)", "GET", _get_suppressed),
    (r"/suppression/addresses/([^/]+)", "DELETE", _delete_suppressed),
    (r"/identities/([^/]+)", "GET", _get_identity),
    (r"/identities/([^/]+)/configuration-set", "PUT", _put_default_set),
    (r"/identities/([^/]+)/feedback", "PUT", _put_feedback),
)
