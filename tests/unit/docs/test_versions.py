"""One place states the version, ``ses_feedback.__version__``; the changelog and the kept releases agree with it."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

from ses_feedback import __version__
from tests import releases

from .commands import ROOT, documents

_HEADING = re.compile(r"^## (?P<version>\S+)(?: \((?P<date>\S+)\))?$", re.MULTILINE)
_VERSION = re.compile(r"(?P<numbers>\d+\.\d+\.\d+)(?P<development>\.dev0)?")
# A sentence about the present version would be wrong after the next one.
_STATED = re.compile(r"\b[Vv]ersion \d+\.\d+")

HEADINGS = [match.groupdict() for match in _HEADING.finditer((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))]
RELEASED = [heading for heading in HEADINGS if heading["version"] != "Unreleased"]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_changelog_says_of_each_release_when_it_was() -> None:
    """The newest first, each with a day of the calendar, and no version twice."""
    dates = [datetime.date.fromisoformat(str(heading["date"])) for heading in RELEASED]
    assert dates == sorted(dates, reverse=True)
    versions = [numbers(str(heading["version"])) for heading in RELEASED]
    assert versions == sorted(set(versions), reverse=True)


def test_the_code_is_a_release_or_what_comes_after_it() -> None:
    """``1.2.3`` is dated on top of the changelog; ``1.3.0.dev0`` comes after it and has its section, unreleased."""
    version = _VERSION.fullmatch(__version__)
    assert version is not None, f"{__version__}: right is 1.2.3, or 1.2.3.dev0 while it is made"
    newest = str(RELEASED[0]["version"])
    if version["development"]:
        assert HEADINGS[0]["version"] == "Unreleased"
        assert numbers(version["numbers"]) > numbers(newest)
    else:
        assert HEADINGS[0]["version"] == version["numbers"] == newest


def test_every_release_before_this_one_is_kept() -> None:
    """``make release`` was run: else nothing proves that this version updates the last one."""
    kept = releases.versions()
    expected = [numbers(str(heading["version"])) for heading in RELEASED if heading["version"] != __version__]
    assert [version for version in kept if ".".join(map(str, version)) != __version__] == sorted(expected)


def test_no_other_file_states_the_version() -> None:
    """Pages name the changelog; the package, the description of the API and ``--version`` follow the code."""
    stating = {
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in documents()
        if path.name != "CHANGELOG.md"
        for found in _STATED.finditer(path.read_text(encoding="utf-8"))
    }
    assert stating == set()
    assert "version" not in json.loads((ROOT / "package.json").read_text())
    described = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["info"]["version"]
    assert described == __version__
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'version = { attr = "ses_feedback.__version__" }' in project
    assert not re.search(r'^version = "', project, re.MULTILINE)


def test_a_kept_release_says_which_it_is(tmp_path: Path) -> None:
    """Its name, what it says of itself and its own package agree, and it stays small."""
    path = releases.newest()
    release = releases.unpack(path, tmp_path)
    assert path.name == f"{release.version}.tar.xz"
    package = (release.product / "ses_feedback" / "__init__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{release.version}"' in package
    assert path.stat().st_size < 1_000_000
