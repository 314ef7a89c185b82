"""What on-call reads of an alarm: what happened in figures, since when, where, what AWS will do, what to do. Pure.

For mail, telephones and chat alike: subject and text in plain lines, and a text for an SMS. No recipient is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Final, Literal, NamedTuple

from ses_feedback.domain.alarm_notice import ON, Advice, Notice, Watch, advice, last_value
from ses_feedback.domain.plain_words import count, length, moment
from ses_feedback.domain.reputation import REVIEW, STOP
from ses_feedback.domain.said import MOST
from ses_feedback.domain.times import HOUR, SECOND

WIDTH: Final = 78
MOST_SUBJECT: Final = 99  # SNS API reference, Publish: ASCII, fewer than 100 letters
MOST_SHORT: Final = 140  # one SMS has room for 140 bytes
# An alarm whose description begins so is none: somebody wants to see whether on-call is reached.
DRILL: Final = "DRILL"
_LABEL: Final = 16
_LEAST_SAID: Final = 20  # letters: less of a sentence says nothing
_COMMAND: Final = re.compile(r"`[^`]*`")
_HELD: Final = "\u00a0"  # a space that ends no line
_SHOWN: Final = 5  # of domains, answers and identities each: as much as tells what it is

What = Literal["bounce", "complaint", "blocked"]
_NOUN: Final[Mapping[What, str]] = {"bounce": "hard bounces", "complaint": "complaints", "blocked": "blocked mails"}
_OF: Final[Mapping[What, str]] = {
    "bounce": "its mail",
    "complaint": "its mail to receivers that report them",
    "blocked": "its mail",
}


class Message(NamedTuple):
    """One message. ``short`` is for telephones; ``None``: there is only the text, which is told as it is."""

    subject: str
    text: str
    short: str | None = None


class Whose(NamedTuple):
    """Whose mail it is about: an identity with its place, an environment, or with neither the whole deployment."""

    deployment: str
    identity: str | None = None
    environment: str | None = None
    stream: str | None = None
    team: str | None = None
    breaker: bool = False

    @property
    def name(self) -> str:
        """What it is called in a headline."""
        if self.identity is not None:
            return self.identity
        return f"environment {self.environment}" if self.environment is not None else f"deployment {self.deployment}"


class Cause(NamedTuple):
    """A rate that is over its line. ``bad`` of ``whole`` mails within ``window_s`` make ``rate``; ``None``: unknown.

    ``aws``: it is AWS's own rate, of which nobody knows the counts. ``floor``: the bad events it takes at least.
    """

    what: What
    whose: Whose
    line: float
    window_s: int
    floor: int | None = None
    rate: float | None = None
    bad: int | None = None
    whole: int | None = None
    aws: bool = False


class Evidence(NamedTuple):
    """What the log of counting tells of ``total`` bad events: where they were, what was said, whose they were.

    ``since`` is how far back it was read, in ms; ``whole``: that is as far as the alarm looks. ``blocked`` is mail of
    the same environment that receivers refused for what they think of the sender.
    """

    what: What
    since: int
    whole: bool
    total: int
    domains: Mapping[str, int]
    said: Mapping[str, int]
    identities: Mapping[str, int]
    blocked: int = 0
    blocked_said: Mapping[str, int] = {}


class Account(NamedTuple):
    """AWS's own rates of the account, fractions, as of ``at`` (ms); ``None`` where AWS has told none yet."""

    bounce: float | None
    complaint: float | None
    at: int | None


class Facts(NamedTuple):
    """What is known beside the notice. ``missing``: what could not be found out, as ends of ``Not known: …``.

    ``watches`` are the alarms that put on one over several that are not about rates.
    """

    causes: Sequence[Cause] = ()
    told: Sequence[str] = ()  # descriptions of the alarms that are the causes
    account: Account | None = None
    evidence: Sequence[Evidence] = ()
    watches: Sequence[Watch] = ()
    missing: Sequence[str] = ()


