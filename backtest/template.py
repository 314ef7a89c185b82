"""Synthesises the app in this process, as `cdk synth` would, and reads its alarms."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from aws_cdk import aws_lambda as lambda_

from backtest import alarms
from infra.deployment import Settings, add_stacks, new_app
from infra.main import allocate_cells
from ses_feedback.config import Config


def alarms_of(config: Config) -> alarms.Alarms:
    """Return the alarms that a deployment of this configuration has. Raises ``SynthError`` as a synth does.

    The functions' code is left out: no alarm depends on it, and bundling it takes longer than the rest.
    """
    with tempfile.TemporaryDirectory(prefix="ses-feedback-backtest-") as folder:
        nothing, out = Path(folder, "code"), Path(folder, "out")
        nothing.mkdir()
        (nothing / "README").write_text("Played, not run.\n", encoding="utf-8")
        app = new_app(outdir=str(out))
        code = lambda_.Code.from_asset(str(nothing))
        # Whatever CDK has to say about a synth is not part of the answer.
        with contextlib.redirect_stdout(io.StringIO()):
            add_stacks(app, config=config, lock=allocate_cells(config, None), code=code, settings=Settings())
            app.synth()
        return alarms.read(out)
