"""Laws of the configuration: a right file survives the way to Lambda, a wrong one is only ever a ConfigError."""

from __future__ import annotations

import copy
import json
import random
import tempfile
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ses_feedback import naming
from ses_feedback.config import ConfigError, directory, load, parse
from ses_feedback.config.loop import from_loop, to_loop
from ses_feedback.config.model import NOTIFIED_KINDS, PROTOCOLS, SET_KINDS, Destination
from ses_feedback.config.problems import quote
from ses_feedback.config.runtime import from_runtime, to_runtime
from ses_feedback.config.warnings import warnings
from ses_feedback.domain.events import STRIKABLE
from ses_feedback.domain.identities import Place
from ses_feedback.domain.policy import DEFAULT_POLICY, bound
from ses_feedback.domain.times import parse_duration
from tests.property.thresholds import tables

Tree = dict[str, Any]

# --- right files ------------------------------------------------------------------------------------------------------
# Drawn from few, so that names meet: a domain and its address, one stream in two environments, one team twice.
words = st.sampled_from(["a", "b7", "eu-west", "news", "0", "x" * 20, "default", "production", "mail", "z-9-z"])
domains = st.tuples(words, words).map(lambda w: f"{w[0]}.{w[1]}.example")
addresses = st.tuples(words, domains).map(lambda w: f"{w[0]}@{w[1]}")
regions = st.sampled_from(["us-east-1", "eu-west-1", "ap-southeast-2"])
role = {"role": "arn:aws:iam::111122223333:role/sns-to-firehose"}


WAYS = ("format", "raw", "max_per_second")
ways = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(["json", "text"]),
        "raw": st.booleans(),
        "max_per_second": st.integers(1, 1_000),
    },
)


def takes(destination: Tree, way: str) -> bool:
    """Whether a destination may say this of how it is delivered to."""
    if way == "format":
        return destination[way] == "json" or not destination.keys() & {"email_json", "firehose"}
    if way == "raw":
        return bool(destination.keys() & {"http", "https", "sqs", "firehose"})
    return bool(destination.keys() & {"http", "https"}) and destination.get("format") != "text"


@cache
def destinations(region: str, *, on: bool) -> st.SearchStrategy[list[Tree]]:
    """Lists of destinations of every protocol; those of teams may choose their kinds."""
    anywhere = st.sampled_from([region, "eu-central-1"])
    one = st.one_of(
        addresses.map(lambda a: {"email": a}),
        addresses.map(lambda a: {"email_json": a}),
        words.map(lambda w: {"https": f"https://{w}.example.com/ses"}),
        words.map(lambda w: {"http": f"http://{w}.example.com:8080/ses"}),
        st.integers(10**9, 10**10).map(lambda n: {"sms": f"+1{n}"}),
        st.builds(lambda w, r: {"sqs": f"arn:aws:sqs:{r}:111122223333:{w}"}, words, anywhere),
        st.builds(lambda w, r: {"lambda": f"arn:aws:lambda:{r}:111122223333:function:{w}"}, words, anywhere),
        words.map(lambda w: {"firehose": f"arn:aws:firehose:{region}:111122223333:deliverystream/{w}", **role}),
        words.map(lambda w: {"application": f"arn:aws:sns:{region}:111122223333:endpoint/GCM/{w}/1"}),
    )
    kinds = st.lists(st.sampled_from(NOTIFIED_KINDS), min_size=1, unique=True).map(lambda on: {"on": on})
    chosen = st.one_of(st.just({}), kinds) if on else st.just({})
    both = st.builds(lambda a, b, c: {**a, **b, **c}, one, chosen, ways if on else st.just({}))
    return st.lists(
        both.map(lambda d: {k: v for k, v in d.items() if k not in WAYS or takes(d, k)}),
        min_size=1,
        max_size=3,
        unique_by=lambda d: json.dumps({k: v for k, v in d.items() if k in PROTOCOLS}, sort_keys=True).lower(),
    )


