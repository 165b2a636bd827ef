"""What asking a vendor, reading its list of symbols and listening to it have in common."""

from typing import Any

from spark_ingest_bist.jsontext import decode
from spark_ingest_bist.plausibility import Judge
from spark_ingest_bist.quotes import MalformedAnswer
from spark_ingest_bist.refusals import Refusals
from spark_ingest_bist.secretvalues import Secrets
from spark_ingest_bist.spelling import Spelling
from spark_ingest_bist.vendorcall import Filler
from spark_ingest_bist.vendormodel import Vendor


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
