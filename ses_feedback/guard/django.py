"""A Django e-mail backend that takes suppressed recipients off, and hands the rest to the backend that sends.

.. code-block:: python

    EMAIL_BACKEND = "ses_feedback.guard.django.EmailBackend"
    SES_FEEDBACK_GUARD = {"config": "feedback.toml", "backend": "django.core.mail.backends.smtp.EmailBackend"}
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ses_feedback.config import ConfigError
from ses_feedback.guard.core import Guard
from ses_feedback.guard.errors import GuardError, NobodyLeft, TableUnreadable
from ses_feedback.usecases.guarding import Outcome

SETTING: Final = "SES_FEEDBACK_GUARD"
_BACKEND: Final = "django.core.mail.backends.smtp.EmailBackend"
_FIELDS: Final = ("to", "cc", "bcc")

_guards: dict[int, Guard] = {}
_making = threading.Lock()


class EmailBackend(BaseEmailBackend):  # type: ignore[misc]
    """Each message has the guard's outcome as ``message.suppression`` afterwards; its own recipients stay as they were.

    Keywords other than ``fail_silently`` go to the backend that sends, and so does a connection that is kept open.
    """

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__()
        self.fail_silently = fail_silently
        backend = _setting().get("backend", _BACKEND)
        if backend == f"{EmailBackend.__module__}.EmailBackend":
            raise ImproperlyConfigured(f"{SETTING}: backend must be the one that sends, not the guard itself")
        self._guard = _guard()
        if "alias" in kwargs:  # Django 6.1 makes it from MAILERS, with the options that stand there
            self.alias = kwargs["alias"]
            silently = {"fail_silently": True} if fail_silently else {}
            self._inner = import_string(backend)(**silently, **kwargs)
        else:
            self._inner = get_connection(backend, fail_silently=fail_silently, **kwargs)

    def open(self) -> Any:
        """Open the connection of the backend that sends."""
        return self._inner.open()

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        """Send to whoever is not suppressed; return how many messages were sent.

        Messages with somebody left are sent first; then the first with nobody left raises ``NobodyLeft``, unless the
        guard is only to report it, or errors are silenced. ``TableUnreadable`` is raised before anything is sent.
        """
        ready, refused = [], None
        for message in email_messages or ():
            named = [str(address) for field in _FIELDS for address in getattr(message, field) if address]
            named += map(str, message.recipients())  # a class of the application's own may name more
            try:
                outcome = self._guard.check(named, sender=str(message.from_email))
            except TableUnreadable as error:
                message.suppression = error.outcome
                if not self.fail_silently:
                    raise
                continue
            message.suppression = outcome
            if outcome.nobody_left:
                refused = refused or NobodyLeft(outcome)
                continue
            ready.append(_without(message, outcome) if outcome.loses else message)
        sent = self._inner.send_messages(ready) if ready else 0
        if refused is not None and self._guard.options.nobody_left == "raise" and not self.fail_silently:
            raise refused
        return sent or 0


def _without(message: Any, outcome: Outcome) -> Any:
    """Return a copy of a message that goes to fewer; the application's own keeps its recipients."""
    copied = copy.copy(message)
    for field in _FIELDS:
        setattr(copied, field, outcome.keep(map(str, getattr(message, field))))
    left = outcome.keep(map(str, copied.recipients()))
    if left != copied.recipients():
        copied.recipients = lambda: left
    return copied


def _setting() -> dict[str, Any]:
    found = getattr(settings, SETTING, {})
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f"{SETTING}: must be a dict of options, not {type(found).__name__}")
    return found


def _guard() -> Guard:
    """Return the guard that the setting describes, or holds: one for the whole process, so that it remembers."""
    given = {name: value for name, value in _setting().items() if name != "backend"}
    with _making:
        if 0 not in _guards:
            _guards[0] = _made(given)
        return _guards[0]


def _made(given: dict[str, Any]) -> Guard:
    guard = given.pop("guard", None)
    if guard is not None:
        if given:
            raise ImproperlyConfigured(
                f"{SETTING}: beside guard only backend is allowed, not {', '.join(sorted(given))}"
            )
        found = import_string(guard) if isinstance(guard, str) else guard
        if not isinstance(found, Guard):
            raise ImproperlyConfigured(f"{SETTING}: guard must be a Guard, or the dotted path of one")
        return found
    try:
        if "deployment" in given:
            return Guard.of(given.pop("deployment"), **given)
        return Guard.from_file(given.pop("config", "feedback.toml"), **given)
    except (GuardError, ConfigError, TypeError) as error:
        raise ImproperlyConfigured(f"{SETTING}: {error}") from error


def _forget(*, setting: str, **_: Any) -> None:
    if setting == SETTING:
        _guards.clear()


setting_changed.connect(_forget)
