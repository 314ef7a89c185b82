"""Writes docs/openapi.json, the description of the lookup API, from what the code takes and answers.

    .venv/bin/python tools/openapi.py

A test compares the file with what this would write, and fuzzes the function with what the file says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from ses_feedback import __version__, naming
from ses_feedback.domain.events import REASONS
from ses_feedback.usecases.lookup import CHECK, RELEASE, SUPPRESS
from ses_feedback.usecases.lookup_requests import LARGEST, LONGEST_WHY, MOST

FILE: Final = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"
Schema = dict[str, Any]

_TIME: Final[Schema] = {"type": "string", "format": "date-time", "examples": ["2026-11-24T05:25:00.000Z"]}
_ADDRESS: Final[Schema] = {
    "type": "string",
    "format": "email",
    "maxLength": 254,
    "examples": ["jane@example.com"],
    "description": "An e-mail address. Capitals make no difference.",
}
_WHY: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_WHY,
    "description": "Why, in one line of readable text, for whoever looks at the address later.",
    "examples": ["asked by phone, ticket 4711"],
}
_FOR: Final[Schema] = {
    "type": "string",
    "pattern": r"^([1-9][0-9]{0,8}[smhdw]|forever)$",
    "default": "forever",
    "description": "How long, such as 12h, 30d or 2w; at most a hundred years.",
}


def _object(properties: Schema, required: list[str], description: str = "") -> Schema:
    made: Schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"description": description, **made} if description else made


def _nullable(schema: Schema, description: str) -> Schema:
    return {**schema, "type": [schema["type"], "null"], "description": description}


def _stream(default: str) -> Schema:
    return {"type": "string", "description": f"A stream of the environment. {default}", "examples": ["marketing"]}


def _verdict() -> Schema:
    reason: Schema = {
        "type": ["string", "null"],
        "enum": [*REASONS, None],
        "description": "Why: a class of feedback, or `operator`, `import`, `ses`.",
    }
    scope: Schema = {
        "type": ["string", "null"],
        "enum": ["environment", "stream", None],
        "description": "Whether all streams of the environment are meant, or this one.",
    }
    return {
        "suppressed": {"type": "boolean", "description": "Whether mail must not go to this address."},
        "reason": reason,
        "scope": scope,
        "until": _nullable(_TIME, "When it ends; `null` of something suppressed: never."),
        "since": _nullable(_TIME, "Since when."),
    }


def _decision() -> Schema:
    return {
        "address": {"type": "string", "description": "The address, in the form in which addresses compare."},
        "environment": {"type": "string"},
        "stream": {"type": "string", "description": "The stream that was decided about; `*`: every one."},
        "decided_at": {**_TIME, "description": "When the decision counts from."},
        **_verdict(),
    }


def _schemas() -> Schema:
    either = "Without it every stream is meant; so is `*`."
    asked = "Without it `default` is meant, or the only one there is."
    verdict, decided = _verdict(), _decision()
    asked_about: Schema = {
        "type": "string",
        "examples": _ADDRESS["examples"],
        "description": "An e-mail address. What is none has its own answer, with a `problem`.",
    }
    addresses: Schema = {"type": "array", "items": asked_about, "minItems": 1, "maxItems": MOST}
    malformed: Schema = {
        "type": "string",
        "description": "Why this is no e-mail address; then `address` is as it was asked, and `suppressed` is true.",
    }
    one = _object(
        {"address": decided["address"], **verdict, "problem": malformed},
        ["address", *verdict],
        "What holds for one of the addresses.",
    )
    cleared: Schema = _object(
        {
            "cleared": {"type": "boolean", "description": "Whether the address is not on the list any more."},
            "problem": {"type": ["string", "null"], "description": "What SES answered otherwise: release it again."},
        },
        ["cleared", "problem"],
    )
    lists: Schema = {
        "type": "object",
        "additionalProperties": cleared,
        "description": "SES's own account list, by region. A release holds here even where SES refuses.",
    }
    problem = _object(
        {
            "type": {"type": "string", "const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What is wrong and what would be right, in one line."},
        },
        ["type", "title", "status", "detail"],
        "RFC 9457.",
    )
    refused = _object({"message": {"type": "string"}}, ["message"], "What API Gateway itself answers.")
    return {
        "Check": _object({"addresses": addresses, "stream": _stream(asked)}, ["addresses"]),
        "Suppress": _object(
            {"address": _ADDRESS, "why": _WHY, "for": _FOR, "stream": _stream(either)}, ["address", "why"]
        ),
        "Release": _object({"address": _ADDRESS, "why": _WHY, "stream": _stream(either)}, ["address", "why"]),
        "Answers": _object(
            {
                "environment": {"type": "string"},
                "stream": {"type": "string", "description": "The stream that the answers are about."},
                "answers": {
                    "type": "array",
                    "items": one,
                    "description": "One for each address, in the order they were asked in.",
                },
            },
            ["environment", "stream", "answers"],
        ),
        "Decision": _object(decided, list(decided)),
        "Released": _object({**decided, "lists": lists}, [*decided, "lists"]),
        "Problem": problem,
        "Refused": refused,
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str, type_: str = "application/json") -> Schema:
    return {type_: {"schema": _reference(name)}}


def _responses(answered: str) -> Schema:
    problem, refused = "application/problem+json", "application/json"
    said = {
        "400": ("The request is wrong: `detail` says what, and what would be right.", problem),
        "403": ("The signature, or the caller's permission, is not right (API Gateway).", refused),
        "413": (f"The body has more than {LARGEST // 1024} kB.", problem),
        "429": ("More requests than the file allows: try again (API Gateway).", refused),
        "500": ("The deployment itself is at fault; its on-call hears of it (API Gateway).", refused),
        "503": ("The table is busy (a problem), or nothing answers in time (API Gateway): try again.", problem),
    }
    found = {status: {"description": text, "content": _content(type_)} for status, (text, type_) in said.items()}
    found["404"] = {
        "description": "There is no such environment (a problem), or no such path (API Gateway).",
        "content": {**_content(problem), **_content(refused)},
    }
    found["503"]["content"] |= _content(refused)
    found["503"]["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return {"200": {"description": "Answered.", "content": _json(answered)}, **dict(sorted(found.items()))}


def _content(type_: str) -> Schema:
    return _json("Problem" if type_ == "application/problem+json" else "Refused", type_)


_SAID: Final = {
    CHECK: ("May these addresses be mailed?", "Check", "Answers", "Late by less than a second."),
    SUPPRESS: (
        "Decide not to mail an address.",
        "Suppress",
        "Decision",
        "Never shortens a suppression that rests on feedback; replaces a former decision for the same stream.",
    ),
    RELEASE: (
        "Decide to mail an address again.",
        "Release",
        "Released",
        "Forgets what was held against it until now, for good, and takes it off SES's own list in every configured "
        "region. SES tells capitals apart: spell the address as the mail did, and both spellings are cleared.",
    ),
}


def description() -> Schema:
    """Return the description, as OpenAPI 3.1 has it."""
    paths: Schema = {}
    environment: Schema = {
        "name": "environment",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,32}$"},
        "description": "An environment of the file: `production`, unless the file says otherwise.",
    }
    for route, operation in naming.LOOKUP_ROUTES.items():
        summary, asked, answered, more = _SAID[operation]
        method, path = route.split(" ")
        paths.setdefault(path, {})[method.lower()] = {
            "operationId": operation,
            "summary": summary,
            "description": more,
            "parameters": [environment],
            "requestBody": {"required": True, "content": _json(asked)},
            "responses": _responses(answered),
        }
    about = (
        "Whether addresses may be mailed, and decisions about them, over HTTP. Every request is signed with Signature "
        "Version 4 for the service `execute-api`. The server's address is the output `LookupUrl` of the deployment."
    )
    signature: Schema = {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4.",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }
    server: Schema = {
        "url": "https://{api}.execute-api.{region}.amazonaws.com",
        "variables": {"api": {"default": "api"}, "region": {"default": "us-east-1"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ses-feedback lookup",
            "version": __version__,
            "description": about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [server],
        "security": [{"signature": []}],
        "paths": paths,
        "components": {"securitySchemes": {"signature": signature}, "schemas": _schemas()},
    }


def text() -> str:
    """Return the file's text."""
    return json.dumps(description(), indent=2) + "\n"


def main() -> int:
    """Write the file; return the exit code."""
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