def compose(severity: str, notice: Notice, facts: Facts) -> Message:
    """Return the message about an alarm."""
    word = severity.upper() if notice.state == ON else notice.state
    said = _advice(notice, facts)
    if facts.causes:
        headline = f"{word}: {_rate_in_short(facts.causes[0])}"
        others = {cause.what for cause in facts.causes} - {facts.causes[0].what}
        headline += "".join(f", and {_NOUN[what]}" for what in sorted(others))
        lines = [*_about_rates(facts), *_about_aws(facts), *_about_whom(facts.causes[0].whose)]
        what_next = _at_aws(facts.causes[0].what)
    else:
        headline = f"{word}: {notice.alarm}"
        if said.what.startswith(DRILL):
            headline = f"{word}: {DRILL}, nothing is wrong ({notice.alarm})"
        happened = said.what or notice.reason
        lines, what_next = [*_labelled("What happened", happened), *_measured(notice, facts.watches)], f"{happened} "
    since = [] if notice.at is None else _labelled("Since", moment(notice.at))
    evidence = [line for one in facts.evidence for line in _about_evidence(one)]
    closing = [
        *(_labelled("Not known", "; ".join(facts.missing)) if facts.missing else ()),
        *(_labelled("Where to look", said.look) if said.look else ()),
        *(_labelled("What to do", said.do) if said.do else ()),
        *_labelled("Runbook", said.runbook or "none is named by this alarm"),
        *_labelled("Alarm", notice.alarm),
    ]
    blocks = [wrap(headline, WIDTH), [*lines, *since], evidence, closing]
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    return Message(_ascii(headline, MOST_SUBJECT), text, _short(headline, what_next, said.runbook))


def unexplained(severity: str, subject: str | None, text: str, why: str) -> Message:
    """Return the message where none could be composed: CloudWatch's own, and the reason."""
    said = f"{severity.upper()}: this alarm could not be put into words ({why}). CloudWatch's own message follows."
    return Message(_ascii(subject or f"{severity.upper()}: an alarm", MOST_SUBJECT), f"{said}\n\n{text}")


def percent(fraction: float) -> str:
    """Return a fraction as people write it: 0.0008 is ``0.08%``, 0.06203 is ``6.2%``."""
    return f"{float(f'{fraction * 100:.2g}'):g}%" if fraction < 0.1 else f"{fraction * 100:.3g}%"


def _window(seconds: int) -> str:
    return f"{seconds // 3_600} h" if seconds % 3_600 == 0 else length(seconds * SECOND)


def _rate_in_short(cause: Cause) -> str:
    """Return a cause in as few words as a subject has room for."""
    noun = _NOUN[cause.what]
    if cause.aws:
        value = "above" if cause.rate is None else f"{percent(cause.rate)},"
        return f"AWS's own rate of {noun} of {_short_name(cause.whose.name)} {value} {percent(cause.line)} is the line"
    who = _short_name(cause.whose.name)
    if cause.rate is None or cause.bad is None or cause.whole is None:
        return f"{who}: {noun} above {percent(cause.line)} within {_window(cause.window_s)}"
    return f"{who}: {noun} {percent(cause.rate)} ({cause.bad:,} of {cause.whole:,} in {_window(cause.window_s)})"


def _short_name(name: str) -> str:
    return name if len(name) <= 40 else name[:37] + "..."


def _about_rates(facts: Facts) -> Iterator[str]:
    told: set[What] = set()
    for cause in facts.causes:
        yield from _labelled("" if told else "What happened", _again(cause) if cause.what in told else _rate(cause))
        told.add(cause.what)
    if any(cause.what == "complaint" for cause in facts.causes):
        yield from _labelled(
            "", "Gmail reports no complaints to anybody: this rate leaves its mail out, and its users may complain too."
        )


