"""Which symbols are wanted: a list, a file, or all that the source has."""

from pathlib import Path
from typing import Final

from spark_ingest_bist.symbols import symbol_of

ALL: Final = "*"
PULSE: Final = "XU100"
"""The index that moves whenever the market does."""

BIST_30: Final = (
    "AEFES", "AKBNK", "ASELS", "ASTOR", "BIMAS", "DSTKF", "EKGYO", "ENKAI", "EREGL", "FROTO", "GARAN", "GUBRF",
    "ISCTR", "KCHOL", "KRDMD", "MGROS", "PETKM", "PGSUS", "SAHOL", "SASA", "SISE", "TAVHL", "TCELL", "THYAO", "TOASO",
    "TRALT", "TTKOM", "TUPRS", "ULKER", "YKBNK",
)  # fmt: skip
"""As announced for the first quarter of 2026. The exchange changes it every quarter: a file can follow."""
DEFAULT: Final = (*BIST_30, "XU100", "XU030")


def read_symbols(text: str) -> tuple[str, ...]:
    """Return the symbols that ``A,B``, ``@FILE`` or ``*`` names, each once; ``*`` stays. Raises ValueError.

    A file has one symbol a line; what follows a # is a comment.
    """
    text = text.strip()
    if text.startswith("@"):
        found = _of_file(text[1:].strip())
    else:
        found = [_symbol(part) for part in text.split(",") if part.strip()]
    if not found:
        raise ValueError("it names no symbol")
    if ALL in found and len(found) > 1:
        raise ValueError("* stands alone")
    return tuple(dict.fromkeys(found))


def _of_file(path: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as exc:
        raise ValueError(f"cannot read {path!r}: {exc}; name a readable text file") from None
    found = []
    for number, line in enumerate(lines, start=1):
        word = line.partition("#")[0].strip()
        if word:
            try:
                found.append(_symbol(word))
            except ValueError as exc:
                raise ValueError(f"{path}, line {number}: {exc}") from None
    if not found:
        raise ValueError(f"{path} names no symbol")
    return found


def _symbol(text: str) -> str:
    return ALL if text.strip() == ALL else symbol_of(text)
