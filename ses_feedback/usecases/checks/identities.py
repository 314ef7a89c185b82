"""SES's identities against the file's: there, verified, signed, and telling the right topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ses_feedback import naming
from ses_feedback.config.problems import join
from ses_feedback.domain.settings import FEEDBACK_TYPES, NOTIFICATION_TYPES, Settings
from ses_feedback.usecases.checks.expected import Expected, ExpectedIdentity
from ses_feedback.usecases.checks.finding import NOTE, Finding, Rewire
from ses_feedback.usecases.checks.live import Dkim, ListedIdentity
from ses_feedback.usecases.wiring_ports import VERIFIED

MEND: Final = "ses-feedback doctor --fix"
LOST: Final = "its bounces and complaints are lost to suppression, rates and teams"
_AFTERWARDS: Final = "`ses-feedback doctor --fix` mends it once what is somebody else's is out of the way"


@dataclass(frozen=True, slots=True)
class IdentityStates:
    """What SES says of identities, by name; what it does not know is absent.

    ``sets`` are default configuration sets, of those identities alone that should have one of ours.
    """

    verifications: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Settings] = field(default_factory=dict)
    dkim: Mapping[str, Dkim] = field(default_factory=dict)
    sets: Mapping[str, str | None] = field(default_factory=dict)

    def verified(self, name: str) -> bool:
        """Tell whether SES has verified an identity by itself."""
        return self.verifications.get(name) in VERIFIED


def check_identity(expected: Expected, identity: ExpectedIdentity, states: IdentityStates) -> Iterator[Finding]:
    """Yield what is wrong with one identity in SES."""
    if not states.verified(identity.name):
        yield _unverified(expected, identity, states)
        return
    settings = states.settings.get(identity.name) or Settings()
    yield from wiring_findings(expected, identity, settings, states.sets.get(identity.name, identity.configuration_set))
    dkim = states.dkim.get(identity.name)
    if dkim is not None and "@" not in identity.name:
        yield from _signing(expected, identity, dkim)


def _unverified(expected: Expected, identity: ExpectedIdentity, states: IdentityStates) -> Finding:
    name, region = identity.name, expected.home.region
    status = states.verifications.get(name)
    create = f"aws sesv2 create-email-identity --region {region} --email-identity {name}"
    covering = next((parent for parent in parents(name) if states.verified(parent)), None)
    verify = (
        "then open the link in the mail SES sends to it"
        if "@" in name
        else "then publish the DNS records it answers with"
    )
    if covering is not None:
        return Finding(
            "verification",
            identity.path,
            f"{name} is not verified on its own in {region} ({_status(status)}): SES sends its mail by {covering}",
            f"its feedback goes to the topics and the team of {covering}, not to its own; verify it: {verify}",
            create if status is None else None,
        )
    if status is None:
        return Finding(
            "identity",
            identity.path,
            f"SES has no identity {name} in {region}: it was never created there, or deleted",
            "no mail can be sent from it, and nothing of it is wired; "
            + ("the deployment creates it" if identity.create else verify),
            "npx cdk deploy --all" if identity.create else create,
        )
    return Finding(
        "verification",
        identity.path,
        f"{name} is not verified in {region}: SES says {status}",
        "no mail can be sent from it; once it is verified, the hourly check wires it",
        f"aws sesv2 get-email-identity --region {region} --email-identity {name}",
    )


def _status(status: str | None) -> str:
    return "no identity" if status is None else status


def wiring_findings(
    expected: Expected, identity: ExpectedIdentity, live: Settings, live_set: str | None
) -> Iterator[Finding]:
    """Yield what of a verified identity's settings is not as the file says.

    Wiring changes nothing of an identity while something of it is somebody else's: then nothing of it is fixable.
    """
    name, wish = identity.name, identity.wish()
    wrong = {t: live.topics[t] for t in NOTIFICATION_TYPES if live.topics[t] != wish.topics[t]}
    foreign = {t: topic for t, topic in wrong.items() if topic and not _ours(topic, wish.topics[t], name)}
    foreign_set = bool(wish.configuration_set and live_set and live_set != wish.configuration_set)
    fixable = identity.overwrite or not (foreign or foreign_set)

    def finding(check: str, what: str, why: str, command: str | None = None, path: str = identity.path) -> Finding:
        if fixable:
            return Finding(check, path, what, why, MEND, fix=Rewire(name))
        return Finding(check, path, what, why if command else f"{why}; {_AFTERWARDS}", command)

    if foreign:
        listed = ", ".join(f"{t} to {topic}" for t, topic in foreign.items())
        why = f"{_lost(foreign)}; clear them in SES if nobody needs them, or put overwrite = true under [deployment]"
        command = _clear(expected.home.region, name, foreign, forwarding=live.forwarding)
        yield finding("topic", f"somebody else's topics are set: {listed}", why, command)
    ours = [t for t in wrong if t not in foreign]
    if ours:
        are = "topic is" if len(ours) == 1 else "topics are"
        what = f"the {' and '.join(ours)} {are} not set: SES drops a topic after one failed publish"
        yield finding("topic", what, _lost(ours))
    silent = [t for t in FEEDBACK_TYPES if not live.headers[t]]
    if silent:
        what = f"{' and '.join(silent)} notifications carry no headers of the mail"
        yield finding("headers", what, "a team cannot tell which mail it was about")
    if live.forwarding:
        why = "senders' mailboxes fill up; SES switches it on itself when it drops a topic"
        yield finding("forwarding", "SES forwards bounces and complaints by e-mail", why)
    if wish.configuration_set is not None and live_set != wish.configuration_set:
        why = "its mail has no metrics, events and reputation of its own, and a circuit breaker would pause nothing"
        clear = "aws sesv2 put-email-identity-configuration-set-attributes"
        away = f"{clear} --region {expected.home.region} --email-identity {name}" if foreign_set else None
        if foreign_set:
            why += "; clear it if nobody needs it, or put overwrite = true under [deployment]"
        path = f"{identity.path}.configuration_set"
        yield finding("default set", default_set_is(identity, live_set), why, away, path)


def _clear(region: str, identity: str, types: Iterable[str], *, forwarding: bool) -> str:
    """Return the command that clears topics.

    SES keeps those of bounces and complaints while it does not forward these by e-mail: "This value can only be set to
    ``false`` when Amazon SNS topics are set for both" (SES API reference, SetIdentityFeedbackForwardingEnabled).
    """
    where = f"--region {region} --identity {identity}"
    forward = f"aws ses set-identity-feedback-forwarding-enabled {where} --forwarding-enabled"
    clear = [f"aws ses set-identity-notification-topic {where} --notification-type {type_}" for type_ in types]
    first = [] if forwarding or not set(types) & set(FEEDBACK_TYPES) else [forward]
    return " && ".join([*first, *clear])


def default_set_is(identity: ExpectedIdentity, live: str | None) -> str:
    """Return what is said of an identity that has another default configuration set than its own."""
    return f"the default configuration set is {live or 'none'}, not {identity.configuration_set}"


def _lost(types: Iterable[str]) -> str:
    if set(types) & set(FEEDBACK_TYPES):
        return LOST
    return "its deliveries are not counted: its bounce rate looks higher than it is"


def _ours(topic: str, wished: str, identity: str) -> bool:
    """Tell whether a topic bears the name of this deployment and identity, here: another kind's, set by mistake."""
    (home, _, name), (place, _, model) = topic.rpartition(":"), wished.rpartition(":")
    return home == place and naming.same_loop(name, model, identity)


