"""What receivers say, reduced to words that many of them use: no address, no name, no number of a mail can be among it.

The answers stand in logs and in messages to on-call, where no recipient may be told from them. Hence what is kept is
what is known to be harmless, and not what is left after taking out what looks like an address: an answer may name a
mailbox, or a person, in any way it likes. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

LONGEST: Final = 80
MOST: Final = 10  # different domains or answers that are kept of one minute, or of all that an alarm looks at
NOTHING: Final = "no reason given"

_GAP: Final = "…"
_MOST_READ: Final = 400  # letters of an answer; SES cuts none, and no word that matters comes later
# Codes of SMTP and RFC 3463, and those that Microsoft and others write in parentheses, such as S3140.
_CODE: Final = re.compile(r"\d{3}|[245]\.\d{1,3}\.\d{1,3}|[a-z]{1,2}\d{3,4}", re.IGNORECASE)
_CONTINUED: Final = re.compile(r"\b(\d{3})-(?=[245]\.)")  # RFC 5321, section 4.2.1: one of several lines
_AROUND: Final = "\"'`()[]{}<>«»*=.,;:!?-"
_KEPT_AFTER: Final = ".,;:"
# Who decides for many receivers. Of an address of theirs only the name is kept.
_LISTS: Final = (
    "abusix barracuda cloudmark google invaluement mimecast outlook proofpoint senderscore sorbs spamcop spamhaus "
    "sophos symantec trendmicro uceprotect yahoo"
)
_WORDS: Final = (
    "a about accept accepted accepting accepts access account accounts action activity address addresses again "
    "against all allowed also an and another any are as at attachment attempt attempts authenticated "
    "authentication available bad bandwidth banned be because been being blacklist blacklisted block blocked "
    "blocking blocklist blocklisted body bounce bounced bulk but by can cannot can't check closed closing code "
    "client command complaint complaints complete configuration configured connect connection connections contact "
    "content could couldn't currently daily data deactivated deferred deliver delivered delivery denied detected "
    "did directory disabled discarded dkim dmarc dns do does doesn't domain don't due email emails empty enabled "
    "error errors exceed exceeded exceeds exist existent exists expired fail failed failure fails few filter "
    "filtered filtering find for forbidden format forwarding found frequency from full greylisted greylisting "
    "group has have header high history host if in inactive incoming invalid ip is issue it its known large later "
    "limit limited limits list listed local long longer loop lookup low mail mailbox mailboxes mailer mails "
    "maximum message messages misconfigured missing more moved mx name network no non-existent nonexistent not "
    "number of on only open or originating our out outbound over overquota own part permanent permanently "
    "permitted phishing please policies policy poor posting prohibited protocol quarantined quota range rate "
    "received recipient recipients record records refused reject rejected rejecting rejection rejects relay relaying "
    "remote removed reply reported reputation requested required resolve restricted restrictions retry return reverse "
    "root route routing rule rules same security see seem sender senders sending sent server servers service size "
    "slow soon space spam spf spoofed state status storage such support suspected suspended suspicious system "
    "table temporarily temporary terminated that the their there this throttled time timed timeout to too "
    "transaction tried try trying typos unable unauthenticated unauthorized unavailable undeliverable unexpected "
    "unfortunately unknown unreachable unrouteable unroutable unsolicited unusual unverified unwanted us use used "
    "user users using valid verification verify violation virtual virus volume was wasn't we were weren't when "
    "which with you your"
)

_DECIDERS: Final = frozenset(_LISTS.split())
_HARMLESS: Final = frozenset(_WORDS.split())


def said(diagnostic: str | None, status: str | None) -> str:
    """Return what a receiver said, at most ``LONGEST`` letters of it; its ``status`` where it said nothing."""
    words = _CONTINUED.sub(r"\1 ", (diagnostic or "")[:_MOST_READ]).split()
    kept: list[str] = []
    for word in map(_harmless, words):
        if word != _GAP or (kept and kept[-1] != _GAP):
            kept.append(word)
    while kept and kept[-1] == _GAP:
        kept.pop()
    text = " ".join(kept).rstrip(_KEPT_AFTER)
    if not text:
        return f"status {status}" if status else NOTHING
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + _GAP


def _harmless(word: str) -> str:
    core = word.strip(_AROUND)
    lower = core.lower()
    if lower in _HARMLESS or _CODE.fullmatch(core):
        return core + word[-1] if word[-1] in _KEPT_AFTER else core
    return next((label for label in lower.split(".") if label in _DECIDERS), _GAP)


def most(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the ``MOST`` entries that count most, the most first; of the same count, by name."""
    return dict(sorted(Counter(counts).items(), key=lambda pair: (-pair[1], pair[0]))[:MOST])
