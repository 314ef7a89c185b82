"""What wiring needs of the world: SES, a memory, and the words and errors they share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from ses_feedback.domain.errors import PermanentError
from ses_feedback.domain.settings import Settings

# Statuses. WIRED: all is as wished. PENDING: SES has not verified the identity, or does not know it. FOREIGN: a
# rollback left in place what somebody else set. RESTORED: given back. CREATED (remembered only): PENDING, and made by
# us, or about to be: an undo may delete it while it is unverified.
WIRED: Final = "wired"
PENDING: Final = "pending"
FOREIGN: Final = "foreign"
RESTORED: Final = "restored"
CREATED: Final = "created"

# VerificationStatus in the SES API. TemporaryFailure: verified before, its DNS record not seen just now.
VERIFIED: Final = ("Success", "TemporaryFailure")


class Rejected(PermanentError):
    """SES does not take a setting; ``str(error)`` says which and what to do."""


class IdentityRejected(Rejected):
    """SES takes no settings for this identity: it is not verified, or gone."""


class TopicRejected(Rejected):
    """SES cannot publish to this topic."""


class ConfigurationSetRejected(Rejected):
    """SES knows no such configuration set."""


class NotPermitted(PermanentError):
    """The function lacks a permission; ``str(error)`` names it."""


class InvalidWish(PermanentError):
    """What is wished cannot be; ``str(error)`` says what would be right."""


class ForeignSetting(PermanentError):
    """Somebody else set a topic or default configuration set; ``str(error)`` names each, and the identity."""


class DkimRecord(NamedTuple):
    """A CNAME record by which a domain shows that it is its owner's: ``name`` points to ``value``."""

    name: str
    value: str


class SesGateway(Protocol):
    """SES's calls, one request each. All may raise ``Rejected``, ``NotPermitted``, ``RetryableError``."""

    def settings(self, identity: str) -> Settings | None:
        """Return an identity's notification settings, ``None`` if SES does not know it (it may say defaults, too)."""

    def verification(self, identity: str) -> str | None:
        """Return an identity's ``VerificationStatus``, ``None`` if SES does not know it."""

    def set_topic(self, identity: str, type_: str, topic: str | None) -> None:
        """Set or clear the topic of a notification type. Raises ``TopicRejected``, ``IdentityRejected``."""

    def set_headers(self, identity: str, type_: str, enabled: bool) -> None:
        """Switch headers in a type's notifications."""

    def set_forwarding(self, identity: str, enabled: bool) -> None:
        """Switch the forwarding of feedback by e-mail."""

    def configuration_set(self, identity: str) -> str | None:
        """Return an identity's default configuration set. Raises ``IdentityRejected`` if SES knows no such identity."""

    def set_configuration_set(self, identity: str, name: str | None) -> None:
        """Set or clear it. Raises ``ConfigurationSetRejected``, ``IdentityRejected``."""

    def create(self, identity: str) -> None:
        """Create an identity and have its verification begin; nothing happens where SES knows it already."""

    def delete(self, identity: str) -> None:
        """Delete an identity that ``create`` made; nothing happens where SES does not know it."""

    def dkim(self, identity: str) -> tuple[DkimRecord, ...]:
        """Return the DKIM records a domain must publish, none with a key of its own or without DKIM.

        Raises ``IdentityRejected`` if SES knows no such identity.
        """


@dataclass(frozen=True, slots=True)
class FormerSet:
    """The default configuration set before ours (``name``, ``None`` for none), and every one that was ever ours."""

    name: str | None
    ours: frozenset[str]


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered: ``former`` settings (``None``: never wired), topics that were ever ours, status.

    ``refused`` is the fingerprint of the properties that the last Update failed with, if it failed.
    """

    former: Settings | None = None
    ours: frozenset[str] = frozenset()
    former_set: FormerSet | None = None
    status: str | None = None
    refused: str | None = None


class Memory(Protocol):
    """Remembers, by identity. Each call is one atomic write or consistent read; all may raise ``RetryableError``."""

    def recall(self, identity: str) -> Record | None:
        """Return what is remembered."""

    def remember(self, identity: str, former: Settings, ours: Collection[str], *, again: bool = False) -> Record:
        """Keep ``former`` unless one is kept already (``again``: even so), add to the topics that are ours.

        Returns the whole.
        """

    def remember_set(self, identity: str, former: str | None, ours: str, *, again: bool = False) -> Record:
        """Do the same for the default configuration set."""

    def forget_set(self, identity: str) -> None:
        """Forget the configuration set's part."""

    def note(self, identity: str, status: str) -> None:
        """Keep the status."""

    def refuse(self, identity: str, properties: str | None) -> None:
        """Keep the fingerprint of the properties of a failed Update, or with ``None`` forget it."""

    def forget(self, identity: str) -> None:
        """Forget an identity; nothing happens if it is not remembered."""


class Outcome(NamedTuple):
    """``status``: see above. ``changes`` say what was done, ``left`` what was not, ``why`` an identity is ``PENDING``.

    ``dkim`` are the records of a domain that is to be created where it is missing, whether it was or not.
    """

    status: str
    changes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    why: str | None = None
    dkim: tuple[DkimRecord, ...] = ()
