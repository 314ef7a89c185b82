"""A guard before every send of an application: suppressed recipients are taken off, the rest of the mail still goes.

.. code-block:: python

    guard = Guard.from_file("feedback.toml")
    ses = guard.attach(boto3.client("sesv2"))

Needs boto3 (botocore) and this package, nothing else. ``smtp`` and ``django`` in here serve those two on the same core.
"""

from ses_feedback.domain.history import Suppression
from ses_feedback.guard.boto import ANSWER_KEY
from ses_feedback.guard.core import Guard
from ses_feedback.guard.errors import GuardError, Misconfigured, NobodyFound, NobodyLeft, Overridden, TableUnreadable
from ses_feedback.guard.metrics import emf
from ses_feedback.usecases.guarding import Outcome, Removed

__all__ = [
    "ANSWER_KEY",
    "Guard",
    "GuardError",
    "Misconfigured",
    "NobodyFound",
    "NobodyLeft",
    "Outcome",
    "Overridden",
    "Removed",
    "Suppression",
    "TableUnreadable",
    "emf",
]