durations = st.sampled_from(["90s", "15m", "12h", "30d", "2w"])
minutes = st.sampled_from(["1m", "15m", "60m"])
own_sets = st.fixed_dictionaries(
    {},
    optional={
        "events": st.lists(st.sampled_from(SET_KINDS), unique=True),
        "tls": st.sampled_from(["optional", "require"]),
        "suppress": st.lists(st.sampled_from(["bounce", "complaint"]), unique=True),
    },
)
scopes = st.one_of(st.just({}), st.sampled_from([{"scope": "stream"}, {"scope": "environment"}]))
tiers = st.one_of(
    st.builds(lambda n, s: {"count": n, "suppress_for": "forever", **s}, st.integers(1, 100), scopes),
    st.builds(lambda d, s: {"count": 1, "suppress_for": d, **s}, durations, scopes),
    st.builds(
        lambda n, d, s: {"count": n, "within": "30d", "suppress_for": d, **s}, st.integers(2, 100), durations, scopes
    ),
)


@st.composite
def right_trees(draw: st.DrawFn) -> Tree:
    """Whole configurations that are right, as `tomllib` returns them."""
    region = draw(regions)
    tree: Tree = {
        "deployment": {"region": region},
        "on_call": {"page": draw(destinations(region, on=False))},
    }
    if draw(st.booleans()):
        tree["deployment"]["name"] = draw(st.sampled_from(["a", "ses-feedback", "a-1-b", "n" * 24]))
    if draw(st.booleans()):
        others = draw(st.lists(regions.filter(lambda r: r != region), unique=True))
        tree["deployment"]["regions"] = draw(st.permutations([region, *others]))
    if draw(st.booleans()):
        tree["deployment"]["alarms"] = draw(st.sampled_from(["identity", "environment"]))
    if draw(st.booleans()):
        tree["deployment"]["overwrite"] = draw(st.booleans())
    if draw(st.booleans()):
        tree["canary"] = {"every": draw(st.sampled_from(["61m", "1d", "1w"])), "within": draw(minutes)}
    if draw(st.booleans()):
        tree["thresholds"] = draw(tables())
    if draw(st.booleans()):
        tree["on_call"]["warn"] = draw(destinations(region, on=False))
    names = draw(st.lists(words, max_size=3, unique=True))
    if names:
        tree["teams"] = {name: {"notify": draw(destinations(region, on=True))} for name in names}
    tree["identities"] = {}
    per_identity = tree["deployment"].get("alarms") != "environment"
    for name in draw(st.lists(st.one_of(domains, addresses), min_size=1, max_size=6, unique=True)):
        identity: Tree = {}
        for key, values in (
            ("environment", words),
            ("stream", words),
            ("configuration_set", st.one_of(st.booleans(), own_sets)),
            ("create", st.booleans()),
            ("canary", st.booleans()),
            ("team", st.sampled_from(names) if names else st.nothing()),
        ):
            if draw(st.booleans()) and not values.is_empty:
                identity[key] = draw(values)
        if identity.get("configuration_set", False) is not False and per_identity and draw(st.booleans()):
            identity["breaker"] = draw(st.booleans())
        if per_identity and draw(st.integers(0, 3)) == 0:
            identity["thresholds"] = draw(tables(tree.get("thresholds")))
        tree["identities"][name] = identity
    for name in names:
        sets = [i.get("configuration_set") for i in tree["identities"].values() if i.get("team") == name]
        published = sorted({kind for own in sets if isinstance(own, dict) for kind in own.get("events", ())})
        if published and draw(st.booleans()):
            tree["teams"][name]["notify"][0]["on"] = draw(st.permutations(["bounce", *published]))
    classes = draw(st.lists(st.sampled_from(STRIKABLE), max_size=3, unique=True))
    if classes:
        tree["policy"] = {class_: draw(st.lists(tiers, max_size=3)) for class_ in classes}
    return tree


@given(right_trees())
def test_every_right_configuration_survives_the_way_to_lambda(tree: Tree) -> None:
    """The directory gives the same places by source and by topic, and the policy has the same tiers."""
    loaded = parse(tree)
    runtime = from_runtime(to_runtime(loaded))
    assert runtime.deployment == loaded.deployment.name
    assert runtime.region == loaded.deployment.region
    assert set(runtime.regions) == set(loaded.deployment.regions)
    assert runtime.alarms == loaded.deployment.alarms
    assert dict(runtime.policy) == dict(loaded.policy)
    assert list(loaded.identities) == list(tree["identities"])
    for environment in loaded.environments():
        assert runtime.streams(environment) == loaded.streams(environment)
    for name, stated in tree["identities"].items():
        place = Place(name, stated.get("environment", "production"), stated.get("stream", "default"))
        source = name if "@" in name else f"somebody@{name}"
        for known in (runtime.directory, directory(loaded)):
            by_arn = known.resolve(f"arn:aws:ses:us-east-1:111122223333:identity/{name}", None, None)
            assert by_arn == place
            if "@" in name or source not in tree["identities"]:
                assert known.resolve(None, source, None) == place
            for kind in loaded.identities[name].kinds:
                topic = naming.topic_name(loaded.deployment.name, kind, name)
                assert known.resolve(None, None, f"arn:aws:sns:us-east-1:111122223333:{topic}") == place


