"""The CDK app: `cdk synth` and `cdk deploy` run it. It needs neither credentials nor an account."""

from __future__ import annotations

import sys

from infra.node import use_packaged_node

use_packaged_node()

from infra.main import main  # noqa: E402 - jsii looks for Node when aws_cdk is imported

if __name__ == "__main__":
    sys.exit(main())
