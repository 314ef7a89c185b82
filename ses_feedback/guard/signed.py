"""Whom a request of SES names, read from the request as it is signed: the form body of v1, the JSON of v2."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

_names = re.compile(r"(?:.+\.)?(?:To|Cc|Bcc)Addresses\.member\.\d+|Destinations\.member\.\d+").fullmatch
_FIELDS = ("ToAddresses", "CcAddresses", "BccAddresses")


def named_in(body: Any) -> list[str]:
    """Return the texts that name recipients."""
    form = _form(body)
    if form is not None:
        return [str(value) for name, value in form.items() if _names(name)]
    said = _json(body)
    entries = [said, *_list(said.get("BulkEmailEntries"))]
    destinations = [_dict(_dict(entry).get("Destination")) for entry in entries]
    return [text for found in destinations for name in _FIELDS for text in _list(found.get(name))]


def message_of(body: Any) -> bytes | None:
    """Return the MIME message, if the request holds one."""
    form = _form(body)
    data = (
        _dict(_dict(_json(body).get("Content")).get("Raw")).get("Data") if form is None else form.get("RawMessage.Data")
    )
    return None if data is None else b64decode(data)


def _form(body: Any) -> Mapping[str, Any] | None:
    if isinstance(body, Mapping):
        return body
    text = body.decode() if isinstance(body, bytes | bytearray) else str(body or "")
    return None if text.lstrip()[:1] == "{" else dict(parse_qsl(text, keep_blank_values=True))


def _json(body: Any) -> dict[str, Any]:
    return _dict(json.loads(body))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
