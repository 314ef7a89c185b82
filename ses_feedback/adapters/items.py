"""A history as a DynamoDB item, in the wire format of the low-level client. Times are numbers, ms since 1970."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from ses_feedback import naming
from ses_feedback.domain import events as ev
from ses_feedback.domain.history import (
    History,
    Known,
    Past,
    Ruling,
    Strike,
    Suppression,
    copy_key,
    expires_at,
    join_strikes,
    strongest,
    suppressions,
)
from ses_feedback.domain.policy import Policy, Scope
from ses_feedback.domain.reach import Name, Reach
from ses_feedback.domain.times import format_time
from ses_feedback.usecases.ports import Listed, Stored

Item = dict[str, Any]

# DynamoDB takes 400 KB. So few strikes never come near: the longest texts of one are some 2 KB.
_MOST = 390_000
_FEW = 100

_RELEASED, _SUPPRESSED = "release", "suppress"
_STRIKE_TEXTS = ("message_id", "identity", "status", "diagnostic", "detail")


def listing_key(environment: str, reason: str, month: str, shard: int) -> str:
    """Return the index partition that holds the suppressions of a reason, month (``2026-11``) and shard."""
    return f"{environment}#{reason}#{month}#{shard}"


def shard_of(key: str) -> int:
    """Return the shard of an item's key: the same for the same address, spread evenly over addresses."""
    return sum(key.encode()) % naming.LISTING_SHARDS


def to_item(key: str, environment: str, address: str, history: History, policy: Policy, version: str) -> Item:
    """Return the item of an address, complete."""
    found = suppressions(history, policy)
    item: Item = {
        naming.ATTRIBUTE_KEY: {"S": key},
        "version": {"S": version},
        "environment": {"S": environment},
    }
    if history.erased:
        item["erased"] = _number(history.erased)
    else:
        item["address"] = {"S": address}
    if history.strikes:
        item["strikes"] = {"M": {key: {"M": _from_strike(s)} for key, s in _shortened(history.strikes).items()}}
    if history.deliveries:
        item["deliveries"] = {"M": {stream: _number(at) for stream, at in history.deliveries.items()}}
    if history.releases:
        item["releases"] = {"L": [{"M": {"scope": _text(s), **_from_ruling(r)}} for s, r in history.releases.items()]}
    if history.rulings:
        item["rulings"] = {
            "L": [{"M": {"scope": _text(s), **_from_ruling(r)}} for (s, _), r in history.rulings.items()]
        }
    if history.reaches:
        item["reaches"] = {"M": {scope: {"M": _from_reach(r)} for scope, r in history.reaches.items()}}
    if history.past:
        item["past"] = {"L": [{"M": _from_past(past)} for past in sorted(history.past, key=lambda p: p.ruling.at)]}
    if found:
        item["suppressions"] = {"L": [{"M": _from_suppression(s)} for s in found]}
        item.update(_listed(key, environment, found))
    expires = expires_at(history, found, policy)
    if expires is not None:
        item[naming.ATTRIBUTE_TTL] = _number(expires)
    if len(history.strikes) > _FEW:
        _fit(item, history.strikes)
    return item


