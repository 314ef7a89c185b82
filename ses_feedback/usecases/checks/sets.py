"""Configuration sets against the file: there, as configured, and telling of the kinds that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ses_feedback.usecases.checks.expected import ExpectedIdentity
from ses_feedback.usecases.checks.finding import NOTE, EnableDestination, Finding
from ses_feedback.usecases.checks.identities import MEND
from ses_feedback.usecases.checks.live import EventDestination, Home, SetState

# EventType in the SES v2 API, of the kinds that have a topic through a configuration set.
EVENT_TYPES: Final = {
    "send": "SEND",
    "reject": "REJECT",
    "delay": "DELIVERY_DELAY",
    "rendering_failure": "RENDERING_FAILURE",
    "open": "OPEN",
    "click": "CLICK",
    "subscription": "SUBSCRIPTION",
}
_DEPLOY: Final = "npx cdk deploy --all"


def check_set(
    home: Home, identity: ExpectedIdentity, state: SetState | None, destinations: Sequence[EventDestination]
) -> Iterator[Finding]:
    """Yield what is wrong with an identity's own configuration set; nothing for an identity without one."""
    name = identity.configuration_set
    if name is None:
        return
    path = f"{identity.path}.configuration_set"
    if state is None:
        yield missing_set(path, name)
        return
    yield from _options(home, identity, path, state)
    yield from check_destinations(identity, destinations)


def missing_set(path: str, name: str) -> Finding:
    """Return the finding about a configuration set that is not there."""
    return Finding(
        "set",
        path,
        f"SES has no configuration set {name}",
        "while it is the default of its identity every send fails; remove configuration_set, deploy, put it back and"
        " deploy again: CloudFormation makes it anew",
        _DEPLOY,
    )


def _options(home: Home, identity: ExpectedIdentity, path: str, state: SetState) -> Iterator[Finding]:
    name = identity.configuration_set
    where = f"--region {home.region} --configuration-set-name {name}"
    if not state.reputation:
        yield Finding(
            "set options",
            path,
            f"{name} publishes no reputation metrics",
            "the alarms on AWS's own rates of this identity see nothing",
            f"aws sesv2 put-configuration-set-reputation-options {where} --reputation-metrics-enabled",
        )
    if state.tls != identity.tls:
        yield Finding(
            "set options",
            f"{path}.tls",
            f"{name} has TLS {state.tls.lower()}, not {identity.tls.lower()}",
            "mail goes out without encryption that was to be required"
            if identity.tls == "REQUIRE"
            else "mail to receivers without TLS fails",
            f"aws sesv2 put-configuration-set-delivery-options {where} --tls-policy {identity.tls}",
        )
    if identity.suppressed is not None and state.suppressed != identity.suppressed:
        wanted = " ".join(sorted(identity.suppressed))
        yield Finding(
            "set options",
            f"{path}.suppress",
            f"{name} suppresses {_reasons(state.suppressed)}, not {_reasons(identity.suppressed)}",
            "SES's own list stops other mail than the file says",
            f"aws sesv2 put-configuration-set-suppression-options {where} --suppressed-reasons {wanted}".rstrip(),
        )


def check_complaints(identity: ExpectedIdentity, streams: Sequence[str], state: SetState) -> Iterator[Finding]:
    """Yield that a set, by a setting that the file says nothing of, keeps complainers from other streams' mail."""
    name, suppressed = identity.configuration_set, state.suppressed
    if identity.suppressed is None and suppressed is not None and "COMPLAINT" in suppressed and len(streams) > 1:
        yield Finding(
            "set suppression",
            f"{identity.path}.configuration_set",
            f"{name} suppresses whoever complained about any mail of the account",
            f"SES's list knows no streams ({', '.join(streams)}): a complaint about one silently stops another; leave"
            ' complaints to this deployment with configuration_set = { suppress = ["bounce"] }',
            _DEPLOY,
            level=NOTE,
        )


def _reasons(reasons: frozenset[str] | None) -> str:
    if reasons is None:
        return "what the account does"
    return " and ".join(sorted(reason.lower() for reason in reasons)) or "nothing"


def check_destinations(identity: ExpectedIdentity, destinations: Sequence[EventDestination]) -> Iterator[Finding]:
    """Yield what is wrong with where an identity's configuration set sends its events."""
    name = identity.configuration_set
    if name is None:
        return
    path = f"{identity.path}.configuration_set"
    for destination in destinations:
        if not destination.enabled:
            yield Finding(
                "event destination",
                path,
                f"the event destination {destination.name} of {name} is switched off",
                f"nobody is told of {', '.join(sorted(destination.types)).lower()}",
                MEND,
                fix=EnableDestination(name, destination.name),
            )
    if not any(destination.cloudwatch for destination in destinations):
        yield _no_destination(path, name, "CloudWatch", "its metrics are missing")
    for kind, topic in identity.set_topics.items():
        if not any(d.topic == topic and EVENT_TYPES[kind] in d.types for d in destinations):
            yield _no_destination(
                f"{path}.events", name, f"the topic of {kind}", f"nobody hears of {kind.replace('_', ' ')} events"
            )


def _no_destination(path: str, name: str, whose: str, why: str) -> Finding:
    return Finding(
        "event destination",
        path,
        f"{name} sends no events to {whose}: its event destination was removed or changed",
        f"{why}; remove it from the file, deploy, put it back and deploy again: CloudFormation makes it anew",
        _DEPLOY,
    )
