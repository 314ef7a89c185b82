"""SES: identities, the same for both versions of the API, from their creation to their verification.

An identity that ``CreateEmailIdentity`` makes is pending until it is verified: an address by v1's
``VerifyEmailIdentity`` (as if its owner had followed the link in the mail), a domain by its three DKIM records in the
embedded Route 53, or by v1's ``VerifyDomainIdentity`` (as if its DNS had them). Identities under the reserved top-level
domain ``.invalid`` stay unverified, as no DNS will ever confirm them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region
from ministack.services import route53, ses, ses_v2

from local.gaps import ses_answers as say
from local.gaps.ses_answers import Answer

Parameters = Mapping[str, Any]
_NEVER_VERIFIED: Final = ".invalid"
MOST_ASKED: Final = 100  # identities of one call (SES API reference, GetIdentityVerificationAttributes)


def install() -> None:
    """Make what the emulator creates keep what is there, and be unverified where nobody could verify it."""
    make_identity = ses._make_identity

    def identity(name: str, kind: str) -> dict[str, Any]:
        known: dict[str, Any] | None = ses._identities.get(name)
        if known is not None:
            return known  # creating once more changes nothing
        record: dict[str, Any] = make_identity(name, kind)
        _verify(name, record)
        return record

    ses._make_identity = identity


def arn(identity: str) -> str:
    """Return the ARN of an identity."""
    return f"arn:aws:ses:{get_region()}:{get_account_id()}:identity/{identity}"


def record(name: str) -> dict[str, Any] | None:
    """Return what SES knows of an identity, ``None`` where it knows none; pending domains are looked up in DNS now."""
    known: dict[str, Any] | None = ses._identities.get(name)
    if known is not None and known["VerificationStatus"] != "Success" and _dns_confirms(name, known["DkimTokens"]):
        _verify(name, known)
    return known


def look_up_pending() -> None:
    """Look every pending domain up in DNS, as SES does all the time."""
    for name in list(ses._identities):
        record(name)


def is_verified(known: Mapping[str, Any]) -> bool:
    """Say whether an identity may send."""
    return bool(known["VerificationStatus"] == "Success")


def _unverifiable(identity: str) -> bool:
    return identity.lower().rstrip(".").endswith(_NEVER_VERIFIED)


def _verify(name: str, known: dict[str, Any]) -> None:
    """Let an identity be verified, a domain by Easy DKIM as SES's console has it, unless nobody could."""
    if _unverifiable(name):
        known["VerificationStatus"] = "Pending"
        return
    known["VerificationStatus"] = "Success"
    if "@" not in name:
        known |= {"DkimEnabled": True, "DkimTokens": ses._dkim_tokens(name), "DkimVerificationStatus": "Success"}


def _dns_confirms(domain: str, tokens: list[str]) -> bool:
    """Say whether the embedded Route 53 has the three CNAME records of a domain."""
    if not tokens or _unverifiable(domain):
        return False
    found = {
        (entry["Name"].rstrip(".").lower(), value.rstrip(".").lower())
        for zone in list(route53._records.values())
        for entry in zone
        if entry.get("Type") == "CNAME"
        for value in entry.get("ResourceRecords") or []
    }
    return all((f"{token}._domainkey.{domain}", f"{token}.dkim.amazonses.com") in found for token in tokens)


# --- v1 ---------------------------------------------------------------------------------------------------------------


def verified_by_hand(parameters: Parameters) -> None:
    """Follow up v1's VerifyEmailIdentity or VerifyDomainIdentity: whoever is asked confirms at once."""
    name = ses._p(parameters, "EmailAddress") or ses._p(parameters, "Domain")
    if name in ses._identities:
        _verify(name, ses._identities[name])


def asked(parameters: Parameters) -> list[str] | Answer:
    """Return the identities a call asks about, or its refusal where they are too many."""
    names: list[str] = ses._collect_list(parameters, "Identities.member")
    if len(names) > MOST_ASKED:
        return say.refused(f"{len(names)} identities are more than the {MOST_ASKED} of one call.")
    return names


def _get_verification(parameters: Parameters) -> Answer:
    names = asked(parameters)
    if isinstance(names, tuple):
        return names
    entries = []
    for name in names:
        known = record(name)
        if known is not None:  # AWS leaves out what it does not know
            status = f"<VerificationStatus>{known['VerificationStatus']}</VerificationStatus>"
            entries.append(f"<entry><key>{ses._esc(name)}</key><value>{status}</value></entry>")
    inner = f"<VerificationAttributes>{''.join(entries)}</VerificationAttributes>"
    return say.xml("GetIdentityVerificationAttributes", inner)


def _delete_v1(parameters: Parameters) -> Answer:
    _forget(ses._p(parameters, "Identity"))
    return say.xml("DeleteIdentity")


def _forget(name: str) -> None:
    ses._identities.pop(name, None)
    ses_v2._identities.pop(name, None)


ACTIONS: Final[Mapping[str, Callable[[Parameters], Answer]]] = {
    "GetIdentityVerificationAttributes": _get_verification,
    "DeleteIdentity": _delete_v1,
}

# --- v2 ---------------------------------------------------------------------------------------------------------------


