"""The documents hold together: links resolve, every alarm has its page, and figures are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.alarms.kinds import KINDS, RUNBOOKS, AlarmKind
from infra.cost import monthly
from ses_feedback.config import Config, load
from ses_feedback.domain import events as ev
from ses_feedback.domain.policy import DEFAULT_POLICY
from ses_feedback.domain.times import format_duration
from tests.infra import configs

from .commands import ROOT, documents

DOCUMENTS = documents()
_LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*?)\s*$", re.MULTILINE)
_FENCED = re.compile(r"^ *```.*?^ *```\s*$", re.MULTILINE | re.DOTALL)
_PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
RUNBOOK_PARTS = ("**What happened.**", "**How bad.**", "## Look", "## Do", "## Over when")


def prose(path: Path) -> str:
    return _FENCED.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Return the anchors that a forge makes of a page's headings."""
    made = set()
    for heading in _HEADING.findall(prose(path)):
        text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        made.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return made


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_resolves(path: Path) -> None:
    """Each relative link names a file of the project, and its anchor a heading there."""
    for link in _LINK.findall(prose(path)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading; there are {sorted(anchors(target))}"


def test_every_proof_that_is_named_exists() -> None:
    """A test that a page names as proof is in the suite, by that name."""
    named = {found for path in DOCUMENTS for found in _PROOF.findall(path.read_text(encoding="utf-8"))}
    assert named
    for name, function in sorted(named):
        assert re.search(rf"^ *def {function}\(", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE), function


def test_every_kind_of_alarm_has_its_page_and_every_page_its_kind() -> None:
    """An alarm names a runbook that exists, and no runbook is left of an alarm that went."""
    named = {runbook for kind in KINDS for runbook in kind.runbooks()}
    pages = {f"{RUNBOOKS}/{path.name}" for path in (ROOT / RUNBOOKS).glob("*.md")} - {f"{RUNBOOKS}/README.md"}
    assert pages == named


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.leads_to], ids=lambda kind: kind.name)
def test_a_runbook_says_what_a_person_at_night_needs(kind: AlarmKind) -> None:
    """Each page has the same parts in the same order, a command to type, and its severity in the index."""
    text = (ROOT / RUNBOOKS / f"{kind.name}.md").read_text(encoding="utf-8")
    places = [text.find(part) for part in RUNBOOK_PARTS]
    assert -1 not in places, f"missing: {[p for p, at in zip(RUNBOOK_PARTS, places, strict=True) if at < 0]}"
    assert places == sorted(places)
    assert "```sh" in text
    index = (ROOT / RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert f"| [{kind.name}]({kind.name}.md) | {', '.join(kind.severities)} |" in index


def test_every_decision_is_in_the_index() -> None:
    """The index of decisions lists every record under its title."""
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert records
    for path in records:
        title = re.match(r"# (\d+)\. (.+)", path.read_text(encoding="utf-8"))
        assert title is not None, f"{path.name} has no title such as '# 1. …'"
        assert path.name.startswith(f"{int(title[1]):04d}-")
        assert f"]({path.name}) | {title[2]} |" in index


def test_the_costs_that_the_documents_tell_are_those_of_the_code() -> None:
    """What an identity with alarms of its own adds a month, and what the rest comes to, for the example file."""

    def total(config: Config) -> float:
        return sum(line.dollars for line in monthly(config))

    config = load(ROOT / "feedback.toml")
    one = (total(configs.many(6)) - total(configs.many(4))) / 2
    each = f"${one:.2f}"
    page = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    assert f"| **together** | | | **{each}** |" in page
    assert f"about ${round(total(configs.many(1_000)), -1):,.0f} a month" in page
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"about {each} a month for each identity" in readme
    assert f"some ${total(config) - one * len(config.identities):.0f} for the rest" in " ".join(readme.split())


def test_the_readme_tells_the_default_policy() -> None:
    """Count, window and duration of the default tiers stand in the README's table of what decides."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for class_, line in (
        (ev.SOFT_BOUNCE, "the fifth within {within} days suppresses for {length} days"),
        (ev.BLOCKED, "the fifth within {within} days suppresses the stream for {length} days"),
    ):
        (tier,) = DEFAULT_POLICY[class_]
        assert tier.count == 5
        days = [format_duration(ms).removesuffix("d") for ms in (tier.within, tier.suppress_for)]
        assert line.format(within=days[0], length=days[1]) in text


def test_the_licence_is_whole() -> None:
    """Apache-2.0 as published, with its appendix filled in."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright 2026 The ses-feedback authors" in text
