"""One bare emulator with the small stack, for all tests of gaps."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Cloud
from tests.e2e.gaps.template import CUSTOM, FUNCTION, REGION, create, template


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A bare emulator with the template deployed."""
    folder: Path = tmp_path_factory.mktemp("gaps")
    with Cloud(folder, region=REGION) as running:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("work.py", FUNCTION)
            code.writestr("custom.py", CUSTOM)
        s3 = running.client("s3")
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="code.zip", Body=archive.getvalue())
        assert create(running, "gaps", template()) == "CREATE_COMPLETE"
        running.client("ses").verify_domain_identity(Domain="example.com")
        yield running