def _fit(item: Item, strikes: Mapping[str, Strike]) -> None:
    """Make an item as small as DynamoDB takes it: texts go first, which decide nothing, then the oldest of the most.

    What follows from all of them is in the item already: an address that has outgrown it is suppressed all the same.
    """
    stored: Item = item["strikes"]["M"]
    for name in ("diagnostic", "detail", "message_id", "identity", "status"):
        if _size(item) <= _MOST:
            return
        for strike in stored.values():
            strike["M"].pop(name, None)
    while stored and _size(item) > _MOST:
        groups: dict[tuple[str, str], list[str]] = {}
        for key, strike in sorted(stored.items(), key=lambda pair: int(pair[1]["M"]["at"]["N"])):
            groups.setdefault((_s(strike["M"], "class"), _s(strike["M"], "stream")), []).append(key)
        largest = max(groups.values(), key=len)
        for key in largest[: -(-len(largest) // 10)]:
            del stored[key]


def _size(item: Item) -> int:
    """Return about how many bytes DynamoDB takes an item for (its guide, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Item) -> int:
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_size(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + _value_size(inner) for inner in content)
    return len(content.encode()) + 1


def _listed(key: str, environment: str, found: Iterable[Suppression]) -> Item:
    top = strongest(found)
    if top is None:
        return {}
    since = format_time(top.since)
    item = {
        naming.ATTRIBUTE_LISTING_KEY: _text(listing_key(environment, top.reason, since[:7], shard_of(key))),
        naming.ATTRIBUTE_LISTING_SINCE: _text(since),
        "listing_reason": _text(top.reason),
        "listing_scope": _text(top.stream or "*"),
    }
    if top.until is not None:
        item["listing_until"] = _number(top.until)
    return item


def from_item(item: Item, read_at: int = 0, address: str | None = None) -> Stored:
    """Return what an item says; of ``address``, if that is how it was found: an erased one does not say whose it is."""
    rulings = [(_s(entry["M"], "scope"), _to_ruling(entry["M"])) for entry in _list(item, "rulings")]
    return Stored(
        environment=_s(item, "environment"),
        address=_s(item, "address") if address is None else address,
        history=History(
            strikes=_lengthened({key: _to_strike(strike["M"]) for key, strike in _map(item, "strikes").items()}),
            deliveries={stream: int(at["N"]) for stream, at in _map(item, "deliveries").items()},
            releases={_s(entry["M"], "scope"): _to_ruling(entry["M"]) for entry in _list(item, "releases")},
            rulings={(scope, ruling.reason): ruling for scope, ruling in rulings},
            erased=_n(item, "erased") or 0,
            past=frozenset(_to_past(entry["M"]) for entry in _list(item, "past")),
            reaches={scope: _to_reach(reach["M"]) for scope, reach in _map(item, "reaches").items()},
        ),
        suppressions=tuple(_to_suppression(entry["M"]) for entry in _list(item, "suppressions")),
        version=_s(item, "version"),
        read_at=read_at,
        expires=_n(item, naming.ATTRIBUTE_TTL),
    )


def from_listing(item: Item, since: int) -> Listed:
    """Return what an index entry says; ``since`` is its sort key in ms."""
    scope = _s(item, "listing_scope")
    everywhere = scope == "*"
    return Listed(
        item["address"]["S"] if "address" in item else None,
        Suppression(
            "environment" if everywhere else "stream",
            None if everywhere else scope,
            _s(item, "listing_reason"),
            since,
            _n(item, "listing_until"),
        ),
    )


def _shortened(strikes: Mapping[str, Strike]) -> dict[str, Strike]:
    """Return strikes by the keys they are stored under: the message's alone, wherever no other strike is the message's.

    That is the whole key of version 0.1, so that either version finds what the other has stored.
    """
    stored: dict[str, Strike] = {}
    for key in sorted(strikes):
        short = key.partition("/")[0]
        stored[key if short in stored else short] = strikes[key]
    return stored


def _lengthened(stored: Mapping[str, Strike]) -> dict[str, Strike]:
    strikes: dict[str, Strike] = {}
    for short, strike in stored.items():
        key = copy_key(short.partition("/")[0], strike)
        strikes[key] = join_strikes(strikes[key], strike) if key in strikes else strike
    return strikes


def _from_strike(strike: Strike) -> Item:
    item: Item = {"class": _text(strike.class_), "stream": _text(strike.stream), "at": _number(strike.at)}
    if strike.class_ == ev.ALREADY_SUPPRESSED:
        item["sent"] = _number(strike.sent)
    for name in _STRIKE_TEXTS:
        value = getattr(strike, name)
        if value is not None:
            item[name] = _text(value)
    return item


def _to_strike(item: Item) -> Strike:
    at = int(item["at"]["N"])
    sent = _n(item, "sent")
    texts = {name: item[name]["S"] for name in _STRIKE_TEXTS if name in item}
    return Strike(_s(item, "class"), _s(item, "stream"), at, at if sent is None else sent, **texts)


def _from_ruling(ruling: Ruling) -> Item:
    item: Item = {"at": _number(ruling.at), "reason": _text(ruling.reason), "why": _text(ruling.why)}
    if ruling.until is not None:
        item["until"] = _number(ruling.until)
    if ruling.by:
        item["by"] = _text(ruling.by)
    if ruling.known is not None:
        item["known"] = {"M": _from_known(ruling.known)}
    if ruling.made is not None:
        item["made"] = _number(ruling.made)
        item["lifts"] = _from_names(ruling.lifts)
    return item


def _to_ruling(item: Item) -> Ruling:
    known = _to_known(item["known"]["M"]) if "known" in item else None
    return Ruling(
        int(item["at"]["N"]),
        _n(item, "until"),
        _s(item, "reason"),
        _s(item, "why"),
        _s(item, "by"),
        known,
        _n(item, "made"),
        _to_names(_list(item, "lifts")),
    )


def _from_names(names: Iterable[Name]) -> Item:
    return {"L": [{"M": {"strike": _text(message), "at": _number(at)}} for message, at in names]}


def _to_names(entries: Iterable[Item]) -> tuple[Name, ...]:
    return tuple((_s(entry["M"], "strike"), int(entry["M"]["at"]["N"])) for entry in entries)


def _from_reach(found: Reach) -> Item:
    return {"before": _number(found.before), "named": _from_names(found.named)}


def _to_reach(item: Item) -> Reach:
    return Reach(int(item["before"]["N"]), _to_names(_list(item, "named")))


def _from_known(known: Known) -> Item:
    facts = {name: value for name, value in known._asdict().items() if value is not None}
    return {name: _text(value) if isinstance(value, str) else _number(value) for name, value in facts.items()}


def _to_known(item: Item) -> Known:
    facts: dict[str, Any] = {name: _n(item, name) if "N" in value else value["S"] for name, value in item.items()}
    return Known(**{name: value for name, value in facts.items() if name in Known._fields})


def _from_past(past: Past) -> Item:
    action = _RELEASED if past.released else _SUPPRESSED
    return {"scope": _text(past.scope), "action": _text(action), **_from_ruling(past.ruling)}


def _to_past(item: Item) -> Past:
    return Past(_s(item, "scope"), _s(item, "action") == _RELEASED, _to_ruling(item))


def _from_suppression(found: Suppression) -> Item:
    item: Item = {"scope": _text(found.scope), "reason": _text(found.reason), "since": _number(found.since)}
    if found.stream is not None:
        item["stream"] = _text(found.stream)
    if found.until is not None:
        item["until"] = _number(found.until)
    return item


def _to_suppression(item: Item) -> Suppression:
    stream = item["stream"]["S"] if "stream" in item else None
    scope = cast(Scope, _s(item, "scope"))
    return Suppression(scope, stream, _s(item, "reason"), int(item["since"]["N"]), _n(item, "until"))


def _text(value: str) -> Item:
    return {"S": value}


def _number(value: int) -> Item:
    return {"N": str(value)}


def _s(item: Mapping[str, Any], name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def _n(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None


def _map(item: Mapping[str, Any], name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", item[name]["M"]) if name in item else {}


def _list(item: Mapping[str, Any], name: str) -> list[Any]:
    return cast("list[Any]", item[name]["L"]) if name in item else []
