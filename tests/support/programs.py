"""Programs that a test needs and a machine may lack."""

import shutil

from support.required import skip_or_fail


def found(*names: str) -> str:
    """Return the path of the first of ``names`` that is there; without any the test is skipped, or fails in CI."""
    return next(filter(None, map(shutil.which, names)), None) or skip_or_fail(f"no {' or '.join(names)}")
