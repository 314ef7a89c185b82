"""A digest as people read it: plain text, the news in the first line, each address with what to do about it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Final, NamedTuple

from ses_feedback.domain.digest_answers import Known, what_was_done
from ses_feedback.domain.digest_words import NEWS, NOUNS, happened, heading
from ses_feedback.domain.digests import Gathered, Group, Item, in_detail
from ses_feedback.domain.keys import Keys
from ses_feedback.domain.plain_words import count, moment
from ses_feedback.domain.policy import Policy

WIDTH: Final = 78
# Publish, Subject: ASCII, fewer than 100 characters, no line breaks (SNS API reference).
MOST_SUBJECT: Final = 99
MOST_SHORT: Final = 140  # one SMS has room for 140 bytes
MOST_QUOTED: Final = 160  # letters of what strangers write: a subject, a receiver's answer
_LONGEST_DECODED: Final = 1_000
_DOMAINS: Final = 10
_LABEL: Final = 16
_ENVIRONMENTS: Final = 3
_SHOWN: Final = "These are "
_KEPT: Final = "14d"  # so long notifications may wait to be told


class Digest(NamedTuple):
    """One message to people: the subject of an e-mail, its text, and a text for telephones, without addresses."""

    subject: str
    text: str
    short: str


class Reader(NamedTuple):
    """Who reads it: the ``team``, and the kinds of feedback it is told of."""

    team: str
    kinds: tuple[str, ...]


class Facts(NamedTuple):
    """What else is known: addresses by (environment, address), policy, keys, the time in ms, and whether more waits."""

    known: Mapping[tuple[str, str], Known]
    policy: Policy
    keys: Keys
    now: int
    more: bool = False


def compose(gathered: Gathered, reader: Reader, facts: Facts) -> Digest | None:
    """Return the digest of what was gathered of the kinds that a reader wants; ``None`` where there is none."""
    groups = gathered.of(reader.kinds)
    if not groups and not gathered.unreadable:
        return None
    environments, headline = _headline(groups, gathered.unreadable)
    about = f"[{environments}] {headline}" if environments else headline
    subject = _ascii(about, MOST_SUBJECT)
    blocks = [_opening(groups, headline, reader, environments)]
    blocks += [_counts(groups), _domains(groups)]
    shown = in_detail(groups)
    blocks += [_detail(item, facts) for item in shown]
    blocks.append(_closing(groups, len(shown), gathered.unreadable, reader, facts))
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    return Digest(subject, text, _ascii(about, MOST_SHORT))


def is_partial(text: str) -> bool:
    """Return whether a digest tells only some of its events one by one."""
    return f"\n{_SHOWN}" in text


def _headline(groups: Sequence[Group], unreadable: int) -> tuple[str, str]:
    places = {place for group in groups for place in group.places}
    environments = sorted({place.environment for place in places})
    identities = sorted({place.identity for place in places})
    by_kind: Counter[str] = Counter()
    for group in groups:
        by_kind[group.kind] += group.count
    parts = [count(number, *NOUNS[kind]) for kind, number in by_kind.items()]
    if unreadable:
        parts.append(count(unreadable, "unreadable notification"))
    whose = identities[0] if len(identities) == 1 else count(len(identities), "identity", "identities")
    where = ", ".join(environments) if len(environments) <= _ENVIRONMENTS else f"{len(environments)} environments"
    return where, f"Mail from {whose}: {', '.join(parts)}" if identities else f"Mail: {', '.join(parts)}"


def _opening(groups: Sequence[Group], headline: str, reader: Reader, environments: str) -> list[str]:
    lines = wrap(headline, WIDTH)
    about = f"For the team {reader.team}."
    if groups:
        first, last = min(group.first for group in groups), max(group.last for group in groups)
        when = moment(first) if moment(first) == moment(last) else f"{moment(first)} to {moment(last)}"
        about = f"Environment {environments}, {when}. {about}"
    return lines + wrap(about, WIDTH)


def _counts(groups: Sequence[Group]) -> list[str]:
    if sum(group.count for group in groups) < 2:
        return []
    return ["In all:", *_table([(heading(group.kind, group.class_), group.count) for group in groups])]


def _domains(groups: Sequence[Group]) -> list[str]:
    """Say whose servers it was: a single one that refuses much is another trouble than many addresses at many."""
    domains: Counter[str] = Counter()
    for group in groups:
        domains.update(group.domains)
    if sum(domains.values()) <= _DOMAINS:
        return []
    top = domains.most_common(_DOMAINS)
    others = sum(domains.values()) - sum(number for _, number in top)
    return ["By the recipients' domain:", *_table([*top, *([("others", others)] if others else [])])]


def _table(rows: Sequence[tuple[str, int]]) -> list[str]:
    width = max(len(f"{number:,}") for _, number in rows)
    return [f"  {number:>{width},}  {name}" for name, number in rows]


def _detail(item: Item, facts: Facts) -> list[str]:
    event = item.event
    said = event.diagnostic or item.note
    lines = [event.recipient, *_labelled("What happened", happened(item))]
    if said:
        lines += _labelled("In their words", _quoted(said))
    lines += _labelled("Which mail", _mail(item))
    if event.kind not in NEWS:
        known = facts.known.get((event.environment, event.recipient))
        lines += _labelled("What was done", what_was_done(event, known, facts.policy, facts.keys, facts.now))
        # An address may hold what a shell takes for a command.
        who = shlex.quote(event.recipient)
        command = f"ses-feedback show {who} --environment {event.environment} --stream {event.stream}"
        lines.append(f"  {'Look closer':<{_LABEL}}{command}")  # never wrapped: it is there to be copied
    return lines


def _labelled(label: str, text: str) -> list[str]:
    return wrap(
        text,
        WIDTH,
        initial_indent=f"  {label:<{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _mail(item: Item) -> str:
    event = item.event
    parts = [f'"{_quoted(_decoded(item.subject))}"' if item.subject else "no subject known"]
    if event.sent_at is not None:
        parts.append(f"sent {moment(event.sent_at)}")
    parts.append(f"from {event.identity}, stream {event.stream}")
    if event.message_id:
        parts.append(f"message {event.message_id}")
    return ", ".join(parts)


def _closing(groups: Sequence[Group], shown: int, unreadable: int, reader: Reader, facts: Facts) -> list[str]:
    lines: list[str] = []
    total = sum(group.count for group in groups)
    if total > shown:
        lines += wrap(f"{_SHOWN}{shown} of {total:,}. All that are suppressed since yesterday:", WIDTH)
        lines += [f"  ses-feedback list --environment {e} --since 1d" for e in _environments(groups)]
    if unreadable:
        lines += wrap(f"{count(unreadable, 'notification')} could not be read and can be looked at:", WIDTH)
        lines.append(f"  ses-feedback quarantine list --since {_KEPT}")
    if facts.more:
        lines += wrap("More notifications wait; they come with the next message.", WIDTH)
    if lines:
        lines.append("")
    sender = f"At most one message in five minutes; who gets it stands in feedback.toml, at teams.{reader.team}.notify."
    return [*lines, *wrap(sender, WIDTH)]


def _environments(groups: Iterable[Group]) -> Iterator[str]:
    yield from sorted({place.environment for group in groups for place in group.places})


def _quoted(text: str) -> str:
    """Return what a stranger wrote on one line, without what a mail program or a terminal might obey, and cut."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * MOST_QUOTED])
    words = " ".join(plain.split())
    return words if len(words) <= MOST_QUOTED else words[: MOST_QUOTED - 1] + "…"


def _decoded(subject: str) -> str:
    """Return a subject with its MIME words (RFC 2047) decoded, as it stands where they cannot be."""
    if "=?" not in subject or len(subject) > _LONGEST_DECODED:
        return subject
    from email.errors import MessageError  # noqa: PLC0415 - few subjects need it
    from email.header import decode_header, make_header  # noqa: PLC0415

    try:
        return str(make_header(decode_header(subject)))
    except (ValueError, LookupError, MessageError):
        return subject


def _ascii(text: str, most: int) -> str:
    plain = text.encode("ascii", "replace").decode()
    return plain if len(plain) <= most else plain[: most - 3] + "..."
