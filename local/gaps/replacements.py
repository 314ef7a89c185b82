"""CloudFormation's change sets: which changed property makes a resource anew, by AWS's own resource schemas.

The emulator knows that of some types, and says of all others that they may be replaced. ``createOnlyProperties`` and
``conditionalCreateOnlyProperties`` are AWS's word ("Resource type schema" in the CloudFormation CLI user guide), as
cfn-lint ships them. A custom resource's own answer decides, hence ``Conditionally``.
"""

from __future__ import annotations

from functools import cache

from ministack.services.cloudformation import provisioners, stacks


@cache
def _fixed(kind: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return the properties that always and that sometimes make a resource anew, ``None`` of an unknown type."""
    from cfnlint.schema._exceptions import ResourceNotFoundError  # noqa: PLC0415 - slow, and only plans need it
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415

    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    except ResourceNotFoundError:
        return None
    always, sometimes = (
        frozenset(pointer.removeprefix("/properties/").partition("/")[0] for pointer in schema.get(part) or ())
        for part in ("createOnlyProperties", "conditionalCreateOnlyProperties")
    )
    return always, sometimes


def property_recreation(kind: str, name: str) -> str:
    """Return ``RequiresRecreation`` of a changed property: ``Always``, ``Conditionally`` or ``Never``."""
    fixed = _fixed(kind)
    if fixed is None or name in fixed[1]:
        return "Conditionally"
    return "Always" if name in fixed[0] else "Never"


def install() -> None:
    """Fill the gap."""
    provisioners._property_recreation = property_recreation
    stacks._property_recreation = property_recreation