def _rate(cause: Cause) -> str:
    noun, line = _NOUN[cause.what], percent(cause.line)
    limits = _limits(cause.what)
    if cause.aws:
        figure = "at or above the line" if cause.rate is None else percent(cause.rate)
        return f"AWS's own rate of {noun} of {cause.whose.name} is {figure}. On-call's line: {line}. {limits}."
    least = f" and {cause.floor} or more" if cause.floor else ""
    window = _window(cause.window_s)
    if cause.rate is None or cause.bad is None or cause.whole is None:
        least = f"{line} of {_OF[cause.what]} or more within {window}"
        return f"{noun.capitalize()} of {cause.whose.name} are {least}. {limits}."
    figures = f"{percent(cause.rate)} of {_OF[cause.what]}: {cause.bad:,} of {cause.whole:,} within {window}"
    return f"{noun.capitalize()} of {cause.whose.name} are {figures}. On-call's line: {line}{least}. {limits}."


def _again(cause: Cause) -> str:
    """Return a rate over another time, where the first has been told in full."""
    line = f"on-call's line there: {percent(cause.line)}"
    if cause.rate is None or cause.bad is None or cause.whole is None:
        return f"Likewise within {_window(cause.window_s)}; {line}."
    return f"Within {_window(cause.window_s)}: {percent(cause.rate)}, {cause.bad:,} of {cause.whole:,}; {line}."


def _limits(what: What) -> str:
    if what not in REVIEW:
        return "Receivers refuse it for what they think of the sender; AWS has no line for this"
    return f"AWS reviews an account at {percent(REVIEW[what])} and may stop it at {percent(STOP[what])}"


def _at_aws(what: What) -> str:
    return f"AWS reviews an account at {percent(REVIEW[what])}." if what in REVIEW else "Receivers refuse the sender."


def _about_aws(facts: Facts) -> Iterator[str]:
    account = facts.account
    if account is None:
        return
    rates: dict[What, float | None] = {"bounce": account.bounce, "complaint": account.complaint}
    known = {what: rate for what, rate in rates.items() if rate is not None}
    if not known:
        yield from _labelled("AWS's own view", "none yet: AWS has told no rate of the account within a day.")
        return
    figures = ", ".join(f"{what}s {percent(rate)}" for what, rate in known.items())
    at = "" if account.at is None else f" ({moment(account.at)})"
    yield from _labelled("AWS's own view", f"of the whole account{at}: {figures}. {_what_aws_does(known)}")


def _what_aws_does(known: Mapping[What, float]) -> str:
    worst = max(rate / REVIEW[what] for what, rate in known.items())
    if any(rate >= STOP[what] for what, rate in known.items()):
        return "Next, AWS can stop all sending of the account, at any time."
    if worst >= 1:
        return "Next, AWS can put the account under review, and stops its sending if that does not mend it."
    return "AWS does nothing yet: it reviews an account when these rates reach its levels."


def _about_whom(whose: Whose) -> Iterator[str]:
    if whose.identity is not None and whose.environment is not None:
        team = f"team {whose.team}" if whose.team else "no team"
        yield from _labelled("Whose mail", f"environment {whose.environment}, stream {whose.stream}, {team}")
    elif whose.identity is None and whose.environment is None:
        yield from _labelled("Whose mail", f"of all identities of {whose.deployment}")
    if whose.breaker:
        yield from _labelled(
            "Breaker", "It has a circuit breaker: its page pauses it, and a message of its own says so once it is done."
        )


def _about_evidence(found: Evidence) -> Iterator[str]:
    noun = _NOUN[found.what]
    if not found.total:
        yield from _labelled("Where", f"no {noun} are noted in the log of counting since {moment(found.since)}.")
    else:
        reach = "" if found.whole else ", as far back as could be read in time"
        yield f"Of {found.total:,} {noun} logged since {moment(found.since)}{reach}:"
        if found.identities:
            yield from _listed("by identity", found.identities, found.total)
        yield from _listed("by the receiver's domain", found.domains, found.total)
        if found.said:
            yield from _listed("what the receivers said", found.said, found.total)
    if found.blocked:
        blocked = count(found.blocked, "mail")
        yield f"Receivers blocked {blocked} of this environment, for what they think of it:"
        yield from _listed("what they said", found.blocked_said, found.blocked)