def _create(data: Any, _query: Any) -> Answer:
    name, wanted = data.get("EmailIdentity") or "", data.get("ConfigurationSetName") or ""
    if "." not in name:
        return say.json_error("BadRequestException", f"Invalid email identity <{name}>.")
    if name in ses._identities:
        return say.json_error("AlreadyExistsException", f"Email identity {name} already exist.")
    if wanted and wanted not in ses_v2._config_sets:
        return say.missing(f"Configuration set <{wanted}> does not exist.")
    made: dict[str, Any] = ses._make_identity(name, "EmailAddress" if "@" in name else "Domain")
    made |= {"VerificationStatus": "Pending", "Tags": list(data.get("Tags") or []), "DefaultConfigurationSet": wanted}
    if "@" not in name:
        made |= {"DkimEnabled": True, "DkimTokens": ses._dkim_tokens(name), "DkimVerificationStatus": "Pending"}
    ses._identities[name] = made
    ses_v2._ses_tags[ses_v2._resource_arn("identity", name)] = made["Tags"]
    return say.json(
        {"IdentityType": _type(name), "VerifiedForSendingStatus": False, "DkimAttributes": _dkim(name, made)}
    )


def _type(name: str) -> str:
    return "EMAIL_ADDRESS" if "@" in name else "DOMAIN"


def _dkim(name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    if "@" in name or not known["DkimTokens"]:
        return {"SigningEnabled": False, "Status": "NOT_STARTED"}
    return {
        "SigningEnabled": known["DkimEnabled"],
        "Status": known["DkimVerificationStatus"].upper(),
        "Tokens": known["DkimTokens"],
        "SigningAttributesOrigin": "AWS_SES",
        "NextSigningKeyLength": "RSA_2048_BIT",
        "CurrentSigningKeyLength": "RSA_2048_BIT",
    }


def _unknown(name: str) -> Answer:
    return say.missing(f"Email identity {name} does not exist.")


def _get(name: str, _data: Any, _query: Any) -> Answer:
    known = record(name)
    if known is None:
        return _unknown(name)
    verified = is_verified(known)
    shown: dict[str, Any] = {
        "IdentityType": _type(name),
        "FeedbackForwardingStatus": known["FeedbackForwardingEnabled"],
        "VerifiedForSendingStatus": verified,
        "VerificationStatus": "SUCCESS" if verified else "PENDING",
        "DkimAttributes": _dkim(name, known),
        "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
        "Policies": {},
        "Tags": known.get("Tags", []),
    }
    if known.get("DefaultConfigurationSet"):
        shown["ConfigurationSetName"] = known["DefaultConfigurationSet"]
    return say.json(shown)


def _list(data: Any, query: Any) -> Answer:
    wanted = data.get("Filter") or {}
    found = []
    for name in list(ses._identities):
        known = record(name)
        if known is None or wanted.get("IDENTITY_NAME_CONTAINS", "") not in name:
            continue
        verified = is_verified(known)
        entry = {
            "IdentityType": _type(name),
            "IdentityName": name,
            "SendingEnabled": verified,
            "VerificationStatus": "SUCCESS" if verified else "PENDING",
        }
        filters = {"IDENTITY_TYPE": "IdentityType", "VERIFICATION_STATUS": "VerificationStatus"}
        if all(wanted.get(key, entry[field]) == entry[field] for key, field in filters.items()):
            found.append(entry)
    page, token, problem = ses_v2._paginate(found, {**query, **ses_v2._body_paging(data)}, 1000, maximum=1000)
    answer: Answer = problem or say.json({"EmailIdentities": page, **({"NextToken": token} if token else {})})
    return answer


def _delete(name: str, _data: Any, _query: Any) -> Answer:
    if name not in ses._identities:
        return _unknown(name)
    _forget(name)
    return say.json()


def _put_default_set(name: str, data: Any, _query: Any) -> Answer:
    known = ses._identities.get(name)
    if known is None:
        return _unknown(name)
    wanted = data.get("ConfigurationSetName") or ""
    if wanted and wanted not in ses_v2._config_sets:
        return say.missing(f"Configuration set <{wanted}> does not exist.")
    known["DefaultConfigurationSet"] = wanted
    return say.json()


def _put_feedback(name: str, data: Any, _query: Any) -> Answer:
    known = ses._identities.get(name)
    if known is None:
        return _unknown(name)
    known["FeedbackForwardingEnabled"] = bool(data.get("EmailForwardingEnabled"))
    return say.json()


def _put_dkim(name: str, data: Any, _query: Any) -> Answer:
    known = ses._identities.get(name)
    if known is None:
        return _unknown(name)
    known["DkimEnabled"] = bool(data.get("SigningEnabled"))
    return say.json()


ROUTES: Final[tuple[tuple[str, str, Callable[..., Answer]], ...]] = (
    (r"/identities", "POST", _create),
    (r"/identities", "GET", _list),
    (r"/list-identities", "POST", _list),
    (r"/identities/([^/]+)", "GET", _get),
    (r"/identities/([^/]+)", "DELETE", _delete),
    (r"/identities/([^/]+)/configuration-set", "PUT", _put_default_set),
    (r"/identities/([^/]+)/feedback", "PUT", _put_feedback),
    (r"/identities/([^/]+)/dkim", "PUT", _put_dkim),
)
