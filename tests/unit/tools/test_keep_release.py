"""``make release`` keeps only what is a release, says in one line why not, and makes equal bytes of equal files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.keep_release import ReleaseError, main, packed, released_version

DATED = "## 1.2.3 (2026-11-24)\n"


def tree(folder: Path, version: str, changes: str) -> Path:
    (folder / "ses_feedback").mkdir()
    (folder / "ses_feedback" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(changes)
    return folder


def test_a_dated_version_is_a_release(tmp_path: Path) -> None:
    assert released_version(tree(tmp_path, "1.2.3", f"# Changes\n\n{DATED}"), "abc") == "1.2.3"


@pytest.mark.parametrize(
    ("version", "changes", "right"),
    [
        ("1.2.3.dev0", DATED, "must say a version such as 1.2.3"),
        ("1.2.3", "## 1.2.3 (unreleased)\n", r"the heading ## 1.2.3 \(YEAR-MONTH-DAY\)"),
        ("1.2.3", "## 11.2.3 (2026-11-24)\n", "the heading ## 1.2.3"),
        ("1.2.4", DATED, "the heading ## 1.2.4"),
    ],
)
def test_anything_else_is_not(tmp_path: Path, version: str, changes: str, right: str) -> None:
    with pytest.raises(ReleaseError, match=right):
        released_version(tree(tmp_path, version, changes), "abc")


def test_an_unknown_commit_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-commit"]) == 1
    assert capsys.readouterr() == ("", "no-such-commit: no such commit here\n")


def test_times_and_modes_have_no_part_in_the_bytes(tmp_path: Path) -> None:
    made = []
    for name, mode, when in (("a", 0o600, 1), ("b", 0o755, 2_000_000_000)):
        path = tmp_path / name / "folder" / "file.py"
        path.parent.mkdir(parents=True)
        path.write_text("x = 1\n")
        path.chmod(mode)
        os.utime(path, (when, when))
        made.append(packed(tmp_path / name))
    assert made[0] == made[1]
