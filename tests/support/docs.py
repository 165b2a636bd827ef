"""The examples of the documentation, for the tests that run them."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[2] / "docs"
GATEWAY = "http://127.0.0.1:8080"
"""What they take for the gateway's address."""


def examples(page: str, heading: str, language: str) -> list[str]:
    """Return the code blocks in one language under a heading of a page."""
    _, _, after = (_DOCS / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    assert after, f"{page} has no heading {heading!r}"
    section = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
