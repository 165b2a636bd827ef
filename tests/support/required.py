"""What a machine may lack: a developer's skips and says so, CI's fails, so that nothing is skipped unnoticed."""

import os
from typing import NoReturn

import pytest


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test, or fail it when this is CI."""
    if os.environ.get("CI"):
        pytest.fail(f"may not be skipped in CI: {reason}")
    pytest.skip(reason)