@given(right_trees())
def test_every_right_configuration_comes_back_from_the_file_of_the_loop(tree: Tree) -> None:
    """Nothing is lost but the order of what has none, and reading it again writes the same text."""
    loaded = parse(tree)
    back = from_loop(to_loop(loaded))
    assert to_loop(back) == to_loop(loaded)
    assert to_runtime(back) == to_runtime(loaded)
    assert sorted(warnings(back)) == sorted(warnings(loaded))
    assert set(back.deployment.regions) == set(loaded.deployment.regions)
    assert back.deployment.overwrite == tree["deployment"].get("overwrite", False)
    assert (back.canary, dict(back.policy)) == (loaded.canary, dict(loaded.policy))
    assert back.thresholds == loaded.thresholds
    assert set(back.teams) == set(loaded.teams)
    for name, team in loaded.teams.items():
        assert {unordered(d) for d in back.teams[name].notify} == {unordered(d) for d in team.notify}
    for severity in ("page", "warn"):
        assert set(getattr(back.on_call, severity)) == set(getattr(loaded.on_call, severity))
    assert set(back.identities) == set(loaded.identities)
    for name, identity in loaded.identities.items():
        own, before = back.identities[name].configuration_set, identity.configuration_set
        assert replace(back.identities[name], configuration_set=None) == replace(identity, configuration_set=None)
        assert (own is None) == (before is None)
        if own and before:
            assert (own.tls, set(own.events), own.suppress is None) == (
                before.tls,
                set(before.events),
                before.suppress is None,
            )
            assert set(own.suppress or ()) == set(before.suppress or ())


def unordered(destination: Destination) -> Destination:
    return replace(destination, on=tuple(sorted(destination.on)))


@given(right_trees())
def test_every_warning_is_one_line_with_a_path_into_the_file(tree: Tree) -> None:
    """Of a right configuration, whatever its names are."""
    for line in warnings(parse(tree)):
        path, colon, reason = line.partition(": ")
        assert path.partition(".")[0] in ("teams", "identities")
        assert colon
        assert reason
        assert line.isprintable()


@given(right_trees())
def test_the_policy_is_what_the_file_states_and_the_defaults_elsewhere(tree: Tree) -> None:
    """Tier by tier, within what an item can hold, and never a window where none counts."""
    policy = parse(tree).policy
    stated = tree.get("policy", {})
    for class_ in STRIKABLE:
        if class_ not in stated:
            assert policy.get(class_) == DEFAULT_POLICY.get(class_)
            continue
        assert [tier.count for tier in policy[class_]] == [t["count"] for t in stated[class_]]
        assert [tier.suppress_for for tier in policy[class_]] == [
            parse_duration(t["suppress_for"]) for t in stated[class_]
        ]
        for tier in policy[class_]:
            assert bound(tier) <= 400
            assert (tier.within is None) == (tier.count == 1 or tier.suppress_for is None)


