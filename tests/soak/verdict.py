"""What came out, compared with what must: address by address by the naive model, metric by metric within its bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ses_feedback import naming
from ses_feedback.adapters.items import from_item
from ses_feedback.domain.history import covering, suppressions
from ses_feedback.domain.policy import Policy, bound
from ses_feedback.domain.times import format_time
from ses_feedback.usecases.ports import Stored
from tests.property.model import Delivered, Fact, Facts, Seen, best
from tests.soak.functions import KEYS
from tests.soak.loop import Loop
from tests.soak.traffic import PLACES, Who

META = "meta"


def verdict(loop: Loop) -> Iterator[str]:
    """Yield each difference in a line or a few: first of what stands, then of what stands after a replay."""
    yield from _nothing_waits(loop)
    yield from _metrics(loop)
    yield from _quarantine(loop)
    yield from _canaries(loop)
    yield from _addresses(loop, replayed=False)
    loop.replay()
    yield from _addresses(loop, replayed=True)


def _nothing_waits(loop: Loop) -> Iterator[str]:
    if loop.waiting():
        yield f"{loop.waiting()} messages never came to an end"


def _canaries(loop: Loop) -> Iterator[str]:
    """Every canary that came back is noted by both ways; that nothing else follows from it, the others tell."""
    for noted in loop.traffic.canaries ^ loop.cloud.canaries:
        yield f"a canary is {'not noted' if noted in loop.traffic.canaries else 'noted and never came'}: {noted}"


# --- addresses --------------------------------------------------------------------------------------------------------


def _addresses(loop: Loop, *, replayed: bool) -> Iterator[str]:
    policy = loop.rules.policy
    table = {key: item for key, item in loop.cloud.dynamo.items.items() if key != META}
    months = set(loop.cloud.dynamo.items[META].get("months", {"SS": []})["SS"])
    expected = {KEYS.address(*who): who for who, facts in loop.account.facts.items() if _leaves_a_trace(facts, policy)}
    for key in expected.keys() - table.keys():
        who = expected[key]
        yield f"lost: nothing is stored of {who}, and this is known: {_told(loop.account.facts[who])}"
    for key in table.keys() - expected.keys():
        yield f"invented: {from_item(dict(table[key]))[:2]} has an item, and nothing was ever said against it"
    for key, who in expected.items():
        if key not in table:
            continue
        stored = from_item(dict(table[key]))
        facts = loop.account.facts[who]
        delivered = loop.account.deliveries.get(who, {})
        yield from _deliveries(who, stored, delivered)
        yield from _strikes(who, stored, facts)
        if replayed:
            known = [*facts, *(Delivered(stream, max(times)) for stream, times in delivered.items())]
        else:
            known = [*facts, *(Delivered(stream, at) for stream, at in stored.history.deliveries.items())]
        yield from answers(who, stored, known, policy)
        unlisted = {format_time(s.since)[:7] for s in stored.suppressions} - months
        if unlisted:
            yield f"{who} is suppressed since {unlisted}, and no listing looks there: noted are {months}"


def _leaves_a_trace(facts: Sequence[Fact], policy: Policy) -> bool:
    return any(not isinstance(fact, Seen) or policy.get(fact.strike.class_) for fact in facts)


def _deliveries(who: Who, stored: Stored, delivered: dict[str, set[int]]) -> Iterator[str]:
    for stream, at in stored.history.deliveries.items():
        if at not in delivered.get(stream, ()):
            yield f"invented: {who} has a delivery in {stream} at {format_time(at)} that never was"


def _strikes(who: Who, stored: Stored, facts: Sequence[Fact]) -> Iterator[str]:
    """Every strike that is stored was made, at its later time, and none is there twice."""
    made = Counter((s.class_, s.stream, s.at, s.sent, s.message_id) for s in Facts(facts).strikes.values())
    kept = Counter((s.class_, s.stream, s.at, s.sent, s.message_id) for s in stored.history.strikes.values())
    for strike, times in (kept - made).items():
        yield f"a strike too many: {who} has {times} of {strike}, {made[strike]} would be right"


def answers(who: Who, stored: Stored, known: Sequence[Fact], policy: Policy) -> Iterator[str]:
    """Each question, at each time its answer can change, has the answer of the text; one difference is enough."""
    model = Facts(known)
    expected, found = model.suppressions(policy), suppressions(stored.history, policy)
    if list(stored.suppressions) != found:
        yield f"{who}: the suppressions stored are not those that follow: {stored.suppressions} for {found}"
    groups = Counter((strike.class_, strike.stream) for strike in model.strikes.values())
    latest = max((strike.at for strike in model.strikes.values()), default=0)
    pruned = any(n > max(map(bound, policy.get(class_, ())), default=n) for (class_, _), n in groups.items())
    changes = {0, latest} | {s.since if s.until is None else s.until for s in expected | set(found)}
    streams = {place.stream for place in PLACES if place.environment == who[0]} | {"another"}
    for now in sorted({at + shift for at in changes for shift in (-1, 0)}):
        if pruned and now < latest:
            continue
        for stream in sorted(streams):
            right, answer = best(expected, stream, now), covering(found, stream, now)
            if right != answer:
                yield (
                    f"{who}, stream {stream}, asked at {format_time(max(now, 0))}:"
                    f"\n  answers {answer}\n  must be {right}\n  by {_told(known)}"
                )
                return


def _told(facts: Sequence[Fact]) -> str:
    lines = [f"{fact.strike}" if isinstance(fact, Seen) else f"{fact}" for fact in facts]
    return "\n     ".join(lines[:20]) + (f"\n     and {len(lines) - 20} more" if len(lines) > 20 else "")


# --- quarantine and metrics -------------------------------------------------------------------------------------------


def _quarantine(loop: Loop) -> Iterator[str]:
    kept, must = loop.cloud.s3.kept(), loop.account.unreadable
    for text in sorted(must - kept)[:3]:
        yield f"lost: not in quarantine ({len(must - kept)} in all): {text[:200]}"
    for text in sorted(kept - must)[:3]:
        yield f"in quarantine without a reason ({len(kept - must)} in all): {text[:200]}"


def _metrics(loop: Loop) -> Iterator[str]:
    """Never under, and over by no more than what came twice, or came back after its batch had emitted something."""
    found, account = loop.cloud.logs.metrics, loop.account
    whole: Counter[str] = Counter()
    for (subject, _), sums in found.items():
        if not subject:
            whole += sums
    for place, sums in found.items():
        if place[0] and place not in account.counted:
            yield f"invented: {place[0]} at {format_time(place[1])} counts {dict(+sums)}, and nothing happened then"
    for place, least in account.counted.items():
        for name in (*naming.RATE_METRICS, naming.METRIC_BLOCKED):
            value, spare = found.get(place, Counter())[name], account.spare.get(place, Counter())[name]
            yield from _bounds(f"{name} of {place[0] or 'all'} at {format_time(place[1])}", value, least[name], spare)
    lost, unreadable = loop.cloud.troubles["PutObject lost"], len(account.unreadable)
    quarantined = whole[naming.METRIC_QUARANTINED]
    yield from _bounds(naming.METRIC_QUARANTINED, quarantined, unreadable - account.untold, account.untold + lost)
    yield from _bounds(naming.METRIC_TALLIED, whole[naming.METRIC_TALLIED], account.tallied, account.tallied_spare)


def _bounds(what: str, value: int, least: int, spare: int) -> Iterator[str]:
    if not least <= value <= least + spare:
        yield f"{what} is {value}, must be from {least} to {least + spare}"
