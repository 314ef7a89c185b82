"""SES: a request to send, in either version of the API: what it asks for, and whether SES takes it at all.

The emulator takes every mail whose sender is verified. SES also asks whether the account and the mail's configuration
set may send (a set that is an identity's default and was deleted fails every mail that names none), rejects what holds
a virus, and finds out only afterwards that a template lacks data.
"""

from __future__ import annotations

import base64
import email
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default as mail_policy
from typing import Any, Final, NamedTuple

from ministack.services import ses

from local.gaps import ses_account, ses_sets

# The file that every virus scanner takes for a virus, as SES's own guide proposes to try a rejection with.
_VIRUS: Final = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
_PLACEHOLDER: Final = re.compile(r"{{\s*([A-Za-z_][\w.]*)\s*}}")
V1_SENDS: Final = ("SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkTemplatedEmail")
Header = tuple[str, str]


class Refusal(NamedTuple):
    """Why SES does not take a mail: the error's code in each version of the API, and the message."""

    v1: str
    v2: str
    message: str
    status: int = 400


@dataclass(frozen=True, slots=True)
class Submission:
    """What a request to send asks for. ``headers``: of raw mail. ``lacks``: a template, and what its data lacks."""

    operation: str
    source: str
    recipients: tuple[str, ...] = ()
    set_name: str = ""
    subject: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    infected: bool = False
    lacks: tuple[str, str] | None = None
    contact_list: str = "Readers"

    def configuration_set(self) -> str:
        """Return the set that applies: the one named, else the default of the sender's identity; may be empty."""
        found = ses._notification_identity(self.source)
        return self.set_name or (found[1].get("DefaultConfigurationSet") if found else "") or ""

    def refusal(self) -> Refusal | None:
        """Return why SES does not take the mail, ``None`` if it does."""
        if not ses_account.sending():
            said = (
                "Sending paused for this account. For more information, please check the inbox of the email address "
                "associated with your AWS account."
            )
            return Refusal("AccountSendingPausedException", "SendingPausedException", said)
        name = self.configuration_set()
        if name and not ses_sets.exists(name):
            said = f"Configuration set <{name}> does not exist."
            return Refusal("ConfigurationSetDoesNotExist", "NotFoundException", said, 404)
        if name and ses_sets.is_paused(name):
            said = f"Sending is paused for configuration set <{name}>"
            return Refusal("ConfigurationSetSendingPausedException", "SendingPausedException", said)
        return None


# --- reading requests -------------------------------------------------------------------------------------------------


def of_v1(action: str, parameters: Mapping[str, Any]) -> Submission:
    """Read a v1 request to send."""

    def one(key: str) -> str:
        return str(ses._p(parameters, key))

    def many(key: str) -> tuple[str, ...]:
        return tuple(ses._collect_list(parameters, f"{key}.member"))

    if action == "SendRawEmail":
        mail = _parsed(one("RawMessage.Data"))
        return _of_raw(action, mail, one("Source"), many("Destinations"), one("ConfigurationSetName"), {})
    recipients = tuple(a for part in ("To", "Cc", "Bcc") for a in many(f"Destination.{part}Addresses"))
    tags: dict[str, str] = {}
    prefix = "DefaultTags.member" if action == "SendBulkTemplatedEmail" else "Tags.member"
    while name := one(f"{prefix}.{len(tags) + 1}.Name"):
        tags[name] = one(f"{prefix}.{len(tags) + 1}.Value")
    return Submission(
        action,
        one("Source"),
        recipients,
        one("ConfigurationSetName"),
        one("Message.Subject.Data"),
        tags,
        infected=_VIRUS in one("Message.Body.Text.Data") + one("Message.Body.Html.Data"),
    )


def of_v2(data: Mapping[str, Any]) -> Submission:
    """Read v2's SendEmail."""
    destination, content = data.get("Destination") or {}, data.get("Content") or {}
    recipients = tuple(a for part in ("To", "Cc", "Bcc") for a in destination.get(f"{part}Addresses") or [])
    source, wanted = data.get("FromEmailAddress") or "", data.get("ConfigurationSetName") or ""
    tags = {tag["Name"]: tag["Value"] for tag in data.get("EmailTags") or []}
    raw = (content.get("Raw") or {}).get("Data")
    if raw:
        return _of_raw("SendEmail", _parsed(raw), source, recipients, wanted, tags)
    simple, template = content.get("Simple") or {}, content.get("Template") or {}
    subject = (simple.get("Subject") or {}).get("Data") or ""
    name = template.get("TemplateName") or ""
    own = template.get("TemplateContent") or {}
    parts = {f"{part}Part": own.get(part) for part in ("Subject", "Text", "Html")} if own else ses._templates.get(name)
    return Submission(
        "SendEmail",
        source,
        recipients,
        wanted,
        subject,
        tags,
        infected=_VIRUS in json.dumps(simple),
        lacks=lacking(name, parts or {}, template.get("TemplateData") or "") if template else None,
        contact_list=(data.get("ListManagementOptions") or {}).get("ContactListName") or "Readers",
    )


def of_v2_bulk(data: Mapping[str, Any]) -> list[Submission]:
    """Read v2's SendBulkEmail: one mail for each entry."""
    mails = []
    for entry in data.get("BulkEmailEntries") or []:
        replacement = ((entry.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}).get(
            "ReplacementTemplateData"
        )
        template = dict((data.get("DefaultContent") or {}).get("Template") or {})
        if replacement:
            template["TemplateData"] = replacement
        tags = [*(data.get("DefaultEmailTags") or []), *(entry.get("ReplacementTags") or [])]
        mails.append(
            of_v2(
                {**data, "Destination": entry.get("Destination"), "Content": {"Template": template}, "EmailTags": tags}
            )
        )
    return mails


def _parsed(data: str) -> EmailMessage:
    try:
        content = base64.b64decode(data, validate=True)
    except ValueError:
        content = data.encode()
    return email.message_from_bytes(content, policy=mail_policy)


def _of_raw(
    operation: str,
    mail: EmailMessage,
    source: str,
    recipients: tuple[str, ...],
    wanted: str,
    tags: Mapping[str, str],
) -> Submission:
    """Read raw mail: what a request leaves open, its headers say, those of SES included."""
    headers = tuple((name, str(value)) for name, value in mail.items())
    named = {name.lower(): value for name, value in headers}
    of_header = dict(
        part.strip().partition("=")[::2] for part in named.get("x-ses-message-tags", "").split(",") if "=" in part
    )
    in_header = tuple(a.strip() for key in ("to", "cc", "bcc") for a in named.get(key, "").split(",") if a.strip())
    return Submission(
        operation,
        source or named.get("from", ""),
        recipients or in_header,
        wanted or named.get("x-ses-configuration-set", ""),
        named.get("subject", ""),
        tags or of_header,
        headers,
        infected=any(_VIRUS in str(part.get_content()) for part in mail.walk() if not part.is_multipart()),
    )


def lacking(name: str, template: Mapping[str, Any], data: str) -> tuple[str, str] | None:
    """Return the template's name and the first of its placeholders that the data does not have."""
    try:
        known = json.loads(data) if data else {}
    except ValueError:
        known = {}
    for part in ("SubjectPart", "TextPart", "HtmlPart"):
        for found in _PLACEHOLDER.findall(template.get(part) or ""):
            if found.split(".")[0] not in known:
                return name, found
    return None