# --- the same file, written otherwise ---------------------------------------------------------------------------------
def written(tree: Tree, style: random.Random) -> str:
    """Return a tree as TOML: keys in any order, with comments, inline or not, quoted more than they must be."""
    lines = ["# " + "".join(style.choices("abc =[]\"'#", k=12))]

    def key(name: str) -> str:
        return name if style.random() < 0.5 and name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)

    def value(of: Any) -> str:
        if isinstance(of, dict):
            return "{ " + ", ".join(f"{key(k)}{pad()}={pad()}{value(v)}" for k, v in shuffled(of)) + " }"
        if isinstance(of, list):
            between = style.choice([", ", " ,\n  # between\n  "])
            return "[" + between.join(value(v) for v in of) + style.choice(["]", ",]" if of else "]"])
        return json.dumps(of)

    def pad() -> str:
        return style.choice(["", " ", "\t"])

    def shuffled(of: Tree) -> list[tuple[str, Any]]:
        return style.sample(list(of.items()), len(of))

    for name, section in shuffled(tree):
        inner = [(k, v) for k, v in shuffled(section) if isinstance(v, dict) and style.random() < 0.7]
        lines.append(f"[{pad()}{key(name)}{pad()}]{pad()}# a comment")
        lines += [f"{key(k)}{pad()}={pad()}{value(v)}" for k, v in shuffled(section) if k not in dict(inner)]
        for k, table in inner:
            lines.append(f"[{key(name)}.{key(k)}]" + style.choice(["", "\n", " # x"]))
            lines += [f"{key(i)} = {value(v)}{pad()}" for i, v in shuffled(table)]
    return style.choice(["\n", "\r\n"]).join("\n".join(lines).split("\n")) + "\n"


@given(right_trees(), st.integers(0, 2**32))
def test_how_a_file_is_written_changes_nothing_that_is_shipped(tree: Tree, style: int) -> None:
    """Comments, order of keys, spacing, quoting, line ends: the same runtime configuration, letter for letter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feedback.toml"
        path.write_bytes(written(tree, random.Random(style)).encode())
        loaded = load(path)
    assert to_runtime(loaded) == to_runtime(parse(tree))
    assert to_loop(loaded) == to_loop(parse(tree))
    assert dict(loaded.teams) == dict(parse(tree).teams)
    assert loaded.on_call == parse(tree).on_call


# --- wrong files ------------------------------------------------------------------------------------------------------
names = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            *("deployment", "name", "region", "identities", "page", "on", "email", "role", "notify", "policy", "count"),
            *("breaker", "canary", "every", "within", "configuration_set", "events", "suppress", "format", "raw"),
            *("max_per_second", "thresholds", "complaint", "warn", "fast_window", "slow_floor"),
        ]
    ),
)
scalars = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "forever",
            "14d",
            "4%",
            "text",
            "open",
            "bounce",
            "arn:aws:sns:us-east-1:111122223333:x",
            "https://u:p@x/",
            "a@b.example",
            "*.x.y",
            "🦄.x",
        ]
    ),
    st.integers(),
    st.just(16**40),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
)
values = st.recursive(
    scalars, lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(names, v, max_size=3)), max_leaves=6
)


def checked(tree: Tree) -> None:
    """Parse a tree; whatever is wrong with it must come as lines of path and reason."""
    try:
        parse(tree)
    except ConfigError as error:
        assert error.problems
        for line in error.problems:
            assert line.isprintable()
            path, colon, reason = line.partition(": ")
            assert path
            assert colon
            assert reason
        assert len(set(error.problems)) == len(error.problems)


@given(st.dictionaries(names, values, max_size=5))
def test_any_tree_is_right_or_a_configuration_error(tree: Tree) -> None:
    """Nothing that TOML can hold makes the loader fail otherwise, or answer with more than one line a problem."""
    checked(tree)


@given(right_trees(), st.data())
def test_any_one_wrong_value_is_right_or_a_configuration_error(tree: Tree, data: st.DataObject) -> None:
    """Deep inside an otherwise right file too."""
    broken = copy.deepcopy(tree)
    node: Any = broken
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        step = data.draw(st.sampled_from(keys))
        child = node[step]
        if not isinstance(child, (dict, list)) or not child or data.draw(st.booleans()):
            break
        node = child
    if isinstance(node, dict) and data.draw(st.booleans()):
        node[data.draw(names)] = data.draw(values)
    else:
        node[step] = data.draw(values)
    checked(broken)


@given(st.one_of(st.binary(max_size=60), st.text(alphabet="[]{}=\"'.#\n\\ax1-é\x00", max_size=60).map(str.encode)))
def test_any_bytes_are_a_configuration_or_a_configuration_error(content: bytes) -> None:
    """Whatever stands in the file, no other exception reaches its reader."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feedback.toml"
        path.write_bytes(content)
        try:
            load(path)
        except ConfigError as error:
            assert all(line.isprintable() for line in error.problems)


@given(st.text())
def test_a_quoted_text_is_the_same_text_to_toml(text: str) -> None:
    """Paths and values of problems can be pasted into the file."""
    assert tomllib.loads(f"x = {quote(text)}")["x"] == text
