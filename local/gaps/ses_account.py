"""SES: the account as a whole: sandbox, sending, suppression settings, and its suppression list."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from ministack.core.responses import AccountRegionScopedDict, now_iso
from ministack.services import ses, ses_v2

from local.gaps import ses_answers as say
from local.gaps.ses_answers import Answer

REASONS: Final = ("BOUNCE", "COMPLAINT")
_settings = AccountRegionScopedDict()  # "sending": bool, "reasons": list; absent: as a new account has them
_suppressed = AccountRegionScopedDict()  # the account's own list: address as given → SuppressedDestination


def sending() -> bool:
    """Say whether the account may send, as its owner switched it."""
    return bool(_settings.get("sending", True))


def suppressed_reasons() -> list[str]:
    """Return for which reasons the account keeps and consults its list; new accounts do for both."""
    return list(_settings.get("reasons", REASONS))


def is_suppressed(address: str, reasons: list[str]) -> bool:
    """Say whether an address is on the list for one of the reasons. SES compares letter by letter."""
    return address in _suppressed and _suppressed[address]["Reason"] in reasons


def suppress(address: str, reason: str) -> None:
    """Put an address on the account's list."""
    _suppressed[address] = {"EmailAddress": address, "Reason": reason, "LastUpdateTime": now_iso()}


def let_go(address: str) -> None:
    """Take an address off the account's list, if it is there."""
    _suppressed.pop(address, None)


def complete(answer: Answer) -> Answer:
    """Put the account's own settings into the emulator's answer to GetAccount."""
    shown = json.loads(answer[2])
    shown |= {"SendingEnabled": sending(), "SuppressionAttributes": {"SuppressedReasons": suppressed_reasons()}}
    return say.json(shown)


# --- v1 ---------------------------------------------------------------------------------------------------------------


def _get_sending(_parameters: Mapping[str, Any]) -> Answer:
    return say.xml("GetAccountSendingEnabled", f"<Enabled>{str(sending()).lower()}</Enabled>")


def _update_sending(parameters: Mapping[str, Any]) -> Answer:
    _settings["sending"] = ses._p(parameters, "Enabled").lower() == "true"
    return say.xml("UpdateAccountSendingEnabled")


ACTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], Answer]]] = {
    "GetAccountSendingEnabled": _get_sending,
    "UpdateAccountSendingEnabled": _update_sending,
}

# --- v2 ---------------------------------------------------------------------------------------------------------------


def _put_sending(data: Any, _query: Any) -> Answer:
    _settings["sending"] = bool(data.get("SendingEnabled"))
    return say.json()


def _put_suppression(data: Any, _query: Any) -> Answer:
    wanted = data.get("SuppressedReasons") or []
    if not set(wanted) <= set(REASONS):
        return say.json_error("BadRequestException", f"SuppressedReasons must be of {', '.join(REASONS)}")
    _settings["reasons"] = list(wanted)
    return say.json()


def _put_suppressed(data: Any, _query: Any) -> Answer:
    address, reason = data.get("EmailAddress", ""), data.get("Reason", "")
    if reason not in REASONS or "@" not in address:
        return say.json_error("BadRequestException", "EmailAddress and Reason BOUNCE or COMPLAINT are needed")
    suppress(address, reason)
    return say.json()


def _not_listed(address: str) -> Answer:
    return say.missing(f"Email address {address} does not exist on your suppression list.")


def _get_suppressed(address: str, _data: Any, _query: Any) -> Answer:
    if address not in _suppressed:
        return _not_listed(address)
    return say.json({"SuppressedDestination": _stamped(_suppressed[address])})


def _delete_suppressed(address: str, _data: Any, _query: Any) -> Answer:
    if address not in _suppressed:
        return _not_listed(address)
    del _suppressed[address]
    return say.json()


def _list_suppressed(_data: Any, query: Mapping[str, Any]) -> Answer:
    wanted = {r for key in ("Reason", "Reasons") for r in ses_v2._query_values(query, key)}
    rows = [_stamped(r) for r in _suppressed.values() if not wanted or r["Reason"] in wanted]
    answer: Answer
    page, token, answer = ses_v2._paginate(rows, query, 1000, maximum=1000)
    return answer or say.json({"SuppressedDestinationSummaries": page, **({"NextToken": token} if token else {})})


def _stamped(record: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, "LastUpdateTime": datetime.fromisoformat(record["LastUpdateTime"]).timestamp()}


ROUTES: Final[tuple[tuple[str, str, Callable[..., Answer]], ...]] = (
    (r"/account/sending", "PUT", _put_sending),
    (r"/account/suppression", "PUT", _put_suppression),
    (r"/suppression/addresses", "PUT", _put_suppressed),
    (r"/suppression/addresses", "GET", _list_suppressed),
    (r"/suppression/addresses/([^/]+)", "GET", _get_suppressed),
    (r"/suppression/addresses/([^/]+)", "DELETE", _delete_suppressed),
)