def _signing(expected: Expected, identity: ExpectedIdentity, dkim: Dkim) -> Iterator[Finding]:
    if dkim.enabled and dkim.status in VERIFIED:
        return
    look = f"aws sesv2 get-email-identity --region {expected.home.region} --email-identity {identity.name}"
    if not dkim.enabled or dkim.status == "NotStarted":
        yield Finding(
            "dkim",
            identity.path,
            "its mail is not signed with DKIM",
            "large receivers turn away unsigned bulk mail",
            f"aws sesv2 put-email-identity-dkim-attributes --region {expected.home.region}"
            f" --email-identity {identity.name} --signing-enabled",
            level=NOTE,
        )
        return
    yield Finding(
        "dkim",
        identity.path,
        f"SES does not find its DKIM records: {dkim.status}",
        "its mail goes out unsigned and may be refused; publish the three CNAME records that this shows",
        look,
    )


def check_unlisted(expected: Expected, listed: Iterable[ListedIdentity]) -> Iterator[Finding]:
    """Yield the identities that SES has verified under a domain of the file, and that the file does not name."""
    for identity in listed:
        name = identity.name.lower()
        if not identity.verified or name in expected.identities:
            continue
        covering = next((parent for parent in parents(name) if parent in expected.identities), None)
        if covering is not None:
            yield Finding(
                "unlisted",
                join("identities", name),
                f"SES has verified {name} on its own, and the file names only {covering}",
                f"an identity of its own takes nothing from {covering}: {LOST}; add it to the file and deploy, or"
                f" delete it in SES, and its mail goes by {covering}",
                "npx cdk deploy --all",
            )


def parents(name: str) -> Iterator[str]:
    """Yield what could cover an identity: the domain of an address, and the parents of a domain, nearest first."""
    domain = name.rpartition("@")[2] if "@" in name else name.partition(".")[2]
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]
