"""Probes: the mail by which `ses-feedback prove` has the loop do all it does for other mail, and how it is known.

A probe of an identity goes to SES's simulator, to the address of the kind of feedback it asks for; its label holds the
deployment's name and the identity's hash. It is recorded, suppressed, told and archived like any mail; only rates leave
it out. The label is the same at each run, so that the table keeps two addresses of an identity and no more. Labels:
SES developer guide, `Using the mailbox simulator`.
"""

from __future__ import annotations

import re
from typing import Final

from ses_feedback import naming
from ses_feedback.domain.canary import LOCAL_PARTS, SIMULATOR

_MARK: Final = "-prove-"
_AT_SIMULATOR: Final = "@" + SIMULATOR
_LOCALS: Final = frozenset(LOCAL_PARTS.values())
_is_hash: Final = re.compile(r"[0-9a-f]{8}").fullmatch


def recipient(deployment: str, asks: str, identity: str) -> str:
    """Return the address of a probe: ``bounce+NAME-prove-HASH@simulator.amazonses.com``.

    ``asks`` is the kind of feedback. A name has at most 32 letters, so that 57 suffice before the @ (RFC 5321: 64).
    """
    return f"{LOCAL_PARTS[asks]}+{deployment.lower()}{_MARK}{naming.identity_hash(identity)}{_AT_SIMULATOR}"


def is_probe(deployment: str, address: str) -> bool:
    """Return whether a normalised recipient is a probe of this very deployment."""
    if not address.endswith(_AT_SIMULATOR):
        return False
    local, _, label = address[: -len(_AT_SIMULATOR)].partition("+")
    prefix = deployment.lower() + _MARK
    return local in _LOCALS and label.startswith(prefix) and _is_hash(label[len(prefix) :]) is not None
