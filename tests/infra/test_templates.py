"""Templates as a whole: cfn-lint, and a snapshot that shows a reviewer what a change does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.synthesis import Assembly

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_SNAPSHOTS"


def test_cfn_lint_is_clean(full: Assembly, per_environment: Assembly) -> None:
    """Not a warning in any template: every kind of stack, with everything it can hold."""
    templates = [str(full.folder / f"{stack}.template.json") for stack in full.templates]
    templates += [str(per_environment.folder / f"ses-feedback-{of}.template.json") for of in ("core", "overview")]
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *templates], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "stack", ["ses-feedback-data", "ses-feedback-core", "ses-feedback-cell-0001", "ses-feedback-overview"]
)
def test_snapshot(small: Assembly, stack: str) -> None:
    """The smallest deployment, hashes of assets masked. `UPDATE_SNAPSHOTS=1` writes it anew."""
    text = json.dumps(small.templates[stack], indent=1, sort_keys=True) + "\n"
    text = re.sub(r"\b[0-9a-f]{64}\b", "<asset>", text)
    path = SNAPSHOTS / f"{stack}.json"
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert json.loads(text) == json.loads(path.read_text()), f"see what changed, then run with {UPDATE}=1"


def test_nothing_is_added_by_cdk_itself(small: Assembly) -> None:
    """No metadata resource: a cell without identities must be empty, for `cdk deploy` deletes only an empty stack."""
    assert not small.find("AWS::CDK::Metadata")


def test_stacks_belong_to_a_region_and_to_no_account(full: Assembly) -> None:
    """Synth needs no credentials: the account is known only when it is deployed."""
    for artifact in full.artifacts.values():
        assert artifact["environment"] == "aws://unknown-account/eu-west-1"
    assert "111122223333" not in str([t for n, t in full.templates.items() if not n.endswith(("core", "0001"))])
