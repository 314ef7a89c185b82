"""The asset of the functions, built once for the benchmarks that look at it, and the time of feedback to handle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.figure import NotMeasured

ROOT: Final = Path(__file__).resolve().parents[1]
EXAMPLE: Final = ROOT / "feedback.toml"


@contextmanager
def built(*, local: bool, posts: bool = False) -> Iterator[Path]:
    """Yield the directory of a finished asset of the example configuration, as ``cdk deploy`` would ship it.

    ``local`` builds for this machine and its Python instead of Lambda's; ``posts`` is the asset of what takes posts.
    Raises ``NotMeasured``.
    """
    from infra.node import use_packaged_node

    use_packaged_node()  # before anything imports aws_cdk
    from infra.bundling import build_asset, find_python
    from infra.errors import BundlingError
    from infra.sources import MOST, POSTS, Sources
    from infra.target import LAMBDA, this_machine
    from ses_feedback.config import load
    from ses_feedback.config.loop import asset_files
    from ses_feedback.config.model import Endpoint
    from ses_feedback.config.posts import posts_files

    target = this_machine() if local else LAMBDA
    folder = Path(tempfile.mkdtemp(prefix="ses-feedback-bench-"))
    try:
        config = replace(load(EXAMPLE), endpoint=Endpoint(("arn:aws:sns:us-east-1:444455556666:ses-*",)))
        files, part = (posts_files(config), POSTS) if posts else (asset_files(config), MOST)
        sources = Sources.collect(files, target, part=part)
        build_asset(sources, folder, python=find_python(target.python))
        yield folder
    except BundlingError as error:
        raise NotMeasured(f"the asset could not be built: {error}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