def _listed(title: str, counts: Mapping[str, int], total: int) -> Iterator[str]:
    shown = list(counts.items())[: min(_SHOWN, MOST)]
    others = total - sum(number for _, number in shown)
    rows = [*shown, *([("others", others)] if others > 0 else [])]
    width = max((len(f"{number:,}") for _, number in rows), default=1)
    yield f"  {title}:"
    for name, number in rows:
        yield f"    {number:>{width},}  {name}"


def _measured(notice: Notice, watches: Sequence[Watch]) -> Iterator[str]:
    """Yield what was measured, of each alarm that put this one on; CloudWatch's own words where they tell no value."""
    if notice.watch is not None:
        value = last_value(notice.reason)
        if value is not None:
            yield from _labelled("Measured", _against_its_line(notice.watch, value))
            return
    below = [(watch, value) for watch in watches if (value := last_value(watch.reason)) is not None]
    for watch, value in below:
        of = " ".join(value for series in watch.series.values() for _, value in series.dimensions)
        yield from _labelled("Measured", f"{of}: {_against_its_line(watch, value)}")
    if not below and notice.reason and (notice.description or notice.watch is not None):
        yield from _labelled("In detail", notice.reason)


def _against_its_line(watch: Watch, value: float) -> str:
    figure, line = (_figure(number, watch) for number in (value, watch.threshold))
    span = _window(watch.window_s) if watch.window_s >= HOUR // SECOND else length(watch.window_s * SECOND)
    periods = "" if watch.periods == 1 else f", {watch.periods} times in a row"
    return f"{figure}; it goes off at {line} (within {span}{periods})"


def _figure(value: float, watch: Watch) -> str:
    if any(series.name.startswith("Reputation.") for series in watch.series.values()):
        return percent(value)
    if any("Age" in series.name for series in watch.series.values()):
        return length(round(value) * SECOND)
    return f"{value:,.10g}"


def _advice(notice: Notice, facts: Facts) -> Advice:
    """Return what to do: of the alarm that is the cause, where it says more than the alarm that told of it."""
    own = advice(notice.description)
    below = [advice(text) for text in facts.told]
    looks, does, runbooks = (
        [getattr(one, name) for one in below if getattr(one, name)] for name in ("look", "do", "runbook")
    )
    environment = facts.causes[0].whose.environment if facts.causes else None
    told = Advice(
        what=own.what,
        look=" ".join(dict.fromkeys(looks)) or own.look,
        do=" ".join(dict.fromkeys(does)) or own.do,
        runbook=" and ".join(dict.fromkeys(runbooks)) or own.runbook,
    )
    if environment is None:
        return told
    return told._replace(look=told.look.replace("--environment E", f"--environment {environment}"))


def _short(headline: str, next_: str, runbook: str) -> str:
    """Return what a telephone has room for: the headline, of what comes next as much as fits, one runbook."""
    page = runbook.partition(" and ")[0].rpartition("/")[2]
    end = f" {page}" if page else ""
    room = MOST_SHORT - len(headline) - len(end) - 2
    middle = f" {_ascii(next_, room)}" if room > _LEAST_SAID else ""
    return _ascii(f"{headline}.{middle}{end}", MOST_SHORT)


def _labelled(label: str, text: str) -> list[str]:
    """Return a text beside its label. A command in it stays on one line, further left if need be: readers copy it."""
    lines = wrap(
        _COMMAND.sub(lambda command: command[0].replace(" ", _HELD), text),
        WIDTH,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part.replace(_HELD, " ") for line in lines for part in _fitting(line)]


def _fitting(line: str) -> Iterator[str]:
    if len(line) <= WIDTH:
        yield line
        return
    label, command = line[:_LABEL].rstrip(), line[_LABEL:]
    if label:
        yield label
    yield command.rjust(WIDTH)


def _ascii(text: str, most: int) -> str:
    plain = " ".join(text.encode("ascii", "replace").decode().split())
    return plain if len(plain) <= most else plain[: most - 3] + "..."
