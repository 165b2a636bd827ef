"""What asking a vendor, reading its list of symbols and listening to it have in common."""

from collections.abc import Callable, Collection
from typing import Any

from spark_ingest_bist.jsontext import decode
from spark_ingest_bist.plausibility import Judge
from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Quote
from spark_ingest_bist.refusals import Refusals
from spark_ingest_bist.secretvalues import Secrets
from spark_ingest_bist.spelling import Spelling
from spark_ingest_bist.vendorcall import Filler
from spark_ingest_bist.vendormodel import Vendor
from spark_ingest_bist.vendorrows import BadRow, RowReader

Quoted = tuple[Quote, Malformed | None]
"""What a row says, and what had to be left out of it."""


class VendorProtocol:
    """One vendor's file, and its keys."""

    def __init__(self, vendor: Vendor, secrets: Secrets, base: str | None = None) -> None:
        """``base`` replaces scheme and host of the file's addresses."""
        self._secrets = secrets
        self._filler = Filler(secrets, base)
        self._spelling = Spelling(vendor.symbols)
        self._refusals = Refusals(vendor.errors, secrets)
        self._judge = Judge(vendor.plausible)

    def _checked(self, status: int, body: bytes) -> Any:
        """Return the JSON of an answer that is no error. Raises MalformedAnswer and Refused."""
        try:
            answer = decode(body, self._secrets.scrubbed)
        except MalformedAnswer:
            self._refusals.check_status(status, None)  # what a refusal is made of does not matter
            raise
        self._refusals.check_status(status, answer)
        self._refusals.check(answer, flagged=True)
        return answer

    def _read_rows(
        self,
        reader: RowReader,
        answer: Any,
        asked: Collection[str],
        quoted: Callable[[str, Any], Quoted | None],
    ) -> Answer:
        """Return what its rows say of ``asked``; of all that is spelled like a share or an index, if that is empty.

        ``quoted`` reads a row of a symbol; it returns None for one that is of no use by itself, and raises BadRow.
        Raises MalformedAnswer.
        """
        quotes: list[Quote] = []
        malformed: list[Malformed] = []
        ignored = 0
        for key, row in reader.rows(answer):
            symbol = None
            try:
                if not isinstance(row, dict | list):
                    raise BadRow("shape", f"a row that is a {type(row).__name__}")
                if reader.wanted(row):
                    theirs = reader.symbol(key, row)
                    symbol = next(iter(asked)) if theirs is None and asked else self._spelling.ours(theirs or "")
                if symbol is None or (asked and symbol not in asked):
                    ignored += 1
                    continue
                result = quoted(symbol, row)
            except BadRow as exc:
                malformed.append(Malformed(exc.error, self._secrets.scrubbed(exc.detail), symbol))
                continue
            if result is not None:
                quotes.append(result[0])
                malformed += [] if result[1] is None else [result[1]]
        return Answer(quotes=tuple(quotes), malformed=tuple(malformed), ignored=ignored)
